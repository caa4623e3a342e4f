//! Turns: one order for all, one after the other, nobody for ever.

use proptest::prelude::*;

use super::*;

const K: u64 = 3;
const ALIVE_MS: u64 = 10_000;
const RULES: Rules = Rules { takeover_after_blocks: K, alive_ms: ALIVE_MS };
const START: Timestamp = Timestamp(1_000_000);
const NEVER: u64 = u64::MAX;

fn address(n: u8) -> Address {
    Address::repeat_byte(n)
}

/// What relayers 1…n think, each for itself.
fn all(n: u8) -> Vec<Turns> {
    let addresses: Vec<Address> = (1..=n).map(address).collect();
    addresses.iter().map(|own| Turns::new(RULES, *own, &addresses, START)).collect()
}

/// Relayers 1…n in the order of their turns.
fn order(n: u8, id: B256) -> Vec<usize> {
    let mut order: Vec<usize> = (0..usize::from(n)).collect();
    order.sort_by_cached_key(|i| std::cmp::Reverse(score(id, address(u8::try_from(i + 1).unwrap()))));
    order
}

fn takers(turns: &mut [Turns], id: B256, head: u64, now: Timestamp) -> Vec<usize> {
    (0..turns.len()).filter(|i| turns[*i].may_take(id, NEVER, head, now)).collect()
}

fn heard(relayer: u8, at: Timestamp, until_block: u64, relay_ids: &[B256]) -> Heard<'_> {
    Heard { relayer: address(relayer), issued_at: at, until_block, relay_ids }
}

fn later(ms: u64) -> Timestamp {
    Timestamp(START.0 + ms)
}

#[test]
fn alone_everything_is_ours_at_once() {
    let mut alone = Turns::new(RULES, address(1), &[address(1)], START);
    assert!(alone.may_take(B256::ZERO, NEVER, 0, START));
}

#[test]
fn one_after_the_other() {
    let mut turns = all(3);
    let id = B256::repeat_byte(9);
    let order = order(3, id);
    for (head, n) in [(100, 1), (102, 1), (103, 2), (105, 2), (106, 3)] {
        let mut first = order[..n].to_vec();
        first.sort_unstable();
        assert_eq!(takers(&mut turns, id, head, START), first, "at {head}");
    }
}

#[test]
fn the_silent_are_passed_over_and_come_back_when_heard() {
    let mut turns = all(2);
    let id = B256::repeat_byte(1);
    let order = order(2, id);
    let (first, second) = (order[0], order[1]);
    let first_address = u8::try_from(first + 1).unwrap();
    assert!(!turns[second].may_take(id, NEVER, 10, later(ALIVE_MS)));
    assert!(turns[second].silent(later(ALIVE_MS)).is_empty());
    let now = later(ALIVE_MS + 1);
    assert!(turns[second].may_take(id, NEVER, 10, now));
    assert_eq!(turns[second].silent(now), [address(first_address)]);
    assert_eq!(turns[second].heard(heard(first_address, now, 0, &[]), 10, now), Brought::News);
    assert!(!turns[second].may_take(id, NEVER, 10, now));
    assert!(turns[first].may_take(id, NEVER, 10, now), "itself is always there");
}

#[test]
fn a_claim_holds_others_off_up_to_its_block_then_it_is_the_next_ones_turn() {
    let mut turns = all(3);
    let ids = [B256::repeat_byte(2)];
    let order = order(3, ids[0]);
    let first = u8::try_from(order[0] + 1).unwrap();
    let until = turns[order[0]].take(&ids, 100, START);
    assert_eq!(until, 100 + 2 * K);
    for other in &order[1..] {
        assert_eq!(turns[*other].heard(heard(first, START, until, &ids), 100, START), Brought::News);
    }
    assert_eq!(takers(&mut turns, ids[0], until, START), [order[0]]);
    assert_eq!(takers(&mut turns, ids[0], until + 1, START), [order[1]]);
    let mut both = order[1..].to_vec();
    both.sort_unstable();
    assert_eq!(takers(&mut turns, ids[0], until + 1 + K, START), both);
    // Claiming again does not help it: others have not had their turn.
    let again = heard(first, START, until + 100, &ids);
    assert_eq!(turns[order[1]].heard(again, until + 1, START), Brought::Nothing);
    assert!(turns[order[1]].may_take(ids[0], NEVER, until + 1, START));
}

#[test]
fn what_we_took_stays_ours_unless_one_before_us_claims_it() {
    let ids = [B256::repeat_byte(3)];
    let order = order(3, ids[0]);
    let number = |i: usize| u8::try_from(order[i] + 1).unwrap();
    let mut middle = all(3).swap_remove(order[1]);
    middle.take(&ids, 50, START);
    middle.heard(heard(number(2), START, 60, &ids), 50, START);
    assert!(middle.may_take(ids[0], NEVER, 50, START));
    middle.heard(heard(number(0), START, 60, &ids), 50, START);
    assert!(!middle.may_take(ids[0], NEVER, 50, START));
}

#[test]
fn a_promise_comes_before_all_turns() {
    let mut turns = all(3);
    let ids = [B256::repeat_byte(4)];
    let order = order(3, ids[0]);
    let last = &mut turns[order[2]];
    last.heard(heard(u8::try_from(order[0] + 1).unwrap(), START, NEVER, &ids), 100, START);
    assert!(!last.may_take(ids[0], 104, 100, START));
    assert!(last.may_take(ids[0], 104, 101, START));
}

#[test]
fn stale_repeated_foreign_and_own_claims_bring_nothing() {
    let mut turns = all(2).swap_remove(0);
    let ids = [B256::repeat_byte(5)];
    let now = later(60_000);
    let old = Timestamp(now.0 - ALIVE_MS - 1);
    let ahead = Timestamp(now.0 + ALIVE_MS + 1);
    for claim in [heard(2, old, NEVER, &ids), heard(2, ahead, NEVER, &ids), heard(9, now, NEVER, &ids)] {
        assert_eq!(turns.heard(claim, 10, now), Brought::Nothing, "{claim:?}");
    }
    assert_eq!(turns.heard(heard(1, now, NEVER, &ids), 10, now), Brought::Nothing);
    assert_eq!(turns.silent(now), [address(2)], "nothing of that is a sign of life");
    assert!(turns.may_take(ids[0], NEVER, 10, now));

    let claim = heard(2, now, 12, &ids);
    assert_eq!(turns.heard(claim, 10, now), Brought::News);
    assert_eq!(turns.heard(claim, 10, now), Brought::Nothing);
    let late = Timestamp(now.0 + 1);
    assert_eq!(turns.heard(heard(2, late, 9, &[B256::ZERO]), 10, late), Brought::News, "it lives, at least");
    assert!(turns.young.len() == 1 && turns.old.is_empty(), "and holds nothing off");
}

#[test]
fn what_is_remembered_is_bounded_and_what_is_used_stays() {
    let mut turns = all(2).swap_remove(0);
    turns.messages_max = 100;
    let kept = B256::repeat_byte(0xff);
    turns.heard(heard(2, START, 1, &[kept]), 0, START);
    for n in 0..1_000_u64 {
        turns.heard(heard(2, START, 1, &[B256::left_padding_from(&n.to_be_bytes())]), 0, START);
        assert!(turns.message(kept, 0).held.is_some());
        assert!(turns.young.len() + turns.old.len() <= 100);
    }
}

proptest! {
    // Each case is many relayers, each with a view of its own.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn all_relayers_come_to_one_order(n in prop_oneof![1_u8..=8, Just(64)], id: [u8; 32], head in 0..u64::MAX / 2) {
        let (id, mut turns) = (B256::from(id), all(n));
        for seen in &mut turns {
            seen.message(id, head);
        }
        let order = order(n, id);
        for (rank, relayer) in order.iter().enumerate() {
            let turn = head + u64::try_from(rank).unwrap() * K;
            prop_assert!(turns[*relayer].may_take(id, NEVER, turn, START), "{relayer} is {rank} of {n}");
            prop_assert!(rank == 0 || !turns[*relayer].may_take(id, NEVER, turn - 1, START));
        }
    }

    /// Others may claim what they like, as often as they like, and do nothing: our turn comes.
    #[test]
    fn nobody_keeps_a_message_for_ever(
        n in 2_u8..8,
        id: [u8; 32],
        claims in prop::collection::vec(prop::collection::vec((2_u8..8, 0_u64..1_000), 0..6), 200),
    ) {
        let ids = [B256::from(id)];
        let mut turns = all(n).swap_remove(0);
        let longest = (LONGEST_CLAIM * K + 1 + K) * u64::from(n);
        let mut head = 100;
        while !turns.may_take(ids[0], NEVER, head, START) {
            let at = usize::try_from(head - 100).unwrap();
            for (by, blocks) in &claims[at] {
                turns.heard(heard(*by, Timestamp(START.0 + head), head + blocks, &ids), head, START);
            }
            head += 1;
            prop_assert!(head <= 100 + longest, "still waiting after {} blocks", head - 100);
        }
    }
}
