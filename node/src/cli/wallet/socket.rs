//! A JSON-RPC 2.0 client over WebSocket: one call at a time, pushes kept in order.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wia_protocol::RpcError;

use super::WalletError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the longest wait that `relay.status` grants.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most pushes kept while an answer is waited for.
const MAX_KEPT: usize = 10_000;

/// A connection to one of the node's streams.
pub(super) struct Socket {
    url: String,
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next_id: u64,
    kept: VecDeque<Value>,
}

impl Socket {
    pub(super) async fn connect(url: &str) -> Result<Self, WalletError> {
        let failed = |reason: String| WalletError::Unreachable { url: url.to_owned(), reason };
        let (stream, _) = timeout(CONNECT_TIMEOUT, connect_async(url))
            .await
            .map_err(|_| failed("no answer in time".into()))?
            .map_err(|e| failed(e.to_string()))?;
        Ok(Self { url: url.to_owned(), stream, next_id: 1, kept: VecDeque::new() })
    }

    /// Calls a method and waits for its answer.
    pub(super) async fn call(&mut self, method: &str, params: Value) -> Result<Value, WalletError> {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.stream.send(Message::text(request.to_string())).await.map_err(|e| self.lost(&e))?;
        let answer = async {
            loop {
                let mut frame = self.receive().await?;
                if frame["id"] == json!(id) {
                    return match frame.get_mut("error").map(Value::take) {
                        None => Ok(frame["result"].take()),
                        Some(error) => Err(refusal(method, error)),
                    };
                }
                if self.kept.len() == MAX_KEPT {
                    return Err(WalletError::Closed("more pushes than can be kept before the answer".into()));
                }
                self.kept.push_back(frame);
            }
        };
        let silent = |_| WalletError::Answer { method: method.into(), reason: "none in time".into() };
        timeout(ANSWER_TIMEOUT, answer).await.map_err(silent)?
    }

    /// The next push.
    pub(super) async fn push(&mut self) -> Result<Value, WalletError> {
        match self.kept.pop_front() {
            Some(push) => Ok(push),
            None => self.receive().await,
        }
    }

    async fn receive(&mut self) -> Result<Value, WalletError> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map_err(|e| WalletError::Answer {
                        method: "a frame".into(),
                        reason: e.to_string(),
                    });
                }
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map_or("without a reason".into(), |f| format!("{} {}", f.code, f.reason));
                    return Err(WalletError::Closed(why));
                }
                Some(Ok(_)) => {}
                Some(Err(e)) => return Err(self.lost(&e)),
                None => return Err(WalletError::Closed("without a close frame".into())),
            }
        }
    }

    fn lost(&self, error: &dyn std::fmt::Display) -> WalletError {
        WalletError::Unreachable { url: self.url.clone(), reason: error.to_string() }
    }
}

fn refusal(method: &str, error: Value) -> WalletError {
    match serde_json::from_value::<RpcError>(error) {
        Ok(error) => WalletError::Refused(error),
        Err(e) => WalletError::Answer { method: method.into(), reason: e.to_string() },
    }
}
