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
mod rest;
mod socket;
mod sse;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, Version};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::browsers::for_browsers;
use super::event_stream::EventStream;
use super::lifeline::Lifeline;
use super::query::{Asked, pairs, wants_events, wants_websocket};
use super::session::Buffers;
use super::{Shared, Upgrade, client, method_not_allowed, open};
use reader::Reader;

/// What the handlers of these paths see.
#[derive(Clone)]
pub(super) struct Door {
    shared: Shared,
    reader: Reader,
}

/// The paths above.
pub(super) fn routes(shared: &Shared, reader: Reader) -> Router<Shared> {
    let door = Door { shared: shared.clone(), reader };
    Router::new()
        .route("/indexer/v1/events", get(events))
        .route("/indexer/v1/transfers", get(rest::transfers))
        .route("/indexer/v1/balances/{address}", get(rest::balances))
        .route("/indexer/v1/blocks/{block}", get(rest::block))
        .route("/indexer/v1/status", get(rest::status))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(shared.clone(), for_browsers))
        .route(grpc::PATHS, grpc::route(door.clone()))
        .with_state(door)
}

/// One path, by what the client asks for.
async fn events(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(lifeline): Extension<Lifeline>,
    version: Version,
    headers: HeaderMap,
    asked: Asked,
    upgrade: Upgrade,
) -> Response {
    let Door { shared, reader } = door;
    if wants_websocket(&headers) {
        return open(
            shared,
            peer.ip(),
            &headers,
            upgrade,
            Buffers::LISTENER,
            move |session, socket, services, _| async move {
                let most = services.config.max_subscriptions;
                session.run(socket, socket::IndexerStream::new(reader, most)).await;
            },
        );
    }
    let pairs = match pairs(asked) {
        Ok(pairs) => pairs,
        Err(refusal) => return refusal.into_response(),
    };
    let answer = if wants_events(&headers) {
        let client = client(&shared, peer.ip(), &headers);
        let enter = || EventStream::enter(&shared, client, &lifeline, version);
        sse::stream(&reader, enter, &headers, pairs).await
    } else {
        rest::events(&reader, pairs).await
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}
