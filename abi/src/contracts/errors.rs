//! What a contract says when it refuses, in words: from a revert's data, or from the selector in an event.
//!
//! In: bytes. Out: `Name { argument: value, … }`, or the name alone; the bytes in hex when no ABI of ours has them, so
//! that nothing is lost. Which contract it was need not be said: a test holds that no two errors of ours share a selector.

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
macro_rules! reader {
    ($errors:ty) => {
        Reader { describe: describe::<$errors>, name: <$errors>::name_by_selector }
    };
}

const READERS: [Reader; 8] = [
    reader!(battery_passport::BatteryPassport::BatteryPassportErrors),
    reader!(carbon_credit::CarbonCredit::CarbonCreditErrors),
    reader!(consent_anchor::ConsentAnchor::ConsentAnchorErrors),
    reader!(credit_exchange::CreditExchange::CreditExchangeErrors),
    reader!(fleet_registry::FleetRegistry::FleetRegistryErrors),
    reader!(relay_batcher::RelayBatcher::RelayBatcherErrors),
    reader!(test_eur::TestEUR::TestEURErrors),
    reader!(test_usd::TestUSD::TestUSDErrors),
];

fn describe<E: SolInterface + Debug>(data: &[u8]) -> Option<String> {
    let text = format!("{:?}", E::abi_decode(data).ok()?);
    // The derived text reads `Name(Name { … })`; the inner half says it all.
    let inner = text.split_once('(').and_then(|(_, inner)| inner.strip_suffix(')'));
    Some(inner.unwrap_or(&text).to_owned())
}

/// A revert's data as `Name { … }`, or as the text that it carries; the bytes in hex when neither is known.
#[must_use]
pub fn describe_revert(data: &[u8]) -> String {
    let known = || READERS.iter().find_map(|reader| (reader.describe)(data));
    let text = || Revert::abi_decode(data).ok().map(|revert| revert.reason);
    let panic = || Panic::abi_decode(data).ok().map(|panic| panic.to_string());
    known().or_else(text).or_else(panic).unwrap_or_else(|| hex::encode_prefixed(data))
}

/// What an error is called whose selector an event carries (`AuthorizationSkipped`, `ItemFailed`), e.g.
/// `AuthorizationAlreadyUsed`; the selector in hex when no ABI has it.
#[must_use]
pub fn error_name(selector: FixedBytes<4>) -> String {
    let name = match selector.0 {
        // `require` with a text, and the compiler's own checks.
        Revert::SELECTOR => Some("Error"),
        Panic::SELECTOR => Some("Panic"),
        NOTHING => Some("OutOfGasOrRevertWithoutReason"),
        selector => READERS.iter().find_map(|reader| (reader.name)(selector)),
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
            describe_revert(&short.abi_encode()),
            "ERC20InsufficientBalance { sender: 0x0000000000000000000000000000000000000000, balance: 1, needed: 2 }"
        );
        let anchored = ConsentAnchor::ConsentAlreadyAnchored { consentKey: B256::ZERO };
        let text = describe_revert(&anchored.abi_encode());
        assert!(text.starts_with("ConsentAlreadyAnchored { consentKey: 0x0000"), "{text}");
        assert_eq!(describe_revert(&Revert::from("Not current owner").abi_encode()), "Not current owner");
        let cut = hex::encode_prefixed(ConsentAnchor::ConsentAlreadyAnchored::SELECTOR);
        assert_eq!(describe_revert(&anchored.abi_encode()[..4]), cut);
        assert_eq!(
            describe_revert(&Panic::from(0x11).abi_encode()),
            "panic: arithmetic underflow or overflow (0x11)"
        );
        assert_eq!(describe_revert(&[]), "0x");
    }

    #[test]
    fn selectors_are_named() {
        let name = |selector| error_name(FixedBytes(selector));
        assert_eq!(name(CarbonCredit::AuthorizationAlreadyUsed::SELECTOR), "AuthorizationAlreadyUsed");
        assert_eq!(name(BatteryPassport::EmptyBatteryId::SELECTOR), "EmptyBatteryId");
        assert_eq!(name(RelayBatcher::CallNotAllowed::SELECTOR), "CallNotAllowed");
        assert_eq!(name(Revert::SELECTOR), "Error");
        assert_eq!(name([0; 4]), "OutOfGasOrRevertWithoutReason");
        assert_eq!(name([1, 2, 3, 4]), "0x01020304");
    }

    #[test]
    fn every_contract_has_its_errors_and_no_selector_has_two_meanings() {
        let mut meanings = std::collections::BTreeMap::new();
        for artifact in crate::artifacts::all() {
            for error in crate::contracts::abi(&artifact.name).unwrap().errors() {
                let meaning = meanings.entry(error.selector()).or_insert_with(|| error.signature());
                assert_eq!(*meaning, error.signature(), "{}", artifact.name);
                assert_eq!(error_name(error.selector()), error.name, "{}", artifact.name);
            }
        }
    }
}
