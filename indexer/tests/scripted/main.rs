//! The engine against a chain in memory that grows, forks and is cut back by chance: whatever happens, the log
//! ends on the chain, a live subscriber's book is the chain's, and a replay from any cursor says what live said.

mod endpoint;

use std::sync::Arc;
use std::time::Duration;

use endpoint::{Endpoint, Random, contract};
use tokio_util::sync::CancellationToken;
use wia_abi::BlockNumber;
use wia_indexer::{Config, Filter, Push, Start, Subscription};
use wia_protocol::carbon::Channel;
use wia_store::Store;

const MAX_DEPTH: u64 = 6;
const STEPS: u64 = 25;

fn config() -> Config {
    Config {
        max_reorg_depth: MAX_DEPTH,
        final_confirmations: 4,
        reorg_patience_ms: 2,
        poll_interval_ms: 1,
        head_check_interval_ms: 1,
        retry_min_ms: 1,
        retry_max_ms: 2,
        max_log_range_blocks: 3,
        recent_entries: 4,
        ..Config::new(7, "http://unused", None, vec![contract()], BlockNumber(1))
    }
}

fn filter() -> Filter {
    let addresses = (1..=endpoint::ACCOUNTS).map(endpoint::account).collect();
    Filter { user_id: "USER-2025-001".into(), addresses, channels: Channel::ALL.into() }
}

#[tokio::test]
async fn by_chance_everything_holds() {
    let first: u64 = std::env::var("WIA_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    for seed in first..first + 8 {
        println!("WIA_TEST_SEED={seed}");
        one_life(seed).await;
    }
}

async fn one_life(seed: u64) {
    let mut random = Random::new(seed);
    let endpoint = Arc::new(Endpoint::new(seed.is_multiple_of(2)));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let mut live: Vec<Push> = Vec::new();
    for life in 0..3 {
        let connector = Box::new(endpoint.connector());
        let (engine, indexer) = wia_indexer::open_with(&store, config(), connector).unwrap();
        let start = live.last().map_or(Start::Now, |p| Start::After(p.cursor().to_owned()));
        let mut subscription = indexer.subscribe(filter(), start).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(engine.run(stop.clone()));
        for _ in 0..STEPS {
            endpoint.step(&mut random, MAX_DEPTH);
            // Often several steps between two looks.
            if random.below(3) > 0 {
                caught_up(&indexer, &endpoint).await;
            }
            if random.below(2) == 0 {
                drain(&mut subscription, &mut live).await;
            }
        }
        endpoint.settle(&mut random);
        caught_up(&indexer, &endpoint).await;
        for (account, balance) in endpoint.balances() {
            assert_eq!(indexer.balance_of(account).unwrap().0, balance, "seed {seed}, life {life}");
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

async fn caught_up(indexer: &wia_indexer::Indexer, endpoint: &Endpoint) {
    let reached = async {
        while indexer.head().map(|h| h.hash) != endpoint.indexed_head() {
            tokio::task::yield_now().await;
        }
    };
    let health = || format!("{:?}", indexer.health());
    tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap_or_else(|_| panic!("{}", health()));
}
