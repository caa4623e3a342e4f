//! Messages that somebody else submitted: another relayer of the mesh, the signer himself, or a rival.
//!
//! In: a transaction in a block that used a message's authorization. Out: the message is mined, in that transaction,
//! which is followed like our own: until it is final, and back to the queue when its block leaves the chain.

use alloy::primitives::B256;

use super::{Engine, Tracked};
use crate::RelayerError;
use crate::engine::follow::adopt;
use crate::engine::observe::Execution;
use crate::queue::Changes;
use crate::queue::record::{Detail, Inclusion, Item, Transaction};
use crate::state::Event;

impl Engine {
    /// Ties a message to the stranger's transaction that executed it. The record is followed from now on.
    pub(super) fn adopt_stranger(
        &mut self,
        (relay_id, item): (B256, &Item),
        execution: &Execution,
        changes: &mut Changes,
    ) -> Result<(), RelayerError> {
        let Execution { slot, tx_hash, block_number, block_hash } = *execution;
        // One of our own under that nonce: its receipt will say what it did.
        let known = self.transactions.get(&slot);
        if known.is_some_and(|t| t.record.inclusion.is_none_or(|i| i.tx_hash != tx_hash)) {
            return Ok(());
        }
        if !adopt(relay_id, item, slot, tx_hash, changes) {
            return Ok(());
        }
        let detail = Detail { tx_hash: Some(tx_hash), block: Some(block_number), ..Detail::default() };
        changes.step(relay_id, Event::Mine, Some(slot), detail);
        tracing::info!(%relay_id, %tx_hash, by = %slot.lane, "somebody else submitted a message");
        metrics::counter!("wia_relayer_executed_by_others_total").increment(1);
        if !self.transactions.contains_key(&slot) {
            let inclusion = Inclusion { tx_hash, block_number, block_hash };
            let record = Transaction::of_stranger(slot, item.contract, inclusion);
            self.signed += 1;
            let tracked = Tracked::of(record, self.signed, &self.shared.queue)?;
            self.transactions.insert(slot, tracked);
        }
        if let Some(tracked) = self.transactions.get_mut(&slot)
            && !tracked.record.items.contains(&relay_id)
        {
            tracked.record.items.push(relay_id);
            changes.put.retain(|record| record.slot != slot);
            changes.put.push(tracked.record.clone());
        }
        Ok(())
    }
}
