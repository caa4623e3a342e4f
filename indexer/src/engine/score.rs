//! Which endpoint to follow, and what several of them prove together. Pure: time and chance are given.
//!
//! In: what each endpoint did: answers with their latency, failures, heads. Out: a score for each, the one that leads,
//! and whether a lower head or another fork is to be believed. The preferred endpoint leads while it is good, and again
//! when it is; being a little behind costs score, standing still while others go on costs the lead.

use std::time::{Duration, Instant};

use wia_abi::BlockNumber;

use crate::backoff::jitter;
use crate::chain::block::BlockRef;

/// The best score.
pub(super) const PERFECT: u32 = 1_000;

/// From here on an endpoint leads when none before it does.
const GOOD: u32 = 500;

/// From here on the preferred one takes the lead back.
const RECOVERED: u32 = 700;

/// What one endpoint did so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// Moving share of failures, per mille.
    errors: u32,
    /// Moving mean of answers' latency.
    latency_us: u64,
    /// Failures since it last gave what was wanted.
    failures_in_row: u32,
    rest_until: Option<Instant>,
    head: Option<BlockRef>,
    /// The highest that it ever showed.
    highest: Option<BlockNumber>,
    /// When it last showed anything.
    heard: Option<Instant>,
    /// Since when another one is ahead and this one stands still.
    overtaken: Option<Instant>,
    look: Option<Look>,
    /// Since when it contradicts the others.
    contradicting: Option<Instant>,
}

/// The same head, each time it was asked for.
#[derive(Debug, Clone, Copy)]
struct Look {
    head: BlockRef,
    since: Instant,
    last: Instant,
}

/// How long one rests after a failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    pub(super) min_ms: u64,
    pub(super) max_ms: u64,
}

impl Standing {
    /// It answered a look.
    pub(super) fn answered(&mut self, latency: Duration) {
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us = match self.latency_us {
            0 => latency_us,
            before => before - before / 8 + latency_us / 8,
        };
        self.errors -= self.errors / 8;
    }

    /// It gave what was wanted.
    pub(super) fn worked(&mut self) {
        self.errors -= self.errors / 8;
        (self.failures_in_row, self.contradicting) = (0, None);
    }

    /// It failed, and may want a pause. It rests for a time by chance, up to a cap that doubles.
    pub(super) fn failed(&mut self, retry_after_ms: u64, rest: Rest, chance: u64, now: Instant) {
        self.errors += (PERFECT - self.errors) / 4;
        let doubled = rest.min_ms.saturating_mul(1 << self.failures_in_row.min(20));
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        let pause = jitter(chance, doubled.min(rest.max_ms)).max(retry_after_ms.min(6 * rest.max_ms));
        self.rest_until = Some(now + Duration::from_millis(pause));
    }

    /// When its rest is over, if it rests.
    pub(super) fn rests_until(&self, now: Instant) -> Option<Instant> {
        self.rest_until.filter(|until| *until > now)
    }

    /// It showed a head.
    pub(super) fn saw(&mut self, head: BlockRef, now: Instant) {
        if self.head != Some(head) {
            self.overtaken = None;
        }
        self.head = Some(head);
        self.highest = self.highest.max(Some(head.number));
        self.heard = Some(now);
    }

    /// It was asked for its head at `asked`, and this is it.
    pub(super) fn looked(&mut self, head: BlockRef, asked: Instant, now: Instant) {
        self.saw(head, now);
        let since = self.look.filter(|l| l.head == head).map_or(asked, |l| l.since);
        self.look = Some(Look { head, since, last: asked });
    }

    /// The best head of all is `best`.
    pub(super) fn compared(&mut self, best: BlockNumber, now: Instant) {
        match self.lag(best) {
            0 => self.overtaken = None,
            _ => _ = self.overtaken.get_or_insert(now),
        }
    }

    /// Its last head.
    pub(super) fn head(&self) -> Option<BlockRef> {
        self.head
    }

    fn lag(&self, best: BlockNumber) -> u64 {
        best.0.saturating_sub(self.head.map_or(0, |h| h.number.0))
    }

    /// 0…1,000, from failures, latency and blocks behind the best head.
    pub(super) fn score(&self, best: BlockNumber) -> u32 {
        let latency = u32::try_from(self.latency_us / 5_000).unwrap_or(u32::MAX).min(200);
        let lag = u32::try_from(self.lag(best)).unwrap_or(u32::MAX).saturating_mul(30).min(300);
        PERFECT.saturating_sub(self.errors).saturating_sub(latency).saturating_sub(lag)
    }

    /// Whether it stands still while others go on, for longer than patience.
    pub(super) fn is_stuck(&self, patience: Duration, now: Instant) -> bool {
        self.overtaken.is_some_and(|since| now.saturating_duration_since(since) >= patience)
    }

    /// Notes that it contradicts the others; true when it has done so for longer than patience.
    pub(super) fn contradicts(&mut self, patience: Duration, now: Instant) -> bool {
        let since = *self.contradicting.get_or_insert(now);
        now.saturating_duration_since(since) >= patience
    }
}

/// Of those that can be used, in the order of preference: the one to follow.
pub(super) fn leader(
    usable: &[(usize, &Standing)],
    current: Option<usize>,
    patience: Duration,
    now: Instant,
) -> Option<usize> {
    let best = usable.iter().filter_map(|(_, s)| s.head).map(|h| h.number).max().unwrap_or(BlockNumber(0));
    let moving = |s: &Standing| !s.is_stuck(patience, now);
    let score = |s: &Standing| s.score(best);
    let mut good = usable.iter().filter(|(_, s)| moving(s) && score(s) >= GOOD);
    let first_good = good.next().map(|(place, _)| *place);
    let in_lead = usable.iter().find(|(place, s)| Some(*place) == current && moving(s) && score(s) >= GOOD);
    if let (Some((current, _)), Some(first)) = (in_lead, first_good) {
        let recovered =
            usable.iter().any(|(place, s)| *place == first && score(s) >= RECOVERED && s.overtaken.is_none());
        return Some(if recovered { first } else { *current });
    }
    // None is good: the least bad, the preferred of equals.
    let by_score = usable.iter().max_by_key(|(place, s)| (moving(s), score(s), std::cmp::Reverse(*place)));
    first_good.or(by_score.map(|(place, _)| *place))
}

/// Whether the chain was cut back to `lower`, which is below `tip`, our own head since `tip_at`.
///
/// Every endpoint that can speak must have said the same, each time, for longer than patience. One that never was at
/// our tip, while another was, is only behind: it is no witness. `all`: each endpoint that serves our chain, and
/// whether it is connected and not itself syncing.
pub(super) fn is_cut_back(
    all: &[(&Standing, bool)],
    lower: BlockRef,
    (tip, tip_at): (BlockNumber, Instant),
    patience: Duration,
    now: Instant,
) -> bool {
    let was_there = |s: &Standing| s.highest.is_some_and(|n| n >= tip);
    let known = all.iter().any(|(s, _)| was_there(s));
    let says_so = |s: &Standing| {
        s.look.is_some_and(|l| {
            l.head == lower && l.last.saturating_duration_since(l.since.max(tip_at)) >= patience
        })
    };
    let recently = |s: &Standing| s.heard.is_some_and(|at| now.saturating_duration_since(at) < patience);
    let denies = |s: &Standing| recently(s) && s.head.is_some_and(|h| h.number >= tip);
    let mut witnesses = all.iter().filter(|(s, speaks)| *speaks && (was_there(s) || !known)).peekable();
    witnesses.peek().is_some() && witnesses.all(|(s, _)| says_so(s)) && !all.iter().any(|(s, _)| denies(s))
}

/// What another endpoint says while one proposes to leave our chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stance {
    /// Its head.
    pub(super) head: BlockNumber,
    /// Whether our tip stands on its chain.
    pub(super) has_our_tip: bool,
}

/// Whether the others speak against leaving our chain for that of an endpoint whose head is `proposed`: more of all
/// hold on to our tip than not, or as many, and one of them is as high.
pub(super) fn is_contradicted(proposed: BlockNumber, others: &[Stance]) -> bool {
    let mut holding = others.iter().filter(|o| o.has_our_tip);
    let count = holding.clone().count();
    let against = 1 + others.len() - count;
    count > against || (count == against && holding.any(|o| o.head >= proposed))
}

#[cfg(test)]
mod tests;
