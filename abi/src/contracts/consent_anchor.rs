//! `ConsentAnchor`: bindings made from the committed artifact (E-004, E-091…E-093).

// `sol!` gives the attributes below to the contract and not to every struct that it makes.
#![allow(missing_docs)]

use alloy::sol;

use crate::create2::Plan;

sol! {
    /// Bindings of `abi/artifacts/ConsentAnchor.json`.
    #[allow(missing_docs, clippy::too_many_arguments)]
    #[derive(Debug, PartialEq, Eq)]
    ConsentAnchor,
    "artifacts/ConsentAnchor.json"
}

/// The deployment name of the contract, as messages may name it.
pub const NAME: &str = "ConsentAnchor";

/// The EIP-712 domain's `name`.
pub const DOMAIN_NAME: &str = "WIA Consent Anchor";

/// The contract in a deployment. Its constructor takes nothing.
#[must_use]
pub fn plan() -> Plan {
    Plan {
        name: NAME,
        bytecode: ConsentAnchor::BYTECODE.clone(),
        arguments: alloy::primitives::Bytes::new(),
        runtime: ConsentAnchor::DEPLOYED_BYTECODE.clone(),
        asks_others: false,
    }
}
