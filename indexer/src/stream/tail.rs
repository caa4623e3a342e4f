//! The end of the log, as readers see it: how far it is published, and its last entries already decoded.
//!
//! In: entries that are durable. Out: a watch that wakes every reader, and a bounded ring that spares live readers
//! the store. There is no queue per reader, so none can overflow: whoever is slow reads further back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::IndexerError;
use crate::chain::block::Head;
use crate::log::Log;
use crate::log::entry::{Change, Entry, Offset};
use crate::stream::events::message::Shown;

/// Events that are kept decoded, unless the last entry alone has more: some 12 MB, and with their texts, of those that
/// readers asked for, some 50.
const RECENT_EVENTS: usize = 32_768;

/// How far the log is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Published {
    /// Entries below this offset may be read.
    pub(crate) end: Offset,
    /// The chain's head there.
    pub(crate) head: Option<Head>,
}

/// What readers share.
pub(crate) struct Tail {
    pub(crate) log: Log,
    recent: Mutex<Recent>,
    capacity: usize,
}

/// The last entries, and how many events they have.
#[derive(Default)]
struct Recent {
    entries: VecDeque<Arc<Shown>>,
    events: usize,
}

impl Recent {
    fn push(&mut self, entry: Entry, capacity: usize) {
        self.events += entry.block.events.len();
        self.entries.push_back(Arc::new(Shown::new(Arc::new(entry))));
        while self.entries.len() > capacity || (self.events > RECENT_EVENTS && self.entries.len() > 1) {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.events -= oldest.entry.block.events.len();
        }
    }
}

/// The engine's side: the only one that publishes. Readers learn of its end by its drop.
pub(crate) struct Publisher {
    tail: Arc<Tail>,
    published: watch::Sender<Published>,
}

impl Tail {
    /// The tail of a log whose content is durable, keeping up to `capacity` entries decoded.
    pub(crate) fn open(log: Log, capacity: usize) -> (Publisher, watch::Receiver<Published>) {
        let end = log.end();
        let tail = Arc::new(Self { log, recent: Mutex::default(), capacity });
        let (published, watching) =
            watch::channel(Published { end: end.offset, head: end.head.map(|(head, _)| head) });
        (Publisher { tail, published }, watching)
    }

    /// The entry at `offset`, which was there.
    pub(crate) fn entry(&self, offset: Offset) -> Result<Arc<Entry>, IndexerError> {
        Ok(self.shown(offset)?.entry.clone())
    }

    /// The same with its events written out as far as another reader asked for them.
    ///
    /// # Errors
    /// [`IndexerError::Forgotten`] when it is no longer kept.
    pub(crate) fn shown(&self, offset: Offset) -> Result<Arc<Shown>, IndexerError> {
        let recent = {
            let entries = &self.recent().entries;
            entries.binary_search_by_key(&offset, |e| e.entry.offset).ok().map(|i| entries[i].clone())
        };
        if let Some(shown) = recent {
            return Ok(shown);
        }
        match self.log.find(offset)? {
            Some(entry) => Ok(Arc::new(Shown::new(Arc::new(entry)))),
            None => match self.log.first_offset() {
                Some(oldest) if offset < oldest => {
                    Err(IndexerError::Forgotten { offset: offset.0, oldest: oldest.0 })
                }
                _ => Err(IndexerError::damaged(offset.0, "there is no entry")),
            },
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // Nobody panics while holding it; if somebody did, the ring is still a ring.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    pub(crate) fn tail(&self) -> &Arc<Tail> {
        &self.tail
    }

    /// Tells readers of durable entries; `head` is the chain's head after them.
    pub(crate) fn publish(&self, entries: Vec<Entry>, head: Option<Head>) {
        let Some(end) = entries.last().map(Entry::next_offset) else { return };
        let (mut commits, mut retractions, mut events) = (0, 0, 0);
        {
            let mut recent = self.tail.recent();
            // Those that would be pushed out again at once are not put in.
            let passing = entries.len().saturating_sub(self.tail.capacity);
            for (place, entry) in entries.into_iter().enumerate() {
                match entry.change {
                    Change::Committed => commits += 1,
                    Change::Retracted { .. } => retractions += 1,
                }
                events += entry.block.events.len() as u64;
                if place >= passing {
                    recent.push(entry, self.tail.capacity);
                }
            }
        }
        metrics::counter!("wia_indexer_blocks_total").increment(commits);
        metrics::counter!("wia_indexer_retracted_blocks_total").increment(retractions);
        metrics::counter!("wia_indexer_events_total").increment(events);
        self.published.send_replace(Published { end, head });
    }
}
