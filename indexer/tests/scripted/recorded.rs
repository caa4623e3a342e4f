//! The indexer against chains that a real node had ([`crate::replay`]): whatever they do, and however their heads come,
//! it says what the node said, and its readers can put the chain together again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use wia_indexer::{Config, EventsFrom, Message, VerifyReceipts};

use crate::endpoint::Fault;
use crate::recording::folder;
use crate::replay::{FINAL, Memory, Replay, all};
use crate::running::{Reader, Running};

/// What the node remembers, and whether it pushes heads.
const NODES: [(Memory, bool); 4] = [
    (Memory::Recorded, false),
    (Memory::Everything, true),
    (Memory::Recorded, true),
    (Memory::Everything, false),
];

/// One who hears everything at once and what becomes final, one who waits a little, and one who waits for the final.
fn readers() -> [Reader; 3] {
    [Reader::new(0, true), Reader::new(3, true), Reader::new(FINAL, false)]
}

fn open(readers: &mut [Reader], running: &Running) {
    readers.iter_mut().for_each(|reader| reader.open(&running.indexer));
}

/// At the end of a recording: the readers have the chain as the node told it in one answer, and whoever reads it again
/// from any place hears what they heard from there on.
async fn is_whole(replay: &Replay, running: &Running, readers: &[Reader]) {
    assert_eq!(readers[0].standing, replay.of.recording.end.events);
    for reader in readers {
        let told: Vec<_> = reader.told.iter().map(Message::json).collect();
        assert_eq!(reader.another(&running.indexer, &EventsFrom::Oldest).await, told);
        for place in (0..told.len()).step_by(1 + told.len() / 3) {
            let from = EventsFrom::After(reader.told[place].cursor());
            assert_eq!(reader.another(&running.indexer, &from).await, told[place + 1..], "after {place}");
        }
    }
}

async fn step_by_step(replay: &mut Replay, config: Config) {
    let (running, mut readers) = (Running::start(config), readers());
    open(&mut readers, &running);
    replay.agrees(&running, &mut readers).await;
    while replay.show() {
        replay.agrees(&running, &mut readers).await;
    }
    is_whole(replay, &running, &readers).await;
    running.stop().await;
}

#[test]
fn recordings_are_read_as_they_were_written() {
    for of in all() {
        let path = folder().join(&of.name).with_extension("jsonl");
        assert_eq!(of.recording.text(), std::fs::read_to_string(path).unwrap(), "{}", of.name);
    }
}

#[tokio::test]
async fn each_step_is_followed() {
    for (turn, of) in all().into_iter().enumerate() {
        // Each is polled and pushed, and those that forget and those that do not take turns.
        for (memory, pushes) in NODES[2 * (turn % 2)..][..2].iter().copied() {
            println!("{}, {memory:?}, heads are pushed: {pushes}", of.name);
            let mut replay = Replay::new(of.clone(), memory, &[pushes]).await;
            let config = replay.config();
            step_by_step(&mut replay, config).await;
        }
    }
}

#[tokio::test]
async fn each_break_is_survived_while_the_chain_is_read_for_the_first_time() {
    for of in all() {
        for (turn, place) in of.breaks().into_iter().enumerate() {
            let (memory, pushes) = NODES[turn % NODES.len()];
            println!("{}, {memory:?}, heads are pushed: {pushes}, step {place}", of.name);
            let mut replay = Replay::new(of.clone(), memory, &[pushes]).await;
            replay.show_until(place);
            let narrow = Config { max_log_range_blocks: 3, backfill_ranges_in_flight: 2, ..replay.config() };
            let (running, mut readers) = (Running::start(narrow), readers());
            open(&mut readers, &running);
            running.until("something is there", |i| i.head().is_some()).await;
            replay.show();
            running.reaches(replay.step().head).await;
            while replay.show() {}
            replay.agrees(&running, &mut readers).await;
            running.stop().await;
        }
    }
}

#[tokio::test]
async fn what_happens_between_two_lives_is_made_up_for() {
    for of in all() {
        for (memory, pushes) in [NODES[1], NODES[2]] {
            println!("{}, {memory:?}, heads are pushed: {pushes}", of.name);
            let mut replay = Replay::new(of.clone(), memory, &[pushes]).await;
            let (mut readers, config) = (readers(), replay.config());
            let mut running = Running::start(config.clone());
            for life in 1.. {
                open(&mut readers, &running);
                replay.agrees(&running, &mut readers).await;
                if !replay.show() {
                    break;
                }
                replay.agrees(&running, &mut readers).await;
                readers.iter_mut().for_each(Reader::close);
                let folder = running.stop().await;
                // Up to eight steps that nobody sees.
                replay.show_until(replay.shown + 1 + life % 8);
                running = Running::resume(folder, config.clone());
            }
            is_whole(&replay, &running, &readers).await;
            running.stop().await;
        }
    }
}

#[tokio::test]
async fn receipts_of_a_real_node_prove_what_it_leaves_out() {
    for of in all() {
        for (fault, verify_receipts) in
            [(Some(Fault::DropsLogs), VerifyReceipts::Suspicion), (None, VerifyReceipts::Always)]
        {
            println!("{}, {fault:?}", of.name);
            let mut replay = Replay::new(of.clone(), Memory::Recorded, &[false]).await;
            replay.endpoints[0].set(fault);
            let config = Config { verify_receipts, ..replay.config() };
            step_by_step(&mut replay, config).await;
            assert!(replay.endpoints[0].was_asked("eth_getBlockReceipts"));
        }
    }
}

#[tokio::test]
async fn an_endpoint_with_old_heads_holds_nobody_up() {
    for of in all() {
        println!("{}", of.name);
        let mut replay = Replay::new(of.clone(), Memory::Everything, &[false, true]).await;
        replay.endpoints[0].set(Some(Fault::OldHeads(3)));
        let config = replay.config();
        step_by_step(&mut replay, config).await;
    }
}

/// By contract, which events it emitted, `None` for those that no ABI knows.
#[tokio::test]
async fn events_are_told_in_the_words_of_an_abi_or_as_they_are() {
    let of = all().into_iter().find(|of| of.name == "contracts").expect("there is one of that name");
    let mut replay = Replay::new(of, Memory::Recorded, &[false]).await;
    while replay.show() {}
    let (running, mut readers) = (Running::start(replay.config()), readers());
    open(&mut readers, &running);
    replay.agrees(&running, &mut readers).await;
    let mut told: BTreeMap<String, BTreeSet<(Option<String>, usize)>> = BTreeMap::new();
    for message in readers[0].told.iter().map(|m| serde_json::from_str::<Value>(&m.json()).unwrap()) {
        let event = message["event"].as_str().map(str::to_owned);
        let topics = message["topics"].as_array().unwrap().len();
        told.entry(message["contractName"].as_str().unwrap().to_owned()).or_default().insert((event, topics));
    }
    let known = |event: &str, topics| (Some(event.to_owned()), topics);
    assert!(told["CarbonCredit"].contains(&known("Transfer", 3)) && told["CarbonCredit"].len() > 3);
    assert_eq!(told["TestUSD"], [known("Transfer", 3)].into());
    assert_eq!(told["Unlisted"], [(None, 3)].into());
    assert_eq!(
        ["Logger0", "Logger1", "Logger4"].map(|n| &told[n]),
        [0, 1, 4].map(|n| [(None, n)].into()).each_ref()
    );
    running.stop().await;
}
