//! What is read of an endpoint's answers: typed, lenient in what is not needed.

use alloy::primitives::{Address, B256, Bytes, U64};
use alloy::sol_types::SolEvent;
use serde::Deserialize;
use wia_abi::CarbonCredit::Transfer;

/// One log as `eth_getLogs` answers it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Log {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    pub(crate) block_number: U64,
    pub(crate) block_hash: B256,
    pub(crate) transaction_hash: B256,
    pub(crate) log_index: U64,
}

impl Log {
    /// The event's id as the indexer gives it: `chainId:blockHash:logIndex`.
    pub(crate) fn id(&self, chain_id: u64) -> String {
        format!("{chain_id}:{}:{}", self.block_hash, self.log_index)
    }
}

impl Log {
    /// The recipient, when it is an ERC-20 `Transfer`.
    pub(crate) fn transfer_to(&self) -> Option<Address> {
        let [event, _, to] = self.topics[..] else { return None };
        (event == Transfer::SIGNATURE_HASH).then(|| Address::from_word(to))
    }
}

/// The parameters of an `eth_getLogs` for one contract and one range of blocks, both ends included.
pub(crate) fn get_logs(contract: Address, (first, last): (u64, u64)) -> serde_json::Value {
    serde_json::json!([{"address": contract, "fromBlock": hex(first), "toBlock": hex(last)}])
}

/// A quantity as JSON-RPC wants it.
pub(crate) fn hex(number: u64) -> String {
    format!("{number:#x}")
}
