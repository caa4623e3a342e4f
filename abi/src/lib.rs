//! What the chain and everyone off it must agree on: contract bindings, EIP-712 types and domains, CREATE2
//! deployments, units.
//!
//! In: the committed ABI and bytecode of `abi/artifacts` (made by `contracts/tools/artifacts`). Out: typed
//! calls, events, digests, addresses. Never here: I/O, async. Serves C-091…C-094, B-110…B-117, X-18, X-19.

#[cfg(test)]
mod artifacts;
pub mod authorization;
pub mod battery_passport;
pub mod carbon_credit;
pub mod create2;
pub mod credit_exchange;
pub mod deployment;
pub mod eip55;
pub mod fleet_registry;
pub mod receipt;
pub mod relay_batcher;
pub mod roles;
pub mod test_eur;
pub mod test_usd;
pub mod typed_data;
pub mod units;

pub use battery_passport::BatteryPassport;
pub use carbon_credit::CarbonCredit;
pub use credit_exchange::CreditExchange;
pub use deployment::Deployment;
pub use fleet_registry::FleetRegistry;
pub use relay_batcher::RelayBatcher;
pub use test_eur::TestEUR;
pub use test_usd::TestUSD;
pub use units::{BlockNumber, Confirmations, CreditAmount};
