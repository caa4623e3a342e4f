//! The doors of the indexer, all open to anyone within the limits of connections and queries.
//!
//! | path | what |
//! |---|---|
//! | `GET /indexer/v1/events`, upgrade to WebSocket | JSON-RPC 2.0: `indexer.subscribe`, `indexer.unsubscribe`, `indexer.status` ([`socket`]) |
//! | `GET /indexer/v1/events`, `Accept: text/event-stream` | the same stream as server-sent events ([`sse`]) |
//! | `GET /indexer/v1/events` | a page of events ([`rest`]) |
//! | `GET /indexer/v1/transfers` | a page of ERC-20 transfers |
//! | `GET /indexer/v1/balances/{address}` | balances now or at a block |
//! | `GET /indexer/v1/blocks/{number, hash or latest}` | one block |
//! | `GET /indexer/v1/status` | head, lag, log, endpoints |
//! | `POST /wia.indexer.v1.Indexer/…` | gRPC: `Subscribe`, `GetStatus` ([`grpc`]) |
//!
//! Every message has the same form on every door; `wia_protocol::indexer` says how it is asked for. A stream takes a
//! place among the connections of `http.max_connections`, whatever it runs over. Serves C-003, C-008, C-092, C-093.

pub(crate) mod grpc;
pub(crate) mod reader;
mod refusal;
mod rest;
mod socket;
mod sse;

use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Extension, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Version, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::connections::Place;
use super::lifeline::Lifeline;
use super::{Shared, Upgrade, client, open, origin_allowed};
use refusal::Refusal;

/// A query string, in its order.
type Pairs = Vec<(String, String)>;

/// A query string, or why it is none.
type Asked = Result<Query<Pairs>, QueryRejection>;

/// The paths above.
pub(super) fn routes(shared: &Shared) -> Router<Shared> {
    Router::new()
        .route("/indexer/v1/events", get(events))
        .route("/indexer/v1/transfers", get(rest::transfers))
        .route("/indexer/v1/balances/{address}", get(rest::balances))
        .route("/indexer/v1/blocks/{block}", get(rest::block))
        .route("/indexer/v1/status", get(rest::status))
        .layer(from_fn_with_state(shared.clone(), for_browsers))
        .route(grpc::PATHS, grpc::route(shared))
}

impl Shared {
    /// A place for a stream, or the refusal.
    fn stream_place(&self, client: IpAddr) -> Result<Place, Refusal> {
        let full = || Refusal::busy("connections", "too many are open; close one and try again");
        self.place(client).ok_or_else(full)
    }
}

/// One path, by what the client asks for.
async fn events(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(lifeline): Extension<Lifeline>,
    version: Version,
    headers: HeaderMap,
    asked: Asked,
    upgrade: Upgrade,
) -> Response {
    if wants_websocket(&headers) {
        return open(shared, peer.ip(), &headers, upgrade, move |session, socket, services, _| async move {
            session.run(socket, socket::IndexerStream::new(&services)).await;
        });
    }
    let pairs = match pairs(asked) {
        Ok(pairs) => pairs,
        Err(refusal) => return refusal.into_response(),
    };
    if wants_events(&headers) {
        let client = client(&shared, peer.ip(), &headers);
        let answer = sse::stream(&shared, client, &lifeline, version, &headers, pairs).await;
        return answer.unwrap_or_else(IntoResponse::into_response);
    }
    rest::events(&shared, pairs).await.unwrap_or_else(IntoResponse::into_response)
}

fn pairs(asked: Asked) -> Result<Pairs, Refusal> {
    match asked {
        Ok(Query(pairs)) => Ok(pairs),
        Err(rejection) => Err(Refusal::invalid("query", rejection.body_text())),
    }
}

fn wants_websocket(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE).and_then(|v| v.to_str().ok());
    upgrade.is_some_and(|v| v.split(',').any(|p| p.trim().eq_ignore_ascii_case("websocket")))
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok());
    let mut types = accepted.flat_map(|v| v.split(',')).filter_map(|t| t.split(';').next());
    types.any(|t| t.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Pages of allowed origins may read the answers (C-023); others are refused. A WebSocket says it by its close code.
async fn for_browsers(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let Some(origin) = origin.filter(|_| !wants_websocket(request.headers())) else {
        return next.run(request).await;
    };
    if !origin_allowed(&shared, &String::from_utf8_lossy(origin.as_bytes())) {
        return Refusal::origin().into_response();
    }
    let mut response = next.run(request).await;
    let any = shared.services.config.allowed_origins.is_empty();
    let allowed = if any { HeaderValue::from_static("*") } else { origin };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
    response
}
