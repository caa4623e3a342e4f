//! Raw logs to a block of typed events. Pure; refuses what an honest endpoint cannot have said.
//!
//! In: a header and the logs that an endpoint gave for it. Out: a [`Block`] whose transfers do not know their
//! balances yet ([`crate::log::ledger`] fills them in). A log of our contracts that the ABI does not know, or whose
//! bytes do not fit it, is kept raw: never lost, never guessed at.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolEventInterface;
use wia_abi::CarbonCredit::CarbonCreditEvents as Known;

use crate::chain::block::{Header, RawLog};
use crate::log::entry::{Block, Event, EventRecord};

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
}

/// The block of `header` with the events among `logs` that `contracts` emitted.
pub(crate) fn block(header: &Header, logs: Vec<RawLog>, contracts: &[Address]) -> Result<Block, Implausible> {
    let mut logs: Vec<_> = logs.into_iter().filter(|l| contracts.contains(&l.address)).collect();
    logs.sort_unstable_by_key(|l| l.log_index);
    let block = header.hash;
    if let Some(other) = logs.iter().find(|l| l.block != header.reference()) {
        return Err(Implausible::OtherBlock { asked: block, reported: other.block.hash });
    }
    if let Some(pair) = logs.windows(2).find(|p| p[0].log_index == p[1].log_index) {
        return Err(Implausible::Twice { block, log_index: pair[0].log_index });
    }
    let mut transactions: Vec<B256> = Vec::new();
    let mut seen = BTreeMap::new();
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
            event: event(log),
            before: None,
        });
    }
    Ok(Block {
        number: header.number,
        hash: header.hash,
        parent_hash: header.parent_hash,
        timestamp_s: header.timestamp_s,
        transactions,
        events,
    })
}

fn event(log: RawLog) -> Event {
    match Known::decode_raw_log(&log.topics, &log.data) {
        Ok(Known::Transfer(e)) => Event::Transfer { from: e.from, to: e.to, value: e.value },
        Ok(Known::CreditMinted(e)) => {
            Event::CreditMinted { recipient: e.recipient, amount: e.amount, credit_id: e.creditId }
        }
        Ok(Known::AuthorizationUsed(e)) => {
            Event::AuthorizationUsed { authorizer: e.authorizer, nonce: e.nonce }
        }
        Ok(Known::AuthorizationCanceled(e)) => {
            Event::AuthorizationCanceled { authorizer: e.authorizer, nonce: e.nonce }
        }
        Ok(Known::AuthorizationSkipped(e)) => {
            Event::AuthorizationSkipped { index: e.index, digest: e.digest, reason: e.reason }
        }
        _ => Event::Raw { topics: log.topics, data: log.data },
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Bloom, Bytes, U256};
    use alloy::sol_types::SolEvent;
    use wia_abi::{BlockNumber, CarbonCredit};

    use super::*;

    const OURS: Address = Address::repeat_byte(9);

    fn header() -> Header {
        Header {
            number: BlockNumber(5),
            hash: B256::repeat_byte(5),
            parent_hash: B256::repeat_byte(4),
            timestamp_s: 1,
            logs_bloom: Bloom::default(),
        }
    }

    fn log(log_index: u64, transaction: u8, event: &impl SolEvent) -> RawLog {
        let data = event.encode_log_data();
        RawLog {
            address: OURS,
            topics: data.topics().to_vec(),
            data: data.data.clone(),
            block: header().reference(),
            transaction_hash: B256::repeat_byte(transaction),
            log_index,
        }
    }

    fn transfer(value: u64) -> CarbonCredit::Transfer {
        CarbonCredit::Transfer { from: Address::ZERO, to: Address::repeat_byte(1), value: U256::from(value) }
    }

    #[test]
    fn events_come_out_typed_in_log_order_with_their_transactions() {
        let minted = CarbonCredit::CreditMinted {
            recipient: Address::repeat_byte(1),
            amount: U256::from(5),
            creditId: "VCS-1".into(),
        };
        let skipped = CarbonCredit::AuthorizationSkipped {
            index: U256::from(2),
            digest: B256::repeat_byte(8),
            reason: [1, 2, 3, 4].into(),
        };
        let logs = vec![log(7, 2, &skipped), log(4, 1, &minted), log(3, 1, &transfer(5))];
        let block = block(&header(), logs, &[OURS]).unwrap();
        assert_eq!(block.transactions, [B256::repeat_byte(1), B256::repeat_byte(2)]);
        let places: Vec<_> = block.events.iter().map(|e| (e.log_index, e.transaction)).collect();
        assert_eq!(places, [(3, 0), (4, 0), (7, 1)]);
        assert!(
            matches!(&block.events[1].event, Event::CreditMinted { credit_id, .. } if credit_id == "VCS-1")
        );
        assert!(matches!(block.events[2].event, Event::AuthorizationSkipped { .. }));
    }

    #[test]
    fn what_the_abi_does_not_know_stays_raw_and_strangers_are_left_out() {
        let mut unknown = log(0, 1, &transfer(1));
        unknown.topics[0] = B256::repeat_byte(0xee);
        let mut cut = log(1, 1, &transfer(1));
        cut.data = Bytes::from_static(&[1]);
        let mut anonymous = log(2, 1, &transfer(1));
        anonymous.topics.clear();
        let mut stranger = log(3, 1, &transfer(1));
        stranger.address = Address::ZERO;
        let block = block(&header(), vec![unknown, cut, anonymous, stranger], &[OURS]).unwrap();
        assert_eq!(block.events.len(), 3);
        assert!(block.events.iter().all(|e| matches!(e.event, Event::Raw { .. })));
    }

    #[test]
    fn implausible_answers_are_refused() {
        let mut elsewhere = log(1, 1, &transfer(1));
        elsewhere.block.hash = B256::ZERO;
        let twice = vec![log(1, 1, &transfer(1)), log(1, 1, &transfer(1))];
        let torn = vec![log(1, 1, &transfer(1)), log(2, 2, &transfer(1)), log(3, 1, &transfer(1))];
        for (logs, text) in [(vec![elsewhere], "given for block"), (twice, "twice"), (torn, "torn")] {
            let error = block(&header(), logs, &[OURS]).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
