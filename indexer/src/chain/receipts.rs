//! A block's receipts against its header (Yellow Paper §4.3.2, EIP-2718). Pure.
//!
//! In: a header and all receipts that an endpoint gave for it. Out: the logs of our contracts, proven complete: the
//! receipts root of the header covers every log's address, topics, data and order. What it does not cover is the
//! transactions' hashes, which are taken as they are given, and the types that we cannot encode.

use alloy::consensus::proofs::calculate_receipt_root;
use alloy::consensus::{Eip658Value, Receipt as Encodable, ReceiptEnvelope};
use alloy::primitives::{B256, Log, LogData};

use crate::chain::block::{Header, Outcome, RawLog, Receipt};
use crate::chain::catalog::Catalog;

/// Why receipts prove nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unproven {
    /// A transaction of a kind that this program cannot encode; the receipts may well be right.
    #[error("a receipt of the unknown type {0}")]
    UnknownType(u8),
    /// More topics than a log can have.
    #[error("a log with more than four topics")]
    Topics,
    /// They are not the block's.
    #[error("the receipts' root is {found}, the header says {expected}")]
    OtherRoot {
        /// As the header has it.
        expected: B256,
        /// As it follows from the receipts.
        found: B256,
    },
}

/// The logs of contracts of `catalog` in the block, from receipts that are proven to be its own.
pub(crate) fn logs(
    header: &Header,
    receipts: &[Receipt],
    catalog: &Catalog,
) -> Result<Vec<RawLog>, Unproven> {
    let encodable = receipts.iter().map(encodable).collect::<Result<Vec<_>, _>>()?;
    let (expected, found) = (header.receipts_root, calculate_receipt_root(&encodable));
    if expected != found {
        return Err(Unproven::OtherRoot { expected, found });
    }
    let placed = receipts.iter().zip(0_u64..).flat_map(|(receipt, transaction_index)| {
        receipt.logs.iter().map(move |log| (receipt.transaction_hash, transaction_index, log))
    });
    let ours = placed.zip(0_u64..).filter(|((_, _, (address, _, _)), _)| catalog.follows(*address));
    let raw =
        ours.map(|((transaction_hash, transaction_index, (address, topics, data)), log_index)| RawLog {
            address: *address,
            topics: topics.clone(),
            data: data.clone(),
            block: header.reference(),
            transaction_hash,
            transaction_index,
            log_index,
        });
    Ok(raw.collect())
}

fn encodable(receipt: &Receipt) -> Result<ReceiptEnvelope<Log>, Unproven> {
    let log = |(address, topics, data): &(_, Vec<B256>, alloy::primitives::Bytes)| {
        let data = LogData::new(topics.clone(), data.clone()).ok_or(Unproven::Topics)?;
        Ok(Log { address: *address, data })
    };
    let body = Encodable {
        status: match receipt.outcome {
            Outcome::Status(success) => Eip658Value::Eip658(success),
            Outcome::State(root) => Eip658Value::PostState(root),
        },
        cumulative_gas_used: receipt.cumulative_gas_used,
        logs: receipt.logs.iter().map(log).collect::<Result<Vec<Log>, _>>()?,
    }
    .with_bloom();
    Ok(match receipt.transaction_type {
        0 => ReceiptEnvelope::Legacy(body),
        1 => ReceiptEnvelope::Eip2930(body),
        2 => ReceiptEnvelope::Eip1559(body),
        3 => ReceiptEnvelope::Eip4844(body),
        4 => ReceiptEnvelope::Eip7702(body),
        other => return Err(Unproven::UnknownType(other)),
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bloom, Bytes, b256};
    use wia_abi::BlockNumber;

    use super::*;
    use crate::chain::catalog::Contract;

    const OURS: Address = Address::repeat_byte(7);

    fn catalog() -> Catalog {
        Catalog::new([Contract::without_abi(OURS, false)])
    }

    fn receipts() -> Vec<Receipt> {
        let log = |address| (address, vec![B256::repeat_byte(1)], Bytes::from_static(&[1]));
        let receipt = |transaction_type, outcome, logs| Receipt {
            transaction_type,
            outcome,
            cumulative_gas_used: 21_000,
            transaction_hash: B256::repeat_byte(transaction_type),
            logs,
        };
        vec![
            receipt(0, Outcome::State(B256::repeat_byte(2)), vec![log(OURS), log(Address::ZERO)]),
            receipt(2, Outcome::Status(true), vec![log(Address::ZERO), log(OURS)]),
        ]
    }

    fn header(receipts_root: B256) -> Header {
        Header {
            number: BlockNumber(1),
            hash: B256::repeat_byte(5),
            parent_hash: B256::ZERO,
            timestamp_s: 0,
            logs_bloom: Bloom::ZERO,
            receipts_root,
        }
    }

    fn root(receipts: &[Receipt]) -> B256 {
        calculate_receipt_root(&receipts.iter().map(|r| encodable(r).unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn proven_receipts_give_our_logs_with_their_places() {
        let logs = logs(&header(root(&receipts())), &receipts(), &catalog()).unwrap();
        let places: Vec<_> = logs.iter().map(|l| (l.transaction_index, l.log_index)).collect();
        assert_eq!(places, [(0, 0), (1, 3)]);
        assert_eq!(logs[1].transaction_hash, B256::repeat_byte(2));
        assert_eq!(logs[1].block, header(B256::ZERO).reference());
    }

    #[test]
    fn whatever_is_left_out_or_changed_is_noticed() {
        let header = header(root(&receipts()));
        let mut cut = receipts();
        cut[1].logs.pop();
        let mut other = receipts();
        other[0].logs[0].2 = Bytes::from_static(&[2]);
        let mut failed = receipts();
        failed[1].outcome = Outcome::Status(false);
        for wrong in [cut, other, failed, receipts()[..1].to_vec(), Vec::new()] {
            let error = logs(&header, &wrong, &catalog()).unwrap_err();
            assert!(matches!(error, Unproven::OtherRoot { .. }), "{error}");
        }
        let mut strange = receipts();
        strange[0].transaction_type = 0x7e;
        assert_eq!(logs(&header, &strange, &catalog()), Err(Unproven::UnknownType(0x7e)));
    }

    #[test]
    fn a_block_without_transactions_has_the_root_of_the_empty_trie() {
        let empty = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
        assert_eq!(logs(&header(empty), &[], &catalog()), Ok(Vec::new()));
    }
}
