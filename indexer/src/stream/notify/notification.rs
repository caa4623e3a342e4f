//! An event of our contracts as the documents' own message for it: an event in X-12's envelope for credits and trades,
//! an update (B-032) for batteries, an `EVENT_NOTIFICATION` (E-068) for consents. Pure.
//!
//! In: an entry of the log and the place of an event in it. Out: the message, or nothing when the documents have none
//! (`silent.rs` lists those, each with its reason), when the contract is nobody's of ours, or when its bytes are not
//! what our contracts say. A retraction is the same message with the same id, marked `removed`
//! ([`wia_protocol::origin::Origin`]). One file per noun.
//!
//! What an event does to balances and confirmations is told apart from this, per account, by [`super::pushes`].

mod battery;
mod consent;
mod credit;
mod exchange;

use serde::Serialize;
use wia_protocol::origin::{Origin, Told};
use wia_protocol::{Timestamp, battery::Update, carbon::event::Event, consent::EventNotification};

use crate::chain::catalog::{Catalog, Kind};
use crate::log::entry::{Entry, EventRecord};
use crate::stream::events::message::id;

/// What the documents say of an event.
///
/// Its JSON has every digit of its amounts as long as it stays text; a `serde_json::Value` of it has doubles, and
/// the exact amounts only as `…Wei`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Notification {
    /// Of credits or their exchange.
    Carbon(Event),
    /// Of a battery.
    Battery(Update),
    /// Of a consent.
    Consent(EventNotification),
}

impl Notification {
    /// The JSON object.
    #[must_use]
    pub fn text(&self) -> String {
        // Nothing in it can fail to be JSON: its keys are text, and its numbers have digits.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the documents say of event `index` of `entry`; `None` when they have no message for it.
#[must_use]
pub fn notification(chain_id: u64, catalog: &Catalog, entry: &Entry, index: usize) -> Option<Notification> {
    let at = At { chain_id, entry, index, record: entry.block.events.get(index)? };
    match catalog.kind(at.record.contract) {
        Kind::Credit => credit::event(&at).map(Notification::Carbon),
        Kind::Exchange => exchange::event(&at).map(Notification::Carbon),
        Kind::Battery => battery::update(&at).map(Notification::Battery),
        Kind::Consent => consent::notification(&at).map(Notification::Consent),
        Kind::Other => None,
    }
}

/// An event where it stands.
struct At<'a> {
    chain_id: u64,
    entry: &'a Entry,
    index: usize,
    record: &'a EventRecord,
}

impl<'a> At<'a> {
    /// The event before this one, when this transaction and contract emitted it too.
    fn before(&self) -> Option<&'a EventRecord> {
        self.neighbour(self.index.checked_sub(1)?)
    }

    /// The event after this one, likewise.
    fn after(&self) -> Option<&'a EventRecord> {
        self.neighbour(self.index.checked_add(1)?)
    }

    fn neighbour(&self, index: usize) -> Option<&'a EventRecord> {
        let other = self.entry.block.events.get(index)?;
        let same = other.transaction == self.record.transaction && other.contract == self.record.contract;
        same.then_some(other)
    }

    /// The time of its block.
    fn timestamp(&self) -> Timestamp {
        self.entry.block.timestamp()
    }

    /// What happened, with where. `None` when the entry does not know the transaction, which the log never has.
    fn tell<D>(&self, what: D) -> Option<Told<D>> {
        let block = &self.entry.block;
        let origin = Origin {
            event_id: id(self.chain_id, self.entry, self.record),
            contract: self.record.contract,
            transaction_hash: *block.transactions.get(self.record.transaction as usize)?,
            block_number: block.number.0,
            removed: self.entry.is_retraction(),
        };
        Some(Told { what, origin })
    }
}

/// Text that stands at the left of some bytes, zeros behind it; `None` when there is none, or anything but visible ASCII.
fn ascii(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().rposition(|b| *b != 0)? + 1;
    let text = &bytes[..end];
    text.iter().all(u8::is_ascii_graphic).then(|| text.iter().copied().map(char::from).collect())
}

#[cfg(test)]
mod silent;
#[cfg(test)]
mod tests;
