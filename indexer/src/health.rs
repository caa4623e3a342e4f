//! How the indexer is doing, for `/readyz` and `/metrics`.
//!
//! In: the engine's account of heads, state and endpoints. Out: [`Health`], with time measured on the monotonic clock.
//! Red, with the reason: the engine's own stall, a head that does not move, and a lag that grows.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wia_abi::BlockNumber;

/// What the engine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not connected yet.
    Starting,
    /// Behind the chain's head and reading.
    Syncing,
    /// At the chain's head.
    Live,
    /// Not moving, but trying.
    Stalled {
        /// Why.
        reason: String,
    },
    /// Ended.
    Stopped {
        /// Why.
        reason: String,
    },
}

impl State {
    /// `starting`, `syncing`, `live`, `stalled` or `stopped`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Syncing => "syncing",
            Self::Live => "live",
            Self::Stalled { .. } => "stalled",
            Self::Stopped { .. } => "stopped",
        }
    }
}

/// One look at the indexer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What it is doing.
    pub state: State,
    /// The best head that an endpoint showed.
    pub chain_head: Option<BlockNumber>,
    /// The log's head.
    pub committed_head: Option<BlockNumber>,
    /// Blocks between the two.
    pub lag_blocks: u64,
    /// Milliseconds since the chain last showed a new head, or since the start.
    pub since_head_ms: u64,
    /// Each endpoint, the preferred one first.
    pub endpoints: Vec<EndpointHealth>,
}

impl Health {
    /// Why it is not live; `None` when it is.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match &self.state {
            State::Live => None,
            State::Starting => Some("starting".into()),
            State::Syncing => Some(format!("{} blocks behind the chain", self.lag_blocks)),
            State::Stalled { reason } | State::Stopped { reason } => Some(reason.clone()),
        }
    }
}

/// One look at one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Scheme, host and port; nothing secret.
    pub endpoint: String,
    /// 0…1,000, from failures, latency and blocks behind.
    pub score: u32,
    /// Its last head.
    pub head: Option<BlockNumber>,
    /// What it is good for.
    pub state: EndpointState,
}

/// What an endpoint is good for. `Display` gives one word, or a word and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointState {
    /// Not reached yet.
    Connecting,
    /// Followed.
    Leading,
    /// Could be followed.
    Healthy,
    /// Catching up itself.
    Syncing,
    /// Given a rest, or not connected.
    Failing {
        /// Its last error.
        reason: String,
    },
    /// Not ours: another chain.
    Excluded {
        /// Which.
        reason: String,
    },
}

impl fmt::Display for EndpointState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting => f.write_str("connecting"),
            Self::Leading => f.write_str("leading"),
            Self::Healthy => f.write_str("healthy"),
            Self::Syncing => f.write_str("syncing"),
            Self::Failing { reason } => write!(f, "failing: {reason}"),
            Self::Excluded { reason } => write!(f, "excluded: {reason}"),
        }
    }
}

/// What the engine writes and everyone may look at.
pub(crate) struct Vitals {
    inner: Mutex<Inner>,
    stall_after: Duration,
}

struct Inner {
    state: State,
    chain_head: Option<BlockNumber>,
    head_at: Instant,
    endpoints: Vec<EndpointHealth>,
    /// The smallest lag since it last shrank, and since when it has not.
    lag: (u64, Instant),
}

impl Vitals {
    pub(crate) fn new(stall_after_ms: u64) -> Self {
        let now = Instant::now();
        let inner = Inner {
            state: State::Starting,
            chain_head: None,
            head_at: now,
            endpoints: Vec::new(),
            lag: (u64::MAX, now),
        };
        Self { inner: Mutex::new(inner), stall_after: Duration::from_millis(stall_after_ms) }
    }

    /// Notes the state; gives the one before when that was another.
    pub(crate) fn set_state(&self, state: State) -> Option<State> {
        let mut inner = self.lock();
        let before = std::mem::replace(&mut inner.state, state);
        (before != inner.state).then_some(before)
    }

    /// Notes that the engine is gone, unless it has said so itself.
    pub(crate) fn ended(&self) {
        let mut inner = self.lock();
        if !matches!(inner.state, State::Stopped { .. }) {
            inner.state =
                State::Stopped { reason: "it ended unexpectedly; restart, the log says why".into() };
        }
    }

    /// Notes the endpoints, and the best head among them.
    pub(crate) fn set_endpoints(&self, endpoints: Vec<EndpointHealth>, best: Option<BlockNumber>) {
        let mut inner = self.lock();
        inner.endpoints = endpoints;
        if best.is_some() && inner.chain_head != best {
            inner.chain_head = best;
            inner.head_at = Instant::now();
        }
    }

    /// Notes how far the log is behind the best head, and gives it.
    pub(crate) fn committed(&self, head: Option<BlockNumber>) -> u64 {
        let mut inner = self.lock();
        let lag = lag(inner.chain_head, head);
        if lag == 0 || lag < inner.lag.0 {
            inner.lag = (lag, Instant::now());
        }
        lag
    }

    pub(crate) fn look(&self, committed_head: Option<BlockNumber>) -> Health {
        let inner = self.lock();
        let since = inner.head_at.elapsed();
        let lag_blocks = lag(inner.chain_head, committed_head);
        let too_long = |d: Duration| !self.stall_after.is_zero() && d > self.stall_after;
        let (smallest, lag_since) = inner.lag;
        let reason = if too_long(since) {
            Some(format!("no new block for {} s", since.as_secs()))
        } else if too_long(lag_since.elapsed()) && lag_blocks > 0 && lag_blocks > smallest {
            let seconds = lag_since.elapsed().as_secs();
            Some(format!("the lag grew from {smallest} to {lag_blocks} blocks in {seconds} s"))
        } else {
            None
        };
        let state = match (&inner.state, reason) {
            (State::Live | State::Syncing, Some(reason)) => State::Stalled { reason },
            (state, _) => state.clone(),
        };
        Health {
            state,
            chain_head: inner.chain_head,
            committed_head,
            lag_blocks,
            since_head_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            endpoints: inner.endpoints.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lag(chain_head: Option<BlockNumber>, committed: Option<BlockNumber>) -> u64 {
    chain_head.map_or(0, |head| head.0.saturating_sub(committed.map_or(0, |n| n.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sees(vitals: &Vitals, head: u64) {
        vitals.set_endpoints(Vec::new(), Some(BlockNumber(head)));
    }

    #[test]
    fn lag_is_counted_and_silence_is_a_stall() {
        let vitals = Vitals::new(1);
        vitals.set_state(State::Live);
        sees(&vitals, 10);
        assert_eq!(vitals.look(Some(BlockNumber(7))).lag_blocks, 3);
        while vitals.look(None).since_head_ms < 2 {}
        assert!(matches!(vitals.look(None).state, State::Stalled { .. }));
        vitals.set_state(State::Stopped { reason: "told to".into() });
        assert!(matches!(vitals.look(None).state, State::Stopped { .. }));
    }

    #[test]
    fn a_lag_that_grows_is_a_stall_and_one_that_shrinks_is_not() {
        let vitals = Vitals::new(5);
        vitals.set_state(State::Syncing);
        sees(&vitals, 100);
        assert_eq!(vitals.committed(Some(BlockNumber(90))), 10);
        let mut head = 100;
        let grown = loop {
            head += 1;
            sees(&vitals, head);
            if let State::Stalled { reason } = vitals.look(Some(BlockNumber(90))).state {
                break reason;
            }
        };
        assert!(grown.contains("the lag grew from 10 to "), "{grown}");
        vitals.committed(Some(BlockNumber(head - 1)));
        sees(&vitals, head + 1);
        assert_eq!(vitals.look(Some(BlockNumber(head - 1))).state, State::Syncing);
    }

    #[test]
    fn states_of_endpoints_say_why() {
        assert_eq!(EndpointState::Leading.to_string(), "leading");
        let failing = EndpointState::Failing { reason: "gone".into() };
        assert_eq!(failing.to_string(), "failing: gone");
    }
}
