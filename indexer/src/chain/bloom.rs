//! Whether a block's logs can be all of its logs, from its header alone (Yellow Paper §4.4.1). Pure.
//!
//! A bloom has no false negatives: a block that it clears needs no request for logs; a log that is not in it was never
//! in the block; and what it holds but we were not given is worth asking about again. It has false positives, so a
//! suspicion is no proof: that is for the receipts ([`super::receipts`]).

use alloy::primitives::{Address, B256, Bloom, keccak256};

use crate::chain::block::{Header, RawLog};
use crate::chain::catalog::Catalog;
use crate::map::Map;

/// Topics whose bits are remembered; one more, and all are forgotten.
const REMEMBERED: usize = 8_192;

/// The three bits of a bloom that one address or topic sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bits([u16; 3]);

impl Bits {
    fn of(input: &[u8]) -> Self {
        let hash = keccak256(input);
        let bit = |at: usize| u16::from_be_bytes([hash[at], hash[at + 1]]) & 2_047;
        Self([bit(0), bit(2), bit(4)])
    }

    fn place(bit: u16) -> (usize, u8) {
        (255 - usize::from(bit / 8), 1 << (bit % 8))
    }

    fn are_in(self, bloom: &Bloom) -> bool {
        self.0.iter().all(|bit| {
            let (byte, mask) = Self::place(*bit);
            bloom[byte] & mask != 0
        })
    }

    fn set_in(self, bloom: &mut Bloom) {
        for bit in self.0 {
            let (byte, mask) = Self::place(bit);
            bloom[byte] |= mask;
        }
    }
}

/// Why the logs that were given for a block cannot be all of them, or not of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Suspicion {
    /// A log was given that was never in the block.
    #[error("a log is not in the block's bloom")]
    Foreign,
    /// The bloom speaks of a contract of which no log was given.
    #[error("the block's bloom speaks of {0}, of which there is no log")]
    Contract(Address),
    /// The bloom speaks of an event of a contract, and none such was given.
    #[error("the block's bloom speaks of an event {topic} of {contract}, of which there is none")]
    Event {
        /// The contract.
        contract: Address,
        /// The event.
        topic: B256,
    },
    /// All that the bloom speaks of was given, but with gaps between.
    #[error("all of the block's logs are ours, but some are missing")]
    Gaps,
}

/// What is followed, with its bits.
#[derive(Debug)]
pub(crate) struct Watched(Vec<Followed>);

#[derive(Debug)]
struct Followed {
    address: Address,
    bits: Bits,
    topics: Vec<(B256, Bits)>,
}

/// Bits of topics seen lately: accounts come again and again, and hashing is what this costs.
#[derive(Debug, Default)]
pub(crate) struct Memo(Map<B256, Bits>);

impl Memo {
    fn bits(&mut self, topic: &B256) -> Bits {
        if let Some(bits) = self.0.get(topic) {
            return *bits;
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        let bits = Bits::of(topic.as_slice());
        self.0.insert(*topic, bits);
        bits
    }
}

impl Watched {
    /// The contracts of `catalog` and the events that their ABIs know.
    pub(crate) fn new(catalog: &Catalog) -> Self {
        let followed = |address: Address| Followed {
            address,
            bits: Bits::of(address.as_slice()),
            topics: catalog.known_topics(address).map(|t| (t, Bits::of(t.as_slice()))).collect(),
        };
        Self(catalog.addresses().map(followed).collect())
    }

    /// True when the block may hold a log of one of the contracts.
    pub(crate) fn may_be_in(&self, header: &Header) -> bool {
        self.0.iter().any(|f| f.bits.are_in(&header.logs_bloom))
    }

    /// Why `logs` cannot be all logs of our contracts in the block, if anything speaks against it.
    pub(crate) fn suspicion(&self, header: &Header, logs: &[RawLog], memo: &mut Memo) -> Option<Suspicion> {
        let bloom = &header.logs_bloom;
        let mut union = Bloom::ZERO;
        for log in logs {
            let known = self.0.iter().find(|f| f.address == log.address);
            known.map_or_else(|| Bits::of(log.address.as_slice()), |f| f.bits).set_in(&mut union);
            log.topics.iter().for_each(|topic| memo.bits(topic).set_in(&mut union));
        }
        if !bloom.contains(&union) {
            return Some(Suspicion::Foreign);
        }
        for followed in self.0.iter().filter(|f| f.bits.are_in(bloom)) {
            let contract = followed.address;
            let mut given = logs.iter().filter(|l| l.address == contract).peekable();
            if given.peek().is_none() {
                return Some(Suspicion::Contract(contract));
            }
            // What the given logs set themselves says nothing of others: a block of many would be suspected always.
            let more = |bits: Bits| bits.are_in(bloom) && !bits.are_in(&union);
            let spoken_of = followed.topics.iter().filter(|(_, bits)| more(*bits));
            let is_given = |topic: &B256| given.clone().any(|l| l.topics.first() == Some(topic));
            let missing = spoken_of.map(|(topic, _)| *topic).find(|topic| !is_given(topic));
            if let Some(topic) = missing {
                return Some(Suspicion::Event { contract, topic });
            }
        }
        // Two logs in one place are refused elsewhere, so below n each place is taken once.
        let whole = logs.iter().all(|l| l.log_index < logs.len() as u64);
        (union == *bloom && !whole).then_some(Suspicion::Gaps)
    }
}

#[cfg(test)]
mod tests;
