//! Carries batches to one sink: the next are made while one is under way, what is refused is tried again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wia_store::Store;

use super::place::{DeadLetter, Place};
use super::{Batch, Begin, Sink, SinkConfig, SinkStatus};
use crate::backoff::{Backoff, chance};
use crate::stream::events::subscription::{EventSubscription, From};
use crate::{Indexer, IndexerError};

/// How often the place is made durable while batches flow; a crash delivers at most so much again.
const DURABLE_EVERY: Duration = Duration::from_secs(1);

/// Batches that are made and wait for the one under way.
const BATCHES_READY: usize = 2;

/// The loop of one sink. [`Courier::run`] is its life.
pub struct Courier {
    indexer: Indexer,
    config: SinkConfig,
    sink: Box<dyn Sink>,
    place: Place,
    state: Arc<Mutex<State>>,
}

/// What a courier tells of itself; clones share it.
#[derive(Clone)]
pub struct CourierView {
    name: String,
    place: Place,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    delivered: u64,
    failing: Option<String>,
}

/// How a batch left us.
enum Outcome {
    Taken,
    GivenUp { attempts: u64, reason: String },
}

impl Indexer {
    /// A courier of this indexer's events to `sink`, and the view of it.
    ///
    /// # Errors
    /// [`IndexerError::Config`] for a name or bound that cannot be; [`IndexerError::Store`].
    pub fn courier(
        &self,
        store: &Store,
        config: SinkConfig,
        sink: Box<dyn Sink>,
    ) -> Result<(Courier, CourierView), IndexerError> {
        let refuse = |field, reason: &str| Err(IndexerError::Config { field, reason: reason.to_owned() });
        let named = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if config.name.is_empty() || config.name.len() > 64 || !config.name.chars().all(named) {
            return refuse("name", "of a sink must be 1 to 64 letters, digits, dots, dashes or underscores");
        }
        let positive = [
            ("max_batch_messages", config.max_batch_messages as u64),
            ("retry_min_ms", config.retry_min_ms),
            ("give_up_after_ms", config.give_up_after_ms),
        ];
        if let Some((field, _)) = positive.into_iter().find(|(_, value)| *value == 0) {
            return refuse(field, "of a sink must be above zero");
        }
        if config.retry_max_ms < config.retry_min_ms {
            return refuse("retry_max_ms", "of a sink must not be below retry_min_ms");
        }
        let (place, state) = (Place::open(store, &config.name)?, Arc::default());
        let view = CourierView { name: config.name.clone(), place: place.clone(), state: Arc::clone(&state) };
        Ok((Courier { indexer: self.clone(), config, sink, place, state }, view))
    }
}

impl CourierView {
    /// How the sink stands.
    ///
    /// # Errors
    /// [`IndexerError::Store`], [`IndexerError::Damaged`].
    pub fn status(&self) -> Result<SinkStatus, IndexerError> {
        let (cursor, dead_letters) = (self.place.cursor()?, self.place.dead_letters()?);
        let state = lock(&self.state);
        let (delivered, failing) = (state.delivered, state.failing.clone());
        Ok(SinkStatus { name: self.name.clone(), cursor, delivered, failing, dead_letters })
    }
}

impl Courier {
    /// Carries until `stop`, or until the indexer has ended and everything was carried.
    ///
    /// # Errors
    /// [`IndexerError::Store`], [`IndexerError::Damaged`]: what an operator must act on. A sink that refuses is none of
    /// it.
    pub async fn run(self, stop: CancellationToken) -> Result<(), IndexerError> {
        // Dropped at any point: what was not noted as delivered is delivered again.
        let ended = stop.run_until_cancelled(self.carry()).await;
        self.place.durable().await?;
        match ended {
            None | Some(Err(IndexerError::Stopped)) => Ok(()),
            Some(outcome) => outcome,
        }
    }

    async fn carry(&self) -> Result<(), IndexerError> {
        loop {
            match self.carry_all(self.subscribe().await?).await {
                Err(IndexerError::Forgotten { offset, oldest }) => {
                    tracing::warn!(
                        sink = self.config.name,
                        offset,
                        oldest,
                        "retention has overtaken the sink"
                    );
                }
                outcome => return outcome,
            }
        }
    }

    async fn subscribe(&self) -> Result<EventSubscription, IndexerError> {
        let known = self.place.cursor()?;
        let begins = known.is_none();
        let from = match (known, self.config.begin) {
            (Some(cursor), _) => From::After(cursor),
            (None, Begin::Now) => From::Now,
            (None, Begin::Oldest) => From::Oldest,
        };
        let subscription = self.indexer.events(self.config.wish.clone(), &from)?;
        if !subscription.recovered() {
            metrics::counter!("wia_indexer_sink_gaps_total", "sink" => self.config.name.clone()).increment(1);
            tracing::error!(sink = self.config.name, ?from, "events were removed before the sink had them");
        }
        if begins {
            // Where it began, or a restart before its first delivery would begin elsewhere.
            self.place.advance(&subscription.cursor())?;
            self.place.durable().await?;
        }
        Ok(subscription)
    }

    /// Until nothing more comes; gives the reason.
    async fn carry_all(&self, subscription: EventSubscription) -> Result<(), IndexerError> {
        let (made, mut batches) = mpsc::channel(BATCHES_READY);
        let making = tokio::spawn(make(subscription, self.config.max_batch_messages, made));
        let making = AbortOnDropHandle::new(making);
        let mut durable_at = Instant::now();
        while let Some(batch) = batches.recv().await {
            let outcome = self.deliver(&batch).await;
            match outcome {
                Outcome::Taken => {
                    self.place.advance(&batch.key)?;
                    let count = batch.messages.len() as u64;
                    lock(&self.state).delivered += count;
                    metrics::counter!("wia_indexer_sink_delivered_total", "sink" => self.config.name.clone())
                        .increment(count);
                }
                Outcome::GivenUp { attempts, reason } => self.bury(&batch, attempts, reason).await?,
            }
            if durable_at.elapsed() >= DURABLE_EVERY {
                self.place.durable().await?;
                durable_at = Instant::now();
            }
        }
        match making.await {
            Ok(error) => Err(error),
            Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Err(_) => Err(IndexerError::Stopped),
        }
    }

    /// Tries until it is taken or given up.
    async fn deliver(&self, batch: &Batch) -> Outcome {
        let began = Instant::now();
        let mut backoff = Backoff::new(self.config.retry_min_ms, self.config.retry_max_ms);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let refusal = match self.sink.deliver(batch).await {
                Ok(()) => {
                    if lock(&self.state).failing.take().is_some() {
                        tracing::info!(sink = self.config.name, attempts, "the sink takes again");
                    }
                    return Outcome::Taken;
                }
                Err(refusal) => refusal,
            };
            metrics::counter!("wia_indexer_sink_refused_total", "sink" => self.config.name.clone())
                .increment(1);
            if lock(&self.state).failing.replace(refusal.reason.clone()).is_none() {
                tracing::warn!(
                    sink = self.config.name,
                    reason = refusal.reason,
                    "the sink refuses; trying again"
                );
            }
            if began.elapsed() >= Duration::from_millis(self.config.give_up_after_ms) {
                return Outcome::GivenUp { attempts, reason: refusal.reason };
            }
            // Half of it certain, half of it by chance: many couriers must not return in step.
            let half_ms = backoff.step_ms() / 2;
            let jittered = half_ms + chance() % (half_ms + 1);
            let asked_for = refusal.retry_after.unwrap_or_default();
            let longest = Duration::from_millis(self.config.retry_max_ms);
            tokio::time::sleep(Duration::from_millis(jittered).max(asked_for).min(longest)).await;
        }
    }

    async fn bury(&self, batch: &Batch, attempts: u64, reason: String) -> Result<(), IndexerError> {
        let letter = DeadLetter {
            after: self.place.cursor()?,
            up_to: batch.key.clone(),
            messages: batch.messages.len() as u64,
            attempts,
            reason,
        };
        metrics::counter!("wia_indexer_sink_dead_letters_total", "sink" => self.config.name.clone())
            .increment(1);
        tracing::error!(sink = self.config.name, ?letter, "given up; read the range again from the log");
        self.place.bury(&letter).await
    }
}

/// Makes batches of what the subscription brings, those of different entries apart, until it ends; gives the reason. On
/// a task of its own: writing messages takes a core, and so does what the sink makes of them.
async fn make(mut subscription: EventSubscription, most: usize, made: mpsc::Sender<Batch>) -> IndexerError {
    let mut recovered = subscription.recovered();
    loop {
        let messages = match subscription.next().await {
            Ok(messages) => messages,
            Err(error) => return error,
        };
        for part in messages.chunks(most) {
            let Some(last) = part.last() else { continue };
            let recovered = std::mem::replace(&mut recovered, true);
            let batch = Batch { key: last.cursor(), messages: part.to_vec(), recovered };
            if made.send(batch).await.is_err() {
                return IndexerError::Stopped;
            }
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
