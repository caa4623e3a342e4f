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
        "CarbonCredit" => &["MINTER_ROLE", "PAUSER_ROLE"],
        _ => &[],
    }
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
