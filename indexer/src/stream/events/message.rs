//! Messages: one event, as every door of the indexer writes it.
//!
//! In: an entry and the place of an event in it. Out: one JSON object. What does not depend on the reader is written
//! once for all readers of a block and kept with the entry as long as the tail keeps that.

use std::fmt::Write;
use std::sync::{Arc, OnceLock};

use alloy::hex;
use serde_json::Value;

use super::depths::{HasEntry, Kind};
use crate::chain::catalog::Catalog;
use crate::log::entry::{Entry, EventRecord};
use crate::stream::cursor::Cursor;
use crate::stream::notify::notification::notification;

/// An entry with its events written out, as far as somebody asked.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) entry: Arc<Entry>,
    bodies: Box<[OnceLock<Box<str>>]>,
}

impl HasEntry for Shown {
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl Shown {
    pub(crate) fn new(entry: Arc<Entry>) -> Self {
        let bodies = entry.block.events.iter().map(|_| OnceLock::new()).collect();
        Self { entry, bodies }
    }

    fn body(&self, event: usize, context: &Context) -> &str {
        self.bodies[event].get_or_init(|| body(&self.entry, event, context).into())
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
        // `new` has had it written.
        let body = self.shown.bodies[self.event].get().map_or("", |body| body);
        format!(
            r#""type":"{}","cursor":"{}","confirmations":{},{body}"#,
            self.kind.name(),
            self.cursor,
            self.confirmations,
        )
    }

    /// The JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        format!("{{{}}}", self.members())
    }
}

/// `chainId:blockHash:logIndex`
pub(crate) fn id(chain_id: u64, entry: &Entry, record: &EventRecord) -> String {
    format!("{chain_id}:{}:{}", entry.block.hash, record.log_index)
}

/// What is the same for every reader.
fn body(entry: &Entry, event: usize, context: &Context) -> String {
    let (block, record) = (&entry.block, &entry.block.events[event]);
    let catalog = &context.catalog;
    let transaction = block.transactions.get(record.transaction as usize).copied().unwrap_or_default();
    let mut text = String::with_capacity(1_024);
    // Nothing here can need escaping but what goes through serde_json.
    let _ = write!(
        text,
        r#""id":"{id}","chainId":{chain},"blockNumber":{number},"blockHash":"{hash}","timestamp":"{timestamp}","transactionHash":"{transaction}","logIndex":{index},"contract":"{contract}""#,
        id = id(context.chain_id, entry, record),
        chain = context.chain_id,
        number = block.number.0,
        hash = block.hash,
        timestamp = block.timestamp(),
        index = record.log_index,
        contract = record.contract.to_checksum(None),
    );
    if let Some(name) = catalog.name(record.contract) {
        let _ = write!(text, r#","contractName":{}"#, Value::from(name));
    }
    if let Some(decoded) = catalog.decode(record) {
        let _ = write!(
            text,
            r#","event":"{}","signature":"{}","arguments":{}"#,
            decoded.name,
            decoded.signature,
            Value::Object(decoded.arguments),
        );
    }
    text += r#","topics":["#;
    for (place, topic) in record.topics.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(text, r#"{comma}"{topic}""#);
    }
    let _ = write!(text, r#"],"data":"{}""#, hex::encode_prefixed(&record.data));
    if let Some(notification) = notification(context.chain_id, catalog, entry, event) {
        let _ = write!(text, r#","notification":{}"#, notification.text());
    }
    text
}
