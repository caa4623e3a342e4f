//! A subscription tails the log: it reads entries from its place to the published end, then waits for more.
//! Replay and live are the same code, so there is no gap and no double between them.
//!
//! In: the tail, a filter, a place to start. Out: pushes in log order, each with the cursor to resume after.
//! The blocks below the current one are read back from the log by parent hash as it was at that point, so a replay
//! says exactly what live said.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use crate::IndexerError;
use crate::log::entry::{Change, Entry, Offset};
use crate::stream::cursor::{self, Cursor};
use crate::stream::notify::{self, Filter, Push, Terms};
use crate::stream::tail::{Published, Tail};

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With what happens from now on.
    Now,
    /// Strictly after the push with that cursor.
    After(String),
}

/// A reader of the log with its own place in it. Memory: the last few blocks, shared with other readers.
pub struct Subscription {
    tail: Arc<Tail>,
    published: watch::Receiver<Published>,
    terms: Terms,
    filter: Filter,
    next: Offset,
    /// Pushes of the next entry up to and with this number were seen before.
    seen: Option<u32>,
    /// Blocks below the next entry on its branch, lowest first.
    below: VecDeque<Arc<Entry>>,
    ready: VecDeque<Push>,
}

impl Subscription {
    pub(crate) fn open(
        tail: Arc<Tail>,
        published: watch::Receiver<Published>,
        terms: Terms,
        filter: Filter,
        start: &Start,
    ) -> Result<Self, IndexerError> {
        let next = published.borrow().end;
        let (below, ready) = (VecDeque::new(), VecDeque::new());
        let mut new = Self { tail, published, terms, filter, next, seen: None, below, ready };
        if let Start::After(text) = start {
            new.resume_after(text)?;
        }
        Ok(new)
    }

    fn resume_after(&mut self, text: &str) -> Result<(), IndexerError> {
        const UNKNOWN: &str = "is not of this log; subscribe without a cursor to start from now";
        let cursor = Cursor::parse(text)?;
        if cursor.n.is_none() && cursor.entry == self.next {
            return Ok(());
        }
        let found = if cursor.entry < self.next { self.tail.log.find(cursor.entry)? } else { None };
        let entry = found.ok_or_else(|| cursor::refuse(text, UNKNOWN))?;
        self.arrive_below(&entry)?;
        if let Some(n) = cursor.n
            && n as usize >= notify::count(&entry, self.below.make_contiguous())
        {
            return Err(cursor::refuse(text, UNKNOWN));
        }
        self.next = cursor.entry;
        self.seen = cursor.n;
        Ok(())
    }

    /// Where a subscription that has given no push yet stands: resuming after this cursor gives all that it would.
    #[must_use]
    pub fn cursor(&self) -> String {
        Cursor { entry: self.next, n: self.seen }.to_string()
    }

    /// The next push that the filter lets through; waits for it. Cancel-safe: nothing is lost when the future is
    /// dropped.
    ///
    /// # Errors
    /// [`IndexerError::Stopped`] once the engine has ended and everything was read; [`IndexerError::Store`] or
    /// [`IndexerError::Damaged`] when the log cannot be read.
    pub async fn next(&mut self) -> Result<Push, IndexerError> {
        loop {
            if let Some(push) = self.ready.pop_front() {
                return Ok(push);
            }
            let end = self.published.borrow_and_update().end;
            if self.next < end {
                self.read_entry()?;
                // A long replay that the filter empties must not keep the thread to itself.
                tokio::task::consume_budget().await;
            } else {
                self.published.changed().await.map_err(|_| IndexerError::Stopped)?;
            }
        }
    }

    fn read_entry(&mut self) -> Result<(), IndexerError> {
        let entry = self.tail.entry(self.next)?;
        self.arrive_below(&entry)?;
        let seen = self.seen.take();
        let pushes = notify::pushes(&self.terms, &entry, self.below.make_contiguous(), &self.filter);
        self.ready.extend(pushes.into_iter().filter(|(n, _)| seen.is_none_or(|s| *n > s)).map(|(_, p)| p));
        self.next = entry.next_offset();
        if entry.change == Change::Committed {
            self.below.push_back(entry);
        }
        Ok(())
    }

    /// Makes `below` what lies below `entry`: nothing to do for the child of the last block, reads what is missing
    /// after a reorganisation or at the start.
    fn arrive_below(&mut self, entry: &Entry) -> Result<(), IndexerError> {
        if matches!(entry.change, Change::Retracted { .. }) {
            self.below.pop_back_if(|b| b.block.hash == entry.block.hash);
            return Ok(());
        }
        let depth = usize::try_from(self.terms.final_confirmations - 1).unwrap_or(usize::MAX);
        if self.below.back().is_some_and(|b| b.block.hash != entry.block.parent_hash) {
            self.below.clear();
        }
        while self.below.len() > depth {
            self.below.pop_front();
        }
        while self.below.len() < depth {
            let lowest = self.below.front().map_or(&entry.block, |e| &e.block);
            if lowest.number <= self.tail.log.first_block() {
                break;
            }
            let from = self.below.front().map_or(entry.offset, |e| e.offset);
            let Some(parent) = self.tail.log.committed_before(lowest.parent_hash, from)? else {
                // Below what is still kept.
                break;
            };
            self.below.push_front(Arc::new(parent));
        }
        Ok(())
    }
}
