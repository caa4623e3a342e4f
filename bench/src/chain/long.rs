//! A chain of any length, made up block by block as it is asked for: no anvil holds ten million events. It says of an
//! indexer how it carries a long log, not how fast it reads a real node.
//!
//! Each block holds a transfer between two wallets in each of its transactions; the first block mints to every wallet.
//! Hashes are random, so that they compress as badly as real ones; a block's hash ends in its height. Blooms are those
//! of the logs, so that nothing is suspected.

use std::fmt::Write;

use alloy::primitives::{Address, B256, Bloom, BloomInput, keccak256};
use alloy::sol_types::SolEvent;
use serde_json::json;
use wia_abi::CarbonCredit::Transfer;

use super::answers::{Blocks, answer};
use super::contract::{Contract, units};
use super::filled::CHAIN_ID;
use super::wire::hex;
use crate::error::BenchError;
use crate::random::Random;
use crate::server::Server;

/// Transfers in each block, and wallets: the first block has one for each.
const PER_BLOCK: u64 = 1_000;

/// What each wallet gets first: more than it can spend on any chain that ends.
const SHARE_SERIALS: u64 = 1 << 40;

/// The most serials of one later transfer.
const MAX_SERIALS: u64 = 50_000;

/// A running endpoint, JSON-RPC over HTTP.
pub(crate) struct Long {
    server: Server,
    pub(crate) contract: Contract,
    /// Its head: so many blocks have events.
    pub(crate) blocks: u64,
    last: String,
}

struct Made {
    seed: u64,
    head: u64,
    contract: Contract,
    wallets: Vec<Wallet>,
}

struct Wallet {
    word: B256,
    bloom: Bloom,
}

/// One transfer: which wallets, how many serials. From nobody: a mint.
struct Move {
    from: Option<usize>,
    to: usize,
    serials: u64,
    transaction: B256,
}

impl Long {
    /// Serves a chain of so many blocks.
    pub(crate) async fn serve(seed: u64, blocks: u64) -> Result<Self, BenchError> {
        let contract = Contract::loaded(CHAIN_ID, 1);
        let wallets = (0..PER_BLOCK).map(|place| {
            let address = Address::from_word(keccak256([seed.to_be_bytes(), place.to_be_bytes()].concat()));
            let word = address.into_word();
            let mut bloom = Bloom::ZERO;
            bloom.accrue(BloomInput::Raw(word.as_slice()));
            Wallet { word, bloom }
        });
        let wallets = wallets.collect();
        let chain = Made { seed, head: blocks, contract: contract.clone(), wallets };
        let last = format!("{CHAIN_ID}:{}:{}", chain.hash(blocks), PER_BLOCK - 1);
        let server = Server::start(move |body| answer(&chain, body)).await?;
        Ok(Self { server, contract, blocks, last })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    /// Events in all.
    pub(crate) fn events(&self) -> usize {
        usize::try_from(self.blocks * PER_BLOCK).unwrap_or(usize::MAX)
    }

    /// The id of the last event.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }
}

impl Made {
    /// Random, but for its end.
    fn hash(&self, number: u64) -> B256 {
        let mut hash = keccak256([self.seed.to_be_bytes(), number.to_be_bytes()].concat());
        hash[24..].copy_from_slice(&number.to_be_bytes());
        hash
    }

    fn transfers(&self, number: u64) -> impl Iterator<Item = Move> {
        let mut random = Random::new(self.seed ^ number, "long");
        let wallets = self.wallets.len();
        (0..if number == 0 { 0 } else { wallets }).map(move |place| {
            let mut transaction = B256::ZERO;
            transaction
                .chunks_exact_mut(8)
                .for_each(|word| word.copy_from_slice(&random.next().to_be_bytes()));
            match number {
                1 => Move { from: None, to: place, serials: SHARE_SERIALS, transaction },
                _ => {
                    let (from, to) = (random.index(wallets), random.index(wallets));
                    Move { from: Some(from), to, serials: 1 + random.below(MAX_SERIALS), transaction }
                }
            }
        })
    }
}

impl Blocks for Made {
    fn chain_id(&self) -> u64 {
        CHAIN_ID
    }

    fn head(&self) -> u64 {
        self.head
    }

    fn number_of(&self, hash: B256) -> Option<u64> {
        let number = u64::from_be_bytes(hash[24..].try_into().ok()?);
        (number <= self.head && self.hash(number) == hash).then_some(number)
    }

    fn header(&self, number: u64) -> String {
        let mut bloom = Bloom::ZERO;
        if number > 0 {
            bloom.accrue(BloomInput::Raw(self.contract.address.as_slice()));
            bloom.accrue(BloomInput::Raw(Transfer::SIGNATURE_HASH.as_slice()));
        }
        for made in self.transfers(number) {
            match made.from {
                Some(from) => bloom |= self.wallets[from].bloom,
                None => bloom.accrue(BloomInput::Raw(B256::ZERO.as_slice())),
            }
            bloom |= self.wallets[made.to].bloom;
        }
        let header = json!({
            "number": hex(number),
            "hash": self.hash(number),
            "parentHash": number.checked_sub(1).map_or(B256::ZERO, |below| self.hash(below)),
            "timestamp": hex(1_700_000_000 + number),
            "logsBloom": bloom,
            "receiptsRoot": B256::ZERO,
        });
        header.to_string()
    }

    fn write_logs(&self, number: u64, logs: &mut String) {
        let (address, hash, signature) = (self.contract.address, self.hash(number), Transfer::SIGNATURE_HASH);
        for (place, made) in self.transfers(number).enumerate() {
            let Move { from, to, serials, transaction } = made;
            let from = from.map_or(B256::ZERO, |from| self.wallets[from].word);
            let (to, value) = (self.wallets[to].word, B256::from(units(serials)));
            // A String takes everything.
            let _ = write!(
                logs,
                r#",{{"address":"{address:#x}","topics":["{signature}","{from}","{to}"],"data":"{value}","blockHash":"{hash}","blockNumber":"{number:#x}","transactionHash":"{transaction}","transactionIndex":"{place:#x}","logIndex":"{place:#x}","removed":false}}"#
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::chain::Log;
    use crate::rpc::Rpc;

    #[tokio::test]
    async fn its_blocks_join_and_their_blooms_hold_their_logs() {
        let chain = Long::serve(4, 3).await.unwrap();
        let rpc = Rpc::to(chain.url()).unwrap();
        let mut parent = Value::Null;
        for number in 0..=3 {
            let header: Value = rpc.call("eth_getBlockByNumber", json!([hex(number), false])).await.unwrap();
            assert!(number == 0 || header["parentHash"] == parent, "{number}");
            parent = header["hash"].clone();
            let bloom: Bloom = header["logsBloom"].as_str().unwrap().parse().unwrap();
            let logs: Vec<Log> = rpc.call("eth_getLogs", json!([{"blockHash": parent}])).await.unwrap();
            assert_eq!(logs.len() as u64, if number == 0 { 0 } else { PER_BLOCK });
            let mut united = Bloom::ZERO;
            for log in &logs {
                united.accrue_raw_log(log.address, &log.topics);
                assert_eq!(json!(log.block_hash), parent);
            }
            assert_eq!(united, bloom);
            if number == 3 {
                assert_eq!(logs.last().unwrap().id(CHAIN_ID), chain.last());
            }
        }
    }
}
