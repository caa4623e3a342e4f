//! What a batch transaction did with each of its messages, as a pure function of the receipt.

use std::collections::{HashMap, HashSet};

use alloy::primitives::Address;
use alloy::sol_types::SolEvent;
use wia_abi::CarbonCredit::{AuthorizationSkipped, AuthorizationUsed};
use wia_abi::contracts::error_name;
use wia_abi::relay_batcher::RelayBatcher::ItemFailed;

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
    /// The batcher could not carry it out, with the contract's error. It had what gas we gave it, so that others need not
    /// take this for a fault of the message: it is tried again.
    Failed(String),
    /// The transaction did nothing with it: it reverted.
    Nothing,
}

impl Verdict {
    /// Its nonce was taken when the batch came to it.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Verdict::Skipped(reason) if reason == ALREADY_USED)
    }
}

/// The verdict on each of `items`, in batch order. `to` is where the transaction went: a token, the batcher, or the
/// contract of its one message. Each message's own contract says whether it was executed.
pub(crate) fn verdicts(to: Address, items: &[Named], receipt: &TransactionReceipt) -> Vec<Verdict> {
    let mut used = HashSet::new();
    let mut passed_over = HashMap::new();
    for log in receipt.logs.iter().filter(|_| receipt.succeeded) {
        if let Ok(event) = AuthorizationUsed::decode_log(log) {
            used.insert((log.address, event.authorizer, event.nonce));
        } else if log.address != to {
            continue;
        } else if let Ok(event) = AuthorizationSkipped::decode_log(log) {
            let named = items.get(event.index.saturating_to::<usize>());
            if let Some(named) = named.filter(|named| named.relay_id == event.digest) {
                passed_over.insert(named.relay_id, Verdict::Skipped(error_name(event.reason)));
            }
        } else if let Ok(event) = ItemFailed::decode_log(log)
            && let Some(named) = items.get(event.index.saturating_to::<usize>())
        {
            let reason = error_name(event.reason);
            let is_taken = reason == ALREADY_USED;
            let verdict = if is_taken { Verdict::Skipped(reason) } else { Verdict::Failed(reason) };
            passed_over.insert(named.relay_id, verdict);
        }
    }
    let one = |item: &Named| match passed_over.remove(&item.relay_id) {
        Some(verdict) => verdict,
        None if used.contains(&(item.contract, item.signer, item.nonce)) => Verdict::Executed,
        None => Verdict::Nothing,
    };
    items.iter().map(one).collect()
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
            contract: CONTRACT,
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
    fn a_batch_over_several_contracts_is_judged_by_each_of_them() {
        const BATCHER: Address = Address::repeat_byte(7);
        const OTHER: Address = Address::repeat_byte(8);
        let failed = |index: u64, reason: [u8; 4]| {
            let reason = FixedBytes(reason);
            log(BATCHER, &ItemFailed { index: U256::from(index), target: OTHER, reason })
        };
        let elsewhere = |byte| Named { contract: OTHER, ..named(byte) };
        let items = [named(1), elsewhere(2), elsewhere(3), elsewhere(4), elsewhere(5)];
        let logs = vec![
            used(CONTRACT, 1),
            used(OTHER, 2),
            failed(2, AuthorizationAlreadyUsed::SELECTOR),
            failed(3, [0; 4]),
            // The same signer and nonce at another contract.
            used(CONTRACT, 5),
            // Not the batcher's word.
            log(OTHER, &ItemFailed { index: U256::ZERO, target: CONTRACT, reason: FixedBytes([1; 4]) }),
        ];
        let skip = Verdict::Skipped("AuthorizationAlreadyUsed".into());
        assert_eq!(
            verdicts(BATCHER, &items, &receipt(true, logs)),
            [
                Verdict::Executed,
                Verdict::Executed,
                skip,
                Verdict::Failed("OutOfGasOrRevertWithoutReason".into()),
                Verdict::Nothing
            ]
        );
    }

    #[test]
    fn a_reverted_transaction_did_nothing() {
        let receipt = receipt(false, vec![]);
        assert_eq!(verdicts(CONTRACT, &[named(1), named(2)], &receipt), [Verdict::Nothing, Verdict::Nothing]);
    }
}
