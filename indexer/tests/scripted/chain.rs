//! A chain as an endpoint serves it: what stands, and what can be asked for besides. Grown by chance ([`crate::random`])
//! or as it was recorded ([`crate::replay`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use serde_json::Value;

/// A block, in the words in which a node tells of it.
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) parent_hash: B256,
    /// `eth_getBlockBy…` and `newHeads`
    pub(crate) header: Value,
    /// `eth_getLogs`: all of them, with the contracts that emitted them.
    pub(crate) logs: Vec<(Address, Value)>,
    /// `eth_getBlockReceipts`
    pub(crate) receipts: Value,
    /// What the accounts have when it is the head, as far as that is known.
    pub(crate) balances: Balances,
}

/// By contract and account.
pub(crate) type Balances = BTreeMap<(Address, Address), U256>;

/// The chain as it stands, and all that can still be asked for.
#[derive(Clone)]
pub(crate) struct Chain {
    /// EIP-155.
    pub(crate) chain_id: u64,
    /// The contracts whose events count.
    pub(crate) followed: Vec<Address>,
    /// Lowest first, block 0 included.
    pub(crate) canonical: Vec<Arc<Block>>,
    /// What is found by its hash, on the chain or not.
    pub(crate) all: BTreeMap<B256, Arc<Block>>,
}

impl Chain {
    pub(crate) fn head(&self) -> &Arc<Block> {
        self.canonical.last().unwrap()
    }

    pub(crate) fn balances(&self) -> &Balances {
        &self.head().balances
    }

    /// Another chain that has the lowest `keep` blocks in common with this one, and none after.
    pub(crate) fn fork(&self, keep: usize) -> Self {
        let mut fork = self.clone();
        fork.canonical.truncate(keep);
        fork
    }

    /// The ids of all events that are indexed, in their order.
    pub(crate) fn event_ids(&self) -> Vec<String> {
        self.canonical.iter().flat_map(|b| self.event_ids_of(b)).collect()
    }

    /// Those of one block.
    pub(crate) fn event_ids_of(&self, block: &Block) -> Vec<String> {
        let ours = block.logs.iter().filter(|(address, _)| self.followed.contains(address));
        let index = |log: &Value| quantity(&log["logIndex"]).expect("a log has an index");
        ours.map(|(_, log)| format!("{}:{}:{}", self.chain_id, block.hash, index(log))).collect()
    }
}

/// A number as JSON-RPC writes it; `None` for what is none, `latest` for one.
pub(crate) fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}
