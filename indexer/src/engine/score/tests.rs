//! Who leads, who is believed, and who is not: by example.

use alloy::primitives::B256;

use super::*;

const PATIENCE: Duration = Duration::from_secs(3);
const REST: Rest = Rest { min_ms: 100, max_ms: 10_000 };

fn block(number: u64, fork: u8) -> BlockRef {
    BlockRef { number: BlockNumber(number), hash: B256::repeat_byte(fork) }
}

fn at(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

/// Standings with these heads, seen now and compared.
fn standings(heads: &[u64], now: Instant) -> Vec<Standing> {
    let mut standings = vec![Standing::default(); heads.len()];
    for (standing, head) in standings.iter_mut().zip(heads) {
        standing.looked(block(*head, 1), now, now);
        standing.answered(Duration::from_millis(2));
    }
    compare(&mut standings, now);
    standings
}

fn compare(standings: &mut [Standing], now: Instant) {
    let best = standings.iter().filter_map(|s| s.head).map(|h| h.number).max().unwrap();
    standings.iter_mut().for_each(|s| s.compared(best, now));
}

fn lead(standings: &[Standing], current: Option<usize>, now: Instant) -> Option<usize> {
    let usable: Vec<_> = standings.iter().enumerate().collect();
    leader(&usable, current, PATIENCE, now)
}

#[test]
fn the_preferred_leads_until_it_fails_and_again_when_it_has_recovered() {
    let now = Instant::now();
    let mut all = standings(&[10, 10], now);
    assert_eq!(lead(&all, None, now), Some(0));
    for _ in 0..4 {
        all[0].failed(0, REST, 0, now);
    }
    assert_eq!(lead(&all, Some(0), now), Some(1));
    // Good again is not enough to come back: recovered is.
    let mut answers = 0;
    while lead(&all, Some(1), now) == Some(1) {
        all[0].answered(Duration::from_millis(2));
        answers += 1;
        assert!(answers < 50);
    }
    assert!(answers > 4 && all[0].score(BlockNumber(10)) >= RECOVERED, "{answers}");
    assert_eq!(lead(&all, Some(0), now), Some(0));
    assert_eq!(lead(&[], Some(0), now), None);
}

#[test]
fn one_that_stands_still_while_others_go_on_loses_the_lead() {
    let now = Instant::now();
    let mut all = standings(&[10, 10], now);
    all[1].saw(block(11, 1), now);
    compare(&mut all, now);
    assert_eq!(lead(&all, Some(0), at(now, 2)), Some(0), "a moment late");
    assert_eq!(lead(&all, Some(0), at(now, 3)), Some(1));
    // It moves, if slowly: no reason to leave it.
    all[0].saw(block(11, 1), at(now, 2));
    all[1].saw(block(12, 1), at(now, 2));
    compare(&mut all, at(now, 2));
    assert_eq!(lead(&all, Some(0), at(now, 4)), Some(0));
    // A quiet chain makes nobody stuck.
    let quiet = standings(&[10, 10], now);
    assert_eq!(lead(&quiet, Some(0), at(now, 3_600)), Some(0));
}

#[test]
fn failures_rest_longer_each_time_and_as_long_as_asked() {
    let now = Instant::now();
    let mut standing = Standing::default();
    let rest_ms = |s: &Standing| s.rests_until(now).map_or(0, |t| (t - now).as_millis());
    let mut rests = Vec::new();
    for _ in 0..9 {
        standing.failed(0, REST, 99, now);
        rests.push(rest_ms(&standing));
    }
    assert_eq!(rests[..3], [100, 100, 100], "by chance 99 of a growing cap");
    standing.failed(2_000, REST, 0, now);
    assert_eq!(rest_ms(&standing), 2_000);
    standing.failed(u64::MAX, REST, 0, now);
    assert_eq!(rest_ms(&standing), 60_000, "no endpoint can send us away for ever");
    standing.worked();
    standing.failed(0, REST, u64::MAX, now);
    assert!(rest_ms(&standing) <= 100);
    assert_eq!(standing.rests_until(at(now, 1)), None);
}

#[test]
fn scores_are_lost_by_errors_latency_and_lag() {
    let now = Instant::now();
    let best = BlockNumber(10);
    let mut standing = standings(&[10], now).remove(0);
    assert_eq!(standing.score(best), PERFECT);
    assert_eq!(standing.score(BlockNumber(12)), PERFECT - 60);
    assert_eq!(standing.score(BlockNumber(1_000)), PERFECT - 300);
    for _ in 0..100 {
        standing.answered(Duration::from_millis(500));
    }
    assert!((PERFECT - 105..=PERFECT - 95).contains(&standing.score(best)));
    for _ in 0..20 {
        standing.failed(0, REST, 0, now);
    }
    assert!(standing.score(best) < 100);
}

/// An endpoint that was at block 10 and then reported 8 at each of these seconds.
fn fell_back(now: Instant, seconds: &[u64]) -> Standing {
    let mut standing = standings(&[10], now).remove(0);
    seconds.iter().for_each(|s| standing.looked(block(8, 1), at(now, *s), at(now, *s)));
    standing
}

fn cut_back(all: &[(&Standing, bool)], now: Instant, seconds: u64) -> bool {
    is_cut_back(all, block(8, 1), (BlockNumber(10), now), PATIENCE, at(now, seconds))
}

#[test]
fn a_lower_head_is_believed_when_all_witnesses_say_the_same_for_long_enough() {
    let now = Instant::now();
    let (steady, short) = (fell_back(now, &[1, 2, 3, 4]), fell_back(now, &[1, 2, 3]));
    assert!(cut_back(&[(&steady, true)], now, 4));
    assert!(!cut_back(&[(&short, true)], now, 60), "silence is no evidence");
    assert!(cut_back(&[(&steady, true), (&steady, true)], now, 4));
    assert!(!cut_back(&[(&steady, true), (&short, true)], now, 4));
    let elsewhere = fell_back(now, &[]);
    assert!(!cut_back(&[(&steady, true), (&elsewhere, true)], now, 4));
    // Gone for longer than patience, it speaks no more.
    assert!(cut_back(&[(&steady, true), (&elsewhere, false)], now, 4));
    assert!(!cut_back(&[(&steady, true), (&elsewhere, false)], now, 2));
    assert!(!cut_back(&[], now, 4));
}

#[test]
fn one_that_was_never_at_our_tip_is_behind_and_no_witness() {
    let now = Instant::now();
    let mut behind = standings(&[8], now).remove(0);
    behind.looked(block(8, 1), at(now, 9), at(now, 9));
    let gone = fell_back(now, &[]);
    assert!(!cut_back(&[(&gone, false), (&behind, true)], now, 60));
    // After a restart nobody was there yet: then it is all that there is to go by.
    assert!(cut_back(&[(&behind, true)], now, 9));
}

#[test]
fn what_was_said_before_our_tip_was_committed_does_not_count() {
    let now = Instant::now();
    let standing = fell_back(now, &[1, 2, 3, 4]);
    let tip = (BlockNumber(10), at(now, 3));
    assert!(!is_cut_back(&[(&standing, true)], block(8, 1), tip, PATIENCE, at(now, 5)));
}

#[test]
fn a_fork_is_contradicted_by_one_as_high_or_by_most() {
    let stance = |head, has_our_tip| Stance { head: BlockNumber(head), has_our_tip };
    let proposed = BlockNumber(11);
    assert!(!is_contradicted(proposed, &[]));
    assert!(!is_contradicted(proposed, &[stance(11, false)]));
    assert!(!is_contradicted(proposed, &[stance(10, true)]), "late, by all appearances");
    assert!(is_contradicted(proposed, &[stance(11, true)]));
    assert!(is_contradicted(proposed, &[stance(10, true), stance(10, true)]), "two of three");
    assert!(!is_contradicted(proposed, &[stance(10, true), stance(12, false)]));
    assert!(!is_contradicted(proposed, &[stance(12, true), stance(9, false)]), "we are on the fork of one");
}
