//! Whether a block's logs may concern us, from its header alone (Yellow Paper §4.4.1).
//!
//! A bloom has no false negatives: a block that it clears needs no request for logs, and an empty answer for a
//! block that it does not clear is worth asking about again.

use alloy::primitives::{Address, BloomInput};

use crate::chain::block::Header;

/// True when the block may hold a log of one of `contracts`.
pub(crate) fn may_concern(header: &Header, contracts: &[Address]) -> bool {
    contracts.iter().any(|c| header.logs_bloom.contains_input(BloomInput::Raw(c.as_slice())))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{B256, Bloom};
    use wia_abi::BlockNumber;

    use super::*;

    #[test]
    fn a_block_with_our_log_is_never_cleared_and_an_empty_one_always_is() {
        let ours = Address::repeat_byte(7);
        let mut logs_bloom = Bloom::default();
        let header = |logs_bloom| Header {
            number: BlockNumber(1),
            hash: B256::ZERO,
            parent_hash: B256::ZERO,
            timestamp_s: 0,
            logs_bloom,
        };
        assert!(!may_concern(&header(logs_bloom), &[ours]));
        logs_bloom.accrue_raw_log(ours, &[B256::repeat_byte(1)]);
        assert!(may_concern(&header(logs_bloom), &[Address::ZERO, ours]));
    }
}
