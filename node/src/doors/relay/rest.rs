//! The relay's calls as REST: the same objects as JSON, the same refusals as HTTP has them.
//!
//! In: a path, a query string, a body. Out: what the method of that name answers over WebSocket. A message that is new here
//! is answered with 201, one that was known with 200 and where it stands. A batch is answered with 200 and
//! `{results: […]}`, in the order of its messages: each what it would have been answered alone.

use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{ConnectInfo, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use wia_protocol::relay::batch::{Batch, MAX_BATCH_BYTES};
use wia_protocol::relay::{MAX_MESSAGE_BYTES, StatusQuery, Submission, Submitted};
use wia_relayer::Origin;

use super::Door;
use crate::doors::client;
use crate::doors::connections::Place;
use crate::doors::query::{Asked, Pairs, nothing_left, pairs};
use crate::doors::refusal::Refusal;

/// `GET /relay/v1/info`
pub(super) async fn info(State(door): State<Door>) -> Response {
    Json(door.relaying.relayer.info()).into_response()
}

/// `POST /relay/v1/messages`
pub(super) async fn submit(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let client = client(&door.shared, peer.ip(), &headers);
    let (params, mut place) = body(&door, client, &headers, request).await?;
    let (relayer, origin) = (&door.relaying.relayer, Origin::Ip(client));
    if params.get("messages").is_none() {
        let submitted = relayer.submit(Submission::parse(&params)?, &origin).await?;
        return Ok(taken(&submitted));
    }
    if place.is_none() {
        place = Some(batch_place(&door, client)?);
    }
    let messages = Batch::parse(&params)?.messages;
    // The text of the request, several times its size by now, is not needed while they are taken.
    drop(params);
    let answers = relayer.submit_all(messages, &origin).await;
    drop(place);
    let results: Vec<Value> = answers
        .into_iter()
        .map(|answer| answer.map_or_else(|error| Refusal::from(error).into_body().1, |taken| json!(taken)))
        .collect();
    Ok(Json(json!({ "results": results })).into_response())
}

fn taken(submitted: &Submitted) -> Response {
    if submitted.known {
        return Json(submitted).into_response();
    }
    let location = format!("/relay/v1/messages/{}", submitted.relay_id);
    (StatusCode::CREATED, [(header::LOCATION, location)], Json(submitted)).into_response()
}

/// The body as JSON. One that may be large needs a place before it is read.
async fn body(
    door: &Door,
    client: IpAddr,
    headers: &HeaderMap,
    request: Request,
) -> Result<(Value, Option<Place>), Refusal> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let small = length.is_some_and(|length| length <= MAX_MESSAGE_BYTES);
    let place = if small { None } else { Some(batch_place(door, client)?) };
    let bytes = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            let reason = format!("is larger than {MAX_BATCH_BYTES} bytes; send fewer messages at once");
            Refusal::too_large("body", reason)
        }
        _ => Refusal::invalid("body", "could not be read to its end; send it again"),
    })?;
    let params = serde_json::from_slice(&bytes);
    let params = params.map_err(|e| Refusal::invalid("body", format!("is not JSON: {e}")))?;
    Ok((params, place))
}

fn batch_place(door: &Door, client: IpAddr) -> Result<Place, Refusal> {
    door.batch_place(client).ok_or_else(|| super::socket::too_many_batches().into())
}

/// `GET /relay/v1/messages/{relayId}`
pub(super) async fn status(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Path(relay_id): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let mut params = json!({ "relayId": relay_id });
    let mut left = Pairs::new();
    for (name, text) in pairs(asked)? {
        match name.as_str() {
            // What is no number is refused as over WebSocket.
            "after" | "waitMs" => {
                params[name] = text.parse::<u64>().map_or_else(|_| json!(text), Value::from)
            }
            _ => left.push((name, text)),
        }
    }
    nothing_left(left, "a status")?;
    let query = StatusQuery::parse(&params)?;
    let origin = Origin::Ip(client(&door.shared, peer.ip(), &headers));
    let now = StatusQuery { after: None, wait_ms: 0, ..query.clone() };
    let relayer = &door.relaying.relayer;
    let waited = door.shared.stop.run_until_cancelled(relayer.status(query, &origin)).await;
    let status = match waited {
        Some(status) => status?,
        // The node stops: whoever waits hears how it stands.
        None => relayer.status(now, &origin).await?,
    };
    Ok(Json(status).into_response())
}
