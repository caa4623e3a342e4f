//! What a chain is made of, as far as the indexer looks: references, headers, raw logs.

use alloy::primitives::{Address, B256, Bloom, Bytes};
use wia_abi::BlockNumber;
use wia_protocol::Timestamp;

/// One block, named by height and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: B256,
}

impl std::fmt::Display for BlockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.number, self.hash)
    }
}

/// The last block that the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: B256,
    /// When it was made, says its miner.
    pub timestamp: Timestamp,
}

impl Head {
    /// Height and hash.
    #[must_use]
    pub fn reference(&self) -> BlockRef {
        BlockRef { number: self.number, hash: self.hash }
    }
}

/// The parts of a block header that following a chain needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: B256,
    /// Hash of the block below.
    pub parent_hash: B256,
    /// Unix seconds.
    pub timestamp_s: u64,
    /// Which addresses and topics its logs may hold: no false negatives.
    pub logs_bloom: Bloom,
    /// Root of the trie of the block's receipts.
    pub receipts_root: B256,
}

impl Header {
    /// Height and hash.
    #[must_use]
    pub fn reference(&self) -> BlockRef {
        BlockRef { number: self.number, hash: self.hash }
    }
}

/// One log as an endpoint reports it, before anybody believed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawLog {
    /// The contract.
    pub address: Address,
    /// Zero to four.
    pub topics: Vec<B256>,
    /// The arguments that are not indexed, ABI-encoded.
    pub data: Bytes,
    /// The block.
    pub block: BlockRef,
    /// The transaction.
    pub transaction_hash: B256,
    /// The transaction's place in its block.
    pub transaction_index: u64,
    /// The log's place among all logs of its block.
    pub log_index: u64,
}

/// One receipt as an endpoint reports it, before anybody believed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// EIP-2718; 0 for legacy transactions.
    pub transaction_type: u8,
    /// How the transaction ended.
    pub outcome: Outcome,
    /// Gas of the block up to and with this transaction.
    pub cumulative_gas_used: u64,
    /// The transaction. No part of what the receipts root covers.
    pub transaction_hash: B256,
    /// Contract, topics and data of each log, in order.
    pub logs: Vec<(Address, Vec<B256>, Bytes)>,
}

/// How a transaction ended, as its receipt says (EIP-658).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Whether it succeeded.
    Status(bool),
    /// Before Byzantium: the state's root after it.
    State(B256),
}
