//! All that is signed, contract by contract: EIP-712 domains and types. Published as `abi/typed-data.json` for clients
//! in any language; the forge test `contracts/test/TypedData.t.sol` holds that file to the contracts' type hashes.

use alloy::sol_types::SolStruct;
use serde_json::{Map, Value, json};

use crate::authorization::TransferWithAuthorization;
use crate::authorization::battery::{
    AcceptAuthorization, AcceptBatteryAuthorization, ChangeStatusAuthorization, DelegateAuthorization,
    OfferAuthorization, RecordEventAuthorization, RegisterAuthorization, RegisterBatteryAuthorization,
    SecondLifeAuthorization, TransferOwnershipAuthorization, UpdateAuthorization, UpdateDataAuthorization,
};
use crate::authorization::consent::{
    AnchorAuthorization, ChangeApprovers, EmergencyRevokeAuthorization, OpenAuthorization,
    RevokeAuthorization, RevokeConsent, Vote,
};
use crate::authorization::credit::RetireAuthorization;
use crate::authorization::exchange::{CancelOrderAuthorization, IncreaseCounterAuthorization, Order};
use crate::authorization::fleet::{AnchorBatchAuthorization, RegisterRootAuthorization};
use crate::authorization::token::{CancelAuthorization, Permit, ReceiveWithAuthorization};
use crate::receipt::{RelayClaim, RelayReceipt, RelayRefusal};
use crate::{
    battery_passport, carbon_credit, consent_anchor, credit_exchange, fleet_registry, test_eur, test_usd,
};

/// The domain's `version`, everywhere.
pub const VERSION: &str = "1";

/// One domain and the types that are signed in it.
#[derive(Debug, Clone)]
pub struct SignedTypes {
    /// Deployment name of the contract that checks the signatures; `relay` for what relayers sign.
    pub contract: &'static str,
    /// The domain's `name`. A contract's domain has chain id and address too, the relayers' has the chain id.
    pub domain_name: &'static str,
    /// EIP-712 `encodeType` of each, without the types that it refers to.
    pub types: Vec<String>,
}

/// Everything.
#[must_use]
pub fn all() -> Vec<SignedTypes> {
    let token = || {
        vec![
            root::<TransferWithAuthorization>(),
            root::<ReceiveWithAuthorization>(),
            root::<CancelAuthorization>(),
            root::<Permit>(),
        ]
    };
    let mut credit = token();
    credit.push(root::<RetireAuthorization>());
    let records = || {
        vec![
            root::<CancelAuthorization>(),
            root::<OfferAuthorization>(),
            root::<AcceptAuthorization>(),
            root::<DelegateAuthorization>(),
            root::<UpdateAuthorization>(),
            root::<SecondLifeAuthorization>(),
            root::<ChangeStatusAuthorization>(),
            root::<RecordEventAuthorization>(),
        ]
    };
    let mut battery = records();
    battery.extend([
        root::<RegisterBatteryAuthorization>(),
        root::<TransferOwnershipAuthorization>(),
        root::<UpdateDataAuthorization>(),
        root::<AcceptBatteryAuthorization>(),
        root::<RegisterAuthorization>(),
    ]);
    let mut fleet = records();
    fleet.extend([root::<RegisterRootAuthorization>(), root::<AnchorBatchAuthorization>()]);
    let consent = vec![
        root::<CancelAuthorization>(),
        root::<AnchorAuthorization>(),
        root::<OpenAuthorization>(),
        root::<Vote>(),
        root::<RevokeAuthorization>(),
        root::<EmergencyRevokeAuthorization>(),
        root::<RevokeConsent>(),
        root::<ChangeApprovers>(),
    ];
    let exchange = vec![
        root::<CancelAuthorization>(),
        root::<Order>(),
        root::<CancelOrderAuthorization>(),
        root::<IncreaseCounterAuthorization>(),
    ];
    let of = |contract, domain_name, types| SignedTypes { contract, domain_name, types };
    vec![
        of(carbon_credit::NAME, carbon_credit::DOMAIN_NAME, credit),
        of(battery_passport::NAME, battery_passport::DOMAIN_NAME, battery),
        of(fleet_registry::NAME, fleet_registry::DOMAIN_NAME, fleet),
        of(consent_anchor::NAME, consent_anchor::DOMAIN_NAME, consent),
        of(credit_exchange::NAME, credit_exchange::DOMAIN_NAME, exchange),
        of(test_usd::NAME, test_usd::DOMAIN_NAME, token()),
        of(test_eur::NAME, test_eur::DOMAIN_NAME, token()),
        of(
            "relay",
            crate::receipt::DOMAIN_NAME,
            vec![root::<RelayReceipt>(), root::<RelayRefusal>(), root::<RelayClaim>()],
        ),
    ]
}

fn root<T: SolStruct>() -> String {
    T::eip712_root_type().into_owned()
}

/// The same as JSON: `{"<contract>": {"domain": {"name", "version"}, "types": {"<type>": [{"name", "type"}, …]}}}`,
/// as `eth_signTypedData_v4` wants types.
#[must_use]
pub fn document() -> Value {
    let contract = |signed: &SignedTypes| {
        let types: Map<_, _> = signed.types.iter().map(|t| members(t)).collect();
        json!({ "domain": { "name": signed.domain_name, "version": VERSION }, "types": types })
    };
    let document: Map<_, _> = all().iter().map(|s| (s.contract.to_owned(), contract(s))).collect();
    Value::Object(document)
}

/// `Name(type a,type b)` as a name and its members.
fn members(encoded: &str) -> (String, Value) {
    let (name, members) = encoded.trim_end_matches(')').split_once('(').unwrap_or((encoded, ""));
    let pair =
        |member: &str| member.split_once(' ').map(|(kind, name)| json!({ "name": name, "type": kind }));
    (name.to_owned(), members.split(',').filter_map(pair).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::artifacts;

    #[test]
    fn the_published_file_is_what_rust_signs() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("typed-data.json");
        let text = format!("{:#}\n", document());
        if std::env::var_os("WIA_WRITE_GOLDEN").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        assert!(
            std::fs::read_to_string(&file).is_ok_and(|published| published == text),
            "abi/typed-data.json is stale; write it on purpose: WIA_WRITE_GOLDEN=1 cargo test -p wia-abi typed_data"
        );
    }

    #[test]
    fn every_type_hash_of_every_artifact_has_its_type_and_the_other_way_round() {
        let all = all();
        for artifact in artifacts::all() {
            let mut hashed: Vec<_> = artifact.type_hashes().collect();
            hashed.sort();
            let signed = all.iter().find(|s| s.contract == artifact.name);
            let types = signed.map(|s| s.types.as_slice()).unwrap_or_default();
            // ERC-2612 has no getter for its type hash.
            let mut named: Vec<_> =
                types.iter().map(|t| constant(t)).filter(|n| n != "PERMIT_TYPEHASH").collect();
            named.sort();
            assert_eq!(named, hashed, "{}", artifact.name);
        }
        let names: Vec<_> = artifacts::all().into_iter().map(|a| a.name).collect();
        for signed in all.iter().filter(|s| s.contract != "relay") {
            assert!(names.iter().any(|n| n == signed.contract), "{}", signed.contract);
        }
    }

    /// `TransferWithAuthorization(…)` as `TRANSFER_WITH_AUTHORIZATION_TYPEHASH`.
    fn constant(encoded: &str) -> String {
        let mut name = String::new();
        for (i, letter) in encoded.split('(').next().unwrap().char_indices() {
            if i > 0 && letter.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name + "_TYPEHASH"
    }
}
