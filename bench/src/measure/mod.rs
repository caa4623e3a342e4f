//! The measurements, one file each; each says where its clock starts and stops.

mod fanout;
mod floor;
mod live;
mod percentile;
mod receiver;
mod store;
mod subscriber;
mod webhook;

pub(crate) use fanout::fanout;
pub(crate) use floor::floor;
pub(crate) use live::{live, raw};
pub(crate) use store::store;
pub(crate) use webhook::webhook;

use std::time::Duration;

use serde_json::Value;

/// Runs of everything that is repeated; the median counts.
pub(crate) const RUNS: u32 = 3;

/// Durations for the JSON: microseconds.
fn micros(samples: &[Duration]) -> Value {
    samples.iter().map(|sample| u64::try_from(sample.as_micros()).unwrap_or(u64::MAX)).collect()
}
