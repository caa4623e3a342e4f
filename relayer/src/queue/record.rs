//! What stands on disk: messages with their history, and the lanes' transactions.
//!
//! Kept apart from the wire types, whose optional members are left out when empty: a format without names
//! (postcard) cannot read that back.

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use wia_abi::Authorization;
use wia_protocol::Timestamp;
use wia_protocol::relay::{Receipt, Refusal, State, Status, Update};

use crate::intake::policy::Price;

/// The most steps of one message that are kept. A message that fails and is handed in again and again drops
/// its oldest steps, so that one record stays small.
pub(crate) const MAX_HISTORY: usize = 128;

/// One accepted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) contract: Address,
    pub(crate) message: Authorization,
    pub(crate) signature: Bytes,
    /// The signer is a contract that was asked by ERC-1271.
    pub(crate) by_contract: bool,
    /// Counts acceptances: what was accepted first goes first within a batch.
    pub(crate) order: u64,
    /// When it must go at the latest, Unix seconds: its `validBefore`, or the moment promised by the receipt if
    /// that is earlier. What waits is ordered by it, so that no message starves behind shorter-lived ones.
    pub(crate) due: u64,
    pub(crate) receipt: Receipt,
    /// Oldest first; never empty.
    pub(crate) history: Vec<Step>,
    /// The transaction that holds it.
    pub(crate) transaction: Option<Slot>,
    /// How often a transaction that held it alone did nothing.
    pub(crate) attempts: u32,
    /// What it does to its signer's credit.
    pub(crate) price: Price,
    /// Number of the newest write that changed it.
    pub(crate) written: u64,
}

/// One step of a message's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) state: State,
    pub(crate) sequence: u32,
    pub(crate) at: Timestamp,
    pub(crate) detail: Detail,
}

/// What a step has to say beyond the state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Detail {
    pub(crate) tx_hash: Option<B256>,
    pub(crate) block: Option<u64>,
    pub(crate) index: Option<u32>,
    pub(crate) confirmations: Option<u64>,
    pub(crate) reason: Option<String>,
    pub(crate) refusal: Option<Refusal>,
}

/// A nonce of an account: what one transaction takes, in whatever version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) lane: Address,
    pub(crate) nonce: u64,
}

/// A transaction that holds messages of ours: of a lane, from the moment its bytes are signed; of a stranger, who
/// submitted them himself, from the moment it is seen in a block. Both until they are buried too deep to return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) slot: Slot,
    /// Where it goes: the contract of its messages, or what carries those of several.
    pub(crate) contract: Address,
    /// In batch order.
    pub(crate) items: Vec<B256>,
    pub(crate) input: Bytes,
    pub(crate) gas_limit: u64,
    pub(crate) fees: Fees,
    /// Of every version that was ever signed, oldest first; any of them may be mined.
    pub(crate) hashes: Vec<B256>,
    /// The newest version's bytes; of a stranger's transaction none.
    pub(crate) raw: Bytes,
    pub(crate) inclusion: Option<Inclusion>,
    /// Its messages were told that they are final.
    pub(crate) finalized: bool,
}

/// What a transaction offers per gas, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fees {
    /// In all.
    pub(crate) max_fee: u128,
    /// To the builder; `None` on a chain without base fee, where the transaction is a legacy one.
    pub(crate) priority: Option<u128>,
}

/// The block that holds a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Inclusion {
    pub(crate) tx_hash: B256,
    pub(crate) block_number: u64,
    pub(crate) block_hash: B256,
}

impl Item {
    pub(crate) fn state(&self) -> State {
        self.last().map_or(State::Accepted, |step| step.state)
    }

    pub(crate) fn last(&self) -> Option<&Step> {
        self.history.last()
    }

    /// Appends a step, and forgets the oldest beyond [`MAX_HISTORY`].
    pub(crate) fn push(&mut self, state: State, at: Timestamp, detail: Detail) -> Step {
        let sequence = self.last().map_or(0, |step| step.sequence.saturating_add(1));
        let step = Step { state, sequence, at, detail };
        self.history.push(step.clone());
        if self.history.len() > MAX_HISTORY {
            self.history.remove(0);
        }
        step
    }

    /// All steps as they go over the wire.
    pub(crate) fn updates(&self, relay_id: B256) -> Vec<Update> {
        self.history.iter().map(|step| step.update(relay_id)).collect()
    }

    pub(crate) fn status(&self, relay_id: B256) -> Option<Status> {
        let last = self.last()?.update(relay_id);
        Some(Status { last, receipt: self.receipt.clone(), history: self.updates(relay_id) })
    }

    /// `validBefore` in Unix seconds; beyond 64 bits is never.
    pub(crate) fn deadline(&self) -> u64 {
        self.message.valid_before().saturating_to()
    }
}

impl Step {
    pub(crate) fn update(&self, relay_id: B256) -> Update {
        let Detail { tx_hash, block, index, confirmations, reason, refusal } = self.detail.clone();
        Update {
            relay_id,
            status: self.state,
            sequence: self.sequence,
            updated_at: self.at,
            tx_hash,
            block,
            index,
            confirmations,
            reason,
            refusal,
        }
    }
}

impl Slot {
    /// Sorts by account, then by nonce.
    pub(crate) fn key(self) -> [u8; 28] {
        let mut key = [0; 28];
        key[..20].copy_from_slice(self.lane.as_slice());
        key[20..].copy_from_slice(&self.nonce.to_be_bytes());
        key
    }
}

impl Transaction {
    /// One that no version was signed of yet.
    pub(crate) fn unsigned(
        slot: Slot,
        contract: Address,
        items: Vec<B256>,
        input: Bytes,
        gas_limit: u64,
        fees: Fees,
    ) -> Self {
        let (hashes, raw) = (Vec::new(), Bytes::new());
        Self { slot, contract, items, input, gas_limit, fees, hashes, raw, inclusion: None, finalized: false }
    }

    /// One that a stranger sent: all that is known of it is where it stands.
    pub(crate) fn of_stranger(slot: Slot, contract: Address, inclusion: Inclusion) -> Self {
        let fees = Fees { max_fee: 0, priority: None };
        let mut record = Self::unsigned(slot, contract, Vec::new(), Bytes::new(), 0, fees);
        record.hashes.push(inclusion.tx_hash);
        record.inclusion = Some(inclusion);
        record
    }

    /// Whether the other record says the same, but for where it stands in the chain.
    pub(crate) fn differs_in_standing_only(&self, other: &Self) -> bool {
        let Self { slot, contract, items, input, gas_limit, fees, hashes, raw, inclusion: _, finalized: _ } =
            self;
        let same = (*slot, *contract, *gas_limit, *fees)
            == (other.slot, other.contract, other.gas_limit, other.fees);
        same && *items == other.items && *hashes == other.hashes && *input == other.input && *raw == other.raw
    }

    /// A stranger sent it: there is nothing to send again.
    pub(crate) fn is_of_stranger(&self) -> bool {
        self.raw.is_empty()
    }

    /// It only takes its nonce: a lane's transfer of nothing to itself.
    pub(crate) fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Not known to be in a block.
    pub(crate) fn is_undecided(&self) -> bool {
        self.inclusion.is_none()
    }

    /// The hash under which it is in the chain, or else of its newest version.
    pub(crate) fn hash(&self) -> B256 {
        self.inclusion.map_or_else(|| self.hashes.last().copied().unwrap_or_default(), |i| i.tx_hash)
    }
}

#[cfg(test)]
mod tests;
