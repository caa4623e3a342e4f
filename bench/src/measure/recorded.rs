//! The store path once more, and the floor beside it, from anvil's recorded answers ([`Recorded`]): what the indexer
//! itself takes, where anvil takes nothing.

use std::time::Duration;

use super::percentile::median;
use super::store::{LEAST_EVENTS_PER_S, once};
use super::{Floor, RUNS, beside, micros};
use crate::chain::{Filled, Recorded};
use crate::error::BenchError;
use crate::indexer::Setup;
use crate::report::{Figure, Quantity, Section};

/// Measures both.
pub(crate) async fn recorded(
    setup: &Setup,
    chain: &Filled,
    answers: &Recorded,
) -> Result<Section, BenchError> {
    let floor = Floor::open(answers.url()).await?;
    let (mut walls, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        floors.push(floor.once(chain).await?);
        walls.push(once(setup, chain).await?.wall);
    }
    let events = chain.events();
    let rate = |runs| Quantity::events_per_s(events, median(runs).unwrap_or_default());
    let second = Duration::from_secs(1);
    Ok(Section::new(format!("recorded answers, {}", chain.shape))
        .figure(Figure::plain(format!("fetch + parse, median of {RUNS}"), rate(&floors)))
        .figure(Figure::at_least(
            format!("cold start to last event readable, median of {RUNS}"),
            rate(&walls),
            Quantity::events_per_s(LEAST_EVENTS_PER_S, second),
        ))
        .figure(Figure::plain("beside the floor just before", beside(&walls, &floors)))
        .raw("events", events)
        .raw("floorUs", micros(&floors))
        .raw("wallUs", micros(&walls)))
}
