//! The operator's one look at the relayer: depths, lane, head, and whether anything is wrong.
//!
//! In: what the engine keeps of its lane. Out: what is in the way of messages, and what will be.

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
    /// What will be in the way unless somebody sees to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// Messages that wait for a transaction.
    pub queue_depth: u64,
    /// Messages from `accepted` to `final`.
    pub live_items: u64,
    /// Transactions that are signed and not yet mined.
    pub in_flight: u64,
    /// Messages that are in no block, though the block that their receipt promised has passed.
    pub overdue_promises: u64,
    /// The account that sends.
    pub lane: Address,
    /// Its next nonce; `None` until the chain has answered.
    pub lane_nonce: Option<u64>,
    /// Its balance in wei; `None` until the chain has answered.
    pub lane_balance_wei: Option<U256>,
    /// Height of the newest head; `None` until one was seen.
    pub head: Option<u64>,
}

/// What the engine keeps of its lane.
#[derive(Debug, Default, Clone)]
pub(crate) struct LaneView {
    pub(crate) nonce: Option<u64>,
    /// In wei.
    pub(crate) balance: Option<U256>,
    /// What a full batch costs at the present price, in wei.
    pub(crate) batch_cost: U256,
    pub(crate) in_flight: u64,
    /// Why the last batch could not be prepared.
    pub(crate) unprepared: Option<String>,
    /// Why the last transaction was not taken.
    pub(crate) unsent: Option<String>,
    /// The transaction that has waited too long.
    pub(crate) stuck: Option<String>,
    /// Messages in no block though their promise has passed.
    pub(crate) overdue: u64,
}

impl LaneView {
    /// All that is in the way of messages.
    pub(crate) fn trouble(&self) -> Option<String> {
        let Self { batch_cost: cost, overdue, .. } = self;
        let overdue = (*overdue > 0)
            .then(|| format!("{overdue} messages are overdue: the block promised for them has passed"));
        let unpaid = self.balance.filter(|b| b < cost);
        let unpaid = unpaid.map(|b| format!("the lane has {b} wei, a full batch costs {cost}; fund it"));
        let reasons = [self.unsent.clone(), self.unprepared.clone(), self.stuck.clone(), overdue, unpaid];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Whether the lane should be funded before it runs dry, below `low` wei.
    pub(crate) fn warning(&self, low: U256) -> Option<String> {
        let balance = self.balance.filter(|b| *b < low);
        balance.map(|b| format!("the lane has {b} wei left for gas; fund it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(balance: u64) -> LaneView {
        LaneView { balance: Some(U256::from(balance)), batch_cost: U256::from(10), ..LaneView::default() }
    }

    #[test]
    fn a_low_balance_is_a_warning_until_a_batch_cannot_be_paid() {
        let low = U256::from(100);
        assert_eq!((lane(100).warning(low), lane(100).trouble()), (None, None));
        assert_eq!((lane(10).warning(low).is_some(), lane(10).trouble()), (true, None));
        assert!(lane(9).trouble().unwrap().contains("a full batch costs 10"));
    }

    #[test]
    fn what_waits_too_long_is_trouble() {
        let late = LaneView { stuck: Some("stuck".into()), overdue: 1, ..lane(100) };
        let told = "stuck; 1 messages are overdue: the block promised for them has passed";
        assert_eq!(late.trouble().as_deref(), Some(told));
    }
}
