//! A relayer's door, WebSocket or libp2p: the same calls, the same answers.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use wia_protocol::relay::{Info, Status, StatusQuery, Submission, Submitted, method};
use wia_relayer::mesh;

use super::WalletError;
use super::socket::Socket;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to a relayer.
pub(super) enum Door {
    /// JSON-RPC over WebSocket.
    Socket(Box<Socket>),
    /// Canonical CBOR over libp2p request-response.
    Peer(mesh::Client),
}

impl Door {
    pub(super) async fn by_socket(url: &str) -> Result<Self, WalletError> {
        Ok(Self::Socket(Box::new(Socket::connect(url).await?)))
    }

    pub(super) async fn by_peer(address: &str) -> Result<Self, WalletError> {
        let failed = |reason: String| WalletError::Unreachable { url: address.to_owned(), reason };
        let parsed = address.parse().map_err(|e| failed(format!("{e}")))?;
        let client = mesh::Client::dial(parsed, DIAL_TIMEOUT).await.map_err(|e| failed(e.to_string()))?;
        Ok(Self::Peer(client))
    }

    pub(super) async fn info(&mut self) -> Result<Info, WalletError> {
        self.ask(method::INFO, json!({})).await
    }

    pub(super) async fn submit(&mut self, submission: &Submission) -> Result<Submitted, WalletError> {
        self.ask(method::SUBMIT, submission.to_params()).await
    }

    pub(super) async fn status(&mut self, query: &StatusQuery) -> Result<Status, WalletError> {
        self.ask(method::STATUS, query.to_params()).await
    }

    async fn ask<T: DeserializeOwned>(&mut self, method: &str, params: Value) -> Result<T, WalletError> {
        let answer = match self {
            Door::Socket(socket) => socket.call(method, params).await?,
            Door::Peer(client) => client
                .call(method, params)
                .await
                .map_err(|e| WalletError::Closed(e.to_string()))?
                .map_err(WalletError::Refused)?,
        };
        serde_json::from_value(answer)
            .map_err(|e| WalletError::Answer { method: method.into(), reason: e.to_string() })
    }
}
