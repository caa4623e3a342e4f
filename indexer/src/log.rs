//! The durable log: entries, their indexes, balances and the checkpoint, in one sled tree.
//!
//! In: blocks that leave and blocks that join the chain. Out: entries by offset, block hash and height, and
//! balances. One tree, so that one sled batch (which recovers as a whole or not at all) takes a change with all
//! that follows from it: a process killed at any byte finds either none or all of it. Nothing here waits for the
//! disk; the engine calls [`wia_store::Store::durable`] before anybody is told.
//!
//! | key | value |
//! |---|---|
//! | `e` offset | the entry |
//! | `h` block hash, offset | nothing: this entry commits that block |
//! | `n` height | offset of the entry that commits the canonical block there |
//! | `b` contract, account | balance in wei, big-endian without leading zeros; absent: 0 |
//! | `m` `identity` | what the log was filled from |
//! | `m` `checkpoint` | where the log ends, and which entry commits the head |

pub mod entry;
mod identity;
mod ledger;

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use wia_abi::BlockNumber;
use wia_store::{Store, sled};

use crate::chain::block::{BlockRef, Head};
use crate::{Config, IndexerError};
use entry::{Block, Change, Entry, Offset};
use identity::Identity;
use ledger::{Account, Ledger};

/// The name of the tree in the store.
const TREE: &str = "indexer.log";

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// The offset that the next entry takes.
    pub(crate) end: Offset,
    /// The entry that commits the head.
    pub(crate) head: Option<Offset>,
}

/// A change of the chain by blocks: first those that leave (tip first), then those that join (lowest first).
#[derive(Debug, Default)]
pub(crate) struct ChainChange {
    pub(crate) old: Vec<BlockRef>,
    pub(crate) new: Vec<Block>,
}

/// Handle to the log; clones share it. One writer, the engine.
#[derive(Clone)]
pub(crate) struct Log {
    store: Store,
    tree: sled::Tree,
    first_block: BlockNumber,
}

impl Log {
    /// Opens the log, or begins one; refuses a log that was filled from something else.
    pub(crate) fn open(store: &Store, config: &Config) -> Result<Self, IndexerError> {
        let log = Self { store: store.clone(), tree: store.tree(TREE)?, first_block: config.first_block };
        log.adopt(&Identity::of(config))?;
        Ok(log)
    }

    /// Returns once all that was appended survives a power cut.
    pub(crate) async fn durable(&self) -> Result<(), IndexerError> {
        Ok(self.store.durable().await?)
    }

    pub(crate) fn checkpoint(&self) -> Result<Checkpoint, IndexerError> {
        Ok(self.meta(b"checkpoint")?.unwrap_or_default())
    }

    /// Where the indexed chain begins.
    pub(crate) fn first_block(&self) -> BlockNumber {
        self.first_block
    }

    /// Appends one change as a whole; gives its entries and the chain's head after them.
    pub(crate) fn append(&self, change: ChainChange) -> Result<(Vec<Entry>, Option<Head>), IndexerError> {
        let mut checkpoint = self.checkpoint()?;
        let mut head = match checkpoint.head {
            Some(offset) => Some(self.entry(offset)?),
            None => None,
        };
        let mut ledger = Ledger::over(|account| self.balance(account));
        let mut batch = sled::Batch::default();
        let mut entries = Vec::with_capacity(change.old.len() + change.new.len());
        for old in change.old {
            let Some(committed) = head.filter(|h| h.block.reference() == old) else {
                return Err(IndexerError::damaged(old, "is to be retracted but is not the head"));
            };
            ledger.retract(&committed.block)?;
            batch.remove(height_key(old.number).as_slice());
            let below = committed.block.parent_hash;
            let entry = Entry {
                offset: checkpoint.end,
                change: Change::Retracted { committed_at: committed.offset },
                block: committed.block,
            };
            head = self.block_below(old, below)?;
            checkpoint.end = entry.next_offset();
            entries.push(entry);
        }
        let mut below = head.as_ref().map(|h| h.block.head());
        checkpoint.head = head.map(|h| h.offset);
        for mut block in change.new {
            let fits = match below {
                Some(below) => below.number.0 + 1 == block.number.0 && below.hash == block.parent_hash,
                None => block.number == self.first_block,
            };
            if !fits {
                return Err(IndexerError::damaged(block.reference(), "does not continue the chain"));
            }
            ledger.commit(&mut block)?;
            below = Some(block.head());
            checkpoint.head = Some(checkpoint.end);
            let entry = Entry { offset: checkpoint.end, change: Change::Committed, block };
            let offset = entry.offset.0.to_be_bytes();
            batch.insert(height_key(entry.block.number).as_slice(), &offset);
            batch.insert(hash_key(entry.block.hash, entry.offset).as_slice(), &[]);
            checkpoint.end = entry.next_offset();
            entries.push(entry);
        }
        for entry in &entries {
            let bytes = entry.encode().map_err(|e| self.store.refused(&e))?;
            batch.insert(entry_key(entry.offset).as_slice(), bytes);
        }
        for (account, balance) in ledger.into_changed() {
            let key = balance_key(account);
            if balance.is_zero() {
                batch.remove(key.as_slice());
            } else {
                batch.insert(key.as_slice(), balance.to_be_bytes_trimmed_vec());
            }
        }
        let bytes = postcard::to_stdvec(&checkpoint).map_err(|e| self.store.refused(&e))?;
        batch.insert(meta_key(b"checkpoint"), bytes);
        self.tree.apply_batch(batch).map_err(|e| self.store.refused(&e))?;
        Ok((entries, below))
    }

    /// The entry at `offset`, which must be there.
    pub(crate) fn entry(&self, offset: Offset) -> Result<Entry, IndexerError> {
        let missing = || IndexerError::damaged(offset.0, "there is no entry");
        self.find(offset)?.ok_or_else(missing)
    }

    /// The entry at `offset`; `None` when no entry begins there.
    pub(crate) fn find(&self, offset: Offset) -> Result<Option<Entry>, IndexerError> {
        let Some(bytes) = self.get(&entry_key(offset))? else { return Ok(None) };
        Entry::decode(offset, &bytes).map(Some).map_err(|reason| IndexerError::damaged(offset.0, reason))
    }

    /// The last entry before `before` that commits the block of that hash. A block may be committed again after
    /// it was retracted; a reader in the middle of the log must see it as it was then.
    pub(crate) fn committed_before(
        &self,
        hash: B256,
        before: Offset,
    ) -> Result<Option<Offset>, IndexerError> {
        let range = hash_key(hash, Offset(0))..hash_key(hash, before);
        match self.tree.range(range).next_back() {
            None => Ok(None),
            Some(found) => {
                let (key, _) = found.map_err(|e| self.store.refused(&e))?;
                offset_of(&key[key.len() - 8..]).map(Some)
            }
        }
    }

    /// Up to `limit` blocks of the canonical chain, lowest first, ending with its head.
    pub(crate) fn recent(&self, limit: u64) -> Result<Vec<BlockRef>, IndexerError> {
        let Some(head) = self.checkpoint()?.head else { return Ok(Vec::new()) };
        let mut at = Some(self.entry(head)?);
        let mut recent = Vec::new();
        while let Some(entry) = at.filter(|_| (recent.len() as u64) < limit) {
            recent.push(entry.block.reference());
            at = self.block_below(entry.block.reference(), entry.block.parent_hash)?;
        }
        recent.reverse();
        Ok(recent)
    }

    /// The balance of an account of a contract, wei.
    pub(crate) fn balance(&self, account: Account) -> Result<U256, IndexerError> {
        let Some(bytes) = self.get(&balance_key(account))? else { return Ok(U256::ZERO) };
        U256::try_from_be_slice(&bytes)
            .ok_or_else(|| IndexerError::damaged(account.1, "balance of >32 bytes"))
    }

    /// The canonical entry below a block; `None` when that was the first.
    fn block_below(&self, block: BlockRef, parent_hash: B256) -> Result<Option<Entry>, IndexerError> {
        if block.number <= self.first_block {
            return Ok(None);
        }
        let number = BlockNumber(block.number.0 - 1);
        let missing = || IndexerError::missing_block(number, parent_hash);
        let offset = self.get(&height_key(number))?.ok_or_else(missing)?;
        let entry = self.entry(offset_of(&offset)?)?;
        if entry.block.hash == parent_hash { Ok(Some(entry)) } else { Err(missing()) }
    }

    fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, IndexerError> {
        self.tree.get(key).map_err(|e| self.store.refused(&e).into())
    }

    fn meta<T: serde::de::DeserializeOwned>(&self, name: &[u8]) -> Result<Option<T>, IndexerError> {
        let Some(bytes) = self.get(&meta_key(name))? else { return Ok(None) };
        let damaged = |e| IndexerError::damaged(String::from_utf8_lossy(name), e);
        postcard::from_bytes(&bytes).map(Some).map_err(damaged)
    }
}

fn offset_of(bytes: &[u8]) -> Result<Offset, IndexerError> {
    let bytes = bytes.try_into().map_err(|_| IndexerError::damaged("index", "an offset has 8 bytes"))?;
    Ok(Offset(u64::from_be_bytes(bytes)))
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    [&[kind][..]].iter().chain(parts).flat_map(|p| p.iter().copied()).collect()
}

fn entry_key(offset: Offset) -> Vec<u8> {
    key(b'e', &[&offset.0.to_be_bytes()])
}

fn hash_key(hash: B256, offset: Offset) -> Vec<u8> {
    key(b'h', &[hash.as_slice(), &offset.0.to_be_bytes()])
}

fn height_key(number: BlockNumber) -> Vec<u8> {
    key(b'n', &[&number.0.to_be_bytes()])
}

fn balance_key((contract, account): (Address, Address)) -> Vec<u8> {
    key(b'b', &[contract.as_slice(), account.as_slice()])
}

fn meta_key(name: &[u8]) -> Vec<u8> {
    key(b'm', &[name])
}

#[cfg(test)]
mod tests;
