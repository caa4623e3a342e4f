//! The store path: `wia indexer` on an empty data folder, from the start of its process to the last event readable.
//!
//! The clock stops when the status says that the head is the chain's and the last event has been read through
//! `/indexer/v1/events`, which serves only what is durable. Then, off the clock, all pages are read and compared with the
//! chain.

use std::time::Duration;

use serde_json::json;

use super::percentile::median;
use super::{Floor, RUNS, beside, micros};
use crate::chain::Filled;
use crate::error::BenchError;
use crate::indexer::{Indexer, Setup};
use crate::report::{Figure, Quantity, Section};
use crate::wait::until;

/// Far beyond anything that would still be a result.
const TIMEOUT: Duration = Duration::from_secs(600);

pub(super) const LEAST_EVENTS_PER_S: usize = 200_000;
/// For a floor of a second.
const MOST_BESIDE_FLOOR: Duration = Duration::from_millis(2_500);
const MOST_MIB: u64 = 150;
pub(super) const MOST_BYTES: u64 = 120;

pub(super) struct Run {
    pub(super) wall: Duration,
    cpu: Duration,
    peak: u64,
    disk: u64,
    /// Of `disk`, the entries.
    entries: u64,
}

/// Measures it beside the floor of this run.
pub(crate) async fn store(setup: &Setup, chain: &Filled, floor: &Floor) -> Result<Section, BenchError> {
    let (mut runs, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        floors.push(floor.once(chain).await?);
        runs.push(once(setup, chain).await?);
    }
    let events = chain.events();
    let walls: Vec<_> = runs.iter().map(|run| run.wall).collect();
    let cpus: Vec<_> = runs.iter().map(|run| run.cpu).collect();
    let wall = median(&walls).unwrap_or_default();
    let cpu = median(&cpus).unwrap_or_default();
    let peak = runs.iter().map(|run| run.peak).max().unwrap_or_default();
    let disk = runs.iter().map(|run| run.disk).max().unwrap_or_default();
    let entries = runs.iter().map(|run| run.entries).max().unwrap_or_default();
    let second = Duration::from_secs(1);
    Ok(Section::new(format!("store, {}", chain.shape))
        .figure(Figure::plain(
            format!("cold start to last event readable, median of {RUNS}"),
            Quantity::ms(wall),
        ))
        .figure(Figure::at_least(
            "the same",
            Quantity::events_per_s(events, wall),
            Quantity::events_per_s(LEAST_EVENTS_PER_S, second),
        ))
        .figure(Figure::at_most(
            format!("beside the floor just before, median of {RUNS}"),
            beside(&walls, &floors),
            Quantity::times(MOST_BESIDE_FLOOR, second),
        ))
        .figure(Figure::at_most(
            format!("peak memory, most of {RUNS}"),
            Quantity::mib(peak),
            Quantity::mib(MOST_MIB << 20),
        ))
        .figure(Figure::plain(format!("processor time, median of {RUNS}"), Quantity::ms(cpu)))
        .figure(Figure::at_most(
            format!("on disk per event once stopped, most of {RUNS}"),
            Quantity::bytes_each(disk, events),
            Quantity::bytes_each(MOST_BYTES, 1),
        ))
        .figure(Figure::plain(
            "of it the entries; the rest is what is looked up",
            Quantity::bytes_each(entries, events),
        ))
        .raw("events", events)
        .raw("wallUs", micros(&walls))
        .raw("floorUs", micros(&floors))
        .raw("cpuUs", micros(&cpus))
        .raw("peakBytes", json!(runs.iter().map(|run| run.peak).collect::<Vec<_>>()))
        .raw("diskBytes", json!(runs.iter().map(|run| run.disk).collect::<Vec<_>>())))
}

/// One run, its events checked after it.
pub(super) async fn once(setup: &Setup, chain: &Filled) -> Result<Run, BenchError> {
    let expected = &chain.expected;
    let last = expected.ids.last().map(String::as_str).unwrap_or_default();
    let mut indexer = Indexer::start(setup, None)?;
    indexer.reaches(expected.head, TIMEOUT).await?;
    until("the last event to be readable", TIMEOUT, async || {
        Ok(indexer.rest.has(last, expected.last_block).await?.then_some(()))
    })
    .await?;
    let wall = indexer.started.elapsed();
    // Before the pages are read: that is other work.
    let usage = indexer.usage()?;
    indexer.rest.check_all(&expected.ids).await?;
    let entries = indexer.rest.status().await?.log.bytes;
    let disk = indexer.stop().await?;
    Ok(Run { wall, cpu: usage.cpu, peak: usage.peak, disk, entries })
}
