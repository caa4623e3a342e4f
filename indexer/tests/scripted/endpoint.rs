//! A chain in memory, and connections to it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256, Bloom, U256, keccak256};
use alloy::sol_types::SolEvent;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use wia_abi::{BlockNumber, CarbonCredit};
use wia_indexer::block::{Header, RawLog};
use wia_indexer::source::{ChainIdentity, Connector, Source, SourceError, Transport};

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

#[derive(Clone)]
struct Block {
    header: Header,
    logs: Vec<RawLog>,
    balances: BTreeMap<Address, U256>,
}

struct Chain {
    canonical: Vec<Block>,
    /// Blocks that were replaced can still be asked for, as on a real node.
    all: BTreeMap<B256, Block>,
    made: u64,
}

/// The chain, shared by its connections.
pub(crate) struct Endpoint {
    chain: Arc<Mutex<Chain>>,
    heads: tokio::sync::broadcast::Sender<Header>,
    pushes: bool,
}

impl Endpoint {
    pub(crate) fn new(pushes: bool) -> Self {
        let mut chain = Chain { canonical: Vec::new(), all: BTreeMap::new(), made: 0 };
        chain.grow(&mut Random::new(0));
        Self { chain: Arc::new(Mutex::new(chain)), heads: tokio::sync::broadcast::channel(16).0, pushes }
    }

    pub(crate) fn connector(&self) -> ScriptedConnector {
        ScriptedConnector { chain: self.chain.clone(), heads: self.heads.clone(), pushes: self.pushes }
    }

    /// Grows, replaces some blocks, or cuts some off.
    pub(crate) fn step(&self, random: &mut Random, max_depth: u64) {
        let mut chain = self.chain.lock().unwrap();
        let settled = chain.settled(max_depth);
        let (cut, grow) = match random.below(7) {
            0..=2 => (0, 1),
            6 => return chain.return_to_some_block(random, settled),
            3 => (0, 1 + random.below(8)),
            4 => (1 + random.below(max_depth), 1 + random.below(max_depth)),
            _ => (random.below(3), 0),
        };
        let keep =
            (chain.canonical.len() - usize::try_from(cut).unwrap().min(chain.canonical.len())).max(settled);
        chain.canonical.truncate(keep.max(1));
        for _ in 0..grow {
            let header = chain.grow(random);
            // Nobody may be listening.
            let _ = self.heads.send(header);
        }
    }

    /// Grows above every block that ever was: heads of replaced blocks that still wait in a subscription can then
    /// not extend anything.
    pub(crate) fn settle(&self, random: &mut Random) {
        let mut chain = self.chain.lock().unwrap();
        let highest = chain.all.values().map(|b| b.header.number).max();
        while chain.canonical.last().map(|b| b.header.number) <= highest {
            let _ = self.heads.send(chain.grow(random));
        }
    }

    /// The head's hash, if it is a block that is indexed (block 0 is not).
    pub(crate) fn indexed_head(&self) -> Option<B256> {
        let chain = self.chain.lock().unwrap();
        chain.canonical.last().map(|b| b.header.clone()).filter(|h| h.number.0 > 0).map(|h| h.hash)
    }

    pub(crate) fn balances(&self) -> BTreeMap<Address, U256> {
        self.chain.lock().unwrap().canonical.last().unwrap().balances.clone()
    }
}

impl Chain {
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

    fn grow(&mut self, random: &mut Random) -> Header {
        self.made += 1;
        let parent = self.canonical.last().map(|b| (b.header.clone(), b.balances.clone()));
        let number = parent.as_ref().map_or(0, |(h, _)| h.number.0 + 1);
        let hash = keccak256(self.made.to_be_bytes());
        let mut balances = parent.as_ref().map(|(_, b)| b.clone()).unwrap_or_default();
        let (mut logs, mut logs_bloom) = (Vec::new(), Bloom::default());
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
            logs_bloom.accrue_raw_log(contract(), data.topics());
            logs.push(RawLog {
                address: contract(),
                topics: data.topics().to_vec(),
                data: data.data,
                block: wia_indexer::block::BlockRef { number: BlockNumber(number), hash },
                // Two logs a transaction.
                transaction_hash: keccak256(
                    [hash.as_slice(), &[u8::try_from(log_index / 2).unwrap()]].concat(),
                ),
                log_index,
            });
        }
        let parent_hash = parent.map_or(B256::ZERO, |(h, _)| h.hash);
        let header =
            Header { number: BlockNumber(number), hash, parent_hash, timestamp_s: self.made, logs_bloom };
        let block = Block { header: header.clone(), logs, balances };
        self.all.insert(hash, block.clone());
        self.canonical.push(block);
        header
    }
}

/// Makes connections to the chain.
pub(crate) struct ScriptedConnector {
    chain: Arc<Mutex<Chain>>,
    heads: tokio::sync::broadcast::Sender<Header>,
    pushes: bool,
}

struct Connection {
    chain: Arc<Mutex<Chain>>,
    heads: Option<tokio::sync::broadcast::Sender<Header>>,
}

#[async_trait]
impl Connector for ScriptedConnector {
    fn transports(&self) -> Vec<Transport> {
        vec![if self.pushes { Transport::WebSocket } else { Transport::Http }]
    }

    async fn connect(&self, _: Transport) -> Result<Box<dyn Source>, SourceError> {
        let heads = self.pushes.then(|| self.heads.clone());
        Ok(Box::new(Connection { chain: self.chain.clone(), heads }))
    }
}

impl Connection {
    fn range(&self, from: BlockNumber, to: BlockNumber) -> Vec<Block> {
        let chain = self.chain.lock().unwrap();
        let within = |b: &&Block| b.header.number >= from && b.header.number <= to;
        chain.canonical.iter().filter(within).cloned().collect()
    }
}

#[async_trait]
impl Source for Connection {
    fn endpoint(&self) -> &str {
        "memory"
    }

    async fn identity(&self) -> Result<ChainIdentity, SourceError> {
        let genesis = self.chain.lock().unwrap().canonical[0].header.hash;
        Ok(ChainIdentity { chain_id: 7, genesis })
    }

    async fn heads(&self) -> Result<Option<BoxStream<'static, Header>>, SourceError> {
        let Some(heads) = &self.heads else { return Ok(None) };
        let stream = futures::stream::unfold(heads.subscribe(), |mut heads| async {
            loop {
                match heads.recv().await {
                    Ok(head) => return Some((head, heads)),
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return None,
                }
            }
        });
        Ok(Some(stream.boxed()))
    }

    async fn head(&self) -> Result<Header, SourceError> {
        Ok(self.chain.lock().unwrap().canonical.last().unwrap().header.clone())
    }

    async fn header(&self, hash: B256) -> Result<Option<Header>, SourceError> {
        Ok(self.chain.lock().unwrap().all.get(&hash).map(|b| b.header.clone()))
    }

    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<Header>, SourceError> {
        Ok(self.range(from, to).into_iter().map(|b| b.header).collect())
    }

    async fn logs_of(&self, hash: B256) -> Result<Vec<RawLog>, SourceError> {
        Ok(self.chain.lock().unwrap().all[&hash].logs.clone())
    }

    async fn logs(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<RawLog>, SourceError> {
        Ok(self.range(from, to).into_iter().flat_map(|b| b.logs).collect())
    }
}
