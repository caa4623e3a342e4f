//! From a look at the chain to the records: what was mined, what left the chain, what is final, what expired.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy::primitives::B256;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::time::Instant;
use wia_protocol::relay::State;

use super::observe::{Observation, Passed, Undecided, Use, Watched, observe};
use super::release::Cause;
use super::verdict::Verdict;
use super::{Engine, if_there_is_room};
use crate::RelayerError;
use crate::chain::{ChainError, Head};
use crate::queue::Changes;
use crate::queue::record::{Detail, Inclusion, Item, Slot};
use crate::queue::retention::Retention;
use crate::shared::{count, now};
use crate::state::Event;

/// The most messages that are forgotten per look, so that the loop is not held up.
const PRUNED_PER_LOOK: usize = 1_024;

/// What a transfer costs that was taken already or went stale (measured; the contract's own goal).
const SKIPPED_TRANSFER_GAS: u64 = 8_500;

/// After so many looks in a row without a receipt, each at another head or a retry interval later, a passed
/// nonce is taken to be somebody else's: endpoints answer nonces and receipts from different machines.
const MISSES: u32 = 3;

impl Engine {
    /// Begins to look at the chain, when the head has changed or it is time to look again.
    pub(super) fn observation(&mut self) -> Option<BoxFuture<'static, Result<Observation, ChainError>>> {
        let due = self.look_at.is_some_and(|at| at <= Instant::now());
        let chain = Arc::clone(&self.shared.chain);
        let Some(head) = self.shared.head() else {
            // No head was ever seen: whoever follows the heads will tell.
            self.look_at = None;
            return None;
        };
        if !due && self.followed.is_some_and(|f| f.hash == head.hash) {
            return None;
        }
        if self.shared.is_away() && self.look_at.is_some() && !due {
            return None;
        }
        self.look_at = None;
        let undecided = self.undecided().map(|t| Undecided {
            slot: t.record.slot,
            contract: t.record.contract,
            hashes: t.record.hashes.clone(),
            named: Arc::clone(&t.named),
            suspect: t.missed >= MISSES,
        });
        let watched = Watched {
            head,
            lanes: self.lanes.iter().map(super::Lane::address).collect(),
            undecided: undecided.collect(),
            suspects: self.suspects(head),
        };
        Some(observe(chain, watched).boxed())
    }

    /// Heights at which a block with transactions of ours may have been replaced. While each head is the child
    /// of the one before, that can only be those which were read before their head was followed.
    fn suspects(&self, head: Head) -> Vec<u64> {
        let child = |f: &Head| f.hash == head.parent_hash || f.hash == head.hash;
        let proven = self.followed.filter(child).map(|f| f.number);
        let heights = self.transactions.values().filter_map(|t| t.record.inclusion).map(|i| i.block_number);
        let unproven = |n: &u64| proven.is_none_or(|p| *n > p) || self.unread.contains(n);
        let suspect = |n: &u64| *n <= head.number && unproven(n);
        heights.filter(suspect).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Applies what was seen.
    pub(super) async fn observed(
        &mut self,
        seen: Result<Observation, ChainError>,
    ) -> Result<(), RelayerError> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                tracing::debug!(%error, "the chain could not be looked at");
                self.shared.set_away(true);
                self.look_soon();
                return Ok(());
            }
        };
        match self.identify().await {
            Err(RelayerError::Chain(error)) => {
                tracing::debug!(%error, "the chain could not be identified");
                self.look_soon();
                return Ok(());
            }
            other => other?,
        }
        self.shared.set_away(false);
        let mut wrote = self.undo_reorged(&seen).await?;
        for (_, tracked) in self.transactions.iter_mut().filter(|(n, _)| !seen.passed.contains_key(n)) {
            tracked.missed = 0;
        }
        for (slot, passed) in &seen.passed {
            wrote |= match passed {
                Passed::Mined { inclusion, succeeded, verdicts } => {
                    self.mined(*slot, *inclusion, *succeeded, verdicts).await?
                }
                Passed::Missed => self.missed(*slot),
                Passed::Lost(uses) => self.lost(*slot, uses, seen.head).await?,
            };
        }
        wrote |= self.finalize(seen.head).await?;
        wrote |= self.expire(seen.head).await?;
        wrote |= self.prune(seen.head)?;
        self.count_in_flight();
        self.settle(wrote).await?;
        self.followed = Some(seen.head);
        for lane in &seen.lanes {
            self.vacate(lane.address, seen.head, lane.nonce).await?;
            self.resend(lane.address, seen.head, lane.nonce).await?;
        }
        self.note(&seen);
        Ok(())
    }

    /// Blocks with transactions of ours that left the chain: their messages go back to submitted, and the
    /// transactions are sent again, because not every node returns them to its pool.
    async fn undo_reorged(&mut self, seen: &Observation) -> Result<bool, RelayerError> {
        // A block below the head that the endpoint does not know says nothing of the chain: it is asked again.
        self.unread = seen.blocks.iter().filter(|(_, hash)| hash.is_none()).map(|(n, _)| *n).collect();
        if !self.unread.is_empty() {
            tracing::debug!(heights = ?self.unread, "the endpoint does not know blocks below its head");
            self.look_soon();
        }
        let other = |i: &Inclusion, hash: Option<B256>| hash.is_some_and(|h| h != i.block_hash);
        let gone = |i: &Inclusion| seen.blocks.get(&i.block_number).is_some_and(|hash| other(i, *hash));
        let slots: Vec<Slot> = self
            .transactions
            .values()
            .filter(|t| t.record.inclusion.is_some_and(|i| gone(&i)))
            .map(|t| t.record.slot)
            .collect();
        let mut changes = Changes::default();
        for slot in &slots {
            let Some(tracked) = self.transactions.get_mut(slot) else { continue };
            let left = tracked.record.inclusion.take();
            tracked.record.finalized = false;
            (tracked.sent_at, tracked.waiting_since, tracked.missed) = (None, None, 0);
            tracked.unfit = false;
            let (hash, strange) = (tracked.record.hash(), tracked.record.is_of_stranger());
            let block = left.map(|i| i.block_number);
            tracing::warn!(lane = %slot.lane, nonce = slot.nonce, block, "a block with a batch left the chain");
            metrics::counter!("wia_relayer_reorged_transactions_total").increment(1);
            for relay_id in &tracked.record.items {
                let Some(item) = self.shared.queue.item(*relay_id)? else { continue };
                let decided = matches!(item.state(), State::Mined | State::Final | State::Skipped);
                if item.transaction != Some(*slot) || !decided {
                    continue;
                }
                let reason = Some("its block left the chain".to_owned());
                let tx_hash = left.map(|i| i.tx_hash);
                let detail = Detail { tx_hash, block, reason, ..Detail::default() };
                changes.step(*relay_id, Event::Reorg, None, detail);
                let detail = Detail { tx_hash: Some(hash), ..Detail::default() };
                changes.step(*relay_id, Event::Submit, Some(*slot), detail);
                if strange {
                    // Whether its sender sends it again is his affair.
                    let reason = Some("it was somebody else's transaction".to_owned());
                    changes.step(*relay_id, Event::Release, None, Detail { reason, ..Detail::default() });
                }
            }
            if strange {
                changes.remove.push(*slot);
                self.transactions.remove(slot);
            } else {
                changes.put.push(tracked.record.clone());
            }
        }
        if !slots.is_empty() {
            // The other branch may hold them already: that is worth a look at once.
            self.look_at = Some(Instant::now());
        }
        self.apply(&changes).await?;
        Ok(!changes.is_empty())
    }

    /// A version of the transaction is in a block.
    async fn mined(
        &mut self,
        slot: Slot,
        inclusion: Inclusion,
        succeeded: bool,
        verdicts: &[Verdict],
    ) -> Result<bool, RelayerError> {
        let Some(tracked) = self.transactions.get_mut(&slot) else { return Ok(false) };
        tracked.missed = 0;
        tracked.record.inclusion = Some(inclusion);
        let record = tracked.record.clone();
        self.unsent(slot, None);
        let Inclusion { tx_hash: hash, block_number, .. } = inclusion;
        if !succeeded {
            tracing::warn!(
                lane = %slot.lane, nonce = slot.nonce, %hash,
                "a batch reverted as a whole; its messages are queued again"
            );
        }
        let mut changes = Changes::default();
        for (index, (relay_id, verdict)) in (0_u32..).zip(record.items.iter().zip(verdicts)) {
            let Some(item) = self.shared.queue.item(*relay_id)? else { continue };
            let own = item.transaction == Some(slot) && item.state() == State::Submitted;
            let place = Detail {
                tx_hash: Some(hash),
                block: Some(block_number),
                index: Some(index),
                ..Detail::default()
            };
            match verdict {
                Verdict::Executed => {
                    if !own && !adopt(*relay_id, &item, slot, hash, &mut changes) {
                        continue;
                    }
                    changes.step(*relay_id, Event::Mine, Some(slot), place);
                }
                Verdict::ByStranger(execution) if own => {
                    self.waste(&item);
                    self.adopt_stranger((*relay_id, &item), execution, &mut changes)?;
                }
                Verdict::Skipped(reason) if own => {
                    self.waste(&item);
                    let detail = Detail { reason: Some(reason.clone()), ..place };
                    changes.step(*relay_id, Event::Skip, Some(slot), detail);
                }
                Verdict::Failed(why) if own => {
                    self.waste(&item);
                    let reason = format!("{why} in transaction {hash}");
                    let cause = Cause::Futile { held: 1 };
                    self.release((*relay_id, &item), cause, reason, block_number, &mut changes)?;
                }
                Verdict::Nothing if own => {
                    let what = if succeeded { "did nothing with it" } else { "reverted" };
                    let reason = format!("transaction {hash} {what}");
                    let cause = Cause::Futile { held: record.items.len() };
                    self.release((*relay_id, &item), cause, reason, block_number, &mut changes)?;
                }
                Verdict::Skipped(_) | Verdict::ByStranger(_) | Verdict::Failed(_) | Verdict::Nothing => {}
            }
        }
        changes.put.push(record);
        self.apply(&changes).await?;
        Ok(true)
    }

    /// The batch paid for an item that did nothing: its signer's quota does. Whoever has a message relayed and uses its
    /// nonce elsewhere could otherwise burn a lane's money for nothing.
    fn waste(&self, item: &Item) {
        // Other actions may get as far as all but their end.
        let message = &item.message;
        let gas = message.payee().map_or_else(|| message.execution_gas(), |_| SKIPPED_TRANSFER_GAS);
        self.shared.quota.waste(message.signer(), gas, std::time::Instant::now());
    }

    fn missed(&mut self, slot: Slot) -> bool {
        if let Some(tracked) = self.transactions.get_mut(&slot) {
            tracked.missed = tracked.missed.saturating_add(1);
            self.look_soon();
        }
        false
    }

    /// The chain has passed the nonce, and none of the versions is in it: something else used the account. The
    /// chain says of each message whether somebody executed it; what is not executed is queued again.
    async fn lost(&mut self, slot: Slot, uses: &[Use], head: Head) -> Result<bool, RelayerError> {
        let Some(tracked) = self.transactions.remove(&slot) else { return Ok(false) };
        let hash = tracked.record.hash();
        tracing::warn!(
            lane = %slot.lane, nonce = slot.nonce, %hash,
            "the nonce was used by another transaction of this account"
        );
        let mut changes = Changes::default();
        changes.remove.push(slot);
        for (relay_id, used) in tracked.record.items.iter().zip(uses) {
            let Some(item) = self.shared.queue.item(*relay_id)? else { continue };
            if item.transaction != Some(slot) || item.state() != State::Submitted {
                continue;
            }
            match used {
                Use::Theirs(execution) => {
                    self.adopt_stranger((*relay_id, &item), execution, &mut changes)?;
                }
                Use::Otherwise => {
                    let reason = Some("AuthorizationAlreadyUsed".to_owned());
                    let detail = Detail { block: Some(head.number), reason, ..Detail::default() };
                    changes.step(*relay_id, Event::Skip, None, detail);
                }
                Use::Unused | Use::Ours => {
                    let reason = format!("transaction {hash} can no longer be mined");
                    self.release((*relay_id, &item), Cause::Lost, reason, head.number, &mut changes)?;
                }
            }
        }
        self.apply(&changes).await?;
        Ok(true)
    }

    /// Depths: final, and too deep to follow.
    async fn finalize(&mut self, head: Head) -> Result<bool, RelayerError> {
        let config = &self.shared.config;
        let (enough, most) = (config.final_confirmations, config.max_reorg_depth);
        let mut changes = Changes::default();
        for (slot, tracked) in &mut self.transactions {
            let Some(inclusion) = tracked.record.inclusion else { continue };
            if self.unread.contains(&inclusion.block_number) {
                continue;
            }
            let confirmations = (head.number + 1).saturating_sub(inclusion.block_number);
            if confirmations >= enough && !tracked.record.finalized {
                tracked.record.finalized = true;
                for relay_id in &tracked.record.items {
                    let item = self.shared.queue.item(*relay_id)?;
                    if item.is_some_and(|i| i.transaction == Some(*slot) && i.state() == State::Mined) {
                        let detail = Detail { confirmations: Some(confirmations), ..Detail::default() };
                        changes.step(*relay_id, Event::Finalize, Some(*slot), detail);
                    }
                }
                changes.put.push(tracked.record.clone());
            }
            if confirmations > most.max(enough) {
                changes.put.retain(|record| record.slot != *slot);
                changes.remove.push(*slot);
            }
        }
        for slot in &changes.remove {
            self.transactions.remove(slot);
        }
        self.apply(&changes).await?;
        Ok(!changes.is_empty())
    }

    /// What still waits when its time is over, by the chain's clock.
    async fn expire(&mut self, head: Head) -> Result<bool, RelayerError> {
        let mut changes = Changes::default();
        for relay_id in self.shared.queue.overdue(head.timestamp) {
            let reason = Some("validBefore has passed".to_owned());
            changes.step(relay_id, Event::Expire, None, Detail { reason, ..Detail::default() });
        }
        self.apply(&changes).await?;
        Ok(!changes.is_empty())
    }

    /// Forgets what ended long ago, by the slower one of the chain's clock and ours.
    fn prune(&self, head: Head) -> Result<bool, RelayerError> {
        let config = &self.shared.config;
        let retention = Retention {
            failed_s: config.failed_retention_s,
            final_s: config.final_retention_s,
            failed_most: config.max_failed_items,
        };
        let moment = head.timestamp.min(now().0 / 1_000);
        let named = || self.transactions.values().flat_map(|t| t.record.items.iter().copied()).collect();
        let gone = self.shared.queue.prune(retention, moment, PRUNED_PER_LOOK, named);
        // What cannot be forgotten now is forgotten later.
        let gone = if_there_is_room(gone)?.unwrap_or(0);
        if gone > 0 {
            tracing::debug!(messages = gone, "forgot messages that ended long ago");
            metrics::counter!("wia_relayer_forgotten_total").increment(count(gone));
        }
        Ok(gone > 0)
    }
}

/// Ties a message to a transaction that executed it although the message had moved on. False when another
/// transaction is known to have executed it: one of the two blocks is about to leave the chain.
pub(super) fn adopt(relay_id: B256, item: &Item, slot: Slot, hash: B256, changes: &mut Changes) -> bool {
    let way: &[Event] = match item.state() {
        State::Accepted => &[Event::Claim, Event::Submit],
        State::Claimed | State::Submitted | State::Reorged => &[Event::Submit],
        State::Skipped | State::Rejected | State::Expired => &[Event::Accept, Event::Claim, Event::Submit],
        State::Mined | State::Final => return false,
    };
    for event in way {
        let tx_hash = (*event == Event::Submit).then_some(hash);
        changes.step(relay_id, *event, Some(slot), Detail { tx_hash, ..Detail::default() });
    }
    true
}
