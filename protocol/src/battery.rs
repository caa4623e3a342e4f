//! The battery stream's update message (B-032) and what its `data` is for each event of a battery's life
//! (B-081…B-091) and of its record (B-112).
//!
//! Of most of a battery's data the chain has salted commitments alone (`IBatterySupplyChain` says which and why); the
//! message says them as such, `…Commitment`, and whoever was handed the salt can check the plain field against them.
//! Members that the document does not show are additive: `type` (B-048 reads it), `key`, and [`crate::origin`]'s.

pub mod event;

use alloy::primitives::B256;
use serde::Serialize;

use crate::Timestamp;
use crate::origin::Told;
pub use event::BatteryEvent;

/// An update message (B-032).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    message_id: String,
    timestamp: Timestamp,
    battery_id: String,
    event_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    data: Told<Keyed>,
}

/// What happened, and to which record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keyed {
    /// Key of the record on chain.
    pub key: B256,
    /// What happened.
    #[serde(flatten)]
    pub event: BatteryEvent,
}

impl Update {
    /// The update of an event at `timestamp`, its block's time. `battery_id`: the document's id where the chain has it;
    /// `None`: a record whose id the chain does not tell goes by its key.
    ///
    /// The message id is `msg-` and the event's id: the same from every node, and in the retraction.
    #[must_use]
    pub fn new(timestamp: Timestamp, battery_id: Option<String>, data: Told<Keyed>) -> Self {
        let event_type = data.what.event.event_type();
        Self {
            message_id: format!("msg-{}", data.origin.event_id),
            timestamp,
            battery_id: battery_id.unwrap_or_else(|| data.what.key.to_string()),
            event_type,
            kind: event_type,
            data,
        }
    }

    /// Whose update it is.
    #[must_use]
    pub fn battery_id(&self) -> &str {
        &self.battery_id
    }

    /// `installation`, …
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        self.event_type
    }

    /// What happened.
    #[must_use]
    pub fn data(&self) -> &Told<Keyed> {
        &self.data
    }
}
