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

/// Of a wrong answer.
const CHARACTERS_SHOWN: usize = 500;

/// How submissions are handed in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Connections.
    pub(super) sockets: usize,
    /// Calls that wait for an answer, on each.
    pub(super) pending: usize,
    /// Messages in one call: 1 is `relay.submit`, more are `relay.submitBatch`.
    pub(super) together: usize,
}

/// The requests of one socket.
pub(super) struct Requests {
    texts: Vec<Utf8Bytes>,
    /// What each answer must name, in the order of the requests.
    digests: Vec<Vec<String>>,
}

/// As much of an answer as is checked.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    pub(super) id: usize,
    #[serde(borrow)]
    result: Option<Outcome<'a>>,
}

/// What one message is answered, or `results` with one for each message.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    relay_id: Option<&'a str>,
    status: Option<&'a str>,
    /// Without it nothing was promised.
    receipt: Option<IgnoredAny>,
    #[serde(borrow)]
    results: Option<Vec<Outcome<'a>>>,
}

impl<'a> Answer<'a> {
    /// Reads one.
    pub(super) fn read(text: &'a str) -> Result<Self, BenchError> {
        serde_json::from_str(text).map_err(BenchError::malformed(text))
    }

    /// That the messages of these digests were accepted now, and by this call.
    pub(super) fn check(&self, digests: Option<&[String]>, text: &str) -> Result<(), BenchError> {
        let accepted = |outcome: &Outcome<'_>, digest: &String| {
            outcome.status == Some("accepted")
                && outcome.relay_id == Some(digest)
                && outcome.receipt.is_some()
        };
        let fits = match (&self.result, digests) {
            (Some(Outcome { results: Some(outcomes), .. }), Some(digests)) => {
                outcomes.len() == digests.len() && outcomes.iter().zip(digests).all(|(o, d)| accepted(o, d))
            }
            (Some(outcome), Some([digest])) => accepted(outcome, digest),
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let text: String = text.chars().take(CHARACTERS_SHOWN).collect();
        Err(BenchError::Wrong(format!("submission {} was answered {text}", self.id)))
    }
}

impl Requests {
    /// Deals the load's messages out to so many sockets, call by call.
    pub(super) fn deal(load: &Load, manner: Manner) -> Vec<Self> {
        let mut all: Vec<_> =
            (0..manner.sockets.max(1)).map(|_| Self { texts: Vec::new(), digests: Vec::new() }).collect();
        for (at, messages) in load.messages.chunks(manner.together.max(1)).enumerate() {
            let place = at % all.len();
            let Some(Self { texts, digests }) = all.get_mut(place) else { break };
            texts.push(request(load, texts.len(), messages));
            digests.push(messages.iter().map(|signed| signed.digest.to_string()).collect());
        }
        all
    }
}

/// The text of one call.
pub(super) fn request(load: &Load, id: usize, messages: &[Signed]) -> Utf8Bytes {
    let (method, params) = match messages {
        [one] => ("relay.submit", load.params(one)),
        many => {
            let messages: Vec<_> = many.iter().map(|signed| load.params(signed)).collect();
            ("relay.submitBatch", json!({"messages": messages}))
        }
    };
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string().into()
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
                    answer.check(requests.digests.get(answer.id).map(Vec::as_slice), &text)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, digests: &[&str]) -> bool {
        let digests: Vec<_> = digests.iter().map(|d| (*d).to_owned()).collect();
        Answer::read(text).unwrap().check(Some(&digests), text).is_ok()
    }

    #[test]
    fn only_what_was_accepted_with_a_receipt_is_right() {
        let taken = r#"{"relayId":"0xa","status":"accepted","receipt":{"relayer":"0x"}}"#;
        let of = |result: &str| format!(r#"{{"jsonrpc":"2.0","id":3,"result":{result}}}"#);
        assert!(check(&of(taken), &["0xa"]));
        assert!(!check(&of(taken), &["0xb"]));
        assert!(!check(&of(taken), &["0xa", "0xb"]));
        assert!(!check(&of(&taken.replace("accepted", "mined")), &["0xa"]));
        assert!(!check(&of(r#"{"relayId":"0xa","status":"accepted"}"#), &["0xa"]));
        assert!(!check(r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32000}}"#, &["0xa"]));
    }

    #[test]
    fn every_message_of_a_batch_must_have_been_accepted() {
        let taken = |d: &str| format!(r#"{{"relayId":"{d}","status":"accepted","receipt":{{}}}}"#);
        let of = |results: &[String]| format!(r#"{{"id":0,"result":{{"results":[{}]}}}}"#, results.join(","));
        assert!(check(&of(&[taken("0xa"), taken("0xb")]), &["0xa", "0xb"]));
        assert!(!check(&of(&[taken("0xb"), taken("0xa")]), &["0xa", "0xb"]));
        assert!(!check(&of(&[taken("0xa")]), &["0xa", "0xb"]));
        assert!(!check(&of(&[taken("0xa"), r#"{"error":{"code":-32000}}"#.into()]), &["0xa", "0xb"]));
    }
}
