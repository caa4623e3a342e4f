//! The cursor of a push: `<entry offset>.<n>`, n being the push's place among all that its entry can give to
//! anyone. So a cursor means the same for every filter, and resuming strictly after it is exact. A subscription that
//! had no push yet stands at `<entry offset>`: before everything that the entry there gives, or will give.

use std::fmt;

use crate::IndexerError;
use crate::log::entry::Offset;

/// A parsed cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) entry: Offset,
    /// `None`: before the entry's first push.
    pub(crate) n: Option<u32>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.n {
            Some(n) => write!(f, "{}.{n}", self.entry.0),
            None => write!(f, "{}", self.entry.0),
        }
    }
}

impl Cursor {
    /// Reads exactly what [`fmt::Display`] writes: no signs, no leading zeros.
    pub(crate) fn parse(text: &str) -> Result<Self, IndexerError> {
        let read = || {
            let (entry, n) = text.split_once('.').map_or((text, None), |(entry, n)| (entry, Some(n)));
            let n = n.map(str::parse).transpose().ok()?;
            Some(Self { entry: Offset(entry.parse().ok()?), n })
        };
        match read() {
            Some(cursor) if cursor.to_string() == text => Ok(cursor),
            _ => Err(refuse(text, "is not the cursor of a push")),
        }
    }
}

/// The refusal of `text`.
pub(crate) fn refuse(text: &str, reason: &'static str) -> IndexerError {
    // A caller's text comes back to it and into the log: bounded.
    IndexerError::Cursor { cursor: text.chars().take(64).collect(), reason }
}

/// The refusal of a text that reads and means no place of this log.
pub(crate) fn unknown(text: &str) -> IndexerError {
    refuse(text, "is not of this log; leave it out to start anew")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_written_form_is_read() {
        for text in [
            "",
            ".",
            "01",
            "1.",
            ".1",
            "1.2.3",
            "+1.2",
            "01.2",
            "1.02",
            "1.-2",
            " 1.2",
            "18446744073709551616.0",
        ] {
            assert!(Cursor::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_cursor_reads_back(entry: u64, n: Option<u32>) {
            let cursor = Cursor { entry: Offset(entry), n };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        }
    }
}
