//! What the indexer says of an event, as far as a reader needs it to check that none is missing, doubled or misplaced.

use std::borrow::Cow;

use alloy::primitives::B256;
use serde::Deserialize;

/// What a message is about its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// It happened.
    Event,
    /// It is taken back.
    Retracted,
    /// It reached the final depth.
    Finalized,
}

/// One message; the other members are skipped.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
    /// `chainId:blockHash:logIndex`.
    #[serde(borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) cursor: Cow<'a, str>,
    pub(crate) block_number: u64,
    pub(crate) transaction_hash: B256,
}
