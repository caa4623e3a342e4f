//! Sends again what the endpoint may not have, and raises the fees of the transaction that its lane waits for.

use alloy::primitives::Address;

use super::Engine;
use crate::RelayerError;
use crate::chain::Head;
use crate::lane::fees::{offer, raise};
use crate::queue::Changes;
use crate::queue::record::{Detail, Fees, Slot};
use crate::state::Event;
use wia_protocol::relay::State;

impl Engine {
    /// For one lane, whose next nonce in the chain is `chain_nonce`.
    pub(super) async fn resend(
        &mut self,
        lane: Address,
        head: Head,
        chain_nonce: u64,
    ) -> Result<(), RelayerError> {
        let config = &self.shared.config;
        let (again, stale) = (config.rebroadcast_after_blocks, config.replace_after_blocks);
        let older = |since: u64, blocks: u64| head.number >= since.saturating_add(blocks);
        // Only the next one: no price helps what stands behind a nonce that is not used yet (a gap, or an endpoint
        // whose state is behind).
        let next = self.undecided_of(lane).find(|t| t.record.slot.nonce == chain_nonce);
        let stuck = next.filter(|t| t.waiting_since.is_some_and(|since| older(since, stale)));
        if let Some(slot) = stuck.map(|t| t.record.slot) {
            self.replace(slot, head).await?;
        }
        let unknown = |sent_at: Option<u64>| sent_at.is_none_or(|at| older(at, again));
        let due: Vec<Slot> = self
            .undecided_of(lane)
            .filter(|t| t.record.slot.nonce >= chain_nonce && unknown(t.sent_at))
            .map(|t| t.record.slot)
            .collect();
        due.into_iter().for_each(|slot| self.send(slot));
        Ok(())
    }

    /// What a transaction must offer to take the place of one that offered `before`; `None` when the caps forbid it.
    pub(super) fn raised(&self, before: Fees, head: Head) -> Option<Fees> {
        let caps = self.caps();
        let fresh = offer(head.base_fee_per_gas, before.priority.unwrap_or(before.max_fee), caps).ok();
        raise(before, fresh, caps)
    }

    /// Signs the same transaction with higher fees, under the same nonce: only one version can be mined.
    async fn replace(&mut self, slot: Slot, head: Head) -> Result<(), RelayerError> {
        let Some(tracked) = self.transactions.get(&slot) else { return Ok(()) };
        let Slot { lane, nonce } = slot;
        let Some(fees) = self.raised(tracked.record.fees, head) else {
            tracing::warn!(%lane, nonce, "a transaction is stuck, and the fee cap forbids raising its fees");
            return Ok(());
        };
        let mut record = tracked.record.clone();
        record.fees = fees;
        if let Err(reason) = self.sign_version(&mut record).await {
            tracing::warn!(%lane, nonce, %reason, "a replacement could not be signed");
            return Ok(());
        }
        let hash = record.hash();
        tracing::info!(%lane, nonce, %hash, max_fee = fees.max_fee, "raised the fees of a stuck transaction");
        let mut changes = Changes::default();
        for relay_id in &record.items {
            let item = self.shared.queue.item(*relay_id)?;
            if item.is_some_and(|i| i.transaction == Some(slot) && i.state() == State::Submitted) {
                let detail = Detail { tx_hash: Some(hash), ..Detail::default() };
                changes.step(*relay_id, Event::Submit, Some(slot), detail);
            }
        }
        changes.put.push(record.clone());
        self.apply(&changes).await?;
        self.settle(true).await?;
        if let Some(tracked) = self.transactions.get_mut(&slot) {
            tracked.record = record;
            tracked.sent_at = None;
            tracked.waiting_since = Some(head.number);
        }
        Ok(())
    }
}
