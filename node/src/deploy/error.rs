//! Why a deployment stops: each text says what was found and what to do next.

use std::path::PathBuf;

use alloy::primitives::{Address, B256};
use wia_abi::create2;

/// One enum for the whole room.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    #[error("{origin}: {reason}")]
    Networks { origin: String, reason: String },
    #[error("the endpoint {url} does not answer: {reason}")]
    Endpoint { url: String, reason: String },
    #[error(
        "the endpoint is of chain {found}, the network `{network}` is chain {expected}; nothing was sent. \
         Correct rpc_url, or choose another network"
    )]
    WrongChain { network: String, expected: u64, found: u64 },
    #[error(
        "the CREATE2 factory {} has no code on this chain; nothing was sent. It has one address on every chain: \
         fund its one-time signer 0x3fAB184622Dc19b6109349B94811493BF45362bd with 0.01 of the native currency and send \
         its published transaction (github.com/Arachnid/deterministic-deployment-proxy; the node must take \
         transactions without a chain id), or put its code into the genesis file of a private network",
        create2::FACTORY
    )]
    NoFactory,
    #[error(
        "{address} holds other code than {contract}; nothing was sent. No constructor of ours put it there: \
         do not use this chain before you know what did"
    )]
    ForeignCode { contract: &'static str, address: Address },
    #[error(
        "the deployer {deployer} has {balance} {currency}, and this may cost up to {needed} {currency}; \
         nothing of it was sent. Send it the difference, or choose another deployer"
    )]
    Unfunded { deployer: Address, balance: String, needed: String, currency: String },
    #[error("{what} would fail: {reason}; it was not sent")]
    Simulation { what: String, reason: String },
    #[error("{what}: the endpoint refused the transaction: {reason}")]
    Refused { what: String, reason: String },
    #[error("{what}: transaction {hash} was reverted; look at it, then run the same command again")]
    Reverted { what: String, hash: B256 },
    #[error(
        "{what}: another transaction of the deployer took nonce {nonce}; let nobody else send from it meanwhile, and run \
         the same command again"
    )]
    Superseded { what: String, nonce: u64 },
    #[error(
        "{what}: transaction {hash} (nonce {nonce} of {from}) was not mined within {timeout_s} s. Run the same command \
         again to go on waiting for it: it is kept in {journal} and never signed twice. With --replace it is signed \
         again with the fees of that moment"
    )]
    NotMined { what: String, hash: B256, nonce: u64, from: Address, timeout_s: u64, journal: String },
    #[error(
        "block {block} did not get {confirmations} confirmations within {timeout_s} s; everything was sent. Run the \
         same command again to wait for them"
    )]
    NotConfirmed { block: u64, confirmations: u64, timeout_s: u64 },
    #[error("the signer cannot sign: {0}")]
    Signer(String),
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error(
        "{service} does not answer as documented: {reason}; the contracts are deployed, run again with --verify"
    )]
    Verification { service: String, reason: String },
}

impl DeployError {
    /// For `map_err`: a file that cannot be read or written.
    pub(crate) fn file<E: std::fmt::Display>(path: impl Into<PathBuf>) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason: reason.to_string() }
    }
}
