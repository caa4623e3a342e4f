//! JSON-RPC over WebSocket, thin and bounded: what pushes heads.
//!
//! In: one URL. Out: a connection that answers single calls and pushes new heads. A task of its own reads and pings;
//! it ends with the connection, and the connection with it. Without Nagle's delay. Heads that nobody takes are
//! dropped, the oldest first: only the newest matter.

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt};
use futures::{SinkExt, stream};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::task::AbortOnDropHandle;
use wia_protocol::endpoint::{innermost, without_secrets};

use super::SourceError;
use super::refusal::{self, Refusal};
use super::wire::{self, WireHeader};
use crate::Config;
use crate::chain::block::Header;

/// Bytes of one message: a head with its transactions' hashes and more.
const MAX_MESSAGE_BYTES: usize = 4 << 20;

/// Heads that wait to be taken.
const HEADS_WAITING: usize = 64;

/// Calls that wait for their answers.
const CALLS_WAITING: usize = 16;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One call on its way to the task, and where its answer goes.
struct Asked {
    text: String,
    id: u64,
    answer: oneshot::Sender<Vec<u8>>,
}

/// A connection. It is closed when this and all streams of heads are dropped.
pub(super) struct Socket {
    endpoint: String,
    timeout: Duration,
    calls: mpsc::Sender<Asked>,
    next_id: std::sync::atomic::AtomicU64,
    heads: broadcast::WeakSender<Header>,
    task: std::sync::Arc<AbortOnDropHandle<()>>,
}

/// What comes over the wire: an answer, or a notification.
#[derive(Deserialize)]
struct Frame<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    params: Option<Pushed<'a>>,
}

#[derive(Deserialize)]
struct Pushed<'a> {
    #[serde(borrow)]
    result: &'a RawValue,
}

impl Socket {
    /// Connects.
    pub(super) async fn connect(url: &str, config: &Config) -> Result<Self, SourceError> {
        let endpoint = without_secrets(url);
        let timeout = Duration::from_millis(config.request_timeout_ms);
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES))
            .max_write_buffer_size(MAX_MESSAGE_BYTES);
        let connecting = tokio_tungstenite::connect_async_with_config(url, Some(limits), true);
        let connected = tokio::time::timeout(timeout, Box::pin(connecting)).await;
        let (stream, _) = match connected {
            Ok(Ok(connected)) => connected,
            Ok(Err(error)) => {
                return Err(SourceError::Unreachable {
                    endpoint,
                    reason: wire::shortened(&innermost(&error)),
                });
            }
            Err(_) => return Err(timed_out(&endpoint, "connect", timeout)),
        };
        let (calls, asked) = mpsc::channel(CALLS_WAITING);
        let (heads, _) = broadcast::channel(HEADS_WAITING);
        let weak = heads.downgrade();
        let ping_every = Duration::from_millis(config.ping_interval_ms);
        let task = tokio::spawn(run(stream, asked, heads, ping_every));
        Ok(Self {
            endpoint,
            timeout,
            calls,
            next_id: 0.into(),
            heads: weak,
            task: std::sync::Arc::new(AbortOnDropHandle::new(task)),
        })
    }

    /// Scheme, host and port.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// One call; `None` for a result of `null`.
    pub(super) async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &impl serde::Serialize,
    ) -> Result<Option<R>, SourceError> {
        let gone = || self.unreachable("the connection is gone");
        let id = self.next_id.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let call = serde_json::json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let (answer, answered) = oneshot::channel();
        let exchange = async {
            self.calls.send(Asked { text: call.to_string(), id, answer }).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())
        };
        let Ok(text) = tokio::time::timeout(self.timeout, exchange).await else {
            return Err(timed_out(&self.endpoint, method, self.timeout));
        };
        let endpoint = self.endpoint.clone();
        match wire::single::<R>(&text?) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(match refusal::of_error(error.code, &error.message) {
                Refusal::Unsupported => SourceError::Unsupported { endpoint, method },
                Refusal::Wait => {
                    SourceError::Limited { endpoint, method, reason: error.reason(), retry_after_ms: 0 }
                }
                Refusal::AskLess => SourceError::Refused { endpoint, method, reason: error.reason() },
            }),
            Err(garbage) => Err(SourceError::Refused { endpoint, method, reason: garbage }),
        }
    }

    /// Subscribes to new heads. The stream holds the connection, and ends with it.
    pub(super) async fn new_heads(&self) -> Result<BoxStream<'static, Header>, SourceError> {
        let gone = || self.unreachable("the connection is gone");
        // Before the call: the first head may come with its answer.
        let heads = self.heads.upgrade().ok_or_else(gone)?.subscribe();
        let id: Option<serde_json::Value> = self.call("eth_subscribe", &("newHeads",)).await?;
        id.ok_or_else(|| self.unreachable("it gave no subscription"))?;
        let held = (heads, self.task.clone(), self.calls.clone());
        let next = |mut held: (broadcast::Receiver<Header>, _, _)| async {
            loop {
                match held.0.recv().await {
                    Ok(head) => return Some((head, held)),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        Ok(stream::unfold(held, next).boxed())
    }

    fn unreachable(&self, reason: &str) -> SourceError {
        SourceError::Unreachable { endpoint: self.endpoint.clone(), reason: reason.to_owned() }
    }
}

fn timed_out(endpoint: &str, method: &'static str, timeout: Duration) -> SourceError {
    let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
    SourceError::Timeout { endpoint: endpoint.to_owned(), method, timeout_ms }
}

/// The connection's life. Returning drops `heads` and the answers that are owed: everybody learns of the end.
async fn run(
    mut stream: Stream,
    mut asked: mpsc::Receiver<Asked>,
    heads: broadcast::Sender<Header>,
    ping_every: Duration,
) {
    let mut owed: HashMap<u64, oneshot::Sender<Vec<u8>>> = HashMap::new();
    let mut pinged = false;
    loop {
        tokio::select! {
            message = stream.next() => {
                pinged = false;
                match message {
                    Some(Ok(Message::Text(text))) => take(text.as_bytes(), &mut owed, &heads),
                    Some(Ok(Message::Binary(bytes))) => take(&bytes, &mut owed, &heads),
                    // Pings are answered by the library on the next write, so there is one.
                    Some(Ok(Message::Ping(_))) => if stream.flush().await.is_err() { return },
                    Some(Ok(Message::Pong(_) | Message::Frame(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            call = asked.recv() => match call {
                Some(call) => {
                    // Those who asked and went away leave no trace.
                    owed.retain(|_, answer| !answer.is_closed());
                    owed.insert(call.id, call.answer);
                    if stream.send(Message::text(call.text)).await.is_err() {
                        return;
                    }
                }
                None => return,
            },
            () = tokio::time::sleep(ping_every) => {
                if pinged || stream.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
                pinged = true;
            }
        }
    }
}

fn take(text: &[u8], owed: &mut HashMap<u64, oneshot::Sender<Vec<u8>>>, heads: &broadcast::Sender<Header>) {
    let Ok(frame) = serde_json::from_slice::<Frame<'_>>(text) else { return };
    if let Some(answer) = frame.id.and_then(|id| owed.remove(&id)) {
        // Whoever asked may have given up.
        let _ = answer.send(text.to_vec());
    } else if let Some(pushed) = frame.params
        && let Ok(head) = serde_json::from_str::<WireHeader>(pushed.result.get())
    {
        let _ = heads.send(head.into());
    }
}
