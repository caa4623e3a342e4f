//! Where in the log to look: postings from a key to the entries that hold it. Pure.
//!
//! In: keys of entries, ascending by offset. Out: pages of a segment, and the offsets under a key in a page. A key is
//! kept as 40 bits of a hash, so that a posting takes few bytes; what a page gives may hold an entry too many, never
//! one too few, and whoever asks looks at the entry itself.
//!
//! ```text
//! page     postings: fingerprint (from the last), count, offsets (from the segment's first, then from the last)
//! ```

use alloy::primitives::{Address, B256};
use wia_abi::BlockNumber;

use crate::chain::catalog::Catalog;
use crate::log::entry::encoding::{read_varint, varint};
use crate::log::entry::{Entry, Offset};

/// Pages of a segment; a lookup reads one of them.
pub(crate) const PAGES: u8 = 16;

/// Bits of a fingerprint.
const FINGERPRINT_BITS: u32 = 40;

/// What an entry can be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// One of its events is of that contract.
    Contract(Address),
    /// One of its events has that topic, at whatever place.
    Topic(B256),
    /// One of its events names that account among the arguments that are not indexed.
    Account(Address),
    /// It commits or retracts the block of that hash.
    Block(B256),
    /// It commits or retracts a block of that height.
    Height(BlockNumber),
}

/// Some bits of a key's hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fingerprint(u64);

impl Key {
    pub(crate) fn fingerprint(self) -> Fingerprint {
        let (kind, word) = match self {
            Key::Contract(a) => (1, a.into_word()),
            Key::Topic(t) => (2, t),
            Key::Account(a) => (3, a.into_word()),
            Key::Block(h) => (4, h),
            Key::Height(n) => (5, B256::left_padding_from(&n.0.to_be_bytes())),
        };
        // Fowler, Noll and Vo's mixing, by lanes of eight bytes. Whoever makes keys collide makes lookups read an
        // entry in vain, no more.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ kind;
        for lane in word.chunks_exact(8) {
            let lane = lane.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
            hash = (hash ^ lane).wrapping_mul(0x0000_0100_0000_01b3);
            hash ^= hash >> 29;
        }
        Fingerprint(hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - FINGERPRINT_BITS))
    }
}

impl Fingerprint {
    /// The page that has it.
    pub(crate) fn page(self) -> u8 {
        (self.0 >> (FINGERPRINT_BITS - 4)) as u8
    }
}

/// The keys of one entry, each once.
pub(crate) fn keys(entry: &Entry, catalog: &Catalog) -> Vec<Fingerprint> {
    let block = &entry.block;
    let mut keys = vec![Key::Block(block.hash).fingerprint(), Key::Height(block.number).fingerprint()];
    for event in &block.events {
        keys.push(Key::Contract(event.contract).fingerprint());
        keys.extend(event.topics.iter().map(|t| Key::Topic(*t).fingerprint()));
        let in_data = catalog.accounts(event).into_iter();
        let in_data = in_data.filter(|a| !event.topics.contains(&a.into_word()));
        keys.extend(in_data.map(|a| Key::Account(a).fingerprint()));
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Postings of a segment that is not full yet, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Postings(Vec<(Fingerprint, Offset)>);

impl Postings {
    pub(crate) fn add(&mut self, offset: Offset, keys: impl IntoIterator<Item = Fingerprint>) {
        self.0.extend(keys.into_iter().map(|key| (key, offset)));
    }

    /// The offsets under a fingerprint, ascending.
    pub(crate) fn under(&self, key: Fingerprint) -> Vec<Offset> {
        self.0.iter().filter(|(k, _)| *k == key).map(|(_, offset)| *offset).collect()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The pages of a segment whose first offset is `first`, those without a posting left out.
    pub(crate) fn pages(&self, first: Offset) -> Vec<(u8, Vec<u8>)> {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let mut pages: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut last = Fingerprint(0);
        for postings in sorted.chunk_by(|a, b| a.0 == b.0) {
            let key = postings[0].0;
            if pages.last().is_none_or(|(page, _)| *page != key.page()) {
                pages.push((key.page(), Vec::new()));
                last = Fingerprint(0);
            }
            let Some((_, page)) = pages.last_mut() else { continue };
            varint(page, key.0 - last.0);
            last = key;
            varint(page, postings.len() as u64);
            let mut below = first.0;
            for (_, offset) in postings {
                varint(page, offset.0 - below);
                below = offset.0;
            }
        }
        pages
    }
}

/// The offsets under a fingerprint in its page of a segment whose first offset is `first`; `None` when the page does
/// not read.
pub(crate) fn under(mut page: &[u8], first: Offset, key: Fingerprint) -> Option<Vec<Offset>> {
    let mut number = || read_varint(&mut page);
    let mut at = 0_u64;
    while let Some(step) = number() {
        at = at.checked_add(step)?;
        let count = number()?;
        let (mut offset, mut offsets) = (first.0, Vec::new());
        for _ in 0..count {
            offset = offset.checked_add(number()?)?;
            if at == key.0 {
                offsets.push(Offset(offset));
            }
        }
        if at >= key.0 {
            return Some(offsets);
        }
    }
    Some(Vec::new())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pages_give_what_was_put_in(
            first in 0_u64..1_000_000,
            entries in prop::collection::vec((1_u64..90, prop::collection::btree_set(0_u64..40, 0..12)), 0..60),
        ) {
            let mut model = BTreeMap::<u64, Vec<Offset>>::new();
            let (mut postings, mut offset) = (Postings::default(), first);
            for (step, heights) in entries {
                let keys = heights.iter().map(|n| Key::Height(BlockNumber(*n)).fingerprint());
                postings.add(Offset(offset), keys);
                heights.iter().for_each(|n| model.entry(*n).or_default().push(Offset(offset)));
                offset += step;
            }
            let pages: BTreeMap<u8, Vec<u8>> = postings.pages(Offset(first)).into_iter().collect();
            prop_assert!(pages.keys().all(|page| *page < PAGES));
            for number in 0..40 {
                let key = Key::Height(BlockNumber(number)).fingerprint();
                let expected = model.remove(&number).unwrap_or_default();
                let empty = Vec::new();
                let page = pages.get(&key.page()).unwrap_or(&empty);
                prop_assert_eq!(&under(page, Offset(first), key).unwrap(), &expected);
                prop_assert_eq!(postings.under(key), expected);
            }
        }

        #[test]
        fn rubbish_is_no_panic(page in prop::collection::vec(any::<u8>(), 0..60), key in 0_u64..1 << 40) {
            let _ = under(&page, Offset(0), Fingerprint(key));
        }
    }

    #[test]
    fn kinds_of_keys_do_not_meet() {
        let (account, word) = (Address::repeat_byte(1), Address::repeat_byte(1).into_word());
        let keys = [Key::Contract(account), Key::Topic(word), Key::Account(account), Key::Block(word)];
        let mut fingerprints: Vec<_> = keys.map(Key::fingerprint).to_vec();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), keys.len());
    }
}
