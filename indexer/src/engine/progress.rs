//! How far catching up is: a bar on a terminal, else a line now and then.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wia_abi::BlockNumber;

use crate::Config;

/// Blocks below which nobody needs a bar.
const WORTH_A_BAR: u64 = 100;

/// Counts what a backfill did and shows it.
pub(super) struct Progress {
    from: BlockNumber,
    to: BlockNumber,
    began: Instant,
    spoke: Instant,
    every: Duration,
    events: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(from: BlockNumber, to: BlockNumber, config: &Config) -> Self {
        let now = Instant::now();
        let blocks = (to.0 + 1).saturating_sub(from.0);
        let shown = config.progress_bar && blocks >= WORTH_A_BAR && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(Some(blocks), ProgressDrawTarget::stderr());
            // The template is ours; were it wrong, the plain bar would do.
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} blocks  {msg}  ETA {eta}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message("reading")
        });
        Self {
            from,
            to,
            began: now,
            spoke: now,
            every: Duration::from_millis(config.progress_interval_ms),
            events: 0,
            bar,
        }
    }

    /// Notes that everything up to `block` is durable, with `events` more than before.
    pub(super) fn reached(&mut self, block: BlockNumber, events: usize) {
        self.events += events as u64;
        let elapsed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let events_per_s = self.events.saturating_mul(1_000) / elapsed_ms;
        let done = (block.0 + 1).saturating_sub(self.from.0).max(1);
        if let Some(bar) = &self.bar {
            bar.set_position(done);
            let blocks_per_s = done.saturating_mul(1_000) / elapsed_ms;
            bar.set_message(format!("{blocks_per_s} blocks/s  {events_per_s} events/s"));
            return;
        }
        if self.spoke.elapsed() < self.every {
            return;
        }
        self.spoke = Instant::now();
        let left = self.to.0.saturating_sub(block.0);
        tracing::info!(
            block = block.0,
            to = self.to.0,
            events = self.events,
            events_per_s,
            blocks_per_s = done.saturating_mul(1_000) / elapsed_ms,
            eta_s = left.saturating_mul(elapsed_ms) / done / 1_000,
            "catching up"
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
