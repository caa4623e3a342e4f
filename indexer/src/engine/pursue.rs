//! From one head to a log that ends there: asks [`crate::chain::decide`] until there is nothing left to do.

use std::time::{Duration, Instant};

use wia_abi::BlockNumber;

use super::pool::Member;
use super::read::implausible;
use super::score::{self, Stance};
use super::{Engine, Failure};
use crate::IndexerError;
use crate::chain::block::{BlockRef, Header};
use crate::chain::decide::Decision;
use crate::health::State;
use crate::log::ChainChange;
use crate::source::SourceError;

impl Engine {
    /// Follows `head` as far as it proves itself.
    pub(super) async fn pursue(&mut self, member: &Member, head: Header) -> Result<(), Failure> {
        let source = &member.source;
        let mut branch = vec![head];
        // Heads wait in queues: one that was overtaken since must not take us back to it.
        let mut fresh = false;
        loop {
            let believed = self.lower_is_believed(&branch[0]);
            match self.chain.decide(&branch, believed) {
                Decision::Nothing => break,
                // For a moment that is nothing: the endpoint may answer a question from before the last news.
                Decision::Lower if !self.lower_is_worth_telling() => return Ok(()),
                Decision::Lower => {
                    self.stall_below(member, branch[0].number, "");
                    return Ok(());
                }
                // Only a chain as high as ours can prove that so much is to be taken back; this may be a node that
                // was set up anew and does not say so.
                Decision::TooDeep { .. } if self.is_below_ours(&branch[0]) => {
                    self.stall_below(member, branch[0].number, " by more than max_reorg_depth");
                    return Ok(());
                }
                Decision::Parent { hash } => {
                    let Some(parent) = source.header(hash).await? else {
                        // Gone while we looked: nothing is proven, the next head will tell.
                        return Ok(());
                    };
                    if branch.last().is_none_or(|child| child.number.0 != parent.number.0 + 1) {
                        let reason = format!("block {hash} is not below its child");
                        return Err(implausible(source.as_ref(), reason).into());
                    }
                    branch.push(parent);
                }
                Decision::Extend { new } => {
                    let new = self.read_blocks(member, new).await?;
                    self.commit(ChainChange { old: Vec::new(), new }).await?;
                    break;
                }
                Decision::Reorged { .. } | Decision::TooDeep { .. } if !fresh => {
                    fresh = true;
                    branch = vec![source.head().await?];
                }
                Decision::Reorged { .. } | Decision::TooDeep { .. } | Decision::Reverted { .. }
                    if self.is_syncing(member).await? =>
                {
                    return Ok(());
                }
                Decision::Reorged { .. } | Decision::TooDeep { .. }
                    if !believed && self.is_contradicted(member, branch[0].reference()).await =>
                {
                    return Ok(());
                }
                Decision::Reorged { ancestor, old, new } => {
                    tracing::warn!(
                        depth = old.len(),
                        ancestor = ancestor.map(tracing::field::display),
                        new = new.len(),
                        "the chain was reorganised"
                    );
                    let new = self.read_blocks(member, new).await?;
                    self.commit(ChainChange { old, new }).await?;
                    branch = vec![source.head().await?];
                }
                Decision::Reverted { old } => {
                    tracing::warn!(depth = old.len(), to = %branch[0].reference(), "the chain was cut back");
                    self.commit(ChainChange { old, new: Vec::new() }).await?;
                }
                Decision::Fill { from, to } => {
                    self.state(State::Syncing);
                    branch = match self.fill(member, from, to).await? {
                        // Below its first block the chain parts from ours: that block, higher than our tip, will
                        // prove it.
                        Some(parted) => vec![parted],
                        None => vec![source.head().await?],
                    };
                    fresh = true;
                }
                Decision::TooDeep { ours, theirs } => {
                    let max_reorg_depth = self.config.max_reorg_depth;
                    return Err(IndexerError::TooDeep { ours, theirs, max_reorg_depth }.into());
                }
            }
        }
        self.pool.worked(member.place);
        self.state(State::Live);
        Ok(())
    }

    fn is_below_ours(&self, head: &Header) -> bool {
        self.chain.tip().is_some_and(|tip| head.number < tip.number)
    }

    fn stall_below(&self, member: &Member, theirs: BlockNumber, how_far: &str) {
        let ours = self.chain.next_number().0.saturating_sub(1);
        let reason = format!("{}'s head {theirs} is below ours, {ours}{how_far}", member.source.endpoint());
        self.state(State::Stalled { reason });
    }

    /// Whether a head below ours proves that the chain was cut back.
    fn lower_is_believed(&mut self, head: &Header) -> bool {
        let Some(tip) = self.chain.tip().filter(|tip| head.number < tip.number) else {
            self.below_since = None;
            return false;
        };
        self.below_since.get_or_insert_with(Instant::now);
        self.pool.is_cut_back(head.reference(), (tip.number, self.tip_at))
    }

    fn lower_is_worth_telling(&self) -> bool {
        let patience = Duration::from_millis(self.config.reorg_patience_ms);
        self.below_since.is_some_and(|since| since.elapsed() >= patience)
    }

    /// Whether an endpoint that would have us take blocks back says that it is itself syncing.
    async fn is_syncing(&self, member: &Member) -> Result<bool, SourceError> {
        let syncing = member.source.syncing().await?;
        self.pool.set_syncing(member.place, syncing);
        Ok(syncing)
    }

    /// Whether the other endpoints hold on to our chain while this one would have us leave it for `theirs`.
    async fn is_contradicted(&self, member: &Member, theirs: BlockRef) -> bool {
        let Some(tip) = self.chain.tip() else { return false };
        let others = self.pool.others(member.place);
        let stances = others.iter().map(|(other, head)| stance(other, *head, tip));
        let stances: Vec<_> = futures::future::join_all(stances).await.into_iter().flatten().collect();
        // A branch that was shown while catching up may end below its head.
        if !score::is_contradicted(self.pool.height(member.place, theirs.number), &stances) {
            return false;
        }
        let holding = stances.iter().filter(|s| s.has_our_tip).count();
        let reason =
            format!("{} is on another fork, at {theirs}, than {holding} others", member.source.endpoint());
        tracing::warn!(reason, "a reorganisation is not believed");
        metrics::counter!("wia_indexer_reorgs_refused_total").increment(1);
        self.pool.contradicts(member.place, reason);
        true
    }
}

/// What `other` says of our tip; `None` when it cannot say.
async fn stance(other: &Member, head: Option<BlockNumber>, tip: BlockRef) -> Option<Stance> {
    let at_tip = other.source.headers(tip.number, tip.number).await.ok()?;
    let has_our_tip = at_tip.first().is_some_and(|h| h.hash == tip.hash);
    let head = head.map_or(tip.number, |h| h.max(tip.number));
    Some(Stance { head, has_our_tip })
}
