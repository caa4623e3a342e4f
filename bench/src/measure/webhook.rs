//! The webhook sink: `wia indexer` on an empty data folder, from the start of its process to the last event posted.
//!
//! The receiver runs in this process, on the same cores. One POST per block that has events.

use std::time::Duration;

use super::percentile::median;
use super::receiver::Receiver;
use super::{Floor, RUNS, beside, micros};
use crate::chain::Filled;
use crate::error::BenchError;
use crate::indexer::{Indexer, Setup, Webhook};
use crate::report::{Figure, Quantity, Section};

const TIMEOUT: Duration = Duration::from_secs(600);

const LEAST_EVENTS_PER_S: usize = 100_000;

/// Who answers the indexer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// anvil.
    Live,
    /// The benchmark, with what anvil said ([`Recorded`](crate::chain::Recorded)).
    Recorded,
}

/// Measures it beside the floor at the same endpoint.
pub(crate) async fn webhook(
    setup: &Setup,
    chain: &Filled,
    floor: &Floor,
    answers: Answers,
) -> Result<Section, BenchError> {
    let (mut walls, mut posts, mut floors) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        floors.push(floor.once(chain).await?);
        let (wall, posted) = once(setup, chain).await?;
        walls.push(wall);
        posts.push(posted);
    }
    let events = chain.events();
    let wall = median(&walls).unwrap_or_default();
    let title = match answers {
        Answers::Live => "webhook",
        Answers::Recorded => "webhook, recorded answers",
    };
    Ok(Section::new(format!("{title}, {}", chain.shape))
        .figure(Figure::plain(
            format!("cold start to last event posted, median of {RUNS}"),
            Quantity::ms(wall),
        ))
        .figure(Figure::at_least(
            "the same",
            Quantity::events_per_s(events, wall),
            Quantity::events_per_s(LEAST_EVENTS_PER_S, Duration::from_secs(1)),
        ))
        .figure(Figure::plain(
            format!("beside the floor just before, median of {RUNS}"),
            beside(&walls, &floors),
        ))
        .raw("events", events)
        .raw("posts", posts)
        .raw("floorUs", micros(&floors))
        .raw("wallUs", micros(&walls)))
}

async fn once(setup: &Setup, chain: &Filled) -> Result<(Duration, usize), BenchError> {
    let receiver = Receiver::start(chain.expected.ids.clone()).await?;
    let webhook = Webhook { url: receiver.url().to_owned() };
    let mut indexer = Indexer::start(setup, Some(&webhook))?;
    let complete = tokio::select! {
        complete = receiver.complete(TIMEOUT) => complete?,
        ended = indexer.ended() => return Err(ended),
    };
    let wall = complete.duration_since(indexer.started);
    indexer.stop().await?;
    // Once more: what was posted twice may have come late.
    Ok((wall, receiver.posts()?))
}
