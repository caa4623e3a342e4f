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
    /// The key that signs receipts and refusals.
    #[serde(with = "wia_abi::eip55")]
    pub relayer: Address,
    /// The accounts that send.
    pub lanes: Vec<LaneHealth>,
    /// Height of the newest head; `None` until one was seen.
    pub head: Option<u64>,
}

/// One account that sends, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LaneHealth {
    /// The account.
    #[serde(with = "wia_abi::eip55")]
    pub address: Address,
    /// Its next nonce; `None` until the chain has answered.
    pub nonce: Option<u64>,
    /// Its balance in wei; `None` until the chain has answered.
    pub balance_wei: Option<U256>,
    /// Transactions that are signed and not yet mined.
    pub in_flight: u64,
    /// What is in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What the engine keeps of one lane.
#[derive(Debug, Clone)]
pub(crate) struct LaneView {
    pub(crate) address: Address,
    pub(crate) nonce: Option<u64>,
    /// In wei.
    pub(crate) balance: Option<U256>,
    /// What a full batch costs at the present price, in wei.
    pub(crate) batch_cost: U256,
    pub(crate) in_flight: u64,
    /// Why the last batch could not be prepared or signed.
    pub(crate) unprepared: Option<String>,
    /// Why the last transaction was not taken.
    pub(crate) unsent: Option<String>,
    /// The transaction that has waited too long.
    pub(crate) stuck: Option<String>,
}

/// All that is in the way of messages: what keeps a lane from working, and what is late.
pub(crate) fn trouble(lanes: &[LaneView], overdue: u64) -> Option<String> {
    let late = format!("{overdue} messages are overdue: the block promised for them has passed");
    let late = (overdue > 0).then_some(late);
    let several = lanes.len() > 1;
    let of = |lane: &LaneView| {
        let trouble = lane.trouble()?;
        Some(if several { format!("lane {}: {trouble}", lane.address) } else { trouble })
    };
    let reasons: Vec<String> = lanes.iter().filter_map(of).chain(late).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

impl LaneHealth {
    pub(crate) fn of(lane: &LaneView) -> Self {
        let LaneView { address, nonce, balance, in_flight, .. } = *lane;
        Self { address, nonce, balance_wei: balance, in_flight, trouble: lane.trouble() }
    }
}

impl LaneView {
    pub(crate) fn new(address: Address) -> Self {
        Self {
            address,
            nonce: None,
            balance: None,
            batch_cost: U256::ZERO,
            in_flight: 0,
            unprepared: None,
            unsent: None,
            stuck: None,
        }
    }

    /// Whether it has enough for a full batch, as far as is known.
    pub(crate) fn can_pay(&self) -> bool {
        self.balance.is_none_or(|balance| balance >= self.batch_cost)
    }

    /// All that keeps it from working.
    fn trouble(&self) -> Option<String> {
        let cost = self.batch_cost;
        let unpaid = self.balance.filter(|_| !self.can_pay());
        let unpaid = unpaid.map(|b| format!("the lane has {b} wei, a full batch costs {cost}; fund it"));
        let reasons = [self.unsent.clone(), self.unprepared.clone(), self.stuck.clone(), unpaid];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// Whether it should be funded before it runs dry, below `low` wei.
    pub(crate) fn warning(&self, low: U256) -> Option<String> {
        let (address, balance) = (self.address, self.balance.filter(|b| *b < low));
        balance.map(|b| format!("lane {address} has {b} wei left for gas; fund it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(balance: u64) -> LaneView {
        let (balance, batch_cost) = (Some(U256::from(balance)), U256::from(10));
        LaneView { balance, batch_cost, ..LaneView::new(Address::ZERO) }
    }

    #[test]
    fn a_low_balance_is_a_warning_until_a_batch_cannot_be_paid() {
        let low = U256::from(100);
        assert_eq!((lane(100).warning(low), lane(100).trouble()), (None, None));
        assert_eq!((lane(10).warning(low).is_some(), lane(10).trouble()), (true, None));
        assert!(lane(9).trouble().unwrap().contains("a full batch costs 10"));
        assert!(lane(10).can_pay() && !lane(9).can_pay());
    }

    #[test]
    fn what_waits_too_long_is_trouble() {
        let late = LaneView { stuck: Some("stuck".into()), ..lane(100) };
        let told = "stuck; 1 messages are overdue: the block promised for them has passed";
        assert_eq!(trouble(std::slice::from_ref(&late), 1).as_deref(), Some(told));
        let told = trouble(&[lane(100), late], 0).unwrap();
        assert_eq!(told, format!("lane {}: stuck", Address::ZERO), "which of several");
    }
}
