//! Fan-out: many WebSocket subscribers with different filters and cursors, live.
//!
//! Latency runs from the moment at which the request to mine is sent to the moment at which the last subscriber whom the
//! transfer concerns has it. Memory is what the indexer's process has grown by for all but the first tenth of them, once all
//! are subscribed, have caught up and are idle: what the first of all take once is not what each takes. The process was
//! started again before, because one that has filled its log uses the same memory again. In the end every subscriber's
//! events are compared with what its filter and cursor promise.

use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::live::{PAUSE, SAMPLE_TIMEOUT};
use super::micros;
use super::percentile::percentile;
use super::subscriber::{Heard, Subscriber};
use crate::chain::{CONNECTIONS, Expected, Mined, Quiet};
use crate::error::BenchError;
use crate::indexer::{Indexer, Setup};
use crate::random::Random;
use crate::report::{Figure, Quantity, Section};
use crate::rpc::Rpc;
use crate::wait::within;

/// Blocks of history in one `eth_getLogs`.
const BLOCKS_PER_RANGE: u64 = 200;

/// Events on their way from the subscribers to the clock; a full channel holds them back.
const CHANNEL: usize = 65_536;

/// After everybody has caught up, for buffers to be given back.
const SETTLE: Duration = Duration::from_secs(1);

const MOST_P99: Duration = Duration::from_millis(50);
const MOST_BYTES: u64 = 20_000;

/// What one subscriber asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    /// The recipients whom it follows, by their numbers; empty: everybody.
    recipients: Vec<usize>,
    /// The `arguments.to` form of the filter instead of `addresses`; for one recipient only.
    by_argument: bool,
    /// The event of the history after which it wants to begin; `None`: now.
    after: Option<usize>,
}

/// Seeded wishes: a fifth hears everything, the rest some recipients; a quarter of all replays a part of the history.
fn wishes(seed: u64, count: usize, pool: usize, history: usize) -> Vec<Wish> {
    let mut random = Random::new(seed, "fanout");
    let mut wish = |number: usize| {
        let (some, by_argument) = match number % 5 {
            0 => (0, false),
            1 => (1, true),
            _ => (1 + random.index(40), false),
        };
        let recipients = random.distinct(some, pool);
        let after = number.is_multiple_of(4).then(|| random.index(history));
        Wish { recipients, by_argument, after }
    };
    (0..count).map(&mut wish).collect()
}

impl Wish {
    fn concerns(&self, recipient: Option<usize>) -> bool {
        self.recipients.is_empty() || recipient.is_some_and(|r| self.recipients.binary_search(&r).is_ok())
    }

    /// The parameters of its `indexer.subscribe`.
    fn params(&self, pool: &[Address], cursors: &[String]) -> Value {
        let addresses: Vec<_> = self.recipients.iter().map(|r| pool[*r]).collect();
        let filter = match (&addresses[..], self.by_argument) {
            ([], _) => json!({}),
            ([to], true) => json!({"events": ["Transfer"], "arguments": {"to": to}}),
            (some, _) => json!({"contracts": ["CarbonCredit"], "addresses": some}),
        };
        match self.after {
            Some(event) => json!({"filter": filter, "cursor": cursors[event]}),
            None => json!({"filter": filter}),
        }
    }
}

/// The history as its subscribers see it.
struct History {
    ids: Vec<String>,
    /// To whom each event is a transfer, by the recipient's number.
    recipients: Vec<Option<usize>>,
}

impl History {
    /// What of it that wish replays.
    fn replayed<'a>(&'a self, wish: &'a Wish) -> impl Iterator<Item = &'a String> {
        let from = wish.after.map_or(self.ids.len(), |event| event + 1);
        let both = self.ids.iter().zip(&self.recipients).skip(from);
        both.filter(|(_, recipient)| wish.concerns(**recipient)).map(|(id, _)| id)
    }
}

/// One event at one subscriber.
type Arrival = (usize, Result<Heard, BenchError>);

/// Measures it with that many subscribers and blocks.
pub(crate) async fn fanout(
    setup: &Setup,
    quiet: &mut Quiet,
    seed: u64,
    subscribers: usize,
    samples: usize,
) -> Result<Section, BenchError> {
    let mut indexer = Indexer::start(setup, None)?;
    indexer.reaches(quiet.head(), SAMPLE_TIMEOUT).await?;
    indexer.end().await?;
    indexer.start_again()?;
    indexer.reaches(quiet.head(), SAMPLE_TIMEOUT).await?;
    let history = history(quiet).await?;
    let cursors = indexer.rest.check_all(&history.ids).await?;
    let wishes: Arc<[Wish]> = wishes(seed, subscribers, quiet.recipients.len(), history.ids.len()).into();
    let (sender, mut arrivals) = mpsc::channel::<Arrival>(CHANNEL);
    let mut tasks = JoinSet::new();
    let mut heard = vec![Vec::new(); subscribers];
    let (first, mut before, mut replayed) = (subscribers / 10, 0, 0);
    for some in [0..first, first..subscribers] {
        before = indexer.usage()?.resident;
        let mut replaying = 0;
        for number in some {
            let wish = &wishes[number];
            let subscriber =
                Subscriber::open(&indexer.socket_url(), wish.params(&quiet.recipients, &cursors)).await?;
            tasks.spawn(listen(number, subscriber, sender.clone()));
            replaying += history.replayed(wish).count();
        }
        collect(&mut arrivals, replaying, &mut heard).await?;
        tokio::time::sleep(SETTLE).await;
        replayed += replaying;
    }
    let grown = indexer.usage()?.resident.saturating_sub(before);

    let (mut latencies, mut blocks, mut deliveries) = (Vec::new(), Vec::new(), 0);
    for _ in 0..samples {
        let pending = quiet.submit().await?;
        tokio::time::sleep(PAUSE).await;
        let mined = quiet.mine(pending).await?;
        let concerned = wishes.iter().filter(|wish| wish.concerns(Some(mined.recipient))).count();
        let last = collect(&mut arrivals, concerned, &mut heard).await?;
        latencies.extend(last.map(|at| at - mined.asked));
        deliveries += concerned;
        blocks.push(mined);
    }
    // Nobody may have anything left to hear.
    tokio::time::sleep(SETTLE).await;
    if let Ok((number, arrival)) = arrivals.try_recv() {
        return Err(BenchError::Wrong(format!("subscriber {number} heard too much: {:?}", arrival?)));
    }
    check(&wishes, &history, &blocks, &heard)?;
    tasks.shutdown().await;
    indexer.stop().await?;
    Ok(Section::new(format!("fan-out, {subscribers} subscribers"))
        .figure(Figure::plain("mined to last receiver, p50", at(&latencies, 50)))
        .figure(Figure::at_most("mined to last receiver, p99", at(&latencies, 99), Quantity::ms(MOST_P99)))
        .figure(Figure::at_most(
            "memory for each further subscriber",
            Quantity::kb_each(grown, subscribers - first),
            Quantity::kb_each(MOST_BYTES, 1),
        ))
        .raw("grownBytes", grown)
        .raw("grownBySubscribers", subscribers - first)
        .raw("replayed", replayed)
        .raw("deliveries", deliveries)
        .raw("lastUs", micros(&latencies)))
}

/// Reads the history from the chain itself.
async fn history(quiet: &Quiet) -> Result<History, BenchError> {
    let rpc = &Rpc::several(&quiet.anvil.http_url(), CONNECTIONS)?[0];
    let (expected, logs) = Expected::read(rpc, &quiet.contract, BLOCKS_PER_RANGE).await?;
    let number = |address: Address| quiet.recipients.iter().position(|wallet| *wallet == address);
    let recipients = logs.iter().map(|log| log.transfer_to().and_then(number)).collect();
    Ok(History { ids: expected.ids, recipients })
}

async fn listen(number: usize, mut subscriber: Subscriber, sender: mpsc::Sender<Arrival>) {
    loop {
        let heard = subscriber.next().await;
        let last = heard.is_err();
        if sender.send((number, heard)).await.is_err() || last {
            return;
        }
    }
}

/// Takes so many arrivals; the time of the latest.
async fn collect(
    arrivals: &mut mpsc::Receiver<Arrival>,
    count: usize,
    heard: &mut [Vec<Heard>],
) -> Result<Option<std::time::Instant>, BenchError> {
    within(&format!("{count} arrivals at subscribers"), SAMPLE_TIMEOUT, async {
        let mut last = None;
        for _ in 0..count {
            let Some((number, arrival)) = arrivals.recv().await else { break };
            let arrival = arrival?;
            last = last.max(Some(arrival.at));
            heard[number].push(arrival);
        }
        Ok(last)
    })
    .await
}

/// That each heard what it wished for: every event once, in order, and nothing else.
fn check(
    wishes: &[Wish],
    history: &History,
    blocks: &[Mined],
    heard: &[Vec<Heard>],
) -> Result<(), BenchError> {
    for (number, (wish, heard)) in wishes.iter().zip(heard).enumerate() {
        let replayed: Vec<_> = history.replayed(wish).collect();
        let live: Vec<_> = blocks.iter().filter(|block| wish.concerns(Some(block.recipient))).collect();
        let (early, late) = heard.split_at(replayed.len().min(heard.len()));
        let fits = early.iter().map(|h| &h.id).eq(replayed)
            && late
                .iter()
                .map(|h| (h.block, h.transaction))
                .eq(live.iter().map(|b| (b.number, b.transaction)));
        if !fits {
            let what = format!("subscriber {number} ({wish:?}) heard other events than it asked for");
            return Err(BenchError::Wrong(what));
        }
    }
    Ok(())
}

fn at(samples: &[Duration], percent: usize) -> Quantity {
    Quantity::ms(percentile(samples, percent).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_differ_and_follow_from_the_seed() {
        let some = wishes(4, 1_000, 1_000, 2_000);
        assert_eq!(some, wishes(4, 1_000, 1_000, 2_000));
        assert_ne!(some, wishes(5, 1_000, 1_000, 2_000));
        assert_eq!(some.iter().filter(|w| w.recipients.is_empty()).count(), 200);
        assert_eq!(some.iter().filter(|w| w.by_argument).count(), 200);
        assert_eq!(some.iter().filter(|w| w.after.is_some()).count(), 250);
        assert!(some.iter().all(|w| w.after.is_none_or(|event| event < 2_000)));
    }

    #[test]
    fn a_wish_replays_what_comes_after_its_cursor_and_concerns_it() {
        let ids = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        let history = History { ids, recipients: vec![Some(1), Some(2), None, Some(1)] };
        let replayed = |recipients: &[usize], after| {
            let wish = Wish { recipients: recipients.to_vec(), by_argument: false, after };
            history.replayed(&wish).cloned().collect::<Vec<_>>()
        };
        assert_eq!(replayed(&[], Some(0)), ["b", "c", "d"]);
        assert_eq!(replayed(&[1], Some(0)), ["d"]);
        assert_eq!(replayed(&[1, 2], Some(3)), [""; 0]);
        assert_eq!(replayed(&[], None), [""; 0]);
    }
}
