//! The envelope `{type, event, timestamp, data}` (C-045…C-049), as SSE, webhooks and MQTT carry it.
//!
//! On a JSON-RPC door the same event is the notification of method `type.event` with `data` as its params (C-042), as
//! the documents' own `wallet` + `balance_changed` is `wallet.balance_changed` (C-047, C-052).

use serde::Serialize;

use super::credit::CreditEvent;
use super::exchange::ExchangeEvent;
use crate::Timestamp;
use crate::origin::Told;

/// An event of credits or of their exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    #[serde(rename = "type")]
    topic: &'static str,
    event: &'static str,
    timestamp: Timestamp,
    data: Told<Data>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Data {
    /// To credits.
    Credit(CreditEvent),
    /// Between orders.
    Exchange(ExchangeEvent),
}

impl Event {
    /// The event with its names; `timestamp`: its block's time.
    #[must_use]
    pub fn new(timestamp: Timestamp, data: Told<Data>) -> Self {
        let (topic, event) = match &data.what {
            Data::Credit(credit) => ("credit", credit.name()),
            Data::Exchange(exchange) => exchange.names(),
        };
        Self { topic, event, timestamp, data }
    }

    /// The method of its JSON-RPC notification: `credit.minted`.
    #[must_use]
    pub fn method(&self) -> String {
        format!("{}.{}", self.topic, self.event)
    }

    /// The params of that notification.
    #[must_use]
    pub fn data(&self) -> &Told<Data> {
        &self.data
    }
}
