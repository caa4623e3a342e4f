//! Nonces that must be used so that what stands behind them can be mined: an empty transfer of the lane to itself.
//!
//! In: a transaction that fits no block, or a nonce that no transaction of ours holds. Out: an empty transaction
//! under that nonce, on disk before it is sent.

use alloy::primitives::{Address, Bytes};
use wia_protocol::relay::State;

use super::release::Cause;
use super::{Engine, Tracked};
use crate::RelayerError;
use crate::chain::Head;
use crate::lane::fees::{offer, raise};
use crate::lane::sign::{Unsigned, sign};
use crate::queue::Changes;
use crate::queue::record::Transaction;

/// Gas of a transfer to a plain key.
const EMPTY_GAS: u64 = 21_000;

impl Engine {
    /// Looks for such nonces.
    pub(super) async fn vacate(&mut self, head: Head, chain_nonce: u64) -> Result<(), RelayerError> {
        let unfit = |t: &&Tracked| !t.record.is_empty() && (t.unfit || t.record.gas_limit > head.gas_limit);
        let unfit: Vec<u64> = self.undecided().filter(unfit).map(|t| t.record.nonce).collect();
        for nonce in unfit.into_iter().filter(|n| *n >= chain_nonce) {
            self.empty(nonce, head).await?;
        }
        self.fill_gap(head, chain_nonce).await
    }

    /// Replaces a transaction that no price gets into a block; its messages go back to the queue.
    async fn empty(&mut self, nonce: u64, head: Head) -> Result<(), RelayerError> {
        let Some(tracked) = self.transactions.get(&nonce) else { return Ok(()) };
        let mut record = tracked.record.clone();
        let (before, unfit) = (record.fees, record.hash());
        let fresh = offer(head.base_fee_per_gas, before.priority.unwrap_or(before.max_fee), self.caps()).ok();
        record.fees = raise(before, fresh, self.caps()).unwrap_or(before);
        // The messages stay on the record: should an older version be mined after all, it is theirs.
        (record.input, record.gas_limit) = (Bytes::new(), EMPTY_GAS);
        self.sign_version(&mut record)?;
        tracing::warn!(nonce, %unfit, "a transaction fits no block: an empty one takes its nonce");
        let mut changes = Changes::default();
        let cause = Cause::Futile { held: record.items.len() };
        for relay_id in &record.items {
            let Some(item) = self.shared.queue.item(*relay_id)? else { continue };
            if item.transaction == Some(nonce) && item.state() == State::Submitted {
                let reason = format!("transaction {unfit} fits no block");
                self.release((*relay_id, &item), cause, reason, head.number, &mut changes)?;
            }
        }
        changes.put.push(record.clone());
        self.apply(&changes)?;
        self.settle(true).await?;
        if let Some(tracked) = self.transactions.get_mut(&nonce) {
            tracked.record = record;
            tracked.promises.clear();
            (tracked.unfit, tracked.sent_at, tracked.waiting_since) = (false, None, Some(head.number));
        }
        Ok(())
    }

    /// Fills the lowest nonce that nobody holds below one that waits, once it has been missing for as long as
    /// a stuck transaction may stay: until then, the endpoint may just be behind.
    async fn fill_gap(&mut self, head: Head, chain_nonce: u64) -> Result<(), RelayerError> {
        let nonce = self.next_nonce(chain_nonce);
        let Some(fees) = self.undecided().find(|t| t.record.nonce > nonce).map(|t| t.record.fees) else {
            self.gap_since = None;
            return Ok(());
        };
        let since = *self.gap_since.get_or_insert(head.number);
        if head.number < since.saturating_add(self.shared.config.replace_after_blocks) {
            return Ok(());
        }
        tracing::warn!(nonce, "nobody holds a nonce below one that waits: an empty transaction takes it");
        let mut record =
            Transaction::unsigned(nonce, Address::ZERO, Vec::new(), Bytes::new(), EMPTY_GAS, fees);
        self.sign_version(&mut record)?;
        let mut changes = Changes::default();
        changes.put.push(record.clone());
        self.apply(&changes)?;
        self.settle(true).await?;
        self.transactions.insert(nonce, Tracked::new(record, Vec::new()));
        Ok(())
    }

    /// Signs the record as it stands, as its newest version.
    pub(super) fn sign_version(&self, record: &mut Transaction) -> Result<(), RelayerError> {
        let to = if record.is_empty() { self.signer.address() } else { record.contract };
        let unsigned = Unsigned {
            chain_id: self.shared.config.deployment.chain_id,
            nonce: record.nonce,
            to,
            input: &record.input,
            gas_limit: record.gas_limit,
            fees: record.fees,
        };
        let (hash, raw) = sign(&self.signer, unsigned)?;
        record.hashes.push(hash);
        record.raw = raw;
        Ok(())
    }
}
