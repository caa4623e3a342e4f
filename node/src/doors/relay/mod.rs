//! The doors of the relayer, all open to anyone within its quotas but the operator's.
//!
//! | path | what |
//! |---|---|
//! | `GET /relay/v1`, upgrade to WebSocket | JSON-RPC 2.0: `relay.submit`, `relay.submitBatch`, `relay.status`, `relay.subscribe`, `relay.info` ([`socket`]) |
//! | `GET /relay/v1`, `GET /relay/v1/info` | what a wallet needs to sign for this relayer ([`rest`]) |
//! | `POST /relay/v1/messages` | one submission, or `{messages: […]}` |
//! | `GET /relay/v1/messages/{relayId}` | where a message stands; `?after=N&waitMs=M` waits for a later step |
//! | `GET /relay/v1/messages/{relayId}/events` | its steps as server-sent events ([`sse`]) |
//! | `GET /relay/v1/events` | the same of several messages, or of a signer |
//! | `GET /relay/v1/operator` | queue, lane, mesh, the last blocks; to operators ([`operator`]) |
//!
//! Every door takes the same objects (`wia_protocol::relay`) and makes the same calls; quotas count the real client, whatever
//! it comes over. Serves.

mod operator;
mod rest;
pub(crate) mod socket;
mod sse;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{get, post};
use wia_protocol::relay::batch::MAX_BATCH_BYTES;

use super::browsers::for_browsers;
use super::connections::{Connections, Place};
use super::query::wants_websocket;
use super::session::Buffers;
use super::{Relaying, Shared, Upgrade, method_not_allowed, open};

/// What the handlers of these paths see.
#[derive(Clone)]
pub(super) struct Door {
    shared: Shared,
    relaying: Arc<Relaying>,
    /// Large requests in hand.
    batches: Connections,
    since: Instant,
}

impl Door {
    pub(super) fn new(shared: &Shared, relaying: Arc<Relaying>) -> Self {
        let config = &shared.services.config;
        let batches = Connections::new(config.max_batches, config.max_batches_per_ip);
        Self { shared: shared.clone(), relaying, batches, since: Instant::now() }
    }

    /// A place for a large request of `client`: it costs memory and time until it is answered.
    fn batch_place(&self, client: IpAddr) -> Option<Place> {
        self.batches.enter(client)
    }
}

/// The paths above.
pub(super) fn routes(door: Door) -> Router<Shared> {
    Router::new()
        .route("/relay/v1", get(relay))
        .route("/relay/v1/info", get(rest::info))
        .route("/relay/v1/messages", post(rest::submit).layer(DefaultBodyLimit::max(MAX_BATCH_BYTES)))
        .route("/relay/v1/messages/{relayId}", get(rest::status))
        .route("/relay/v1/messages/{relayId}/events", get(sse::of_message))
        .route("/relay/v1/events", get(sse::of_many))
        // Before the layer: a browser's preflight is a method that no route has.
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(door.shared.clone(), for_browsers))
        // Not for pages, wherever they come from.
        .route("/relay/v1/operator", get(operator::view))
        .with_state(door)
}

/// One path, by what the client asks for.
async fn relay(
    State(door): State<Door>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response {
    if !wants_websocket(&headers) {
        return rest::info(State(door)).await;
    }
    let shared = door.shared.clone();
    open(
        shared,
        peer.ip(),
        &headers,
        upgrade,
        Buffers::SPEAKER,
        move |session, socket, _, client| async move {
            session.run(socket, socket::RelayStream::new(&door, client)).await;
        },
    )
}
