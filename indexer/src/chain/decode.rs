//! Raw logs to a block of events. Pure; refuses what an honest endpoint cannot have said.
//!
//! In: a header and the logs that an endpoint gave for it. Out: a [`Block`] whose transfers do not know their
//! balances yet ([`crate::log::ledger`] fills them in).

use alloy::primitives::B256;

use crate::chain::block::{Header, RawLog};
use crate::chain::catalog::Catalog;
use crate::log::entry::{Block, EventRecord, MAX_TOPICS};
use crate::map::Map;

/// Why logs cannot be those of a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Implausible {
    /// It belongs elsewhere.
    #[error("a log of block {reported} was given for block {asked}")]
    OtherBlock { asked: B256, reported: B256 },
    /// Two logs in one place.
    #[error("log {log_index} of block {block} was given twice")]
    Twice { block: B256, log_index: u64 },
    /// A transaction's logs are not in one piece.
    #[error("the logs of transaction {transaction} in block {block} are torn apart")]
    Torn { block: B256, transaction: B256 },
    /// No log has so many topics.
    #[error("log {log_index} of block {block} has {topics} topics")]
    Topics { block: B256, log_index: u64, topics: usize },
}

/// The block of `header` with the events among `logs` that contracts of `catalog` emitted.
pub(crate) fn block(header: &Header, logs: Vec<RawLog>, catalog: &Catalog) -> Result<Block, Implausible> {
    let mut logs: Vec<_> = logs.into_iter().filter(|l| catalog.follows(l.address)).collect();
    logs.sort_unstable_by_key(|l| l.log_index);
    let block = header.hash;
    if let Some(other) = logs.iter().find(|l| l.block != header.reference()) {
        return Err(Implausible::OtherBlock { asked: block, reported: other.block.hash });
    }
    if let Some(pair) = logs.windows(2).find(|p| p[0].log_index == p[1].log_index) {
        return Err(Implausible::Twice { block, log_index: pair[0].log_index });
    }
    if let Some(log) = logs.iter().find(|l| l.topics.len() > MAX_TOPICS) {
        return Err(Implausible::Topics { block, log_index: log.log_index, topics: log.topics.len() });
    }
    let mut transactions: Vec<B256> = Vec::new();
    let mut seen = Map::default();
    let mut events = Vec::with_capacity(logs.len());
    for log in logs {
        let next = u32::try_from(transactions.len()).unwrap_or(u32::MAX);
        let transaction = *seen.entry(log.transaction_hash).or_insert(next);
        if transaction == next {
            transactions.push(log.transaction_hash);
        } else if transaction + 1 != next {
            return Err(Implausible::Torn { block, transaction: log.transaction_hash });
        }
        events.push(EventRecord {
            log_index: log.log_index,
            transaction,
            contract: log.address,
            topics: log.topics,
            data: log.data,
        });
    }
    Ok(Block {
        number: header.number,
        hash: header.hash,
        parent_hash: header.parent_hash,
        timestamp_s: header.timestamp_s,
        transactions,
        events,
        opening: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, Bloom, Bytes};
    use wia_abi::BlockNumber;

    use super::*;
    use crate::chain::catalog::Contract;

    const OURS: Address = Address::repeat_byte(9);

    fn catalog() -> Catalog {
        Catalog::new([Contract::without_abi(OURS, false)])
    }

    fn header() -> Header {
        Header {
            number: BlockNumber(5),
            hash: B256::repeat_byte(5),
            parent_hash: B256::repeat_byte(4),
            timestamp_s: 1,
            logs_bloom: Bloom::default(),
            receipts_root: B256::ZERO,
        }
    }

    fn log(log_index: u64, transaction: u8) -> RawLog {
        RawLog {
            address: OURS,
            topics: vec![B256::repeat_byte(7)],
            data: Bytes::from_static(&[1, 2]),
            block: header().reference(),
            transaction_hash: B256::repeat_byte(transaction),
            transaction_index: transaction.into(),
            log_index,
        }
    }

    #[test]
    fn events_come_out_in_log_order_with_their_transactions_and_strangers_are_left_out() {
        let mut stranger = log(5, 1);
        stranger.address = Address::ZERO;
        let mut anonymous = log(4, 1);
        anonymous.topics.clear();
        let block = block(&header(), vec![log(7, 2), anonymous, stranger, log(3, 1)], &catalog()).unwrap();
        assert_eq!(block.transactions, [B256::repeat_byte(1), B256::repeat_byte(2)]);
        let places: Vec<_> =
            block.events.iter().map(|e| (e.log_index, e.transaction, e.topics.len())).collect();
        assert_eq!(places, [(3, 0, 1), (4, 0, 0), (7, 1, 1)]);
    }

    #[test]
    fn implausible_answers_are_refused() {
        let mut elsewhere = log(1, 1);
        elsewhere.block.hash = B256::ZERO;
        let twice = vec![log(1, 1), log(1, 1)];
        let torn = vec![log(1, 1), log(2, 2), log(3, 1)];
        for (logs, text) in [(vec![elsewhere], "given for block"), (twice, "twice"), (torn, "torn")] {
            let error = block(&header(), logs, &catalog()).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
