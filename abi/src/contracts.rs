//! The contracts, one module each: bindings, names, and their place in a deployment.

pub mod battery_passport;
pub mod carbon_credit;
pub mod consent_anchor;
pub mod credit_exchange;
pub mod fleet_registry;
pub mod relay_batcher;
pub mod test_eur;
pub mod test_usd;
