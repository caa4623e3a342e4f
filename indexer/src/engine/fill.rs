//! Reading blocks: one by hash when live, ranges by height when catching up.
//!
//! Ranges are fetched ahead, a bounded number at a time, and taken in order. A range whose blocks do not join, or
//! whose logs are of other blocks, was read while the chain moved: it is dropped as a whole. A block whose bloom
//! speaks of our contracts but that came without logs is asked about again by its hash.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::stream::{FuturesOrdered, StreamExt, TryStreamExt};
use wia_abi::BlockNumber;

use super::progress::Progress;
use super::{Engine, Failure};
use crate::chain::block::{Header, RawLog};
use crate::chain::bloom;
use crate::chain::catalog::Catalog;
use crate::chain::decode;
use crate::log::ChainChange;
use crate::log::entry::Block;
use crate::source::{Source, SourceError};

/// Events in one batch of the store while catching up: bounds how long it keeps others from writing.
const EVENTS_PER_APPEND: usize = 2_000;

/// Blocks read by hash at once after a reorganisation.
const BLOCKS_IN_FLIGHT: usize = 4;

/// The widest range worth asking for, learned from what the endpoint takes.
pub(super) struct RangeLimit {
    current: AtomicU64,
    /// Never above it again: the endpoint refused that much.
    ceiling: AtomicU64,
}

impl RangeLimit {
    pub(super) fn new(max_blocks: u64) -> Self {
        Self { current: AtomicU64::new(max_blocks), ceiling: AtomicU64::new(max_blocks) }
    }

    fn current(&self) -> u64 {
        self.current.load(Ordering::Relaxed)
    }

    fn failed(&self, blocks: u64, error: &SourceError) {
        if matches!(error, SourceError::Refused { .. }) {
            self.ceiling.fetch_min((blocks - 1).max(1), Ordering::Relaxed);
        }
        self.current.fetch_min((blocks / 2).max(1), Ordering::Relaxed);
    }

    fn succeeded(&self, blocks: u64) {
        let current = self.current();
        if blocks >= current {
            let wider = (current + current / 4 + 1).min(self.ceiling.load(Ordering::Relaxed));
            self.current.store(wider, Ordering::Relaxed);
        }
    }
}

impl Engine {
    /// The blocks of `headers` with their events, by hash: what the live path takes.
    pub(super) async fn read_blocks(
        &self,
        source: &dyn Source,
        headers: Vec<Header>,
    ) -> Result<Vec<Block>, SourceError> {
        let catalog = self.publisher.tail().log.catalog();
        futures::stream::iter(headers)
            .map(|header| async move {
                let logs = logs_of(source, &header, catalog).await?;
                block(source, &header, logs, catalog)
            })
            .buffered(BLOCKS_IN_FLIGHT)
            .try_collect()
            .await
    }

    /// Commits the blocks `from..=to` of the endpoint's chain. Gives the first one that does not join ours, if
    /// any; then everything below it was committed.
    pub(super) async fn fill(
        &mut self,
        source: &dyn Source,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Option<Header>, Failure> {
        let mut progress = Progress::new(from, to, self.config.progress_interval_ms);
        let (catalog, limit) = (self.publisher.tail().log.catalog().clone(), self.range.clone());
        let reader = RangeReader { source, catalog: &catalog, limit: &limit };
        let mut next = from.0;
        let mut ranges = FuturesOrdered::new();
        loop {
            while next <= to.0 && ranges.len() < self.config.backfill_ranges_in_flight {
                let end = to.0.min(next + self.config.max_log_range_blocks - 1);
                ranges.push_back(reader.read(next, end));
                next = end + 1;
            }
            let Some(blocks) = ranges.next().await else { return Ok(None) };
            let (first, blocks) = blocks?;
            if self.chain.tip().is_some_and(|tip| tip.hash != first.parent_hash) {
                return Ok(Some(first));
            }
            for portion in portions(blocks) {
                let (events, last) =
                    (portion.iter().map(|b| b.events.len()).sum(), portion.last().map(|b| b.number));
                self.commit(ChainChange { old: Vec::new(), new: portion }).await?;
                last.into_iter().for_each(|last| progress.reached(last, events));
            }
        }
    }
}

/// Reads ranges of one connection.
struct RangeReader<'a> {
    source: &'a dyn Source,
    catalog: &'a Catalog,
    limit: &'a RangeLimit,
}

impl RangeReader<'_> {
    /// All blocks of the range, in pieces as wide as the endpoint takes, and the header of the first.
    async fn read(&self, from: u64, to: u64) -> Result<(Header, Vec<Block>), SourceError> {
        let (mut first, mut blocks) = (None::<Header>, Vec::<Block>::new());
        let mut at = from;
        while at <= to {
            let end = to.min(at + self.limit.current() - 1);
            let asked = end - at + 1;
            match self.read_piece(at, end).await {
                Ok((header, piece)) => {
                    if blocks.last().is_some_and(|below| below.hash != header.parent_hash) {
                        return Err(self.moved(header.number.0));
                    }
                    self.limit.succeeded(asked);
                    first.get_or_insert(header);
                    blocks.extend(piece);
                    at = end + 1;
                }
                Err(error) if error.asks_for_less() && asked > 1 => {
                    tracing::debug!(%error, asked, "asking for a narrower range");
                    self.limit.failed(asked, &error);
                }
                Err(error) => return Err(error),
            }
        }
        first.map(|first| (first, blocks)).ok_or_else(|| self.moved(from))
    }

    async fn read_piece(&self, from: u64, to: u64) -> Result<(Header, Vec<Block>), SourceError> {
        let range = (BlockNumber(from), BlockNumber(to));
        let (headers, logs) =
            futures::try_join!(self.source.headers(range.0, range.1), self.source.logs(range.0, range.1))?;
        if headers.windows(2).any(|pair| pair[0].hash != pair[1].parent_hash) {
            return Err(self.moved(from));
        }
        let mut logs_at: BTreeMap<BlockNumber, Vec<RawLog>> = BTreeMap::new();
        for log in logs {
            if log.block.number.0 < from || log.block.number.0 > to {
                return Err(implausible(self.source, format!("a log of block {}", log.block.number)));
            }
            logs_at.entry(log.block.number).or_default().push(log);
        }
        let first = headers.first().cloned().ok_or_else(|| self.moved(from))?;
        let blocks = futures::stream::iter(headers)
            .map(|header| {
                let logs = logs_at.remove(&header.number).unwrap_or_default();
                async move {
                    let suspicious = logs.is_empty() && bloom::may_concern(&header, self.catalog);
                    let logs = if suspicious { self.source.logs_of(header.hash).await? } else { logs };
                    block(self.source, &header, logs, self.catalog)
                }
            })
            .buffered(BLOCKS_IN_FLIGHT)
            .try_collect()
            .await?;
        Ok((first, blocks))
    }

    fn moved(&self, number: u64) -> SourceError {
        implausible(self.source, format!("the chain moved at block {number} while it was read"))
    }
}

/// The logs of one live block. None to ask for when its bloom clears it; an empty answer that the bloom speaks
/// against is asked for twice.
async fn logs_of(
    source: &dyn Source,
    header: &Header,
    catalog: &Catalog,
) -> Result<Vec<RawLog>, SourceError> {
    if !bloom::may_concern(header, catalog) {
        return Ok(Vec::new());
    }
    let logs = source.logs_of(header.hash).await?;
    if logs.is_empty() { source.logs_of(header.hash).await } else { Ok(logs) }
}

fn block(
    source: &dyn Source,
    header: &Header,
    logs: Vec<RawLog>,
    catalog: &Catalog,
) -> Result<Block, SourceError> {
    decode::block(header, logs, catalog).map_err(|e| implausible(source, e.to_string()))
}

fn implausible(source: &dyn Source, reason: String) -> SourceError {
    SourceError::Implausible { endpoint: source.endpoint().to_owned(), reason }
}

/// Cuts blocks into portions of about [`EVENTS_PER_APPEND`] events.
fn portions(blocks: Vec<Block>) -> Vec<Vec<Block>> {
    let (mut portions, mut events) = (vec![Vec::new()], 0);
    for block in blocks {
        if events >= EVENTS_PER_APPEND {
            portions.push(Vec::new());
            events = 0;
        }
        events += block.events.len();
        if let Some(portion) = portions.last_mut() {
            portion.push(block);
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> SourceError {
        SourceError::Refused { endpoint: "e".into(), method: "eth_getLogs", reason: "too wide".into() }
    }

    #[test]
    fn a_refused_width_is_halved_and_never_reached_again() {
        let limit = RangeLimit::new(200);
        limit.failed(200, &refused());
        assert_eq!(limit.current(), 100);
        for _ in 0..20 {
            limit.succeeded(limit.current());
        }
        assert_eq!(limit.current(), 199);
    }

    #[test]
    fn slowness_is_forgiven() {
        let limit = RangeLimit::new(200);
        let slow = SourceError::Timeout { endpoint: "e".into(), method: "eth_getLogs", timeout_ms: 1 };
        limit.failed(200, &slow);
        limit.failed(1, &slow);
        assert_eq!(limit.current(), 1);
        for _ in 0..40 {
            limit.succeeded(limit.current());
        }
        assert_eq!(limit.current(), 200);
    }
}
