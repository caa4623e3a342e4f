//! That a chain is what its plan says, whether generated or loaded, and what an indexer of it must therefore say.
//!
//! Every header's hash is computed and follows its parent's; every block's bloom is that of its logs; every block holds
//! the transfers of the plan and no others.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use alloy::primitives::{Bloom, BloomInput, U64, U256};
use alloy::rpc::types::Header;
use alloy::sol_types::SolEvent;
use futures::future::try_join_all;
use serde_json::{Value, json};
use wia_abi::CarbonCredit;

use super::contract::{Contract, units};
use super::plan::{POOL, Shape, blocks};
use super::wallet::pool;
use super::wire::{Log, get_logs, hex};
use crate::error::BenchError;
use crate::rpc::Rpc;

/// Events that a range of blocks for one `eth_getLogs` holds, unless one block holds more.
const EVENTS_PER_RANGE: usize = 5_000;

/// Headers in one JSON-RPC request.
pub(super) const HEADERS_PER_REQUEST: usize = 20;

/// First and last block of an `eth_getLogs`.
pub(crate) type Range = (u64, u64);

/// Everything that an indexer of one contract must say.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// The chain's last block.
    pub(crate) head: u64,
    /// The last block that holds an event.
    pub(crate) last_block: u64,
    /// Ids of all events, in order.
    pub(crate) ids: Vec<String>,
    /// Ranges of about [`EVENTS_PER_RANGE`] events that cover all blocks from the contract's on.
    pub(crate) ranges: Vec<Range>,
}

impl Expected {
    /// Reads all logs of `contract` up to the head; `per_range` blocks in one call.
    pub(crate) async fn read(
        rpc: &Rpc,
        contract: &Contract,
        per_range: u64,
    ) -> Result<(Self, Vec<Log>), BenchError> {
        let head: U64 = rpc.call("eth_blockNumber", json!([])).await?;
        let head = head.to();
        let mut logs = Vec::new();
        let mut from = contract.block;
        while from <= head {
            let to = (from + per_range - 1).min(head);
            let some: Vec<Log> = rpc.call("eth_getLogs", get_logs(contract.address, (from, to))).await?;
            logs.extend(some);
            from = to + 1;
        }
        let in_order = logs.is_sorted_by_key(|log| (log.block_number, log.log_index));
        let Some(last) = logs.last().filter(|_| in_order) else {
            return Err(BenchError::Wrong("eth_getLogs: nothing, or out of order".into()));
        };
        let expected = Self {
            head,
            last_block: last.block_number.to(),
            ids: logs.iter().map(|log| log.id(contract.chain_id)).collect(),
            ranges: ranges(contract.block..=head, &logs),
        };
        Ok((expected, logs))
    }
}

/// Cuts `blocks` after every block with which a range reaches [`EVENTS_PER_RANGE`] events.
fn ranges(blocks: RangeInclusive<u64>, logs: &[Log]) -> Vec<Range> {
    let mut ranges = Vec::new();
    let (mut first, mut events) = (*blocks.start(), 0);
    for of_block in logs.chunk_by(|a, b| a.block_number == b.block_number) {
        events += of_block.len();
        if events >= EVENTS_PER_RANGE {
            let last = of_block[0].block_number.to();
            ranges.push((first, last));
            (first, events) = (last + 1, 0);
        }
    }
    if first <= *blocks.end() {
        ranges.push((first, *blocks.end()));
    }
    ranges
}

/// Checks the whole chain against the plan.
pub(crate) async fn check(
    connections: &[Rpc],
    contract: &Contract,
    shape: Shape,
    seed: u64,
) -> Result<Expected, BenchError> {
    let [first, ..] = connections else {
        return Err(BenchError::Refused("a chain needs a connection".into()));
    };
    let per_range = EVENTS_PER_RANGE.div_ceil(shape.per_block) as u64;
    let (expected, logs) = Expected::read(first, contract, per_range).await?;
    check_plan(&logs, contract, shape, seed)?;
    let mut blooms = BTreeMap::<u64, Bloom>::new();
    for log in &logs {
        let bloom = blooms.entry(log.block_number.to()).or_default();
        bloom.accrue(BloomInput::Raw(log.address.as_slice()));
        log.topics.iter().for_each(|topic| bloom.accrue(BloomInput::Raw(topic.as_slice())));
    }
    let headers = headers(connections, expected.head).await?;
    for (pair, number) in headers.windows(2).zip(1..) {
        let [parent, header] = pair else { continue };
        let bloom = blooms.get(&number).copied().unwrap_or_default();
        let fits = header.number == number
            && header.parent_hash == parent.hash
            && header.inner.hash_slow() == header.hash
            && header.logs_bloom == bloom;
        if !fits {
            return Err(BenchError::Wrong(format!("the generated chain: header of block {number}")));
        }
    }
    Ok(expected)
}

async fn headers(connections: &[Rpc], head: u64) -> Result<Vec<Header>, BenchError> {
    let numbers: Vec<_> = (0..=head).collect();
    let requests: Vec<_> = numbers.chunks(HEADERS_PER_REQUEST).collect();
    let mut all = Vec::with_capacity(numbers.len());
    for round in requests.chunks(connections.len()) {
        let asked = round.iter().zip(connections).map(|(numbers, connection)| {
            let params = numbers.iter().map(|number| json!([hex(*number), false]));
            connection.batch::<Header>("eth_getBlockByNumber", params.collect::<Vec<Value>>())
        });
        all.extend(try_join_all(asked).await?.into_iter().flatten());
    }
    Ok(all)
}

/// The transfers after the mint, block by block; within a block in any order.
fn check_plan(logs: &[Log], contract: &Contract, shape: Shape, seed: u64) -> Result<(), BenchError> {
    let wrong = |what: String| Err(BenchError::Wrong(format!("the generated chain: {what}")));
    // Deployed, minted, and then what the plan says.
    let first = contract.block + 2;
    let mut seen = BTreeMap::<u64, Vec<_>>::new();
    let mut transfers = 0;
    for log in logs.iter().filter(|log| log.topics.first() == Some(&CarbonCredit::Transfer::SIGNATURE_HASH)) {
        transfers += 1;
        let (Some(from), Some(to)) = (log.topics.get(1), log.topics.get(2)) else {
            return wrong(format!("a Transfer without parties in block {}", log.block_number));
        };
        let number = log.block_number.to();
        if number >= first {
            let value = U256::try_from_be_slice(&log.data).unwrap_or_default();
            seen.entry(number).or_default().push((*from, *to, value));
        }
    }
    if transfers != shape.transfers() {
        return wrong(format!("{transfers} transfers instead of {}", shape.transfers()));
    }
    let wallets: Vec<_> = pool(seed, POOL)?.iter().map(|wallet| wallet.address().into_word()).collect();
    for (block, number) in blocks(shape, seed).iter().zip(first..) {
        let mut planned: Vec<_> =
            block.iter().map(|t| (wallets[t.from], wallets[t.to], units(t.serials))).collect();
        let mut there = seen.remove(&number).unwrap_or_default();
        planned.sort_unstable();
        there.sort_unstable();
        if planned != there {
            return wrong(format!("block {number} holds other transfers than planned"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, Bytes};

    use super::*;

    fn logs(blocks: &[(u64, usize)]) -> Vec<Log> {
        let log = |block: u64| Log {
            address: Address::ZERO,
            topics: vec![],
            data: Bytes::new(),
            block_number: U64::from(block),
            block_hash: B256::ZERO,
            transaction_hash: B256::ZERO,
            log_index: U64::ZERO,
        };
        blocks.iter().flat_map(|(block, count)| std::iter::repeat_n(log(*block), *count)).collect()
    }

    #[test]
    fn ranges_cover_every_block_once_and_hold_about_as_many_events() {
        let logs = logs(&[(3, 4_000), (5, 1_500), (6, 100), (7, 9_000), (9, 1)]);
        assert_eq!(ranges(2..=12, &logs), [(2, 5), (6, 7), (8, 12)]);
        assert_eq!(ranges(2..=5, &logs[..5_500]), [(2, 5)]);
        assert_eq!(ranges(2..=4, &[]), [(2, 4)]);
    }
}
