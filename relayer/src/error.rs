//! What can go wrong inside the relayer. Callers' mistakes are `RpcError`s instead: they name a field.

use alloy::primitives::{Address, B256};

use crate::chain::ChainError;
use crate::state::IllegalTransition;

/// Errors of [`open`](crate::open), [`Engine::run`](crate::Engine::run) and
/// [`RpcChain::connect`](crate::RpcChain::connect).
#[derive(Debug, thiserror::Error)]
pub enum RelayerError {
    /// The store refused; nothing that was not durable has been acknowledged.
    #[error(transparent)]
    Store(#[from] wia_store::StoreError),
    /// An address of an endpoint that is none.
    #[error("`{url}` is no endpoint: {reason}")]
    Endpoint {
        /// What was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that cannot work.
    #[error("setting `{field}`: {reason}")]
    Setting {
        /// Its name.
        field: &'static str,
        /// What it must be.
        reason: String,
    },
    /// The chain answered with something that leaves no way on.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The endpoint serves another chain than the deployment names.
    #[error("the endpoint serves chain {actual}, the deployment is for chain {expected}")]
    WrongChain {
        /// Of the deployment.
        expected: u64,
        /// Of the endpoint.
        actual: u64,
    },
    /// The data folder has work for a chain that this endpoint does not know.
    #[error(
        "the data folder belongs to the chain that began with {expected}, the endpoint's begins with {actual}; \
         use another data folder, or the endpoint of that chain"
    )]
    OtherChain {
        /// Hash of the first block that the data folder has seen.
        expected: B256,
        /// Hash of the endpoint's first block.
        actual: B256,
    },
    /// The data folder has transactions of a lane whose key is not here.
    #[error(
        "the data folder has transactions of the lane {bound}, the keys given are of {}: start with the key of {bound} \
         among them until its transactions are final and too deep to return, or choose another data folder",
        list(given)
    )]
    OtherLane {
        /// The account whose transactions are there.
        bound: Address,
        /// The accounts of the keys that were given.
        given: Vec<Address>,
    },
    /// No lane, or one twice: two lanes of one account would take each other's nonces.
    #[error("a relayer needs at least one lane, and each account once; given: {}", list(given))]
    Lanes {
        /// The accounts of the keys that were given.
        given: Vec<Address>,
    },
    /// The records of the data folder are of another release.
    #[error(
        "the data folder was written by another release, whose messages and transactions this one cannot read: let that \
         release finish them (until its queue is empty and its last transaction is too deep to return), then start with \
         another data folder"
    )]
    Format,
    /// The list of actions names what is not there.
    #[error("actions.{contract}: {reason}")]
    Action {
        /// The contract as the list names it.
        contract: String,
        /// What is wrong, and what there is.
        reason: String,
    },
    /// A stored record that cannot be read.
    #[error("{tree}: record {key} cannot be read: {reason}")]
    Corrupt {
        /// Which tree.
        tree: &'static str,
        /// The key, in hex.
        key: String,
        /// What the decoder said.
        reason: String,
    },
    /// A step that the state machine forbids: a defect of this crate, stopped before it is written.
    #[error("{relay_id}: {source}")]
    Illegal {
        /// The message.
        relay_id: B256,
        /// State and event.
        source: IllegalTransition,
    },
    /// No thread for verifying signatures.
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
    /// The key of receipts and refusals is none.
    #[error("the key for receipts cannot be used: {0}")]
    Key(#[from] secp256k1::Error),
}

fn list(addresses: &[Address]) -> String {
    let addresses: Vec<String> = addresses.iter().map(Address::to_string).collect();
    if addresses.is_empty() { "none".into() } else { addresses.join(", ") }
}
