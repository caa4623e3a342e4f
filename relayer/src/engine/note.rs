//! What the operator is told of the lane, after each look at the chain.

use alloy::primitives::U256;

use super::Engine;
use super::observe::Observation;
use crate::chain::Head;
use crate::lane::room;
use crate::shared::count;

impl Engine {
    /// Keeps the operator's view.
    pub(super) fn note(&mut self, seen: &Observation) {
        let (nonce, overdue) = (self.next_nonce(seen.chain_nonce), self.overdue(seen.head));
        let (stuck, batch_cost) = (self.stuck(seen.head), self.batch_cost(seen.head));
        let mut lane = self.shared.lane();
        lane.nonce = Some(nonce);
        lane.balance = Some(seen.balance);
        (lane.stuck, lane.batch_cost) = (stuck, batch_cost);
        lane.overdue = count(overdue);
        super::gauge("wia_relayer_overdue_promises", overdue);
        metrics::gauge!("wia_relayer_lane_nonce").set(u32::try_from(nonce).unwrap_or(u32::MAX));
        // A gauge is a float: milliether keep more of it exact than wei would.
        let milliether = seen.balance / U256::from(1_000_000_000_000_000_u64);
        metrics::gauge!("wia_relayer_lane_balance_milliether").set(milliether.saturating_to::<u32>());
    }

    /// Messages in no block, though the block that was promised for them has passed.
    fn overdue(&self, head: Head) -> usize {
        let passed = |promise: u64| promise < head.number;
        let waiting = self.shared.queue.waiting(usize::MAX, |c| passed(c.include_by_block)).len();
        waiting + self.undecided().flat_map(|t| &t.promises).filter(|promise| passed(**promise)).count()
    }

    /// The lowest transaction, when it has been in no block for too long: all others stand behind it.
    fn stuck(&mut self, head: Head) -> Option<String> {
        for tracked in self.transactions.values_mut() {
            let since = tracked.undecided_since.unwrap_or(head.number);
            tracked.undecided_since = tracked.record.is_undecided().then_some(since);
        }
        let oldest = self.undecided().next()?;
        let since = oldest.undecided_since?;
        let late = head.number >= since.saturating_add(self.shared.config.stuck_after_blocks);
        let (nonce, hash) = (oldest.record.nonce, oldest.record.hash());
        late.then(|| format!("transaction {hash} (nonce {nonce}) is in no block since block {since}"))
    }

    /// What a full batch costs in wei, at the base fee of `head` and what the last batch gave the builder.
    fn batch_cost(&self, head: Head) -> U256 {
        let gas = room::target(self.shared.config.batch_gas_target, head.gas_limit);
        let price = match (head.base_fee_per_gas, self.offered) {
            (Some(base), offered) => base.saturating_add(offered.and_then(|f| f.priority).unwrap_or(0)),
            (None, offered) => offered.map_or(0, |f| f.max_fee),
        };
        U256::from(gas) * U256::from(price)
    }
}
