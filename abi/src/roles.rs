//! The roles of the contracts: OpenZeppelin's AccessControl, each the hash of its constant's name.

use alloy::primitives::{B256, keccak256};

/// The id of a role: keccak256 of its name.
#[must_use]
pub fn id(name: &str) -> B256 {
    keccak256(name)
}

/// The roles that `contract` has, beside the default admin, which is one account and is not granted.
#[must_use]
pub fn of(contract: &str) -> &'static [&'static str] {
    match contract {
        "BatteryPassport" | "FleetRegistry" => {
            &["MANUFACTURER_ROLE", "NOTIFIED_BODY_ROLE", "OPERATOR_ROLE", "RECYCLER_ROLE", "REPURPOSER_ROLE"]
        }
        "CarbonCredit" => &["MINTER_ROLE", "PAUSER_ROLE"],
        "CreditExchange" => &["OPERATOR_ROLE", "PAUSER_ROLE"],
        _ => &[],
    }
}

/// Whether `contract` has the role `name`. Beside its constants, `CarbonCredit` has one for each registry's series,
/// `SERIES:<name>`, for the issuers who may use it.
#[must_use]
pub fn is_known(contract: &str, name: &str) -> bool {
    let series = name.strip_prefix("SERIES:").is_some_and(|series| !series.is_empty());
    of(contract).contains(&name) || contract == crate::carbon_credit::NAME && series
}

#[cfg(test)]
mod tests {
    use crate::artifacts;

    #[test]
    fn every_role_of_every_artifact_is_known() {
        for artifact in artifacts::all() {
            let mut in_abi: Vec<_> =
                artifact.functions().filter(|f| f.ends_with("_ROLE") && f != "DEFAULT_ADMIN_ROLE").collect();
            in_abi.sort();
            assert_eq!(super::of(&artifact.name), in_abi, "{}", artifact.name);
        }
    }
}
