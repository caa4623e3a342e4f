//! How many blocks to ask an endpoint's logs for at once, learned from what it answers and refuses. Pure.
//!
//! In: how wide a range was, what came, or the words of a refusal. Out: how wide the next one should be. What was
//! refused is never asked for again at that width; what was only slow is tried again later.

use serde::{Deserialize, Serialize};

use crate::source::SourceError;

/// Blocks of the first range, before anything is learned.
const FIRST_BLOCKS: u64 = 100;

/// A range grows at most so many times at once.
const GROWTH: u64 = 4;

/// What is worth asking for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Target {
    /// Never more blocks.
    pub(super) max_blocks: u64,
    /// About so many events an answer.
    pub(super) events: u64,
    /// About so many bytes an answer.
    pub(super) bytes: u64,
}

/// What was learned of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span {
    /// Of the next range.
    blocks: u64,
    /// Never above it again: the endpoint refused more.
    ceiling: u64,
    /// Bytes that a thousand blocks brought lately.
    bytes_per_thousand: u64,
}

impl Span {
    /// Before anything is learned.
    pub(super) fn new(target: &Target) -> Self {
        Self {
            blocks: FIRST_BLOCKS.min(target.max_blocks),
            ceiling: u64::MAX,
            bytes_per_thousand: target.bytes.saturating_mul(1_000) / FIRST_BLOCKS,
        }
    }

    /// Of the next range.
    pub(super) fn blocks(&self, target: &Target) -> u64 {
        self.blocks.min(self.ceiling).min(target.max_blocks).max(1)
    }

    /// What a range of that many blocks is expected to bring.
    pub(super) fn expected_bytes(&self, blocks: u64) -> u64 {
        self.bytes_per_thousand.saturating_mul(blocks) / 1_000
    }

    /// A range brought so much.
    pub(super) fn brought(&mut self, blocks: u64, events: u64, bytes: u64, target: &Target) {
        let by_events = fitting(blocks, events, target.events);
        let by_bytes = fitting(blocks, bytes, target.bytes);
        let widest = blocks.saturating_mul(GROWTH);
        self.blocks = by_events.min(by_bytes).min(widest).min(self.ceiling).min(target.max_blocks).max(1);
        let now = bytes.saturating_mul(1_000) / blocks.max(1);
        self.bytes_per_thousand = now.max(self.bytes_per_thousand / 2);
    }

    /// A range was refused, too long in coming or too large.
    pub(super) fn failed(&mut self, blocks: u64, error: &SourceError) {
        let narrower = (blocks / 2).max(1);
        self.blocks = self.blocks.min(narrower);
        if let SourceError::Refused { reason, .. } = error
            && speaks_of_ranges(reason)
        {
            let allowed = named_limit(reason).filter(|n| *n < blocks);
            self.ceiling = self.ceiling.min(allowed.unwrap_or(blocks - 1)).max(1);
            self.blocks = allowed.unwrap_or(narrower).min(self.ceiling);
        }
    }
}

/// The width at which as much comes as is wanted, given what came.
fn fitting(blocks: u64, came: u64, wanted: u64) -> u64 {
    blocks.saturating_mul(wanted) / came.max(1)
}

/// Whether a refusal is about the number of blocks, and not about what happens to be in them.
fn speaks_of_ranges(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("range") && !reason.contains("results") && !reason.contains("response size")
}

/// The number of blocks that a refusal names as its limit: the one plain number in it.
fn named_limit(reason: &str) -> Option<u64> {
    let words = reason.split(|c: char| !c.is_ascii_alphanumeric());
    let mut numbers = words.filter_map(|word| {
        let (digits, thousand) = match word.strip_suffix(['k', 'K']) {
            Some(digits) => (digits, 1_000),
            None => (word, 1),
        };
        digits.parse::<u64>().ok().map(|n| n.saturating_mul(thousand))
    });
    match (numbers.next(), numbers.next()) {
        (Some(number), None) if number > 0 => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target { max_blocks: 10_000, events: 5_000, bytes: 4 << 20 };

    fn refused(reason: &str) -> SourceError {
        SourceError::Refused { endpoint: "e".into(), method: "eth_getLogs", reason: reason.into() }
    }

    #[test]
    fn ranges_grow_to_what_brings_enough_and_no_further() {
        let mut span = Span::new(&TARGET);
        for _ in 0..10 {
            let blocks = span.blocks(&TARGET);
            span.brought(blocks, blocks * 10, blocks * 6_000, &TARGET);
        }
        assert_eq!(span.blocks(&TARGET), 500, "5,000 events at 10 a block");
        assert_eq!(span.expected_bytes(500), 3_000_000);
        // Long events: the bytes count.
        span.brought(500, 5_000, 40 << 20, &TARGET);
        assert_eq!(span.blocks(&TARGET), 50);
        // Nothing there: as wide as may be, in steps.
        for _ in 0..10 {
            span.brought(span.blocks(&TARGET), 0, 0, &TARGET);
        }
        assert_eq!(span.blocks(&TARGET), 10_000);
    }

    #[test]
    fn a_refused_width_is_never_reached_again() {
        let mut span = Span::new(&TARGET);
        span.failed(100, &refused("block range too large"));
        assert_eq!(span.blocks(&TARGET), 50);
        for _ in 0..20 {
            span.brought(span.blocks(&TARGET), 0, 0, &TARGET);
        }
        assert_eq!(span.blocks(&TARGET), 99);
    }

    #[test]
    fn a_limit_that_is_named_is_taken() {
        for (reason, limit) in [
            ("exceed maximum block range: 50", 50),
            ("You can make eth_getLogs requests with up to a 2K block range", 2_000),
            ("block range 0x10-0x5000 exceeds the limit of 800", 800),
        ] {
            let mut span = Span::new(&TARGET);
            span.failed(5_000, &refused(reason));
            assert_eq!(span.blocks(&TARGET), limit, "{reason}");
        }
        let mut span = Span::new(&TARGET);
        span.failed(100, &refused("range of 17 to 117 is too large"));
        assert_eq!(span.blocks(&TARGET), 50, "two numbers: neither is taken");
    }

    #[test]
    fn slowness_and_full_blocks_are_forgiven() {
        let slow = SourceError::Timeout { endpoint: "e".into(), method: "eth_getLogs", timeout_ms: 1 };
        for error in [slow, refused("query returned more than 10000 results")] {
            let mut span = Span::new(&TARGET);
            span.failed(100, &error);
            assert_eq!(span.blocks(&TARGET), 50);
            span.failed(1, &error);
            assert_eq!(span.blocks(&TARGET), 1);
            for _ in 0..10 {
                span.brought(span.blocks(&TARGET), 0, 0, &TARGET);
            }
            assert_eq!(span.blocks(&TARGET), TARGET.max_blocks);
        }
    }
}
