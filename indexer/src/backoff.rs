//! Pauses between retries: by chance between nothing and a cap that doubles up to a limit (full jitter, so that those
//! who failed together do not come back together).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The next pause.
pub(crate) struct Backoff {
    min_ms: u64,
    max_ms: u64,
    next_ms: u64,
}

impl Backoff {
    pub(crate) fn new(min_ms: u64, max_ms: u64) -> Self {
        Self { min_ms, max_ms, next_ms: min_ms }
    }

    /// Waits, up to twice as long each time.
    pub(crate) async fn pause(&mut self) {
        let pause = Duration::from_millis(jitter(chance(), self.step_ms()));
        tokio::time::sleep(pause).await;
    }

    /// The cap of the next pause, for who shares it out otherwise.
    pub(crate) fn step_ms(&mut self) -> u64 {
        let cap_ms = self.next_ms;
        self.next_ms = cap_ms.saturating_mul(2).min(self.max_ms);
        cap_ms
    }

    /// Begins with the shortest pause again.
    pub(crate) fn reset(&mut self) {
        self.next_ms = self.min_ms;
    }
}

/// A number by chance; nothing that has to be unpredictable hangs on it.
pub(crate) fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// From 1 to `cap_ms`: never nothing, so that no loop is a busy one.
pub(crate) fn jitter(chance: u64, cap_ms: u64) -> u64 {
    1 + chance % cap_ms.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn caps_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::new(1, 5);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(backoff.next_ms);
            backoff.pause().await;
        }
        assert_eq!(seen, [1, 2, 4, 5]);
        backoff.reset();
        assert_eq!(backoff.next_ms, 1);
    }

    #[test]
    fn pauses_are_between_one_and_the_cap() {
        assert_eq!([jitter(0, 5), jitter(4, 5), jitter(5, 5), jitter(7, 0)], [1, 5, 1, 1]);
        assert_ne!(chance(), chance());
    }
}
