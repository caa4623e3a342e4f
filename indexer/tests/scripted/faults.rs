//! Each fault of an endpoint, alone and beside a good one: the log ends equal to the chain, and nothing was taken back
//! that the chain did not take back.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use wia_indexer::{Config, Endpoint as Urls, EndpointState, IndexerError, State, VerifyReceipts};

use crate::chain::Chain;
use crate::config;
use crate::endpoint::{Endpoint, Fault};
use crate::random::Random;
use crate::running::{Reader, Running};

/// Blocks of history before anybody connects.
const HISTORY: usize = 40;

/// What happens in a test.
struct Stage {
    chain: Arc<Mutex<Chain>>,
    random: Random,
    endpoints: Vec<Endpoint>,
}

/// An indexer at work, and one who hears all its events.
struct Watched {
    running: Running,
    reader: Reader,
}

impl Deref for Watched {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

impl Stage {
    async fn new(endpoints: usize) -> Self {
        let (mut chain, mut random) = (Chain::new(), Random::new(5));
        (0..HISTORY).for_each(|_| _ = chain.grow(&mut random));
        let mut stage = Self { chain: Arc::new(Mutex::new(chain)), random, endpoints: Vec::new() };
        for place in 0..endpoints {
            let endpoint = Endpoint::serve(stage.chain.clone(), place % 2 == 0).await;
            stage.endpoints.push(endpoint);
        }
        stage
    }

    fn urls(&self) -> Vec<Urls> {
        self.endpoints.iter().map(Endpoint::urls).collect()
    }

    fn run(&self) -> Watched {
        self.run_with(|_| {})
    }

    fn run_with(&self, change: impl FnOnce(&mut Config)) -> Watched {
        let mut config = config(self.urls());
        config.reorg_patience_ms = 50;
        change(&mut config);
        let (running, mut reader) = (Running::start(config), Reader::new(1, false));
        reader.open(&running.indexer);
        Watched { running, reader }
    }

    /// Grows the chain; whoever serves it pushes.
    fn grow(&mut self, blocks: usize) {
        for _ in 0..blocks {
            let head = self.chain.lock().unwrap().grow(&mut self.random);
            self.endpoints.iter().for_each(|e| e.push([head.clone()]));
        }
    }

    fn head(&self) -> alloy::primitives::B256 {
        self.chain.lock().unwrap().head().hash
    }
}

impl Watched {
    async fn caught_up(&self, stage: &Stage) {
        self.reaches(stage.head()).await;
    }

    /// Waits for the end of the chain, and compares all that was heard with it.
    async fn heard_the_chain(mut self, stage: &Stage) {
        self.caught_up(stage).await;
        let expected = stage.chain.lock().unwrap().event_ids();
        self.reader.hear_until(expected.len()).await;
        assert_eq!(self.reader.standing, expected);
        assert_eq!(self.reader.told.len(), expected.len(), "nothing was taken back");
        for ((_, account), balance) in stage.chain.lock().unwrap().balances() {
            assert_eq!(self.indexer.balance_of(*account).unwrap().0, *balance);
        }
        self.running.stop().await;
    }
}

/// Faults that leave an endpoint useless for as long as they last.
const USELESS: [Fault; 8] = [
    Fault::Errors,
    Fault::TooMany(0),
    Fault::LimitInJson,
    Fault::Garbage,
    Fault::Hangs,
    Fault::Cuts,
    Fault::Syncing(10),
    Fault::OldHeads(15),
];

#[tokio::test]
async fn a_useless_endpoint_is_left_for_another_and_returned_to() {
    for fault in USELESS {
        println!("{fault:?}");
        let mut stage = Stage::new(2).await;
        let running = stage.run();
        running.caught_up(&stage).await;
        running.until("the preferred leads", |_| running.state_of(0) == EndpointState::Leading).await;
        stage.endpoints[0].set(Some(fault));
        for _ in 0..3 {
            stage.grow(3);
            running.caught_up(&stage).await;
        }
        stage.endpoints[0].set(None);
        running.until("it leads again", |_| running.state_of(0) == EndpointState::Leading).await;
        stage.grow(1);
        running.heard_the_chain(&stage).await;
    }
}

#[tokio::test]
async fn a_useless_endpoint_that_is_the_only_one_is_waited_for() {
    for fault in USELESS {
        println!("{fault:?}");
        let mut stage = Stage::new(1).await;
        let running = stage.run();
        running.caught_up(&stage).await;
        stage.endpoints[0].set(Some(fault));
        stage.grow(3);
        running.until("health says so", |i| matches!(i.health().state, State::Stalled { .. })).await;
        stage.endpoints[0].set(None);
        stage.grow(1);
        running.heard_the_chain(&stage).await;
    }
}

#[tokio::test]
async fn a_useless_endpoint_at_the_start_is_left_for_another() {
    for fault in USELESS {
        println!("{fault:?}");
        let mut stage = Stage::new(2).await;
        stage.endpoints[0].set(Some(fault));
        let running = stage.run();
        running.caught_up(&stage).await;
        stage.grow(2);
        running.heard_the_chain(&stage).await;
    }
}

#[tokio::test]
async fn an_endpoint_that_wants_us_to_wait_is_left_alone_for_as_long() {
    let mut stage = Stage::new(1).await;
    let running = stage.run();
    running.caught_up(&stage).await;
    stage.endpoints[0].set(Some(Fault::TooMany(1)));
    stage.grow(1);
    running.until("health says so", |i| matches!(i.health().state, State::Stalled { .. })).await;
    let State::Stalled { reason } = running.indexer.health().state else { panic!("it was stalled") };
    assert!(reason.contains("429"), "{reason}");
    stage.endpoints[0].set(None);
    running.heard_the_chain(&stage).await;
}

#[tokio::test]
async fn logs_that_are_left_out_are_found_in_the_receipts() {
    for (policy, drops) in
        [(VerifyReceipts::Suspicion, true), (VerifyReceipts::Always, true), (VerifyReceipts::Always, false)]
    {
        let mut stage = Stage::new(1).await;
        stage.endpoints[0].set(drops.then_some(Fault::DropsLogs));
        let running = stage.run_with(|c| c.verify_receipts = policy);
        running.caught_up(&stage).await;
        stage.grow(6);
        running.caught_up(&stage).await;
        assert!(stage.endpoints[0].was_asked("eth_getBlockReceipts"));
        running.heard_the_chain(&stage).await;
    }
}

#[tokio::test]
async fn receipts_are_asked_of_another_endpoint_when_the_first_has_none() {
    let mut stage = Stage::new(2).await;
    stage.endpoints[0].set(Some(Fault::DropsLogsWithoutReceipts));
    let running = stage.run_with(|c| c.parallel_backfill = false);
    stage.grow(6);
    running.heard_the_chain(&stage).await;
    assert!(stage.endpoints[1].was_asked("eth_getBlockReceipts"));
}

#[tokio::test]
async fn complete_answers_need_no_receipts() {
    let mut stage = Stage::new(1).await;
    let running = stage.run();
    running.caught_up(&stage).await;
    stage.grow(6);
    running.caught_up(&stage).await;
    assert!(!stage.endpoints[0].was_asked("eth_getBlockReceipts"));
    running.heard_the_chain(&stage).await;
}

#[tokio::test]
async fn what_is_too_much_is_asked_for_in_parts() {
    for fault in [Fault::Huge, Fault::NarrowRanges(3), Fault::NoBatches] {
        println!("{fault:?}");
        let mut stage = Stage::new(1).await;
        stage.endpoints[0].set(Some(fault));
        let running = stage.run_with(|c| c.max_response_bytes = 100_000);
        running.caught_up(&stage).await;
        stage.grow(2);
        running.heard_the_chain(&stage).await;
    }
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_excluded_alone() {
    for (fault, says) in [(Fault::OtherChain, "serves chain 99"), (Fault::OtherGenesis, "block 0")] {
        for wrong in [0, 1] {
            println!("{fault:?} at {wrong}");
            let mut stage = Stage::new(3).await;
            // Which block 0 is ours is settled by the log, or else by the preferred endpoint.
            let known = stage.run();
            known.caught_up(&stage).await;
            if fault == Fault::OtherGenesis && wrong == 0 {
                known.stop.cancel();
                continue;
            }
            known.stop.cancel();
            stage.endpoints[wrong].set(Some(fault));
            let running = stage.run();
            running.caught_up(&stage).await;
            running
                .until("it is excluded", |_| {
                    matches!(running.state_of(wrong), EndpointState::Excluded { .. })
                })
                .await;
            let reason = running.state_of(wrong).to_string();
            assert!(reason.contains(says), "{reason}");
            stage.grow(2);
            running.heard_the_chain(&stage).await;
        }
    }
}

#[tokio::test]
async fn endpoints_that_all_serve_another_chain_are_the_operators_error() {
    let stage = Stage::new(2).await;
    stage.endpoints.iter().for_each(|e| e.set(Some(Fault::OtherChain)));
    let running = stage.run();
    let error = running.running.engine.await.unwrap().unwrap_err();
    assert!(matches!(error, IndexerError::WrongChain { reported: 99, .. }), "{error}");
}

#[tokio::test]
async fn a_fork_that_only_one_endpoint_serves_is_not_believed() {
    for forked in 0..3 {
        println!("forked: {forked}");
        let mut stage = Stage::new(3).await;
        let running = stage.run();
        running.caught_up(&stage).await;
        // Its own chain parts from ours below the head, and is higher.
        let mut fork = stage.chain.lock().unwrap().fork(HISTORY - 3);
        let mut other = Random::new(99);
        (0..6).for_each(|_| _ = fork.grow(&mut other));
        stage.endpoints[forked] = Endpoint::serve(Arc::new(Mutex::new(fork)), true).await;
        let running_on = stage.run();
        for _ in 0..4 {
            stage.grow(1);
            running.caught_up(&stage).await;
        }
        running.heard_the_chain(&stage).await;
        // Another, that had to begin with the fork among its endpoints.
        if forked > 0 {
            running_on.heard_the_chain(&stage).await;
        }
    }
}
