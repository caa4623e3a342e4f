//! `FleetRegistry`: bindings made from the committed artifact (many battery passports behind one root).

// `sol!` gives the attributes below to the contract and not to every struct that it makes.
#![allow(missing_docs)]

use alloy::primitives::{Address, Uint};
use alloy::sol;
use alloy::sol_types::SolConstructor;

use crate::create2::Plan;

sol! {
    /// Bindings of `abi/artifacts/FleetRegistry.json`.
    #[allow(missing_docs, clippy::too_many_arguments)]
    #[derive(Debug, PartialEq, Eq)]
    FleetRegistry,
    "artifacts/FleetRegistry.json"
}

/// The deployment name of the contract, as messages may name it.
pub const NAME: &str = "FleetRegistry";

/// The EIP-712 domain's `name`.
pub const DOMAIN_NAME: &str = "WIA Fleet Registry";

/// The contract in a deployment; `gated` asks for a role before registering.
#[must_use]
pub fn plan(admin: Address, admin_delay_s: u64, gated: bool) -> Plan {
    let admin_delay = Uint::<48, 1>::saturating_from(admin_delay_s);
    Plan {
        name: NAME,
        bytecode: FleetRegistry::BYTECODE.clone(),
        arguments: FleetRegistry::constructorCall { admin, adminDelay: admin_delay, gated_: gated }
            .abi_encode()
            .into(),
        runtime: FleetRegistry::DEPLOYED_BYTECODE.clone(),
        asks_others: false,
    }
}
