//! What the operator is told of the lanes, after each look at the chain.

use alloy::primitives::{Address, U256};

use super::Engine;
use super::observe::Observation;
use crate::chain::Head;
use crate::shared::count;

impl Engine {
    /// Keeps the operator's view.
    pub(super) fn note(&mut self, seen: &Observation) {
        for (index, lane) in seen.lanes.iter().enumerate() {
            let nonce = self.next_nonce(lane.address, lane.nonce);
            let (stuck, batch_cost) =
                (self.stuck(lane.address, seen.head), self.batch_cost(index, seen.head));
            if let Some(view) = self.shared.lanes().get_mut(index) {
                (view.nonce, view.balance) = (Some(nonce), Some(lane.balance));
                (view.stuck, view.batch_cost) = (stuck, batch_cost);
            }
            let label = lane.address.to_string();
            metrics::gauge!("wia_relayer_lane_nonce", "lane" => label.clone())
                .set(u32::try_from(nonce).unwrap_or(u32::MAX));
            // A gauge is a float: milliether keep more of it exact than wei would.
            let milliether = lane.balance / U256::from(1_000_000_000_000_000_u64);
            metrics::gauge!("wia_relayer_lane_balance_milliether", "lane" => label)
                .set(milliether.saturating_to::<u32>());
        }
        let overdue = self.overdue(seen.head);
        self.shared.set_overdue(count(overdue));
        super::gauge("wia_relayer_overdue_promises", overdue);
    }

    /// Messages in no block, though the block that was promised for them has passed.
    fn overdue(&self, head: Head) -> usize {
        let passed = |promise: u64| promise < head.number;
        let waiting = self.shared.queue.waiting(usize::MAX, |c| passed(c.include_by_block)).len();
        waiting + self.undecided().flat_map(|t| &t.promises).filter(|promise| passed(**promise)).count()
    }

    /// The lowest transaction of a lane, when it has been in no block for too long: all others stand behind it.
    fn stuck(&mut self, lane: Address, head: Head) -> Option<String> {
        for tracked in self.transactions.values_mut().filter(|t| t.record.slot.lane == lane) {
            let since = tracked.undecided_since.unwrap_or(head.number);
            tracked.undecided_since = tracked.record.is_undecided().then_some(since);
        }
        let oldest = self.undecided_of(lane).next()?;
        let since = oldest.undecided_since?;
        let late = head.number >= since.saturating_add(self.shared.config.stuck_after_blocks);
        let (nonce, hash) = (oldest.record.slot.nonce, oldest.record.hash());
        late.then(|| format!("transaction {hash} (nonce {nonce}) is in no block since block {since}"))
    }
}
