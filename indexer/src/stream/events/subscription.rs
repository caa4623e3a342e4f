//! A reader of the log's events with its own place in it. Replay and live are the same code, so there is no gap and no
//! double between them; what is told depends on the log alone, so a reader that resumes hears what one that never left
//! would have heard.
//!
//! In: the tail, a filter, depths, a place to start. Out: messages, those of one entry at a time.

use std::sync::Arc;

use alloy::primitives::B256;
use tokio::sync::watch;
use wia_protocol::indexer::MinConfirmations;

use super::depths::{Depths, Kind, Step};
use super::filter::EventFilter;
use super::message::{Context, Message, Shown};
use crate::IndexerError;
use crate::log::Log;
use crate::log::entry::{Entry, Offset};
use crate::stream::cursor::{self, Cursor};
use crate::stream::tail::{Published, Tail};

/// What a subscription hears, and when.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which events.
    pub filter: EventFilter,
    /// At which depth.
    pub min_confirmations: MinConfirmations,
    /// Whether also when what was told becomes final.
    pub promotions: bool,
}

impl Default for Wish {
    fn default() -> Self {
        let filter = EventFilter::default();
        Self { filter, min_confirmations: MinConfirmations::Blocks(1), promotions: true }
    }
}

/// Where an event subscription begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// With what becomes tellable from now on.
    Now,
    /// At the oldest entry that is kept.
    Oldest,
    /// Strictly after the message with that cursor or that id.
    After(String),
}

/// A subscription to events.
pub struct EventSubscription {
    tail: Arc<Tail>,
    published: watch::Receiver<Published>,
    context: Context,
    filter: EventFilter,
    depths: Depths<Shown>,
    next: Offset,
    /// Messages of the next entry up to and with this number were heard before.
    seen: Option<u32>,
    recovered: bool,
}

/// A place in the log: an entry, and how many of its messages were heard.
type Place = (Offset, Option<u32>);

impl EventSubscription {
    pub(crate) fn open(
        tail: Arc<Tail>,
        published: watch::Receiver<Published>,
        context: Context,
        final_confirmations: u64,
        wish: Wish,
        from: &From,
    ) -> Result<Self, IndexerError> {
        let deliver = match wish.min_confirmations {
            MinConfirmations::Blocks(blocks) => blocks,
            MinConfirmations::Finalized => final_confirmations,
        };
        let finalize = wish.promotions.then_some(final_confirmations);
        let depths = Depths::new(deliver, finalize);
        let next = published.borrow().end;
        let filter = wish.filter;
        let mut new = Self { tail, published, context, filter, depths, next, seen: None, recovered: true };
        let place = match from {
            From::Now => (next, None),
            From::Oldest => (new.oldest(), None),
            From::After(text) if text.contains(':') => new.after_event(text)?,
            From::After(text) => new.after_cursor(text)?,
        };
        (new.next, new.seen) = place;
        new.look_back()?;
        Ok(new)
    }

    /// False when what follows the cursor is no longer kept: the subscription begins with the oldest that is, and
    /// what lies between was missed.
    #[must_use]
    pub fn recovered(&self) -> bool {
        self.recovered
    }

    /// Where it stands: resuming after this cursor gives all that it would.
    #[must_use]
    pub fn cursor(&self) -> String {
        Cursor { entry: self.next, n: self.seen }.to_string()
    }

    /// The next messages that the filter lets through, all that one entry gives, at least one; waits for them.
    /// Cancel-safe.
    ///
    /// # Errors
    /// [`IndexerError::Stopped`] once the engine has ended and everything was read; [`IndexerError::Forgotten`] when
    /// retention has overtaken the reader; [`IndexerError::Store`] or [`IndexerError::Damaged`] when the log cannot be
    /// read.
    pub async fn next(&mut self) -> Result<Vec<Message>, IndexerError> {
        loop {
            let end = self.published.borrow_and_update().end;
            if self.next < end {
                let messages = self.read_entry()?;
                if !messages.is_empty() {
                    return Ok(messages);
                }
                // A long replay that the filter empties must not keep the thread to itself.
                tokio::task::consume_budget().await;
            } else {
                self.published.changed().await.map_err(|_| IndexerError::Stopped)?;
            }
        }
    }

    fn read_entry(&mut self) -> Result<Vec<Message>, IndexerError> {
        let entry = self.tail.shown(self.next)?;
        let (offset, next) = (entry.entry.offset, entry.entry.next_offset());
        let steps = self.depths.take(entry);
        let seen = self.seen.take();
        let mut messages = Vec::new();
        for (n, kind, confirmations, shown, event) in told(&steps) {
            let record = &shown.entry.block.events[event];
            if seen.is_some_and(|seen| n <= seen) || !self.filter.lets_through(record, &self.context.catalog)
            {
                continue;
            }
            let cursor = Cursor { entry: offset, n: Some(n) };
            messages.push(Message::new(kind, confirmations, cursor, (shown.clone(), event), &self.context));
        }
        self.next = next;
        Ok(messages)
    }

    fn oldest(&self) -> Offset {
        self.tail.log.first_offset().unwrap_or(self.next)
    }

    /// What is older than everything that is kept.
    fn missed(&mut self) -> Place {
        self.recovered = false;
        (self.oldest(), None)
    }

    fn after_cursor(&mut self, text: &str) -> Result<Place, IndexerError> {
        let Cursor { entry, n } = Cursor::parse(text)?;
        if entry == self.next && n.is_none() {
            return Ok((entry, None));
        }
        if entry < self.oldest() {
            return Ok(self.missed());
        }
        if entry > self.next || self.tail.log.find(entry)?.is_none() {
            return Err(cursor::unknown(text));
        }
        Ok((entry, n))
    }

    /// The place after the message that told the event of that id. If it was told several times (its block came back),
    /// after the last; if it never was, where it would have been.
    fn after_event(&mut self, text: &str) -> Result<Place, IndexerError> {
        let Some((committed, event)) = event_of(&self.tail.log, text, self.context.chain_id)? else {
            return if self.oldest() > Offset(0) { Ok(self.missed()) } else { Err(cursor::unknown(text)) };
        };
        let hash = committed.block.hash;
        let mut ahead = self.depths.afresh();
        let mut at = committed.offset;
        while at < self.next {
            let entry = self.tail.shown(at)?;
            let next = entry.entry.next_offset();
            let steps = ahead.take(entry);
            let told = told(&steps).into_iter().find(|(_, kind, _, shown, place)| {
                *kind == Kind::Event && *place == event && shown.entry.block.hash == hash
            });
            if let Some((n, ..)) = told {
                return Ok((at, Some(n)));
            }
            at = next;
        }
        Ok((committed.offset, None))
    }

    /// Brings the depths to where they are before the next entry.
    fn look_back(&mut self) -> Result<(), IndexerError> {
        let log = &self.tail.log;
        let Some(last) = log.before(self.next)? else { return Ok(()) };
        let mut lowest = if last.is_retraction() {
            log.committed_before(last.block.parent_hash, last.offset)?
        } else {
            Some(last)
        };
        for _ in 1..self.depths.blocks() {
            let Some(block) = &lowest else { break };
            if block.block.number <= log.first_block() {
                break;
            }
            match log.committed_before(block.block.parent_hash, block.offset)? {
                Some(parent) => lowest = Some(parent),
                // Below what is still kept.
                None => break,
            }
        }
        let mut at = lowest.map_or(self.next, |entry| entry.offset);
        while at < self.next {
            let entry = self.tail.shown(at)?;
            at = entry.entry.next_offset();
            self.depths.take(entry);
        }
        Ok(())
    }
}

/// All that the steps of one entry tell, numbered. The numbers do not depend on the filter, and those of events not on
/// whether promotions are wanted.
fn told(steps: &[Step<Shown>]) -> Vec<(u32, Kind, u64, &Arc<Shown>, usize)> {
    let mut all = Vec::new();
    let mut n = 0;
    for Step { kind, confirmations, block } in steps {
        let count = block.entry.block.events.len();
        for place in 0..count {
            // What happened last is taken back first.
            let event = if *kind == Kind::Retracted { count - 1 - place } else { place };
            all.push((n, *kind, *confirmations, block, event));
            n += 1;
        }
    }
    all
}

/// The entry that last committed the event of that id, and its place there; `None` when its block is not in the log.
pub(crate) fn event_of(log: &Log, id: &str, chain_id: u64) -> Result<Option<(Entry, usize)>, IndexerError> {
    let (hash, log_index) = read_id(id, chain_id)?;
    let Some(entry) = log.last_commit_of(hash)? else { return Ok(None) };
    let event = entry.block.events.iter().position(|event| event.log_index == log_index);
    event.map(|event| Some((entry, event))).ok_or_else(|| cursor::unknown(id))
}

/// Reads `chainId:blockHash:logIndex` of our chain.
fn read_id(text: &str, chain_id: u64) -> Result<(B256, u64), IndexerError> {
    let read = || {
        let mut parts = text.split(':');
        let (chain, hash, index) = (parts.next()?, parts.next()?, parts.next()?);
        let ours = chain.parse::<u64>().ok()? == chain_id && parts.next().is_none();
        Some((hash.parse().ok()?, index.parse().ok()?)).filter(|_| ours)
    };
    read().ok_or_else(|| cursor::refuse(text, "is neither the cursor nor the id of a message of this chain"))
}
