//! Live: a block with one transfer, from the moment at which the request to mine is sent until a receiver has it.
//!
//! [`raw`] is what the chain itself can do: one `eth_subscribe` connection with `newHeads` and `logs`, its sample the
//! later of the two. [`live`] is a subscriber of the indexer on a chain like it, one after the other, so that neither
//! listens while the other is measured, and from the same height: anvil takes longer for a block the more it has mined.
//! Samples are apart by a pause: a real chain has one, too.

use std::time::Duration;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::micros;
use super::percentile::percentile;
use super::subscriber::Subscriber;
use crate::chain::{Mined, Quiet};
use crate::error::BenchError;
use crate::indexer::{Indexer, Setup};
use crate::report::{Figure, Quantity, Section};
use crate::socket::Socket;
use crate::wait::within;

/// What a block may take before it counts as lost.
pub(crate) const SAMPLE_TIMEOUT: Duration = Duration::from_secs(10);

/// Before every block.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// The first ones of each kind, which are not counted: connections, caches and code are cold.
const WARM_UP: usize = 10;

const MOST_P50: Duration = Duration::from_millis(6);
const MOST_P99: Duration = Duration::from_millis(15);

/// A push of `eth_subscribe`.
#[derive(Deserialize)]
struct Subscribed {
    subscription: String,
    result: HeadOrLog,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum HeadOrLog {
    #[serde(rename_all = "camelCase")]
    Log { transaction_hash: B256 },
    #[serde(rename_all = "camelCase")]
    Head {
        number: U64,
        #[allow(dead_code, reason = "tells a head from others")]
        parent_hash: IgnoredAny,
    },
}

/// The latencies of the chain's own subscription.
pub(crate) async fn raw(quiet: &mut Quiet, samples: usize) -> Result<(Vec<Duration>, Section), BenchError> {
    let mut socket = Socket::open(&quiet.anvil.ws_url()).await?;
    let heads = socket.call("eth_subscribe", json!(["newHeads"])).await?;
    let logs = socket.call("eth_subscribe", json!(["logs", {"address": quiet.contract.address}])).await?;
    let (mut latencies, mut of_heads, mut of_logs) = (Vec::new(), Vec::new(), Vec::new());
    for sample in 0..WARM_UP + samples {
        let (mined, (head_at, log_at)) = one_block(quiet, async {
            let (mut head, mut log) = (None, None);
            loop {
                let push = socket.push().await?;
                let subscribed: Subscribed = push.params()?;
                match subscribed.result {
                    HeadOrLog::Head { number, .. } if heads == subscribed.subscription => {
                        head = Some((push.at, number.to::<u64>()));
                    }
                    HeadOrLog::Log { transaction_hash } if logs == subscribed.subscription => {
                        log = Some((push.at, transaction_hash));
                    }
                    _ => return Err(BenchError::Wrong(format!("raw: unexpected {}", push.text))),
                }
                if let (Some(head), Some(log)) = (head, log) {
                    return Ok((head, log));
                }
            }
        })
        .await?;
        if (head_at.1, log_at.1) != (mined.number, mined.transaction) {
            return Err(BenchError::Wrong(format!("raw: another block than {}", mined.number)));
        }
        if sample >= WARM_UP {
            of_heads.push(head_at.0 - mined.asked);
            of_logs.push(log_at.0 - mined.asked);
            latencies.push(head_at.0.max(log_at.0) - mined.asked);
        }
    }
    let section = Section::new("live, the chain's own eth_subscribe")
        .figure(Figure::plain("mined to received, p50", at(&latencies, 50)))
        .figure(Figure::plain("mined to received, p99", at(&latencies, 99)))
        .raw("headUs", micros(&of_heads))
        .raw("logUs", micros(&of_logs))
        .raw("bothUs", micros(&latencies));
    Ok((latencies, section))
}

/// The latencies of a subscriber of the indexer, beside those of [`raw`].
pub(crate) async fn live(
    setup: &Setup,
    quiet: &mut Quiet,
    samples: usize,
    raw: &[Duration],
) -> Result<Section, BenchError> {
    let mut indexer = Indexer::start(setup, None)?;
    indexer.reaches(quiet.head(), SAMPLE_TIMEOUT).await?;
    let filter = json!({"contracts": ["CarbonCredit"], "events": ["Transfer"]});
    let mut subscriber = Subscriber::open(&indexer.socket_url(), json!({"filter": filter})).await?;
    let mut latencies = Vec::new();
    for sample in 0..WARM_UP + samples {
        let (mined, heard) = one_block(quiet, subscriber.next()).await?;
        if (heard.block, heard.transaction) != (mined.number, mined.transaction) {
            return Err(BenchError::Wrong(format!("live: {} instead of block {}", heard.id, mined.number)));
        }
        if sample >= WARM_UP {
            latencies.push(heard.at - mined.asked);
        }
    }
    indexer.stop().await?;
    let over = |percent| {
        let [own, raw] = [&latencies[..], raw].map(|s| percentile(s, percent).unwrap_or_default());
        Quantity::ms_longer(own, raw)
    };
    Ok(Section::new("live, a subscriber of the indexer")
        .figure(Figure::at_most("mined to received, p50", at(&latencies, 50), Quantity::ms(MOST_P50)))
        .figure(Figure::at_most("mined to received, p99", at(&latencies, 99), Quantity::ms(MOST_P99)))
        .figure(Figure::plain("p50 over the chain's own", over(50)))
        .figure(Figure::plain("p99 over the chain's own", over(99)))
        .raw("us", micros(&latencies)))
}

/// Mines one transfer while `receive` waits for it.
async fn one_block<T>(
    quiet: &mut Quiet,
    receive: impl Future<Output = Result<T, BenchError>>,
) -> Result<(Mined, T), BenchError> {
    let pending = quiet.submit().await?;
    tokio::time::sleep(PAUSE).await;
    let both = async { tokio::try_join!(quiet.mine(pending), receive) };
    within("a block to be received", SAMPLE_TIMEOUT, both).await
}

fn at(samples: &[Duration], percent: usize) -> Quantity {
    Quantity::ms(percentile(samples, percent).unwrap_or_default())
}
