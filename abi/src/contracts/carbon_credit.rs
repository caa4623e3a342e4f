//! `CarbonCredit`: bindings made from the committed artifact (C-091…C-094).

use alloy::primitives::{Address, Bytes, FixedBytes, Uint};
use alloy::sol;
use alloy::sol_types::{SolConstructor, SolInterface};

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

/// What a 4-byte error selector (as `AuthorizationSkipped` carries it) is called, e.g.
/// `AuthorizationAlreadyUsed`; the selector in hex when the ABI does not know it.
#[must_use]
pub fn error_name(selector: FixedBytes<4>) -> String {
    CarbonCredit::CarbonCreditErrors::name_by_selector(selector.0)
        .map_or_else(|| selector.to_string(), str::to_owned)
}

/// A revert's data as `Name(arguments)`, or the raw bytes when the ABI does not know it.
#[must_use]
pub fn describe_revert(data: &Bytes) -> String {
    CarbonCredit::CarbonCreditErrors::abi_decode(data).map_or_else(
        |_| alloy::sol_types::decode_revert_reason(data).unwrap_or_else(|| data.to_string()),
        |error| {
            let text = format!("{error:?}");
            // The derived text reads `Name(Name { … })`; the inner half says it all.
            text.split_once('(').map_or(text.clone(), |(_, inner)| inner.trim_end_matches(')').to_owned())
        },
    )
}

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
