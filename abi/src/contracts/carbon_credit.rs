//! `CarbonCredit`: bindings made from the committed artifact (C-091…C-094).

use alloy::primitives::{Address, Uint};
use alloy::sol;
use alloy::sol_types::SolConstructor;

use crate::create2::Plan;

sol! {
    /// Bindings of `abi/artifacts/CarbonCredit.json`.
    #[allow(missing_docs, clippy::too_many_arguments)]
    #[derive(Debug, PartialEq, Eq)]
    CarbonCredit,
    "artifacts/CarbonCredit.json"
}

pub use ITransferAuthorizations::TransferAuthorization;

/// The deployment name of the contract, as messages may name it.
pub const NAME: &str = "CarbonCredit";

/// The EIP-712 domain's `name`.
pub const DOMAIN_NAME: &str = "WIA Carbon Credit Micro";

/// The most items that `transferWithAuthorizationBatch` takes; the bits of its answer.
pub const MAX_BATCH: usize = 256;

/// The contract in a deployment.
#[must_use]
pub fn plan(admin: Address, admin_delay_s: u64) -> Plan {
    let admin_delay = Uint::<48, 1>::saturating_from(admin_delay_s);
    Plan {
        name: NAME,
        bytecode: CarbonCredit::BYTECODE.clone(),
        arguments: CarbonCredit::constructorCall { admin, adminDelay: admin_delay }.abi_encode().into(),
        runtime: CarbonCredit::DEPLOYED_BYTECODE.clone(),
        asks_others: false,
    }
}
