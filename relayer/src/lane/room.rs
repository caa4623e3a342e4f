//! How much gas a transaction may ask for on this chain, as pure functions of the head's block gas limit.

use crate::config::TRANSACTION_GAS_CAP;

/// The highest gas limit of a transaction: that of the protocol (EIP-7825), and of a block less a 32nd, because
/// a block's limit falls by up to a 1,024th per block while the transaction waits.
pub(crate) fn cap(block_gas_limit: u64) -> u64 {
    TRANSACTION_GAS_CAP.min(block_gas_limit - block_gas_limit / 32)
}

/// The gas at which a batch is full: the operator's figure, or what leaves a quarter of the cap for errors.
pub(crate) fn target(configured: u64, block_gas_limit: u64) -> u64 {
    configured.min(cap(block_gas_limit) / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_block_bounds_both() {
        assert_eq!((cap(36_000_000), target(12_000_000, 36_000_000)), (1 << 24, 12_000_000));
        assert_eq!((cap(4_500_000), target(12_000_000, 4_500_000)), (4_359_375, 3_269_529));
        assert_eq!((cap(0), target(1, 0)), (0, 0));
    }
}
