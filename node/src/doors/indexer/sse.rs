//! `/indexer/v1/events` as server-sent events (WHATWG HTML §9.2): `id:` is the message's cursor, `event:` its type,
//! `data:` its JSON. The first one, `subscribed`, holds `{cursor, recovered}`; `Last-Event-ID` resumes after the message
//! of that id, as `cursor` in the query does. A comment comes when nothing else does for the keep-alive time.
//!
//! There is no queue: a message is read from the log when the connection has room for it. A reader that takes nothing for
//! the send time-out is cut ([`crate::doors::linger`]).

use std::net::IpAddr;
use std::time::Duration;
use std::vec;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Version, header};
use axum::response::Response;
use futures::stream::unfold;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wia_indexer::{EventSubscription, IndexerError, Message};
use wia_protocol::indexer::Subscribe;

use super::reader::End;
use super::refusal::Refusal;
use super::{Pairs, rest};
use crate::doors::connections::Place;
use crate::doors::lifeline::{Lifeline, Streaming};
use crate::doors::{Counted, Shared};

/// How long a client that lost the connection waits before it comes back, milliseconds.
const RETRY_MS: u64 = 1_000;

/// Messages that are there at the same time leave together, up to so many bytes and one message more.
const CHUNK_BYTES: usize = 16 << 10;

/// Answers with the stream, or refuses.
pub(super) async fn stream(
    shared: &Shared,
    client: IpAddr,
    lifeline: &Lifeline,
    version: Version,
    headers: &HeaderMap,
    pairs: Pairs,
) -> Result<Response, Refusal> {
    let (mut asked, left) = Subscribe::from_query(pairs).map_err(|e| Refusal::from(e).of_query())?;
    rest::nothing_left(left, "a stream")?;
    // Of a client that comes back: its query still says where it once began.
    if let Some(last) = headers.get("last-event-id").filter(|id| !id.is_empty()) {
        let last = last.to_str().map_err(|_| Refusal::invalid("Last-Event-ID", "is no text"))?;
        asked.cursor = Some(last.to_owned());
    }
    let place = shared.stream_place(client)?;
    let subscription = shared.services.reader.subscribe(asked).await.map_err(Refusal::of_query)?;
    let open = Open {
        subscription,
        messages: Vec::new().into_iter(),
        begun: false,
        keep_alive: Duration::from_millis(shared.services.config.sse_keep_alive_ms),
        stop: shared.stop.clone(),
        _held: (place, lifeline.stream(), Counted::new("wia_sse_streams")),
    };
    let body = unfold(Some(open), |open| async move {
        let mut open = open?;
        match open.next().await {
            Ok(chunk) => Some((Ok::<_, IndexerError>(chunk), Some(open))),
            Err(last) => Some((Ok(last), None)),
        }
    });
    let mut response = Response::builder()
        .header(header::CONTENT_TYPE, "text/event-stream")
        .header(header::CACHE_CONTROL, "no-store")
        // Proxies that gather answers would gather for ever.
        .header("x-accel-buffering", "no");
    if version < Version::HTTP_2 {
        // It ends when the node stops or the client is to come back: nothing follows on this connection.
        response = response.header(header::CONNECTION, "close");
    }
    response.body(Body::from_stream(body)).map_err(|_| Refusal::internal())
}

/// One open stream.
struct Open {
    subscription: EventSubscription,
    /// Those of the last entry that are not written yet.
    messages: vec::IntoIter<Message>,
    begun: bool,
    keep_alive: Duration,
    stop: CancellationToken,
    _held: (Place, Streaming, Counted),
}

impl Open {
    /// What to send next; `Err`: the last of all.
    async fn next(&mut self) -> Result<Bytes, Bytes> {
        if !std::mem::replace(&mut self.begun, true) {
            let (cursor, recovered) = (self.subscription.cursor(), self.subscription.recovered());
            let data = json!({"cursor": cursor, "recovered": recovered});
            let first = format!("retry: {RETRY_MS}\nevent: subscribed\nid: {cursor}\ndata: {data}\n\n");
            return Ok(first.into());
        }
        if self.messages.as_slice().is_empty() {
            let next = timeout(self.keep_alive, self.subscription.next());
            match self.stop.run_until_cancelled(next).await {
                Some(Ok(Ok(messages))) => self.messages = messages.into_iter(),
                Some(Err(_)) => return Ok(Bytes::from_static(b": keep-alive\n\n")),
                None => return Err(last(End::Stopping)),
                Some(Ok(Err(error))) => return Err(last(error.into())),
            }
        }
        let mut chunk = String::new();
        while chunk.len() < CHUNK_BYTES
            && let Some(message) = self.messages.next()
        {
            let (cursor, kind) = (message.cursor(), message.kind().name());
            chunk += &format!("id: {cursor}\nevent: {kind}\ndata: ");
            message.write_json(&mut chunk);
            chunk += "\n\n";
        }
        Ok(chunk.into())
    }
}

/// A comment: what happens when the stream ends is the same, whatever the reason.
fn last(end: End) -> Bytes {
    format!(": {}\n\n", end.text()).into()
}
