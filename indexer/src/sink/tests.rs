//! A courier over a real log: everything once and in order while the sink takes, again after it refused, a dead letter
//! when it refused too long, and from the durable place after a restart.

use std::collections::BTreeMap;
use std::sync::Mutex;

use alloy::primitives::{Address, B256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wia_abi::BlockNumber;
use wia_store::Store;

use super::*;
use crate::chain::catalog::Contract;
use crate::log::ChainChange;
use crate::log::entry::{Block, EventRecord};
use crate::stream::tail::Publisher;
use crate::{Config, Endpoint, Indexer};

const CONTRACT: Address = Address::repeat_byte(0xcc);

fn config() -> Config {
    let endpoint = Endpoint { http_url: "http://localhost".into(), ws_url: None };
    let contract = Contract::without_abi(CONTRACT, false);
    Config::new(7, vec![endpoint], vec![contract], BlockNumber(1))
}

/// Block `number` with so many events.
fn block(number: u64, events: u64) -> Block {
    let hash = |n: u64| B256::left_padding_from(&n.to_be_bytes());
    let event = |log_index| EventRecord {
        log_index,
        transaction: 0,
        contract: CONTRACT,
        topics: vec![B256::repeat_byte(1)],
        data: Default::default(),
    };
    Block {
        number: BlockNumber(number),
        hash: hash(number),
        parent_hash: hash(number - 1),
        timestamp_s: number,
        transactions: vec![hash(number << 16)],
        events: (0..events).map(event).collect(),
        opening: Vec::new(),
    }
}

struct Life {
    publisher: Publisher,
    indexer: Indexer,
    store: Store,
}

impl Life {
    fn open(store: &Store) -> Self {
        let (publisher, indexer) = Indexer::over(store, &config()).unwrap();
        Self { publisher, indexer, store: store.clone() }
    }

    async fn commit(&self, blocks: impl IntoIterator<Item = Block>) {
        let log = &self.publisher.tail().log;
        let change = ChainChange { old: Vec::new(), new: blocks.into_iter().collect() };
        let prepared = log.prepare(change).unwrap();
        log.append(&prepared).unwrap();
        let (entries, head) = prepared.into_entries();
        log.durable().await.unwrap();
        self.publisher.publish(entries, head);
    }
}

/// Keeps what it takes, and refuses as it is told to.
#[derive(Clone)]
struct Receiver(std::sync::Arc<Inner>);

struct Inner {
    taken: Mutex<Vec<(String, Vec<String>)>>,
    attempts: Mutex<BTreeMap<String, u64>>,
    refusing: watch::Sender<bool>,
    changed: watch::Sender<u64>,
}

impl Receiver {
    fn new() -> Self {
        let inner = Inner {
            taken: Mutex::default(),
            attempts: Mutex::default(),
            refusing: watch::channel(false).0,
            changed: watch::channel(0).0,
        };
        Self(inner.into())
    }

    async fn until(&self, what: impl Fn(&Inner) -> bool) {
        let mut changed = self.0.changed.subscribe();
        let reached = async {
            while !what(&self.0) {
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), reached).await.expect("the receiver gets there");
    }

    fn ids(&self) -> Vec<String> {
        self.0.taken.lock().unwrap().iter().flat_map(|(_, ids)| ids.clone()).collect()
    }
}

#[async_trait]
impl Sink for Receiver {
    async fn deliver(&self, batch: &Batch) -> Result<(), Refusal> {
        *self.0.attempts.lock().unwrap().entry(batch.key.clone()).or_default() += 1;
        let refuses = *self.0.refusing.borrow();
        if !refuses {
            let ids = batch.messages.iter().map(Message::id).collect();
            self.0.taken.lock().unwrap().push((batch.key.clone(), ids));
        }
        self.0.changed.send_modify(|n| *n += 1);
        match refuses {
            true => Err(Refusal { reason: "closed".into(), retry_after: None }),
            false => Ok(()),
        }
    }
}

fn sink_config() -> SinkConfig {
    SinkConfig {
        name: "test".into(),
        wish: Wish { promotions: false, ..Wish::default() },
        begin: Begin::Oldest,
        max_batch_messages: 4,
        retry_min_ms: 1,
        retry_max_ms: 2,
        give_up_after_ms: 600_000,
    }
}

fn ids(blocks: impl IntoIterator<Item = (u64, u64)>) -> Vec<String> {
    let of = |(number, events): (u64, u64)| {
        (0..events).map(move |i| format!("7:{}:{i}", B256::left_padding_from(&number.to_be_bytes())))
    };
    blocks.into_iter().flat_map(of).collect()
}

#[tokio::test]
async fn a_sink_that_was_down_gets_everything_in_order_in_batches_of_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let life = Life::open(&store);
    life.commit([block(1, 3), block(2, 0), block(3, 9)]).await;
    let receiver = Receiver::new();
    let (courier, view) = life.indexer.courier(&store, sink_config(), Box::new(receiver.clone())).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(courier.run(stop.clone()));
    receiver.until(|r| r.taken.lock().unwrap().len() == 4).await;
    let sizes: Vec<_> = receiver.0.taken.lock().unwrap().iter().map(|(_, ids)| ids.len()).collect();
    assert_eq!(sizes, [3, 4, 4, 1]);
    receiver.0.refusing.send_replace(true);
    life.commit([block(4, 2), block(5, 1)]).await;
    receiver.until(|r| r.attempts.lock().unwrap().values().any(|attempts| *attempts > 3)).await;
    assert_eq!(view.status().unwrap().failing.as_deref(), Some("closed"));
    receiver.0.refusing.send_replace(false);
    receiver.until(|r| r.taken.lock().unwrap().len() == 6).await;
    assert_eq!(receiver.ids(), ids([(1, 3), (3, 9), (4, 2), (5, 1)]));
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(view.status().unwrap().failing, None);
}

#[tokio::test]
async fn after_a_restart_it_goes_on_where_it_was_and_a_new_name_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let life = Life::open(&store);
    life.commit([block(1, 2), block(2, 2)]).await;
    for (round, expected) in [(0, ids([(1, 2), (2, 2)])), (1, ids([(3, 5)]))] {
        let receiver = Receiver::new();
        let (courier, _) =
            life.indexer.courier(&life.store, sink_config(), Box::new(receiver.clone())).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(courier.run(stop.clone()));
        receiver.until(|_| receiver.ids().len() == expected.len()).await;
        // The place is noted after the receiver has it: a stop in between would deliver it again, which is allowed.
        tokio::task::yield_now().await;
        stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(receiver.ids(), expected);
        if round == 0 {
            life.commit([block(3, 5)]).await;
        }
    }
    let receiver = Receiver::new();
    let other = SinkConfig { name: "other".into(), ..sink_config() };
    let (courier, _) = life.indexer.courier(&life.store, other, Box::new(receiver.clone())).unwrap();
    let running = tokio::spawn(courier.run(CancellationToken::new()));
    receiver.until(|_| receiver.ids().len() == 9).await;
    assert_eq!(receiver.ids(), ids([(1, 2), (2, 2), (3, 5)]));
    running.abort();
}

#[tokio::test]
async fn one_that_never_took_anything_goes_on_where_it_began() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let life = Life::open(&store);
    life.commit([block(1, 2)]).await;
    let receiver = Receiver::new();
    for (round, refusing) in [true, false].into_iter().enumerate() {
        receiver.0.refusing.send_replace(refusing);
        let config = SinkConfig { begin: Begin::Now, ..sink_config() };
        let (courier, view) = life.indexer.courier(&store, config, Box::new(receiver.clone())).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(courier.run(stop.clone()));
        if round == 0 {
            let begun = async {
                while view.status().unwrap().cursor.is_none() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), begun).await.expect("it notes where it begins");
            life.commit([block(2, 3)]).await;
            receiver.until(|r| !r.attempts.lock().unwrap().is_empty()).await;
        } else {
            receiver.until(|_| receiver.ids().len() == 3).await;
            assert_eq!(receiver.ids(), ids([(2, 3)]), "what came before it began is not its");
        }
        stop.cancel();
        running.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_is_refused_for_too_long_becomes_a_dead_letter_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let life = Life::open(&store);
    life.commit([block(1, 2)]).await;
    let receiver = Receiver::new();
    receiver.0.refusing.send_replace(true);
    let config = SinkConfig { give_up_after_ms: 5, ..sink_config() };
    let (courier, view) = life.indexer.courier(&store, config, Box::new(receiver.clone())).unwrap();
    let running = tokio::spawn(courier.run(CancellationToken::new()));
    let buried = async {
        while view.status().unwrap().dead_letters.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), buried).await.expect("it is given up");
    receiver.0.refusing.send_replace(false);
    life.commit([block(2, 1)]).await;
    receiver.until(|_| !receiver.ids().is_empty()).await;
    assert_eq!(receiver.ids(), ids([(2, 1)]));
    let status = view.status().unwrap();
    let [letter] = &status.dead_letters[..] else { panic!("one: {status:?}") };
    assert_eq!((letter.after.as_deref(), letter.up_to.as_str(), letter.messages), (Some("0"), "0.1", 2));
    assert_eq!(letter.reason, "closed");
    assert!(letter.attempts > 0);
    // The range is still to be had.
    let page = life.indexer.page(&crate::EventQuery { limit: 10, ..Default::default() }).unwrap();
    assert_eq!(page.messages.iter().map(Message::id).collect::<Vec<_>>(), ids([(1, 2), (2, 1)]));
    running.abort();
}

#[tokio::test]
async fn names_and_bounds_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let life = Life::open(&store);
    for (config, field) in [
        (SinkConfig { name: "a/b".into(), ..sink_config() }, "name"),
        (SinkConfig { max_batch_messages: 0, ..sink_config() }, "max_batch_messages"),
        (SinkConfig { retry_max_ms: 0, ..sink_config() }, "retry_max_ms"),
    ] {
        let refused = life.indexer.courier(&store, config, Box::new(Receiver::new()));
        assert!(refused.err().unwrap().to_string().contains(field));
    }
}
