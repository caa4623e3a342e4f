//! Whether a block's logs may concern us, from its header alone (Yellow Paper §4.4.1).
//!
//! A bloom has no false negatives: a block that it clears needs no request for logs, and an empty answer for a
//! block that it does not clear is worth asking about again.

use alloy::primitives::BloomInput;

use crate::chain::block::Header;
use crate::chain::catalog::Catalog;

/// True when the block may hold a log of one of the contracts of `catalog`.
pub(crate) fn may_concern(header: &Header, catalog: &Catalog) -> bool {
    catalog.addresses().any(|c| header.logs_bloom.contains_input(BloomInput::Raw(c.as_slice())))
}

#[cfg(test)]
mod tests {
    use alloy::json_abi::JsonAbi;
    use alloy::primitives::{Address, B256, Bloom};
    use wia_abi::BlockNumber;

    use super::*;
    use crate::chain::catalog::{Contract, Kind};

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
            receipts_root: B256::ZERO,
        };
        let of = |address| Contract {
            name: String::new(),
            address,
            kind: Kind::Other,
            abi: JsonAbi::new(),
            balances: false,
        };
        assert!(!may_concern(&header(logs_bloom), &Catalog::new([of(ours)])));
        logs_bloom.accrue_raw_log(ours, &[B256::repeat_byte(1)]);
        assert!(may_concern(&header(logs_bloom), &Catalog::new([of(Address::ZERO), of(ours)])));
    }
}
