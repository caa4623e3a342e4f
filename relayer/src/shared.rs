//! What intake and engine share: configuration, queue, feed, keys, and what is known of the chain's state.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use alloy::primitives::{Address, U256};
use alloy::signers::local::PrivateKeySigner;
use tokio::sync::watch;
use wia_protocol::Timestamp;
use wia_store::Store;

use crate::chain::{Chain, ChainError, Head};
use crate::feed::{Bounds, Feed};
use crate::health::{LaneHealth, LaneView, trouble};
use crate::intake::destination::Destinations;
use crate::intake::policy::Policy;
use crate::intake::quota::Quota;
use crate::intake::verify::Verifiers;
use crate::promise::Promises;
use crate::queue::Queue;
use crate::sharing::Others;
use crate::{Condition, Config, Health, RelayerError};

pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) chain: Arc<dyn Chain>,
    pub(crate) queue: Queue,
    pub(crate) feed: Feed,
    pub(crate) promises: Promises,
    pub(crate) others: Others,
    pub(crate) quota: Quota,
    pub(crate) verifiers: Verifiers,
    pub(crate) destinations: Destinations,
    pub(crate) policy: Policy,
    pub(crate) p2p: Mutex<Vec<String>>,
    heads: watch::Receiver<Option<Head>>,
    seen: Mutex<Option<Seen>>,
    away: AtomicBool,
    stopped: AtomicBool,
    overdue: AtomicU64,
    /// In the order of the engine's lanes.
    lanes: Mutex<Vec<LaneView>>,
}

/// A head and when it was first seen.
#[derive(Debug, Clone, Copy)]
struct Seen {
    head: Head,
    at: Instant,
}

/// The chain's present, estimated from its last head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present {
    /// Height that the chain may have reached while no head was seen.
    pub(crate) number: u64,
    /// Unix seconds: the later of the chain's clock and ours.
    pub(crate) timestamp: u64,
}

impl Shared {
    /// # Errors
    /// [`RelayerError`] when a rule of `config` cannot work, the key is none, or the system gives no thread.
    pub(crate) fn new(
        config: Config,
        store: &Store,
        chain: Arc<dyn Chain>,
        queue: Queue,
        key: &PrivateKeySigner,
        lanes: &[Address],
    ) -> Result<Self, RelayerError> {
        let promises = Promises::new(key, config.deployment.chain_id)?;
        Ok(Self {
            feed: Feed::new(
                config.watch_capacity,
                Bounds { all: config.max_watches, per_origin: config.max_watches_per_origin },
                Bounds { all: config.max_waits, per_origin: config.max_waits_per_origin },
            ),
            quota: Quota::new(&config),
            verifiers: Verifiers::start(config.verifiers).map_err(RelayerError::Thread)?,
            destinations: Destinations::new(&config.deployment, &config.actions)?,
            policy: Policy::new(&config)?,
            others: Others::new(&config.sharing, promises.relayer()),
            heads: chain.heads(),
            store: store.clone(),
            config,
            chain,
            queue,
            promises,
            p2p: Mutex::default(),
            seen: Mutex::default(),
            away: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            overdue: AtomicU64::new(0),
            lanes: Mutex::new(lanes.iter().copied().map(LaneView::new).collect()),
        })
    }

    /// The newest head.
    pub(crate) fn head(&self) -> Option<Head> {
        self.seen().map(|seen| seen.head)
    }

    fn seen(&self) -> Option<Seen> {
        let newest = *self.heads.borrow();
        let mut seen = lock(&self.seen);
        if let Some(head) = newest
            && seen.is_none_or(|s| s.head.hash != head.hash)
        {
            *seen = Some(Seen { head, at: Instant::now() });
        }
        *seen
    }

    /// Where the chain may be by now; `None` when no head was ever seen.
    pub(crate) fn present(&self) -> Option<Present> {
        let Seen { head, at } = self.seen()?;
        let elapsed = at.elapsed();
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let blocks = elapsed_ms / self.config.fastest_block_ms.max(1);
        let chain_clock = head.timestamp.saturating_add(elapsed.as_secs());
        Some(Present {
            number: head.number.saturating_add(blocks),
            timestamp: chain_clock.max(now().0 / 1_000),
        })
    }

    /// Asks the chain on behalf of a submission: `None` when it is away or takes too long, because a
    /// submission does not wait for an endpoint.
    pub(crate) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, ChainError>>,
    ) -> Option<Result<T, ChainError>> {
        if self.is_away() {
            return None;
        }
        let limit = Duration::from_millis(self.config.intake_chain_timeout_ms);
        match tokio::time::timeout(limit, question).await {
            Ok(Err(ChainError::Unavailable { .. })) => {
                self.set_away(true);
                // The engine finds out when it is back.
                self.queue.work.notify_one();
                None
            }
            // Slow for this question; whether it is away, the engine's own questions tell.
            Err(_) => None,
            Ok(answer) => Some(answer),
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }

    /// Remembers whether the endpoint answers.
    pub(crate) fn set_away(&self, away: bool) {
        if self.away.swap(away, Ordering::Relaxed) != away {
            if away {
                tracing::warn!("the chain's endpoint does not answer; messages are kept");
            } else {
                tracing::info!("the chain's endpoint answers again");
            }
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// The engine has ended: nothing is taken from now on, and all watches end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.feed.close();
    }

    pub(crate) fn lanes(&self) -> MutexGuard<'_, Vec<LaneView>> {
        lock(&self.lanes)
    }

    /// How many messages are in no block though their promise has passed.
    pub(crate) fn set_overdue(&self, messages: u64) {
        self.overdue.store(messages, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> Health {
        let head = self.head().map(|h| h.number);
        let lanes = self.lanes().clone();
        let overdue = self.overdue.load(Ordering::Relaxed);
        let low = U256::from(self.config.low_balance_wei);
        let trouble = if head.is_none() {
            Some("no block of the chain was seen yet".to_owned())
        } else if let Some(full) = self.queue.full() {
            Some(full)
        } else if self.is_away() {
            Some("the chain's endpoint does not answer; messages wait".to_owned())
        } else {
            trouble(&lanes, overdue)
        };
        let condition = if self.is_stopped() {
            Condition::Stopped { reason: "the engine does not run".into() }
        } else {
            trouble.map_or(Condition::Ready, |reason| Condition::Degraded { reason })
        };
        let warnings: Vec<String> = lanes.iter().filter_map(|lane| lane.warning(low)).collect();
        Health {
            condition,
            warning: (!warnings.is_empty()).then(|| warnings.join("; ")),
            queue_depth: count(self.queue.depth()),
            live_items: count(self.queue.live_items()),
            in_flight: lanes.iter().map(|lane| lane.in_flight).sum(),
            overdue_promises: overdue,
            relayer: self.promises.relayer(),
            lanes: lanes.iter().map(LaneHealth::of).collect(),
            head,
        }
    }
}

/// Now; the epoch when the clock stands before it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

pub(crate) fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these hold is replaced as a whole: a panic elsewhere cannot leave it torn.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
