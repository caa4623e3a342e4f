//! Messages: one event, as every door of the indexer writes it.
//!
//! In: an entry and the place of an event in it. Out: one JSON object. What does not depend on the reader is written
//! once for all readers of a block and kept with the entry as long as the tail keeps that.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::depths::{HasEntry, Kind};
use crate::chain::catalog::Catalog;
use crate::chain::spelling::write_hex;
use crate::log::entry::{Entry, EventRecord};
use crate::stream::cursor::Cursor;
use crate::stream::notify::notification::notification;

/// An entry with its events written out, as far as somebody asked.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) entry: Arc<Entry>,
    block: OnceLock<BlockText>,
    bodies: Box<[OnceLock<Box<str>>]>,
}

/// What all events of a block have in common.
#[derive(Debug)]
struct BlockText {
    /// `chainId:blockHash:`
    id: String,
    /// Members from the chain to the time.
    members: String,
}

impl HasEntry for Shown {
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl Shown {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        let bodies = entry.block.events.iter().map(|_| OnceLock::new()).collect();
        Self { entry, block: OnceLock::new(), bodies }
    }

    fn body(&self, event: usize, context: &Context) -> &str {
        let block = self.block.get_or_init(|| BlockText::of(&self.entry, context.chain_id));
        self.bodies[event].get_or_init(|| body(&self.entry, event, block, context).into())
    }
}

/// What all messages of one indexer have in common.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) chain_id: u64,
    pub(crate) catalog: Arc<Catalog>,
}

/// One event as it is told.
#[derive(Debug, Clone)]
pub struct Message {
    kind: Kind,
    confirmations: u64,
    cursor: Cursor,
    chain_id: u64,
    shown: Arc<Shown>,
    event: usize,
}

impl Message {
    pub(crate) fn new(
        kind: Kind,
        confirmations: u64,
        cursor: Cursor,
        (shown, event): (Arc<Shown>, usize),
        context: &Context,
    ) -> Self {
        shown.body(event, context);
        Self { kind, confirmations, cursor, chain_id: context.chain_id, shown, event }
    }

    /// What it says.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Of how many blocks, its own included, the event's block was the lowest; 0 for a retraction.
    #[must_use]
    pub fn confirmations(&self) -> u64 {
        self.confirmations
    }

    /// Resume strictly after this message with it.
    #[must_use]
    pub fn cursor(&self) -> String {
        self.cursor.to_string()
    }

    /// `chainId:blockHash:logIndex`: the same in the retraction and the promotion.
    #[must_use]
    pub fn id(&self) -> String {
        id(self.chain_id, self.entry(), self.record())
    }

    /// The entry with the event's block.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.shown.entry
    }

    /// The event.
    #[must_use]
    pub fn record(&self) -> &EventRecord {
        &self.shown.entry.block.events[self.event]
    }

    /// The members of the JSON object, without its braces, to be written among others.
    #[must_use]
    pub fn members(&self) -> String {
        let mut text = String::with_capacity(self.body().len() + 96);
        self.write_members(&mut text);
        text
    }

    /// The JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let mut text = String::with_capacity(self.body().len() + 98);
        self.write_json(&mut text);
        text
    }

    /// Writes the JSON object.
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        self.write_members(out);
        out.push('}');
    }

    fn write_members(&self, out: &mut String) {
        let (kind, cursor, confirmations) = (self.kind.name(), self.cursor, self.confirmations);
        // A String takes everything.
        let _ = write!(out, r#""type":"{kind}","cursor":"{cursor}","confirmations":{confirmations},"#);
        out.push_str(self.body());
    }

    fn body(&self) -> &str {
        // `new` has had it written.
        self.shown.bodies[self.event].get().map_or("", |body| body)
    }
}

/// `chainId:blockHash:logIndex`
pub(crate) fn id(chain_id: u64, entry: &Entry, record: &EventRecord) -> String {
    format!("{chain_id}:{}:{}", entry.block.hash, record.log_index)
}

impl BlockText {
    fn of(entry: &Entry, chain_id: u64) -> Self {
        let block = &entry.block;
        let (hash, number, timestamp) = (block.hash, block.number.0, block.timestamp());
        Self {
            id: format!("{chain_id}:{hash}:"),
            members: format!(
                r#""chainId":{chain_id},"blockNumber":{number},"blockHash":"{hash}","timestamp":"{timestamp}""#
            ),
        }
    }
}

/// What is the same for every reader.
fn body(entry: &Entry, event: usize, of_block: &BlockText, context: &Context) -> String {
    let (block, record) = (&entry.block, &entry.block.events[event]);
    let catalog = &context.catalog;
    let transaction = block.transactions.get(record.transaction as usize).copied().unwrap_or_default();
    let mut text = String::with_capacity(1_024);
    // Nothing here can need escaping but what goes through serde_json. A String takes everything.
    let BlockText { id, members } = of_block;
    let index = record.log_index;
    let _ = write!(text, r#""id":"{id}{index}",{members},"transactionHash":""#);
    write_hex(transaction.as_slice(), &mut text);
    let _ = write!(text, r#"","logIndex":{index},"contract":""#);
    catalog.spell(record.contract, &mut text);
    text.push('"');
    if let Some(name) = catalog.name(record.contract) {
        let _ = write!(text, r#","contractName":{}"#, Value::from(name));
    }
    if let Some(decoded) = catalog.decode(record) {
        let (name, signature) = (decoded.name(), decoded.signature());
        let _ = write!(text, r#","event":"{name}","signature":"{signature}","arguments":"#);
        decoded.write_arguments(&mut text);
    }
    text += r#","topics":["#;
    for (place, topic) in record.topics.iter().enumerate() {
        text += if place == 0 { "\"" } else { ",\"" };
        write_hex(topic.as_slice(), &mut text);
        text.push('"');
    }
    text += r#"],"data":""#;
    write_hex(&record.data, &mut text);
    text.push('"');
    if let Some(notification) = notification(context.chain_id, catalog, entry, event) {
        let _ = write!(text, r#","notification":{}"#, notification.text());
    }
    text
}
