//! Nonces that must be used so that what stands behind them can be mined: an empty transfer of the lane to itself.
//!
//! In: a transaction that fits no block or that nothing valid is in any more, or a nonce that no transaction of ours
//! holds. Out: an empty transaction under that nonce, on disk before it is sent.

use alloy::primitives::{Address, Bytes};
use wia_protocol::relay::State;

use super::release::Cause;
use super::{Engine, Tracked};
use crate::RelayerError;
use crate::chain::Head;
use crate::queue::Changes;
use crate::queue::record::{Slot, Transaction};

/// Gas of a transfer to a plain key.
const EMPTY_GAS: u64 = 21_000;

/// Why a transaction is not worth its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Idle {
    /// No price gets it into a block.
    Unfit,
    /// The time of all its messages is over: it would pay for skipping them.
    Expired,
}

impl Engine {
    /// Looks for such nonces of one lane, whose next nonce in the chain is `chain_nonce`.
    pub(super) async fn vacate(
        &mut self,
        lane: Address,
        head: Head,
        chain_nonce: u64,
    ) -> Result<(), RelayerError> {
        let waiting = self.undecided_of(lane).filter(|t| t.record.slot.nonce >= chain_nonce);
        let idle: Vec<_> = waiting.filter_map(|t| Some((t.record.slot, t.idle(head)?))).collect();
        for (slot, idle) in idle {
            self.empty(slot, idle, head).await?;
        }
        self.fill_gap(lane, head, chain_nonce).await
    }

    /// Replaces a transaction; its messages go back to the queue, where those that have expired end.
    async fn empty(&mut self, slot: Slot, idle: Idle, head: Head) -> Result<(), RelayerError> {
        let Some(tracked) = self.transactions.get(&slot) else { return Ok(()) };
        let mut record = tracked.record.clone();
        let replaced = record.hash();
        record.fees = self.raised(record.fees, head).unwrap_or(record.fees);
        // The messages stay on the record: should an older version be mined after all, it is theirs.
        (record.input, record.gas_limit) = (Bytes::new(), EMPTY_GAS);
        let Slot { lane, nonce } = slot;
        if let Err(reason) = self.sign_version(&mut record).await {
            tracing::warn!(%lane, nonce, %reason, "an empty transaction could not be signed");
            return Ok(());
        }
        let (why, cause) = match idle {
            Idle::Unfit => ("fits no block", Cause::Futile { held: record.items.len() }),
            Idle::Expired => ("holds nothing that is still valid", Cause::Lost),
        };
        tracing::warn!(%lane, nonce, %replaced, why, "an empty transaction takes a nonce");
        let mut changes = Changes::default();
        for relay_id in &record.items {
            let Some(item) = self.shared.queue.item(*relay_id)? else { continue };
            if item.transaction == Some(slot) && item.state() == State::Submitted {
                let reason = format!("transaction {replaced} {why}");
                self.release((*relay_id, &item), cause, reason, head.number, &mut changes)?;
            }
        }
        changes.put.push(record.clone());
        self.apply(&changes).await?;
        self.settle(true).await?;
        if let Some(tracked) = self.transactions.get_mut(&slot) {
            tracked.record = record;
            tracked.promises.clear();
            (tracked.unfit, tracked.sent_at, tracked.waiting_since) = (false, None, Some(head.number));
        }
        Ok(())
    }

    /// Fills the lowest nonce that nobody holds below one that waits, once it has been missing for as long as
    /// a stuck transaction may stay: until then, the endpoint may just be behind.
    async fn fill_gap(&mut self, lane: Address, head: Head, chain_nonce: u64) -> Result<(), RelayerError> {
        let nonce = self.next_nonce(lane, chain_nonce);
        let behind = self.undecided_of(lane).find(|t| t.record.slot.nonce > nonce).map(|t| t.record.fees);
        let patience = self.shared.config.replace_after_blocks;
        let Some(account) = self.lanes.iter_mut().find(|known| known.address() == lane) else {
            return Ok(());
        };
        let Some(fees) = behind else {
            account.gap_since = None;
            return Ok(());
        };
        let since = *account.gap_since.get_or_insert(head.number);
        if head.number < since.saturating_add(patience) {
            return Ok(());
        }
        tracing::warn!(%lane, nonce, "nobody holds a nonce below one that waits: an empty transaction takes it");
        let slot = Slot { lane, nonce };
        let mut record =
            Transaction::unsigned(slot, Address::ZERO, Vec::new(), Bytes::new(), EMPTY_GAS, fees);
        if let Err(reason) = self.sign_version(&mut record).await {
            tracing::warn!(%lane, nonce, %reason, "an empty transaction could not be signed");
            return Ok(());
        }
        let mut changes = Changes::default();
        changes.put.push(record.clone());
        self.apply(&changes).await?;
        self.settle(true).await?;
        self.track(record)
    }
}

impl Tracked {
    fn idle(&self, head: Head) -> Option<Idle> {
        if self.record.is_empty() {
            None
        } else if self.unfit || self.record.gas_limit > head.gas_limit {
            Some(Idle::Unfit)
        } else {
            // The next block is the first that could hold it, and is later than this one.
            (self.expires <= head.timestamp).then_some(Idle::Expired)
        }
    }
}
