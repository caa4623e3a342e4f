//! How far a long piece of work is: a line that is written over on a terminal, a line per tenth elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// On a terminal, between two looks of a person.
const REFRESH: Duration = Duration::from_millis(500);

/// Work of a known size.
pub(crate) struct Progress {
    what: String,
    unit: &'static str,
    total: usize,
    done: usize,
    started: Instant,
    shown: Instant,
    terminal: bool,
}

impl Progress {
    /// `total` pieces, none done.
    pub(crate) fn of(what: String, total: usize, unit: &'static str) -> Self {
        let now = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        Self { what, unit, total, done: 0, started: now, shown: now, terminal }
    }

    /// One more is done.
    pub(crate) fn step(&mut self, now: Instant) {
        self.done += 1;
        let last = self.done == self.total;
        let due = if self.terminal {
            now - self.shown >= REFRESH
        } else {
            self.done.is_multiple_of((self.total / 10).max(1))
        };
        if !(due || last) {
            return;
        }
        self.shown = now;
        let Self { what, unit, total, done, .. } = self;
        let spent = now - self.started;
        // Both are below 2^32 here; what does not fit only spoils a guess.
        let left = spent * u32::try_from(*total - *done).unwrap_or(0) / u32::try_from(*done).unwrap_or(1);
        let line =
            format!("{what}: {done} of {total} {unit}, {} s, {} s left", spent.as_secs(), left.as_secs());
        let end = if self.terminal && !last { "\r" } else { "\n" };
        let mut output = std::io::stderr();
        // Nobody reads it: the work goes on.
        let _ = write!(output, "{line:<100}{end}").and_then(|()| output.flush());
    }
}
