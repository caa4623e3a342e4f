//! A recorded chain on stage: served step by step by a scripted endpoint, and compared with what the node said of it.
//!
//! In: a file of `anvil-fixtures/chains`. Out: at each step the blocks that the node had then, by height and by hash, the
//! heads that it pushed, and what an indexer that has seen so much must say: its head, balances, and what of its
//! events stands for a reader of some depth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256};
use serde_json::Value;
use wia_abi::{BlockNumber, carbon_credit, contracts};
use wia_indexer::{Config, Contract, Indexer, Kind};

use crate::chain::{Balances, Block, Chain};
use crate::endpoint::Endpoint;
use crate::recording::{self, Followed, Recording, Step};
use crate::running::{LIMIT, Reader, Running};

/// Confirmations after which an event is final.
pub(crate) const FINAL: u64 = 12;

/// What is known of a block by its hash after it left the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Nothing, as the recorded node had it.
    Recorded,
    /// Everything, as other nodes have it.
    Everything,
}

/// A recording, ready to be served as often as one likes.
pub(crate) struct Recorded {
    pub(crate) name: String,
    pub(crate) recording: Recording,
    /// All blocks that ever were.
    blocks: BTreeMap<B256, Arc<Block>>,
}

pub(crate) struct Replay {
    pub(crate) of: Arc<Recorded>,
    pub(crate) chain: Arc<Mutex<Chain>>,
    pub(crate) endpoints: Vec<Endpoint>,
    memory: Memory,
    /// How many steps were shown.
    pub(crate) shown: usize,
    /// The chain as the indexer last saw it: each block with the most confirmations that it had while it stood.
    seen: Vec<(Arc<Block>, u64)>,
}

/// Every recording that there is.
pub(crate) fn all() -> Vec<Arc<Recorded>> {
    let files = std::fs::read_dir(recording::folder()).unwrap().map(|file| file.unwrap().path());
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let recording = Recording::read(&std::fs::read_to_string(path).unwrap());
        Arc::new(Recorded { name, blocks: blocks(&recording), recording })
    };
    let mut all: Vec<_> = files.map(read).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(all.len() >= 4, "only {} recordings", all.len());
    all
}

impl Recorded {
    /// The steps at which blocks leave the chain.
    pub(crate) fn breaks(&self) -> Vec<usize> {
        let steps = self.recording.steps.iter().enumerate();
        steps.filter(|(_, step)| !step.gone.is_empty()).map(|(place, _)| place).collect()
    }
}

impl Replay {
    /// At the first step, with one endpoint for each of `pushes`, which says whether it pushes heads.
    pub(crate) async fn new(of: Arc<Recorded>, memory: Memory, pushes: &[bool]) -> Self {
        let about = &of.recording.about;
        let followed = about.contracts.iter().map(|c| c.address).collect();
        let (chain_id, canonical, all) = (about.chain_id, Vec::new(), BTreeMap::new());
        let chain = Arc::new(Mutex::new(Chain { chain_id, followed, canonical, all }));
        let mut new = Self { of, chain, endpoints: Vec::new(), memory, shown: 0, seen: Vec::new() };
        new.show();
        for pushes in pushes {
            new.endpoints.push(Endpoint::serve(new.chain.clone(), *pushes).await);
        }
        new
    }

    /// Goes one step on; false when there is none.
    pub(crate) fn show(&mut self) -> bool {
        let Some(step) = self.of.recording.steps.get(self.shown) else { return false };
        self.shown += 1;
        let mut canonical = vec![self.of.blocks[&step.head].clone()];
        while let lowest = &canonical[canonical.len() - 1]
            && lowest.number > 0
        {
            canonical.push(self.of.blocks[&lowest.parent_hash].clone());
        }
        canonical.reverse();
        {
            let mut chain = self.chain.lock().unwrap();
            // What it forgets it may mine again in the same step.
            if self.memory == Memory::Recorded {
                step.gone.iter().for_each(|hash| _ = chain.all.remove(hash));
            }
            let besides = step.blocks.iter().map(|b| b.header.hash).filter(|hash| !step.gone.contains(hash));
            let known = besides.chain(canonical.iter().map(|b| b.hash));
            chain.all.extend(known.map(|hash| (hash, self.of.blocks[&hash].clone())));
            chain.canonical = canonical;
            assert_eq!(chain.event_ids().len(), step.events, "as many as one eth_getLogs gave");
        }
        for endpoint in &self.endpoints {
            endpoint.push(step.pushed.iter().map(|hash| self.of.blocks[hash].clone()));
        }
        true
    }

    /// Goes on until so many steps are shown.
    pub(crate) fn show_until(&mut self, shown: usize) {
        while self.shown < shown && self.show() {}
    }

    /// The step that was shown last.
    pub(crate) fn step(&self) -> &Step {
        &self.of.recording.steps[self.shown - 1]
    }

    pub(crate) fn config(&self) -> Config {
        let about = &self.of.recording.about;
        let urls = self.endpoints.iter().map(Endpoint::urls).collect();
        let contracts = about.contracts.iter().map(contract).collect();
        Config {
            max_reorg_depth: 128,
            final_confirmations: FINAL,
            chain_id: about.chain_id,
            contracts,
            first_block: BlockNumber(about.first_block),
            ..crate::config(urls)
        }
    }

    /// Waits until the indexer says what the node said at this step, and each reader has heard it.
    pub(crate) async fn agrees(&mut self, running: &Running, readers: &mut [Reader]) {
        let head = self.step().head;
        running.reaches(head).await;
        self.saw_it();
        // A head that was pushed before the last step may arrive after it, and be followed for a moment.
        let agreeing = async {
            while !self.is_told(&running.indexer, readers).await {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(LIMIT, agreeing).await.is_err() {
            panic!("{}, step {}: {}", self.of.name, self.shown, self.difference(&running.indexer, readers));
        }
    }

    async fn is_told(&self, indexer: &Indexer, readers: &mut [Reader]) -> bool {
        for reader in readers.iter_mut() {
            reader.hear().await;
        }
        self.difference(indexer, readers).is_empty()
    }

    /// What the indexer says otherwise than the node; nothing when they agree.
    fn difference(&self, indexer: &Indexer, readers: &[Reader]) -> String {
        let chain = self.chain.lock().unwrap();
        let head = indexer.head().map(|head| head.hash);
        if head != Some(chain.head().hash) {
            return format!("the head is {head:?}, not {}", chain.head().hash);
        }
        for ((contract, account), balance) in chain.balances() {
            let found = indexer.balance_at(*contract, *account, None).unwrap().wei;
            if found != *balance {
                return format!("{account} has {found} in {contract}, not {balance}");
            }
        }
        for reader in readers {
            let expected = self.standing(&chain, reader.depth);
            if reader.standing != expected {
                let depth = reader.depth;
                return format!("at depth {depth} stands {:#?}, not {expected:#?}", reader.standing);
            }
            let finals: BTreeSet<_> = self.standing(&chain, FINAL).into_iter().collect();
            if reader.wish.promotions && reader.finals != finals {
                return format!("final are {:#?}, not {finals:#?}", reader.finals);
            }
        }
        String::new()
    }

    /// The ids that stand for a reader who hears at that depth.
    fn standing(&self, chain: &Chain, depth: u64) -> Vec<String> {
        let deep = self.seen.iter().filter(|(_, most)| *most >= depth);
        deep.flat_map(|(block, _)| chain.event_ids_of(block)).collect()
    }

    /// Notes that the indexer has the present head.
    fn saw_it(&mut self) {
        let chain = self.chain.lock().unwrap();
        let kept =
            self.seen.iter().zip(&chain.canonical).take_while(|((seen, _), b)| seen.hash == b.hash).count();
        self.seen.truncate(kept);
        self.seen.extend(chain.canonical[kept..].iter().map(|block| (block.clone(), 0)));
        for (confirmations, (_, most)) in (1..).zip(self.seen.iter_mut().rev()) {
            *most = confirmations.max(*most);
        }
    }
}

/// All of a recording's blocks, those that a step ended on with the balances it told.
fn blocks(recording: &Recording) -> BTreeMap<B256, Arc<Block>> {
    let mut told: BTreeMap<B256, Balances> = BTreeMap::new();
    for step in &recording.steps {
        let each = step.balances.iter().flat_map(|(contract, balances)| {
            let accounts = recording.about.accounts.iter().zip(balances);
            accounts.map(|(account, balance)| ((*contract, *account), *balance))
        });
        told.insert(step.head, each.collect());
    }
    let recorded = recording.steps.iter().flat_map(|step| &step.blocks);
    let block = |block: &recording::Block| {
        let logs: Vec<Value> = serde_json::from_str(block.logs.get()).unwrap();
        let address = |log: &Value| serde_json::from_value::<Address>(log["address"].clone()).unwrap();
        let (number, hash) = (block.header.number(), block.header.hash);
        let block = Block {
            number,
            hash,
            parent_hash: block.header.parent_hash,
            header: serde_json::to_value(&block.header).unwrap(),
            logs: logs.into_iter().map(|log| (address(&log), log)).collect(),
            receipts: serde_json::from_str(block.receipts.get()).unwrap(),
            balances: told.get(&hash).cloned().unwrap_or_default(),
        };
        (hash, Arc::new(block))
    };
    recorded.map(block).collect()
}

fn contract(followed: &Followed) -> Contract {
    let kind = if followed.name == carbon_credit::NAME { Kind::Credit } else { Kind::Other };
    Contract {
        name: followed.name.clone(),
        address: followed.address,
        kind,
        abi: contracts::abi(&followed.name).unwrap_or_default(),
        balances: followed.balances,
    }
}
