//! The only loop: connects, follows heads, and never gives up on an endpoint.
//!
//! In: connections from a [`Connector`]. Out: entries in the log, published. Heads come from a WebSocket, or by
//! looking when there is none; then the WebSocket is tried again beside it. With a WebSocket too the head is looked
//! at now and then, because a chain that was cut back, or a subscription that fell silent, pushes nothing. Ends only
//! when told to, or with what an operator must act on.

mod backoff;
mod fill;
mod progress;
mod pursue;

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use futures::FutureExt;
use futures::future::Fuse;
use futures::stream::{BoxStream, StreamExt};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::chain::block::Header;
use crate::chain::decide::Chain;
use crate::health::{State, Vitals};
use crate::log::ChainChange;
use crate::source::{Connector, Source, SourceError, Transport};
use crate::stream::tail::Publisher;
use crate::{Config, IndexerError};
use backoff::Backoff;
use fill::RangeLimit;

/// Looks that found news in a row which the subscription should have pushed and did not: then it is dead.
const SILENT_LOOKS: u32 = 5;

/// The writing side of the indexer. [`Engine::run`] is its life.
pub struct Engine {
    config: Config,
    connector: Arc<dyn Connector>,
    publisher: Publisher,
    vitals: Arc<Vitals>,
    chain: Chain,
    range: Arc<RangeLimit>,
    lower: Option<Lower>,
}

/// A head below ours that the endpoint reports.
struct Lower {
    hash: B256,
    /// Since when it is this one.
    since: Instant,
    /// Since when it is below ours at all.
    below_since: Instant,
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

/// Whether a head was just asked for, or pushed a while ago and perhaps overtaken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Asked,
    Pushed,
}

impl Engine {
    pub(crate) fn new(
        config: Config,
        connector: Box<dyn Connector>,
        publisher: Publisher,
        vitals: Arc<Vitals>,
    ) -> Result<Self, IndexerError> {
        let empty = Chain::new(config.first_block, config.max_reorg_depth);
        let chain = empty.refilled(publisher.tail().log.recent(empty.memory_blocks())?);
        let range = Arc::new(RangeLimit::new(config.max_log_range_blocks));
        Ok(Self { config, connector: connector.into(), publisher, vitals, chain, range, lower: None })
    }

    /// Follows the chain until `stop`.
    ///
    /// # Errors
    /// What an operator must act on: [`IndexerError::WrongChain`], [`IndexerError::OtherLog`],
    /// [`IndexerError::TooDeep`], [`IndexerError::Underflow`], [`IndexerError::Damaged`], [`IndexerError::Store`].
    /// An endpoint that fails is none of it.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), IndexerError> {
        // Known to a scraper before the first of them happens.
        for name in ["wia_indexer_reorgs_total", "wia_indexer_retracted_blocks_total"] {
            metrics::counter!(name).increment(0);
        }
        let ended = self.keep_following(&stop).await;
        let reason = ended.as_ref().err().map_or_else(|| "told to".to_owned(), ToString::to_string);
        self.state(State::Stopped { reason });
        ended
    }

    async fn keep_following(&mut self, stop: &CancellationToken) -> Result<(), IndexerError> {
        let mut backoff = Backoff::new(self.config.retry_min_ms, self.config.retry_max_ms);
        loop {
            let began = Instant::now();
            // Dropped at any point: what was appended is whole, what was not was never told to anybody.
            let Some(failure) = stop.run_until_cancelled(self.session()).await else {
                return Ok(());
            };
            match failure {
                Failure::Operator(error) => return Err(error),
                Failure::Source(error) => {
                    metrics::counter!("wia_indexer_source_errors_total", "kind" => error.kind()).increment(1);
                    self.state(State::Stalled { reason: error.to_string() });
                }
            }
            // Only a connection that held for a while earns a short pause: one that comes and goes must not make
            // us, and the log, busy with it.
            if began.elapsed() >= Duration::from_millis(self.config.retry_max_ms) {
                backoff.reset();
            }
            if stop.run_until_cancelled(backoff.pause()).await.is_none() {
                return Ok(());
            }
        }
    }

    /// One connection after the other, for as long as each gives way to a better one.
    async fn session(&mut self) -> Failure {
        let mut source = match self.connect().await {
            Ok(source) => source,
            Err(failure) => return failure,
        };
        loop {
            match self.follow(source.as_ref()).await {
                Ok(better) => source = better,
                Err(failure) => return failure,
            }
        }
    }

    /// The best connection that there is to have now, to the right chain.
    async fn connect(&self) -> Result<Box<dyn Source>, Failure> {
        let mut first_error = None;
        for transport in self.connector.transports() {
            let reached = async {
                let source = self.connector.connect(transport).await?;
                self.check(source.as_ref()).await?;
                Ok(source)
            };
            match reached.await {
                Ok(source) => {
                    if let Some(error) = first_error {
                        tracing::warn!(%error, instead = ?transport, "the preferred connection is not to be had");
                    }
                    return Ok(source);
                }
                Err(Failure::Source(error)) => first_error = first_error.or(Some(error)),
                Err(operator) => return Err(operator),
            }
        }
        let nothing = || SourceError::Unreachable { endpoint: "-".into(), reason: "no endpoint".into() };
        Err(Failure::Source(first_error.unwrap_or_else(nothing)))
    }

    /// Refuses a connection to another chain than ours.
    async fn check(&self, source: &dyn Source) -> Result<(), Failure> {
        let identity = source.identity().await?;
        if identity.chain_id != self.config.chain_id {
            return Err(Failure::Operator(IndexerError::WrongChain {
                endpoint: source.endpoint().to_owned(),
                configured: self.config.chain_id,
                reported: identity.chain_id,
            }));
        }
        Ok(self.publisher.tail().log.bind_genesis(identity.genesis).await?)
    }

    /// Follows the heads of one connection. Gives a better connection once there is one.
    async fn follow(&mut self, source: &dyn Source) -> Result<Box<dyn Source>, Failure> {
        let mut heads = source.heads().await?;
        let pushed = heads.is_some();
        tracing::info!(endpoint = source.endpoint(), pushed, "following the chain");
        let interval_ms =
            if pushed { self.config.head_check_interval_ms } else { self.config.poll_interval_ms };
        let mut ticks = tokio::time::interval(Duration::from_millis(interval_ms));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looking = pin!(Fuse::terminated());
        let retries = Backoff::new(self.config.retry_min_ms, self.config.retry_max_ms);
        let mut better = pin!(better_than(pushed, self.connector.clone(), retries));
        let mut silent_looks = 0_u32;
        loop {
            let (head, freshness) = tokio::select! {
                // News first; a look costs a round trip and is there for what news do not say.
                biased;
                head = next(&mut heads) => match head {
                    Some(head) => (head, Freshness::Pushed),
                    None => return Err(Failure::Source(ended(source, "the subscription ended"))),
                },
                head = &mut looking => (head?, Freshness::Asked),
                better = &mut better => {
                    // It may lead to another node: checked like any other connection.
                    self.check(better.as_ref()).await?;
                    return Ok(better);
                }
                _ = ticks.tick() => {
                    if futures::future::FusedFuture::is_terminated(&*looking) {
                        looking.set(source.head().fuse());
                    }
                    continue;
                }
            };
            let before = self.chain.tip();
            self.pursue(source, head, freshness).await?;
            match freshness {
                Freshness::Pushed => silent_looks = 0,
                Freshness::Asked if before.is_some() && before != self.chain.tip() => silent_looks += 1,
                Freshness::Asked => {}
            }
            if pushed && silent_looks >= SILENT_LOOKS {
                return Err(Failure::Source(ended(source, "the subscription fell silent")));
            }
        }
    }

    /// Notes a state, and says so when it is a new one.
    fn state(&self, state: State) {
        if !self.vitals.set_state(state.clone()) {
            return;
        }
        let head = self.chain.tip().map(|t| t.number.0);
        match state {
            State::Starting | State::Syncing | State::Live => tracing::info!(?state, head, "indexer"),
            State::Stalled { reason } => {
                tracing::warn!(reason, head, "indexer stalled; it goes on when it can")
            }
            State::Stopped { reason } => tracing::info!(reason, head, "indexer stopped"),
        }
    }

    /// Appends a change, makes it durable, and only then tells anybody.
    async fn commit(&mut self, change: ChainChange) -> Result<(), IndexerError> {
        let tail = self.publisher.tail().clone();
        let retracted = change.old.len();
        let (entries, head) = tail.log.append(change)?;
        if retracted == 0 {
            entries.iter().for_each(|e| self.chain.push(e.block.reference()));
        } else {
            self.chain = self.chain.refilled(tail.log.recent(self.chain.memory_blocks())?);
            metrics::counter!("wia_indexer_reorgs_total").increment(1);
        }
        tail.log.durable().await?;
        self.publisher.publish(entries, head);
        let health = self.vitals.look(head.map(|h| h.number));
        metrics::gauge!("wia_indexer_head").set(head.map_or(0, |h| h.number.0) as f64);
        metrics::gauge!("wia_indexer_lag_blocks").set(health.lag_blocks as f64);
        Ok(())
    }
}

/// A WebSocket connection, as soon as there is one, for those who have none; never, for the others.
async fn better_than(pushed: bool, connector: Arc<dyn Connector>, mut backoff: Backoff) -> Box<dyn Source> {
    if pushed || !connector.transports().contains(&Transport::WebSocket) {
        return std::future::pending().await;
    }
    loop {
        backoff.pause().await;
        match connector.connect(Transport::WebSocket).await {
            Ok(source) => return source,
            Err(error) => tracing::debug!(%error, "still no WebSocket"),
        }
    }
}

async fn next(heads: &mut Option<BoxStream<'static, Header>>) -> Option<Header> {
    match heads {
        Some(heads) => heads.next().await,
        None => std::future::pending().await,
    }
}

fn ended(source: &dyn Source, reason: &str) -> SourceError {
    SourceError::Unreachable { endpoint: source.endpoint().to_owned(), reason: reason.to_owned() }
}
