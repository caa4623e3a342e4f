//! Percentiles of samples, by nearest rank: always a value that was seen.

use std::time::Duration;

/// The sample below or at which `percent` (0…100) of all lie; `None` without samples.
pub(crate) fn percentile(samples: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    // Nearest rank: ⌈percent × n / 100⌉, counted from 1.
    let rank = (percent * sorted.len()).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

/// The middle sample; the lower of the two middle ones.
pub(crate) fn median(samples: &[Duration]) -> Option<Duration> {
    percentile(samples, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(samples: &[u64]) -> Vec<Duration> {
        samples.iter().map(|s| Duration::from_millis(*s)).collect()
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred = ms(&(1..=100).rev().collect::<Vec<_>>());
        for (percent, value) in [(0, 1), (1, 1), (50, 50), (99, 99), (100, 100)] {
            assert_eq!(percentile(&hundred, percent), Some(Duration::from_millis(value)), "{percent}");
        }
        // The example of the definition: 15, 20, 35, 40, 50.
        let five = ms(&[35, 20, 15, 50, 40]);
        for (percent, value) in [(5, 15), (30, 20), (40, 20), (50, 35), (99, 50), (100, 50)] {
            assert_eq!(percentile(&five, percent), Some(Duration::from_millis(value)), "{percent}");
        }
    }

    #[test]
    fn few_samples_have_percentiles_and_none_have_none() {
        assert_eq!(percentile(&ms(&[7]), 99), Some(Duration::from_millis(7)));
        assert_eq!(median(&ms(&[3, 1, 2])), Some(Duration::from_millis(2)));
        assert_eq!(median(&ms(&[4, 1, 2, 3])), Some(Duration::from_millis(2)));
        assert_eq!(percentile(&[], 50), None);
    }
}
