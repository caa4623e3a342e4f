//! What may still change, in memory: messages that are live or ahead of the trees, the transactions, and their indexes.
//!
//! In: writes, in their order, whether they were just appended or are read again after a restart. Out: records, what
//! waits, and what the trees do not have yet. Pure: no clock, no disk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use serde::{Deserialize, Serialize};
use wia_protocol::Timestamp;
use wia_protocol::relay::{State, Update};

use super::change::{Change, take_step};
use super::record::{Item, Slot, Transaction};
use super::retention::{self, EndedKey};
use crate::intake::policy::Price;
use crate::lane::batch::Candidate;
use crate::state::{IllegalTransition, is_live};

/// A token, and the signer who paid in it.
pub(super) type Account = (Address, Address);

/// Of digests: fast, and seeded, because whoever signs chooses digests.
type Hashing = foldhash::fast::RandomState;

#[derive(Default)]
pub(super) struct Table {
    /// Number of the newest write.
    pub(super) written: u64,
    held: HashMap<B256, Held, Hashing>,
    transactions: BTreeMap<Slot, Transaction>,
    /// Live messages: contract, signer, nonce, order of acceptance. One nonce has more than one only after a reorg, and
    /// then the first holds it.
    holders: BTreeSet<(Address, Address, B256, u64, B256)>,
    live: usize,
    live_by_signer: HashMap<Address, usize>,
    /// Live messages that pay this account.
    live_by_payee: HashMap<Address, usize>,
    /// By the moment at which they are due, then by acceptance.
    ready: BTreeMap<(u64, u64, B256), Candidate>,
    next_order: u64,
    /// Those held here that have ended.
    ended: BTreeSet<EndedKey>,
    /// Messages that have failed and are kept, here or in the trees.
    failed: usize,
    credits: HashMap<Account, Credit>,
    /// Set aside for messages that are under way.
    reserved: HashMap<Account, U256>,
    /// The write up to which the credits had everything when they were read.
    credited: u64,
    /// What the trees do not have as it stands here.
    unsaved: HashSet<B256, Hashing>,
    unsaved_slots: BTreeSet<Slot>,
    unsaved_credits: BTreeSet<Account>,
    unsaved_bytes: u64,
}

/// What a signer has paid, and what his executed messages cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Credit {
    paid: U256,
    used: U256,
}

/// One message in memory.
struct Held {
    /// `None` when it is forgotten, and the trees may not know yet.
    item: Option<Arc<Item>>,
    /// How it stands in the trees; `None` when they do not have it.
    stored: Option<Standing>,
}

/// Where a record stands in the indexes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// It holds its signer's nonce.
    pub(super) live: bool,
    pub(super) ended: Option<EndedKey>,
    /// It waits for its execution, and its price is set aside.
    reserved: bool,
    /// A transaction of ours that stands in a block executed it. A stranger's proves no payment and cost us nothing.
    charged: bool,
}

/// What is on its way to the trees.
pub(super) struct Unsaved {
    /// All writes up to this one are in the trees afterwards.
    pub(super) through: u64,
    pub(super) messages: Vec<Unstored>,
    /// `None` when the trees are to forget it.
    pub(super) transactions: Vec<(Slot, Option<Transaction>)>,
    pub(super) credits: Vec<(Account, Credit)>,
    bytes: u64,
}

/// One message on its way to the trees.
#[derive(Clone)]
pub(super) struct Unstored {
    pub(super) relay_id: B256,
    /// `None` when the trees are to forget it.
    pub(super) item: Option<Arc<Item>>,
    pub(super) stored: Option<Standing>,
}

impl Unsaved {
    /// Of the journal.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Standing {
    pub(super) fn of(relay_id: B256, item: &Item) -> Self {
        let state = item.state();
        let executed = matches!(state, State::Mined | State::Final);
        // Only of our own transactions the place of the message in the batch is known.
        let ours = item.last().is_some_and(|step| step.detail.index.is_some());
        Self {
            live: is_live(state),
            ended: retention::ended_key(relay_id, item),
            reserved: is_live(state) && !executed,
            charged: executed && ours,
        }
    }

    fn has_failed(self) -> bool {
        self.ended.is_some_and(|key| retention::is_failed(&key))
    }
}

impl Table {
    /// Nothing in memory yet; the trees have all writes up to `written`, and so many messages that have failed.
    pub(super) fn new(written: u64, failed: usize) -> Self {
        Self { written, failed, ..Self::default() }
    }

    /// Takes a message over from the trees, unchanged; `live`: it has a key there among those that live, and waits if it
    /// can.
    pub(super) fn load(&mut self, relay_id: B256, item: Item, live: bool) {
        let standing = Standing::of(relay_id, &item);
        let stored = Some(Standing { live, ..standing });
        // In the count already.
        let failed = self.failed;
        self.next_order = self.next_order.max(item.order.saturating_add(1));
        self.held.insert(relay_id, Held { item: None, stored });
        self.set(relay_id, Some(Arc::new(item)), live);
        self.failed = failed;
        // What has ended is not in memory to stay: the next checkpoint lets it go.
        if standing.live {
            self.unsaved.remove(&relay_id);
        }
    }

    pub(super) fn load_transactions(&mut self, transactions: Vec<Transaction>) {
        self.transactions.extend(transactions.into_iter().map(|record| (record.slot, record)));
    }

    pub(super) fn load_credits(&mut self, credits: Vec<(Account, Credit)>, through: u64) {
        self.credits.extend(credits);
        self.credited = through;
    }

    /// What a signer has paid, less what his messages cost that were executed or are under way.
    pub(super) fn credit(&self, token: Address, signer: Address) -> U256 {
        let account = (token, signer);
        let Credit { paid, used } = self.credits.get(&account).copied().unwrap_or_default();
        let reserved = self.reserved.get(&account).copied().unwrap_or_default();
        paid.saturating_sub(used).saturating_sub(reserved)
    }

    /// The message, if it is in memory; `Some(None)` is one that was forgotten.
    pub(super) fn held(&self, relay_id: B256) -> Option<Option<Arc<Item>>> {
        self.held.get(&relay_id).map(|held| held.item.clone())
    }

    pub(super) fn is_held(&self, relay_id: B256) -> bool {
        self.held.contains_key(&relay_id)
    }

    pub(super) fn transactions(&self) -> impl Iterator<Item = &Transaction> {
        self.transactions.values()
    }

    pub(super) fn transaction(&self, slot: Slot) -> Option<&Transaction> {
        self.transactions.get(&slot)
    }

    pub(super) fn holder(&self, contract: Address, signer: Address, nonce: B256) -> Option<B256> {
        let first = self.holders.range((contract, signer, nonce, 0, B256::ZERO)..).next();
        let of_nonce = |live: &&(Address, Address, B256, u64, B256)| {
            (live.0, live.1, live.2) == (contract, signer, nonce)
        };
        first.filter(of_nonce).map(|live| live.4)
    }

    pub(super) fn live_of(&self, contract: Address, signer: Address) -> Vec<B256> {
        let from = (contract, signer, B256::ZERO, 0, B256::ZERO);
        let of_signer = self.holders.range(from..).take_while(|live| (live.0, live.1) == (contract, signer));
        let mut found: Vec<_> = of_signer.map(|live| (live.3, live.4)).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, relay_id)| relay_id).collect()
    }

    pub(super) fn live(&self) -> usize {
        self.live
    }

    pub(super) fn live_by(&self, signer: Address) -> usize {
        self.live_by_signer.get(&signer).copied().unwrap_or(0)
    }

    pub(super) fn is_paid(&self, account: Address) -> bool {
        self.live_by_payee.contains_key(&account)
    }

    pub(super) fn next_order(&self) -> u64 {
        self.next_order
    }

    /// One that was counted has not failed.
    pub(super) fn uncount_failed(&mut self) {
        self.failed = self.failed.saturating_sub(1);
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    /// Those held here that have ended, of one class, the first to go first.
    pub(super) fn ended(&self, from: EndedKey) -> impl Iterator<Item = &EndedKey> {
        self.ended.range(from..).take_while(move |key| key.first() == from.first())
    }

    /// What waits, the most urgent first.
    pub(super) fn ready(&self) -> impl ExactSizeIterator<Item = &Candidate> {
        self.ready.values()
    }

    pub(super) fn overdue(&self, timestamp: u64) -> Vec<B256> {
        // None is due later than its deadline.
        let due = self.ready.range(..=(timestamp, u64::MAX, B256::repeat_byte(0xff))).map(|(_, c)| c);
        due.filter(|c| c.deadline <= timestamp).map(|c| c.relay_id).collect()
    }

    /// A write was appended.
    pub(super) fn wrote(&mut self, number: u64, bytes: usize) {
        self.written = number;
        self.unsaved_bytes = self.unsaved_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Of the journal, since what was last taken for the trees.
    pub(super) fn unsaved_bytes(&self) -> u64 {
        self.unsaved_bytes
    }

    /// A message that is written and not offered yet.
    pub(super) fn accept(&mut self, relay_id: B256, mut item: Item, number: u64) -> Arc<Item> {
        item.written = number;
        self.next_order = self.next_order.max(item.order.saturating_add(1));
        let item = Arc::new(item);
        self.set(relay_id, Some(Arc::clone(&item)), false);
        item
    }

    /// Lets a message wait for a transaction; false when it has moved on since that acceptance.
    pub(super) fn offer(&mut self, relay_id: B256, order: u64) -> bool {
        let Some(item) = self.held(relay_id).flatten() else { return false };
        let waits = item.state() == State::Accepted && item.order == order;
        if waits {
            self.ready.insert(ready_key(relay_id, &item), Candidate::of(relay_id, &item));
        }
        waits
    }

    /// One step of a message; `None` when it is not in memory.
    pub(super) fn step(
        &mut self,
        change: &Change,
        at: Timestamp,
        number: u64,
    ) -> Result<Option<(Address, Update)>, IllegalTransition> {
        let Some(held) = self.held.get_mut(&change.relay_id) else { return Ok(None) };
        // Taken out, so that it is changed where it is.
        let Some(mut item) = held.item.take() else { return Ok(None) };
        let before = Standing::of(change.relay_id, &item);
        let stepped = take_step(Arc::make_mut(&mut item), change, at, number);
        let (signer, after) = (item.message.signer(), Standing::of(change.relay_id, &item));
        if number > self.credited {
            self.charge(&item, before.charged, after.charged);
        }
        self.follow(change.relay_id, [before, after], item, true);
        Ok(Some((signer, stepped?)))
    }

    /// Forgets a message.
    pub(super) fn forget(&mut self, relay_id: B256) {
        self.set(relay_id, None, false);
    }

    pub(super) fn put_transaction(&mut self, record: Transaction) {
        self.unsaved_slots.insert(record.slot);
        self.transactions.insert(record.slot, record);
    }

    pub(super) fn change_transaction(&mut self, slot: Slot, change: impl FnOnce(&mut Transaction)) {
        if let Some(record) = self.transactions.get_mut(&slot) {
            change(record);
            self.unsaved_slots.insert(slot);
        }
    }

    pub(super) fn remove_transaction(&mut self, slot: Slot) {
        self.unsaved_slots.insert(slot);
        self.transactions.remove(&slot);
    }

    /// Everything that the trees do not have.
    pub(super) fn take_unsaved(&mut self) -> Unsaved {
        let slots = std::mem::take(&mut self.unsaved_slots);
        let signers = std::mem::take(&mut self.unsaved_credits).into_iter();
        let messages = std::mem::take(&mut self.unsaved).into_iter().filter_map(|relay_id| {
            let held = self.held.get(&relay_id)?;
            Some(Unstored { relay_id, item: held.item.clone(), stored: held.stored })
        });
        let mut messages: Vec<_> = messages.collect();
        // Neighbours in the tree are written one after the other.
        messages.sort_unstable_by_key(|message| message.relay_id);
        let credits = signers.filter_map(|account| Some((account, *self.credits.get(&account)?))).collect();
        Unsaved {
            through: self.written,
            messages,
            transactions: slots.into_iter().map(|slot| (slot, self.transaction(slot).cloned())).collect(),
            credits,
            bytes: std::mem::take(&mut self.unsaved_bytes),
        }
    }

    /// The trees have it now: what ended and has not changed since leaves the memory.
    pub(super) fn saved(&mut self, saved: Unsaved) {
        for Unstored { relay_id, item, .. } in saved.messages {
            let standing = item.as_ref().map(|item| Standing::of(relay_id, item));
            let Some(held) = self.held.get_mut(&relay_id) else { continue };
            held.stored = standing;
            if standing.is_none_or(|s| !s.live) && !self.unsaved.contains(&relay_id) {
                self.held.remove(&relay_id);
                standing.and_then(|s| s.ended).iter().for_each(|key| {
                    self.ended.remove(key);
                });
            }
        }
    }

    /// The trees did not take it.
    pub(super) fn unsave(&mut self, refused: Unsaved) {
        self.unsaved.extend(refused.messages.iter().map(|message| message.relay_id));
        self.unsaved_slots.extend(refused.transactions.iter().map(|(slot, _)| *slot));
        self.unsaved_credits.extend(refused.credits.iter().map(|(signer, _)| *signer));
        self.unsaved_bytes = self.unsaved_bytes.saturating_add(refused.bytes);
    }

    fn set(&mut self, relay_id: B256, after: Option<Arc<Item>>, offer: bool) {
        let held = self.held.entry(relay_id).or_insert(Held { item: None, stored: None });
        let before = held.item.take();
        let standing = before.as_ref().map(|item| Standing::of(relay_id, item)).unwrap_or_default();
        if let Some(after) = after {
            self.follow(relay_id, [standing, Standing::of(relay_id, &after)], after, offer);
        } else if let Some(before) = before {
            self.unsaved.insert(relay_id);
            self.index(relay_id, &before, standing, Standing::default());
            self.ready.remove(&ready_key(relay_id, &before));
        } else if held.stored.is_none() {
            self.held.remove(&relay_id);
        }
    }

    /// Puts a changed message back, and follows its change in the indexes.
    fn follow(&mut self, relay_id: B256, [before, after]: [Standing; 2], item: Arc<Item>, offer: bool) {
        self.unsaved.insert(relay_id);
        self.index(relay_id, &item, before, after);
        if item.state() != State::Accepted {
            self.ready.remove(&ready_key(relay_id, &item));
        } else if offer {
            self.ready.insert(ready_key(relay_id, &item), Candidate::of(relay_id, &item));
        }
        if let Some(held) = self.held.get_mut(&relay_id) {
            held.item = Some(item);
        }
    }

    fn index(&mut self, relay_id: B256, item: &Item, before: Standing, after: Standing) {
        if before.live != after.live {
            self.count_live(relay_id, item, after.live);
        }
        if before.reserved != after.reserved {
            self.reserve(item, after.reserved);
        }
        if before.ended != after.ended {
            before.ended.iter().for_each(|key| {
                self.ended.remove(key);
            });
            self.ended.extend(after.ended);
            let failed = |standing: Standing| usize::from(standing.has_failed());
            self.failed = (self.failed + failed(after)).saturating_sub(failed(before));
        }
    }

    /// Sets the price of a message aside, or gives it back.
    fn reserve(&mut self, item: &Item, more: bool) {
        let price = item.price.reserved();
        if price.is_zero() {
            return;
        }
        let account = (item.price.token, item.message.signer());
        let reserved = self.reserved.entry(account).or_default();
        *reserved = if more { reserved.saturating_add(price) } else { reserved.saturating_sub(price) };
        if reserved.is_zero() {
            self.reserved.remove(&account);
        }
    }

    /// Takes the price of a message that was executed, or gives it back when it no longer is.
    fn charge(&mut self, item: &Item, before: bool, after: bool) {
        if before == after || item.price == Price::default() {
            return;
        }
        let Price { token, costs, pays } = item.price;
        let account = (token, item.message.signer());
        let Credit { paid, used } = self.credits.entry(account).or_default();
        (*paid, *used) = if after {
            (paid.saturating_add(pays), used.saturating_add(costs))
        } else {
            (paid.saturating_sub(pays), used.saturating_sub(costs))
        };
        self.unsaved_credits.insert(account);
    }

    fn count_live(&mut self, relay_id: B256, item: &Item, more: bool) {
        let (signer, payee) = (item.message.signer(), item.message.payee());
        self.live = if more { self.live + 1 } else { self.live.saturating_sub(1) };
        count(&mut self.live_by_signer, signer, more);
        if let Some(payee) = payee.filter(|payee| *payee != signer) {
            count(&mut self.live_by_payee, payee, more);
        }
        let key = (item.contract, signer, item.message.nonce(), item.order, relay_id);
        if more {
            self.holders.insert(key);
        } else {
            self.holders.remove(&key);
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

fn ready_key(relay_id: B256, item: &Item) -> (u64, u64, B256) {
    (item.due, item.order, relay_id)
}
