//! What a contract says when it refuses, in words: from a revert's data, or from the selector in an event.
//!
//! In: the contract's deployment name and bytes. Out: `Name { argument: value, … }`, or the name alone; the bytes in
//! hex when no ABI of ours has them, so that nothing is lost.

use std::fmt::Debug;

use alloy::primitives::{FixedBytes, hex};
use alloy::sol_types::{Panic, Revert, SolError, SolInterface};

use super::{
    battery_passport, carbon_credit, consent_anchor, credit_exchange, fleet_registry, relay_batcher,
    test_eur, test_usd,
};

/// What `RelayBatcher` copies of an item that ran out of gas, or reverted with nothing.
const NOTHING: [u8; 4] = [0; 4];

/// Both ways of reading the errors of one contract.
struct Reader {
    describe: fn(&[u8]) -> Option<String>,
    name: fn([u8; 4]) -> Option<&'static str>,
}

/// The reader of the errors that `sol!` made for one contract.
macro_rules! reader_of {
    ($errors:ty) => {
        Some(Reader { describe: describe::<$errors>, name: <$errors>::name_by_selector })
    };
}

fn reader(contract: &str) -> Option<Reader> {
    match contract {
        battery_passport::NAME => reader_of!(battery_passport::BatteryPassport::BatteryPassportErrors),
        carbon_credit::NAME => reader_of!(carbon_credit::CarbonCredit::CarbonCreditErrors),
        consent_anchor::NAME => reader_of!(consent_anchor::ConsentAnchor::ConsentAnchorErrors),
        credit_exchange::NAME => reader_of!(credit_exchange::CreditExchange::CreditExchangeErrors),
        fleet_registry::NAME => reader_of!(fleet_registry::FleetRegistry::FleetRegistryErrors),
        relay_batcher::NAME => reader_of!(relay_batcher::RelayBatcher::RelayBatcherErrors),
        test_eur::NAME => reader_of!(test_eur::TestEUR::TestEURErrors),
        test_usd::NAME => reader_of!(test_usd::TestUSD::TestUSDErrors),
        _ => None,
    }
}

fn describe<E: SolInterface + Debug>(data: &[u8]) -> Option<String> {
    let text = format!("{:?}", E::abi_decode(data).ok()?);
    // The derived text reads `Name(Name { … })`; the inner half says it all.
    let inner = text.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
    Some(inner.unwrap_or(&text).to_owned())
}

/// A revert's data as `Name { … }` in the words of the contract of that deployment name, or as the text that it
/// carries; the bytes in hex when neither is known.
#[must_use]
pub fn describe_revert(contract: &str, data: &[u8]) -> String {
    let known = reader(contract).and_then(|reader| (reader.describe)(data));
    let text = || Revert::abi_decode(data).ok().map(|revert| revert.reason);
    let panic = || Panic::abi_decode(data).ok().map(|panic| panic.to_string());
    known.or_else(text).or_else(panic).unwrap_or_else(|| hex::encode_prefixed(data))
}

/// What an error is called whose selector an event carries (`AuthorizationSkipped` of the contract itself, `ItemFailed`
/// about it), e.g. `AuthorizationAlreadyUsed`; the selector in hex when no ABI has it.
#[must_use]
pub fn error_name(contract: &str, selector: FixedBytes<4>) -> String {
    let name = match selector.0 {
        // `require` with a text, and the compiler's own checks.
        Revert::SELECTOR => Some("Error"),
        Panic::SELECTOR => Some("Panic"),
        NOTHING => Some("OutOfGasOrRevertWithoutReason"),
        selector => {
            let of = |contract| reader(contract).and_then(|reader| (reader.name)(selector));
            of(contract).or_else(|| of(relay_batcher::NAME))
        }
    };
    name.map_or_else(|| selector.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};

    use super::*;
    use crate::{BatteryPassport, CarbonCredit, ConsentAnchor, RelayBatcher};

    #[test]
    fn errors_are_named_with_their_operands() {
        let short = CarbonCredit::ERC20InsufficientBalance {
            sender: Address::ZERO,
            balance: U256::ONE,
            needed: U256::from(2),
        };
        assert_eq!(
            describe_revert("CarbonCredit", &short.abi_encode()),
            "ERC20InsufficientBalance { sender: 0x0000000000000000000000000000000000000000, balance: 1, needed: 2 }"
        );
        let anchored = ConsentAnchor::ConsentAlreadyAnchored { consentKey: B256::ZERO };
        let text = describe_revert("ConsentAnchor", &anchored.abi_encode());
        assert!(text.starts_with("ConsentAlreadyAnchored { consentKey: 0x0000"), "{text}");
        assert_eq!(
            describe_revert("BatteryPassport", &Revert::from("Not current owner").abi_encode()),
            "Not current owner"
        );
        let cut = hex::encode_prefixed(ConsentAnchor::ConsentAlreadyAnchored::SELECTOR);
        assert_eq!(describe_revert("ConsentAnchor", &anchored.abi_encode()[..4]), cut);
        assert_eq!(
            describe_revert("ConsentAnchor", &Panic::from(0x11).abi_encode()),
            "panic: arithmetic underflow or overflow (0x11)"
        );
        assert_eq!(describe_revert("Nobody", &[]), "0x");
    }

    #[test]
    fn selectors_are_named_by_the_contract_that_they_come_from() {
        let name = |contract, selector| error_name(contract, FixedBytes(selector));
        assert_eq!(
            name("CarbonCredit", CarbonCredit::AuthorizationAlreadyUsed::SELECTOR),
            "AuthorizationAlreadyUsed"
        );
        assert_eq!(name("BatteryPassport", BatteryPassport::EmptyBatteryId::SELECTOR), "EmptyBatteryId");
        assert_eq!(name("BatteryPassport", RelayBatcher::CallNotAllowed::SELECTOR), "CallNotAllowed");
        assert_eq!(name("BatteryPassport", Revert::SELECTOR), "Error");
        assert_eq!(name("BatteryPassport", [0; 4]), "OutOfGasOrRevertWithoutReason");
        assert_eq!(name("BatteryPassport", [1, 2, 3, 4]), "0x01020304");
    }

    #[test]
    fn every_contract_has_its_errors() {
        for artifact in crate::artifacts::all() {
            assert!(reader(&artifact.name).is_some(), "{}", artifact.name);
        }
    }
}
