//! The operator's one look at the relayer: depths, lane, head, and whether anything is wrong.

use alloy::primitives::{Address, U256};
use serde::Serialize;

/// Whether the relayer does its work, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Condition {
    /// Everything is as it should be.
    Ready,
    /// Messages are taken, but they wait.
    Degraded {
        /// What is in the way.
        reason: String,
    },
    /// The engine does not run: nothing is taken.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// A snapshot, cheap to take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether it works.
    #[serde(flatten)]
    pub condition: Condition,
    /// Messages that wait for a transaction.
    pub queue_depth: u64,
    /// Messages from `accepted` to `final`.
    pub live_items: u64,
    /// Transactions that are signed and not yet mined.
    pub in_flight: u64,
    /// The account that sends.
    pub lane: Address,
    /// Its next nonce; `None` until the chain has answered.
    pub lane_nonce: Option<u64>,
    /// Its balance in wei; `None` until the chain has answered.
    pub lane_balance_wei: Option<U256>,
    /// Height of the newest head; `None` until one was seen.
    pub head: Option<u64>,
}
