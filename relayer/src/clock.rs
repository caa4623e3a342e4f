//! The time of day, in one place. In: the operating system's clock. Out: Unix milliseconds.

use std::time::SystemTime;

use wia_protocol::Timestamp;

/// Now; the epoch when the clock stands before it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
