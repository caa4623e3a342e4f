//! When a block's events are told: a state machine over the entries of the log. Pure.
//!
//! In: entries in log order. Out: for each, what it makes tellable: the events of the block that reached the wanted
//! depth, those of the block that reached the final one, or the retraction of a block that was told before. A block
//! reaches a depth once per commitment, however often the chain above it is replaced.
//!
//! Nothing but the last `max(deliver, finalize)` blocks is remembered. A block that has left the window was deep
//! enough for both, and so was told; a block below a deep reorganisation that comes near the head again must not be
//! told twice, and is not, since it is not in the window.

use std::collections::VecDeque;
use std::sync::Arc;

use alloy::primitives::B256;

use crate::log::entry::Entry;

/// What a message says of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It happened, and is as deep as was asked for.
    Event,
    /// It was told, and its block left the chain.
    Retracted,
    /// It was told, and is final now.
    Finalized,
}

impl Kind {
    /// As messages write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Event => "event",
            Kind::Retracted => "retracted",
            Kind::Finalized => "finalized",
        }
    }
}

/// Something that has an entry: the entry itself, or more.
pub(crate) trait HasEntry {
    fn entry(&self) -> &Entry;
}

/// The machine.
#[derive(Debug)]
pub(crate) struct Depths<E> {
    deliver: u64,
    finalize: Option<u64>,
    /// The last blocks of the branch, lowest first, each with the most confirmations that it ever had.
    window: VecDeque<(Arc<E>, u64)>,
}

/// A block whose events are to be told.
#[derive(Debug)]
pub(crate) struct Step<E> {
    pub(crate) kind: Kind,
    pub(crate) confirmations: u64,
    pub(crate) block: Arc<E>,
}

impl<E: HasEntry> Depths<E> {
    /// Tells blocks with `deliver` confirmations (0 as 1), and again with `finalize` if that is more.
    pub(crate) fn new(deliver: u64, finalize: Option<u64>) -> Self {
        let deliver = deliver.max(1);
        Self { deliver, finalize: finalize.filter(|depth| *depth > deliver), window: VecDeque::new() }
    }

    /// The same depths, with nothing taken in yet.
    pub(crate) fn afresh(&self) -> Self {
        Self { deliver: self.deliver, finalize: self.finalize, window: VecDeque::new() }
    }

    /// How many blocks it remembers, the head included.
    pub(crate) fn blocks(&self) -> u64 {
        self.finalize.unwrap_or(self.deliver)
    }

    /// Takes in the next entry; gives what it makes tellable, in order.
    pub(crate) fn take(&mut self, entry: Arc<E>) -> Vec<Step<E>> {
        if entry.entry().is_retraction() {
            return self.retract(entry).into_iter().collect();
        }
        let parent = entry.entry().block.parent_hash;
        if self.window.back().is_some_and(|(below, _)| below.entry().block.hash != parent) {
            // Retractions come before what replaces; this is a start in the middle.
            self.window.clear();
        }
        // Before the new one has its place, which would be one above a power of two: each subscriber has a window.
        while self.window.len() as u64 >= self.blocks() {
            self.window.pop_front();
        }
        self.window.push_back((entry, 0));
        let mut steps = Vec::new();
        let reached = [(self.deliver, Kind::Event)].into_iter();
        for (depth, kind) in reached.chain(self.finalize.map(|depth| (depth, Kind::Finalized))) {
            let place = (self.window.len() as u64).checked_sub(depth).and_then(|p| usize::try_from(p).ok());
            if let Some((block, most)) = place.and_then(|place| self.window.get(place))
                && *most < depth
            {
                steps.push(Step { kind, confirmations: depth, block: block.clone() });
            }
        }
        for (confirmations, (_, most)) in (1..).zip(self.window.iter_mut().rev()) {
            *most = confirmations.max(*most);
        }
        steps
    }

    fn retract(&mut self, entry: Arc<E>) -> Option<Step<E>> {
        let hash: B256 = entry.entry().block.hash;
        let told = match self.window.pop_back_if(|(block, _)| block.entry().block.hash == hash) {
            Some((_, most)) => most >= self.deliver,
            None => true,
        };
        told.then_some(Step { kind: Kind::Retracted, confirmations: 0, block: entry })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wia_abi::BlockNumber;

    use super::*;
    use crate::log::entry::{Block, Change, Offset};

    impl HasEntry for Entry {
        fn entry(&self) -> &Entry {
            self
        }
    }

    /// Block `number` of fork `fork` on a block of fork `parent`.
    fn block(number: u64, fork: u64, parent: u64) -> Block {
        let hash = |number: u64, fork: u64| {
            B256::from_slice(&[[0; 16].as_slice(), &number.to_be_bytes(), &fork.to_be_bytes()].concat())
        };
        Block {
            number: BlockNumber(number),
            hash: hash(number, fork),
            parent_hash: hash(number - 1, parent),
            timestamp_s: 0,
            transactions: Vec::new(),
            events: Vec::new(),
            opening: Vec::new(),
        }
    }

    fn told(depths: &mut Depths<Entry>, change: Change, block: &Block) -> Vec<(Kind, u64)> {
        let entry = Arc::new(Entry { offset: Offset(0), change, block: block.clone() });
        depths.take(entry).iter().map(|s| (s.kind, s.block.block.number.0)).collect()
    }

    const BACK: Change = Change::Retracted { committed_at: Offset(0) };

    #[test]
    fn blocks_are_told_at_their_depth_once_and_taken_back_if_told() {
        use Kind::{Event, Finalized, Retracted};
        let mut depths = Depths::new(2, Some(3));
        let (b1, b2, b3) = (block(1, 0, 0), block(2, 0, 0), block(3, 0, 0));
        assert_eq!(told(&mut depths, Change::Committed, &b1), []);
        assert_eq!(told(&mut depths, Change::Committed, &b2), [(Event, 1)]);
        assert_eq!(told(&mut depths, BACK, &b2), [], "block 2 was never told");
        let b2b = block(2, 1, 0);
        assert_eq!(told(&mut depths, Change::Committed, &b2b), [], "block 1 was told before");
        assert_eq!(told(&mut depths, Change::Committed, &block(3, 1, 1)), [(Event, 2), (Finalized, 1)]);
        assert_eq!(told(&mut depths, BACK, &block(3, 1, 1)), []);
        assert_eq!(told(&mut depths, BACK, &b2b), [(Retracted, 2)]);
        assert_eq!(told(&mut depths, BACK, &b1), [(Retracted, 1)], "it has left the window: it was told");
        assert_eq!(told(&mut depths, Change::Committed, &b1), []);
        assert_eq!(told(&mut depths, Change::Committed, &b2), [(Event, 1)], "committed anew, told anew");
        assert_eq!(told(&mut depths, Change::Committed, &b3), [(Event, 2), (Finalized, 1)]);
    }

    #[test]
    fn nothing_and_one_confirmation_are_the_same() {
        for deliver in [0, 1] {
            let mut depths = Depths::new(deliver, None);
            assert_eq!(told(&mut depths, Change::Committed, &block(1, 0, 0)), [(Kind::Event, 1)]);
            assert_eq!(told(&mut depths, BACK, &block(1, 0, 0)), [(Kind::Retracted, 1)]);
        }
        assert_eq!(Depths::<Entry>::new(12, Some(12)).finalize, None, "told at the final depth, told once");
    }

    proptest! {
        /// Against a model that remembers everything: whatever the chain does, a block is told when it has the
        /// confirmations and was not told since it was committed, and taken back exactly if it was told.
        #[test]
        fn as_one_who_remembers_everything_would_tell(
            deliver in 1_u64..6,
            finalize in prop::option::of(1_u64..9),
            steps in prop::collection::vec((0_usize..9, 1_u64..5), 1..30),
        ) {
            let mut depths = Depths::new(deliver, finalize);
            // Per block of the chain: the block, whether told, whether told final.
            let mut chain: Vec<(Block, bool, bool)> = Vec::new();
            for (fork, (back, forward)) in (1_u64..).zip(steps) {
                for _ in 0..back.min(chain.len()) {
                    let (block, was_told, _) = chain.pop().unwrap();
                    let expected: Vec<_> = was_told.then_some((Kind::Retracted, block.number.0)).into_iter().collect();
                    prop_assert_eq!(told(&mut depths, BACK, &block), expected);
                }
                for _ in 0..forward {
                    let number = chain.len() as u64 + 1;
                    let mut new = block(number, fork, 0);
                    if let Some((below, ..)) = chain.last() {
                        new.parent_hash = below.hash;
                    }
                    chain.push((new.clone(), false, false));
                    let mut expected = Vec::new();
                    let tip = number;
                    for (block, was_told, _) in &mut chain {
                        if !*was_told && tip - block.number.0 + 1 >= deliver {
                            *was_told = true;
                            expected.push((Kind::Event, block.number.0));
                        }
                    }
                    for (block, _, was_final) in &mut chain {
                        if let Some(depth) = finalize.filter(|d| *d > deliver)
                            && !*was_final
                            && tip - block.number.0 + 1 >= depth
                        {
                            *was_final = true;
                            expected.push((Kind::Finalized, block.number.0));
                        }
                    }
                    prop_assert_eq!(told(&mut depths, Change::Committed, &new), expected);
                }
            }
        }
    }
}
