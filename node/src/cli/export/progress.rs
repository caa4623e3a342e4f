//! How far an export is: a bar on a terminal, else a line every ten seconds, on standard error.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Range;

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Counts events and shows it.
pub(super) struct Progress {
    range: Range,
    began: Instant,
    spoke: Instant,
    events: u64,
    block: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(range: Range) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let blocks = (range.to - range.from).saturating_add(1);
            let bar = ProgressBar::with_draw_target(Some(blocks), ProgressDrawTarget::stderr());
            // The template is ours; were it wrong, the plain bar would do.
            let style = ProgressStyle::with_template("{bar:30} {msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let now = Instant::now();
        Self { range, began: now, spoke: now, events: 0, block: range.from, bar }
    }

    /// Notes that these messages have come.
    pub(super) fn reached(&mut self, messages: &[Box<RawValue>]) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct At {
            block_number: u64,
        }
        self.events += messages.len() as u64;
        let last = messages.last().and_then(|m| serde_json::from_str::<At>(m.get()).ok());
        self.block = last.map_or(self.block, |at| at.block_number);
        if let Some(bar) = &self.bar {
            bar.set_position(self.block.saturating_sub(self.range.from));
            bar.set_message(self.text());
        } else if self.spoke.elapsed() >= EVERY {
            self.spoke = Instant::now();
            // Who has closed standard error does not want to know.
            let _ = writeln!(std::io::stderr(), "{}", self.text());
        }
    }

    fn text(&self) -> String {
        let elapsed_ms = u64::try_from(self.took().as_millis()).unwrap_or(u64::MAX).max(1);
        let per_s = self.events.saturating_mul(1_000) / elapsed_ms;
        format!("{} events, {per_s} events/s, block {} of {}", self.events, self.block, self.range.to)
    }

    /// Events so far.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    /// Time so far.
    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
