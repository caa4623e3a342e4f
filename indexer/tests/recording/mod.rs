//! A recorded chain: what a node answered about each block that ever was, and where its head stood after each step.
//!
//! In and out: a file of `anvil-fixtures/chains`, JSON lines: what it is about, then step by step the blocks that were
//! not there before and the step itself, then what the node said at the end. `tests/anvil/record.rs` writes them,
//! `tests/scripted/recorded.rs` serves them again. Logs and receipts are the node's own text, to the byte.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// All of a file.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) about: About,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

/// Which chain it was, and who matters on it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct About {
    /// In words, for those who open the file.
    pub(crate) what: String,
    /// `web3_clientVersion`
    pub(crate) node: String,
    /// EIP-155.
    pub(crate) chain_id: u64,
    /// At or before the block that created the first contract.
    pub(crate) first_block: u64,
    /// Those to follow; blocks have logs of others, too.
    pub(crate) contracts: Vec<Followed>,
    /// Whose balances the steps tell, in this order.
    pub(crate) accounts: Vec<Address>,
}

/// A contract that is followed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Followed {
    /// A name of `wia_abi::contracts`, or one whose ABI nobody has.
    pub(crate) name: String,
    pub(crate) address: Address,
    /// Whether the steps tell balances of it.
    pub(crate) balances: bool,
}

/// A block with everything in it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Block {
    pub(crate) header: Header,
    /// `eth_getLogs` by its hash, of all addresses.
    pub(crate) logs: Box<RawValue>,
    /// `eth_getBlockReceipts`
    pub(crate) receipts: Box<RawValue>,
}

/// What following a chain needs of a block, as `eth_getBlockByNumber` wrote it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) number: String,
    pub(crate) hash: B256,
    pub(crate) parent_hash: B256,
    pub(crate) timestamp: String,
    pub(crate) logs_bloom: String,
    pub(crate) receipts_root: String,
}

impl Header {
    /// The height.
    pub(crate) fn number(&self) -> u64 {
        let digits = self.number.strip_prefix("0x").expect("a quantity begins with 0x");
        u64::from_str_radix(digits, 16).unwrap()
    }
}

/// What happened between two looks at the node, and what it said then.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Step {
    /// Blocks that were not there before, in the order in which they appeared; lines of their own in the file.
    #[serde(skip)]
    pub(crate) blocks: Vec<Block>,
    /// What the node was told to do.
    pub(crate) calls: Vec<String>,
    /// Its head now; the chain are this block and those below it.
    pub(crate) head: B256,
    /// The heads that it pushed to a subscriber of `newHeads`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) pushed: Vec<B256>,
    /// Blocks that left the chain and that it no longer knew by their hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gone: Vec<B256>,
    /// How many logs of the followed contracts the whole chain has now, by `eth_getLogs`.
    pub(crate) events: usize,
    /// What `balanceOf` gave: by contract, in the order of the accounts.
    pub(crate) balances: BTreeMap<Address, Vec<U256>>,
}

/// What the node said when everything had happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct End {
    /// `chainId:blockHash:logIndex` of every log of the followed contracts, in the order of one `eth_getLogs` over
    /// the whole chain.
    pub(crate) events: Vec<String>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line<A, B, S, E> {
    About(A),
    Block(B),
    Step(S),
    End(E),
}

impl Recording {
    /// Reads a file's text. Panics with the number of the line that is none.
    pub(crate) fn read(text: &str) -> Self {
        let (mut about, mut steps, mut blocks, mut end) = (None, Vec::new(), Vec::new(), None);
        for (number, line) in (1..).zip(text.lines()) {
            match serde_json::from_str(line).unwrap_or_else(|e| panic!("line {number}: {e}")) {
                Line::About(line) => about = Some(line),
                Line::Block(block) => blocks.push(block),
                Line::Step(step) => steps.push(Step { blocks: std::mem::take(&mut blocks), ..step }),
                Line::End(line) => end = Some(line),
            }
        }
        let (about, end) = (about.expect("a line about it"), end.expect("a line at its end"));
        Self { about, steps, end }
    }

    /// The file's text.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<Line<&About, &Block, &Step, &End>> = vec![Line::About(&self.about)];
        for step in &self.steps {
            lines.extend(step.blocks.iter().map(Line::Block));
            lines.push(Line::Step(step));
        }
        lines.push(Line::End(&self.end));
        lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }
}

/// Where the recordings are.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../anvil-fixtures/chains"))
}
