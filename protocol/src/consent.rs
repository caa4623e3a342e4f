//! The consent protocol's message (E-060) as `EVENT_NOTIFICATION` (E-068), for what happens to consents on chain.
//!
//! The chain has salted commitments and keys, never a person's identifier, so neither `ethicsId` nor a plain
//! `CONSENT-…` or `REQ-…` number is known here: `consentId` and `requestId` are the contract's keys in hex, and
//! `ethicsId`, `reason` and a plain `operation` are absent. `metadata` and the Ed25519 `signature` are those of the door
//! that sends it.

pub mod event;

use alloy::primitives::Address;
use serde::Serialize;

use crate::Timestamp;
use crate::origin::Told;
pub use event::ConsentEvent;

/// The version that messages say (E-060).
pub const VERSION: &str = "1.0.0";

/// An event told to whoever listens (E-068).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventNotification {
    version: &'static str,
    message_id: String,
    timestamp: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    sender: Sender,
    payload: Payload,
}

/// Who says it: the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Sender {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    authenticated: bool,
}

/// `{eventType, …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payload {
    event_type: &'static str,
    #[serde(flatten)]
    told: Told<ConsentEvent>,
}

impl EventNotification {
    /// The notification of an event at `timestamp`, its block's time.
    ///
    /// `number`: the event's place in the node's log, which its id is made of, `MSG-YYYY-NNNNNN` (E-061); it is the same
    /// in the retraction. `chain_id` makes the contract's name one that is unique (CAIP-10).
    #[must_use]
    pub fn new(timestamp: Timestamp, number: u64, chain_id: u64, told: Told<ConsentEvent>) -> Self {
        Self {
            version: VERSION,
            message_id: format!("MSG-{}-{number:06}", timestamp.year()),
            timestamp,
            kind: "EVENT_NOTIFICATION",
            sender: Sender::contract(chain_id, told.origin.contract),
            payload: Payload { event_type: told.what.event_type(), told },
        }
    }

    /// `consent_revoked`, …
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        self.payload.event_type
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &ConsentEvent {
        &self.payload.told.what
    }
}

impl Sender {
    /// Authenticated: the chain lets nobody else speak for a contract.
    fn contract(chain_id: u64, contract: Address) -> Self {
        Self { kind: "contract", id: format!("eip155:{chain_id}:{contract}"), authenticated: true }
    }
}
