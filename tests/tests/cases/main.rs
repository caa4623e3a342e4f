//! The cases: each file is one promise of the product, each test one way to break it.
//!
//! One binary, so that cases of different files run side by side and share an environment where they only add to it.

mod contracts;
mod ends;
mod export;
mod faults;
mod indexer;
mod manners;
mod nodes;
mod once;
mod operations;
mod refusals;
mod relay;
mod reorg;
mod stream;
mod tokens;
mod transfers;
mod wallet;

use alloy::primitives::{Address, U256, address};

/// An account that no case sends from and no development account is: where money goes whose arrival is counted.
const STRANGER: Address = address!("0x00000000000000000000000000000000005714a9");

/// A thousandth of a credit, in wei.
const MILLICREDIT: U256 = U256::from_limbs([1_000_000_000_000_000, 0, 0, 0]);
