//! The floor: the logs fetched and parsed into typed values over four connections, and nothing else.
//!
//! Nobody who reads the same endpoint in the same calls can be faster, so the indexer is told how many times as long it
//! takes. What it costs the processor says more than the clock where others work on the machine. The clock runs from the first request to the last parsed answer; connections are open before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::percentile::median;
use super::{RUNS, micros};
use crate::chain::{CONNECTIONS, Filled, Log, Range, get_logs};
use crate::error::BenchError;
use crate::process::own_usage;
use crate::report::{Figure, Quantity, Section};
use crate::rpc::{Answer, Rpc};

/// The connections over which it is measured.
pub(crate) struct Floor {
    connections: Vec<Rpc>,
}

/// Measures it by itself, for the report; what is measured beside it measures it again.
pub(crate) async fn floor(chain: &Filled) -> Result<(Floor, Section), BenchError> {
    let floor = Floor::open(&chain.anvil.http_url()).await?;
    let mut runs = Vec::new();
    let used = || Ok::<_, BenchError>((chain.anvil.process().usage()?.cpu, own_usage()?.cpu));
    let before = used()?;
    for _ in 0..RUNS {
        runs.push(floor.once(chain).await?);
    }
    let after = used()?;
    let (anvils, ours) = ((after.0 - before.0) / RUNS, (after.1 - before.1) / RUNS);
    let median = median(&runs).unwrap_or_default();
    let events = chain.events();
    let section = Section::new(format!("floor, {}", chain.shape))
        .figure(Figure::plain(format!("fetch + parse, median of {RUNS}"), Quantity::ms(median)))
        .figure(Figure::plain("the same", Quantity::events_per_s(events, median)))
        .figure(Figure::plain("anvil's processor time for it", Quantity::ms(anvils)))
        .figure(Figure::plain("our processor time for it", Quantity::ms(ours)))
        .raw("runsUs", micros(&runs))
        .raw("events", events)
        .raw("ranges", chain.expected.ranges.len());
    Ok((floor, section))
}

impl Floor {
    /// Opens the connections.
    pub(crate) async fn open(url: &str) -> Result<Self, BenchError> {
        let connections = Rpc::several(url, CONNECTIONS)?;
        for connection in &connections {
            let _: String = connection.call("eth_blockNumber", json!([])).await?;
        }
        Ok(Self { connections })
    }

    /// How long it takes now.
    pub(crate) async fn once(&self, chain: &Filled) -> Result<Duration, BenchError> {
        let ranges: Arc<[Range]> = chain.expected.ranges.as_slice().into();
        let next = Arc::new(AtomicUsize::new(0));
        let contract = chain.contract.address;
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in &self.connections {
            let (connection, ranges, next) = (connection.clone(), ranges.clone(), next.clone());
            tasks.spawn(async move {
                let mut events = 0;
                while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let params = get_logs(contract, *range);
                    let request =
                        json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": params});
                    let body = connection.post(request.to_string()).await?;
                    let answer: Answer<Vec<Log>> = serde_json::from_slice(body.as_ref())
                        .map_err(BenchError::malformed("eth_getLogs"))?;
                    events += answer.into_result("eth_getLogs")?.len();
                }
                Ok::<_, BenchError>(events)
            });
        }
        let mut events = 0;
        while let Some(task) = tasks.join_next().await {
            events += task.map_err(BenchError::malformed("a task"))??;
        }
        let spent = started.elapsed();
        if events == chain.events() {
            Ok(spent)
        } else {
            Err(BenchError::Wrong(format!("the floor saw {events} of {} events", chain.events())))
        }
    }
}
