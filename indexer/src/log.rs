//! The durable log: what the chain did to our contracts, block by block, and what follows from it.
//!
//! In: blocks that leave and blocks that join the chain. Out: entries by offset, block hash and height, balances,
//! postings. The entries stand in a journal ([`wia_store::journal`]): one batch of it, with its one fsync, takes a
//! change as a whole. Where the log ends and which block is the head is read off its last entry, so there is no
//! checkpoint that could disagree with it: a process killed at any byte finds the log as it was before some entry.
//! Balances and postings are derived and follow in portions ([`derived`]). Nothing here waits for the disk but
//! [`Log::durable`]; the engine calls it before anybody is told.

mod append;
pub(crate) mod derived;
pub mod entry;
mod identity;
pub(crate) mod index;
mod ledger;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{B256, U256};
use wia_abi::BlockNumber;
use wia_store::{Journal, Store, sled};

use crate::chain::block::{BlockRef, Head};
use crate::chain::catalog::Catalog;
use crate::{Config, IndexerError};
use derived::Derived;
use entry::{Account, Block, Change, Entry, Offset};
use identity::Identity;
use index::Key;

/// The name of the journal, and of the tree beside it.
const NAME: &str = "indexer";

/// Bytes of one file of the journal; retention removes whole ones.
const FILE_BYTES: u64 = 64 << 20;

/// What a portion of what is derived may take on disk, with what the engine writes beside it.
const PORTION_BYTES: u64 = 64 << 20;

/// A change of the chain by blocks: first those that leave (tip first), then those that join (lowest first).
#[derive(Debug, Clone, Default)]
pub(crate) struct ChainChange {
    pub(crate) old: Vec<BlockRef>,
    pub(crate) new: Vec<Block>,
}

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct End {
    /// The offset that the next entry takes.
    pub(crate) offset: Offset,
    /// The chain's head there, and the entry that commits it.
    pub(crate) head: Option<(Head, Offset)>,
}

/// Handle to the log; clones share it. One writer, the engine.
#[derive(Clone)]
pub(crate) struct Log(Arc<Inner>);

struct Inner {
    store: Store,
    journal: Journal,
    tree: sled::Tree,
    derived: Derived,
    catalog: Arc<Catalog>,
    first_block: BlockNumber,
    keep_blocks: u64,
    end: Mutex<End>,
}

impl Log {
    /// Opens the log, or begins one; refuses a log that was filled from something else. Reads back what is not in the
    /// derived tree yet: at most a portion, in well under a second.
    pub(crate) fn open(store: &Store, config: &Config) -> Result<Self, IndexerError> {
        let tree = store.tree(NAME)?;
        let log = Self(Arc::new(Inner {
            store: store.clone(),
            journal: store.journal(NAME, FILE_BYTES)?,
            derived: Derived::open(store, tree.clone())?,
            tree,
            catalog: Arc::new(Catalog::new(config.contracts.clone())),
            first_block: config.first_block,
            keep_blocks: config.retention_blocks,
            end: Mutex::default(),
        }));
        log.adopt(&Identity::of(config))?;
        *log.lock_end() = log.find_end()?;
        log.read_back()?;
        Ok(log)
    }

    /// Returns once all that was appended survives a power cut.
    ///
    /// # Errors
    /// [`IndexerError::Store`]; the disk being full is among them and passes.
    pub(crate) async fn durable(&self) -> Result<(), IndexerError> {
        let log = self.clone();
        let synced = tokio::task::spawn_blocking(move || {
            log.0.journal.sync().map_err(wia_store::StoreError::from)?;
            if log.0.derived.is_full() {
                log.0.store.ensure_room(PORTION_BYTES)?;
                log.0.derived.write_portion()?;
                log.forget()?;
            }
            Ok(())
        });
        synced.await.unwrap_or(Err(IndexerError::Stopped))
    }

    /// Writes what is derived, so that the next start has nothing to read back.
    pub(crate) async fn close(&self) -> Result<(), IndexerError> {
        self.durable().await?;
        self.0.derived.write_portion()?;
        Ok(self.0.store.durable().await?)
    }

    pub(crate) fn end(&self) -> End {
        *self.lock_end()
    }

    /// The first offset that is still there; `None` in an empty log.
    pub(crate) fn first_offset(&self) -> Option<Offset> {
        self.0.journal.first_key().map(Offset)
    }

    /// Bytes of the entries on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.journal.bytes()
    }

    /// Events of the chain as it stands.
    pub(crate) fn events(&self) -> u64 {
        self.0.derived.events()
    }

    /// The contracts that it is about.
    pub(crate) fn catalog(&self) -> &Arc<Catalog> {
        &self.0.catalog
    }

    /// The tree beside the journal. Keys that begin with `r` are the engine's.
    pub(crate) fn tree(&self) -> &sled::Tree {
        &self.0.tree
    }

    /// Where the indexed chain begins.
    pub(crate) fn first_block(&self) -> BlockNumber {
        self.0.first_block
    }

    /// The entry at `offset`, which must be there.
    pub(crate) fn entry(&self, offset: Offset) -> Result<Entry, IndexerError> {
        let missing = || IndexerError::damaged(offset.0, "there is no entry");
        self.find(offset)?.ok_or_else(missing)
    }

    /// The entry at `offset`; `None` when no entry begins there, or not any more.
    pub(crate) fn find(&self, offset: Offset) -> Result<Option<Entry>, IndexerError> {
        let found = self.0.journal.get(offset.0).map_err(wia_store::StoreError::from)?;
        found.map(|bytes| decode(offset, &bytes)).transpose()
    }

    /// The last entry below `offset`; `None` at the beginning of what is still there.
    pub(crate) fn before(&self, offset: Offset) -> Result<Option<Entry>, IndexerError> {
        let found = self.0.journal.before(offset.0).map_err(wia_store::StoreError::from)?;
        found.map(|(key, bytes)| decode(Offset(key), &bytes)).transpose()
    }

    /// The last entry before `before` that commits the block of that hash, seen from there: usually the entry just
    /// before. A block may be committed again after it was retracted; a reader in the middle of the log must see it
    /// as it was then. `None` when it is below what is still there.
    pub(crate) fn committed_before(&self, hash: B256, before: Offset) -> Result<Option<Entry>, IndexerError> {
        let mut at = before;
        while let Some(entry) = self.before(at)? {
            if entry.block.hash == hash && !entry.is_retraction() {
                return Ok(Some(entry));
            }
            at = entry.offset;
        }
        Ok(None)
    }

    /// The entry that last committed the block of that hash, whether or not it is on the chain now.
    pub(crate) fn last_commit_of(&self, hash: B256) -> Result<Option<Entry>, IndexerError> {
        self.last_commit(Key::Block(hash), None, |block| block.hash == hash)
    }

    /// The entry that commits the block of that height of the chain as it stands; `None` above the head, below the
    /// first block, and when it is no longer kept.
    pub(crate) fn canonical(&self, number: BlockNumber) -> Result<Option<Entry>, IndexerError> {
        if self.is_above_head(number) {
            return Ok(None);
        }
        // The chain reaches above it, so what was committed last there is what stands there.
        self.last_commit(Key::Height(number), Some(number), |block| block.number == number)
    }

    /// Whether the entry commits a block of the chain as it stands: nothing came after it at its height.
    pub(crate) fn stands(&self, entry: &Entry) -> Result<bool, IndexerError> {
        let number = entry.block.number;
        if entry.is_retraction() || self.is_above_head(number) {
            return Ok(false);
        }
        for offset in self.0.derived.under(Key::Height(number), Some(number))?.into_iter().rev() {
            if offset <= entry.offset {
                break;
            }
            if self.find(offset)?.is_some_and(|later| later.block.number == number) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_above_head(&self, number: BlockNumber) -> bool {
        self.end().head.is_none_or(|(head, _)| number > head.number)
    }

    fn last_commit(
        &self,
        key: Key,
        height: Option<BlockNumber>,
        is_it: impl Fn(&Block) -> bool,
    ) -> Result<Option<Entry>, IndexerError> {
        for offset in self.0.derived.under(key, height)?.into_iter().rev() {
            if let Some(entry) = self.find(offset)?
                && is_it(&entry.block)
                && !entry.is_retraction()
            {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Up to `limit` blocks of the chain as it stands, lowest first, ending with its head.
    pub(crate) fn recent(&self, limit: u64) -> Result<Vec<BlockRef>, IndexerError> {
        let Some((_, offset)) = self.end().head else { return Ok(Vec::new()) };
        let mut at = Some(self.entry(offset)?);
        let mut recent = Vec::new();
        while let Some(entry) = at.filter(|_| (recent.len() as u64) < limit) {
            recent.push(entry.block.reference());
            at = self.committed_before(entry.block.parent_hash, entry.offset)?;
        }
        recent.reverse();
        Ok(recent)
    }

    /// The balance of an account of a contract at the end of the log, wei.
    pub(crate) fn balance(&self, account: Account) -> Result<U256, IndexerError> {
        self.0.derived.balance(account)
    }

    /// Offsets of all entries that may hold something under a key, ascending.
    pub(crate) fn under(&self, key: Key) -> Result<Vec<Offset>, IndexerError> {
        self.0.derived.under(key, None)
    }

    /// Offsets of entries that may hold something under one key of each group ([`Derived::portion`]).
    pub(crate) fn portion(
        &self,
        groups: &[Vec<Key>],
        from: Offset,
        to: Offset,
    ) -> Result<(Vec<Offset>, Option<Offset>), IndexerError> {
        self.0.derived.portion(groups, from, to)
    }

    /// Where the log ends, read off its last entry: that entry's block, or what lies below the block that it retracts.
    fn find_end(&self) -> Result<End, IndexerError> {
        let Some(last) = self.before(Offset(u64::MAX))? else { return Ok(End::default()) };
        let offset = last.next_offset();
        let head = if last.is_retraction() {
            self.below(&last.block, last.offset)?.map(|e| (e.block.head(), e.offset))
        } else {
            Some((last.block.head(), last.offset))
        };
        Ok(End { offset, head })
    }

    /// The entry that commits the block below `block`, seen from `before`; `None` when that was the first.
    fn below(&self, block: &Block, before: Offset) -> Result<Option<Entry>, IndexerError> {
        if block.number <= self.0.first_block {
            return Ok(None);
        }
        let number = BlockNumber(block.number.0 - 1);
        let missing = || IndexerError::missing_block(number, block.parent_hash);
        self.committed_before(block.parent_hash, before)?.ok_or_else(missing).map(Some)
    }

    /// Brings what is derived up to the end of the log.
    fn read_back(&self) -> Result<(), IndexerError> {
        let end = self.end().offset;
        if self.0.derived.end() > end {
            return Err(IndexerError::damaged("the index", "it is ahead of the log, whose end is gone"));
        }
        while self.0.derived.end() < end {
            let entry = self.entry(self.0.derived.end())?;
            self.0.derived.add(&entry, &self.0.catalog);
            self.0.derived.settle(entry.balances());
            // All of it was read from the disk.
            if self.0.derived.is_full() {
                self.0.derived.write_portion()?;
            }
        }
        Ok(())
    }

    /// Removes what is older than is to be kept.
    fn forget(&self) -> Result<(), IndexerError> {
        let Some((head, _)) = self.end().head else { return Ok(()) };
        let keep_from = BlockNumber(head.number.0.saturating_sub(self.0.keep_blocks));
        if self.0.keep_blocks == 0 || keep_from <= self.0.first_block {
            return Ok(());
        }
        let Some(oldest) = self.canonical(keep_from)? else { return Ok(()) };
        let first = self.0.journal.forget_before(oldest.offset.0).map_err(wia_store::StoreError::from)?;
        match first {
            Some(first) => self.0.derived.forget_before(Offset(first)),
            None => Ok(()),
        }
    }

    fn lock_end(&self) -> MutexGuard<'_, End> {
        self.0.end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(offset: Offset, bytes: &[u8]) -> Result<Entry, IndexerError> {
    Entry::decode(offset, bytes).map_err(|reason| IndexerError::damaged(offset.0, reason))
}

#[cfg(test)]
mod tests;
