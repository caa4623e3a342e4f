//! [`Chain`](super::Chain) over JSON-RPC.

use tokio::sync::watch;

use super::Head;
use crate::RelayerError;

/// A chain behind a JSON-RPC endpoint.
pub struct RpcChain {
    #[allow(dead_code)]
    heads: watch::Receiver<Option<Head>>,
}

impl RpcChain {
    /// Connects.
    ///
    /// # Errors
    /// [`RelayerError::Endpoint`] when an address is none.
    pub async fn connect(
        http_url: &str,
        _ws_url: Option<&str>,
        _request_timeout_ms: u64,
    ) -> Result<Self, RelayerError> {
        Err(RelayerError::Endpoint { url: http_url.into(), reason: "not yet".into() })
    }
}
