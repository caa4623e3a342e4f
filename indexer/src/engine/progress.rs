//! One line of progress every few seconds while catching up.

use std::time::{Duration, Instant};

use wia_abi::BlockNumber;

/// Counts what a backfill did and when to speak of it.
pub(super) struct Progress {
    from: BlockNumber,
    to: BlockNumber,
    began: Instant,
    spoke: Instant,
    every: Duration,
    events: u64,
}

impl Progress {
    pub(super) fn new(from: BlockNumber, to: BlockNumber, every_ms: u64) -> Self {
        let now = Instant::now();
        Self { from, to, began: now, spoke: now, every: Duration::from_millis(every_ms), events: 0 }
    }

    /// Notes that everything up to `block` is durable, with `events` more than before.
    pub(super) fn reached(&mut self, block: BlockNumber, events: usize) {
        self.events += events as u64;
        if self.spoke.elapsed() < self.every {
            return;
        }
        self.spoke = Instant::now();
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let done = (block.0 + 1).saturating_sub(self.from.0).max(1);
        let left = self.to.0.saturating_sub(block.0);
        tracing::info!(
            block = block.0,
            to = self.to.0,
            events = self.events,
            events_per_s = self.events.saturating_mul(1_000) / elapsed_ms,
            blocks_per_s = done.saturating_mul(1_000) / elapsed_ms,
            eta_s = left.saturating_mul(elapsed_ms) / done / 1_000,
            "catching up"
        );
    }
}
