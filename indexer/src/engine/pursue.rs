//! From one head to a log that ends there: asks [`crate::chain::decide`] until there is nothing left to do.

use std::time::{Duration, Instant};

use super::{Engine, Failure, Freshness, Lower};
use crate::IndexerError;
use crate::chain::block::Header;
use crate::chain::decide::Decision;
use crate::health::State;
use crate::log::ChainChange;
use crate::source::{Source, SourceError};

impl Engine {
    /// Follows `head` as far as it proves itself.
    pub(super) async fn pursue(
        &mut self,
        source: &dyn Source,
        head: Header,
        mut freshness: Freshness,
    ) -> Result<(), Failure> {
        self.vitals.saw_head(head.number);
        let mut branch = vec![head];
        loop {
            let believed = self.lower_is_believed(&branch[0], freshness);
            match self.chain.decide(&branch, believed) {
                Decision::Nothing => break,
                // For a moment that is nothing: the endpoint may answer a question from before the last news.
                Decision::Lower if !self.lower_is_worth_telling() => return Ok(()),
                Decision::Lower => {
                    let (theirs, ours) = (branch[0].number, self.chain.next_number().0.saturating_sub(1));
                    let reason = format!("{}'s head {theirs} is below ours, {ours}", source.endpoint());
                    self.state(State::Stalled { reason });
                    return Ok(());
                }
                Decision::Parent { hash } => {
                    let Some(parent) = source.header(hash).await? else {
                        // Gone while we looked: nothing is proven, the next head will tell.
                        return Ok(());
                    };
                    if branch.last().is_none_or(|child| child.number.0 != parent.number.0 + 1) {
                        return Err(implausible(source, format!("block {hash} is not below its child")));
                    }
                    branch.push(parent);
                }
                Decision::Extend { new } => {
                    let new = self.read_blocks(source, new).await?;
                    self.commit(ChainChange { old: Vec::new(), new }).await?;
                    break;
                }
                Decision::Reorged { .. } | Decision::TooDeep { .. } if freshness == Freshness::Pushed => {
                    // It may have waited in the subscription's queue: a head that was overtaken since must not
                    // take us back to it.
                    freshness = Freshness::Asked;
                    branch = vec![source.head().await?];
                }
                Decision::Reorged { ancestor, old, new } => {
                    tracing::warn!(
                        depth = old.len(),
                        ancestor = ancestor.map(tracing::field::display),
                        new = new.len(),
                        "the chain was reorganised"
                    );
                    let new = self.read_blocks(source, new).await?;
                    self.commit(ChainChange { old, new }).await?;
                    branch = vec![source.head().await?];
                }
                Decision::Reverted { old } => {
                    tracing::warn!(depth = old.len(), to = %branch[0].reference(), "the chain was cut back");
                    self.commit(ChainChange { old, new: Vec::new() }).await?;
                }
                Decision::Fill { from, to } => {
                    self.state(State::Syncing);
                    branch = match self.fill(source, from, to).await? {
                        // Below its first block the chain parts from ours: that block, higher than our tip, will
                        // prove it.
                        Some(parted) => vec![parted],
                        None => vec![source.head().await?],
                    };
                    freshness = Freshness::Asked;
                }
                Decision::TooDeep { ours, theirs } => {
                    let max_reorg_depth = self.config.max_reorg_depth;
                    return Err(IndexerError::TooDeep { ours, theirs, max_reorg_depth }.into());
                }
            }
        }
        self.state(State::Live);
        Ok(())
    }

    /// Whether a head below ours was reported for long enough: the same one, each time it was asked for.
    fn lower_is_believed(&mut self, head: &Header, freshness: Freshness) -> bool {
        let is_lower = self.chain.tip().is_some_and(|tip| head.number < tip.number);
        if !is_lower {
            self.lower = None;
            return false;
        }
        if freshness == Freshness::Pushed {
            // Perhaps only late.
            return false;
        }
        let (now, before) = (Instant::now(), self.lower.take());
        let below_since = before.as_ref().map_or(now, |l| l.below_since);
        let since = before.filter(|l| l.hash == head.hash).map_or(now, |l| l.since);
        self.lower = Some(Lower { hash: head.hash, since, below_since });
        since.elapsed() >= self.patience()
    }

    fn lower_is_worth_telling(&self) -> bool {
        self.lower.as_ref().is_some_and(|l| l.below_since.elapsed() >= self.patience())
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.config.reorg_patience_ms)
    }
}

fn implausible(source: &dyn Source, reason: String) -> Failure {
    Failure::Source(SourceError::Implausible { endpoint: source.endpoint().to_owned(), reason })
}
