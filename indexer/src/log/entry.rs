//! What the log is made of: one entry for each change of the chain by one block.
//!
//! An entry at offset `o` takes the offsets `o` (itself) and `o + 1 + i` (its event `i`), so every event has an
//! offset of its own (C-050's numbers) and offsets only grow. Encoded with postcard behind one format byte, which
//! leaves room for compressed entries.

mod compact;

use alloy::primitives::{Address, B256, Bytes, FixedBytes, U256};
use serde::{Deserialize, Serialize};
use wia_abi::BlockNumber;
use wia_protocol::Timestamp;

use crate::chain::block::{BlockRef, Head};

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub u64);

/// Which way a block went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

/// A block with what our contracts did in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// One event of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its place among all logs of the block.
    pub log_index: u64,
    /// Its transaction's place in [`Block::transactions`].
    pub transaction: u32,
    /// Who emitted it.
    pub contract: Address,
    /// What it says.
    pub event: Event,
    /// What both sides of a transfer had before it; `None` for other events.
    pub before: Option<Before>,
}

/// Balances before a transfer, wei. The zero address has none: 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Of the sender.
    #[serde(with = "compact")]
    pub from: U256,
    /// Of the recipient.
    #[serde(with = "compact")]
    pub to: U256,
}

/// An event of `CarbonCredit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// C-092; from the zero address: minted, to it: retired.
    Transfer {
        /// Sender.
        from: Address,
        /// Recipient.
        to: Address,
        /// Wei.
        #[serde(with = "compact")]
        value: U256,
    },
    /// C-093.
    CreditMinted {
        /// Who got the credits.
        recipient: Address,
        /// Wei.
        #[serde(with = "compact")]
        amount: U256,
        /// The credit's id.
        credit_id: String,
    },
    /// ERC-3009: an authorization was carried out.
    AuthorizationUsed {
        /// Its signer.
        authorizer: Address,
        /// Its nonce.
        nonce: B256,
    },
    /// ERC-3009: an authorization was taken back.
    AuthorizationCanceled {
        /// Its signer.
        authorizer: Address,
        /// Its nonce.
        nonce: B256,
    },
    /// An item of a batch was passed over.
    AuthorizationSkipped {
        /// Its place in the batch.
        #[serde(with = "compact")]
        index: U256,
        /// The EIP-712 digest of the message.
        digest: B256,
        /// Selector of the error it would have reverted with.
        reason: FixedBytes<4>,
    },
    /// Any other log of the contract, as it came.
    Raw {
        /// Zero to four.
        topics: Vec<B256>,
        /// Not decoded.
        data: Bytes,
    },
}

impl Event {
    /// The accounts that the event concerns; the zero address is none.
    pub fn accounts(&self) -> impl Iterator<Item = Address> {
        let (first, second) = match self {
            Event::Transfer { from, to, .. } => (*from, *to),
            Event::CreditMinted { recipient, .. } => (*recipient, Address::ZERO),
            Event::AuthorizationUsed { authorizer, .. } | Event::AuthorizationCanceled { authorizer, .. } => {
                (*authorizer, Address::ZERO)
            }
            Event::AuthorizationSkipped { .. } | Event::Raw { .. } => (Address::ZERO, Address::ZERO),
        };
        [first, second].into_iter().filter(|a| !a.is_zero())
    }
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
}

impl Entry {
    /// Where the next entry stands.
    #[must_use]
    pub fn next_offset(&self) -> Offset {
        Offset(self.offset.0 + 1 + self.block.events.len() as u64)
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

    /// The bytes of the log.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_extend(&(self.change, &self.block), vec![FORMAT])
    }

    /// The entry of those bytes.
    pub(crate) fn decode(offset: Offset, bytes: &[u8]) -> Result<Self, String> {
        let Some((&FORMAT, body)) = bytes.split_first() else {
            return Err(format!("unknown entry format {:?}", bytes.first()));
        };
        let (change, block) = postcard::from_bytes(body).map_err(|e| e.to_string())?;
        Ok(Self { offset, change, block })
    }
}

/// Plain postcard.
const FORMAT: u8 = 1;

#[cfg(test)]
mod tests;
