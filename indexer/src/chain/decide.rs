//! What to believe: from the tip of our chain and what an endpoint says, the next step. Pure.
//!
//! In: the recent links of our canonical chain and a branch that the endpoint showed, head first, each header
//! the child of the next. Out: a [`Decision`]. A reorganisation is believed only when a chain at least as high as
//! ours proves it by parent hashes; a lower head only once it was reported for long enough (the caller's clock).
//! `removed` flags of logs play no part: endpoints forget to send them.

use std::collections::VecDeque;

use alloy::primitives::B256;
use wia_abi::BlockNumber;

use crate::chain::block::{BlockRef, Header};

/// One block of our chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) number: BlockNumber,
    pub(crate) hash: B256,
}

/// The last links of our canonical chain: as many as a reorganisation may take back, and their root.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    links: VecDeque<Link>,
    first_block: BlockNumber,
    max_reorg_depth: u64,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The head is our tip, or below the first block that we index.
    Nothing,
    /// The head is below our tip: lagging, stale, or cut back. Only patience tells.
    Lower,
    /// Commit these, lowest first.
    Extend { new: Vec<Header> },
    /// We are far behind: fetch by height.
    Fill { from: BlockNumber, to: BlockNumber },
    /// Show this header's block too: the branch does not reach our chain yet.
    Parent { hash: B256 },
    /// Retract `old` (tip first), then commit `new` (lowest first). `ancestor` stays; `None`: nothing does.
    Reorged { ancestor: Option<BlockRef>, old: Vec<BlockRef>, new: Vec<Header> },
    /// Retract these, tip first.
    Reverted { old: Vec<BlockRef> },
    /// The chains part below all that we may take back.
    TooDeep { ours: BlockRef, theirs: BlockRef },
}

impl Chain {
    /// An empty chain that begins at `first_block`.
    pub(crate) fn new(first_block: BlockNumber, max_reorg_depth: u64) -> Self {
        Self { links: VecDeque::new(), first_block, max_reorg_depth }
    }

    /// The last block, if any.
    pub(crate) fn tip(&self) -> Option<BlockRef> {
        self.links.back().map(|l| BlockRef { number: l.number, hash: l.hash })
    }

    /// The height that comes next.
    pub(crate) fn next_number(&self) -> BlockNumber {
        self.tip().map_or(self.first_block, |t| BlockNumber(t.number.0 + 1))
    }

    /// Puts a block on top. The caller has checked that it belongs there.
    pub(crate) fn push(&mut self, block: BlockRef) {
        self.links.push_back(Link { number: block.number, hash: block.hash });
        while self.links.len() as u64 > self.max_reorg_depth.saturating_add(1) {
            self.links.pop_front();
        }
    }

    /// The same chain after blocks were taken back: it remembers as far down again as before.
    pub(crate) fn refilled(&self, recent: impl IntoIterator<Item = BlockRef>) -> Self {
        let mut chain = Self::new(self.first_block, self.max_reorg_depth);
        recent.into_iter().for_each(|b| chain.push(b));
        chain
    }

    /// How many blocks [`Chain::refilled`] can use.
    pub(crate) fn memory_blocks(&self) -> u64 {
        self.max_reorg_depth.saturating_add(1)
    }

    fn hash_at(&self, number: BlockNumber) -> Option<B256> {
        let base = self.links.front()?.number.0;
        let index = usize::try_from(number.0.checked_sub(base)?).ok()?;
        self.links.get(index).map(|l| l.hash)
    }

    /// All blocks above `number`, tip first.
    fn above(&self, number: Option<BlockNumber>) -> Vec<BlockRef> {
        let kept = |l: &&Link| number.is_none_or(|n| l.number > n);
        self.links
            .iter()
            .rev()
            .take_while(kept)
            .map(|l| BlockRef { number: l.number, hash: l.hash })
            .collect()
    }

    /// The next step, given a branch with at least its head. `lower_believed`: the endpoint reported a head
    /// below our tip for longer than patience.
    pub(crate) fn decide(&self, branch: &[Header], lower_believed: bool) -> Decision {
        let (Some(head), Some(oldest)) = (branch.first(), branch.last()) else { return Decision::Nothing };
        let (Some(tip), Some(base)) = (self.tip(), self.links.front()) else {
            return match oldest.number.cmp(&self.first_block) {
                _ if head.number < self.first_block => Decision::Nothing,
                std::cmp::Ordering::Equal => Decision::Extend { new: ascending(branch) },
                _ => Decision::Fill { from: self.first_block, to: head.number },
            };
        };
        if head.hash == tip.hash {
            return Decision::Nothing;
        }
        if head.number < tip.number && !lower_believed {
            return Decision::Lower;
        }
        if self.hash_at(head.number) == Some(head.hash) {
            return Decision::Reverted { old: self.above(Some(head.number)) };
        }
        if oldest.number.0 > tip.number.0 + 1 {
            return Decision::Fill { from: BlockNumber(tip.number.0 + 1), to: head.number };
        }
        let too_deep = Decision::TooDeep { ours: tip, theirs: head.reference() };
        let whole = base.number == self.first_block;
        if oldest.number <= base.number {
            // Below what we remember. That is the end, unless we remember everything from the first block on.
            let old = self.above(None);
            return match oldest.number.cmp(&self.first_block) {
                _ if !whole || old.len() as u64 > self.max_reorg_depth => too_deep,
                std::cmp::Ordering::Less => Decision::Reverted { old },
                _ => Decision::Reorged { ancestor: None, old, new: ascending(branch) },
            };
        }
        let ancestor = BlockRef { number: BlockNumber(oldest.number.0 - 1), hash: oldest.parent_hash };
        match self.hash_at(ancestor.number) == Some(ancestor.hash) {
            false => Decision::Parent { hash: oldest.parent_hash },
            true if ancestor == tip => Decision::Extend { new: ascending(branch) },
            true => Decision::Reorged {
                ancestor: Some(ancestor),
                old: self.above(Some(ancestor.number)),
                new: ascending(branch),
            },
        }
    }
}

fn ascending(branch: &[Header]) -> Vec<Header> {
    branch.iter().rev().cloned().collect()
}

#[cfg(test)]
mod tests;
