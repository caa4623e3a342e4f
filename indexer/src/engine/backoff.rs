//! Pauses between retries: each twice the last, up to a cap.

use std::time::Duration;

/// The next pause.
pub(super) struct Backoff {
    min_ms: u64,
    max_ms: u64,
    next_ms: u64,
}

impl Backoff {
    pub(super) fn new(min_ms: u64, max_ms: u64) -> Self {
        Self { min_ms, max_ms, next_ms: min_ms }
    }

    /// Waits, longer each time.
    pub(super) async fn pause(&mut self) {
        let pause = Duration::from_millis(self.next_ms);
        self.next_ms = self.next_ms.saturating_mul(2).min(self.max_ms);
        tokio::time::sleep(pause).await;
    }

    /// Begins with the shortest pause again.
    pub(super) fn reset(&mut self) {
        self.next_ms = self.min_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pauses_double_up_to_the_cap_and_begin_anew() {
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
}
