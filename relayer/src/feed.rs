//! The steps of messages, to whoever watches them.
//!
//! In: updates, once they are durable. Out: [`Updates`], each with a bounded queue of its own
//! ([`Config::watch_capacity`](crate::Config::watch_capacity)): a reader that is slower is cut, never waited
//! for, and may watch again. A watch is registered before its history is read, so nothing falls between.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy::primitives::{Address, B256};
use tokio::sync::mpsc;
use wia_protocol::relay::{Update, Watch};

/// Who watches what.
pub(crate) struct Feed {
    registry: Arc<Mutex<Registry>>,
    capacity: usize,
    max_watches: usize,
}

#[derive(Default)]
struct Registry {
    next_key: u64,
    closed: bool,
    watchers: HashMap<u64, Watcher>,
    by_id: HashMap<B256, Vec<u64>>,
    by_signer: HashMap<Address, Vec<u64>>,
}

struct Watcher {
    watch: Watch,
    queue: mpsc::Sender<Update>,
    lagged: Arc<AtomicBool>,
}

/// The steps of the messages that a watch named: first what has happened, then what happens.
///
/// Dropping it ends the watch.
pub struct Updates {
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

/// There are as many watches as there may be.
pub(crate) struct TooManyWatches;

impl Feed {
    pub(crate) fn new(capacity: usize, max_watches: usize) -> Self {
        Self { registry: Arc::default(), capacity: capacity.max(1), max_watches }
    }

    /// Begins to collect what happens. The caller adds the history that it reads afterwards.
    pub(crate) fn register(&self, watch: Watch) -> Result<Updates, TooManyWatches> {
        let (queue, live) = mpsc::channel(self.capacity);
        let lagged = Arc::new(AtomicBool::new(false));
        let mut registry = lock(&self.registry);
        if registry.watchers.len() >= self.max_watches {
            return Err(TooManyWatches);
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
            registry.watchers.insert(key, Watcher { watch, queue, lagged: Arc::clone(&lagged) });
        }
        let registration = Registration { key, registry: Arc::clone(&self.registry) };
        Ok(Updates { history: VecDeque::new(), expected: HashMap::new(), live, lagged, registration })
    }

    /// Hands a step of one of `signer`'s messages to all who watch it.
    pub(crate) fn publish(&self, signer: Address, update: &Update) {
        let mut registry = lock(&self.registry);
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

    /// Ends all watches, after what they have queued.
    pub(crate) fn close(&self) {
        let mut registry = lock(&self.registry);
        *registry = Registry { closed: true, next_key: registry.next_key, ..Registry::default() };
    }
}

impl Registry {
    fn remove(&mut self, key: u64) {
        let Some(watcher) = self.watchers.remove(&key) else { return };
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
    /// Puts the steps of one message, oldest first, before what is collected.
    pub(crate) fn precede(&mut self, steps: Vec<Update>) {
        if let Some(last) = steps.last() {
            self.expected.insert(last.relay_id, last.sequence.saturating_add(1));
        }
        self.history.extend(steps);
    }

    /// The next step; waits for it. `None` once the watch is over: the reader was cut for being slower than
    /// its bounded queue ([`Updates::lagged`]), or the relayer ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Update> {
        if let Some(update) = self.history.pop_front() {
            return Some(update);
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
mod tests {
    use wia_protocol::Timestamp;
    use wia_protocol::relay::State;

    use super::*;

    const SIGNER: Address = Address::repeat_byte(1);

    fn update(id: u8, sequence: u32) -> Update {
        Update {
            relay_id: B256::repeat_byte(id),
            status: State::Accepted,
            sequence,
            updated_at: Timestamp(0),
            tx_hash: None,
            block: None,
            index: None,
            confirmations: None,
            reason: None,
            refusal: None,
        }
    }

    fn feed(capacity: usize) -> Feed {
        Feed::new(capacity, 2)
    }

    #[tokio::test]
    async fn history_then_live_without_gap_or_double() {
        let feed = feed(8);
        let mut updates = feed.register(Watch::Ids(vec![B256::repeat_byte(7)])).ok().unwrap();
        // These two are in the history already when it is read.
        feed.publish(SIGNER, &update(7, 0));
        feed.publish(SIGNER, &update(7, 1));
        updates.precede(vec![update(7, 0), update(7, 1)]);
        feed.publish(SIGNER, &update(8, 0));
        feed.publish(SIGNER, &update(7, 2));
        feed.close();
        let mut seen = Vec::new();
        while let Some(update) = updates.next().await {
            seen.push((update.relay_id[0], update.sequence));
        }
        assert_eq!(seen, [(7, 0), (7, 1), (7, 2)]);
        assert!(!updates.lagged());
    }

    #[tokio::test]
    async fn a_slow_reader_is_cut_and_told_so() {
        let feed = feed(1);
        let mut updates = feed.register(Watch::Signer(SIGNER)).ok().unwrap();
        for sequence in 0..3 {
            feed.publish(SIGNER, &update(7, sequence));
        }
        assert_eq!(updates.next().await.unwrap().sequence, 0);
        assert_eq!(updates.next().await, None);
        assert!(updates.lagged());
    }

    #[tokio::test]
    async fn watches_are_bounded_and_end_when_dropped() {
        let feed = feed(1);
        let first = feed.register(Watch::Signer(SIGNER)).ok().unwrap();
        let _second = feed.register(Watch::Ids(vec![B256::ZERO])).ok().unwrap();
        assert!(feed.register(Watch::Signer(SIGNER)).is_err());
        drop(first);
        assert!(feed.register(Watch::Signer(SIGNER)).is_ok());
        assert!(lock(&feed.registry).by_signer.is_empty());
    }
}
