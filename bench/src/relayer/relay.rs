//! End to end: signed messages over WebSocket into `wia relayer`, until the last one is on the chain.
//!
//! The clock runs from a new block, with the first submission, until the recipients have everything. anvil, the node
//! and the wallets share the machine.

use std::time::Duration;

use super::chain::Chain;
use super::load::Load;
use super::node::{Node, Setup};
use super::pipeline::{self, Manner, Requests};
use super::raw::Seen;
use crate::error::BenchError;
use crate::process::own_usage;
use crate::report::{Figure, Quantity, Section};

const TIMEOUT: Duration = Duration::from_secs(1_800);

/// Per cent of what the chain can do.
const LEAST_OF_RAW: u64 = 60;
/// Times what one transaction for each message reaches.
const LEAST_OVER_SINGLE: u64 = 3;

/// What it is compared with, as far as that was measured in the same run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beside {
    pub(super) raw: Option<Seen>,
    pub(super) single: Option<Seen>,
}

/// Relays the load.
pub(super) async fn relay(
    chain: &Chain,
    setup: &Setup,
    load: &Load,
    manner: Manner,
    beside: Beside,
) -> Result<(Seen, Section), BenchError> {
    chain.fund(load).await?;
    let requests = Requests::deal(load, manner);
    chain.run().await?;
    let mut node = Node::start(setup, chain).await?;
    let mut sockets = pipeline::open(&node.doors.relay_url, manner.sockets).await?;
    let started = chain.next_block().await?;
    let used = |node: &Node| {
        Ok::<_, BenchError>((chain.anvil.process().usage()?.cpu, node.usage()?.cpu, own_usage()?.cpu))
    };
    let before = used(&node)?;
    let work = async {
        pipeline::submit(&mut sockets, &requests, manner).await?;
        let accepted = started.elapsed();
        Ok((accepted, chain.settled(load, TIMEOUT).await? - started))
    };
    let (accepted, wall) = tokio::select! {
        done = work => done?,
        ended = node.ended() => return Err(ended),
    };
    let after = used(&node)?;
    let peak = node.usage()?.peak;
    chain.check(load).await?;
    drop(sockets);
    node.stop().await?;
    let seen = Seen { wall, anvil: after.0 - before.0, transfers: load.messages.len() };
    let mut section = Section::new(title(setup, chain))
        .figure(Figure::plain("submitted to on the chain", seen.rate()))
        .figure(Figure::plain("accepted", Quantity::per_s(seen.transfers, accepted, "messages/s")));
    if let Some(raw) = beside.raw {
        section = section.figure(Figure::at_least(
            "beside the same batches pushed raw",
            seen.rate().over(raw.rate(), 100, "% of raw"),
            Quantity::count(LEAST_OF_RAW, "% of raw"),
        ));
    }
    if let Some(single) = beside.single {
        section = section.figure(Figure::at_least(
            "beside one transaction for each message",
            seen.rate().over(single.rate(), 1, "× single"),
            Quantity::count(LEAST_OVER_SINGLE, "× single"),
        ));
    }
    let section = section
        .figure(Figure::plain("per second of anvil's processor time", seen.per_anvil_s()))
        .figure(Figure::plain("the whole of it", Quantity::s(wall)))
        .figure(Figure::plain("anvil's processor time", Quantity::s(seen.anvil)))
        .figure(Figure::plain("wia's processor time", Quantity::s(after.1 - before.1)))
        .figure(Figure::plain("our processor time", Quantity::s(after.2 - before.2)))
        .figure(Figure::plain("peak memory of wia", Quantity::mib(peak)))
        .raw("transfers", load.messages.len())
        .raw("sockets", manner.sockets)
        .raw("pending", manner.pending)
        .raw("together", manner.together);
    Ok((seen, section))
}

fn title(setup: &Setup, chain: &Chain) -> String {
    let lanes = match chain.lanes.len() {
        1 => "one lane".to_owned(),
        some => format!("{some} lanes"),
    };
    match setup.batch_items {
        1 => format!("relay, one transaction for each message, {lanes}"),
        some => format!("relay, batches of {some}, {lanes}"),
    }
}
