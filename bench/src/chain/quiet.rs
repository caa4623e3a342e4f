//! A small chain on which nothing happens until we say so: one block with one transfer at a time.
//!
//! It begins with some history (for cursors to replay) and few accounts: anvil hashes all of them for every block, and
//! what is measured here is not that.

use std::path::Path;
use std::time::Instant;

use alloy::primitives::{Address, B256};
use serde_json::json;

use super::anvil::Anvil;
use super::contract::{Contract, mine};
use super::wallet::{self, Wallet};
use crate::error::BenchError;
use crate::random::Random;
use crate::rpc::Rpc;

/// Wallets that send. None of them receives once the history has begun.
const SENDERS: usize = 4;

/// Wallets for any of which a transfer can be.
const RECIPIENTS: usize = 1_000;

const HISTORY_BLOCKS: usize = 100;
const HISTORY_PER_BLOCK: usize = 20;

/// Serials of each sender at the start.
const SHARE: u64 = 1_000_000_000;
const MAX_SERIALS: u64 = 1_000;

/// A running anvil with a small chain.
pub(crate) struct Quiet {
    pub(crate) anvil: Anvil,
    pub(crate) contract: Contract,
    /// The wallets that receive.
    pub(crate) recipients: Vec<Address>,
    rpc: Rpc,
    random: Random,
    senders: Vec<Wallet>,
    /// Blocks so far.
    head: u64,
}

/// A block that was made for one transfer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mined {
    pub(crate) number: u64,
    pub(crate) transaction: B256,
    /// Who received, by the number among the recipients.
    pub(crate) recipient: usize,
    /// When the request to mine was sent: what everybody's latency counts from.
    pub(crate) asked: Instant,
}

/// A transfer in anvil's pool, to be mined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pending {
    transaction: B256,
    recipient: usize,
}

impl Quiet {
    /// Starts it and makes its history.
    pub(crate) async fn start(binary: &Path, scratch: &Path, seed: u64) -> Result<Self, BenchError> {
        let anvil = Anvil::start(binary, scratch, [] as [&str; 0]).await?;
        let rpc = Rpc::to(&anvil.http_url())?;
        let contract = Contract::deploy(&rpc).await?;
        let mut senders = wallet::pool(seed, SENDERS + RECIPIENTS)?;
        let recipients = senders.split_off(SENDERS).iter().map(Wallet::address).collect();
        contract.mint(&rpc, senders[0].address(), SHARE * SENDERS as u64).await?;
        let random = Random::new(seed, "quiet");
        let mut quiet = Self { anvil, contract, recipients, rpc, random, senders, head: 2 };
        for sender in 1..SENDERS {
            let to = quiet.senders[sender].address();
            quiet.transfer(0, to, SHARE).await?;
        }
        quiet.next_block().await?;
        for _ in 0..HISTORY_BLOCKS {
            for _ in 0..HISTORY_PER_BLOCK {
                quiet.submit().await?;
            }
            quiet.next_block().await?;
        }
        Ok(quiet)
    }

    /// Puts the next seeded transfer into anvil's pool.
    pub(crate) async fn submit(&mut self) -> Result<Pending, BenchError> {
        let sender = self.random.index(SENDERS);
        let recipient = self.random.index(RECIPIENTS);
        let serials = 1 + self.random.below(MAX_SERIALS);
        let transaction = self.transfer(sender, self.recipients[recipient], serials).await?;
        Ok(Pending { transaction, recipient })
    }

    /// Makes the block of that transfer.
    pub(crate) async fn mine(&mut self, pending: Pending) -> Result<Mined, BenchError> {
        let asked = Instant::now();
        self.next_block().await?;
        let Pending { transaction, recipient } = pending;
        Ok(Mined { number: self.head, transaction, recipient, asked })
    }

    /// The chain's last block.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    async fn next_block(&mut self) -> Result<(), BenchError> {
        mine(&self.rpc).await?;
        self.head += 1;
        Ok(())
    }

    async fn transfer(&mut self, sender: usize, to: Address, serials: u64) -> Result<B256, BenchError> {
        let transaction = self.senders[sender].transfer(&self.contract, to, serials)?;
        self.rpc.call("eth_sendRawTransaction", json!([transaction])).await
    }
}
