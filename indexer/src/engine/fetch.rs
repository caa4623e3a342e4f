//! One range of blocks, fetched: headers and logs at once, in pieces as wide as the endpoint takes.
//!
//! In: a range and the endpoints to read it from, the first one first. Out: its blocks in order, joined. A range whose
//! blocks do not join, or whose logs are of other blocks, was read while the chain moved: it is dropped as a whole.
//! Runs on a task of its own, so that parsing and checking take every core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::B256;
use wia_abi::BlockNumber;

use super::learned::Learned;
use super::pool::{Member, Pool};
use super::read::{Reading, implausible};
use crate::backoff::Backoff;
use crate::chain::block::{Header, RawLog};
use crate::chain::bloom::Memo;
use crate::log::entry::Block;
use crate::source::{Source, SourceError};

/// Times that a range is tried anew, on the next endpoint or after a pause, before the engine looks at the head again.
const TRIES: usize = 4;

/// Bytes of a log in JSON beside its topics and data.
const LOG_BYTES: u64 = 470;

/// What a fetcher needs; one for all.
pub(super) struct Fetcher {
    pub(super) pool: Arc<Pool>,
    pub(super) reading: Arc<Reading>,
    pub(super) learned: Arc<Learned>,
    pub(super) retry_min_ms: u64,
    pub(super) retry_max_ms: u64,
}

/// A range that is there.
pub(super) struct Fetched {
    /// Whose blocks they are.
    pub(super) place: usize,
    /// The header of the first.
    pub(super) first: Header,
    pub(super) blocks: Vec<Block>,
}

impl Fetcher {
    /// All blocks of `from..=to` of the leader's chain, read from the first of `members` that gives them.
    pub(super) async fn fetch(
        &self,
        leader: Member,
        members: Vec<Member>,
        from: u64,
        to: u64,
    ) -> Result<Fetched, SourceError> {
        let mut backoff = Backoff::new(self.retry_min_ms, self.retry_max_ms);
        let mut tried = 0;
        loop {
            let member = &members[tried % members.len().max(1)];
            let error = match self.read_of(&leader, member, from, to).await {
                Ok((first, blocks)) => {
                    self.pool.worked(member.place);
                    return Ok(Fetched { place: member.place, first, blocks });
                }
                Err(error) => error,
            };
            tried += 1;
            // What cannot be is asked of others; of the same one again only what may pass.
            if tried >= TRIES || (members.len() == 1 && !error.may_pass()) {
                return Err(error);
            }
            metrics::counter!("wia_indexer_retries_total").increment(1);
            self.pool.failed(member.place, &error);
            tokio::time::sleep(Duration::from_millis(error.retry_after_ms().min(self.retry_max_ms))).await;
            backoff.pause().await;
        }
    }

    /// Blocks of `member` that are the leader's too.
    async fn read_of(
        &self,
        leader: &Member,
        member: &Member,
        from: u64,
        to: u64,
    ) -> Result<(Header, Vec<Block>), SourceError> {
        let (first, blocks) = self.read(member, from, to).await?;
        self.compare(leader, member, blocks.last()).await?;
        Ok((first, blocks))
    }

    /// Refuses blocks of another endpoint that are not the leader's: by the last one, since they are joined.
    async fn compare(
        &self,
        leader: &Member,
        member: &Member,
        last: Option<&Block>,
    ) -> Result<(), SourceError> {
        let Some(last) = last.filter(|_| member.place != leader.place) else { return Ok(()) };
        let headers = leader.source.headers(last.number, last.number).await?;
        if headers.first().is_some_and(|h| h.hash == last.hash) {
            return Ok(());
        }
        let reason = format!("its block {} is not {}'s", last.number, leader.source.endpoint());
        Err(implausible(member.source.as_ref(), reason))
    }

    async fn read(&self, member: &Member, from: u64, to: u64) -> Result<(Header, Vec<Block>), SourceError> {
        let source = &member.source;
        // Receipts may come from anybody, the one that is read from first.
        let sources = self.pool.sources(member);
        let (mut first, mut blocks, mut memo) = (None::<Header>, Vec::<Block>::new(), Memo::default());
        let mut at = from;
        while at <= to {
            let end = to.min(at.saturating_add(self.learned.next(source.endpoint()).0 - 1));
            let asked = end - at + 1;
            match self.piece(source, at, end).await {
                Ok((headers, logs)) => {
                    let below = blocks.last().map(|b| b.hash);
                    self.join(&sources, below, headers, logs, (&mut first, &mut blocks), &mut memo).await?;
                    at = end + 1;
                }
                Err(error) if error.asks_for_less() && asked > 1 => {
                    tracing::debug!(%error, asked, "asking for a narrower range");
                    metrics::counter!("wia_indexer_range_splits_total").increment(1);
                    self.learned.failed(source.endpoint(), asked, &error);
                }
                Err(error) => return Err(error),
            }
        }
        first.map(|first| (first, blocks)).ok_or_else(|| moved(source.as_ref(), from))
    }

    /// Headers and logs of a piece, and what they teach.
    async fn piece(
        &self,
        source: &Arc<dyn Source>,
        from: u64,
        to: u64,
    ) -> Result<(Vec<Header>, BTreeMap<BlockNumber, Vec<RawLog>>), SourceError> {
        let range = (BlockNumber(from), BlockNumber(to));
        let (headers, logs) =
            futures::try_join!(source.headers(range.0, range.1), source.logs(range.0, range.1))?;
        let bytes = logs.iter().map(wire_bytes).sum();
        self.learned.brought(source.endpoint(), to - from + 1, logs.len() as u64, bytes);
        metrics::counter!("wia_indexer_fetched_logs_total").increment(logs.len() as u64);
        if headers.len() as u64 != to - from + 1 {
            return Err(moved(source.as_ref(), from));
        }
        let mut logs_at: BTreeMap<BlockNumber, Vec<RawLog>> = BTreeMap::new();
        for log in logs {
            if log.block.number.0 < from || log.block.number.0 > to {
                return Err(implausible(source.as_ref(), format!("a log of block {}", log.block.number)));
            }
            logs_at.entry(log.block.number).or_default().push(log);
        }
        Ok((headers, logs_at))
    }

    /// Puts the blocks of a piece on top of `blocks`.
    async fn join(
        &self,
        sources: &[Arc<dyn Source>],
        mut below: Option<B256>,
        headers: Vec<Header>,
        mut logs: BTreeMap<BlockNumber, Vec<RawLog>>,
        (first, blocks): (&mut Option<Header>, &mut Vec<Block>),
        memo: &mut Memo,
    ) -> Result<(), SourceError> {
        for header in headers {
            if below.is_some_and(|below| below != header.parent_hash) {
                return Err(moved(sources[0].as_ref(), header.number.0));
            }
            below = Some(header.hash);
            let logs = logs.remove(&header.number).unwrap_or_default();
            blocks.push(self.reading.block(sources, &header, logs, memo).await?);
            first.get_or_insert(header);
        }
        Ok(())
    }
}

/// About what a log took on the wire.
fn wire_bytes(log: &RawLog) -> u64 {
    LOG_BYTES + 2 * log.data.len() as u64 + 69 * log.topics.len() as u64
}

fn moved(source: &dyn Source, number: u64) -> SourceError {
    implausible(source, format!("the chain moved at block {number} while it was read"))
}
