//! Waiting for what nobody announces: pauses between two looks, short at first, then longer, until a deadline.

use std::time::{Duration, Instant};

/// Pauses between two looks.
pub(super) struct Patience {
    pause: Duration,
    longest: Duration,
    deadline: Instant,
}

impl Patience {
    /// For `all` of the time, which begins now.
    pub(super) fn of(all: Duration, first: Duration, longest: Duration) -> Self {
        Self { pause: first, longest, deadline: Instant::now() + all }
    }

    /// Waits a little; false when there was time enough.
    pub(super) async fn wait(&mut self) -> bool {
        if Instant::now() >= self.deadline {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(self.longest);
        true
    }
}
