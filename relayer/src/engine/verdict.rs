//! What a batch transaction did with each of its messages, as a pure function of the receipt.

use std::collections::{HashMap, HashSet};

use alloy::primitives::Address;
use alloy::sol_types::SolEvent;
use wia_abi::CarbonCredit::{AuthorizationSkipped, AuthorizationUsed};
use wia_abi::carbon_credit::error_name;

use super::observe::{Execution, Named};
use crate::chain::TransactionReceipt;

/// The contract's error when a nonce is taken.
const ALREADY_USED: &str = "AuthorizationAlreadyUsed";

/// The fate of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Its nonce was used by this transaction.
    Executed,
    /// The batch passed it over, with the contract's error.
    Skipped(String),
    /// The batch passed it over, because somebody else had submitted it.
    ByStranger(Execution),
    /// The transaction did nothing with it: it reverted.
    Nothing,
}

impl Verdict {
    /// Its nonce was taken when the batch came to it.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Verdict::Skipped(reason) if reason == ALREADY_USED)
    }
}

/// The verdict on each of `items`, in batch order.
pub(crate) fn verdicts(contract: Address, items: &[Named], receipt: &TransactionReceipt) -> Vec<Verdict> {
    let mut used = HashSet::new();
    let mut skipped = HashMap::new();
    for log in receipt.logs.iter().filter(|log| receipt.succeeded && log.address == contract) {
        if let Ok(event) = AuthorizationUsed::decode_log(log) {
            used.insert((event.authorizer, event.nonce));
        } else if let Ok(event) = AuthorizationSkipped::decode_log(log) {
            skipped.insert((event.index.saturating_to::<usize>(), event.digest), error_name(event.reason));
        }
    }
    let one = |(index, item): (usize, &Named)| match skipped.remove(&(index, item.relay_id)) {
        Some(reason) => Verdict::Skipped(reason),
        None if used.contains(&(item.signer, item.nonce)) => Verdict::Executed,
        None => Verdict::Nothing,
    };
    items.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, Bytes, FixedBytes, Log, U256};
    use alloy::sol_types::SolError;
    use wia_abi::CarbonCredit::AuthorizationAlreadyUsed;

    use super::*;

    const CONTRACT: Address = Address::repeat_byte(4);

    fn named(byte: u8) -> Named {
        Named {
            relay_id: B256::repeat_byte(byte),
            signer: Address::repeat_byte(byte),
            nonce: B256::repeat_byte(byte),
            signature: Bytes::new(),
        }
    }

    fn log(address: Address, event: &impl SolEvent) -> Log {
        Log { address, data: event.encode_log_data() }
    }

    fn used(address: Address, byte: u8) -> Log {
        let named = named(byte);
        log(address, &AuthorizationUsed { authorizer: named.signer, nonce: named.nonce })
    }

    fn skipped(index: u64, byte: u8) -> Log {
        let reason = FixedBytes(AuthorizationAlreadyUsed::SELECTOR);
        let event = AuthorizationSkipped { index: U256::from(index), digest: named(byte).relay_id, reason };
        log(CONTRACT, &event)
    }

    fn receipt(succeeded: bool, logs: Vec<Log>) -> TransactionReceipt {
        TransactionReceipt { succeeded, block_number: 1, block_hash: B256::ZERO, logs }
    }

    #[test]
    fn executed_and_skipped_by_their_events() {
        let receipt = receipt(true, vec![used(CONTRACT, 1), skipped(1, 2), used(CONTRACT, 3)]);
        let skip = Verdict::Skipped("AuthorizationAlreadyUsed".into());
        assert!(skip.is_late());
        assert_eq!(
            verdicts(CONTRACT, &[named(1), named(2), named(3)], &receipt),
            [Verdict::Executed, skip, Verdict::Executed]
        );
    }

    #[test]
    fn events_of_other_contracts_count_for_nothing() {
        let receipt = receipt(true, vec![used(Address::repeat_byte(9), 1)]);
        assert_eq!(verdicts(CONTRACT, &[named(1)], &receipt), [Verdict::Nothing]);
    }

    #[test]
    fn a_reverted_transaction_did_nothing() {
        let receipt = receipt(false, vec![]);
        assert_eq!(verdicts(CONTRACT, &[named(1), named(2)], &receipt), [Verdict::Nothing, Verdict::Nothing]);
    }
}
