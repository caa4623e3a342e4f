//! The indexer as the doors read it: where the disk may be waited for, and only so many at once.
//!
//! The engine makes its blocks durable on the same threads; readers must leave it some.

use std::sync::Arc;

use futures::stream::{Stream, StreamExt, iter, unfold};
use tokio::sync::Semaphore;
use wia_indexer::sink::{CourierView, SinkStatus};
use wia_indexer::{EventFilter, EventSubscription, EventsFrom, Indexer, IndexerError, Message, Wish};
use wia_protocol::indexer::Subscribe;

use crate::doors::refusal::Refusal;

/// Reads of the indexer's log; clones share the bound.
#[derive(Clone)]
pub(crate) struct Reader {
    indexer: Indexer,
    chain_id: u64,
    webhooks: Arc<[CourierView]>,
    at_once: Arc<Semaphore>,
}

impl Reader {
    /// At most `at_once` reads; more wait for their turn.
    pub(crate) fn new(indexer: Indexer, chain_id: u64, webhooks: Vec<CourierView>, at_once: usize) -> Self {
        Self { indexer, chain_id, webhooks: webhooks.into(), at_once: Arc::new(Semaphore::new(at_once)) }
    }

    /// How the webhooks stand.
    pub(crate) async fn webhooks(&self) -> Result<Vec<SinkStatus>, Refusal> {
        let webhooks = self.webhooks.clone();
        self.read(move |_| webhooks.iter().map(CourierView::status).collect()).await
    }

    /// EIP-155.
    pub(crate) fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Carries out a read.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Indexer) -> Result<T, IndexerError> + Send + 'static,
    ) -> Result<T, Refusal> {
        // It is never closed, and a read that panics has said so in the log.
        let permit = self.at_once.clone().acquire_owned().await.map_err(|_| Refusal::internal())?;
        let indexer = self.indexer.clone();
        let reading = move || {
            // Held by the thread: a caller that goes away does not make it free.
            let _permit = permit;
            read(&indexer)
        };
        let outcome = tokio::task::spawn_blocking(reading).await.map_err(|_| Refusal::internal())?;
        Ok(outcome?)
    }

    /// Opens a subscription: finding its place may read some of the log.
    pub(crate) async fn subscribe(&self, asked: Subscribe) -> Result<EventSubscription, Refusal> {
        self.read(move |indexer| {
            let filter = EventFilter::resolve(&asked.filter, indexer.catalog())?;
            let wish =
                Wish { filter, min_confirmations: asked.min_confirmations, promotions: asked.promotions };
            indexer.events(wish, &asked.cursor.map_or(EventsFrom::Now, EventsFrom::After))
        })
        .await
    }
}

/// What a subscription tells, message by message, those of one entry at once; then why it is over.
pub(crate) fn messages(subscription: EventSubscription) -> impl Stream<Item = Result<Message, End>> + Send {
    let entries = unfold(Some(subscription), |open| async move {
        let mut subscription = open?;
        match subscription.next().await {
            Ok(messages) => Some(((messages, None), Some(subscription))),
            Err(error) => Some(((Vec::new(), Some(End::from(error))), None)),
        }
    });
    entries.flat_map(|(messages, end)| iter(messages.into_iter().map(Ok).chain(end.map(Err))))
}

/// Why a subscription is over, as its reader is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The node stops, or the indexer did.
    Stopping,
    /// Retention has removed what comes next.
    Overtaken,
    /// Our fault; the log says what.
    Failed,
}

impl End {
    /// What to do next.
    pub(crate) fn text(self) -> &'static str {
        match self {
            End::Stopping => "the node is stopping; come back with your last cursor",
            End::Overtaken => "too slow: what comes next is no longer kept; come back with your last cursor",
            End::Failed => "server error; come back later with your last cursor",
        }
    }
}

impl From<IndexerError> for End {
    fn from(error: IndexerError) -> Self {
        match error {
            IndexerError::Stopped => End::Stopping,
            IndexerError::Forgotten { .. } => End::Overtaken,
            error => {
                tracing::error!(%error, "a subscription failed");
                End::Failed
            }
        }
    }
}
