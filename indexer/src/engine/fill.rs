//! Catching up: ranges by height, fetched ahead and committed in order.
//!
//! In: a range of blocks. Out: entries in the log, many blocks in one batch. Ranges are as wide as was learned of the
//! endpoint ([`super::learned`]), several in flight, over several endpoints; their number and expected bytes are
//! bounded. Fetching goes on while a batch is made durable.

use std::collections::VecDeque;
use std::time::Duration;

use futures::FutureExt;
use futures::stream::{StreamExt, TryStreamExt};
use tokio_util::task::AbortOnDropHandle;
use wia_abi::BlockNumber;

use super::fetch::Fetched;
use super::pool::Member;
use super::progress::Progress;
use super::read::implausible;
use super::{Engine, Failure};
use crate::chain::block::Header;
use crate::chain::bloom::Memo;
use crate::log::ChainChange;
use crate::log::entry::Block;
use crate::source::SourceError;

/// Events in one batch of the log: many blocks share one fsync.
const EVENTS_PER_APPEND: usize = 8_000;

/// Blocks in one batch of the log.
const BLOCKS_PER_APPEND: usize = 4_096;

/// What is there waits at most so long for more to be made durable with it.
const APPEND_AFTER: Duration = Duration::from_secs(1);

/// Blocks read by hash at once after a reorganisation.
const BLOCKS_IN_FLIGHT: usize = 4;

/// Ranges that were asked for, in order.
struct Ahead {
    ranges: VecDeque<Flight>,
    bytes: u64,
    next: u64,
    to: u64,
}

struct Flight {
    bytes: u64,
    fetching: AbortOnDropHandle<Result<Fetched, SourceError>>,
}

/// Blocks that wait to be committed.
#[derive(Default)]
struct Portion {
    blocks: Vec<Block>,
    events: usize,
}

impl Portion {
    fn add(&mut self, block: Block) {
        self.events += block.events.len();
        self.blocks.push(block);
    }

    fn is_full(&self) -> bool {
        self.events >= EVENTS_PER_APPEND || self.blocks.len() >= BLOCKS_PER_APPEND
    }
}

impl Engine {
    /// The blocks of `headers` with their events, by hash: what the live path takes.
    pub(super) async fn read_blocks(
        &self,
        member: &Member,
        headers: Vec<Header>,
    ) -> Result<Vec<Block>, SourceError> {
        let sources = self.pool.sources(member);
        let read = |header: Header| {
            let sources = &sources;
            async move { self.reading.by_hash(sources, &header, &mut Memo::default()).await }
        };
        futures::stream::iter(headers).map(read).buffered(BLOCKS_IN_FLIGHT).try_collect().await
    }

    /// Commits the blocks `from..=to` of the leader's chain. Gives the first one that does not join ours, if any;
    /// then everything below it was committed.
    pub(super) async fn fill(
        &mut self,
        leader: &Member,
        from: BlockNumber,
        to: BlockNumber,
    ) -> Result<Option<Header>, Failure> {
        let mut progress = Progress::new(from, to, &self.config);
        let mut ahead = Ahead { ranges: VecDeque::new(), bytes: 0, next: from.0, to: to.0 };
        let mut portion = Portion::default();
        let mut alone = !self.config.parallel_backfill;
        loop {
            self.ask_ahead(&mut ahead, leader, alone);
            let Some(flight) = ahead.ranges.front_mut() else { break };
            let waited = tokio::time::timeout(APPEND_AFTER, (&mut flight.fetching).fuse()).await;
            let Ok(joined) = waited else {
                self.append(&mut portion, &mut progress).await?;
                continue;
            };
            let bytes = ahead.ranges.pop_front().map_or(0, |f| f.bytes);
            ahead.bytes = ahead.bytes.saturating_sub(bytes);
            let fetched = match joined {
                Ok(Ok(fetched)) => fetched,
                Ok(Err(error)) => {
                    self.append(&mut portion, &mut progress).await?;
                    return Err(error.into());
                }
                Err(ended) => return Err(implausible(leader.source.as_ref(), ended.to_string()).into()),
            };
            let below = portion.blocks.last().map(|b| b.hash).or(self.chain.tip().map(|t| t.hash));
            if below.is_some_and(|below| below != fetched.first.parent_hash) {
                let below = portion.blocks.last().map(|b| b.number.0);
                self.append(&mut portion, &mut progress).await?;
                if fetched.place == leader.place && below.is_none() {
                    return Ok(Some(fetched.first));
                }
                // It, or whose blocks are below it, is on another fork than the leader: from the leader alone, then.
                alone = true;
                ahead =
                    Ahead { ranges: VecDeque::new(), bytes: 0, next: self.chain.next_number().0, to: to.0 };
                continue;
            }
            // The next ones are on their way while these are written.
            self.ask_ahead(&mut ahead, leader, alone);
            for block in fetched.blocks {
                portion.add(block);
                if portion.is_full() {
                    self.append(&mut portion, &mut progress).await?;
                }
            }
        }
        self.append(&mut portion, &mut progress).await?;
        Ok(None)
    }

    /// Asks for ranges until enough are in flight.
    fn ask_ahead(&self, ahead: &mut Ahead, leader: &Member, alone: bool) {
        while ahead.next <= ahead.to && ahead.ranges.len() < self.config.backfill_ranges_in_flight {
            let members = self.readers(leader, alone, ahead);
            let (blocks, bytes) = self.learned.next(members[0].source.endpoint());
            if !ahead.ranges.is_empty() && ahead.bytes + bytes > self.config.backfill_bytes_in_flight {
                return;
            }
            let (from, to) = (ahead.next, ahead.to.min(ahead.next.saturating_add(blocks - 1)));
            let (fetcher, leader) = (self.fetcher.clone(), leader.clone());
            let fetching = tokio::spawn(async move { fetcher.fetch(leader, members, from, to).await });
            ahead.ranges.push_back(Flight { bytes, fetching: AbortOnDropHandle::new(fetching) });
            ahead.bytes += bytes;
            ahead.next = to + 1;
        }
    }

    /// Whom to read the next range from: each endpoint that is as far in its turn, then the others.
    fn readers(&self, leader: &Member, alone: bool, ahead: &Ahead) -> Vec<Member> {
        let mut members = vec![leader.clone()];
        if !alone {
            let others = self.pool.others(leader.place).into_iter();
            let far_enough = others.filter(|(_, head)| head.is_some_and(|h| h.0 >= ahead.to));
            members.extend(far_enough.map(|(member, _)| member));
            let turn = usize::try_from(ahead.next).unwrap_or(0) / 64 + ahead.ranges.len();
            let turn = turn % members.len();
            members.rotate_left(turn);
        }
        members
    }

    async fn append(&mut self, portion: &mut Portion, progress: &mut Progress) -> Result<(), Failure> {
        let Portion { blocks, events } = std::mem::take(portion);
        let Some(last) = blocks.last().map(|b| b.number) else { return Ok(()) };
        self.commit(ChainChange { old: Vec::new(), new: blocks }).await?;
        progress.reached(last, events);
        Ok(())
    }
}
