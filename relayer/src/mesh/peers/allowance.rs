//! A pace kept without a clock of its own: so many at once, then one per interval.
//!
//! In: the time of each try. Out: go, or how long to wait. The state is one instant, the time at which the
//! full burst is there again (the generic cell rate algorithm, ITU-T I.371).

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::mesh::config::Rate;

/// How fast an [`Allowance`] comes back, and how much of it there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    interval: Duration,
    burst: NonZeroU32,
}

impl Pace {
    pub(super) fn new(interval: Duration, burst: NonZeroU32) -> Self {
        Self { interval, burst }
    }
}

impl From<Rate> for Pace {
    fn from(rate: Rate) -> Self {
        Self::new(Duration::from_secs(1) / rate.per_second.get(), rate.burst)
    }
}

/// What one peer has left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    full_at: Instant,
}

impl Allowance {
    pub(super) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one.
    ///
    /// # Errors
    /// The wait until one is there; nothing is taken then.
    pub(super) fn take(&mut self, pace: Pace, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.max(now) + pace.interval;
        let wait = (full_at - now).saturating_sub(pace.interval * pace.burst.get());
        if wait.is_zero() {
            self.full_at = full_at;
            Ok(())
        } else {
            Err(wait)
        }
    }

    pub(super) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_pace() {
        let pace = Pace::from(Rate::new(10, 3));
        let start = Instant::now();
        let mut allowance = Allowance::full(start);
        for _ in 0..3 {
            allowance.take(pace, start).unwrap();
        }
        assert_eq!(allowance.take(pace, start), Err(Duration::from_millis(100)));
        // A refused try costs nothing, and one interval later there is exactly one.
        let later = start + Duration::from_millis(100);
        allowance.take(pace, later).unwrap();
        assert!(allowance.take(pace, later).is_err());
        assert!(!allowance.is_full(later));
        // A long pause gives back the burst and not more.
        let much_later = start + Duration::from_secs(60);
        assert!(allowance.is_full(much_later));
        assert_eq!((0..9).filter(|_| allowance.take(pace, much_later).is_ok()).count(), 3);
    }
}
