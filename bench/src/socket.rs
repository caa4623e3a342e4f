//! JSON-RPC 2.0 over a WebSocket whose frames leave at once (`TCP_NODELAY`) and are stamped as they come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::error::BenchError;
use crate::wait::within;

const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// An open connection.
pub(crate) struct Socket {
    url: String,
    stream: WebSocketStream<TcpStream>,
    /// Pushes that came while an answer was waited for.
    earlier: VecDeque<Push>,
    last_id: u64,
}

/// A push as it came.
#[derive(Debug, Clone)]
pub(crate) struct Push {
    /// When it was read from the socket.
    pub(crate) at: Instant,
    /// The JSON text.
    pub(crate) text: Utf8Bytes,
}

#[derive(Deserialize)]
struct Frame<'a> {
    id: Option<u64>,
    result: Option<Value>,
    error: Option<Value>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Opens `ws://host:port/path`.
pub(crate) async fn connect(url: &str) -> Result<WebSocketStream<TcpStream>, BenchError> {
    let tcp = TcpStream::connect(authority(url)).await.map_err(BenchError::connection(url))?;
    tcp.set_nodelay(true).map_err(BenchError::connection(url))?;
    let opened = tokio_tungstenite::client_async(url, tcp).await;
    opened.map(|(stream, _)| stream).map_err(BenchError::connection(url))
}

/// `host:port` of a WebSocket's URL.
pub(crate) fn authority(url: &str) -> &str {
    url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

impl Push {
    /// Its parameters.
    pub(crate) fn params<'a, T: Deserialize<'a>>(&'a self) -> Result<T, BenchError> {
        let frame: Frame<'a> = serde_json::from_str(&self.text).map_err(BenchError::malformed(&self.text))?;
        let params = frame.params.map_or("null", RawValue::get);
        serde_json::from_str(params).map_err(BenchError::malformed(&self.text))
    }
}

impl Socket {
    /// Connects to `ws://host:port/path`.
    pub(crate) async fn open(url: &str) -> Result<Self, BenchError> {
        let stream = connect(url).await?;
        Ok(Self { url: url.to_owned(), stream, earlier: VecDeque::new(), last_id: 0 })
    }

    /// One call; pushes that come before its answer wait for [`Socket::push`].
    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Result<Value, BenchError> {
        self.last_id += 1;
        let id = self.last_id;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let sent = self.stream.send(Message::text(request.to_string())).await;
        sent.map_err(BenchError::connection(&self.url))?;
        within(method, CALL_TIMEOUT, async {
            loop {
                let push = self.read().await?;
                let frame: Frame<'_> =
                    serde_json::from_str(&push.text).map_err(BenchError::malformed(&push.text))?;
                if frame.id != Some(id) {
                    self.earlier.push_back(push);
                    continue;
                }
                let reason = frame.error.map_or("no result".to_owned(), |e| e.to_string());
                return frame.result.ok_or_else(|| BenchError::Rpc { method: method.to_owned(), reason });
            }
        })
        .await
    }

    /// The next push.
    pub(crate) async fn push(&mut self) -> Result<Push, BenchError> {
        match self.earlier.pop_front() {
            Some(push) => Ok(push),
            None => self.read().await,
        }
    }

    async fn read(&mut self) -> Result<Push, BenchError> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Ok(Push { at: Instant::now(), text }),
                Some(Ok(Message::Close(_))) | None => {
                    return Err(BenchError::connection(&self.url)("closed by the server"));
                }
                // Pings are answered by the library when the stream is next read.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(BenchError::connection(&self.url)(error)),
            }
        }
    }
}
