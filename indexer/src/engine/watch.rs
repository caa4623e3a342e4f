//! One endpoint under watch: connects, listens, looks now and then, and reports to the pool.
//!
//! In: connections from a [`Connector`]. Out: heads, latencies and failures. Heads come from a WebSocket, or by looking
//! when there is none; then the WebSocket is tried again beside it. With a WebSocket too the head is looked at now and
//! then, because a chain that was cut back, or a subscription that fell silent, pushes nothing.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alloy::primitives::B256;
use futures::FutureExt;
use futures::future::{Fuse, FusedFuture};
use futures::stream::{BoxStream, StreamExt};
use tokio::time::MissedTickBehavior;

use super::pool::Pool;
use crate::backoff::Backoff;
use crate::chain::block::Header;
use crate::source::{ChainIdentity, Connector, Source, SourceError, Transport};

/// Looks that found news in a row which the subscription should have pushed and did not: then it is dead.
const SILENT_LOOKS: u32 = 5;

/// Looks that failed in a row, with a connection that still stands, until it is given up.
const FAILED_LOOKS: u32 = 3;

/// The waits of a watcher.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) poll: Duration,
    pub(super) head_check: Duration,
    pub(super) retry_min_ms: u64,
    pub(super) retry_max_ms: u64,
}

pub(super) struct Watcher {
    pub(super) pool: Arc<Pool>,
    pub(super) place: usize,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) pace: Pace,
}

/// A connection that has said which chain it serves.
struct Connection {
    source: Arc<dyn Source>,
    identity: ChainIdentity,
}

impl Connection {
    async fn open(connector: &dyn Connector, transport: Transport) -> Result<Self, SourceError> {
        let source: Arc<dyn Source> = connector.connect(transport).await?.into();
        let identity = source.identity().await?;
        Ok(Self { source, identity })
    }
}

impl Watcher {
    /// For ever.
    pub(super) async fn run(self) {
        let mut backoff = self.backoff();
        loop {
            let began = Instant::now();
            let error = self.session().await;
            self.pool.lost(self.place, &error);
            // Only a connection that held for a while earns a short pause: one that comes and goes must not make us,
            // and the log, busy with it.
            if began.elapsed() >= Duration::from_millis(self.pace.retry_max_ms) {
                backoff.reset();
            }
            if self.pool.is_excluded(self.place) {
                tokio::time::sleep(Duration::from_millis(self.pace.retry_max_ms)).await;
            }
            backoff.pause().await;
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.pace.retry_min_ms, self.pace.retry_max_ms)
    }

    /// One connection after the other, for as long as each gives way to a better one.
    async fn session(&self) -> SourceError {
        let mut connection = match self.connect().await {
            Ok(connection) => connection,
            Err(error) => return error,
        };
        loop {
            match self.follow(connection).await {
                Ok(better) => connection = better,
                Err(error) => return error,
            }
        }
    }

    /// The best connection that there is to have now.
    async fn connect(&self) -> Result<Connection, SourceError> {
        let mut first_error = None;
        for transport in self.connector.transports() {
            match Connection::open(self.connector.as_ref(), transport).await {
                Ok(connection) => {
                    if let Some(error) = first_error {
                        tracing::warn!(%error, instead = ?transport, "the preferred connection is not to be had");
                    }
                    return Ok(connection);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        let nothing =
            || SourceError::Unreachable { endpoint: self.connector.endpoint(), reason: "no URL".into() };
        Err(first_error.unwrap_or_else(nothing))
    }

    /// Follows the heads of one connection. Gives a better connection once there is one.
    async fn follow(&self, Connection { source, identity }: Connection) -> Result<Connection, SourceError> {
        let syncing = source.syncing().await?;
        let mut heads = source.heads().await?;
        let pushed = heads.is_some();
        self.pool.connected(self.place, source.clone(), identity, syncing);
        let interval = if pushed { self.pace.head_check } else { self.pace.poll };
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looking = pin!(Fuse::terminated());
        let mut better = pin!(better_than(pushed, self.connector.clone(), self.backoff()));
        let (mut last, mut last_look) = (None::<B256>, None::<Instant>);
        let (mut silent_looks, mut failed_looks) = (0_u32, 0_u32);
        loop {
            tokio::select! {
                // News first; a look costs a round trip and is there for what news do not say.
                biased;
                head = next(&mut heads) => {
                    let Some(head) = head else { return Err(ended(source.as_ref(), "the subscription ended")) };
                    (last, silent_looks) = (Some(head.hash), 0);
                    self.pool.pushed(self.place, head);
                }
                looked = &mut looking => {
                    let (head, asked): (Result<Header, SourceError>, Instant) = looked;
                    let head = match head {
                        Ok(head) => head,
                        Err(error) => {
                            failed_looks += 1;
                            let broken = matches!(error, SourceError::Unreachable { .. });
                            if broken || failed_looks >= FAILED_LOOKS {
                                return Err(error);
                            }
                            self.pool.failed(self.place, &error);
                            continue;
                        }
                    };
                    failed_looks = 0;
                    // Before it is told: a node that is itself syncing has lower heads to offer.
                    if self.pool.is_doubtful(self.place, &head) {
                        self.pool.set_syncing(self.place, source.syncing().await?);
                    }
                    if pushed && last.is_some_and(|last| last != head.hash) {
                        silent_looks += 1;
                    }
                    last = Some(head.hash);
                    self.pool.looked(self.place, head, asked);
                    if silent_looks >= SILENT_LOOKS {
                        return Err(ended(source.as_ref(), "the subscription fell silent"));
                    }
                }
                better = &mut better => return Ok(better),
                _ = ticks.tick() => {
                    if self.pool.is_excluded(self.place) {
                        return Err(ended(source.as_ref(), "it serves another chain"));
                    }
                    // Those that are only kept in reserve need not be looked at as often.
                    let in_reserve = !self.pool.is_leading(self.place)
                        && last_look.is_some_and(|at| at.elapsed() < self.pace.head_check);
                    if looking.is_terminated() && !in_reserve {
                        let (asking, asked) = (source.clone(), Instant::now());
                        last_look = Some(asked);
                        looking.set(async move { (asking.head().await, asked) }.fuse());
                    }
                }
            }
        }
    }
}

/// A WebSocket connection, as soon as there is one, for those who have none; never, for the others.
async fn better_than(pushed: bool, connector: Arc<dyn Connector>, mut backoff: Backoff) -> Connection {
    if pushed || !connector.transports().contains(&Transport::WebSocket) {
        return std::future::pending().await;
    }
    loop {
        backoff.pause().await;
        match Connection::open(connector.as_ref(), Transport::WebSocket).await {
            Ok(connection) => return connection,
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
