//! A bare WebSocket for what a well-behaved client never does: wrong bytes, missing steps, abrupt ends.

use std::collections::VecDeque;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wia_protocol::RpcError;

const TIMEOUT: Duration = Duration::from_secs(30);

/// What comes in.
#[derive(Debug, Clone, PartialEq)]
pub enum Incoming {
    /// A JSON frame.
    Json(Value),
    /// A close frame's code.
    Closed(u16),
}

/// An open connection. Every wait is bounded and panics when it is too long.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pushes: VecDeque<Value>,
    last_id: u64,
}

impl Socket {
    /// Connects to a URL, or to a request with headers of the case's own.
    ///
    /// # Errors
    /// When the server refuses the upgrade.
    pub async fn open(request: impl IntoClientRequest + Unpin) -> Result<Self, Box<tungstenite::Error>> {
        let (stream, _) = connect_async(request).await.map_err(Box::new)?;
        Ok(Self { stream, pushes: VecDeque::new(), last_id: 0 })
    }

    /// Connects to a URL that must answer.
    pub async fn to(url: &str) -> Self {
        Self::open(url).await.unwrap_or_else(|e| panic!("{url}: {e}"))
    }

    /// Connects to the carbon stream and authenticates.
    pub async fn authenticated(url: &str, token: &str) -> Self {
        let mut socket = Self::to(url).await;
        let result = socket.call("authenticate", json!({"token": token})).await;
        assert_eq!(result, Ok(json!({"authenticated": true})));
        socket
    }

    /// Sends a text frame as it is.
    pub async fn send(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.expect("an open socket");
    }

    /// Sends a text frame that the server may not want to read to its end.
    pub async fn send_unheard(&mut self, text: String) {
        // A connection cut meanwhile is one of the outcomes that the case looks for.
        let _ = self.stream.send(Message::text(text)).await;
    }

    /// The next frame that is neither ping nor pong.
    pub async fn receive(&mut self) -> Incoming {
        if let Some(push) = self.pushes.pop_front() {
            return Incoming::Json(push);
        }
        self.next_frame().await
    }

    /// The next push that is there within `patience`.
    pub async fn push_within(&mut self, patience: Duration) -> Option<Value> {
        match timeout(patience, self.receive()).await {
            Ok(Incoming::Json(push)) => Some(push),
            Ok(Incoming::Closed(code)) => panic!("closed with {code}"),
            Err(_) => None,
        }
    }

    /// The answer to a call; pushes that come before it are kept.
    ///
    /// # Errors
    /// The server's refusal.
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        self.last_id += 1;
        let id = json!(self.last_id);
        self.send(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()).await;
        loop {
            match self.next_frame().await {
                Incoming::Json(mut reply) if reply["id"] == id => {
                    if let Some(error) = reply.get_mut("error") {
                        return Err(serde_json::from_value(error.take()).expect("an error object"));
                    }
                    return Ok(reply["result"].take());
                }
                Incoming::Json(push) if push.get("method").is_some() => self.pushes.push_back(push),
                other => panic!("instead of the answer to {method}: {other:?}"),
            }
        }
    }

    /// The params of the next push, which must be of that method.
    pub async fn push(&mut self, method: &str) -> Value {
        match self.receive().await {
            Incoming::Json(mut push) if push["method"] == method => push["params"].take(),
            other => panic!("instead of {method}: {other:?}"),
        }
    }

    /// Sends a frame as it is and gives the reply to it.
    pub async fn exchange(&mut self, text: impl Into<String>) -> Value {
        self.send(text).await;
        match self.receive().await {
            Incoming::Json(reply) => reply,
            Incoming::Closed(code) => panic!("closed with {code} instead of a reply"),
        }
    }

    /// The code with which the server closes; frames before it are passed over.
    pub async fn closed(&mut self) -> u16 {
        loop {
            if let Incoming::Closed(code) = self.receive().await {
                return code;
            }
        }
    }

    async fn next_frame(&mut self) -> Incoming {
        let frame = self.frame().await;
        frame.unwrap_or_else(|end| panic!("the connection ended without a close code: {end}"))
    }

    async fn frame(&mut self) -> Result<Incoming, String> {
        loop {
            let frame = timeout(TIMEOUT, self.stream.next()).await;
            match frame.unwrap_or_else(|_| panic!("nothing came in for {TIMEOUT:?}")) {
                Some(Ok(Message::Text(text))) => {
                    let json = serde_json::from_str(&text);
                    return Ok(Incoming::Json(json.unwrap_or_else(|e| panic!("{e}: {text}"))));
                }
                Some(Ok(Message::Close(Some(close)))) => return Ok(Incoming::Closed(close.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return Err(format!("{other:?}")),
            }
        }
    }
}
