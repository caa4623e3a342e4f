//! A chain in memory, with honest headers: blooms and receipts roots are those of its logs.

use std::collections::BTreeMap;

use alloy::consensus::proofs::calculate_receipt_root;
use alloy::consensus::{Eip658Value, Receipt, ReceiptEnvelope};
use alloy::primitives::{Address, B256, Bloom, Log, LogData, U256, keccak256};
use alloy::sol_types::SolEvent;
use wia_abi::{BlockNumber, CarbonCredit};
use wia_indexer::block::{BlockRef, Header, RawLog};

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

#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) header: Header,
    /// All of them, a stranger's too.
    pub(crate) logs: Vec<RawLog>,
    balances: BTreeMap<Address, U256>,
}

/// The chain as it stands, and all that it ever was.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) canonical: Vec<Block>,
    /// Blocks that were replaced can still be asked for, as on a real node.
    pub(crate) all: BTreeMap<B256, Block>,
    made: u64,
}

impl Chain {
    /// Block 0 alone.
    pub(crate) fn new() -> Self {
        let mut chain = Self { canonical: Vec::new(), all: BTreeMap::new(), made: 0 };
        chain.grow(&mut Random::new(0));
        chain
    }

    /// Another chain that has the lowest `keep` blocks in common with this one, and none after.
    pub(crate) fn fork(&self, keep: usize) -> Self {
        let mut fork = self.clone();
        fork.canonical.truncate(keep);
        fork.made += 1_000_000;
        fork
    }

    pub(crate) fn head(&self) -> &Block {
        self.canonical.last().unwrap()
    }

    pub(crate) fn balances(&self) -> &BTreeMap<Address, U256> {
        &self.head().balances
    }

    /// The ids of all events that are indexed, in their order.
    pub(crate) fn event_ids(&self) -> Vec<String> {
        let ours = self.canonical.iter().flat_map(|b| &b.logs).filter(|l| l.address == contract());
        ours.map(|l| format!("{CHAIN_ID}:{}:{}", l.block.hash, l.log_index)).collect()
    }

    /// Grows, replaces some blocks, or cuts some off; gives the new heads.
    pub(crate) fn step(&mut self, random: &mut Random, max_depth: u64) -> Vec<Header> {
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
    pub(crate) fn settle(&mut self, random: &mut Random) -> Vec<Header> {
        let highest = self.all.values().map(|b| b.header.number).max();
        let mut heads = Vec::new();
        while Some(self.head().header.number) <= highest {
            heads.push(self.grow(random));
        }
        heads
    }

    /// How many blocks from the bottom stay whatever happens, so that steps that follow each other unseen do not
    /// add up to more than may be taken back: all but the highest of the highest chain so far.
    fn settled(&self, max_depth: u64) -> usize {
        let highest = self.all.values().map(|b| b.header.number.0).max().unwrap_or(0);
        usize::try_from((highest + 1).saturating_sub(max_depth)).unwrap()
    }

    /// A block that had left the chain, or is in it, becomes its head.
    fn return_to_some_block(&mut self, random: &mut Random, settled: usize) {
        let nth = usize::try_from(random.below(self.all.len() as u64)).unwrap();
        let mut branch = vec![self.all.values().nth(nth).unwrap().clone()];
        while let Some(lowest) = branch.last()
            && !self.canonical.iter().any(|b| b.header.hash == lowest.header.parent_hash)
        {
            let Some(parent) = self.all.get(&lowest.header.parent_hash) else { return };
            branch.push(parent.clone());
        }
        let keep = usize::try_from(branch.last().unwrap().header.number.0).unwrap();
        if keep >= settled {
            self.canonical.truncate(keep);
            self.canonical.extend(branch.into_iter().rev());
        }
    }

    /// One block more.
    pub(crate) fn grow(&mut self, random: &mut Random) -> Header {
        self.made += 1;
        let parent = self.canonical.last().map(|b| (b.header.clone(), b.balances.clone()));
        let number = parent.as_ref().map_or(0, |(h, _)| h.number.0 + 1);
        let hash = keccak256(self.made.to_be_bytes());
        let mut balances = parent.as_ref().map(|(_, b)| b.clone()).unwrap_or_default();
        let mut logs = Vec::new();
        for log_index in 0..if number == 0 { 0 } else { random.below(4) } {
            let pick = |random: &mut Random| u8::try_from(random.below(u64::from(ACCOUNTS) + 1)).unwrap();
            let (from, to) = (account(pick(random)), account(pick(random)));
            let mut value = U256::from(random.below(1_000));
            if !from.is_zero() {
                let have = balances.entry(from).or_default();
                value = value.min(*have);
                *have -= value;
            }
            if !to.is_zero() {
                *balances.entry(to).or_default() += value;
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
        let parent_hash = parent.map_or(B256::ZERO, |(h, _)| h.hash);
        let mut logs_bloom = Bloom::default();
        logs.iter().for_each(|l| logs_bloom.accrue_raw_log(l.address, &l.topics));
        let header = Header {
            number: BlockNumber(number),
            hash,
            parent_hash,
            timestamp_s: self.made,
            logs_bloom,
            receipts_root: receipts_root(&logs),
        };
        let block = Block { header: header.clone(), logs, balances };
        self.all.insert(hash, block.clone());
        self.canonical.push(block);
        header
    }
}

/// Gas of each transaction.
pub(crate) const GAS: u64 = 50_000;

fn receipts_root(logs: &[RawLog]) -> B256 {
    let receipt = |logs: &[RawLog]| {
        let data = |l: &RawLog| LogData::new(l.topics.clone(), l.data.clone()).unwrap();
        let logs: Vec<_> = logs.iter().map(|l| Log { address: l.address, data: data(l) }).collect();
        logs
    };
    let each = logs.chunk_by(|a, b| a.transaction_index == b.transaction_index).zip(1..);
    let receipts = each.map(|(logs, nth)| {
        let body = Receipt {
            status: Eip658Value::Eip658(true),
            cumulative_gas_used: GAS * nth,
            logs: receipt(logs),
        };
        ReceiptEnvelope::Eip1559(body.with_bloom())
    });
    calculate_receipt_root(&receipts.collect::<Vec<_>>())
}
