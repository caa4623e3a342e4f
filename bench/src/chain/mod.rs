//! The chains that are measured on: real anvils whose blocks follow from a seed.
//!
//! [`Filled`] is one of the two large ones, taken from the cache or generated; [`Quiet`] is the small one on which
//! blocks come one at a time. Both hold one `CarbonCredit`, deployed as `wia deploy` does it. [`Long`] alone is made up:
//! it is as long as no anvil's.

mod answers;
mod anvil;
mod check;
mod contract;
mod filled;
mod generate;
mod long;
mod plan;
mod quiet;
mod recorded;
mod wallet;
mod wire;

pub(crate) use anvil::{Anvil, version};
pub(crate) use check::{Expected, Range};
pub(crate) use contract::{Contract, create, mine, succeeded, units};
pub(crate) use filled::{CHAIN_ID, Filled, Source};
pub(crate) use long::Long;
pub(crate) use plan::{SHAPES, Shape};
pub(crate) use quiet::{Mined, Quiet};
pub(crate) use recorded::Recorded;
pub(crate) use wallet::{Wallet, key};
pub(crate) use wire::{Log, get_logs, hex};

/// Connections over which a chain is filled and read.
pub(crate) const CONNECTIONS: usize = 4;

/// Calls in one JSON-RPC request: anvil takes larger ones no faster.
pub(crate) const CALLS_PER_REQUEST: usize = 10;
