//! What follows from the entries and is looked up: balances now, and postings. Never the truth, always to be had
//! again: it stands in sled as of some offset, and what came after is in memory, read back from the entries when the
//! log is opened.
//!
//! In: entries, in order, each after it was made durable or read back. Out: balances, postings. Written in portions
//! of [`PORTION`] offsets, so that the hot path of a block touches memory alone.
//!
//! | key | value |
//! |---|---|
//! | `b` contract, account | balance in wei, big-endian without leading zeros; absent: 0 |
//! | `s` first offset | a segment of postings: end offset, lowest and highest height |
//! | `p` first offset, page | its postings ([`super::index`]) |
//! | `m` `derived` | up to which offset, and the number of events there |

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use alloy::primitives::U256;
use serde::{Deserialize, Serialize};
use wia_abi::BlockNumber;
use wia_store::{Store, sled};

use super::entry::{Account, Entry, Offset};
use super::index::{self, Fingerprint, Key, Postings};
use crate::IndexerError;
use crate::chain::catalog::Catalog;
use crate::map::Map;

/// Offsets that are kept in memory before they are written: bounds memory, and what is read back at a start.
pub(crate) const PORTION: u64 = 65_536;

const DERIVED: &[u8] = b"mderived";

/// How far the tree is.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Mark {
    to: Offset,
    events: u64,
}

/// Postings of a range of offsets.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Segment {
    #[serde(skip)]
    first: Offset,
    end: Offset,
    lowest: BlockNumber,
    highest: BlockNumber,
}

/// Balances and postings.
pub(crate) struct Derived {
    store: Store,
    tree: sled::Tree,
    inner: RwLock<Inner>,
}

struct Inner {
    mark: Mark,
    /// Where the entries end that are in here.
    end: Offset,
    events: u64,
    segments: Vec<Segment>,
    balances: Map<Account, U256>,
    postings: Postings,
    heights: Option<(BlockNumber, BlockNumber)>,
}

impl Derived {
    pub(crate) fn open(store: &Store, tree: sled::Tree) -> Result<Self, IndexerError> {
        let damaged = |e: postcard::Error| IndexerError::damaged("the index", e);
        let mark: Mark = match tree.get(DERIVED).map_err(|e| store.refused(&e))? {
            Some(bytes) => postcard::from_bytes(&bytes).map_err(damaged)?,
            None => Mark::default(),
        };
        let mut segments = Vec::new();
        for item in tree.scan_prefix(b"s") {
            let (key, value) = item.map_err(|e| store.refused(&e))?;
            let first = key[1..].try_into().map(u64::from_be_bytes);
            let first = Offset(first.map_err(|e| IndexerError::damaged("the index", e))?);
            segments.push(Segment { first, ..postcard::from_bytes(&value).map_err(damaged)? });
        }
        let inner = Inner {
            mark,
            end: mark.to,
            events: mark.events,
            segments,
            balances: Map::default(),
            postings: Postings::default(),
            heights: None,
        };
        Ok(Self { store: store.clone(), tree, inner: RwLock::new(inner) })
    }

    /// Where the entries end that are in here: the next one to [`Derived::add`].
    pub(crate) fn end(&self) -> Offset {
        self.read().end
    }

    /// Events that were committed and not taken back.
    pub(crate) fn events(&self) -> u64 {
        self.read().events
    }

    /// Takes in the next entry, but for its balances: [`Derived::settle`].
    pub(crate) fn add(&self, entry: &Entry, catalog: &Catalog) {
        let keys = index::keys(entry, catalog);
        let count = entry.block.events.len() as u64;
        let mut inner = self.write();
        if entry.is_retraction() {
            inner.events = inner.events.saturating_sub(count);
        } else {
            inner.events += count;
        }
        inner.postings.add(entry.offset, keys);
        let number = entry.block.number;
        inner.heights = Some(inner.heights.map_or((number, number), |(l, h)| (l.min(number), h.max(number))));
        inner.end = entry.next_offset();
    }

    /// Takes in what accounts have after the entries so far.
    pub(crate) fn settle(&self, balances: impl IntoIterator<Item = (Account, U256)>) {
        self.write().balances.extend(balances);
    }

    /// Whether a portion is full.
    pub(crate) fn is_full(&self) -> bool {
        let inner = self.read();
        inner.end.0 - inner.mark.to.0 >= PORTION
    }

    /// Writes what is in memory. Only what is durable in the log may be in here by now.
    pub(crate) fn write_portion(&self) -> Result<(), IndexerError> {
        let (batch, mark, segment) = {
            let inner = self.read();
            let Some((lowest, highest)) = inner.heights else { return Ok(()) };
            let mut batch = sled::Batch::default();
            for ((contract, account), balance) in &inner.balances {
                let key = balance_key((*contract, *account));
                if balance.is_zero() {
                    batch.remove(key);
                } else {
                    batch.insert(key, balance.to_be_bytes_trimmed_vec());
                }
            }
            let first = inner.mark.to;
            for (page, bytes) in inner.postings.pages(first) {
                batch.insert(page_key(first, page), bytes);
            }
            let segment = Segment { first, end: inner.end, lowest, highest };
            batch.insert(segment_key(first), self.encode(&segment)?);
            let mark = Mark { to: inner.end, events: inner.events };
            batch.insert(DERIVED, self.encode(&mark)?);
            (batch, mark, segment)
        };
        // Readers go on meanwhile: memory and tree say the same.
        self.tree.apply_batch(batch).map_err(|e| self.store.refused(&e))?;
        let mut inner = self.write();
        inner.mark = mark;
        inner.segments.push(segment);
        inner.balances.clear();
        inner.postings.clear();
        inner.heights = None;
        Ok(())
    }

    /// The balance of an account of a contract now, wei.
    pub(crate) fn balance(&self, account: Account) -> Result<U256, IndexerError> {
        if let Some(balance) = self.read().balances.get(&account) {
            return Ok(*balance);
        }
        let Some(bytes) = self.tree.get(balance_key(account)).map_err(|e| self.store.refused(&e))? else {
            // Written between the two looks: then it is in the tree now, and zero is not kept there.
            return Ok(self.read().balances.get(&account).copied().unwrap_or_default());
        };
        U256::try_from_be_slice(&bytes)
            .ok_or_else(|| IndexerError::damaged(account.1, "balance of >32 bytes"))
    }

    /// The entries that may hold any of `keys`, from the segment that holds `from` on, segment by segment: ascending
    /// offsets at or above `from` and below `to`. `next`: where the next portion begins; `None` when there is none.
    pub(crate) fn portion(
        &self,
        groups: &[Vec<Key>],
        from: Offset,
        to: Offset,
    ) -> Result<(Vec<Offset>, Option<Offset>), IndexerError> {
        let (segment, in_memory) = {
            let inner = self.read();
            let segment = inner.segments.iter().find(|s| s.end > from).copied();
            let in_memory = segment.is_none().then(|| {
                groups
                    .iter()
                    .map(|g| union(g.iter().map(|k| inner.postings.under(k.fingerprint()))))
                    .collect()
            });
            (segment, in_memory)
        };
        let lists: Vec<Vec<Offset>> = match (in_memory, segment) {
            (Some(lists), _) => lists,
            (None, None) => Vec::new(),
            (None, Some(segment)) => {
                let mut lists = Vec::with_capacity(groups.len());
                for group in groups {
                    let under: Result<Vec<_>, _> =
                        group.iter().map(|k| self.in_segment(segment, k.fingerprint())).collect();
                    lists.push(union(under?.into_iter()));
                }
                lists
            }
        };
        let mut offsets = intersection(lists);
        offsets.retain(|o| *o >= from && *o < to);
        let next = segment.map(|s| s.end).filter(|end| *end < to);
        Ok((offsets, next))
    }

    /// All entries under a key that can hold one height only, ascending.
    pub(crate) fn under(&self, key: Key, height: Option<BlockNumber>) -> Result<Vec<Offset>, IndexerError> {
        let (segments, recent) = {
            let inner = self.read();
            let here = |s: &&Segment| height.is_none_or(|n| s.lowest <= n && n <= s.highest);
            let segments: Vec<_> = inner.segments.iter().filter(here).copied().collect();
            (segments, inner.postings.under(key.fingerprint()))
        };
        let mut all = Vec::new();
        for segment in segments {
            all.extend(self.in_segment(segment, key.fingerprint())?);
        }
        // What was written between the two looks is in both.
        Ok(union([all, recent].into_iter()))
    }

    /// Removes the postings of entries below `first`.
    pub(crate) fn forget_before(&self, first: Offset) -> Result<(), IndexerError> {
        let forgotten: Vec<Segment> = {
            let mut inner = self.write();
            let gone = inner.segments.iter().take_while(|s| s.end <= first).count();
            inner.segments.drain(..gone).collect()
        };
        let mut batch = sled::Batch::default();
        for segment in forgotten {
            batch.remove(segment_key(segment.first));
            (0..index::PAGES).for_each(|page| batch.remove(page_key(segment.first, page)));
        }
        Ok(self.tree.apply_batch(batch).map_err(|e| self.store.refused(&e))?)
    }

    fn in_segment(&self, segment: Segment, key: Fingerprint) -> Result<Vec<Offset>, IndexerError> {
        let page = self.tree.get(page_key(segment.first, key.page())).map_err(|e| self.store.refused(&e))?;
        let Some(page) = page else { return Ok(Vec::new()) };
        let damaged = || IndexerError::damaged(segment.first.0, "a page of the index does not read");
        index::under(&page, segment.first, key).ok_or_else(damaged)
    }

    fn encode<T: Serialize>(&self, value: &T) -> Result<Vec<u8>, IndexerError> {
        postcard::to_stdvec(value).map_err(|e| self.store.refused(&e).into())
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn balance_key((contract, account): Account) -> Vec<u8> {
    [b"b", contract.as_slice(), account.as_slice()].concat()
}

fn segment_key(first: Offset) -> Vec<u8> {
    [b"s", first.0.to_be_bytes().as_slice()].concat()
}

fn page_key(first: Offset, page: u8) -> Vec<u8> {
    [b"p", first.0.to_be_bytes().as_slice(), &[page]].concat()
}

fn union(lists: impl Iterator<Item = Vec<Offset>>) -> Vec<Offset> {
    let mut all: Vec<Offset> = lists.flatten().collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn intersection(lists: Vec<Vec<Offset>>) -> Vec<Offset> {
    let mut lists = lists.into_iter();
    let Some(mut first) = lists.next() else { return Vec::new() };
    for list in lists {
        first.retain(|o| list.binary_search(o).is_ok());
    }
    first
}
