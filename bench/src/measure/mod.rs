//! The measurements, one file each; each says where its clock starts and stops.

mod fanout;
mod floor;
mod live;
mod percentile;
mod receiver;
mod recorded;
mod restart;
mod store;
mod subscriber;
mod webhook;

pub(crate) use fanout::fanout;
pub(crate) use floor::{Floor, floor};
pub(crate) use live::{live, raw};
pub(crate) use percentile::{median, percentile};
pub(crate) use recorded::recorded;
pub(crate) use restart::restart;
pub(crate) use store::store;
pub(crate) use webhook::{Answers, webhook};

use std::time::Duration;

use serde_json::Value;

use crate::report::Quantity;

/// Runs of everything that is repeated; the median counts.
pub(crate) const RUNS: u32 = 3;

/// How many times as long as the floor measured just before it a run took; the median of the runs. Pairs, because on a
/// machine with other work the two drift together.
fn beside(walls: &[Duration], floors: &[Duration]) -> Quantity {
    let mut times: Vec<_> =
        walls.iter().zip(floors).map(|(wall, floor)| Quantity::times(*wall, *floor)).collect();
    times.sort_unstable_by_key(|times| times.thousandths);
    let middle = times.len().saturating_sub(1) / 2;
    times.get(middle).copied().unwrap_or(Quantity::times(Duration::ZERO, Duration::ZERO))
}

/// Durations for the JSON: microseconds.
pub(crate) fn micros(samples: &[Duration]) -> Value {
    samples.iter().map(|sample| u64::try_from(sample.as_micros()).unwrap_or(u64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_compared_with_its_own_floor() {
        let s = |seconds: &[u64]| seconds.iter().map(|s| Duration::from_secs(*s)).collect::<Vec<_>>();
        // 2 ×, 3 ×, 2.5 ×: the slow pair is no slower than its floor.
        assert_eq!(beside(&s(&[2, 3, 10]), &s(&[1, 1, 4])).thousandths, 2_500);
        assert_eq!(beside(&[], &[]).thousandths, 0);
    }
}
