//! The wire: JSON-RPC 2.0 framing, relay messages, the messages of the three protocols, canonical CBOR.
//!
//! In: bytes or JSON from a door. Out: typed messages, or a refusal that names the field. Never here:
//! sockets, clocks, storage. Serves C-025…C-029, C-040…C-042, C-045, C-047, C-049, C-117, C-118, B-032, B-081…B-091,
//! E-060, E-068, X-10, X-11, X-12, X-46.

pub mod battery;
pub mod carbon;
pub mod cbor;
pub mod consent;
pub mod decimal;
pub mod endpoint;
pub mod generated;
pub mod indexer;
pub mod jsonrpc;
pub mod origin;
pub mod relay;
pub mod timestamp;

pub use decimal::JsonDecimal;
pub use jsonrpc::RpcError;
pub use timestamp::Timestamp;
