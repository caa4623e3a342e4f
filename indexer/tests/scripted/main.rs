//! The engine against endpoints on real sockets that serve a chain from memory: it grows, forks and is cut back by
//! chance or as a real node's once did, and they do to it what endpoints do. Whatever happens, the log ends on the chain, a live subscriber's book
//! is the chain's, and a replay from any cursor says what live said.

mod chain;
mod clock;
mod disk;
mod endpoint;
mod faults;
#[path = "../../../store/tests/support/full_disk.rs"]
mod full_disk;
mod random;
mod recorded;
#[path = "../recording/mod.rs"]
mod recording;
mod replay;
mod running;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy::json_abi::JsonAbi;
use chain::Chain;
use endpoint::Endpoint;
use random::{CHAIN_ID, Random, contract};
use tokio_util::sync::CancellationToken;
use wia_abi::BlockNumber;
use wia_indexer::{Config, Contract, Endpoint as Urls, Filter, Kind, Push, Start, Subscription};
use wia_protocol::carbon::Channel;
use wia_store::Store;

const MAX_DEPTH: u64 = 6;
const STEPS: u64 = 25;

fn config(endpoints: Vec<Urls>) -> Config {
    let abi =
        JsonAbi::parse(["event Transfer(address indexed from, address indexed to, uint256 value)"]).unwrap();
    let credit = Contract {
        name: "CarbonCredit".into(),
        address: contract(),
        kind: Kind::Credit,
        abi,
        balances: true,
    };
    Config {
        max_reorg_depth: MAX_DEPTH,
        final_confirmations: 4,
        reorg_patience_ms: 2,
        poll_interval_ms: 1,
        head_check_interval_ms: 1,
        request_timeout_ms: 200,
        retry_min_ms: 1,
        retry_max_ms: 2,
        max_log_range_blocks: 13,
        recent_entries: 4,
        ..Config::new(CHAIN_ID, endpoints, vec![credit], BlockNumber(1))
    }
}

fn filter() -> Filter {
    let addresses = (1..=random::ACCOUNTS).map(random::account).collect();
    Filter { user_id: "USER-2025-001".into(), addresses, channels: Channel::ALL.into() }
}

#[tokio::test]
async fn by_chance_everything_holds() {
    let of = |name: &str| std::env::var(name).ok().and_then(|s| s.parse::<u64>().ok());
    let (first, lives) = (of("WIA_TEST_SEED").unwrap_or(1), of("WIA_TEST_LIVES").unwrap_or(8));
    for seed in first..first + lives {
        println!("WIA_TEST_SEED={seed}");
        one_life(seed).await;
    }
}

async fn one_life(seed: u64) {
    let mut random = Random::new(seed);
    let chain = Arc::new(Mutex::new(Chain::new()));
    let endpoint = Endpoint::serve(chain.clone(), seed.is_multiple_of(2)).await;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut live: Vec<Push> = Vec::new();
    for life in 0..3 {
        let (engine, indexer) = wia_indexer::open(&store, config(vec![endpoint.urls()])).unwrap();
        let start = live.last().map_or(Start::Now, |p| Start::After(p.cursor().to_owned()));
        let mut subscription = indexer.subscribe(filter(), start).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(engine.run(stop.clone()));
        for _ in 0..STEPS {
            let heads = chain.lock().unwrap().step(&mut random, MAX_DEPTH);
            endpoint.push(heads);
            // Often several steps between two looks.
            if random.below(3) > 0 {
                caught_up(&indexer, &chain).await;
            }
            if random.below(2) == 0 {
                drain(&mut subscription, &mut live).await;
            }
        }
        let heads = chain.lock().unwrap().settle(&mut random);
        endpoint.push(heads);
        caught_up(&indexer, &chain).await;
        for ((_, account), balance) in chain.lock().unwrap().balances() {
            assert_eq!(indexer.balance_of(*account).unwrap().0, *balance, "seed {seed}, life {life}");
        }
        drain(&mut subscription, &mut live).await;
        for start in (0..live.len()).step_by(1 + live.len() / 10) {
            let from = Start::After(live[start].cursor().to_owned());
            let mut replayed = Vec::new();
            drain(&mut indexer.subscribe(filter(), from).unwrap(), &mut replayed).await;
            let same = replayed == live[start + 1..];
            assert!(same, "seed {seed}, life {life}: the replay from push {start} is another");
        }
        stop.cancel();
        running.await.unwrap().unwrap();
    }
    assert!(live.len() > 100, "seed {seed}: {} pushes", live.len());
}

/// All pushes that are there without waiting.
async fn drain(subscription: &mut Subscription, into: &mut Vec<Push>) {
    loop {
        tokio::select! {
            biased;
            push = subscription.next() => into.push(push.unwrap()),
            () = tokio::task::yield_now() => return,
        }
    }
}

async fn caught_up(indexer: &wia_indexer::Indexer, chain: &Mutex<Chain>) {
    // Block 0 is not indexed.
    let expected = || {
        let head = chain.lock().unwrap().head().clone();
        (head.number > 0).then_some(head.hash)
    };
    let reached = async {
        while indexer.head().map(|h| h.hash) != expected() {
            tokio::task::yield_now().await;
        }
    };
    let health = || format!("{:?}", indexer.health());
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap_or_else(|_| panic!("{}", health()));
}
