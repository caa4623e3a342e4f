//! What the chain and everyone off it must agree on: contract bindings, EIP-712 types and domains, CREATE2
//! deployments, units.
//!
//! In: the committed ABI and bytecode of `abi/artifacts` (made by `contracts/tools/artifacts`). Out: typed
//! calls, events, digests, addresses. Never here: I/O, async. Serves C-091…C-094, B-110…B-117, E-091…E-093, X-18, X-19.

pub mod action;
#[cfg(test)]
mod artifacts;
pub mod authorization;
pub mod contracts;
pub mod create2;
pub mod deployment;
pub mod eip55;
pub mod receipt;
pub mod roles;
pub mod typed_data;
pub mod units;

pub use action::{Action, Authorization};
pub use contracts::battery_passport::{self, BatteryPassport};
pub use contracts::carbon_credit::{self, CarbonCredit};
pub use contracts::consent_anchor::{self, ConsentAnchor};
pub use contracts::credit_exchange::{self, CreditExchange};
pub use contracts::fleet_registry::{self, FleetRegistry};
pub use contracts::relay_batcher::{self, RelayBatcher};
pub use contracts::test_eur::{self, TestEUR};
pub use contracts::test_usd::{self, TestUSD};
pub use deployment::Deployment;
pub use units::{BlockNumber, Confirmations, CreditAmount};
