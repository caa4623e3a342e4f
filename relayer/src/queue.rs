//! The durable queue: every accepted message with its history, and the lanes' transactions.
//!
//! In: acceptances from intake, changes from the engine. Out: records, and what waits for a transaction. A write is one
//! record of a journal ([`entry`]), appended before anything in memory changes, so that a killed process leaves all of
//! it or nothing. What may still change is held in memory ([`table`]). From time to time what has changed moves to trees
//! ([`checkpoint`]) and the journal forgets it; opening reads the trees and goes through the rest of the journal.

mod change;
mod checkpoint;
mod entry;
pub(crate) mod record;
pub(crate) mod retention;
mod table;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, B256, U256};
use tokio::sync::Notify;
use wia_protocol::Timestamp;
use wia_protocol::relay::State;
use wia_store::{Commits, Journal, Store, StoreError};

use crate::RelayerError;
use crate::lane::batch::Candidate;
use crate::shared::lock;
use crate::state::{Event, transition};
pub(crate) use change::Changes;
use checkpoint::Trees;
pub(crate) use checkpoint::is_empty;
use entry::Entry;
use record::{Detail, Item, Transaction};
use table::Table;

const JOURNAL: &str = "relay";

/// A file of the journal; files go when all of it is in the trees.
const FILE_BYTES: u64 = 8 << 20;

/// Of the journal not in the trees beyond which no message is taken: the trees are too slow, or have no room.
const MAX_UNSAVED_BYTES: u64 = 512 << 20;

pub(crate) struct Queue {
    store: Store,
    journal: Journal,
    commits: Commits,
    trees: Trees,
    table: Mutex<Table>,
    /// All writes up to this one survive a power cut.
    durable: AtomicU64,
    /// Something new waits for a transaction.
    pub(crate) work: Notify,
    limits: Limits,
    /// Why the last write was not made; `None` when it was.
    full: Mutex<Option<String>>,
}

/// The most live messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) live: usize,
    pub(crate) live_per_signer: usize,
}

/// What became of an attempt to accept a message.
pub(crate) enum Acceptance {
    /// Written, not yet durable.
    Written(Arc<Item>),
    /// Here already, live or executed; perhaps not yet durable.
    Known,
    /// Another message holds the signer's nonce.
    NonceHeld(B256),
    /// The signer has too many live messages.
    SignerFull,
    /// The relayer has.
    Full,
    /// The signer's credit that is not set aside: too little.
    Unpaid(U256),
}

impl Queue {
    pub(crate) fn open(store: &Store, limits: Limits) -> Result<Self, RelayerError> {
        let trees = Trees::open(store)?;
        let journal = store.journal(JOURNAL, FILE_BYTES)?;
        // What a killed process left in the page cache is on disk before it is told.
        journal.sync().map_err(StoreError::from)?;
        let through = trees.through()?;
        let mut table = Table::new(through, trees.count_failed()?);
        for (relay_id, item) in trees.live()? {
            table.load(relay_id, item, true);
        }
        table.load_transactions(trees.transactions()?);
        let (credits, credited) = trees.credits()?;
        table.load_credits(credits, credited);
        for number in through + 1..=journal.last_key().unwrap_or(through) {
            let payload = journal.get(number).map_err(StoreError::from)?;
            let (entry, bytes) = entry::read(number, payload)?;
            for relay_id in entry.messages() {
                trees.hold(&mut table, relay_id)?;
            }
            entry::replay(&mut table, number, bytes, entry)?;
        }
        Ok(Self {
            store: store.clone(),
            commits: store.commits(&journal)?,
            durable: AtomicU64::new(table.written),
            table: Mutex::new(table),
            journal,
            trees,
            work: Notify::new(),
            limits,
            full: Mutex::default(),
        })
    }

    pub(crate) fn item(&self, relay_id: B256) -> Result<Option<Arc<Item>>, RelayerError> {
        // Not under the lock: what is no longer in memory is in the trees.
        let held = self.lock().held(relay_id);
        held.map_or_else(|| Ok(self.trees.item(relay_id)?.map(Arc::new)), Ok)
    }

    /// All transactions that may still change, by account and nonce.
    pub(crate) fn transactions(&self) -> Vec<Transaction> {
        self.lock().transactions().cloned().collect()
    }

    /// The digest of the live message with that nonce.
    pub(crate) fn holder(&self, contract: Address, signer: Address, nonce: B256) -> Option<B256> {
        self.lock().holder(contract, signer, nonce)
    }

    /// The live messages of a signer, in the order of their acceptance.
    pub(crate) fn live_of(&self, contract: Address, signer: Address) -> Vec<B256> {
        self.lock().live_of(contract, signer)
    }

    /// Writes a verified message, unless it or another one with its nonce is live. A message that failed
    /// before keeps its history and gets the new receipt. Not durable yet, and not offered to the lane.
    pub(crate) fn accept(
        &self,
        relay_id: B256,
        mut fresh: Item,
        now: Timestamp,
    ) -> Result<Acceptance, RelayerError> {
        let mut table = self.lock();
        self.trees.hold(&mut table, relay_id)?;
        if let Some(known) = table.held(relay_id).flatten() {
            if transition(known.state(), Event::Accept).is_err() {
                return Ok(Acceptance::Known);
            }
            fresh.history.clone_from(&known.history);
        }
        let signer = fresh.message.signer();
        if let Some(holder) = table.holder(fresh.contract, signer, fresh.message.nonce()) {
            return Ok(Acceptance::NonceHeld(holder));
        }
        if table.live() >= self.limits.live || table.unsaved_bytes() > MAX_UNSAVED_BYTES {
            return Ok(Acceptance::Full);
        }
        if table.live_by(signer) >= self.limits.live_per_signer {
            return Ok(Acceptance::SignerFull);
        }
        let credit = table.credit(fresh.price.token, signer);
        if fresh.price.reserved() > credit {
            return Ok(Acceptance::Unpaid(credit));
        }
        fresh.order = table.next_order();
        let step = fresh.push(State::Accepted, now, Detail::default());
        let number = self.append(&mut table, &Entry::Accepted { relay_id, item: Cow::Borrowed(&fresh) })?;
        let accepted = table.accept(relay_id, fresh, number);
        drop(table);
        change::log(&step.update(relay_id));
        Ok(Acceptance::Written(accepted))
    }

    /// Offers a durable acceptance to the lane, unless the message has moved on: a block that was thought lost
    /// may have executed it meanwhile.
    pub(crate) fn offer(&self, relay_id: B256, item: &Item) {
        if self.lock().offer(relay_id, item.order) {
            self.work.notify_one();
        }
    }

    /// The first `limit` messages that wait and pass `eligible`, the most urgent first.
    pub(crate) fn waiting(&self, limit: usize, eligible: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        self.lock().ready().filter(|c| eligible(c)).take(limit).cloned().collect()
    }

    /// Messages that wait and whose deadline is not after `timestamp` (Unix seconds).
    pub(crate) fn overdue(&self, timestamp: u64) -> Vec<B256> {
        self.lock().overdue(timestamp)
    }

    /// Whether a live message pays this account: what it lacks may be on its way.
    pub(crate) fn is_paid(&self, account: Address) -> bool {
        self.lock().is_paid(account)
    }

    /// Messages that wait for a transaction.
    pub(crate) fn depth(&self) -> usize {
        self.lock().ready().len()
    }

    /// Messages from `accepted` until they are final or have failed.
    pub(crate) fn live_items(&self) -> usize {
        self.lock().live()
    }

    /// Returns once everything written before the call survives a power cut.
    ///
    /// # Errors
    /// When the fsync fails: nothing of it may be told.
    pub(crate) async fn durable(&self) -> Result<(), StoreError> {
        let number = self.lock().written;
        if self.durable.load(Ordering::Acquire) < number {
            self.commits.durable().await?;
            self.durable.fetch_max(number, Ordering::AcqRel);
        }
        Ok(())
    }

    /// The record of a message for an answer that leaves the process: durable as it is returned.
    pub(crate) async fn settled(&self, relay_id: B256) -> Result<Option<Arc<Item>>, RelayerError> {
        let item = self.item(relay_id)?;
        if item.as_ref().is_some_and(|item| item.written > self.durable.load(Ordering::Acquire)) {
            self.durable().await?;
        }
        Ok(item)
    }

    /// Appends one write; gives its number.
    fn append(&self, table: &mut Table, entry: &Entry<'_>) -> Result<u64, RelayerError> {
        let number = table.written + 1;
        let payload = entry::bytes(number, entry)?;
        let bytes = payload.len();
        let appended = self.journal.append(&[(number, payload)]).map_err(StoreError::from);
        *lock(&self.full) = appended.as_ref().err().filter(|e| e.wants_room()).map(ToString::to_string);
        appended?;
        table.wrote(number, bytes);
        Ok(number)
    }

    /// Tries whether there is room again, by a write that changes nothing.
    pub(crate) fn try_room(&self) -> Result<(), RelayerError> {
        let mut table = self.lock();
        let nothing = Changes::default();
        let entry = Entry::of(&nothing.steps, &nothing, Timestamp(0), &table);
        self.append(&mut table, &entry).map(drop)
    }

    /// What is said of the disk while it has no room for what happens.
    pub(crate) fn full(&self) -> Option<String> {
        lock(&self.full).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics between two changes of the table that belong together.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn corrupt(tree: &'static str, key: &[u8], reason: &dyn std::fmt::Display) -> RelayerError {
    RelayerError::Corrupt { tree, key: alloy::primitives::hex::encode(key), reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
