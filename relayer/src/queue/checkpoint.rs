//! From memory to trees, so that the journal can forget.
//!
//! In: what changed since the last time. Out: the same in trees, on disk, and a journal that begins behind it. All of
//! it happens beside the loop, in an order that a kill at any point leaves sound: the journal is on disk before the
//! trees, the trees before the mark, the mark before the journal forgets.
//!
//! | tree | key | value |
//! |---|---|---|
//! | `relay_items` | EIP-712 digest | [`Item`] |
//! | `relay_live` | digest of each message that is live | nothing |
//! | `relay_ended` | [`retention::EndedKey`](super::retention::EndedKey): when it may be forgotten | nothing |
//! | `relay_transactions` | account ‖ nonce, big-endian | [`Transaction`] |
//! | `relay_credits` | token ‖ signer | [`Credit`]; under no key the number of the write up to which they have everything |
//! | `relay_through` | nothing | number of the write up to which the trees have everything, big-endian |

use alloy::primitives::{Address, B256};
use tokio::task::spawn_blocking;
use wia_store::sled::{self, Tree};
use wia_store::{Store, StoreError};

use super::record::{Item, Slot, Transaction};
use super::retention;
use super::table::{Account, Credit, Standing, Table, Unsaved, Unstored};
use super::{Queue, corrupt};
use crate::RelayerError;

const ITEMS: &str = "relay_items";
const LIVE: &str = "relay_live";
const ENDED: &str = "relay_ended";
const TRANSACTIONS: &str = "relay_transactions";
const CREDITS: &str = "relay_credits";
const THROUGH: &str = "relay_through";

/// Of the journal after which it is worth it. Under load most messages of so much have ended by then, and move once;
/// after a kill it is read again in about a second.
const DUE_BYTES: u64 = 96 << 20;

/// On the disk before it is begun, beside what is to move: sled does not survive a disk that fills up.
const ROOM_BYTES: u64 = 64 << 20;

/// What the record of one message takes, roughly.
const RECORD_BYTES: u64 = 2 << 10;

/// Transactions in one write to the trees, each with its calldata: writes to one sled hold up each other and all reads.
const TRANSACTIONS_AT_A_TIME: usize = 8;

/// Messages in one write to the trees.
const AT_A_TIME: usize = 128;

#[derive(Clone)]
pub(super) struct Trees {
    store: Store,
    items: Tree,
    live: Tree,
    ended: Tree,
    transactions: Tree,
    credits: Tree,
    through: Tree,
}

/// What is written after the other, each on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    NewKeys,
    Records,
    OldKeys,
}

impl Part {
    pub(super) const ALL: [Self; 3] = [Self::NewKeys, Self::Records, Self::OldKeys];
}

/// Whether the trees have no message: a folder of before, which had no journal, is empty then.
pub(crate) fn is_empty(store: &Store) -> Result<bool, RelayerError> {
    Ok(store.tree(ITEMS)?.is_empty() && store.tree(TRANSACTIONS)?.is_empty())
}

impl Queue {
    /// Whether it is time for [`Queue::checkpoint`].
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        self.lock().unsaved_bytes() >= DUE_BYTES
    }

    /// Moves to the trees what they do not have. One at a time; when it fails, nothing is lost.
    ///
    /// # Errors
    /// [`StoreError::wants_room`]: it may be tried again. All others are the end of the store.
    pub(crate) async fn checkpoint(&self) -> Result<(), StoreError> {
        let unsaved = self.lock().take_unsaved();
        match self.save(&unsaved).await {
            Ok(()) => {
                self.lock().saved(unsaved);
                Ok(())
            }
            Err(error) => {
                self.lock().unsave(unsaved);
                Err(error)
            }
        }
    }

    async fn save(&self, unsaved: &Unsaved) -> Result<(), StoreError> {
        // A step of the journal is less than the record that it changes.
        let records = u64::try_from(unsaved.messages.len()).unwrap_or(u64::MAX).saturating_mul(RECORD_BYTES);
        self.store.ensure_room(ROOM_BYTES.saturating_add(unsaved.bytes()).saturating_add(records))?;
        self.save_to_trees(unsaved).await?;
        self.trees.mark(unsaved.through)?;
        self.store.durable().await?;
        let (journal, through) = (self.journal.clone(), unsaved.through);
        off_the_runtime(move || Ok(journal.forget_before(through.saturating_add(1)).map(drop)?)).await
    }

    /// All but the mark.
    pub(super) async fn save_to_trees(&self, unsaved: &Unsaved) -> Result<(), StoreError> {
        self.durable().await?;
        // Before the messages: what these have seen is not counted again, so the credits must have it.
        let (trees, credits, through) = (self.trees.clone(), unsaved.credits.clone(), unsaved.through);
        off_the_runtime(move || trees.write_credits(&credits, through)).await?;
        for some in unsaved.messages.chunks(AT_A_TIME) {
            let (trees, some) = (self.trees.clone(), some.to_vec());
            off_the_runtime(move || trees.write(&some)).await?;
        }
        for some in unsaved.transactions.chunks(TRANSACTIONS_AT_A_TIME) {
            let (trees, some) = (self.trees.clone(), some.to_vec());
            off_the_runtime(move || trees.write_transactions(&some)).await?;
        }
        self.store.durable().await
    }
}

async fn off_the_runtime(
    work: impl FnOnce() -> Result<(), StoreError> + Send + 'static,
) -> Result<(), StoreError> {
    spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

impl Trees {
    pub(super) fn open(store: &Store) -> Result<Self, RelayerError> {
        Ok(Self {
            store: store.clone(),
            items: store.tree(ITEMS)?,
            live: store.tree(LIVE)?,
            ended: store.tree(ENDED)?,
            transactions: store.tree(TRANSACTIONS)?,
            credits: store.tree(CREDITS)?,
            through: store.tree(THROUGH)?,
        })
    }

    pub(super) fn item(&self, relay_id: B256) -> Result<Option<Item>, RelayerError> {
        let bytes = self.items.get(relay_id).map_err(|e| self.refused(&e))?;
        bytes
            .map(|b| postcard::from_bytes(&b).map_err(|e| corrupt(ITEMS, relay_id.as_slice(), &e)))
            .transpose()
    }

    /// Brings a message into memory, if it is here.
    pub(super) fn hold(&self, table: &mut Table, relay_id: B256) -> Result<(), RelayerError> {
        if !table.is_held(relay_id)
            && let Some(item) = self.item(relay_id)?
        {
            table.load(relay_id, item, false);
        }
        Ok(())
    }

    pub(super) fn count_failed(&self) -> Result<usize, RelayerError> {
        self.ended(retention::FAILED).try_fold(0, |failed, key| key.map(|_| failed + 1))
    }

    pub(super) fn live(&self) -> Result<Vec<(B256, Item)>, RelayerError> {
        let mut live = Vec::new();
        for key in self.live.iter().keys() {
            let key = key.map_err(|e| self.refused(&e))?;
            let relay_id = B256::try_from(key.as_ref()).map_err(|e| corrupt(LIVE, &key, &e))?;
            live.extend(self.item(relay_id)?.map(|item| (relay_id, item)));
        }
        // In the order of acceptance: the one that had a nonce first holds it.
        live.sort_by_key(|(_, item)| item.order);
        Ok(live)
    }

    pub(super) fn transactions(&self) -> Result<Vec<Transaction>, RelayerError> {
        let read = |entry: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, bytes) = entry.map_err(|e| self.refused(&e))?;
            postcard::from_bytes(&bytes).map_err(|e| corrupt(TRANSACTIONS, &key, &e))
        };
        self.transactions.iter().map(read).collect()
    }

    /// Keys of messages that have ended, of one class, the first to go first.
    pub(super) fn ended(
        &self,
        class: u8,
    ) -> impl Iterator<Item = Result<retention::EndedKey, RelayerError>> + '_ {
        self.ended.scan_prefix([class]).keys().map(|key| {
            let key = key.map_err(|e| self.refused(&e))?;
            retention::EndedKey::try_from(key.as_ref()).map_err(|e| corrupt(ENDED, &key, &e))
        })
    }

    pub(super) fn through(&self) -> Result<u64, RelayerError> {
        let mark = self.through.get([]).map_err(|e| self.refused(&e))?;
        mark.map_or(Ok(0), |mark| number(THROUGH, &mark))
    }

    /// All credits, and the write up to which they have everything.
    pub(super) fn credits(&self) -> Result<(Vec<(Account, Credit)>, u64), RelayerError> {
        let (mut credits, mut through) = (Vec::new(), 0);
        for entry in &self.credits {
            let (key, value) = entry.map_err(|e| self.refused(&e))?;
            if key.is_empty() {
                through = number(CREDITS, &value)?;
                continue;
            }
            let account = <[u8; 40]>::try_from(key.as_ref()).map_err(|e| corrupt(CREDITS, &key, &e))?;
            let account = (Address::from_slice(&account[..20]), Address::from_slice(&account[20..]));
            credits.push((account, postcard::from_bytes(&value).map_err(|e| corrupt(CREDITS, &key, &e))?));
        }
        Ok((credits, through))
    }

    fn write_credits(&self, credits: &[(Account, Credit)], through: u64) -> Result<(), StoreError> {
        let mut writes = sled::Batch::default();
        for ((token, signer), credit) in credits {
            let key = [token.as_slice(), signer.as_slice()].concat();
            writes.insert(key, postcard::to_stdvec(credit).map_err(|e| self.refused(&e))?);
        }
        writes.insert(&[], &through.to_be_bytes());
        self.credits.apply_batch(writes).map_err(|e| self.refused(&e))
    }

    fn mark(&self, through: u64) -> Result<(), StoreError> {
        self.through.insert([], &through.to_be_bytes()).map(drop).map_err(|e| self.refused(&e))
    }

    fn write(&self, messages: &[Unstored]) -> Result<(), StoreError> {
        Part::ALL.into_iter().try_for_each(|part| self.write_part(messages, part))
    }

    /// Not in one transaction, which would cost sled as much again. Killed between two parts, the indexes have keys too
    /// many, never too few: [`Trees::live`] and [`Queue::prune`] look at the record behind each.
    pub(super) fn write_part(&self, messages: &[Unstored], part: Part) -> Result<(), StoreError> {
        let (mut items, mut live, mut ended) =
            (sled::Batch::default(), sled::Batch::default(), sled::Batch::default());
        for Unstored { relay_id, item, stored } in messages {
            let before = stored.unwrap_or_default();
            let after = item.as_ref().map(|item| Standing::of(*relay_id, item)).unwrap_or_default();
            match part {
                Part::NewKeys => {
                    if after.live && !before.live {
                        live.insert(relay_id.as_slice(), &[]);
                    }
                    let new = after.ended.filter(|key| before.ended != Some(*key));
                    new.iter().for_each(|key| ended.insert(key.as_slice(), &[]));
                }
                Part::Records => match item {
                    Some(item) => {
                        let bytes = postcard::to_stdvec(&**item).map_err(|e| self.refused(&e))?;
                        items.insert(relay_id.as_slice(), bytes);
                    }
                    None => items.remove(relay_id.as_slice()),
                },
                Part::OldKeys => {
                    if before.live && !after.live {
                        live.remove(relay_id.as_slice());
                    }
                    let old = before.ended.filter(|key| after.ended != Some(*key));
                    old.iter().for_each(|key| ended.remove(key.as_slice()));
                }
            }
        }
        for (tree, batch) in [(&self.items, items), (&self.live, live), (&self.ended, ended)] {
            tree.apply_batch(batch).map_err(|e| self.refused(&e))?;
        }
        Ok(())
    }

    /// Removes keys of messages that have ended otherwise, or not.
    pub(super) fn drop_ended(&self, keys: &[retention::EndedKey]) -> Result<(), StoreError> {
        let mut ended = sled::Batch::default();
        keys.iter().for_each(|key| ended.remove(key.as_slice()));
        self.ended.apply_batch(ended).map_err(|e| self.refused(&e))
    }

    fn write_transactions(&self, transactions: &[(Slot, Option<Transaction>)]) -> Result<(), StoreError> {
        let mut writes = sled::Batch::default();
        for (slot, record) in transactions {
            match record {
                Some(record) => {
                    let bytes = postcard::to_stdvec(record).map_err(|e| self.refused(&e))?;
                    writes.insert(&slot.key(), bytes);
                }
                None => writes.remove(&slot.key()),
            }
        }
        self.transactions.apply_batch(writes).map_err(|e| self.refused(&e))
    }

    fn refused(&self, error: &dyn std::fmt::Display) -> StoreError {
        self.store.refused(error)
    }
}

fn number(tree: &'static str, value: &[u8]) -> Result<u64, RelayerError> {
    let number = <[u8; 8]>::try_from(value).map_err(|e| corrupt(tree, &[], &e))?;
    Ok(u64::from_be_bytes(number))
}
