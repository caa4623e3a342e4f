//! An indexer at work, and readers of its events that believe nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use alloy::primitives::B256;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wia_indexer::{
    Config, EndpointState, EventSubscription, EventsFrom, Indexer, IndexerError, Message, MessageKind, Wish,
};
use wia_protocol::indexer::MinConfirmations;
use wia_store::Store;

/// Longer than any honest run needs.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// An indexer at work.
pub(crate) struct Running {
    pub(crate) indexer: Indexer,
    pub(crate) stop: CancellationToken,
    pub(crate) engine: JoinHandle<Result<(), IndexerError>>,
    folder: TempDir,
}

impl Running {
    /// With an empty store.
    pub(crate) fn start(config: Config) -> Self {
        Self::resume(tempfile::tempdir().unwrap(), config)
    }

    /// With what another left.
    pub(crate) fn resume(folder: TempDir, config: Config) -> Self {
        let (engine, indexer) = wia_indexer::open(&Store::open(folder.path()).unwrap(), config).unwrap();
        let stop = CancellationToken::new();
        let engine = tokio::spawn(engine.run(stop.clone()));
        Self { indexer, stop, engine, folder }
    }

    /// Ends it in good order; gives what it leaves. Readers of it have to be closed before the next one begins.
    pub(crate) async fn stop(self) -> TempDir {
        self.stop.cancel();
        self.engine.await.unwrap().unwrap();
        self.folder
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn until(&self, what: &str, mut reached: impl FnMut(&Indexer) -> bool) {
        let waiting = async {
            while !reached(&self.indexer) {
                assert!(!self.engine.is_finished(), "{what}: {:?}", self.indexer.health());
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(LIMIT, waiting).await;
        in_time.unwrap_or_else(|_| panic!("{what}: {:?}", self.indexer.health()));
    }

    /// Returns once the log ends on that block.
    pub(crate) async fn reaches(&self, head: B256) {
        self.until("caught up", |i| i.head().is_some_and(|h| h.hash == head)).await;
    }

    pub(crate) fn state_of(&self, place: usize) -> EndpointState {
        self.indexer.health().endpoints[place].state.clone()
    }
}

/// A reader of events, and what follows from what it heard.
pub(crate) struct Reader {
    pub(crate) depth: u64,
    pub(crate) wish: Wish,
    /// `None` between two lives of the indexer, whose store it would hold open.
    subscription: Option<EventSubscription>,
    pub(crate) told: Vec<Message>,
    /// The ids that were told and not taken back, in the order in which they were told.
    pub(crate) standing: Vec<String>,
    /// Those of them that were told to be final.
    pub(crate) finals: BTreeSet<String>,
}

impl Reader {
    /// One who hears of events with so many confirmations, and perhaps again when they are final.
    pub(crate) fn new(depth: u64, promotions: bool) -> Self {
        let wish = Wish { min_confirmations: MinConfirmations::Blocks(depth), promotions, ..Wish::default() };
        let (told, standing, finals) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { depth, wish, subscription: None, told, standing, finals }
    }

    /// Goes on where it was, or begins with the oldest.
    pub(crate) fn open(&mut self, indexer: &Indexer) {
        let from = self.told.last().map_or(EventsFrom::Oldest, |m| EventsFrom::After(m.cursor()));
        let subscription = indexer.events(self.wish.clone(), &from).unwrap();
        assert!(subscription.recovered());
        self.subscription = Some(subscription);
    }

    pub(crate) fn close(&mut self) {
        self.subscription = None;
    }

    /// What one with the same wish hears who begins from there, until it would have to wait.
    pub(crate) async fn another(&self, indexer: &Indexer, from: &EventsFrom) -> Vec<String> {
        let mut subscription = indexer.events(self.wish.clone(), from).unwrap();
        assert!(subscription.recovered());
        let mut heard = Vec::new();
        while let Some(messages) = without_waiting(&mut subscription).await {
            heard.extend(messages.iter().map(Message::json));
        }
        heard
    }

    /// Hears all that is there without waiting.
    pub(crate) async fn hear(&mut self) {
        while let Some(messages) = without_waiting(self.subscription.as_mut().expect("it is open")).await {
            messages.into_iter().for_each(|message| self.enter(message));
        }
    }

    /// Hears until so many ids stand.
    pub(crate) async fn hear_until(&mut self, standing: usize) {
        let hearing = async {
            while self.standing.len() < standing {
                let messages = self.subscription.as_mut().expect("it is open").next().await.unwrap();
                messages.into_iter().for_each(|message| self.enter(message));
            }
        };
        tokio::time::timeout(LIMIT, hearing).await.expect("all of the chain's events");
    }

    /// Notes a message; one that does not follow from those before it panics.
    fn enter(&mut self, message: Message) {
        let id = message.id();
        let place = self.standing.iter().rposition(|standing| *standing == id);
        let follows = match (message.kind(), place) {
            (MessageKind::Event, None) => {
                self.standing.push(id);
                true
            }
            (MessageKind::Finalized, Some(_)) => self.finals.insert(id),
            (MessageKind::Retracted, Some(place)) => {
                self.finals.remove(&id);
                self.standing.remove(place);
                true
            }
            _ => false,
        };
        assert!(follows, "it does not follow from what was told before: {}", message.json());
        self.told.push(message);
    }
}

/// The next messages, if they are there.
async fn without_waiting(subscription: &mut EventSubscription) -> Option<Vec<Message>> {
    tokio::select! {
        biased;
        messages = subscription.next() => Some(messages.unwrap()),
        () = tokio::task::yield_now() => None,
    }
}
