//! Many submissions over few WebSockets: each socket has so many calls open at a time, and every answer is compared with
//! what it must be.
//!
//! Requests are text before the clock runs: what a wallet spends on writing JSON is not the relayer's.

use std::time::Duration;

use futures::future::try_join_all;
use futures::{FutureExt, SinkExt, StreamExt};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::load::{Load, Signed};
use crate::error::BenchError;
use crate::socket::connect;
use crate::wait::within;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How submissions are handed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Connections.
    pub(super) sockets: usize,
    /// Calls that wait for an answer, on each.
    pub(super) pending: usize,
}

/// The requests of one socket.
pub(super) struct Requests {
    texts: Vec<Utf8Bytes>,
    /// What each answer must name, in the order of the requests.
    digests: Vec<String>,
}

/// As much of an answer as is checked.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) id: usize,
    #[serde(borrow)]
    result: Option<Accepted<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted<'a> {
    relay_id: &'a str,
    status: &'a str,
    #[allow(dead_code, reason = "without a receipt nothing was promised")]
    receipt: IgnoredAny,
}

impl<'a> Answer<'a> {
    /// Reads one.
    pub(super) fn read(text: &'a str) -> Result<Self, BenchError> {
        serde_json::from_str(text).map_err(BenchError::malformed(text))
    }

    /// That the message of that digest was accepted now, and by this call.
    pub(super) fn check(&self, digest: Option<&String>, text: &str) -> Result<(), BenchError> {
        let fits = |r: &Accepted<'_>| r.status == "accepted" && digest.is_some_and(|d| d == r.relay_id);
        if self.result.as_ref().is_some_and(fits) {
            return Ok(());
        }
        Err(BenchError::Wrong(format!("relay.submit {} was answered {text}", self.id)))
    }
}

impl Requests {
    /// Deals the load's messages out to so many sockets, one after the other.
    pub(super) fn deal(load: &Load, sockets: usize) -> Vec<Self> {
        let share = |at| {
            let mine = load.messages.iter().skip(at).step_by(sockets.max(1));
            let texts = mine.clone().enumerate().map(|(id, signed)| request(load, id, signed)).collect();
            Self { texts, digests: mine.map(|signed| signed.digest.to_string()).collect() }
        };
        (0..sockets.max(1)).map(share).collect()
    }
}

/// The text of one `relay.submit`.
pub(super) fn request(load: &Load, id: usize, signed: &Signed) -> Utf8Bytes {
    let params = load.params(signed);
    json!({"jsonrpc": "2.0", "id": id, "method": "relay.submit", "params": params}).to_string().into()
}

/// Connections for requests to come.
pub(super) async fn open(url: &str, sockets: usize) -> Result<Vec<WebSocketStream<TcpStream>>, BenchError> {
    try_join_all((0..sockets).map(|_| connect(url))).await
}

/// Hands everything in; returns when the last was accepted.
pub(super) async fn submit(
    sockets: &mut [WebSocketStream<TcpStream>],
    requests: &[Requests],
    manner: Manner,
) -> Result<(), BenchError> {
    let each =
        sockets.iter_mut().zip(requests).map(|(socket, requests)| one(socket, requests, manner.pending));
    try_join_all(each).await.map(drop)
}

async fn one(
    socket: &mut WebSocketStream<TcpStream>,
    requests: &Requests,
    pending: usize,
) -> Result<(), BenchError> {
    let (mut sent, mut answered) = (0, 0);
    while answered < requests.texts.len() {
        let until = requests.texts.len().min(answered + pending.max(1));
        if sent < until {
            for text in &requests.texts[sent..until] {
                socket.feed(Message::Text(text.clone())).await.map_err(broken)?;
            }
            socket.flush().await.map_err(broken)?;
            sent = until;
        }
        let mut next =
            within("an answer to relay.submit", ANSWER_TIMEOUT, async { Ok(socket.next().await) }).await?;
        loop {
            match next {
                Some(Ok(Message::Text(text))) => {
                    let answer = Answer::read(&text)?;
                    answer.check(requests.digests.get(answer.id), &text)?;
                    answered += 1;
                }
                Some(Ok(Message::Close(_))) | None => return Err(broken("closed by the server")),
                // Pings are answered by the library when the stream is next read.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(broken(error)),
            }
            // What is there already, before more is written.
            match socket.next().now_or_never() {
                Some(there) if answered < requests.texts.len() => next = there,
                _ => break,
            }
        }
    }
    Ok(())
}

fn broken<E: std::fmt::Display>(reason: E) -> BenchError {
    BenchError::connection("relay socket")(reason)
}
