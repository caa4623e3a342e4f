//! The only writer: takes heads of the endpoint that leads, and follows them. Never gives up on an endpoint.
//!
//! In: connections from [`Connector`]s, one per endpoint, each watched on a task of its own ([`watch`]) and judged
//! together ([`pool`], [`score`]). Out: entries in the log, published. Ends only when told to, or with what an operator
//! must act on.

mod fetch;
mod fill;
mod learned;
mod pool;
mod progress;
mod pursue;
mod range;
mod read;
mod score;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::chain::decide::Chain;
use crate::health::{State, Vitals};
use crate::log::ChainChange;
use crate::source::{ChainIdentity, Connector, SourceError};
use crate::stream::tail::Publisher;
use crate::{Config, IndexerError};
use fetch::Fetcher;
use learned::Learned;
use pool::{Member, Pool, Step};
use range::Target;
use read::Reading;
use watch::{Pace, Watcher};

/// The writing side of the indexer. [`Engine::run`] is its life.
pub struct Engine {
    config: Config,
    connectors: Vec<Arc<dyn Connector>>,
    publisher: Publisher,
    vitals: Arc<Vitals>,
    pool: Arc<Pool>,
    reading: Arc<Reading>,
    learned: Arc<Learned>,
    fetcher: Arc<Fetcher>,
    chain: Chain,
    /// Since when our tip is our tip.
    tip_at: Instant,
    /// Since when the leader's head is below ours.
    below_since: Option<Instant>,
    _ending: Ending,
}

/// Says that the engine has ended, when nothing else did: it was dropped, or panicked.
struct Ending(Arc<Vitals>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended();
    }
}

/// Why following ended.
enum Failure {
    /// The endpoint's fault: passes, perhaps.
    Source(SourceError),
    /// Passes only when somebody acts.
    Operator(IndexerError),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<IndexerError> for Failure {
    fn from(error: IndexerError) -> Self {
        Self::Operator(error)
    }
}

impl Engine {
    pub(crate) fn new(
        config: Config,
        connectors: Vec<Box<dyn Connector>>,
        publisher: Publisher,
        vitals: Arc<Vitals>,
    ) -> Result<Self, IndexerError> {
        let log = &publisher.tail().log;
        let empty = Chain::new(config.first_block, config.max_reorg_depth);
        let chain = empty.refilled(log.recent(empty.memory_blocks())?);
        let connectors: Vec<Arc<dyn Connector>> = connectors.into_iter().map(Arc::from).collect();
        let endpoints = connectors.iter().map(|c| c.endpoint()).collect();
        let bound = log.first_offset().is_some();
        let pool = Arc::new(Pool::new(&config, endpoints, bound, vitals.clone()));
        let reading = Arc::new(Reading::new(log.catalog().clone(), config.verify_receipts));
        let target = Target {
            max_blocks: config.max_log_range_blocks,
            events: config.target_log_events,
            bytes: config.target_log_bytes,
        };
        let learned = Arc::new(Learned::new(log.tree().clone(), target));
        let fetcher = Arc::new(Fetcher {
            pool: pool.clone(),
            reading: reading.clone(),
            learned: learned.clone(),
            retry_min_ms: config.retry_min_ms,
            retry_max_ms: config.retry_max_ms,
        });
        let ending = Ending(vitals.clone());
        Ok(Self {
            config,
            connectors,
            publisher,
            vitals,
            pool,
            reading,
            learned,
            fetcher,
            chain,
            tip_at: Instant::now(),
            below_since: None,
            _ending: ending,
        })
    }

    /// Follows the chain until `stop`.
    ///
    /// # Errors
    /// What an operator must act on: [`IndexerError::WrongChain`] or [`IndexerError::OtherLog`] when no endpoint serves
    /// our chain, [`IndexerError::TooDeep`], [`IndexerError::Underflow`], [`IndexerError::Damaged`],
    /// [`IndexerError::Store`]. An endpoint that fails is none of it, nor is a full disk.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), IndexerError> {
        // Known to a scraper before the first of them happens.
        for name in [
            "wia_indexer_reorgs_total",
            "wia_indexer_retracted_blocks_total",
            "wia_indexer_unverified_blocks_total",
        ] {
            metrics::counter!(name).increment(0);
        }
        // They end with us.
        let mut watchers = JoinSet::new();
        let pace = Pace {
            poll: Duration::from_millis(self.config.poll_interval_ms),
            head_check: Duration::from_millis(self.config.head_check_interval_ms),
            retry_min_ms: self.config.retry_min_ms,
            retry_max_ms: self.config.retry_max_ms,
        };
        for (place, connector) in self.connectors.iter().cloned().enumerate() {
            watchers.spawn(Watcher { pool: self.pool.clone(), place, connector, pace }.run());
        }
        // Dropped at any point: what was appended is whole, what was not was never told to anybody.
        let ended = stop.run_until_cancelled(self.keep_following()).await;
        // What is derived, so that the next start has nothing to read back.
        let closed = self.publisher.tail().log.close().await;
        let ended = ended.map_or(closed, Err);
        let reason = ended.as_ref().err().map_or_else(|| "told to".to_owned(), ToString::to_string);
        self.state(State::Stopped { reason });
        ended
    }

    /// Until something needs an operator.
    async fn keep_following(&mut self) -> IndexerError {
        loop {
            let (member, followed) = match self.pool.step() {
                Step::End(error) => return error,
                Step::Check(place, endpoint, identity) => {
                    match self.check(endpoint, identity).await {
                        Ok(verdict) => self.pool.admit(place, verdict),
                        Err(error) => return error,
                    }
                    continue;
                }
                Step::Wait { until, reason } => {
                    if let Some(reason) = reason {
                        self.state(State::Stalled { reason });
                    }
                    self.wait(until).await;
                    continue;
                }
                Step::Pursue(member, head) => {
                    let followed = self.pursue(&member, *head).await;
                    (member, followed)
                }
                Step::Look(member) => {
                    let followed = self.look(&member).await;
                    (member, followed)
                }
            };
            match followed {
                Ok(()) => {}
                Err(Failure::Operator(error)) => return error,
                Err(Failure::Source(error)) => {
                    tracing::debug!(%error, "the endpoint failed");
                    self.pool.failed(member.place, &error);
                }
            }
        }
    }

    async fn look(&mut self, member: &Member) -> Result<(), Failure> {
        let head = member.source.head().await?;
        self.pursue(member, head).await
    }

    async fn wait(&self, until: Option<Instant>) {
        match until {
            // Whichever comes first; that the other did not is nothing.
            Some(until) => _ = tokio::time::timeout_at(until.into(), self.pool.news()).await,
            None => self.pool.news().await,
        }
    }

    /// Whether the chain of a connection is ours; `Err` when the log cannot say.
    async fn check(
        &self,
        endpoint: String,
        identity: ChainIdentity,
    ) -> Result<Result<(), IndexerError>, IndexerError> {
        if identity.chain_id != self.config.chain_id {
            let (configured, reported) = (self.config.chain_id, identity.chain_id);
            return Ok(Err(IndexerError::WrongChain { endpoint, configured, reported }));
        }
        match self.publisher.tail().log.bind_genesis(identity.genesis).await {
            Err(error @ IndexerError::OtherLog { .. }) => Ok(Err(error)),
            bound => bound.map(Ok),
        }
    }

    /// Notes a state, and says so when it is a new one.
    fn state(&self, state: State) {
        let Some(before) = self.vitals.set_state(state.clone()) else { return };
        let head = self.chain.tip().map(|t| t.number.0);
        match state {
            // A chain that makes many blocks at once is caught up with again and again.
            State::Syncing | State::Live if matches!(before, State::Syncing | State::Live) => {
                tracing::debug!(?state, head, "indexer");
            }
            State::Starting | State::Syncing | State::Live => tracing::info!(?state, head, "indexer"),
            State::Stalled { reason } => {
                tracing::warn!(reason, head, "indexer stalled; it goes on when it can")
            }
            State::Stopped { reason } => tracing::info!(reason, head, "indexer stopped"),
        }
    }

    /// Appends a change, makes it durable, and only then tells anybody. Waits for room on a full disk.
    async fn commit(&mut self, change: ChainChange) -> Result<(), IndexerError> {
        let (tail, began, depth) = (self.publisher.tail().clone(), Instant::now(), change.old.len());
        let prepared = tail.log.prepare(change)?;
        self.once_there_is_room(|| std::future::ready(tail.log.append(&prepared))).await?;
        let (entries, head) = prepared.into_entries();
        if depth == 0 {
            entries.iter().for_each(|e| self.chain.push(e.block.reference()));
        } else {
            self.chain = self.chain.refilled(tail.log.recent(self.chain.memory_blocks())?);
            metrics::counter!("wia_indexer_reorgs_total").increment(1);
            metrics::histogram!("wia_indexer_reorg_depth_blocks").record(depth as f64);
        }
        self.tip_at = Instant::now();
        self.once_there_is_room(|| tail.log.durable()).await?;
        self.publisher.publish(entries, head);
        metrics::histogram!("wia_indexer_commit_seconds").record(began.elapsed());
        let lag = self.vitals.committed(head.map(|h| h.number));
        metrics::gauge!("wia_indexer_head").set(head.map_or(0, |h| h.number.0) as f64);
        metrics::gauge!("wia_indexer_lag_blocks").set(lag as f64);
        Ok(())
    }

    /// Tries again for as long as the disk is full.
    async fn once_there_is_room<F>(&self, mut attempt: impl FnMut() -> F) -> Result<(), IndexerError>
    where
        F: Future<Output = Result<(), IndexerError>>,
    {
        let mut backoff = Backoff::new(self.config.retry_min_ms, self.config.retry_max_ms);
        loop {
            match attempt().await {
                Err(IndexerError::Store(error)) if error.wants_room() => {
                    self.state(State::Stalled { reason: error.to_string() });
                    backoff.pause().await;
                }
                done => return done,
            }
        }
    }
}
