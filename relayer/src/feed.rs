//! The steps of messages, to whoever watches them.
//!
//! In: updates, once they are durable. Out: [`Updates`], each with a bounded queue of its own
//! ([`Config::watch_capacity`](crate::Config::watch_capacity)): a reader that is slower is cut, never waited
//! for, and may watch again. A watch is registered before its history is read, so nothing falls between; and
//! history is read message by message as the reader takes it, so that a watch of many holds the steps of one.
//! How many there may be, in all and of one origin, is bounded apart for watches and for waiting questions.

mod places;
mod recent;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use alloy::primitives::{Address, B256};
use tokio::sync::mpsc;
use wia_protocol::relay::{Update, Watch};

use crate::Origin;
use crate::shared::Shared;
pub(crate) use places::Bounds;
use places::Places;
pub use recent::{BlockCounts, Recent, Steps};

/// Who watches what.
pub(crate) struct Feed {
    registry: Arc<Mutex<Registry>>,
    capacity: usize,
}

/// What a registration counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A watch, open for as long as its reader likes.
    Watch,
    /// A question that waits for one step.
    Wait,
}

struct Registry {
    next_key: u64,
    closed: bool,
    recent: Recent,
    watches: Places,
    waits: Places,
    watchers: HashMap<u64, Watcher>,
    by_id: HashMap<B256, Vec<u64>>,
    by_signer: HashMap<Address, Vec<u64>>,
}

struct Watcher {
    watch: Watch,
    kind: Kind,
    origin: Origin,
    queue: mpsc::Sender<Update>,
    lagged: Arc<AtomicBool>,
}

/// The steps of the messages that a watch named: first what has happened, then what happens.
///
/// Dropping it ends the watch.
pub struct Updates {
    /// Messages whose history is not read yet.
    past: VecDeque<B256>,
    /// Where it is read.
    records: Weak<Shared>,
    /// Steps that were read.
    history: VecDeque<Update>,
    /// The first sequence that the history does not hold, until it comes.
    expected: HashMap<B256, u32>,
    live: mpsc::Receiver<Update>,
    lagged: Arc<AtomicBool>,
    registration: Registration,
}

struct Registration {
    key: u64,
    registry: Arc<Mutex<Registry>>,
}

/// There are as many as there may be.
pub(crate) struct NoPlace;

impl Feed {
    pub(crate) fn new(capacity: usize, watches: Bounds, waits: Bounds) -> Self {
        let registry = Registry {
            next_key: 0,
            closed: false,
            recent: Recent::default(),
            watches: Places::new(watches),
            waits: Places::new(waits),
            watchers: HashMap::new(),
            by_id: HashMap::new(),
            by_signer: HashMap::new(),
        };
        Self { registry: Arc::new(Mutex::new(registry)), capacity: capacity.max(1) }
    }

    /// Begins to collect what happens. The caller names the history that is to come before it.
    pub(crate) fn register(&self, watch: Watch, kind: Kind, origin: &Origin) -> Result<Updates, NoPlace> {
        let (queue, live) = mpsc::channel(self.capacity);
        let lagged = Arc::new(AtomicBool::new(false));
        let origin = origin.key();
        let mut registry = lock(&self.registry);
        if !registry.closed && !registry.places(kind).take(&origin) {
            return Err(NoPlace);
        }
        let key = registry.next_key;
        registry.next_key += 1;
        // Of a closed feed the queue's sender is dropped at once: the history is all there is.
        if !registry.closed {
            match &watch {
                Watch::Ids(ids) => {
                    ids.iter().for_each(|id| registry.by_id.entry(*id).or_default().push(key));
                }
                Watch::Signer(signer) => registry.by_signer.entry(*signer).or_default().push(key),
            }
            registry
                .watchers
                .insert(key, Watcher { watch, kind, origin, queue, lagged: Arc::clone(&lagged) });
        }
        let registration = Registration { key, registry: Arc::clone(&self.registry) };
        Ok(Updates {
            past: VecDeque::new(),
            records: Weak::new(),
            history: VecDeque::new(),
            expected: HashMap::new(),
            live,
            lagged,
            registration,
        })
    }

    /// Hands a step of one of `signer`'s messages to all who watch it, and counts it.
    pub(crate) fn publish(&self, signer: Address, update: &Update) {
        let mut registry = lock(&self.registry);
        registry.recent.note(update);
        let named = registry.by_id.get(&update.relay_id).into_iter();
        let named = named.chain(registry.by_signer.get(&signer)).flatten();
        let mut cut = Vec::new();
        for key in named {
            let Some(watcher) = registry.watchers.get(key) else { continue };
            if watcher.queue.try_send(update.clone()).is_err() {
                watcher.lagged.store(true, Ordering::Release);
                cut.push(*key);
            }
        }
        cut.into_iter().for_each(|key| registry.remove(key));
    }

    /// What was published of late.
    pub(crate) fn recent(&self) -> Recent {
        lock(&self.registry).recent.clone()
    }

    /// Ends all watches, after what they have queued.
    pub(crate) fn close(&self) {
        let mut registry = lock(&self.registry);
        registry.closed = true;
        let open: Vec<u64> = registry.watchers.keys().copied().collect();
        open.into_iter().for_each(|key| registry.remove(key));
    }
}

impl Registry {
    fn places(&mut self, kind: Kind) -> &mut Places {
        match kind {
            Kind::Watch => &mut self.watches,
            Kind::Wait => &mut self.waits,
        }
    }

    fn remove(&mut self, key: u64) {
        let Some(watcher) = self.watchers.remove(&key) else { return };
        self.places(watcher.kind).give_back(&watcher.origin);
        match watcher.watch {
            Watch::Ids(ids) => ids.into_iter().for_each(|id| forget(&mut self.by_id, id, key)),
            Watch::Signer(signer) => forget(&mut self.by_signer, signer, key),
        }
    }
}

fn forget<K: std::hash::Hash + Eq>(keys: &mut HashMap<K, Vec<u64>>, name: K, key: u64) {
    if let Some(list) = keys.get_mut(&name) {
        list.retain(|k| *k != key);
        if list.is_empty() {
            keys.remove(&name);
        }
    }
}

fn lock(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Updates {
    /// Puts the histories of these messages before what is collected; each is read when its turn comes.
    pub(crate) fn begin_with(&mut self, messages: Vec<B256>, records: Weak<Shared>) {
        self.past = messages.into();
        self.records = records;
    }

    /// Puts the steps of one message, oldest first, before what is collected.
    fn precede(&mut self, steps: Vec<Update>) {
        if let Some(last) = steps.last() {
            self.expected.insert(last.relay_id, last.sequence.saturating_add(1));
        }
        self.history.extend(steps);
    }

    /// The next step; waits for it. `None` once the watch is over: the reader was cut for being slower than
    /// its bounded queue ([`Updates::lagged`]), or the relayer ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            if let Some(update) = self.history.pop_front() {
                return Some(update);
            }
            let Some(relay_id) = self.past.front().copied() else { break };
            // A watch keeps no relayer alive: without one there is no history either.
            let item = match self.records.upgrade() {
                Some(shared) => shared.queue.settled(relay_id).await,
                None => Ok(None),
            };
            match item {
                Ok(item) => {
                    self.past.pop_front();
                    self.precede(item.map(|item| item.updates(relay_id)).unwrap_or_default());
                }
                Err(error) => {
                    tracing::error!(%relay_id, %error, "a history could not be read; its watch ends");
                    return None;
                }
            }
        }
        loop {
            let update = self.live.recv().await?;
            match self.expected.get(&update.relay_id) {
                Some(expected) if update.sequence < *expected => {}
                Some(_) => {
                    self.expected.remove(&update.relay_id);
                    return Some(update);
                }
                None => return Some(update),
            }
        }
    }

    /// Whether the watch was cut because the reader was too slow. It may watch again: history comes first.
    #[must_use]
    pub fn lagged(&self) -> bool {
        self.lagged.load(Ordering::Acquire)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        lock(&self.registry).remove(self.key);
    }
}

impl std::fmt::Debug for Updates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Updates").field("watch", &self.registration.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
