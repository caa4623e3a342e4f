//! Where events are carried to without anybody asking: webhooks now, other carriers through the same trait.
//!
//! In: a subscription and a [`Sink`]. Out: batches, delivered at least once and in order, each under a key by which the
//! receiver knows it again. The log is the outbox: what is kept durable for a sink is the place up to which it has
//! everything ([`place`]), so that nothing waits in memory and a sink that is down for a day costs nothing. A batch that
//! is refused for too long becomes a dead letter, which names the range to read again, and the next one goes out.

mod courier;
mod place;

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use crate::stream::events::message::Message;
use crate::stream::events::subscription::Wish;

pub use courier::{Courier, CourierView};
pub use place::DeadLetter;

/// Messages that go together.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The same when it is delivered again: the cursor of its last message.
    pub key: String,
    /// What one entry of the log tells, or a part of it when that is too much; in order.
    pub messages: Vec<Message>,
    /// False when what lies before the first message is no longer kept and was never delivered.
    pub recovered: bool,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For the log and the operator.
    pub reason: String,
    /// When the receiver wants to be asked again.
    pub retry_after: Option<Duration>,
}

/// A receiver.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Hands a batch over. `Ok` means that the receiver has it for good. Must end in bounded time.
    async fn deliver(&self, batch: &Batch) -> Result<(), Refusal>;
}

/// Where a sink that has never received anything begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With what happens from now on.
    Now,
    /// With the oldest that is kept.
    Oldest,
}

/// How a sink is served.
#[derive(Debug, Clone)]
pub struct SinkConfig {
    /// Its name: its place in the log is kept under it.
    pub name: String,
    /// What it hears.
    pub wish: Wish,
    /// Where it begins.
    pub begin: Begin,
    /// Messages of one batch at the most.
    pub max_batch_messages: usize,
    /// Milliseconds before the first retry; doubles, with jitter, up to `retry_max_ms`.
    pub retry_min_ms: u64,
    /// Milliseconds: the longest pause between two attempts.
    pub retry_max_ms: u64,
    /// Milliseconds from the first attempt after which a batch becomes a dead letter.
    pub give_up_after_ms: u64,
}

/// How a sink stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SinkStatus {
    /// Its name.
    pub name: String,
    /// It has everything up to and with this message; `None` before the first.
    pub cursor: Option<String>,
    /// Messages that it took since the start.
    pub delivered: u64,
    /// Why the last attempt failed; `None` when it did not.
    pub failing: Option<String>,
    /// Batches that were given up, newest last; the oldest are forgotten beyond 1,000.
    pub dead_letters: Vec<DeadLetter>,
}

#[cfg(test)]
mod tests;
