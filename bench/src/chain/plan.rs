//! What happens on a large chain, decided by its shape and a seed before any block is made. Pure.
//!
//! The first event is the mint of the whole supply to wallet 0. Then every wallet gets its share from wallet 0, and
//! from then on anyone who had a share when the block began sends to anyone else. So no order of the transfers within
//! a block lets one fail.

use crate::random::Random;

/// Wallets that hold the token.
pub(crate) const POOL: usize = 1_000;

/// Serials (steps of 0.001 t, 1e15 units) that each wallet gets first. Nobody can spend so much: [`MAX_SERIALS`] times
/// the transfers of the largest shape is less.
pub(crate) const SHARE: u64 = 100_000_000_000;

/// The most serials of one later transfer.
const MAX_SERIALS: u64 = 50_000;

/// How the transfers lie in blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// One letter, for tables and file names.
    pub(crate) name: &'static str,
    /// Blocks that hold transfers.
    pub(crate) blocks: usize,
    /// Transfers in each of them, one per transaction.
    pub(crate) per_block: usize,
    /// Blocks without, at seeded places among the others.
    pub(crate) empty: usize,
}

/// The two shapes of the issue: few large blocks, many small ones.
pub(crate) const SHAPES: [Shape; 2] = [
    Shape { name: "A", blocks: 2_000, per_block: 100, empty: 100 },
    Shape { name: "B", blocks: 20_000, per_block: 10, empty: 100 },
];

impl Shape {
    /// A tenth of it, for trying.
    pub(crate) fn quick(self) -> Self {
        Self { blocks: self.blocks / 10, empty: self.empty / 10, ..self }
    }

    /// ERC-20 `Transfer` events, the mint's included.
    pub(crate) fn transfers(self) -> usize {
        self.blocks * self.per_block + 1
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, blocks, per_block, empty } = self;
        write!(f, "{name} ({blocks} blocks of {per_block}, {empty} empty)")
    }
}

/// One transfer between two wallets of the pool, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) serials: u64,
}

/// The blocks after the mint, in order; an empty list is an empty block.
pub(crate) fn blocks(shape: Shape, seed: u64) -> Vec<Vec<Transfer>> {
    let mut random = Random::new(seed, shape.name);
    let empty = random.distinct(shape.empty, shape.blocks + shape.empty);
    let mut funded = 1;
    (0..shape.blocks + shape.empty)
        .map(|at| {
            if empty.binary_search(&at).is_ok() {
                return Vec::new();
            }
            // Those whose share stands in an earlier block.
            let senders = funded;
            let transfer = |_| {
                if funded < POOL {
                    funded += 1;
                    return Transfer { from: 0, to: funded - 1, serials: SHARE };
                }
                let from = random.index(senders);
                let to = (from + 1 + random.index(POOL - 1)) % POOL;
                Transfer { from, to, serials: 1 + random.below(MAX_SERIALS) }
            };
            (0..shape.per_block).map(transfer).collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_has_the_shape_that_was_asked_for() {
        for shape in SHAPES.into_iter().chain(SHAPES.map(Shape::quick)) {
            let blocks = blocks(shape, 4);
            assert_eq!(blocks.iter().filter(|b| b.is_empty()).count(), shape.empty);
            assert_eq!(blocks.iter().filter(|b| b.len() == shape.per_block).count(), shape.blocks);
            assert_eq!(blocks.iter().map(Vec::len).sum::<usize>() + 1, shape.transfers());
        }
        assert_eq!(SHAPES.map(Shape::transfers), [200_001; 2]);
    }

    #[test]
    fn the_seed_decides() {
        let shape = SHAPES[0].quick();
        assert_eq!(blocks(shape, 4), blocks(shape, 4));
        assert_ne!(blocks(shape, 4), blocks(shape, 5));
    }

    #[test]
    fn nobody_sends_what_an_earlier_block_did_not_give() {
        for shape in SHAPES {
            let mut balances = vec![0; POOL];
            balances[0] = SHARE * POOL as u64;
            for block in blocks(shape, 4) {
                // The worst order: all that is sent before anything that is received.
                for transfer in &block {
                    assert_ne!(transfer.from, transfer.to);
                    assert!((1..=SHARE).contains(&transfer.serials));
                    let left: Option<u64> = u64::checked_sub(balances[transfer.from], transfer.serials);
                    balances[transfer.from] = left.expect("a funded sender");
                }
                for transfer in &block {
                    balances[transfer.to] += transfer.serials;
                }
            }
        }
    }

    #[test]
    fn every_wallet_takes_part() {
        let mut seen = vec![false; POOL];
        for transfer in blocks(SHAPES[1].quick(), 4).concat() {
            seen[transfer.from] = true;
            seen[transfer.to] = true;
        }
        assert!(seen.into_iter().all(|s| s));
    }
}
