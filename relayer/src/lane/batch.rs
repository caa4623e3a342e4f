//! Which messages go into the next transaction, as a pure function.
//!
//! In: what waits, the most urgent first. Out: one batch for one contract. The most urgent message chooses the
//! contract; then messages join by urgency, and each brings along those that share its nonce
//! word, because the second bit of a word costs a third of the first (5,000 against 22,100 gas).
//!
//! Two kinds of messages go by themselves. A contract wallet may answer the simulation and burn its whole
//! allowance in the block: messages signed by keys share no transaction with it. And the messages of a
//! transaction that did nothing share none with others, and fewer with each other, until the cause is alone.
//!
//! Inside the batch the order is that of acceptance: a word is warm wherever in the transaction it was first
//! touched, and a payment that spends what an earlier one brought must come after it.

use std::collections::{HashMap, HashSet};

use alloy::primitives::{Address, B256, U256};
use wia_abi::carbon_credit::MAX_BATCH;

use crate::queue::record::Item;

/// Gas of a transaction with nothing in it, and of the batch loop around the items.
const BASE_GAS: u64 = 40_000;
/// An item whose nonce word is new to signer and transaction, to a new recipient (measured: 46,147 + 17,100).
const NEW_WORD_GAS: u64 = 66_000;
/// An item whose word another item of the batch has touched (measured: 29,024 + 17,100).
const WARM_WORD_GAS: u64 = 49_000;
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
    /// Beyond the transfer itself: bytes of the signature and a contract wallet's answer.
    pub(crate) extra_gas: u64,
    /// A contract wallet answers for the signer.
    pub(crate) by_contract: bool,
    /// The block that its receipt promises.
    pub(crate) include_by_block: u64,
    /// How many messages its batch may have: fewer after each batch with it that did nothing.
    pub(crate) share: usize,
}

impl Candidate {
    pub(crate) fn of(relay_id: B256, item: &Item) -> Self {
        // 40 gas per byte of calldata is the floor price of EIP-7623; 65 bytes are in the measured figures.
        let signature = u64::try_from(item.signature.len().saturating_sub(65)).unwrap_or(u64::MAX);
        let wallet = if item.by_contract { CONTRACT_SIGNER_GAS } else { 0 };
        Self {
            relay_id,
            contract: item.contract,
            signer: item.message.from,
            nonce: item.message.nonce,
            valid_after: item.message.validAfter.saturating_to(),
            deadline: item.deadline(),
            order: item.order,
            extra_gas: signature.saturating_mul(40).saturating_add(wallet),
            by_contract: item.by_contract,
            include_by_block: item.receipt.include_by_block,
            share: usize::MAX,
        }
    }

    /// What it adds to a batch, at most; `new_word`: its nonce word is the first of its kind there.
    fn gas(&self, new_word: bool) -> u64 {
        self.extra_gas.saturating_add(if new_word { NEW_WORD_GAS } else { WARM_WORD_GAS })
    }

    /// Whether both may be in one batch.
    fn goes_with(&self, other: &Self) -> bool {
        (self.contract, self.by_contract, self.share) == (other.contract, other.by_contract, other.share)
    }

    /// Signer and word of the nonce bitmap.
    fn word(&self) -> (Address, U256) {
        (self.signer, U256::from_be_bytes(self.nonce.0) >> 8)
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
    let most = limits.items.min(urgent.share).clamp(1, MAX_BATCH);
    let mut by_word: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, candidate) in waiting.iter().enumerate().filter(|(_, c)| c.goes_with(urgent)) {
        by_word.entry(candidate.word()).or_default().push(at);
    }
    let mut chosen: Vec<Candidate> = Vec::new();
    let mut taken = HashSet::new();
    let mut gas = BASE_GAS;
    for first in waiting.iter().filter(|c| c.goes_with(urgent)) {
        let word = first.word();
        for at in by_word.remove(&word).unwrap_or_default() {
            let Some(candidate) = waiting.get(at) else { continue };
            let with = gas.saturating_add(candidate.gas(taken.insert(word)));
            let full = chosen.len() >= most || with > limits.gas;
            if full && !chosen.is_empty() {
                return Batch::of(chosen, true);
            }
            gas = with;
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
    batch.fold(BASE_GAS, |gas, c| gas.saturating_add(c.gas(taken.insert(c.word()))))
}

#[cfg(test)]
mod tests;
