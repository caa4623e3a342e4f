//! How the indexer is doing, for `/readyz` and `/metrics`.
//!
//! In: the engine's account of heads and state. Out: [`Health`], with time measured on the monotonic clock.

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

/// One look at the indexer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What it is doing.
    pub state: State,
    /// The endpoint's last head.
    pub chain_head: Option<BlockNumber>,
    /// The log's head.
    pub committed_head: Option<BlockNumber>,
    /// Blocks between the two.
    pub lag_blocks: u64,
    /// Milliseconds since the endpoint last showed a new head, or since the start.
    pub since_head_ms: u64,
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
}

impl Vitals {
    pub(crate) fn new(stall_after_ms: u64) -> Self {
        let inner = Inner { state: State::Starting, chain_head: None, head_at: Instant::now() };
        Self { inner: Mutex::new(inner), stall_after: Duration::from_millis(stall_after_ms) }
    }

    /// Notes the state; true when it is another one than before.
    pub(crate) fn set_state(&self, state: State) -> bool {
        let mut inner = self.lock();
        let changed = inner.state != state;
        inner.state = state;
        changed
    }

    pub(crate) fn saw_head(&self, number: BlockNumber) {
        let mut inner = self.lock();
        if inner.chain_head != Some(number) {
            inner.chain_head = Some(number);
            inner.head_at = Instant::now();
        }
    }

    pub(crate) fn look(&self, committed_head: Option<BlockNumber>) -> Health {
        let inner = self.lock();
        let since = inner.head_at.elapsed();
        let state = match &inner.state {
            State::Live | State::Syncing if !self.stall_after.is_zero() && since > self.stall_after => {
                State::Stalled { reason: format!("no new block for {} s", since.as_secs()) }
            }
            state => state.clone(),
        };
        let committed = committed_head.map_or(0, |n| n.0);
        Health {
            state,
            chain_head: inner.chain_head,
            committed_head,
            lag_blocks: inner.chain_head.map_or(0, |head| head.0.saturating_sub(committed)),
            since_head_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_counted_and_silence_is_a_stall() {
        let vitals = Vitals::new(1);
        vitals.set_state(State::Live);
        vitals.saw_head(BlockNumber(10));
        assert_eq!(vitals.look(Some(BlockNumber(7))).lag_blocks, 3);
        while vitals.look(None).since_head_ms < 2 {}
        assert!(matches!(vitals.look(None).state, State::Stalled { .. }));
        vitals.set_state(State::Stopped { reason: "told to".into() });
        assert!(matches!(vitals.look(None).state, State::Stopped { .. }));
    }
}
