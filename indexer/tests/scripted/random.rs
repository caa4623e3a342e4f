//! A chain that grows, forks and is cut back by chance, with honest headers: blooms and receipts roots are those of its
//! logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::consensus::proofs::calculate_receipt_root;
use alloy::consensus::{Eip658Value, Receipt, ReceiptEnvelope};
use alloy::primitives::{Address, B256, Bloom, Log, LogData, U256, keccak256};
use alloy::sol_types::SolEvent;
use serde_json::{Value, json};
use wia_abi::{BlockNumber, CarbonCredit};
use wia_indexer::block::{BlockRef, RawLog};

use crate::chain::{Block, Chain};

/// EIP-155.
pub(crate) const CHAIN_ID: u64 = 7;

pub(crate) const ACCOUNTS: u8 = 3;

pub(crate) fn contract() -> Address {
    Address::repeat_byte(0xcc)
}

pub(crate) fn account(n: u8) -> Address {
    if n == 0 { Address::ZERO } else { Address::repeat_byte(n) }
}

/// xorshift64*.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

/// A contract that nobody follows; its logs stand between the others.
const STRANGER: Address = Address::repeat_byte(0xdd);

impl Chain {
    /// Block 0 alone.
    pub(crate) fn new() -> Self {
        let followed = vec![contract()];
        let mut chain = Self { chain_id: CHAIN_ID, followed, canonical: Vec::new(), all: BTreeMap::new() };
        chain.grow(&mut Random::new(0));
        chain
    }

    /// Grows, replaces some blocks, or cuts some off; gives the new heads.
    pub(crate) fn step(&mut self, random: &mut Random, max_depth: u64) -> Vec<Arc<Block>> {
        let settled = self.settled(max_depth);
        let (cut, grow) = match random.below(7) {
            0..=2 => (0, 1),
            6 => {
                self.return_to_some_block(random, settled);
                return Vec::new();
            }
            3 => (0, 1 + random.below(8)),
            4 => (1 + random.below(max_depth), 1 + random.below(max_depth)),
            _ => (random.below(3), 0),
        };
        let cut = usize::try_from(cut).unwrap().min(self.canonical.len());
        self.canonical.truncate((self.canonical.len() - cut).max(settled).max(1));
        (0..grow).map(|_| self.grow(random)).collect()
    }

    /// Grows above every block that ever was: heads of replaced blocks that still wait in a subscription can then
    /// not extend anything.
    pub(crate) fn settle(&mut self, random: &mut Random) -> Vec<Arc<Block>> {
        let highest = self.all.values().map(|b| b.number).max();
        let mut heads = Vec::new();
        while Some(self.head().number) <= highest {
            heads.push(self.grow(random));
        }
        heads
    }

    /// How many blocks from the bottom stay whatever happens, so that steps that follow each other unseen do not
    /// add up to more than may be taken back: all but the highest of the highest chain so far.
    fn settled(&self, max_depth: u64) -> usize {
        let highest = self.all.values().map(|b| b.number).max().unwrap_or(0);
        usize::try_from((highest + 1).saturating_sub(max_depth)).unwrap()
    }

    /// A block that had left the chain, or is in it, becomes its head.
    fn return_to_some_block(&mut self, random: &mut Random, settled: usize) {
        let nth = usize::try_from(random.below(self.all.len() as u64)).unwrap();
        let mut branch = vec![self.all.values().nth(nth).unwrap().clone()];
        while let Some(lowest) = branch.last()
            && !self.canonical.iter().any(|b| b.hash == lowest.parent_hash)
        {
            let Some(parent) = self.all.get(&lowest.parent_hash) else { return };
            branch.push(parent.clone());
        }
        let keep = usize::try_from(branch.last().unwrap().number).unwrap();
        if keep >= settled {
            self.canonical.truncate(keep);
            self.canonical.extend(branch.into_iter().rev());
        }
    }

    /// One block more.
    pub(crate) fn grow(&mut self, random: &mut Random) -> Arc<Block> {
        self.grow_at(random, self.all.len() as u64)
    }

    /// One block more, with that timestamp, in seconds.
    pub(crate) fn grow_at(&mut self, random: &mut Random, timestamp_s: u64) -> Arc<Block> {
        let parent = self.canonical.last().cloned();
        let number = parent.as_ref().map_or(0, |p| p.number + 1);
        let parent_hash = parent.as_ref().map_or(B256::ZERO, |p| p.hash);
        // As many were made before, so none has the same.
        let hash = keccak256([parent_hash.as_slice(), &self.all.len().to_be_bytes()].concat());
        let mut balances = parent.map(|p| p.balances.clone()).unwrap_or_default();
        let mut logs = Vec::new();
        for log_index in 0..if number == 0 { 0 } else { random.below(4) } {
            let pick = |random: &mut Random| u8::try_from(random.below(u64::from(ACCOUNTS) + 1)).unwrap();
            let (from, to) = (account(pick(random)), account(pick(random)));
            let mut value = U256::from(random.below(1_000));
            if !from.is_zero() {
                let have = balances.entry((contract(), from)).or_default();
                value = value.min(*have);
                *have -= value;
            }
            if !to.is_zero() {
                *balances.entry((contract(), to)).or_default() += value;
            }
            let data = CarbonCredit::Transfer { from, to, value }.encode_log_data();
            let log_index = 2 * log_index;
            logs.push(RawLog {
                address: contract(),
                topics: data.topics().to_vec(),
                data: data.data,
                block: BlockRef { number: BlockNumber(number), hash },
                // Ours and a stranger's in one transaction.
                transaction_hash: keccak256([hash.as_slice(), &log_index.to_be_bytes()].concat()),
                transaction_index: log_index / 2,
                log_index,
            });
            let mut stranger = logs.last().unwrap().clone();
            (stranger.address, stranger.log_index) = (STRANGER, log_index + 1);
            logs.push(stranger);
        }
        let mut logs_bloom = Bloom::default();
        logs.iter().for_each(|l| logs_bloom.accrue_raw_log(l.address, &l.topics));
        let header = json!({
            "number": format!("0x{number:x}"),
            "hash": hash,
            "parentHash": parent_hash,
            "timestamp": format!("0x{timestamp_s:x}"),
            "logsBloom": logs_bloom,
            "receiptsRoot": receipts_root(&logs),
        });
        let receipts = receipts(&logs);
        let logs = logs.iter().map(|l| (l.address, log(l))).collect();
        let block = Arc::new(Block { number, hash, parent_hash, header, logs, receipts, balances });
        self.all.insert(hash, block.clone());
        self.canonical.push(block.clone());
        block
    }
}

/// Gas of each transaction.
const GAS: u64 = 50_000;

fn by_transaction(logs: &[RawLog]) -> impl Iterator<Item = (&[RawLog], u64)> {
    logs.chunk_by(|a, b| a.transaction_index == b.transaction_index).zip(1..)
}

fn receipts_root(logs: &[RawLog]) -> B256 {
    let data = |l: &RawLog| LogData::new(l.topics.clone(), l.data.clone()).unwrap();
    let receipts = by_transaction(logs).map(|(logs, nth)| {
        let body = Receipt {
            status: Eip658Value::Eip658(true),
            cumulative_gas_used: GAS * nth,
            logs: logs.iter().map(|l| Log { address: l.address, data: data(l) }).collect(),
        };
        ReceiptEnvelope::Eip1559(body.with_bloom())
    });
    calculate_receipt_root(&receipts.collect::<Vec<_>>())
}

fn receipts(logs: &[RawLog]) -> Value {
    let receipt = |(logs, nth): (&[RawLog], u64)| {
        json!({
            "type": "0x2",
            "status": "0x1",
            "cumulativeGasUsed": format!("0x{:x}", GAS * nth),
            "transactionHash": logs[0].transaction_hash,
            "logs": logs.iter().map(log).collect::<Vec<_>>(),
        })
    };
    by_transaction(logs).map(receipt).collect()
}

fn log(log: &RawLog) -> Value {
    json!({
        "address": log.address,
        "topics": log.topics,
        "data": log.data,
        "blockNumber": format!("0x{:x}", log.block.number.0),
        "blockHash": log.block.hash,
        "transactionHash": log.transaction_hash,
        "transactionIndex": format!("0x{:x}", log.transaction_index),
        "logIndex": format!("0x{:x}", log.log_index),
        "removed": false,
    })
}
