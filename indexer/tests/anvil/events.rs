//! The event stream against the chain: reorganisations of every depth at every phase, every depth of delivery, and
//! readers that come back.

use std::collections::{BTreeMap, BTreeSet};

use alloy::providers::Provider;
use alloy::rpc::types::Filter;
use wia_indexer::{Config, EventSubscription, EventsFrom, Message, MessageKind, Wish};
use wia_protocol::indexer::MinConfirmations;

use crate::chain::{Chain, soon};
use crate::listener::{Running, store};

const FINAL: u64 = 12;

/// What one reader heard. A message that does not follow from those before it panics.
#[derive(Default)]
pub(crate) struct Heard {
    /// By id, whether it was told to be final.
    standing: BTreeMap<String, bool>,
    cursors: BTreeSet<(u64, u32)>,
    last: Option<Message>,
    pub(crate) told: Vec<String>,
}

impl Heard {
    fn enter(&mut self, message: Message) {
        let cursor = message.cursor();
        let (entry, n) = cursor.split_once('.').unwrap();
        let place = (entry.parse().unwrap(), n.parse().unwrap());
        assert!(self.cursors.last().is_none_or(|last| *last < place), "cursors grow: {}", message.json());
        self.cursors.insert(place);
        let id = message.id();
        let before = match message.kind() {
            MessageKind::Event => self.standing.insert(id, false),
            MessageKind::Finalized => self.standing.insert(id, true).filter(|was_final| *was_final),
            MessageKind::Retracted => {
                assert!(self.standing.remove(&id).is_some(), "never told: {}", message.json());
                None
            }
        };
        assert_eq!(before, None, "told twice: {}", message.json());
        self.told.push(message.json());
        self.last = Some(message);
    }
}

/// A subscriber with what it heard.
pub(crate) struct Reader {
    depth: u64,
    /// None between two lives of the indexer, whose store it would hold open.
    subscription: Option<EventSubscription>,
    pub(crate) heard: Heard,
}

fn wish(depth: u64) -> Wish {
    Wish { min_confirmations: MinConfirmations::Blocks(depth), ..Wish::default() }
}

impl Reader {
    pub(crate) fn open(running: &Running, depth: u64, from: &EventsFrom) -> Self {
        let subscription = running.indexer.events(wish(depth), from).unwrap();
        assert!(subscription.recovered());
        Self { depth, subscription: Some(subscription), heard: Heard::default() }
    }

    /// Goes on with another indexer where it was.
    fn reopen(&mut self, running: &Running, by_id: bool) {
        let from = match &self.heard.last {
            Some(last) if by_id && last.kind() == MessageKind::Event => EventsFrom::After(last.id()),
            Some(last) => EventsFrom::After(last.cursor()),
            None => EventsFrom::Oldest,
        };
        let subscription = running.indexer.events(wish(self.depth), &from).unwrap();
        assert!(subscription.recovered());
        self.subscription = Some(subscription);
    }

    async fn next(&mut self) -> Vec<Message> {
        self.subscription.as_mut().expect("it is open").next().await.unwrap()
    }

    /// Reads until what stands is what the chain has at its depth.
    pub(crate) async fn agrees(&mut self, chain: &Chain) {
        let truth = ids(chain, self.depth).await;
        soon("reader and chain agree", async {
            while !self.heard.standing.keys().eq(truth.iter()) {
                for message in self.next().await {
                    self.heard.enter(message);
                }
            }
        })
        .await;
    }
}

/// The ids of all events of the token whose blocks have at least so many confirmations.
async fn ids(chain: &Chain, depth: u64) -> BTreeSet<String> {
    let head = chain.provider.get_block_number().await.unwrap();
    let logs = chain.provider.get_logs(&Filter::new().address(chain.token).from_block(0)).await.unwrap();
    let deep = logs.into_iter().filter(|log| head + 1 - log.block_number.unwrap() >= depth);
    let id =
        |log: alloy::rpc::types::Log| format!("31337:{}:{}", log.block_hash.unwrap(), log.log_index.unwrap());
    deep.map(id).collect()
}

/// Blocks with a transfer or two, and empty ones between.
async fn busy(chain: &Chain, blocks: u64) {
    for i in 0..blocks {
        if i % 4 != 3 {
            chain.transfer(1, 2, 1 + i % 5).await;
            chain.transfer(1, 3, 1).await;
        }
        chain.mine(1).await;
    }
}

#[tokio::test]
async fn reorganisations_of_depth_1_to_64_while_live() {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), chain.config(true).await);
    running.caught_up(&chain).await;
    let mut readers = [1, 3, FINAL].map(|depth| Reader::open(&running, depth, &EventsFrom::Oldest));
    chain.mint(1, 1_000_000).await;
    busy(&chain, 70).await;
    for depth in 1..=64 {
        busy(&chain, 2).await;
        if depth % 5 == 0 {
            for reader in &mut readers {
                reader.agrees(&chain).await;
            }
        }
        chain.reorg(depth).await;
        running.caught_up(&chain).await;
    }
    busy(&chain, FINAL + 1).await;
    for reader in &mut readers {
        reader.agrees(&chain).await;
        // Whoever reads it all at once, later, hears the same.
        let mut again = Reader::open(&running, reader.depth, &EventsFrom::Oldest);
        again.agrees(&chain).await;
        let told = again.heard.told.len();
        assert_eq!(again.heard.told, reader.heard.told[..told]);
    }
    running.stop().await;
}

#[tokio::test]
async fn reorganisations_of_depth_1_to_64_during_a_restart() {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let config = chain.config(true).await;
    chain.mint(1, 1_000_000).await;
    busy(&chain, 70).await;
    let mut readers = Vec::new();
    for (round, depth) in [1, 2, 5, 11, 12, 13, 31, 63, 64].into_iter().enumerate() {
        let running = Running::start(&store(folder.path()), config.clone());
        running.caught_up(&chain).await;
        if readers.is_empty() {
            readers = [1, 2, FINAL].map(|depth| Reader::open(&running, depth, &EventsFrom::Oldest)).into();
        }
        for reader in &mut readers {
            reader.reopen(&running, round % 2 == 1);
            reader.agrees(&chain).await;
        }
        busy(&chain, 3).await;
        running.caught_up(&chain).await;
        readers.iter_mut().for_each(|reader| reader.subscription = None);
        running.stop().await;
        chain.reorg(depth).await;
        busy(&chain, 2).await;
    }
    let running = Running::start(&store(folder.path()), config);
    running.caught_up(&chain).await;
    for reader in &mut readers {
        reader.reopen(&running, false);
        reader.agrees(&chain).await;
    }
    running.stop().await;
}

#[tokio::test]
async fn reorganisations_of_depth_1_to_64_during_a_backfill() {
    let mut chain = Chain::start(&[]).await;
    chain.mint(1, 1_000_000).await;
    busy(&chain, 90).await;
    for depth in [1, 2, 12, 40, 64] {
        let folder = tempfile::tempdir().unwrap();
        let config =
            Config { max_log_range_blocks: 4, backfill_ranges_in_flight: 2, ..chain.config(true).await };
        let running = Running::start(&store(folder.path()), config);
        let begun = soon("the backfill begins", async {
            while running.indexer.head().is_none() {
                tokio::task::yield_now().await;
            }
        });
        begun.await;
        let mut reader = Reader::open(&running, 1, &EventsFrom::Oldest);
        chain.reorg(depth).await;
        busy(&chain, 3).await;
        running.caught_up(&chain).await;
        reader.agrees(&chain).await;
        running.stop().await;
    }
}

#[tokio::test]
async fn cursors_of_messages_resume_after_them_and_others_are_refused() {
    let mut chain = Chain::start(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&store(folder.path()), chain.config(true).await);
    chain.mint(1, 1_000).await;
    busy(&chain, 6).await;
    running.caught_up(&chain).await;
    let mut all = Reader::open(&running, 2, &EventsFrom::Oldest);
    all.agrees(&chain).await;
    let told = all.heard.told.clone();
    let fields = |text: &str| -> (String, String) {
        let json: serde_json::Value = serde_json::from_str(text).unwrap();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        (text("cursor"), text("id"))
    };
    for place in [0, 1, told.len() / 2, told.len() - 2] {
        let (cursor, id) = fields(&told[place]);
        for from in [cursor, id] {
            let mut rest = Reader::open(&running, 2, &EventsFrom::After(from));
            let first = rest.next().await.remove(0).json();
            assert_eq!(first, told[place + 1]);
        }
    }
    let genuine = fields(&told[0]).1;
    let other_chain = genuine.replacen("31337", "1", 1);
    let no_event = format!("{}:99", genuine.rsplit_once(':').unwrap().0);
    for wrong in ["", "0.x", "9999999.0", "31337:0x00:1", &other_chain, &no_event] {
        let refused = running.indexer.events(wish(1), &EventsFrom::After(wrong.to_owned()));
        assert!(refused.is_err(), "{wrong}");
    }
    running.stop().await;
}
