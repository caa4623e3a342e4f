//! `TestEUR`: bindings made from the committed artifact; worthless, for development and test networks.

use alloy::sol;

use crate::create2::Plan;

sol! {
    /// Bindings of `abi/artifacts/TestEUR.json`.
    #[allow(missing_docs, clippy::too_many_arguments)]
    #[derive(Debug, PartialEq, Eq)]
    TestEUR,
    "artifacts/TestEUR.json"
}

/// The deployment name of the contract, as messages may name it.
pub const NAME: &str = "TestEUR";

/// The EIP-712 domain's `name`.
pub const DOMAIN_NAME: &str = "WIA Test Euro";

/// The contract in a deployment. Its constructor takes nothing.
#[must_use]
pub fn plan() -> Plan {
    Plan {
        name: NAME,
        bytecode: TestEUR::BYTECODE.clone(),
        arguments: alloy::primitives::Bytes::new(),
        runtime: TestEUR::DEPLOYED_BYTECODE.clone(),
        asks_others: false,
    }
}
