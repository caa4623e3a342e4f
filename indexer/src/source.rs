//! Where blocks come from: the seam between the engine and an endpoint.
//!
//! In: questions about heads, headers, logs and receipts. Out: answers that nobody has checked yet. A [`Connector`]
//! makes connections of either kind to one endpoint; a [`Source`] is one of them, and is dropped when it fails.
//! JSON-RPC stands in [`rpc`], over our own clients for HTTP ([`http`]) and WebSocket ([`socket`]); tests bring their
//! own.

mod bucket;
mod http;
mod refusal;
mod rpc;
mod socket;
mod wire;

use alloy::primitives::B256;
use async_trait::async_trait;
use futures::stream::BoxStream;
use wia_abi::BlockNumber;

use crate::chain::block::{Header, RawLog, Receipt};

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
        /// Scheme, host and port.
        endpoint: String,
        /// What the transport said.
        reason: String,
    },
    /// No answer in time.
    #[error("{endpoint} did not answer {method} within {timeout_ms} ms")]
    Timeout {
        /// Scheme, host and port.
        endpoint: String,
        /// The call.
        method: &'static str,
        /// The limit.
        timeout_ms: u64,
    },
    /// It answered with an error.
    #[error("{endpoint} refuses {method}: {reason}")]
    Refused {
        /// Scheme, host and port.
        endpoint: String,
        /// The call.
        method: &'static str,
        /// Its words.
        reason: String,
    },
    /// It has had enough of us for now.
    #[error("{endpoint} wants fewer requests ({method}): {reason}")]
    Limited {
        /// Scheme, host and port.
        endpoint: String,
        /// The call.
        method: &'static str,
        /// Its words.
        reason: String,
        /// Milliseconds that it wants us to wait; 0 when it did not say.
        retry_after_ms: u64,
    },
    /// It does not know the call.
    #[error("{endpoint} does not know {method}")]
    Unsupported {
        /// Scheme, host and port.
        endpoint: String,
        /// The call.
        method: &'static str,
    },
    /// Its answer is longer than we take.
    #[error("{endpoint} answers {method} with more than {limit_bytes} bytes (max_response_bytes)")]
    TooLarge {
        /// Scheme, host and port.
        endpoint: String,
        /// The call.
        method: &'static str,
        /// The limit.
        limit_bytes: u64,
    },
    /// It answered what cannot be.
    #[error("{endpoint} answers implausibly: {reason}")]
    Implausible {
        /// Scheme, host and port.
        endpoint: String,
        /// What is wrong.
        reason: String,
    },
}

impl SourceError {
    /// True when asking for less at once may help.
    pub(crate) fn asks_for_less(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Refused { .. } | Self::TooLarge { .. })
    }

    /// True when the same question may be answered a moment later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Unreachable { .. } | Self::Limited { .. })
    }

    /// Milliseconds that the endpoint wants us to wait.
    pub(crate) fn retry_after_ms(&self) -> u64 {
        match self {
            Self::Limited { retry_after_ms, .. } => *retry_after_ms,
            _ => 0,
        }
    }

    /// For the metric's label.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Refused { .. } => "refused",
            Self::Limited { .. } => "limited",
            Self::Unsupported { .. } => "unsupported",
            Self::TooLarge { .. } => "too_large",
            Self::Implausible { .. } => "implausible",
        }
    }
}

/// Which chain an endpoint serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainIdentity {
    /// EIP-155.
    pub chain_id: u64,
    /// Hash of block 0.
    pub genesis: B256,
}

/// Makes connections to one endpoint.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Scheme, host and port, without secrets.
    fn endpoint(&self) -> String {
        "endpoint".to_owned()
    }

    /// The kinds that are configured, the preferred one first.
    fn transports(&self) -> Vec<Transport>;

    /// A new connection of that kind.
    async fn connect(&self, transport: Transport) -> Result<Box<dyn Source>, SourceError>;
}

/// One connection. Every call ends within the configured time-out.
#[async_trait]
pub trait Source: Send + Sync {
    /// Scheme, host and port, without secrets.
    fn endpoint(&self) -> &str;

    /// Which chain this is.
    async fn identity(&self) -> Result<ChainIdentity, SourceError>;

    /// Whether the endpoint says that it is itself catching up; `false` when it cannot say.
    async fn syncing(&self) -> Result<bool, SourceError> {
        Ok(false)
    }

    /// New heads as they come, each perhaps at a height that was there before; `None` when this connection cannot
    /// push. The stream's end is the connection's end.
    async fn heads(&self) -> Result<Option<BoxStream<'static, Header>>, SourceError>;

    /// The head now.
    async fn head(&self) -> Result<Header, SourceError>;

    /// The header of that hash; `None` when the endpoint does not have it (any more).
    async fn header(&self, hash: B256) -> Result<Option<Header>, SourceError>;

    /// The canonical headers of a range of heights, both ends included, lowest first.
    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<Header>, SourceError>;

    /// The logs of our contracts in the block of that hash.
    async fn logs_of(&self, hash: B256) -> Result<Vec<RawLog>, SourceError>;

    /// The logs of our contracts in a range of heights, both ends included.
    async fn logs(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<RawLog>, SourceError>;

    /// All receipts of the block of that hash, in order.
    ///
    /// # Errors
    /// [`SourceError::Unsupported`] when the endpoint cannot give them, or we cannot read their type.
    async fn receipts(&self, hash: B256) -> Result<Vec<Receipt>, SourceError> {
        let _ = hash;
        Err(SourceError::Unsupported { endpoint: self.endpoint().to_owned(), method: "eth_getBlockReceipts" })
    }
}
