//! What the log is made of: one entry for each change of the chain by one block.
//!
//! An entry at offset `o` takes the offsets `o` (itself) and `o + 1 + i` (its event `i`), so every event has an
//! offset of its own (C-050's numbers) and offsets only grow. Events are kept as the chain has them, topics and data:
//! what an ABI says of them is decoded when somebody asks ([`crate::chain::catalog`]), so that nothing is lost to an
//! ABI that does not know it yet.

pub(crate) mod encoding;

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, Bytes, U256, b256};
use serde::{Deserialize, Serialize};
use wia_abi::BlockNumber;
use wia_protocol::Timestamp;

use crate::chain::block::{BlockRef, Head};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

/// Which way a block went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It became the head.
    Committed,
    /// It was the head and left the chain.
    Retracted {
        /// The entry that committed it, whose offsets its ids carry.
        committed_at: Offset,
    },
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub offset: Offset,
    /// Which way the block went.
    pub change: Change,
    /// The block; a retraction holds the same as the commit.
    pub block: Block,
}

/// One balance: of which token contract, whose.
pub type Account = (Address, Address);

/// A block with what our contracts did in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: B256,
    /// Hash of the block below.
    pub parent_hash: B256,
    /// Unix seconds.
    pub timestamp_s: u64,
    /// The transactions that have events, in their order.
    pub transactions: Vec<B256>,
    /// By log index.
    pub events: Vec<EventRecord>,
    /// What each account that this block's transfers touch had below it, wei, by account; only for contracts whose
    /// balances are kept.
    pub opening: Vec<(Account, U256)>,
}

/// One event of a block, as the chain has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// Its place among all logs of the block.
    pub log_index: u64,
    /// Its transaction's place in [`Block::transactions`].
    pub transaction: u32,
    /// Who emitted it.
    pub contract: Address,
    /// Zero to four; the first is the signature's hash unless the event is anonymous.
    pub topics: Vec<B256>,
    /// The arguments that are not indexed, ABI-encoded.
    pub data: Bytes,
}

/// The most topics of an event: what the EVM has instructions for (LOG0 … LOG4).
pub(crate) const MAX_TOPICS: usize = 4;

/// `Transfer(address,address,uint256)` (ERC-20, C-092).
pub const TRANSFER: B256 = b256!("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

/// An ERC-20 transfer; from the zero address: minted, to it: burnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    /// Sender.
    pub from: Address,
    /// Recipient.
    pub to: Address,
    /// Wei.
    pub value: U256,
}

/// A transfer with what both sides had before it, wei. The zero address has nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The event's place in [`Block::events`].
    pub event: usize,
    /// Who sent what to whom.
    pub transfer: Transfer,
    /// The sender's balance before.
    pub from_before: U256,
    /// The recipient's balance before.
    pub to_before: U256,
}

impl EventRecord {
    /// The event as an ERC-20 transfer, when it has exactly that form.
    #[must_use]
    pub fn transfer(&self) -> Option<Transfer> {
        let [TRANSFER, from, to] = self.topics[..] else { return None };
        Some(Transfer {
            from: address_in(&from)?,
            to: address_in(&to)?,
            value: U256::from_be_bytes(<[u8; 32]>::try_from(&self.data[..]).ok()?),
        })
    }
}

/// The address that a 32-byte word holds; `None` when its upper twelve bytes are used.
#[must_use]
pub(crate) fn address_in(word: &B256) -> Option<Address> {
    word[..12].iter().all(|b| *b == 0).then(|| Address::from_slice(&word[12..]))
}

impl Block {
    /// Height and hash.
    #[must_use]
    pub fn reference(&self) -> BlockRef {
        BlockRef { number: self.number, hash: self.hash }
    }

    /// The block as a head.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { number: self.number, hash: self.hash, timestamp: self.timestamp() }
    }

    /// When it was made.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_secs(self.timestamp_s)
    }

    /// The events of the transaction at that place of [`Block::transactions`], with their own places.
    pub fn events_of(&self, transaction: usize) -> impl Iterator<Item = (usize, &EventRecord)> {
        self.events.iter().enumerate().filter(move |(_, e)| e.transaction as usize == transaction)
    }

    /// The transfers whose balances are kept, in log order, each with the balances before it. The ledger has
    /// checked the sums when it wrote `opening`; what wraps here was never committed.
    #[must_use]
    pub fn movements(&self) -> Vec<Movement> {
        self.walk().0
    }

    /// What each account of `opening` has after this block.
    #[must_use]
    pub fn closing(&self) -> BTreeMap<Account, U256> {
        self.walk().1
    }

    fn walk(&self) -> (Vec<Movement>, BTreeMap<Account, U256>) {
        let mut running: BTreeMap<Account, U256> = self.opening.iter().copied().collect();
        let mut movements = Vec::new();
        if running.is_empty() {
            return (movements, running);
        }
        for (event, record) in self.events.iter().enumerate() {
            let Some(transfer) = record.transfer() else { continue };
            let known = |side: Address| side.is_zero() || running.contains_key(&(record.contract, side));
            let nobody = transfer.from.is_zero() && transfer.to.is_zero();
            if nobody || !known(transfer.from) || !known(transfer.to) {
                continue;
            }
            let from = running.get_mut(&(record.contract, transfer.from));
            let from_before = from.map_or(U256::ZERO, |balance| {
                let before = *balance;
                *balance = before.wrapping_sub(transfer.value);
                before
            });
            // After the sender's: both may be the same account.
            let to = running.get_mut(&(record.contract, transfer.to));
            let to_before = to.map_or(U256::ZERO, |balance| {
                let before = *balance;
                *balance = before.wrapping_add(transfer.value);
                before
            });
            movements.push(Movement { event, transfer, from_before, to_before });
        }
        (movements, running)
    }
}

impl Entry {
    /// Where the next entry stands.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        Offset(self.offset.0 + 1 + self.block.events.len() as u64)
    }

    /// What the accounts of its block have after it.
    #[must_use]
    pub fn balances(&self) -> BTreeMap<Account, U256> {
        if self.is_retraction() { self.block.opening.iter().copied().collect() } else { self.block.closing() }
    }

    /// Whether the block left the chain.
    #[must_use]
    pub fn is_retraction(&self) -> bool {
        matches!(self.change, Change::Retracted { .. })
    }

    /// The number that event `index` carries in ids: the same in its commit and in its retraction.
    #[must_use]
    pub fn event_offset(&self, index: usize) -> Offset {
        let entry = match self.change {
            Change::Committed => self.offset,
            Change::Retracted { committed_at } => committed_at,
        };
        Offset(entry.0 + 1 + index as u64)
    }
}

#[cfg(test)]
mod tests;
