//! The durable queue: every accepted message with its history, and the lanes' transactions.
//!
//! In: acceptances from intake, changes from the engine. Out: records, and what waits for a transaction. Both
//! writers go through one lock, and each write is one transaction over the trees, so that a killed process
//! leaves all of a change or nothing. What waits is kept in memory and made anew from the live index on open.
//!
//! | tree | key | value |
//! |---|---|---|
//! | `relay_items` | EIP-712 digest | [`Item`] |
//! | `relay_live` | contract ‖ signer ‖ nonce | digest of the one live message |
//! | `relay_ended` | [`retention::EndedKey`]: when it may be forgotten | nothing |
//! | `relay_transactions` | account ‖ nonce, big-endian | [`Transaction`] |

mod change;
pub(crate) mod record;
pub(crate) mod retention;
mod unsettled;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, B256};
use sled::Tree;
use tokio::sync::Notify;
use wia_protocol::Timestamp;
use wia_protocol::relay::State;
use wia_store::{Store, StoreError, sled};

use crate::RelayerError;
use crate::lane::batch::Candidate;
use crate::state::{Event, is_live, transition};
pub(crate) use change::Changes;
use record::{Detail, Item, Slot, Transaction};
use retention::EndedKey;
use unsettled::Unsettled;

const ITEMS: &str = "relay_items";
const LIVE: &str = "relay_live";
const ENDED: &str = "relay_ended";
const TRANSACTIONS: &str = "relay_transactions";

pub(crate) struct Queue {
    store: Store,
    items: Tree,
    live: Tree,
    ended: Tree,
    transactions: Tree,
    index: Mutex<Index>,
    /// Something new waits for a transaction.
    pub(crate) work: Notify,
    limits: Limits,
}

/// The most live messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) live: usize,
    pub(crate) live_per_signer: usize,
}

#[derive(Default)]
struct Index {
    live: usize,
    live_by_signer: HashMap<Address, usize>,
    /// Live messages that pay this account.
    live_by_payee: HashMap<Address, usize>,
    /// By the moment at which they are due, then by acceptance.
    ready: BTreeMap<(u64, u64), Candidate>,
    next_order: u64,
    /// Messages that have failed and are kept.
    failed: usize,
    unsettled: Unsettled,
}

/// One message of a write.
struct Written<'a> {
    relay_id: B256,
    /// `None` when it was not there.
    before: Option<Standing>,
    item: &'a Item,
    /// Whether it is there afterwards.
    kept: bool,
}

/// Where a record stands in the indexes.
#[derive(Clone, Copy)]
struct Standing {
    /// It holds its signer's nonce.
    live: bool,
    ended: Option<EndedKey>,
}

impl Standing {
    fn of(relay_id: B256, item: &Item) -> Self {
        Self { live: is_live(item.state()), ended: retention::ended_key(relay_id, item) }
    }

    fn has_failed(&self) -> bool {
        self.ended.is_some_and(|key| retention::is_failed(&key))
    }
}

/// What became of an attempt to accept a message.
pub(crate) enum Acceptance {
    /// Written, not yet durable.
    Written(Box<Item>),
    /// Here already, live or executed; perhaps not yet durable.
    Known,
    /// Another message holds the signer's nonce.
    NonceHeld(B256),
    /// The signer has too many live messages.
    SignerFull,
    /// The relayer has.
    Full,
}

/// Whether no message was ever kept in `store`.
pub(crate) fn is_empty(store: &Store) -> Result<bool, RelayerError> {
    Ok(store.tree(ITEMS)?.is_empty() && store.tree(TRANSACTIONS)?.is_empty())
}

impl Queue {
    pub(crate) fn open(store: &Store, limits: Limits) -> Result<Self, RelayerError> {
        let queue = Self {
            items: store.tree(ITEMS)?,
            live: store.tree(LIVE)?,
            ended: store.tree(ENDED)?,
            transactions: store.tree(TRANSACTIONS)?,
            store: store.clone(),
            index: Mutex::default(),
            work: Notify::new(),
            limits,
        };
        queue.load()?;
        Ok(queue)
    }

    fn load(&self) -> Result<(), RelayerError> {
        let mut index = self.lock();
        index.failed = self.count_failed()?;
        for entry in &self.live {
            let (_, digest) = entry.map_err(|e| self.refused(&e))?;
            let relay_id = B256::try_from(digest.as_ref()).map_err(|e| corrupt(LIVE, &digest, &e))?;
            let Some(item) = self.item(relay_id)? else { continue };
            index.next_order = index.next_order.max(item.order.saturating_add(1));
            index.count_live(&item, true);
            if item.state() == State::Accepted {
                index.ready.insert(ready_key(&item), Candidate::of(relay_id, &item));
            }
        }
        Ok(())
    }

    pub(crate) fn item(&self, relay_id: B256) -> Result<Option<Item>, RelayerError> {
        let bytes = self.items.get(relay_id).map_err(|e| self.refused(&e))?;
        bytes
            .map(|b| postcard::from_bytes(&b).map_err(|e| corrupt(ITEMS, relay_id.as_slice(), &e)))
            .transpose()
    }

    /// All transactions that may still change, by account and nonce.
    pub(crate) fn transactions(&self) -> Result<Vec<Transaction>, RelayerError> {
        let read = |entry: sled::Result<(sled::IVec, sled::IVec)>| {
            let (key, bytes) = entry.map_err(|e| self.refused(&e))?;
            postcard::from_bytes(&bytes).map_err(|e| corrupt(TRANSACTIONS, &key, &e))
        };
        self.transactions.iter().map(read).collect()
    }

    /// The digest of the live message with that nonce.
    pub(crate) fn holder(
        &self,
        contract: Address,
        signer: Address,
        nonce: B256,
    ) -> Result<Option<B256>, RelayerError> {
        let digest = self.live.get(live_key(contract, signer, nonce)).map_err(|e| self.refused(&e))?;
        digest.map(|d| B256::try_from(d.as_ref()).map_err(|e| corrupt(LIVE, &d, &e))).transpose()
    }

    /// The live messages of a signer, in the order of their acceptance.
    pub(crate) fn live_of(&self, contract: Address, signer: Address) -> Result<Vec<B256>, RelayerError> {
        let prefix = [contract.as_slice(), signer.as_slice()].concat();
        let mut found = Vec::new();
        for entry in self.live.scan_prefix(prefix) {
            let (_, digest) = entry.map_err(|e| self.refused(&e))?;
            let relay_id = B256::try_from(digest.as_ref()).map_err(|e| corrupt(LIVE, &digest, &e))?;
            if let Some(item) = self.item(relay_id)? {
                found.push((item.order, relay_id));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, relay_id)| relay_id).collect())
    }

    /// Writes a verified message, unless it or another one with its nonce is live. A message that failed
    /// before keeps its history and gets the new receipt. Not durable yet, and not offered to the lane.
    pub(crate) fn accept(
        &self,
        relay_id: B256,
        mut fresh: Item,
        now: Timestamp,
    ) -> Result<Acceptance, RelayerError> {
        let mut index = self.lock();
        let mut before = None;
        if let Some(known) = self.item(relay_id)? {
            if transition(known.state(), Event::Accept).is_err() {
                return Ok(Acceptance::Known);
            }
            before = Some(Standing::of(relay_id, &known));
            fresh.history = known.history;
        }
        let signer = fresh.message.signer();
        if let Some(holder) = self.holder(fresh.contract, signer, fresh.message.nonce())? {
            return Ok(Acceptance::NonceHeld(holder));
        }
        if index.live >= self.limits.live {
            return Ok(Acceptance::Full);
        }
        if index.live_by_signer.get(&signer).is_some_and(|n| *n >= self.limits.live_per_signer) {
            return Ok(Acceptance::SignerFull);
        }
        fresh.order = index.next_order;
        let step = fresh.push(State::Accepted, now, Detail::default());
        self.write(&mut index, &[Written { relay_id, before, item: &fresh, kept: true }], &[], &[])?;
        index.next_order += 1;
        index.count_live(&fresh, true);
        change::log(&step.update(relay_id));
        Ok(Acceptance::Written(Box::new(fresh)))
    }

    /// Takes back an acceptance that could not be made durable: nothing half-accepted stays.
    pub(crate) fn withdraw(&self, relay_id: B256) -> Result<(), RelayerError> {
        let mut index = self.lock();
        let Some(mut item) = self.item(relay_id)? else { return Ok(()) };
        if item.state() != State::Accepted || index.ready.contains_key(&ready_key(&item)) {
            return Ok(());
        }
        let before = Some(Standing::of(relay_id, &item));
        item.history.pop();
        let kept = !item.history.is_empty();
        self.write(&mut index, &[Written { relay_id, before, item: &item, kept }], &[], &[])?;
        index.count_live(&item, false);
        Ok(())
    }

    /// Offers a durable acceptance to the lane, unless the message has moved on: a block that was thought lost
    /// may have executed it meanwhile.
    pub(crate) fn offer(&self, relay_id: B256, item: &Item) -> Result<(), RelayerError> {
        let mut index = self.lock();
        let waits = |now: &Item| now.state() == State::Accepted && now.order == item.order;
        if self.item(relay_id)?.as_ref().is_some_and(waits) {
            index.ready.insert(ready_key(item), Candidate::of(relay_id, item));
            self.work.notify_one();
        }
        Ok(())
    }

    /// The first `limit` messages that wait and pass `eligible`, the most urgent first.
    pub(crate) fn waiting(&self, limit: usize, eligible: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        self.lock().ready.values().filter(|c| eligible(c)).take(limit).cloned().collect()
    }

    /// Messages that wait and whose deadline is not after `timestamp` (Unix seconds).
    pub(crate) fn overdue(&self, timestamp: u64) -> Vec<B256> {
        // None is due later than its deadline.
        let due = |index: &Index| -> Vec<B256> {
            let due = index.ready.range(..=(timestamp, u64::MAX)).map(|(_, c)| c);
            due.filter(|c| c.deadline <= timestamp).map(|c| c.relay_id).collect()
        };
        due(&self.lock())
    }

    /// Whether a live message pays this account: what it lacks may be on its way.
    pub(crate) fn is_paid(&self, account: Address) -> bool {
        self.lock().live_by_payee.contains_key(&account)
    }

    /// Messages that wait for a transaction.
    pub(crate) fn depth(&self) -> usize {
        self.lock().ready.len()
    }

    /// Messages from `accepted` until they are final or have failed.
    pub(crate) fn live_items(&self) -> usize {
        self.lock().live
    }

    /// One transaction over all trees. The index only notes that the messages are not durable yet.
    fn write(
        &self,
        index: &mut Index,
        messages: &[Written<'_>],
        put: &[&Transaction],
        remove: &[Slot],
    ) -> Result<(), RelayerError> {
        use sled::transaction::{ConflictableTransactionResult, TransactionError, Transactional};
        let mut item_writes = sled::Batch::default();
        let mut live_writes = sled::Batch::default();
        let mut ended_writes = sled::Batch::default();
        let mut transaction_writes = sled::Batch::default();
        for Written { relay_id, before, item, kept } in messages {
            let after = kept.then(|| Standing::of(*relay_id, item));
            if *kept {
                let bytes = postcard::to_stdvec(item).map_err(|e| corrupt(ITEMS, relay_id.as_slice(), &e))?;
                item_writes.insert(relay_id.as_slice(), bytes);
            } else {
                item_writes.remove(relay_id.as_slice());
            }
            let ended = |standing: Option<Standing>| standing.and_then(|s| s.ended);
            if ended(*before) != ended(after) {
                ended(*before).iter().for_each(|key| ended_writes.remove(key.as_slice()));
                ended(after).iter().for_each(|key| ended_writes.insert(key.as_slice(), &[]));
            }
            let live = |standing: Option<Standing>| standing.is_some_and(|s| s.live);
            if live(*before) == live(after) {
                continue;
            }
            let (signer, nonce) = (item.message.signer(), item.message.nonce());
            let holder = self.holder(item.contract, signer, nonce)?;
            let key = live_key(item.contract, signer, nonce);
            // After a reorg two messages may claim one nonce: the one that holds it keeps it.
            match (holder, live(after)) {
                (None, true) => live_writes.insert(key, relay_id.as_slice()),
                (Some(own), false) if own == *relay_id => live_writes.remove(key),
                _ => {}
            }
        }
        for transaction in put {
            let key = transaction.slot.key();
            let bytes = postcard::to_stdvec(transaction).map_err(|e| corrupt(TRANSACTIONS, &key, &e))?;
            transaction_writes.insert(&key, bytes);
        }
        for slot in remove {
            transaction_writes.remove(&slot.key());
        }
        let result = (&self.items, &self.live, &self.ended, &self.transactions).transaction(
            |(items, live, ended, transactions)| -> ConflictableTransactionResult<(), ()> {
                items.apply_batch(&item_writes)?;
                live.apply_batch(&live_writes)?;
                ended.apply_batch(&ended_writes)?;
                transactions.apply_batch(&transaction_writes)?;
                Ok(())
            },
        );
        result.map_err(|e| match e {
            TransactionError::Storage(e) => RelayerError::from(self.refused(&e)),
            TransactionError::Abort(()) => StoreError::Closed.into(),
        })?;
        index.unsettled.written(messages.iter().map(|m| m.relay_id));
        for Written { relay_id, before, item, kept } in messages {
            let after = kept.then(|| Standing::of(*relay_id, item));
            let failed = |standing: Option<Standing>| usize::from(standing.is_some_and(|s| s.has_failed()));
            index.failed = (index.failed + failed(after)).saturating_sub(failed(*before));
        }
        Ok(())
    }

    fn refused(&self, error: &sled::Error) -> StoreError {
        self.store.refused(error)
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // Nothing panics between two writes to the index that belong together.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn count_live(&mut self, item: &Item, more: bool) {
        let (signer, payee) = (item.message.signer(), item.message.payee());
        self.live = if more { self.live + 1 } else { self.live.saturating_sub(1) };
        count(&mut self.live_by_signer, signer, more);
        if let Some(payee) = payee.filter(|payee| *payee != signer) {
            count(&mut self.live_by_payee, payee, more);
        }
    }

    /// Follows one message from one state to another.
    fn follow(&mut self, relay_id: B256, item: &Item, before: Standing) {
        let after = item.state();
        if before.live != is_live(after) {
            self.count_live(item, is_live(after));
        }
        if after == State::Accepted {
            self.ready.insert(ready_key(item), Candidate::of(relay_id, item));
        } else {
            self.ready.remove(&ready_key(item));
        }
    }
}

fn count(counts: &mut HashMap<Address, usize>, account: Address, more: bool) {
    let n = counts.entry(account).or_default();
    *n = if more { *n + 1 } else { n.saturating_sub(1) };
    if *n == 0 {
        counts.remove(&account);
    }
}

fn ready_key(item: &Item) -> (u64, u64) {
    (item.due, item.order)
}

fn live_key(contract: Address, signer: Address, nonce: B256) -> Vec<u8> {
    [contract.as_slice(), signer.as_slice(), nonce.as_slice()].concat()
}

fn corrupt(tree: &'static str, key: &[u8], reason: &dyn std::fmt::Display) -> RelayerError {
    RelayerError::Corrupt { tree, key: alloy::primitives::hex::encode(key), reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
