//! Questions about what is in the log now: pages of events, balances at a block, blocks, and how it stands.
//!
//! In: a filter and bounds. Out: answers of bounded size and work, about the chain as it stands; what left the chain is
//! in the streams alone. All of it reads the disk: call it where that may block.

use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use wia_abi::BlockNumber;

use crate::chain::block::Head;
use crate::health::Health;
use crate::log::entry::{Account, Entry, Offset};
use crate::log::index::Key;
use crate::stream::cursor::{self, Cursor};
use crate::stream::events::depths::Kind;
use crate::stream::events::filter::EventFilter;
use crate::stream::events::message::{Message, Shown};
use crate::stream::events::subscription::event_of;
use crate::{Indexer, IndexerError};

/// The most messages of one page.
pub const MAX_PAGE: usize = 1_000;

/// Looks at a balance between which the log grew, until it is given up.
const BALANCE_TRIES: usize = 16;

/// Entries that one page looks at; then it ends, full or not, and says where to go on.
const MAX_ENTRIES: usize = 20_000;

/// Which events of the chain as it stands.
#[derive(Debug, Clone, Default)]
pub struct EventQuery {
    /// Which.
    pub filter: EventFilter,
    /// Not below this block.
    pub from_block: Option<u64>,
    /// Not above this block.
    pub to_block: Option<u64>,
    /// Strictly after this place: `next` of the page before, or the cursor or id of a message.
    pub after: Option<String>,
    /// At most so many; bounded by [`MAX_PAGE`].
    pub limit: usize,
}

/// Some of the events.
#[derive(Debug)]
pub struct Page {
    /// In the order of the chain.
    pub messages: Vec<Message>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<String>,
}

/// A balance as of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The block after which it was so.
    pub block: Head,
    /// In the token's smallest unit.
    pub wei: U256,
}

/// How a block is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockId {
    /// The head.
    Latest,
    /// The one of that height on the chain as it stands.
    Number(u64),
    /// The one of that hash, on the chain or not.
    Hash(B256),
}

/// A block with its place.
#[derive(Debug, Clone)]
pub struct BlockView {
    /// The entry that commits it.
    pub entry: Arc<Entry>,
    /// Blocks from it to the head, itself included; 0 when it is not on the chain.
    pub confirmations: u64,
}

/// How the indexer stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// What it is doing.
    pub health: Health,
    /// Its head.
    pub head: Option<Head>,
    /// The oldest entry that is kept.
    pub first_offset: Option<Offset>,
    /// Where the next entry will stand.
    pub next_offset: Offset,
    /// Bytes of the log on disk.
    pub bytes: u64,
    /// Events of the chain as it stands, forgotten ones included.
    pub events: u64,
}

impl Indexer {
    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let log = &self.tail.log;
        Status {
            health: self.health(),
            head: self.head(),
            first_offset: log.first_offset(),
            next_offset: self.published.borrow().end,
            bytes: log.bytes(),
            events: log.events(),
        }
    }

    /// Some of the events that the query asks for, told as they are now.
    ///
    /// # Errors
    /// [`IndexerError::Cursor`]; [`IndexerError::Forgotten`] when `from_block` or the cursor is older than what is kept;
    /// [`IndexerError::Store`], [`IndexerError::Damaged`].
    pub fn page(&self, query: &EventQuery) -> Result<Page, IndexerError> {
        let Some(head) = self.head() else { return Ok(Page { messages: Vec::new(), next: None }) };
        let log = &self.tail.log;
        let end = self.published.borrow().end;
        let (mut at, mut seen) = self.page_start(query)?;
        let lowest = query.from_block.unwrap_or(0);
        let highest = query.to_block.unwrap_or(u64::MAX).min(head.number.0);
        let to = match self.canonical(highest)? {
            Some(last) => last.next_offset(),
            None => end,
        };
        let (groups, limit) = (query.filter.keys(), query.limit.clamp(1, MAX_PAGE));
        let mut page = Page { messages: Vec::new(), next: None };
        let mut looked_at = 0;
        while at < to {
            // Without a filter that the index knows: the next entry.
            let (candidates, next) = match groups.is_empty() {
                true => (vec![at], None),
                false => log.portion(&groups, at, to)?,
            };
            for offset in candidates {
                let shown = self.tail.shown(offset)?;
                at = shown.entry.next_offset();
                looked_at += 1;
                let number = shown.entry.block.number.0;
                if (lowest..=highest).contains(&number) && log.stands(&shown.entry)? {
                    let confirmations = head.number.0 - number + 1;
                    let after = seen.take().filter(|(entry, _)| *entry == offset).map(|(_, n)| n);
                    let told = self.told(&shown, after, confirmations, &query.filter);
                    for message in told {
                        if page.messages.len() == limit {
                            page.next = page.messages.last().map(Message::cursor);
                            return Ok(page);
                        }
                        page.messages.push(message);
                    }
                }
                if looked_at >= MAX_ENTRIES && at < to {
                    page.next = Some(Cursor { entry: at, n: None }.to_string());
                    return Ok(page);
                }
            }
            match next {
                Some(next) => at = next,
                None if groups.is_empty() => {}
                None => break,
            }
        }
        Ok(page)
    }

    /// What `account` had in `contract` after `block`, or has now.
    ///
    /// # Errors
    /// [`IndexerError::Filter`] when the contract's balances are not kept or the block is above the head;
    /// [`IndexerError::Forgotten`]; [`IndexerError::Store`], [`IndexerError::Damaged`].
    pub fn balance_at(
        &self,
        contract: Address,
        account: Address,
        block: Option<u64>,
    ) -> Result<Balance, IndexerError> {
        let refuse = |field, reason: String| Err(IndexerError::Filter { field, reason });
        if !self.terms.catalog.keeps_balances(contract) {
            return refuse("contract", format!("the balances of {contract} are not kept here"));
        }
        let log = &self.tail.log;
        let Some(head) = self.head() else {
            return refuse("block", "there is no block yet".into());
        };
        let number = block.unwrap_or(head.number.0);
        let (at, above) = match self.canonical(number)? {
            Some(entry) => (entry.block.head(), entry.next_offset()),
            None if number > head.number.0 => {
                return refuse("block", format!("{number} is above the head, {}", head.number));
            }
            None if number < log.first_block().0 => {
                return refuse("block", format!("{number} is below the first, {}", log.first_block()));
            }
            None => return Err(self.forgotten(Offset(0))),
        };
        let key = (contract, account);
        // A block that comes or goes meanwhile would mix two states: then again.
        for _ in 0..BALANCE_TRIES {
            let end = log.end().offset;
            let wei = self.balance_above(key, above)?;
            if log.end().offset == end {
                return Ok(Balance { block: at, wei });
            }
        }
        refuse(
            "block",
            "the log grows too fast to say what was before; ask again when it has caught up".into(),
        )
    }

    /// What the account had before the first entry from `above` on that stands and touched it; without any, what it
    /// has now.
    fn balance_above(&self, key: Account, above: Offset) -> Result<U256, IndexerError> {
        let log = &self.tail.log;
        // The first block above that touched it tells what it had before; if none did, it has that now.
        let touching = log.under(Key::Topic(key.1.into_word()))?;
        for offset in touching.into_iter().filter(|offset| *offset >= above) {
            let Some(entry) = log.find(offset)? else { continue };
            let opening = entry.block.opening.iter().find(|(touched, _)| *touched == key);
            if let Some((_, wei)) = opening
                && log.stands(&entry)?
            {
                return Ok(*wei);
            }
        }
        log.balance(key)
    }

    /// The block, `None` when there is none of that name, or no longer.
    ///
    /// # Errors
    /// [`IndexerError::Store`], [`IndexerError::Damaged`].
    pub fn block(&self, id: BlockId) -> Result<Option<BlockView>, IndexerError> {
        let Some(head) = self.head() else { return Ok(None) };
        let entry = match id {
            BlockId::Latest => self.canonical(head.number.0)?,
            BlockId::Number(number) => self.canonical(number)?,
            BlockId::Hash(hash) => self.tail.log.last_commit_of(hash)?,
        };
        let Some(entry) = entry else { return Ok(None) };
        let number = entry.block.number.0;
        let stands = self.tail.log.stands(&entry)?;
        let confirmations = if stands { (head.number.0 + 1).saturating_sub(number) } else { 0 };
        Ok(Some(BlockView { entry: Arc::new(entry), confirmations }))
    }

    /// Where a page begins, and what of the entry there was seen.
    fn page_start(&self, query: &EventQuery) -> Result<(Offset, Option<(Offset, u32)>), IndexerError> {
        let log = &self.tail.log;
        let oldest = log.first_offset().unwrap_or_default();
        if let Some(after) = &query.after {
            let Cursor { entry, n } = match after.contains(':') {
                true => self.cursor_of(after)?,
                false => Cursor::parse(after)?,
            };
            if entry < oldest {
                return Err(self.forgotten(entry));
            }
            let at_end = n.is_none() && entry == log.end().offset;
            if !at_end && log.find(entry)?.is_none() {
                return Err(cursor::unknown(after));
            }
            return Ok((entry, n.map(|n| (entry, n))));
        }
        match query.from_block {
            Some(number) if number > log.first_block().0 => match self.canonical(number)? {
                Some(entry) => Ok((entry.offset, None)),
                None if self.head().is_some_and(|head| number > head.number.0) => {
                    Ok((log.end().offset, None))
                }
                None => Err(self.forgotten(Offset(0))),
            },
            _ => Ok((oldest, None)),
        }
    }

    /// The place of the event of that id.
    fn cursor_of(&self, id: &str) -> Result<Cursor, IndexerError> {
        let found = event_of(&self.tail.log, id, self.terms.chain_id)?;
        let cursor = found.and_then(|(entry, event)| {
            Some(Cursor { entry: entry.offset, n: Some(u32::try_from(event).ok()?) })
        });
        cursor.ok_or_else(|| cursor::unknown(id))
    }

    fn told(
        &self,
        shown: &Arc<Shown>,
        after: Option<u32>,
        confirmations: u64,
        filter: &EventFilter,
    ) -> Vec<Message> {
        let context = self.context();
        let events = (0_u32..).zip(&shown.entry.block.events);
        let wanted = events.filter(|(n, record)| {
            after.is_none_or(|after| *n > after) && filter.lets_through(record, &context.catalog)
        });
        let message = |(n, _)| {
            let cursor = Cursor { entry: shown.entry.offset, n: Some(n) };
            Message::new(Kind::Event, confirmations, cursor, (shown.clone(), n as usize), &context)
        };
        wanted.map(message).collect()
    }

    fn canonical(&self, number: u64) -> Result<Option<Entry>, IndexerError> {
        self.tail.log.canonical(BlockNumber(number))
    }

    fn forgotten(&self, offset: Offset) -> IndexerError {
        let oldest = self.tail.log.first_offset().unwrap_or_default();
        IndexerError::Forgotten { offset: offset.0, oldest: oldest.0 }
    }
}
