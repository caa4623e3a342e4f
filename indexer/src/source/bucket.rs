//! A token bucket: how long a request has to wait so that an endpoint's rate is kept. Pure: time is given.
//!
//! In: requests a second, and pauses that the endpoint asks for. Out: waits. A quiet second is saved up, so that a
//! burst of a second's worth goes at once.

use std::time::{Duration, Instant};

/// The bucket of one endpoint.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Between two requests; `None`: no limit.
    interval: Option<Duration>,
    /// When the next request is due at a steady pace; behind now by as much as is saved up.
    due: Instant,
    /// Nothing goes before.
    paused_until: Option<Instant>,
}

impl Bucket {
    /// A full bucket. 0: no limit.
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        let interval = Duration::from_secs(1).as_nanos() as u64;
        let interval = interval.checked_div(per_second).map(Duration::from_nanos);
        Self { interval, due: now, paused_until: None }
    }

    /// Takes the tokens of `requests`; gives how long to wait before sending them.
    pub(super) fn take(&mut self, requests: u32, now: Instant) -> Duration {
        let pause = self.paused_until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let Some(interval) = self.interval else { return pause };
        self.due = self.due.max(now) + interval.saturating_mul(requests);
        let saved = Duration::from_secs(1).max(interval);
        self.due.saturating_duration_since(now).saturating_sub(saved).max(pause)
    }

    /// Nothing more for that long.
    pub(super) fn pause(&mut self, pause: Duration, now: Instant) {
        let until = now + pause;
        self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_may_go_at_once_and_the_rest_at_its_pace() {
        let now = Instant::now();
        let mut bucket = Bucket::new(10, now);
        assert_eq!(bucket.take(10, now), Duration::ZERO);
        assert_eq!(bucket.take(1, now), Duration::from_millis(100));
        assert_eq!(bucket.take(4, now), Duration::from_millis(500));
        // After the wait the debt is paid.
        let later = now + Duration::from_millis(1_500);
        assert_eq!(bucket.take(10, later), Duration::ZERO);
    }

    #[test]
    fn fewer_than_one_a_second_cannot_be_said_and_one_is_kept() {
        let now = Instant::now();
        let mut bucket = Bucket::new(1, now);
        assert_eq!(bucket.take(1, now), Duration::ZERO);
        assert_eq!(bucket.take(1, now), Duration::from_secs(1));
    }

    #[test]
    fn a_pause_that_the_endpoint_asks_for_holds_with_and_without_a_limit() {
        let now = Instant::now();
        for per_second in [0, 1_000] {
            let mut bucket = Bucket::new(per_second, now);
            bucket.pause(Duration::from_secs(3), now);
            bucket.pause(Duration::from_secs(1), now);
            assert_eq!(bucket.take(1, now), Duration::from_secs(3));
            assert_eq!(bucket.take(1, now + Duration::from_secs(3)), Duration::ZERO);
        }
    }
}
