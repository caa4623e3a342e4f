//! The log against a model: whatever is appended reads back, balances are those of the canonical chain, and
//! closing and opening changes nothing.

use alloy::json_abi::JsonAbi;
use alloy::primitives::Address;
use proptest::prelude::*;

use super::*;
use crate::Endpoint;
use crate::chain::catalog::{Contract, Kind};
use crate::log::entry::{EventRecord, TRANSFER};

mod retention;

const CONTRACT: Address = Address::repeat_byte(0xcc);
const ALICE: Address = Address::repeat_byte(1);
const BOB: Address = Address::repeat_byte(2);

fn config() -> Config {
    let endpoint = Endpoint { http_url: "http://localhost".into(), ws_url: None };
    Config::new(7, vec![endpoint], vec![contract(CONTRACT)], BlockNumber(1))
}

fn contract(address: Address) -> Contract {
    let name = address.to_string();
    Contract { name, address, kind: Kind::Credit, abi: JsonAbi::new(), balances: true }
}

fn block(number: u64, fork: u8, parent_fork: u8, transfers: &[(Address, Address, u64)]) -> Block {
    let hash = |number: u64, fork| {
        let mut hash = B256::with_last_byte(fork);
        hash[..8].copy_from_slice(&number.to_be_bytes());
        hash
    };
    let record = |(i, &(from, to, value)): (usize, &(Address, Address, u64))| EventRecord {
        log_index: i as u64,
        transaction: 0,
        contract: CONTRACT,
        topics: vec![TRANSFER, from.into_word(), to.into_word()],
        data: U256::from(value).to_be_bytes_vec().into(),
    };
    Block {
        number: BlockNumber(number),
        hash: hash(number, fork),
        parent_hash: hash(number - 1, parent_fork),
        timestamp_s: number,
        transactions: transfers.first().map(|_| B256::ZERO).into_iter().collect(),
        events: transfers.iter().enumerate().map(record).collect(),
        opening: Vec::new(),
    }
}

fn commit(blocks: Vec<Block>) -> ChainChange {
    ChainChange { old: vec![], new: blocks }
}

fn append(log: &Log, change: ChainChange) -> Result<(Vec<Entry>, Option<Head>), IndexerError> {
    let prepared = log.prepare(change)?;
    log.append(&prepared)?;
    Ok(prepared.into_entries())
}

fn balance(log: &Log, account: Address) -> u64 {
    log.balance((CONTRACT, account)).unwrap().to()
}

#[test]
fn a_reorganisation_undoes_and_redoes_in_one_step_and_survives_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (a1, a2) =
        (block(1, b'a', 0, &[(Address::ZERO, ALICE, 10)]), block(2, b'a', b'a', &[(ALICE, BOB, 4)]));
    let b2 = block(2, b'b', b'a', &[(ALICE, BOB, 1), (ALICE, BOB, 1)]);
    {
        let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
        append(&log, commit(vec![a1.clone(), a2.clone()])).unwrap();
        assert_eq!((balance(&log, ALICE), balance(&log, BOB)), (6, 4));
        let (entries, head) =
            append(&log, ChainChange { old: vec![a2.reference()], new: vec![b2.clone()] }).unwrap();
        assert_eq!(head, Some(b2.head()));
        // a1 took 0 and 1, a2 took 2 and 3.
        assert_eq!(entries.iter().map(|e| e.offset.0).collect::<Vec<_>>(), [4, 6]);
        assert_eq!(entries[0].change, Change::Retracted { committed_at: Offset(2) });
        assert_eq!(entries[0].event_offset(0), Offset(3));
    }
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
    assert_eq!((balance(&log, ALICE), balance(&log, BOB)), (8, 2));
    assert_eq!(log.end(), End { offset: Offset(9), head: Some((b2.head(), Offset(6))) });
    assert_eq!(log.recent(10).unwrap(), [a1.reference(), b2.reference()]);
    assert_eq!(log.recent(1).unwrap(), [b2.reference()]);
    assert!(log.find(Offset(1)).unwrap().is_none());
    assert_eq!(log.entry(Offset(4)).unwrap().block.hash, a2.hash);
}

#[test]
fn a_block_that_came_back_is_found_as_it_was_at_each_point() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
    let (a, b) = (block(1, b'a', 0, &[]), block(1, b'b', 0, &[]));
    append(&log, commit(vec![a.clone()])).unwrap();
    append(&log, ChainChange { old: vec![a.reference()], new: vec![b.clone()] }).unwrap();
    append(&log, ChainChange { old: vec![b.reference()], new: vec![a.clone()] }).unwrap();
    // Entries: 0 +a, 1 −a, 2 +b, 3 −b, 4 +a.
    for (before, found) in [(0, None), (1, Some(0)), (4, Some(0)), (5, Some(4))] {
        assert_eq!(
            log.committed_before(a.hash, Offset(before)).unwrap().map(|e| e.offset),
            found.map(Offset),
            "before {before}"
        );
    }
    assert_eq!(log.recent(5).unwrap(), [a.reference()]);
}

#[test]
fn what_does_not_fit_is_refused_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::open(&Store::open(folder.path()).unwrap(), &config()).unwrap();
    append(&log, commit(vec![block(1, b'a', 0, &[(Address::ZERO, ALICE, 10)])])).unwrap();
    let before = log.end();
    for change in [
        commit(vec![block(3, b'a', b'a', &[])]),
        commit(vec![block(2, b'a', b'b', &[])]),
        commit(vec![block(2, b'a', b'a', &[(ALICE, BOB, 3)]), block(3, b'a', b'a', &[(BOB, ALICE, 4)])]),
        ChainChange { old: vec![block(1, b'b', 0, &[]).reference()], new: vec![] },
    ] {
        append(&log, change).unwrap_err();
    }
    assert_eq!(log.end(), before);
    assert_eq!((balance(&log, ALICE), balance(&log, BOB)), (10, 0));
}

#[tokio::test]
async fn a_log_of_something_else_is_refused_with_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let log = Log::open(&store, &config()).unwrap();
    log.bind_genesis(B256::repeat_byte(1)).await.unwrap();
    log.bind_genesis(B256::repeat_byte(1)).await.unwrap();
    assert!(log.bind_genesis(B256::repeat_byte(2)).await.unwrap_err().to_string().contains("block 0"));
    drop(log);
    let other = [
        (Config { chain_id: 8, ..config() }, "chain 7, now it is 8"),
        (Config { contracts: vec![contract(ALICE)], ..config() }, "contracts"),
        (Config { first_block: BlockNumber(2), ..config() }, "first block"),
    ];
    for (config, text) in other {
        let error = Log::open(&store, &config).err().unwrap().to_string();
        assert!(error.contains(text) && error.contains("empty data folder"), "{error}");
    }
}

/// A log with `blocks` blocks, of which each third is replaced by another once, one change at a time.
async fn winding(log: &Log, blocks: u64) {
    let mut parent = 0;
    for number in 1..=blocks {
        let transfers = [(Address::ZERO, ALICE, 10), (ALICE, BOB, number % 7)];
        let first = block(number, b'a', parent, &transfers);
        append(log, commit(vec![first.clone()])).unwrap();
        parent = b'a';
        if number % 3 == 0 {
            let other = block(number, b'b', if number > 1 { previous(number) } else { 0 }, &transfers[..1]);
            append(log, ChainChange { old: vec![first.reference()], new: vec![other] }).unwrap();
            parent = b'b';
        }
        log.durable().await.unwrap();
    }
}

/// Which of both blocks stands at the height below.
fn previous(number: u64) -> u8 {
    if (number - 1).is_multiple_of(3) && number > 1 { b'b' } else { b'a' }
}

#[tokio::test]
async fn heights_and_hashes_are_found_whether_or_not_they_were_written_to_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let log = Log::open(&store, &config()).unwrap();
    winding(&log, 40).await;
    let check = |log: &Log| {
        for number in 1..=40_u64 {
            let fork = if number % 3 == 0 { b'b' } else { b'a' };
            let stands = log.canonical(BlockNumber(number)).unwrap().unwrap();
            assert_eq!(stands.block.reference(), block(number, fork, 0, &[]).reference());
            assert!(!stands.is_retraction());
            let gone = log.last_commit_of(block(number, b'a', 0, &[]).hash).unwrap().unwrap();
            assert_eq!(gone.block.number, BlockNumber(number));
        }
        assert!(log.canonical(BlockNumber(41)).unwrap().is_none());
        assert!(log.last_commit_of(B256::ZERO).unwrap().is_none());
    };
    check(&log);
    log.0.derived.write_portion().unwrap();
    check(&log);
    let of_bob = [vec![Key::Topic(BOB.into_word())]];
    let (offsets, next) = log.portion(&of_bob, Offset(0), Offset(u64::MAX)).unwrap();
    assert!(offsets.len() >= 40, "each first block paid Bob: {}", offsets.len());
    assert_eq!(next, Some(log.end().offset));
    assert_eq!(log.portion(&of_bob, next.unwrap(), Offset(u64::MAX)).unwrap(), (vec![], None));
    drop(log);
    check(&Log::open(&store, &config()).unwrap());
}

#[tokio::test]
async fn what_is_derived_is_read_back_after_any_loss_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let log = Log::open(&store, &config()).unwrap();
    winding(&log, 20).await;
    let (alice, bob, events) = (balance(&log, ALICE), balance(&log, BOB), log.events());
    assert!(bob > 0 && events > 20);
    let tree = log.0.tree.clone();
    drop(log);
    for key in tree.iter().keys().map(Result::unwrap).filter(|k| *k != b"midentity") {
        tree.remove(key).unwrap();
    }
    let log = Log::open(&store, &config()).unwrap();
    assert_eq!((balance(&log, ALICE), balance(&log, BOB), log.events()), (alice, bob, events));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However the chain winds, with the index written at whatever moment and the log opened anew: balances, events
    /// and heights are those of the chain as it stands.
    #[test]
    fn the_log_is_what_the_chain_is(
        steps in prop::collection::vec((0_u64..4, 1_u64..4, 0_u64..5, any::<bool>(), any::<bool>()), 1..24),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut log = Log::open(&store, &config()).unwrap();
        let mut model: Vec<Block> = Vec::new();
        for (step, (back, forward, value, write, reopen)) in steps.into_iter().enumerate() {
            let keep = model.len() - usize::try_from(back).unwrap().min(model.len());
            let old = model.drain(keep..).rev().map(|b| b.reference()).collect();
            let mut new = Vec::new();
            for _ in 0..forward {
                let number = model.len() as u64 + 1;
                let transfers = [(Address::ZERO, ALICE, value), (Address::ZERO, BOB, 1), (BOB, ALICE, 1)];
                let mut block = block(number, step as u8, 0, &transfers[..(value as usize).min(3)]);
                if value == 2 {
                    block.events.pop();
                }
                block.parent_hash = model.last().map_or(B256::ZERO, |b: &Block| b.hash);
                model.push(block.clone());
                new.push(block);
            }
            append(&log, ChainChange { old, new }).unwrap();
            if write {
                log.0.journal.sync().unwrap();
                log.0.derived.write_portion().unwrap();
            }
            if reopen {
                drop(log);
                log = Log::open(&store, &config()).unwrap();
            }
        }
        let paid = |who: Address| -> i64 {
            let moved = model.iter().flat_map(|b| &b.events).filter_map(EventRecord::transfer);
            moved.map(|t| {
                let value = i64::try_from(t.value.to::<u64>()).unwrap();
                i64::from(t.to == who) * value - i64::from(t.from == who) * value
            }).sum()
        };
        for who in [ALICE, BOB] {
            prop_assert_eq!(i64::try_from(balance(&log, who)).unwrap(), paid(who));
        }
        prop_assert_eq!(log.events(), model.iter().map(|b| b.events.len() as u64).sum::<u64>());
        let stands = log.recent(u64::MAX).unwrap();
        prop_assert_eq!(&stands, &model.iter().map(Block::reference).collect::<Vec<_>>());
        for block in &model {
            prop_assert_eq!(log.canonical(block.number).unwrap().unwrap().block.hash, block.hash);
        }
    }
}
