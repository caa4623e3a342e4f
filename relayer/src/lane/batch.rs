//! Which messages go into the next transaction, as a pure function.
//!
//! In: what waits, the most urgent first. Out: one batch that goes one way ([`Way`]): transfers of one token, or other
//! actions of any contracts. The most urgent message chooses the way; then messages join by urgency, and each brings
//! along those that share its nonce word, because the second bit of a word costs a third of the first (5,000 against
//! 22,100 gas).
//!
//! Two kinds of messages go by themselves. A contract wallet may answer the simulation and burn its whole
//! allowance in the block: messages signed by keys share no transaction with it. And the messages of a
//! transaction that did nothing share none with others, and fewer with each other, until the cause is alone.
//!
//! Inside the batch the order is that of acceptance: a word is warm wherever in the transaction it was first
//! touched, and a payment that spends what an earlier one brought must come after it, as an update after what
//! registered its record.

use std::collections::{HashMap, HashSet};

use alloy::primitives::{Address, B256, U256};
use wia_abi::carbon_credit::MAX_BATCH;

use super::carry::{Way, item_gas};
use crate::queue::record::Item;

/// Gas of a transaction with nothing in it, and of the batch loop around the items.
const BASE_GAS: u64 = 40_000;
/// An item of a token's batch whose nonce word is new to signer and transaction, to a new recipient (measured:
/// 46,147 + 17,100).
const TRANSFER_GAS: u64 = 66_000;
/// What an item saves whose word another item of the batch has touched.
const WARM_WORD_SAVES: u64 = 17_000;
/// What the batcher adds to an item: looking it up, reaching a cold contract, handing the calldata on (measured with
/// everything warm: 2,700).
const BATCHER_GAS: u64 = 12_000;
/// What else stands in an item's calldata, in bytes: places, lengths, target, gas, and what fills up words.
const ITEM_BYTES: usize = 384;
/// Gas of a non-zero byte of calldata.
const BYTE_GAS: u64 = 16;
/// The same at the floor price of EIP-7623, when the transaction does little else.
const FLOOR_BYTE_GAS: u64 = 40;
/// What the contract sets aside for a contract wallet's answer, and more for reaching it.
pub(super) const CONTRACT_SIGNER_GAS: u64 = 210_000;

/// A message that waits, as far as batching cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) relay_id: B256,
    pub(crate) contract: Address,
    pub(crate) signer: Address,
    pub(crate) nonce: B256,
    /// Unix seconds.
    pub(crate) valid_after: u64,
    /// Unix seconds.
    pub(crate) deadline: u64,
    pub(crate) order: u64,
    /// How it travels, and with which others.
    pub(crate) way: Way,
    /// What it adds to a batch, at most, when its nonce word is the first of its kind there.
    pub(crate) gas: u64,
    /// What a batcher must have left to hand on to it, which is more than it uses; of a transfer nothing.
    pub(crate) reserved_gas: u64,
    /// A contract wallet answers for the signer.
    pub(crate) by_contract: bool,
    /// The block that its receipt promises.
    pub(crate) include_by_block: u64,
    /// How many messages its batch may have: fewer after each batch with it that did nothing.
    pub(crate) share: usize,
}

impl Candidate {
    pub(crate) fn of(relay_id: B256, item: &Item) -> Self {
        let transfer = item.message.payee().is_some();
        Self {
            relay_id,
            contract: item.contract,
            signer: item.message.signer(),
            nonce: item.message.nonce(),
            valid_after: item.message.valid_after().saturating_to(),
            deadline: item.deadline(),
            order: item.order,
            way: Way::of(item.contract, transfer),
            gas: if transfer { transfer_gas(item) } else { action_gas(item) },
            reserved_gas: if transfer { 0 } else { item_gas(item) },
            by_contract: item.by_contract,
            include_by_block: item.receipt.include_by_block,
            share: usize::MAX,
        }
    }

    /// What it adds to a batch, at most; `new_word`: its nonce word is the first of its kind there.
    fn gas(&self, new_word: bool) -> u64 {
        if new_word { self.gas } else { self.gas.saturating_sub(WARM_WORD_SAVES) }
    }

    /// Whether both may be in one batch.
    fn goes_with(&self, other: &Self) -> bool {
        (self.way, self.by_contract, self.share) == (other.way, other.by_contract, other.share)
    }

    /// Word of a contract's nonce bitmap.
    fn word(&self) -> (Address, Address, U256) {
        (self.contract, self.signer, U256::from_be_bytes(self.nonce.0) >> 8)
    }
}

/// How large a batch may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) items: usize,
    pub(crate) gas: u64,
}

/// What goes into one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// In batch order.
    pub(crate) chosen: Vec<Candidate>,
    /// More messages, should they come, would not get into it.
    pub(crate) is_full: bool,
}

/// The next batch out of `waiting` (most urgent first); empty when nothing waits. A single message goes
/// even when it alone is beyond the gas target.
pub(crate) fn next_batch(waiting: &[Candidate], limits: BatchLimits) -> Batch {
    let Some(urgent) = waiting.first() else { return Batch::default() };
    let together = if let Way::Alone(_) = urgent.way { 1 } else { MAX_BATCH };
    let most = limits.items.min(urgent.share).clamp(1, together);
    let mut by_word: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, candidate) in waiting.iter().enumerate().filter(|(_, c)| c.goes_with(urgent)) {
        by_word.entry(candidate.word()).or_default().push(at);
    }
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut taken = HashSet::new();
    let (mut gas, mut reserved) = (BASE_GAS, 0);
    for first in waiting.iter().filter(|c| c.goes_with(urgent)) {
        let word = first.word();
        for at in by_word.remove(&word).unwrap_or_default() {
            let Some(candidate) = waiting.get(at) else { continue };
            let with = gas.saturating_add(candidate.gas(taken.insert(word)));
            let reserve = candidate.reserved_gas.max(reserved);
            let full = chosen.len() >= most || with.saturating_add(to_hand_on(reserve)) > limits.gas;
            if full && !chosen.is_empty() {
                return Batch::of(chosen, true);
            }
            (gas, reserved) = (with, reserve);
            chosen.push(candidate.clone());
        }
    }
    let is_full = chosen.len() >= most;
    Batch::of(chosen, is_full)
}

impl Batch {
    fn of(mut chosen: Vec<Candidate>, is_full: bool) -> Self {
        chosen.sort_by_key(|c| c.order);
        Self { chosen, is_full }
    }
}

/// The most gas that the transaction with this batch uses, whatever becomes of recipients and wallets before
/// it is mined.
pub(super) fn most_gas<'a>(batch: impl Iterator<Item = &'a Candidate>) -> u64 {
    let mut taken = HashSet::new();
    let (gas, reserved) = batch.fold((BASE_GAS, 0), |(gas, reserved), c| {
        (gas.saturating_add(c.gas(taken.insert(c.word()))), c.reserved_gas.max(reserved))
    });
    gas.saturating_add(to_hand_on(reserved))
}

/// What must be left when the batcher hands `reserved` on: EIP-150 keeps 1/64 back, and the batcher a little more.
fn to_hand_on(reserved: u64) -> u64 {
    if reserved == 0 { 0 } else { reserved.saturating_add(reserved / 32).saturating_add(10_000) }
}

/// What a transfer adds to its token's batch; 65 bytes of signature are in the measured figure.
fn transfer_gas(item: &Item) -> u64 {
    let signature = item.signature.len().saturating_sub(65);
    TRANSFER_GAS
        .saturating_add(FLOOR_BYTE_GAS.saturating_mul(bytes(signature)))
        .saturating_add(wallet_gas(item))
}

/// What any other action adds to a transaction.
fn action_gas(item: &Item) -> u64 {
    let calldata = bytes(item.message.encoded().len() + item.signature.len() + ITEM_BYTES);
    let used = item.message.execution_gas().saturating_add(wallet_gas(item)).saturating_add(BATCHER_GAS);
    used.saturating_add(BYTE_GAS.saturating_mul(calldata)).max(FLOOR_BYTE_GAS.saturating_mul(calldata))
}

/// What a contract wallet may burn.
pub(super) fn wallet_gas(item: &Item) -> u64 {
    if item.by_contract { CONTRACT_SIGNER_GAS } else { 0 }
}

fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
