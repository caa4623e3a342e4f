//! Restart: `wia indexer` on a long log of its own, from the start of its process until it is ready and the last event
//! can be read again; after it was told to end, and after SIGKILL, which leaves it something to read back.
//!
//! The log is filled from a chain that is made up ([`Long`]); how long that took is told, but is no measure of reading
//! a node.

use std::time::{Duration, Instant};

use serde_json::json;

use super::percentile::median;
use super::store::MOST_BYTES;
use super::{RUNS, micros};
use crate::chain::Long;
use crate::error::BenchError;
use crate::indexer::{Indexer, Setup};
use crate::progress::Progress;
use crate::report::{Figure, Quantity, Section};
use crate::wait::until;

const FILL_TIMEOUT: Duration = Duration::from_secs(3_600);
const READY_TIMEOUT: Duration = Duration::from_secs(120);

const MOST: Duration = Duration::from_secs(2);

/// Fills a log and measures how soon it is there again.
pub(crate) async fn restart(setup: &Setup, chain: &Long) -> Result<Section, BenchError> {
    let mut indexer = Indexer::start(setup, None)?;
    fill(&mut indexer, chain).await?;
    let filled = indexer.started.elapsed();
    let peak = indexer.usage()?.peak;
    let (mut told, mut killed, mut disk) = (Vec::new(), Vec::new(), 0);
    // First what was killed in the middle of things: right after the fill, most is left to be read back.
    for _ in 0..RUNS {
        indexer.kill().await?;
        indexer.start_again()?;
        killed.push(ready(&mut indexer, chain).await?);
    }
    for _ in 0..RUNS {
        disk = indexer.end().await?;
        indexer.start_again()?;
        told.push(ready(&mut indexer, chain).await?);
    }
    let events = chain.events();
    let at = |name: &str, runs: &[Duration]| {
        let median = median(runs).unwrap_or_default();
        Figure::at_most(format!("{name}, median of {RUNS}"), Quantity::s(median), Quantity::s(MOST))
    };
    Ok(Section::new(format!("restart, a log of {events} events"))
        .figure(at("start to ready, ended before", &told))
        .figure(at("start to ready, killed before", &killed))
        .figure(Figure::at_most(
            "on disk per event once stopped",
            Quantity::bytes_each(disk, events),
            Quantity::bytes_each(MOST_BYTES, 1),
        ))
        .figure(Figure::plain("peak memory while filling", Quantity::mib(peak)))
        .figure(Figure::plain("filled, from a chain made up by the benchmark", Quantity::s(filled)))
        .raw("events", events)
        .raw("endedUs", micros(&told))
        .raw("killedUs", micros(&killed))
        .raw("filledUs", micros(&[filled]))
        .raw("diskBytes", json!(disk)))
}

async fn fill(indexer: &mut Indexer, chain: &Long) -> Result<(), BenchError> {
    let total = usize::try_from(chain.blocks).unwrap_or(usize::MAX);
    let mut progress = Progress::of(format!("filling a log of {} events", chain.events()), total, "blocks");
    let mut done = 0;
    until("the log to be filled", FILL_TIMEOUT, async || {
        indexer.still_runs()?;
        let head = indexer.rest.head().await?.unwrap_or(0);
        while done < head {
            done += 1;
            progress.step(Instant::now());
        }
        Ok((head >= chain.blocks).then_some(()))
    })
    .await?;
    readable(indexer, chain).await
}

/// From the start of the process until it says that it is ready and the last event can be read.
async fn ready(indexer: &mut Indexer, chain: &Long) -> Result<Duration, BenchError> {
    until("wia indexer to be ready", READY_TIMEOUT, async || {
        indexer.still_runs()?;
        Ok(indexer.rest.is_ready().await.then_some(()))
    })
    .await?;
    indexer.reaches(chain.blocks, READY_TIMEOUT).await?;
    readable(indexer, chain).await?;
    Ok(indexer.started.elapsed())
}

async fn readable(indexer: &Indexer, chain: &Long) -> Result<(), BenchError> {
    if indexer.rest.has(chain.last(), chain.blocks).await? {
        return Ok(());
    }
    Err(BenchError::Wrong(format!("the last event, {}, cannot be read", chain.last())))
}
