//! Numbers that look random and are the same for the same seed: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
//!
//! Used for plans only, never for secrets.

/// A seeded stream of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of that seed for that purpose: other purposes draw other numbers from the same seed.
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let mut random = Self(seed);
        for byte in purpose.bytes() {
            random.0 = random.next() ^ u64::from(byte);
        }
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`; 0 when `bound` is 0. Its bias is below `bound` / 2^64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// An index into something of that length, which must not be empty.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// `count` different indices into something of that length, in rising order; all of them when there are fewer.
    pub(crate) fn distinct(&mut self, count: usize, length: usize) -> Vec<usize> {
        let mut all: Vec<_> = (0..length).collect();
        let count = count.min(length);
        for at in 0..count {
            let other = at + self.index(length - at);
            all.swap(at, other);
        }
        all.truncate(count);
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // Of the reference implementation (prng.di.unimi.it/splitmix64.c) with the state 1234567.
        let mut random = Random(1_234_567);
        let drawn: Vec<_> = (0..5).map(|_| random.next()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821
            ]
        );
    }

    #[test]
    fn seed_and_purpose_decide_and_nothing_else() {
        let draw = |seed, purpose| Random::new(seed, purpose).next();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut random = Random::new(4, "test");
        let mut seen = [false; 7];
        for _ in 0..1_000 {
            seen[random.index(7)] = true;
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!((random.below(0), random.below(1)), (0, 0));
    }

    #[test]
    fn distinct_indices_are_distinct() {
        let mut random = Random::new(4, "test");
        let some = random.distinct(50, 100);
        assert_eq!(some.len(), 50);
        assert!(some.windows(2).all(|w| w[0] < w[1]) && some[49] < 100, "{some:?}");
        assert_eq!(random.distinct(9, 3), [0, 1, 2]);
    }
}
