//! The relayer: signed messages in, batches on chain, signed receipts out.
//!
//! In: submissions from any door (each the same call, [`Relayer::submit`]), and facts about a chain through
//! the [`Chain`] trait. Out: transactions, receipts, and every step of every message ([`Relayer::watch`]).
//! Accepted means fsynced, and the chain's nonce bitmap is the judge of "once". Never here: HTTP, rules of a
//! market or of a passport. Serves the relay section of the architecture, C-091…C-094, C-097, X-06.

pub mod chain;
mod config;
mod engine;
mod error;
mod feed;
mod health;
mod intake;
mod lane;
pub mod mesh;
mod promise;
mod queue;
mod relayer;
mod shared;
mod sharing;
pub mod state;

pub use chain::rpc::RpcChain;
pub use chain::{Chain, ChainError, Head};
pub use config::{Config, TRANSACTION_GAS_CAP};
pub use engine::{Engine, Keys, open};
pub use error::RelayerError;
pub use feed::{BlockCounts, Recent, Steps, Updates};
pub use health::{Condition, Health, LaneHealth};
pub use intake::policy::{Fee, ValueBounds};
pub use intake::quota::{Origin, Tier};
pub use intake::verify::Verifiers;
pub use lane::sign::LaneSigner;
pub use relayer::Relayer;
pub use sharing::{ClaimNews, Outgoing, Sharing};
