//! Drives an anvil and writes down what it answers, block by block: the tool that makes `anvil-fixtures/chains`.
//!
//! In: what the chain is to do. Out: a [`Recording`]. Nothing depends on the clock, so the same calls give the same file:
//! each block is a fixed number of seconds above the one below it, and there is no base fee, which would make a block's
//! hash depend on what was mined before it was taken back.

use std::collections::{BTreeMap, BTreeSet};

use alloy::eips::BlockNumberOrTag;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::{ReorgOptions, TransactionData};
use alloy::rpc::types::{Filter, TransactionRequest};
use futures::{SinkExt, StreamExt};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::chain::{Chain, soon};
use crate::recording::{About, Block, End, Followed, Header, Recording, Step};

/// Block 0's, in seconds since 1970.
const TIMESTAMP: &str = "1700000000";

/// From block to block.
const INTERVAL_SECONDS: u64 = 12;

/// An anvil with all that it said so far.
pub(crate) struct Recorder {
    pub(crate) chain: Chain,
    heads: WebSocketStream<MaybeTlsStream<TcpStream>>,
    about: About,
    steps: Vec<Step>,
    /// The step that is not looked at yet.
    open: Step,
    /// The chain as it stands: each block with the ids of its events.
    canonical: Vec<(B256, Vec<String>)>,
    /// All blocks that ever were.
    seen: BTreeSet<B256>,
    /// Those that the node does not know any more.
    gone: BTreeSet<B256>,
}

impl Recorder {
    /// Block 0 alone.
    pub(crate) async fn start(what: &str, contracts: impl FnOnce(&Chain) -> Vec<Followed>) -> Self {
        let chain = Chain::bare(&["--timestamp", TIMESTAMP, "--base-fee", "0"]).await;
        chain.provider.anvil_set_block_timestamp_interval(INTERVAL_SECONDS).await.unwrap();
        let url = format!("ws://127.0.0.1:{}", chain.anvil.port);
        let (mut heads, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"] });
        heads.send(Message::text(call.to_string())).await.unwrap();
        let subscribed: Value = serde_json::from_str(&text(&mut heads).await).unwrap();
        assert!(subscribed["result"].is_string(), "{subscribed}");
        let about = About {
            what: what.to_owned(),
            node: chain.provider.get_client_version().await.unwrap(),
            chain_id: chain.provider.get_chain_id().await.unwrap(),
            first_block: 1,
            contracts: contracts(&chain),
            accounts: chain.accounts.clone(),
        };
        let (canonical, seen, gone) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let mut new =
            Self { chain, heads, about, steps: Vec::new(), open: nothing_yet(), canonical, seen, gone };
        new.write_down_blocks().await;
        new
    }

    /// Mines what is queued, and empty blocks up to `blocks`.
    pub(crate) async fn mine(&mut self, blocks: u64) {
        self.chain.mine(blocks).await;
        self.mined(format!("anvil_mine {blocks}")).await;
    }

    /// Replaces the last `depth` blocks by as many, with these transactions in them.
    pub(crate) async fn reorg(&mut self, depth: u64, tx_block_pairs: Vec<(TransactionData, u64)>) {
        let call = format!("anvil_reorg {depth} with {} transactions", tx_block_pairs.len());
        self.chain.provider.anvil_reorg(ReorgOptions { depth, tx_block_pairs }).await.unwrap();
        self.mined(call).await;
    }

    /// Cuts the last `depth` blocks off.
    pub(crate) async fn rollback(&mut self, depth: u64) {
        self.chain.provider.anvil_rollback(Some(depth)).await.unwrap();
        self.open.calls.push(format!("anvil_rollback {depth}"));
        self.write_down_blocks().await;
    }

    /// To return to this block later.
    pub(crate) async fn snapshot(&self) -> U256 {
        self.chain.provider.anvil_snapshot().await.unwrap()
    }

    /// Returns to the block of a snapshot.
    pub(crate) async fn revert(&mut self, snapshot: U256) {
        assert!(self.chain.provider.anvil_revert(snapshot).await.unwrap());
        self.open.calls.push("evm_revert".into());
        self.write_down_blocks().await;
    }

    /// The transactions of the last `depth` blocks as they were signed, with their blocks' places among these.
    pub(crate) async fn transactions(&self, depth: u64) -> Vec<(Bytes, u64)> {
        let provider = &self.chain.provider;
        let head = provider.get_block_number().await.unwrap();
        let mut found = Vec::new();
        for (place, number) in (0..).zip(head + 1 - depth..=head) {
            let block = provider.get_block_by_number(BlockNumberOrTag::Number(number)).await.unwrap();
            for hash in block.unwrap().transactions.hashes() {
                found.push((provider.get_raw_transaction_by_hash(hash).await.unwrap().unwrap(), place));
            }
        }
        found
    }

    /// The chain as it stands, lowest first.
    pub(crate) fn heads(&self) -> Vec<B256> {
        self.canonical.iter().map(|(hash, _)| *hash).collect()
    }

    /// What whoever asks the node now would see: ends a step.
    pub(crate) async fn look(&mut self) {
        let head = self.header(BlockNumberOrTag::Latest).await.hash;
        let gone = self.no_longer_known().await;
        let ids = self.ids().await;
        let by_block: Vec<_> = self.canonical.iter().flat_map(|(_, ids)| ids).cloned().collect();
        assert_eq!(ids, by_block, "one question about all blocks and one about each have the same answers");
        let mut balances = BTreeMap::new();
        for contract in self.about.contracts.iter().filter(|c| c.balances) {
            let each = self.about.accounts.iter().map(|a| self.chain.balance_in(contract.address, *a));
            balances.insert(contract.address, futures::future::join_all(each).await);
        }
        let step = std::mem::replace(&mut self.open, nothing_yet());
        self.steps.push(Step { head, gone, events: ids.len(), balances, ..step });
    }

    /// All of it.
    pub(crate) async fn end(self) -> Recording {
        assert!(self.open.calls.is_empty(), "nobody has looked at the last step");
        let end = End { events: self.ids().await };
        Recording { about: self.about, steps: self.steps, end }
    }

    /// Each block that anvil mines is pushed; the head last.
    async fn mined(&mut self, call: String) {
        let head = self.header(BlockNumberOrTag::Latest).await.hash;
        loop {
            let push: Value = serde_json::from_str(&text(&mut self.heads).await).unwrap();
            let pushed: B256 = push["params"]["result"]["hash"].as_str().unwrap().parse().unwrap();
            self.open.pushed.push(pushed);
            if pushed == head {
                break;
            }
        }
        self.open.calls.push(call);
        self.write_down_blocks().await;
    }

    async fn header(&self, number: BlockNumberOrTag) -> Header {
        self.chain.provider.raw_request("eth_getBlockByNumber".into(), (number, false)).await.unwrap()
    }

    /// Follows the node to its head, from the highest block that stands since the last time.
    async fn write_down_blocks(&mut self) {
        let mut new = vec![self.header(BlockNumberOrTag::Latest).await];
        let number = new[0].number();
        self.canonical.truncate(usize::try_from(number + 1).unwrap());
        for number in (0..number).rev() {
            let place = usize::try_from(number).unwrap();
            if self.canonical.get(place).is_some_and(|(hash, _)| *hash == new[new.len() - 1].parent_hash) {
                break;
            }
            new.push(self.header(BlockNumberOrTag::Number(number)).await);
        }
        self.canonical.truncate(usize::try_from(new[new.len() - 1].number()).unwrap());
        for header in new.into_iter().rev() {
            let block = self.block(header).await;
            let ids = self.ids_of(&block);
            self.canonical.push((block.header.hash, ids));
            self.gone.remove(&block.header.hash);
            if self.seen.insert(block.header.hash) {
                self.open.blocks.push(block);
            }
        }
    }

    async fn block(&self, header: Header) -> Block {
        let provider = &self.chain.provider;
        let by_hash = json!([{ "blockHash": header.hash }]);
        let logs: Box<RawValue> = provider.raw_request("eth_getLogs".into(), by_hash).await.unwrap();
        let receipts = provider.raw_request("eth_getBlockReceipts".into(), [header.hash]).await.unwrap();
        Block { header, logs, receipts }
    }

    fn follows(&self, address: Address) -> bool {
        self.about.contracts.iter().any(|c| c.address == address)
    }

    fn ids_of(&self, block: &Block) -> Vec<String> {
        let logs: Vec<alloy::rpc::types::Log> = serde_json::from_str(block.logs.get()).unwrap();
        logs.iter().filter(|l| self.follows(l.address())).map(|l| self.id(l)).collect()
    }

    fn id(&self, log: &alloy::rpc::types::Log) -> String {
        format!("{}:{}:{}", self.about.chain_id, log.block_hash.unwrap(), log.log_index.unwrap())
    }

    /// What one question about the whole chain gives.
    async fn ids(&self) -> Vec<String> {
        let addresses: Vec<_> = self.about.contracts.iter().map(|c| c.address).collect();
        let filter = Filter::new().address(addresses).from_block(0);
        self.chain.provider.get_logs(&filter).await.unwrap().iter().map(|l| self.id(l)).collect()
    }

    /// Which blocks that left the chain it has forgotten since the last time.
    async fn no_longer_known(&mut self) -> Vec<B256> {
        let standing: BTreeSet<_> = self.heads().into_iter().collect();
        let mut new = Vec::new();
        for hash in self.seen.iter().filter(|hash| !standing.contains(*hash) && !self.gone.contains(*hash)) {
            if self.chain.provider.get_block_by_hash(*hash).await.unwrap().is_none() {
                new.push(*hash);
            }
        }
        self.gone.extend(&new);
        new
    }
}

/// A transaction that the node itself signs, for a block that replaces another.
pub(crate) fn unsigned(from: Address, to: Address, input: Bytes) -> TransactionData {
    let request = TransactionRequest::default().from(from).to(to).gas_limit(1_000_000).input(input.into());
    TransactionData::JSON(request)
}

fn nothing_yet() -> Step {
    Step {
        blocks: Vec::new(),
        calls: Vec::new(),
        head: B256::ZERO,
        pushed: Vec::new(),
        gone: Vec::new(),
        events: 0,
        balances: BTreeMap::new(),
    }
}

/// The next text of a socket.
async fn text(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> String {
    soon("anvil says something", async {
        loop {
            if let Message::Text(text) = socket.next().await.expect("the socket stands").unwrap() {
                return text.as_str().to_owned();
            }
        }
    })
    .await
}
