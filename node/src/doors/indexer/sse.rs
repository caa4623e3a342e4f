//! `/indexer/v1/events` as server-sent events ([`crate::doors::event_stream`]): `id:` is the message's cursor, `event:`
//! its type, `data:` its JSON. The first one, `subscribed`, holds `{cursor, recovered}`; `Last-Event-ID` resumes after
//! the message of that id, as `cursor` in the query does.
//!
//! A message is read from the log when the connection has room for it.

use std::vec;

use axum::http::HeaderMap;
use axum::response::Response;
use futures::stream::{Stream, unfold};
use serde_json::json;
use wia_indexer::{EventSubscription, Message};
use wia_protocol::indexer::Subscribe;

use super::reader::{End, Reader};
use crate::doors::event_stream::{CHUNK_BYTES, EventStream};
use crate::doors::query::{Pairs, last_event_id, nothing_left};
use crate::doors::refusal::Refusal;

/// Answers with the stream, or refuses.
pub(super) async fn stream(
    reader: &Reader,
    entered: impl FnOnce() -> Result<EventStream, Refusal>,
    headers: &HeaderMap,
    pairs: Pairs,
) -> Result<Response, Refusal> {
    let (mut asked, left) = Subscribe::from_query(pairs).map_err(|e| Refusal::from(e).of_query())?;
    nothing_left(left, "a stream")?;
    // Of a client that comes back: its query still says where it once began.
    if let Some(last) = last_event_id(headers)? {
        asked.cursor = Some(last.to_owned());
    }
    let stream = entered()?;
    let subscription = reader.subscribe(asked).await.map_err(Refusal::of_query)?;
    let (cursor, recovered) = (subscription.cursor(), subscription.recovered());
    let data = json!({"cursor": cursor, "recovered": recovered});
    let first = format!("event: subscribed\nid: {cursor}\ndata: {data}\n\n");
    stream.answer(&first, chunks(subscription), End::Stopping.text())
}

/// Messages as events, written out as the connection takes them.
fn chunks(subscription: EventSubscription) -> impl Stream<Item = Result<String, &'static str>> + Send {
    // Those of the last entry that are not written yet.
    let written: vec::IntoIter<Message> = Vec::new().into_iter();
    unfold((subscription, written), |(mut subscription, mut messages)| async move {
        if messages.as_slice().is_empty() {
            match subscription.next().await {
                Ok(next) => messages = next.into_iter(),
                Err(error) => return Some((Err(End::from(error).text()), (subscription, messages))),
            }
        }
        let mut chunk = String::new();
        while chunk.len() < CHUNK_BYTES
            && let Some(message) = messages.next()
        {
            let (cursor, kind) = (message.cursor(), message.kind().name());
            chunk += &format!("id: {cursor}\nevent: {kind}\ndata: ");
            message.write_json(&mut chunk);
            chunk += "\n\n";
        }
        Some((Ok(chunk), (subscription, messages)))
    })
}
