//! The wall clock, read in one place.

use std::time::SystemTime;

/// Unix seconds; 0 on a machine whose clock stands before 1970.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
