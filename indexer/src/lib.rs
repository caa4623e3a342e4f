//! The indexer: chain to blocks to decoded events to a durable log to notifications.
//!
//! In: one chain's blocks and logs, from a JSON-RPC endpoint that may vanish, lag, or change its mind. Out: an
//! append-only log of block commits and retractions with the balances that follow from them, and subscriptions
//! that tail it from any cursor, and what the documents say of an event. Serves C-047, C-049…C-053, C-092, C-093, C-096,
//! C-097, B-032, B-081…B-091, E-068. Never here: who is connected, HTTP.
//!
//! ```text
//! source ─> decide ─> decode ─> ledger ─> log ─> tail ─> notify ─> subscription
//! (RPC)     (pure)    (pure)    (pure)   (sled)  (watch) (pure)    (one per reader)
//! ```
//!
//! [`open`] gives the [`Engine`], the only loop, and the [`Indexer`], which everyone else holds.

mod backoff;
mod chain;
mod config;
mod engine;
mod error;
mod health;
mod indexer;
mod log;
mod map;
mod queries;
pub mod sink;
pub mod source;
mod stream;

pub use chain::block;
pub use chain::block::Head;
pub use chain::catalog::{Catalog, Contract, Kind};
pub use config::{Config, Endpoint, VerifyReceipts};
pub use engine::Engine;
pub use error::IndexerError;
pub use health::{EndpointHealth, EndpointState, Health, State};
pub use indexer::{Indexer, open, open_with};
pub use log::entry;
pub use queries::{Balance, BlockId, BlockView, EventQuery, MAX_PAGE, Page, Status};
pub use stream::events::depths::Kind as MessageKind;
pub use stream::events::filter::EventFilter;
pub use stream::events::message::Message;
pub use stream::events::subscription::{EventSubscription, From as EventsFrom, Wish};
pub use stream::notify::notification::{Notification, notification};
pub use stream::notify::{Filter, Push};
pub use stream::subscription::{Start, Subscription};
