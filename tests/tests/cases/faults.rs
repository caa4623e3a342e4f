//! What goes wrong around a relayer, and what must hold all the same: nothing lost, nothing doubled.

mod chance;
mod crash;
mod crowd;
mod neighbours;
mod outage;
mod races;
mod rivals;
mod steps;
mod three;

/// A xorshift generator: the same seed, the same faults.
#[derive(Debug)]
struct Chance {
    state: u64,
}

impl Chance {
    /// From `WIA_TEST_SEED`, or else from the seed of the case; which one is printed.
    fn new(seed: u64) -> Self {
        let seed = std::env::var("WIA_TEST_SEED").map_or(seed, |seed| seed.parse().unwrap());
        println!("to see this again: WIA_TEST_SEED={seed}");
        Self { state: seed | 1 }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % bound
    }
}
