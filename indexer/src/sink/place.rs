//! What is durable of a sink: up to where it has everything, and what was given up.
//!
//! | key of the tree | value |
//! |---|---|
//! | `c` name | cursor of the last message that it took |
//! | `d` name, 0, number | a [`DeadLetter`] |

use serde::{Deserialize, Serialize};
use wia_store::{Store, sled};

use crate::IndexerError;

/// Dead letters that are kept per sink.
const MAX_DEAD_LETTERS: usize = 1_000;

/// A batch that was given up. Its messages are in the log: subscribe after `after` to read them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The cursor before its first message; `None` when it was the first batch of all.
    pub after: Option<String>,
    /// The cursor of its last message.
    pub up_to: String,
    /// How many messages.
    pub messages: u64,
    /// Attempts that were made.
    pub attempts: u64,
    /// Why the last one failed.
    pub reason: String,
}

/// The durable side of one sink.
#[derive(Clone)]
pub(super) struct Place {
    store: Store,
    tree: sled::Tree,
    name: String,
}

impl Place {
    pub(super) fn open(store: &Store, name: &str) -> Result<Self, IndexerError> {
        Ok(Self { store: store.clone(), tree: store.tree("indexer.sinks")?, name: name.to_owned() })
    }

    pub(super) fn cursor(&self) -> Result<Option<String>, IndexerError> {
        let found = self.tree.get(self.cursor_key()).map_err(|e| self.store.refused(&e))?;
        let text = found.map(|bytes| String::from_utf8(bytes.to_vec()));
        text.transpose().map_err(|e| IndexerError::damaged(&self.name, e))
    }

    /// Notes that everything up to `cursor` is delivered. Durable with the store's next commit.
    pub(super) fn advance(&self, cursor: &str) -> Result<(), IndexerError> {
        self.tree.insert(self.cursor_key(), cursor).map_err(|e| self.store.refused(&e))?;
        Ok(())
    }

    /// Gives a batch up and goes past it, as one step, durably.
    pub(super) async fn bury(&self, letter: &DeadLetter) -> Result<(), IndexerError> {
        let mut keys: Vec<sled::IVec> = Vec::new();
        for key in self.tree.scan_prefix(self.letters()).keys() {
            keys.push(key.map_err(|e| self.store.refused(&e))?);
        }
        let number = |key: &sled::IVec| key.last_chunk().map_or(0, |n| u64::from_be_bytes(*n));
        let next = keys.last().map_or(0, |key| number(key) + 1);
        let mut batch = sled::Batch::default();
        let forgotten = (keys.len() + 1).saturating_sub(MAX_DEAD_LETTERS);
        keys.iter().take(forgotten).for_each(|key| batch.remove(key));
        let bytes = postcard::to_stdvec(letter).map_err(|e| self.store.refused(&e))?;
        batch.insert([self.letters(), next.to_be_bytes().to_vec()].concat(), bytes);
        batch.insert(self.cursor_key(), letter.up_to.as_bytes());
        self.tree.apply_batch(batch).map_err(|e| self.store.refused(&e))?;
        self.durable().await
    }

    pub(super) fn dead_letters(&self) -> Result<Vec<DeadLetter>, IndexerError> {
        let letters = self.tree.scan_prefix(self.letters()).values();
        letters
            .map(|bytes| {
                let bytes = bytes.map_err(|e| self.store.refused(&e))?;
                postcard::from_bytes(&bytes).map_err(|e| IndexerError::damaged(&self.name, e))
            })
            .collect()
    }

    pub(super) async fn durable(&self) -> Result<(), IndexerError> {
        Ok(self.store.durable().await?)
    }

    fn cursor_key(&self) -> Vec<u8> {
        [b"c", self.name.as_bytes()].concat()
    }

    fn letters(&self) -> Vec<u8> {
        [b"d", self.name.as_bytes(), &[0]].concat()
    }
}
