//! The contracts, one module each: bindings, names, and their place in a deployment.

pub mod battery_passport;
pub mod carbon_credit;
pub mod consent_anchor;
pub mod credit_exchange;
mod errors;
pub mod fleet_registry;
pub mod relay_batcher;
pub mod test_eur;
pub mod test_usd;

use alloy::json_abi::JsonAbi;

pub use errors::{describe_revert, error_name};

/// The ABI of the contract of that deployment name, from its committed artifact; `None` for a name that is not ours.
#[must_use]
pub fn abi(name: &str) -> Option<JsonAbi> {
    let artifact = match name {
        battery_passport::NAME => include_str!("../artifacts/BatteryPassport.json"),
        carbon_credit::NAME => include_str!("../artifacts/CarbonCredit.json"),
        consent_anchor::NAME => include_str!("../artifacts/ConsentAnchor.json"),
        credit_exchange::NAME => include_str!("../artifacts/CreditExchange.json"),
        fleet_registry::NAME => include_str!("../artifacts/FleetRegistry.json"),
        relay_batcher::NAME => include_str!("../artifacts/RelayBatcher.json"),
        test_eur::NAME => include_str!("../artifacts/TestEUR.json"),
        test_usd::NAME => include_str!("../artifacts/TestUSD.json"),
        _ => return None,
    };
    // Only the ABI is read; bytecode is skipped.
    let artifact: Artifact = serde_json::from_str(artifact).ok()?;
    Some(artifact.abi)
}

/// A compiler's artifact, as far as it is looked at.
#[derive(serde::Deserialize)]
struct Artifact {
    abi: JsonAbi,
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_artifact_has_an_abi_by_its_name() {
        for artifact in crate::artifacts::all() {
            let abi = super::abi(&artifact.name).unwrap_or_else(|| panic!("{} is missing", artifact.name));
            assert!(abi.events().count() > 0, "{}", artifact.name);
        }
        assert_eq!(super::abi("Nobody"), None);
    }
}
