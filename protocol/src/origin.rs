//! Where on the chain a message comes from: the members that all three protocols' messages add to the documents'.
//!
//! They stand in the document's own place for details: `data` (C-045…C-049, B-032) or `payload` (E-060), which is also
//! what a JSON-RPC notification has as `params` (C-042, C-047), so that they are in the same place on every door.

use alloy::primitives::{Address, B256};
use serde::Serialize;

/// The event of a contract that a message tells.
///
/// **Retractions.** When its block leaves the chain, the same message is told again: same id, same members, and
/// `"removed": true`, as Ethereum's own logs have it. Its absence says that the event stands. Who keeps ids to drop
/// doubles keeps `(id, removed)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// `chainId:blockHash:logIndex`; a retraction carries the id of what it takes back.
    pub event_id: String,
    /// Who emitted it.
    #[serde(with = "wia_abi::eip55")]
    pub contract: Address,
    /// Its transaction.
    pub transaction_hash: B256,
    /// Its block's height.
    pub block_number: u64,
    /// True when its block left the chain; absent otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// The document's details of an event, then where they come from, in one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told<D> {
    /// What the document says of such an event.
    #[serde(flatten)]
    pub what: D,
    /// Where on the chain it happened.
    #[serde(flatten)]
    pub origin: Origin,
}
