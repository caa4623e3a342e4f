//! Server-sent events (WHATWG HTML §9.2) as all doors send them: bounded, kept alive, ended with a reason.
//!
//! In: a place, what comes first, and chunks of whole events. Out: the response. There is no queue: a chunk is asked for
//! when the connection has room for it. A comment comes when nothing else does for the keep-alive time, and as the last
//! thing of all. A reader that takes nothing for the send time-out is cut ([`super::linger`]).

use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Version, header};
use axum::response::Response;
use futures::stream::{Stream, StreamExt, unfold};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::connections::Place;
use super::lifeline::{Lifeline, Streaming};
use super::refusal::Refusal;
use super::{Counted, Shared};

/// How long a client that lost the connection waits before it comes back, milliseconds.
const RETRY_MS: u64 = 1_000;

/// Events that are there at the same time leave together, up to so many bytes and one event more.
pub(super) const CHUNK_BYTES: usize = 16 << 10;

/// Whole events; or why there will be no more, which ends the stream.
type Chunks = Pin<Box<dyn Stream<Item = Result<String, &'static str>> + Send>>;

/// A stream that may be opened.
pub(super) struct EventStream {
    keep_alive: Duration,
    stop: CancellationToken,
    version: Version,
    held: (Place, Streaming, Counted),
}

/// One open stream.
struct Open {
    first: Option<String>,
    chunks: Chunks,
    keep_alive: Duration,
    stop: CancellationToken,
    _held: (Place, Streaming, Counted),
}

impl EventStream {
    /// Takes a place for a stream of `client` on that connection.
    pub(super) fn enter(
        shared: &Shared,
        client: IpAddr,
        lifeline: &Lifeline,
        version: Version,
    ) -> Result<Self, Refusal> {
        let place = shared.stream_place(client)?;
        Ok(Self {
            keep_alive: Duration::from_millis(shared.services.config.sse_keep_alive_ms),
            stop: shared.stop.clone(),
            version,
            held: (place, lifeline.stream(), Counted::new("wia_sse_streams")),
        })
    }

    /// Answers with `first`, an event, then `chunks`. A node that stops says `stopping`.
    pub(super) fn answer(
        self,
        first: &str,
        chunks: impl Stream<Item = Result<String, &'static str>> + Send + 'static,
        stopping: &'static str,
    ) -> Result<Response, Refusal> {
        let open = Open {
            first: Some(format!("retry: {RETRY_MS}\n{first}")),
            chunks: Box::pin(chunks),
            keep_alive: self.keep_alive,
            stop: self.stop,
            _held: self.held,
        };
        let body = unfold(Some(open), move |open| async move {
            let mut open = open?;
            match open.next(stopping).await {
                Ok(chunk) => Some((Ok::<_, std::convert::Infallible>(chunk), Some(open))),
                Err(why) => Some((Ok(Bytes::from(format!(": {why}\n\n"))), None)),
            }
        });
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, "text/event-stream")
            .header(header::CACHE_CONTROL, "no-store")
            // Proxies that gather answers would gather for ever.
            .header("x-accel-buffering", "no");
        if self.version < Version::HTTP_2 {
            // It ends when the node stops or the client is to come back: nothing follows on this connection.
            response = response.header(header::CONNECTION, "close");
        }
        response.body(Body::from_stream(body)).map_err(|_| Refusal::internal())
    }
}

impl Open {
    /// What to send next; `Err`: why there is no more.
    async fn next(&mut self, stopping: &'static str) -> Result<Bytes, &'static str> {
        if let Some(first) = self.first.take() {
            return Ok(first.into());
        }
        match self.stop.run_until_cancelled(timeout(self.keep_alive, self.chunks.next())).await {
            None | Some(Ok(None)) => Err(stopping),
            Some(Err(_)) => Ok(Bytes::from_static(b": keep-alive\n\n")),
            Some(Ok(Some(chunk))) => Ok(chunk?.into()),
        }
    }
}
