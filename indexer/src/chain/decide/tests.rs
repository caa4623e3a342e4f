//! Each decision by example, and by chance: whatever the endpoint's chain does, we end on it, and never by
//! taking back a block that nothing spoke against.

use alloy::primitives::Bloom;
use proptest::prelude::*;

use super::*;

const MAX_DEPTH: u64 = 8;

/// A block named by height and a letter for its fork; its parent is on `parent_fork`.
fn block(number: u64, fork: u8, parent_fork: u8) -> Header {
    Header {
        number: BlockNumber(number),
        hash: hash(number, fork),
        parent_hash: hash(number.wrapping_sub(1), parent_fork),
        timestamp_s: number,
        logs_bloom: Bloom::default(),
        receipts_root: B256::ZERO,
    }
}

fn hash(number: u64, fork: u8) -> B256 {
    let mut hash = B256::with_last_byte(fork);
    hash[..8].copy_from_slice(&number.to_be_bytes());
    hash
}

fn chain(numbers: std::ops::RangeInclusive<u64>) -> Chain {
    let mut chain = Chain::new(BlockNumber(1), MAX_DEPTH);
    for number in numbers {
        chain.push(block(number, b'a', b'a').reference());
    }
    chain
}

fn numbers(blocks: &[BlockRef]) -> Vec<u64> {
    blocks.iter().map(|b| b.number.0).collect()
}

#[test]
fn an_empty_chain_waits_for_its_first_block_then_fills() {
    let empty = Chain::new(BlockNumber(5), MAX_DEPTH);
    assert_eq!(empty.decide(&[block(4, b'a', b'a')], false), Decision::Nothing);
    let first = block(5, b'a', b'a');
    assert_eq!(empty.decide(std::slice::from_ref(&first), false), Decision::Extend { new: vec![first] });
    let fill = Decision::Fill { from: BlockNumber(5), to: BlockNumber(9) };
    assert_eq!(empty.decide(&[block(9, b'a', b'a')], false), fill);
}

#[test]
fn the_next_block_extends_and_a_distant_one_fills() {
    let chain = chain(1..=5);
    assert_eq!(chain.decide(&[block(5, b'a', b'a')], false), Decision::Nothing);
    let next = block(6, b'a', b'a');
    assert_eq!(chain.decide(std::slice::from_ref(&next), false), Decision::Extend { new: vec![next] });
    let fill = Decision::Fill { from: BlockNumber(6), to: BlockNumber(40) };
    assert_eq!(chain.decide(&[block(40, b'b', b'b')], false), fill);
}

#[test]
fn a_reorganisation_needs_a_chain_as_high_as_ours_down_to_a_common_block() {
    let chain = chain(1..=5);
    // Lower: not believed, whatever it claims.
    assert_eq!(chain.decide(&[block(4, b'b', b'a')], false), Decision::Lower);
    // As high, but where it parts from ours is not shown yet.
    let head = block(5, b'b', b'b');
    assert_eq!(chain.decide(std::slice::from_ref(&head), false), Decision::Parent { hash: hash(4, b'b') });
    let Decision::Reorged { ancestor, old, new } = chain.decide(&[head, block(4, b'b', b'a')], false) else {
        panic!("not believed")
    };
    assert_eq!(ancestor.unwrap().hash, hash(3, b'a'));
    assert_eq!(numbers(&old), [5, 4]);
    assert_eq!(new.iter().map(|h| h.number.0).collect::<Vec<_>>(), [4, 5]);
}

#[test]
fn a_lower_head_is_believed_after_patience() {
    let chain = chain(1..=5);
    let ours = block(2, b'a', b'a');
    assert_eq!(chain.decide(std::slice::from_ref(&ours), false), Decision::Lower);
    let Decision::Reverted { old } = chain.decide(&[ours], true) else { panic!("not believed") };
    assert_eq!(numbers(&old), [5, 4, 3]);
    // Cut back and grown differently, still lower.
    let Decision::Reorged { old, .. } = chain.decide(&[block(4, b'b', b'a')], true) else {
        panic!("not believed")
    };
    assert_eq!(numbers(&old), [5, 4]);
    // Cut back below all that we index.
    let Decision::Reverted { old } = chain.decide(&[block(0, b'a', b'a')], true) else {
        panic!("not believed")
    };
    assert_eq!(numbers(&old), [5, 4, 3, 2, 1]);
}

#[test]
fn even_the_first_indexed_block_can_be_replaced() {
    let chain = chain(1..=2);
    let branch = [block(2, b'b', b'b'), block(1, b'b', b'b')];
    let Decision::Reorged { ancestor: None, old, new } = chain.decide(&branch, false) else {
        panic!("not believed")
    };
    assert_eq!((numbers(&old), new.len()), (vec![2, 1], 2));
}

#[test]
fn what_parts_below_our_memory_is_too_deep() {
    let chain = chain(1..=40);
    let mut branch: Vec<_> = (32..=40).rev().map(|n| block(n, b'b', b'b')).collect();
    assert!(matches!(chain.decide(&branch, false), Decision::TooDeep { .. }));
    // One block higher there is still a common one to find.
    branch.pop();
    assert_eq!(chain.decide(&branch, false), Decision::Parent { hash: hash(32, b'b') });
    assert!(matches!(chain.decide(&[block(3, b'a', b'a')], true), Decision::TooDeep { .. }));
    assert_eq!(chain.decide(&[block(3, b'a', b'a')], false), Decision::Lower);
}

/// What the endpoint's chain does next.
#[derive(Debug, Clone)]
enum Move {
    Grow(u8),
    /// Cut off this many and grow by that many with new hashes.
    Reorg(u8, u8),
}

proptest! {
    #[test]
    fn we_always_end_on_the_endpoints_chain(
        moves in prop::collection::vec(
            prop_oneof![
                (1_u8..12).prop_map(Move::Grow),
                (1_u8..=8, 0_u8..12).prop_map(|(cut, grow)| Move::Reorg(cut, grow)),
            ],
            1..30,
        ),
    ) {
        let mut theirs: Vec<Header> = vec![block(0, 0, 0)];
        let mut ours = Chain::new(BlockNumber(1), MAX_DEPTH);
        let mut mirror: Vec<BlockRef> = Vec::new();
        let mut fork = 0_u8;
        for step in moves {
            let (cut, grow) = match step {
                Move::Grow(n) => (0, n),
                Move::Reorg(cut, grow) => {
                    fork += 1;
                    (cut, grow)
                }
            };
            // Never deeper than allowed: that case has its own test.
            theirs.truncate((theirs.len() - 1).saturating_sub(cut as usize) + 1);
            for _ in 0..grow {
                let parent = theirs.last().unwrap();
                let mut child = block(parent.number.0 + 1, fork, 0);
                child.parent_hash = parent.hash;
                theirs.push(child);
            }
            follow(&theirs, &mut ours, &mut mirror)?;
            let expected: Vec<_> = theirs[1..].iter().map(Header::reference).collect();
            prop_assert_eq!(&mirror, &expected);
        }
    }
}

/// Carries decisions out against an endpoint that tells the truth, with patience at the end.
fn follow(theirs: &[Header], ours: &mut Chain, mirror: &mut Vec<BlockRef>) -> Result<(), TestCaseError> {
    let canonical = |b: &BlockRef| theirs.iter().any(|h| h.reference() == *b);
    let mut branch = vec![theirs.last().unwrap().clone()];
    let mut believed = false;
    for _ in 0..200 {
        let (old, new) = match ours.decide(&branch, believed) {
            Decision::Nothing => return Ok(()),
            Decision::Lower => {
                believed = true;
                continue;
            }
            Decision::Parent { hash } => {
                branch.push(theirs.iter().find(|h| h.hash == hash).unwrap().clone());
                continue;
            }
            Decision::Fill { from, .. } => {
                let first = &theirs[usize::try_from(from.0).unwrap()];
                if ours.tip().is_some_and(|t| t.hash != first.parent_hash) {
                    branch = vec![first.clone()];
                    continue;
                }
                (vec![], vec![first.clone()])
            }
            Decision::Extend { new } => (vec![], new),
            Decision::Reorged { old, new, .. } => (old, new),
            Decision::Reverted { old } => (old, vec![]),
            Decision::TooDeep { .. } => return Err(TestCaseError::fail("never that deep")),
        };
        for block in old {
            prop_assert!(!canonical(&block), "{} was taken back though nothing spoke against it", block);
            prop_assert_eq!(mirror.pop(), Some(block));
        }
        *ours = ours.refilled(mirror.iter().copied());
        for header in new {
            mirror.push(header.reference());
            ours.push(header.reference());
        }
        branch = vec![theirs.last().unwrap().clone()];
    }
    Err(TestCaseError::fail("no end"))
}
