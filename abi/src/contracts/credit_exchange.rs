//! `CreditExchange`: bindings made from the committed artifact (C-046, C-066…C-069).

// `sol!` gives the attributes below to the contract and not to every struct that it makes.
#![allow(missing_docs)]

use alloy::primitives::{Address, Uint};
use alloy::sol;
use alloy::sol_types::SolConstructor;

use crate::create2::Plan;

sol! {
    /// Bindings of `abi/artifacts/CreditExchange.json`.
    #[allow(missing_docs, clippy::too_many_arguments)]
    #[derive(Debug, PartialEq, Eq)]
    CreditExchange,
    "artifacts/CreditExchange.json"
}

/// The deployment name of the contract, as messages may name it.
pub const NAME: &str = "CreditExchange";

/// The EIP-712 domain's `name`.
pub const DOMAIN_NAME: &str = "WIA Credit Exchange";

/// The contract in a deployment, for the credits at `credit`.
#[must_use]
pub fn plan(credit: Address, admin: Address, admin_delay_s: u64) -> Plan {
    let admin_delay = Uint::<48, 1>::saturating_from(admin_delay_s);
    Plan {
        name: NAME,
        bytecode: CreditExchange::BYTECODE.clone(),
        arguments: CreditExchange::constructorCall { credit, admin, adminDelay: admin_delay }
            .abi_encode()
            .into(),
        runtime: CreditExchange::DEPLOYED_BYTECODE.clone(),
        asks_others: true,
    }
}
