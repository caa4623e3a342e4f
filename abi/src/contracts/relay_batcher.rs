//! `RelayBatcher`: bindings made from the committed artifact, and the list of what it may call.
//!
//! The list is `abi/relayable.json`, which the forge script reads too: for each contract the signed forms that anyone
//! may submit, and `materialise`, which is the same whoever calls. What needs its own caller (`receiveWithAuthorization`
//! the payee, `settle` an operator) or takes the caller's word (`beginSecondLife`) is not in it.

use std::collections::BTreeMap;

use alloy::primitives::{Address, FixedBytes, keccak256};
use alloy::sol;
use alloy::sol_types::SolConstructor;

use crate::create2::Plan;
use IRelayBatcher::Allowed;

sol! {
    /// Bindings of `abi/artifacts/RelayBatcher.json`.
    #[allow(missing_docs, clippy::too_many_arguments)]
    #[derive(Debug, PartialEq, Eq)]
    RelayBatcher,
    "artifacts/RelayBatcher.json"
}

/// The deployment name of the contract.
pub const NAME: &str = "RelayBatcher";

/// Signatures of functions by deployment name.
#[must_use]
pub fn relayable() -> BTreeMap<String, Vec<String>> {
    // A file of this repository, read by the tests below: it cannot be malformed at run time.
    serde_json::from_str(include_str!("../../relayable.json")).unwrap_or_default()
}

/// The functions that the batcher may call of contracts that are deployed as `targets` say, in the order of `targets`.
#[must_use]
pub fn allowed(targets: &[Plan]) -> Vec<Allowed> {
    let relayable = relayable();
    let of = |plan: &Plan| -> Vec<Allowed> {
        let target: Address = plan.address();
        let signatures = relayable.get(plan.name).map(Vec::as_slice).unwrap_or_default();
        let selector = |signature: &String| FixedBytes::<4>::from_slice(&keccak256(signature)[..4]);
        signatures.iter().map(|s| Allowed { target, selector: selector(s) }).collect()
    };
    targets.iter().flat_map(of).collect()
}

/// The contract in a deployment, behind all of its `targets`.
#[must_use]
pub fn plan(targets: &[Plan]) -> Plan {
    let arguments = RelayBatcher::constructorCall { allowed: allowed(targets) };
    Plan {
        name: NAME,
        bytecode: RelayBatcher::BYTECODE.clone(),
        arguments: arguments.abi_encode().into(),
        runtime: RelayBatcher::DEPLOYED_BYTECODE.clone(),
        asks_others: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts;
    use crate::create2::{Settings, plans};

    /// Signed forms of contracts in the list that only a certain caller may submit.
    const BOUND_TO_CALLER: [&str; 4] =
        ["receiveWithAuthorization", "settle", "settleBatch", "beginSecondLife"];

    /// Functions in the list that carry no signature: a proof stands in its place.
    const PROVED: [&str; 1] = ["materialise(address,bytes32,uint256,bytes32,bytes32,bytes32[])"];

    #[test]
    fn every_signed_form_that_anyone_may_submit_is_allowed_and_nothing_else() {
        let listed = relayable();
        for artifact in artifacts::all().iter().filter(|a| !a.name.starts_with("Test")) {
            let mut signed: Vec<_> = artifact
                .signed_functions()
                .filter(|f| !BOUND_TO_CALLER.contains(&f.split('(').next().unwrap()))
                .collect();
            signed.sort();
            let mut listed = listed.get(&artifact.name).cloned().unwrap_or_default();
            listed.retain(|function| !PROVED.contains(&function.as_str()));
            assert_eq!(listed, signed, "{}", artifact.name);
        }
    }

    #[test]
    fn every_contract_of_the_list_is_deployed_before_the_batcher() {
        let settings = Settings { admin: Address::ZERO, admin_delay_s: 0, gated: true, test_tokens: false };
        let plans = plans(&settings);
        assert_eq!(plans.last().unwrap().name, NAME);
        for name in relayable().keys() {
            assert!(plans.iter().any(|p| p.name == name), "{name}");
        }
        let count: usize = relayable().values().map(Vec::len).sum();
        assert_eq!(allowed(&plans).len(), count);
    }
}
