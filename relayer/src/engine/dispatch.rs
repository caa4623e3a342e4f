//! From what waits to the pool: choose a lane and a batch for it, have it prepared, and hand in what was signed.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U256;
use futures::FutureExt;
use tokio::time::Instant;
use wia_protocol::relay::State;

use super::{Engine, Preparation, Sent, Until};
use crate::RelayerError;
use crate::chain::{ChainError, Head};
use crate::health::LaneView;
use crate::lane::batch::{Batch, BatchLimits, Candidate, next_batch};
use crate::lane::fees::Caps;
use crate::lane::pool::{self, Refusal};
use crate::lane::prepare::{Entry, Terms, prepare};
use crate::lane::room;
use crate::queue::record::Slot;

/// How many batches' worth of waiting messages one batch is chosen from.
const LOOK_AHEAD_BATCHES: usize = 4;

impl Engine {
    /// Begins to prepare a batch for every lane that has room, while there are messages.
    pub(super) fn prepare_batches(&mut self) -> Result<(), RelayerError> {
        let lingering = self.linger_until.filter(|until| *until > Instant::now());
        let lingered = self.linger_until.is_some() && lingering.is_none();
        self.linger_until = None;
        let Some(head) = self.shared.head().filter(|_| self.identified && !self.shared.is_away()) else {
            return Ok(());
        };
        while let Some(lane) = self.idle_lane() {
            // Each message wakes the loop: as long as they are too few for a batch there is nothing to choose from.
            let fewer = self.shared.queue.depth().saturating_sub(self.taken.len()) < self.batch_items;
            if lingering.is_some() && fewer {
                self.linger_until = lingering;
                return Ok(());
            }
            let Some(batch) = self.choose(head) else { return Ok(()) };
            if !batch.is_full && !lingered && self.gathers_more() {
                let linger = Duration::from_millis(self.shared.config.batch_linger_ms);
                self.linger_until = Some(lingering.unwrap_or(Instant::now() + linger));
                return Ok(());
            }
            let entries = self.entries(batch.chosen)?;
            if entries.is_empty() {
                return Ok(());
            }
            self.begin(lane, head, entries);
        }
        Ok(())
    }

    /// The lane with the fewest transactions in flight of those that can take one more. One that cannot pay for a
    /// full batch is left alone while another one can.
    fn idle_lane(&self) -> Option<usize> {
        let most = self.shared.config.max_in_flight;
        let views = self.shared.lanes();
        let can_pay = |index: &usize| views.get(*index).is_none_or(LaneView::can_pay);
        let one_can = (0..self.lanes.len()).any(|index| can_pay(&index));
        let lanes = self.lanes.iter().enumerate();
        let lanes = lanes.filter(|(_, lane)| !lane.busy && lane.prepare_at.is_none());
        let lanes = lanes.filter(|(index, _)| !one_can || can_pay(index));
        let loads = lanes.map(|(index, lane)| (lane.in_flight, index));
        loads.filter(|(load, _)| *load < most).min().map(|(_, index)| index)
    }

    /// Whether a batch that is not full should wait a moment for more: not while nothing else is under way, so that
    /// a message that comes alone goes at once.
    fn gathers_more(&self) -> bool {
        !self.preparing.is_empty() || self.lanes.iter().any(|lane| lane.in_flight > 0)
    }

    /// The next batch; `None` when nothing waits that may go.
    fn choose(&self, head: Head) -> Option<Batch> {
        let config = &self.shared.config;
        let present = self.shared.present()?;
        let now = Instant::now();
        let oldest = self.undecided().map(|t| t.number).min();
        let held = |c: &Candidate| match self.holds.get(&c.relay_id).map(|hold| hold.until) {
            None => false,
            Some(Until::Moment(moment)) => moment > now,
            Some(Until::Decided(number)) => oldest.is_some_and(|oldest| oldest <= number),
        };
        let mut waiting = self.shared.queue.waiting(LOOK_AHEAD_BATCHES * config.batch_max_items, |c| {
            let valid = c.deadline > present.timestamp && c.valid_after < present.timestamp;
            let ours = || self.shared.others.may_take(c.relay_id, c.include_by_block, head.number);
            valid && !self.taken.contains(&c.relay_id) && !held(c) && ours()
        });
        for candidate in &mut waiting {
            candidate.share = self.shares.get(&candidate.relay_id).copied().unwrap_or(usize::MAX);
            candidate.way = candidate.way.by(self.shared.destinations.batcher);
        }
        let gas = room::target(config.batch_gas_target, head.gas_limit);
        let batch = next_batch(&waiting, BatchLimits { items: self.batch_items, gas });
        if batch.chosen.is_empty() {
            // Nothing that could be prepared: no reason to complain of the last attempt.
            self.shared.lanes().iter_mut().for_each(|view| view.unprepared = None);
            return None;
        }
        Some(batch)
    }

    /// The records of what was chosen and still waits.
    fn entries(&self, chosen: Vec<Candidate>) -> Result<Vec<Entry>, RelayerError> {
        let mut entries = Vec::with_capacity(chosen.len());
        for candidate in chosen {
            let item = self.shared.queue.item(candidate.relay_id)?;
            if let Some(item) = item.filter(|item| item.state() == State::Accepted) {
                entries.push(Entry { candidate, item });
            }
        }
        Ok(entries)
    }

    fn begin(&mut self, lane: usize, head: Head, entries: Vec<Entry>) {
        let caps = self.caps();
        let behind = self.undecided().map(|t| t.number).max();
        let Some(account) = self.lanes.get_mut(lane) else { return };
        account.busy = true;
        let terms = Terms {
            lane: account.address(),
            base_fee: head.base_fee_per_gas,
            caps,
            gas_cap: room::cap(head.gas_limit),
        };
        let taken: Vec<_> = entries.iter().map(Entry::relay_id).collect();
        self.taken.extend(taken.iter().copied());
        let chain = Arc::clone(&self.shared.chain);
        let preparation = async move {
            let result = prepare(chain, terms, entries).await;
            Preparation { lane, taken, behind, result }
        };
        self.preparing.push(preparation.boxed());
    }

    pub(super) fn caps(&self) -> Caps {
        let config = &self.shared.config;
        Caps { max_fee: config.max_fee_per_gas, priority: config.max_priority_fee_per_gas }
    }

    /// Hands the newest version of a transaction to the endpoint.
    pub(super) fn send(&mut self, slot: Slot) {
        let Some(tracked) = self.transactions.get_mut(&slot) else { return };
        if tracked.sending || tracked.record.is_of_stranger() {
            return;
        }
        tracked.sending = true;
        let (hash, raw) = (tracked.record.hash(), tracked.record.raw.clone());
        let chain = Arc::clone(&self.shared.chain);
        self.sending.push(async move { Sent { slot, hash, result: chain.send_raw(&raw).await } }.boxed());
    }

    /// What the endpoint said. Whatever it was, the record on disk is the truth: the transaction is sent again
    /// until it is mined, or its nonce has passed without it.
    pub(super) fn sent(&mut self, Sent { slot, hash, result }: Sent) {
        let height = self.shared.head().map_or(0, |head| head.number);
        let Some(tracked) = self.transactions.get_mut(&slot) else { return };
        tracked.sending = false;
        if hash != tracked.record.hash() {
            // Replaced meanwhile: it is the newer version that must be known.
            tracked.sent_at = None;
            self.look_soon();
            return;
        }
        match result {
            Ok(()) => {
                tracked.sent_at = Some(height);
                tracked.waiting_since.get_or_insert(height);
                self.unsent(slot, None);
                tracing::debug!(lane = %slot.lane, nonce = slot.nonce, %hash, "sent");
            }
            Err(ChainError::Unavailable { method, reason }) => {
                tracing::debug!(lane = %slot.lane, nonce = slot.nonce, %hash, method, reason, "not sent");
                self.shared.set_away(true);
                self.look_soon();
            }
            Err(error) => self.refused_by_pool(slot, height, &error.to_string()),
        }
    }

    fn refused_by_pool(&mut self, slot: Slot, height: u64, reason: &str) {
        let Some(tracked) = self.transactions.get_mut(&slot) else { return };
        let (refusal, hash) = (pool::read(reason), tracked.record.hash());
        if refusal != Refusal::Known {
            tracing::warn!(
                lane = %slot.lane, nonce = slot.nonce, %hash, reason,
                "the endpoint did not take a transaction"
            );
        }
        // Raising fees helps against an underpriced transaction, not against an empty account.
        match refusal {
            Refusal::Known => {
                tracked.sent_at = Some(height);
                tracked.waiting_since.get_or_insert(height);
                self.unsent(slot, None);
                return;
            }
            // Mined, or the nonce went to something else: the next look tells.
            Refusal::NoncePassed => tracked.sent_at = Some(height),
            Refusal::Unfit if !tracked.record.is_empty() => tracked.unfit = true,
            Refusal::Unfit | Refusal::Price => {
                tracked.waiting_since.get_or_insert(height);
            }
            Refusal::Funds => {}
        }
        if refusal != Refusal::NoncePassed {
            self.unsent(slot, Some(format!("the last transaction was not taken: {reason}")));
        }
        self.look_soon();
    }

    /// Remembers whether the endpoint takes the lane's transactions.
    pub(super) fn unsent(&self, slot: Slot, reason: Option<String>) {
        if let Some(view) = self.shared.lanes().iter_mut().find(|view| view.address == slot.lane) {
            view.unsent = reason;
        }
    }

    /// Of the lane with that place in the list.
    pub(super) fn unprepared_because(&self, lane: usize, reason: Option<String>) {
        if let Some(view) = self.shared.lanes().get_mut(lane) {
            view.unprepared = reason;
        }
    }

    /// What a full batch costs in wei, at the base fee of `head` and what the lane's last batch gave the builder.
    pub(super) fn batch_cost(&self, lane: usize, head: Head) -> U256 {
        let gas = room::target(self.shared.config.batch_gas_target, head.gas_limit);
        let offered = self.lanes.get(lane).and_then(|lane| lane.offered);
        let price = match (head.base_fee_per_gas, offered) {
            (Some(base), offered) => base.saturating_add(offered.and_then(|f| f.priority).unwrap_or(0)),
            (None, offered) => offered.map_or(0, |f| f.max_fee),
        };
        U256::from(gas) * U256::from(price)
    }
}
