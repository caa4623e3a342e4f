//! Where blocks come from: the seam between the engine and an endpoint.
//!
//! In: questions about heads, headers and logs. Out: answers that nobody has checked yet. A [`Connector`] makes
//! connections of either kind; a [`Source`] is one of them, and is dropped when it fails. JSON-RPC stands in
//! [`rpc`]; tests bring their own.

mod rpc;

use alloy::primitives::B256;
use async_trait::async_trait;
use futures::stream::BoxStream;
use wia_abi::BlockNumber;

use crate::chain::block::{Header, RawLog};

pub use rpc::RpcConnector;

/// How heads arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Pushed, as they are made.
    WebSocket,
    /// Asked for.
    Http,
}

/// What went wrong with an endpoint. All of it may pass.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// No connection, or it broke.
    #[error("{endpoint} cannot be reached: {reason}")]
    Unreachable {
