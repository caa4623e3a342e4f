//! The steps of messages as server-sent events ([`crate::doors::event_stream`]): first the history, then what happens, each
//! `event: relay.update` with `data:` as `relay.update` pushes it. Before them comes `event: subscribed`, which says what is
//! watched: what is submitted after it is not missed.
//!
//! Of one message, `id:` is the sequence of the step, and `Last-Event-ID` (or `after` in the query) resumes strictly after
//! it. Of several, `id:` is `<relayId>:<sequence>`: who comes back gets the history again but for what the last message had
//! told, and knows a double by its id. A stream does not end at `final`, because a block can leave the chain until it is as
//! deep as `max_reorg_depth`; the client closes when it has seen enough.

use std::net::{IpAddr, SocketAddr};

use alloy::primitives::B256;
use axum::extract::{ConnectInfo, Extension, Path, State};
use axum::http::{HeaderMap, Version};
use axum::response::Response;
use futures::FutureExt;
use futures::stream::{Stream, unfold};
use serde_json::{Value, json};
use wia_protocol::relay::{Update, Watch, method};
use wia_relayer::{Origin, Updates};

use super::Door;
use crate::doors::client;
use crate::doors::event_stream::{CHUNK_BYTES, EventStream};
use crate::doors::lifeline::Lifeline;
use crate::doors::query::{Asked, Pairs, last_event_id, nothing_left, pairs};
use crate::doors::refusal::Refusal;

const STOPPING: &str = "the node is stopping; come back with your last id";
const SLOW: &str = "too slow: more steps came than are kept for you; come back with your last id";

/// How events are named, and which of them are known already.
#[derive(Debug, Clone, Copy)]
struct Names {
    /// One message: its sequence is name enough.
    single: bool,
    /// A message, and the sequence of its last known step.
    after: Option<(B256, u32)>,
}

/// `GET /relay/v1/messages/{relayId}/events`
pub(super) async fn of_message(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(lifeline): Extension<Lifeline>,
    version: Version,
    headers: HeaderMap,
    Path(relay_id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (mut after, mut left) = (None, Pairs::new());
    for (name, text) in pairs(asked)? {
        match name.as_str() {
            "after" => after = Some(sequence("after", &text)?),
            _ => left.push((name, text)),
        }
    }
    nothing_left(left, "a stream of one message")?;
    if let Some(last) = last_event_id(&headers)? {
        after = Some(sequence("Last-Event-ID", last)?);
    }
    let watched = json!({ "relayIds": [relay_id] });
    let client = client(&door.shared, peer.ip(), &headers);
    stream(&door, client, &lifeline, version, watched, |watch| {
        let Watch::Ids(ids) = watch else { return Names { single: true, after: None } };
        Names { single: true, after: ids.first().copied().zip(after) }
    })
}

/// `GET /relay/v1/events`
pub(super) async fn of_many(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(lifeline): Extension<Lifeline>,
    version: Version,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, Refusal> {
    let (mut ids, mut watched, mut left) = (Vec::new(), json!({}), Pairs::new());
    for (name, text) in pairs(asked)? {
        match name.as_str() {
            "relayId" => ids.extend(text.split(',').map(Value::from)),
            "address" => watched["address"] = json!(text),
            _ => left.push((name, text)),
        }
    }
    nothing_left(left, "a stream of messages")?;
    if !ids.is_empty() {
        watched["relayIds"] = json!(ids);
    }
    let after = last_event_id(&headers)?.map(named).transpose()?;
    let client = client(&door.shared, peer.ip(), &headers);
    stream(&door, client, &lifeline, version, watched, |_| Names { single: false, after })
}

fn sequence(field: &'static str, text: &str) -> Result<u32, Refusal> {
    text.parse().map_err(|_| Refusal::invalid(field, "must be the sequence of a step, e.g. 2"))
}

/// What `id:` says on a stream of several messages.
fn named(id: &str) -> Result<(B256, u32), Refusal> {
    let parts =
        id.split_once(':').and_then(|(id, sequence)| Some((id.parse().ok()?, sequence.parse().ok()?)));
    parts.ok_or_else(|| Refusal::invalid("Last-Event-ID", "must be <relayId>:<sequence>"))
}

/// Opens the stream, or refuses.
fn stream(
    door: &Door,
    client: IpAddr,
    lifeline: &Lifeline,
    version: Version,
    watched: Value,
    names: impl FnOnce(&Watch) -> Names,
) -> Result<Response, Refusal> {
    let watch = Watch::parse(&watched).map_err(|error| Refusal::from(error).of_query())?;
    let names = names(&watch);
    let stream = EventStream::enter(&door.shared, client, lifeline, version)?;
    let updates = door
        .relaying
        .relayer
        .watch(watch, &Origin::Ip(client))
        .map_err(|error| Refusal::from(error).of_query())?;
    let first = format!("event: subscribed\ndata: {watched}\n\n");
    stream.answer(&first, chunks(updates, names), STOPPING)
}

/// Steps as events, those that are there at the same time together.
fn chunks(updates: Updates, names: Names) -> impl Stream<Item = Result<String, &'static str>> + Send {
    unfold(updates, move |mut updates| async move {
        let mut chunk = String::new();
        while chunk.is_empty() {
            match updates.next().await {
                Some(update) => names.write(&update, &mut chunk),
                None if updates.lagged() => return Some((Err(SLOW), updates)),
                None => return None,
            }
        }
        while chunk.len() < CHUNK_BYTES
            && let Some(Some(update)) = updates.next().now_or_never()
        {
            names.write(&update, &mut chunk);
        }
        Some((Ok(chunk), updates))
    })
}

impl Names {
    /// Appends a step, unless it is known.
    fn write(&self, update: &Update, chunk: &mut String) {
        let Update { relay_id, sequence, .. } = update;
        if self.after.is_some_and(|(id, last)| id == *relay_id && *sequence <= last) {
            return;
        }
        let id = if self.single { sequence.to_string() } else { format!("{relay_id}:{sequence}") };
        // An update has nothing that JSON cannot say, and JSON has no line breaks.
        let data = serde_json::to_string(update).unwrap_or_default();
        *chunk += &format!("id: {id}\nevent: {}\ndata: {data}\n\n", method::UPDATE);
    }
}
