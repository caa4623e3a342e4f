//! What happened of late, for the operator's eye: counts since the start, the last blocks with messages of ours, the
//! last messages that failed.
//!
//! In: every step, once it is durable. Out: a snapshot. All of it is bounded, none of it is kept over a restart.

use std::collections::VecDeque;

use serde::Serialize;
use wia_protocol::relay::{State, Update};

/// Blocks that are remembered.
const MAX_BLOCKS: usize = 16;

/// Failed messages that are remembered.
const MAX_FAILURES: usize = 8;

/// What happened since the start, and of late.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recent {
    /// How often messages reached a state since the start.
    pub steps: Steps,
    /// The last blocks in which messages were, by height, the highest first.
    pub blocks: VecDeque<BlockCounts>,
    /// The last messages that were skipped, rejected or have expired, the newest first.
    pub failures: VecDeque<Update>,
}

/// How often messages reached a state; one that was reorged and mined again counts in `mined` twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Steps {
    /// Taken, with a receipt.
    pub accepted: u64,
    /// Executed in a block.
    pub mined: u64,
    /// Deep enough.
    #[serde(rename = "final")]
    pub finalized: u64,
    /// Passed over by the chain.
    pub skipped: u64,
    /// Too late.
    pub expired: u64,
    /// Dropped, with a signed refusal.
    pub rejected: u64,
    /// Their block left the chain.
    pub reorged: u64,
}

/// Messages at one height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BlockCounts {
    /// The height.
    pub number: u64,
    /// Executed there.
    pub executed: u64,
    /// Passed over there.
    pub skipped: u64,
    /// Of both, those that left the chain with a block of that height.
    pub reorged: u64,
}

impl Recent {
    /// Counts a step.
    pub(crate) fn note(&mut self, update: &Update) {
        let count = match update.status {
            State::Accepted => &mut self.steps.accepted,
            State::Mined => &mut self.steps.mined,
            State::Final => &mut self.steps.finalized,
            State::Skipped => &mut self.steps.skipped,
            State::Expired => &mut self.steps.expired,
            State::Rejected => &mut self.steps.rejected,
            State::Reorged => &mut self.steps.reorged,
            State::Claimed | State::Submitted => return,
        };
        *count += 1;
        if matches!(update.status, State::Skipped | State::Expired | State::Rejected) {
            self.failures.push_front(update.clone());
            self.failures.truncate(MAX_FAILURES);
        }
        let in_block = matches!(update.status, State::Mined | State::Skipped | State::Reorged);
        let Some(block) = update.block.filter(|_| in_block).and_then(|number| self.block(number)) else {
            return;
        };
        *match update.status {
            State::Mined => &mut block.executed,
            State::Skipped => &mut block.skipped,
            _ => &mut block.reorged,
        } += 1;
    }

    /// The counts of that height; `None` when it lies below all that are remembered.
    fn block(&mut self, number: u64) -> Option<&mut BlockCounts> {
        let at = self.blocks.partition_point(|block| block.number > number);
        if self.blocks.get(at).is_none_or(|block| block.number != number) {
            if at == MAX_BLOCKS {
                return None;
            }
            self.blocks.insert(at, BlockCounts { number, executed: 0, skipped: 0, reorged: 0 });
            self.blocks.truncate(MAX_BLOCKS);
        }
        self.blocks.get_mut(at)
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;
    use wia_protocol::Timestamp;

    use super::*;

    fn step(status: State, block: Option<u64>) -> Update {
        Update {
            relay_id: B256::ZERO,
            status,
            sequence: 0,
            updated_at: Timestamp(0),
            tx_hash: None,
            block,
            index: None,
            confirmations: None,
            reason: None,
            refusal: None,
        }
    }

    fn noted(steps: impl IntoIterator<Item = (State, Option<u64>)>) -> Recent {
        let mut recent = Recent::default();
        steps.into_iter().for_each(|(status, block)| recent.note(&step(status, block)));
        recent
    }

    #[test]
    fn blocks_are_counted_by_height_and_a_reorg_is_told_beside() {
        let (mined, skipped, reorged) = (State::Mined, State::Skipped, State::Reorged);
        let seen = [(mined, 7), (mined, 9), (mined, 7), (skipped, 9), (reorged, 9), (mined, 8)];
        let recent = noted(seen.map(|(state, block)| (state, Some(block))));
        let counts = |number, executed, skipped, reorged| BlockCounts { number, executed, skipped, reorged };
        assert_eq!(recent.blocks, [counts(9, 1, 1, 1), counts(8, 1, 0, 0), counts(7, 2, 0, 0)]);
        assert_eq!((recent.steps.mined, recent.steps.skipped, recent.steps.reorged), (4, 1, 1));
    }

    #[test]
    fn the_highest_blocks_and_the_newest_failures_are_kept() {
        let recent = noted((0..40).rev().chain(100..110).map(|n| (State::Skipped, Some(n))));
        let heights: Vec<_> = recent.blocks.iter().map(|block| block.number).collect();
        let expected: Vec<_> = (100..110).rev().chain((34..40).rev()).collect();
        assert_eq!(heights, expected);
        let failed: Vec<_> = recent.failures.iter().filter_map(|failure| failure.block).collect();
        assert_eq!(failed, (102..110).rev().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_in_no_block_is_counted_all_the_same() {
        let states = [State::Accepted, State::Claimed, State::Submitted, State::Expired, State::Rejected];
        // A refusal names the block on whose state it rests: nothing of it is in that block.
        let recent = noted(states.map(|state| (state, (state == State::Rejected).then_some(7))));
        let Steps { accepted, expired, rejected, .. } = recent.steps;
        assert_eq!((accepted, expired, rejected, recent.failures.len()), (1, 1, 1, 2));
        assert!(recent.blocks.is_empty());
    }
}
