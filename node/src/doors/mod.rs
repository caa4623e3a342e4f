//! The doors of the node: one HTTP listener, routed by path.
//!
//! | path | what |
//! |---|---|
//! | `GET /carbon-credit-micro/v1/stream` | WebSocket, JSON-RPC 2.0, subprotocol `wccm-v1` (C-020…C-032) |
//! | `/relay/v1…` | messages in and their way, without authentication: WebSocket, REST, SSE; the operator's view ([`relay`]) |
//! | `GET /indexer/v1/…` | the indexer's streams and questions: WebSocket, SSE, JSON ([`indexer`]) |
//! | `POST /wia.indexer.v1.Indexer/…` | the same over gRPC |
//! | `GET /healthz` | 200 while the process serves |
//! | `GET /readyz` | 200 while messages and events flow, else 503 with reasons |
//! | `GET /metrics` | Prometheus text |
//!
//! Where the indexer or the relayer runs alone, only its own are there; the carbon stream needs both.
//!
//! A door holds no rule: it turns frames into calls on the relayer, the indexer and the identity service.

mod accept;
mod browsers;
mod carbon_stream;
mod connections;
mod event_stream;
mod indexer;
mod lifeline;
mod linger;
mod ops;
mod query;
mod refusal;
mod relay;
mod session;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wia_indexer::Indexer;
use wia_indexer::sink::CourierView;
use wia_relayer::Relayer;
use wia_relayer::mesh::Mesh;

use crate::config;
use crate::identity::Verifier;
use connections::{Connections, Place};
use indexer::reader::Reader;
use refusal::Refusal;
use session::{Buffers, Close, Session};

/// What the doors open onto.
pub(crate) struct Services {
    pub(crate) config: config::Http,
    /// Absent where the relayer runs alone.
    pub(crate) indexing: Option<Indexing>,
    /// Absent where the indexer runs alone.
    pub(crate) relaying: Option<Arc<Relaying>>,
    /// Whose tokens are believed; only where both are there.
    pub(crate) verifier: Option<Arc<Verifier>>,
    pub(crate) metrics: PrometheusHandle,
}

/// What tells events.
pub(crate) struct Indexing {
    pub(crate) indexer: Indexer,
    reader: Reader,
}

/// What takes messages in.
pub(crate) struct Relaying {
    pub(crate) relayer: Relayer,
    pub(crate) mesh: Mesh,
}

impl Indexing {
    /// The doors' side of `indexer`, which follows the chain of that id.
    pub(crate) fn new(
        config: &config::Http,
        chain_id: u64,
        indexer: Indexer,
        webhooks: Vec<CourierView>,
    ) -> Self {
        let reader = Reader::new(indexer.clone(), chain_id, webhooks, config.max_queries);
        Self { indexer, reader }
    }
}

/// What every handler sees.
#[derive(Clone)]
struct Shared {
    services: Arc<Services>,
    connections: Connections,
    sessions: TaskTracker,
    stop: CancellationToken,
}

/// Serves `listener` until `stop`: then no connection is taken, every session is closed with 1001, and the
/// call returns when the last one has gone.
pub(crate) async fn serve(listener: TcpListener, services: Arc<Services>, stop: CancellationToken) {
    let limits = services.config.clone();
    let connections = Connections::new(limits.max_connections, limits.max_connections_per_ip);
    let shared = Shared { services, connections, sessions: TaskTracker::new(), stop: stop.clone() };
    let sessions = shared.sessions.clone();
    accept::serve(listener, router(shared), &limits, &stop).await;
    sessions.close();
    sessions.wait().await;
}

/// The paths of what runs.
fn router(shared: Shared) -> Router {
    let services = shared.services.clone();
    let mut router = Router::new()
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .fallback(not_found);
    if let Some(indexing) = &services.indexing {
        router = router.merge(indexer::routes(&shared, indexing.reader.clone()));
    }
    if let Some(relaying) = &services.relaying {
        let relay = relay::Door::new(&shared, relaying.clone());
        if let (Some(indexing), Some(verifier)) = (&services.indexing, &services.verifier) {
            let (indexer, verifier) = (indexing.indexer.clone(), verifier.clone());
            let door =
                carbon_stream::Door { shared: shared.clone(), relay: relay.clone(), indexer, verifier };
            let path = "/carbon-credit-micro/v1/stream";
            router = router.merge(Router::new().route(path, get(carbon_stream::carbon)).with_state(door));
        }
        router = router.merge(relay::routes(relay));
    }
    router.method_not_allowed_fallback(method_not_allowed).with_state(shared)
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Upgrades a request and runs `serve` on the socket, unless the origin or the number of connections
/// forbids it (X-07: close 1008).
fn open<F, R>(
    shared: Shared,
    peer: IpAddr,
    headers: &HeaderMap,
    upgrade: Upgrade,
    buffers: Buffers,
    serve: F,
) -> Response
where
    F: FnOnce(Session, WebSocket, Arc<Services>, IpAddr) -> R + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let message = format!("this path speaks WebSocket (RFC 6455): {rejection}");
            return error(StatusCode::UPGRADE_REQUIRED, "UPGRADE_REQUIRED", &message);
        }
    };
    let client = client(&shared, peer, headers);
    // An origin that is no text is one all the same: it is on no list.
    let origin = headers.get(header::ORIGIN).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let upgrade = upgrade
        .max_message_size(session::HARD_LIMIT_BYTES)
        .max_frame_size(session::HARD_LIMIT_BYTES)
        .read_buffer_size(buffers.read)
        .write_buffer_size(buffers.write);
    let sessions = shared.sessions.clone();
    upgrade.on_upgrade(move |socket| {
        sessions.track_future(async move {
            match admit(&shared, client, origin.as_deref()) {
                Ok(_place) => {
                    let _counted = Counted::new("wia_ws_connections");
                    let session = Session::new(shared.services.config.clone(), shared.stop.clone());
                    serve(session, socket, shared.services.clone(), client).await;
                }
                Err(close) => session::refuse(socket, close).await,
            }
        })
    })
}

fn admit(shared: &Shared, client: IpAddr, origin: Option<&str>) -> Result<Place, Close> {
    if origin.is_some_and(|origin| !origin_allowed(shared, origin)) {
        return Err(Close::policy("this origin is not allowed here"));
    }
    shared.place(client).ok_or(Close::policy("too many connections; close one and try again"))
}

/// Whether pages from there may use the doors (C-023).
fn origin_allowed(shared: &Shared, origin: &str) -> bool {
    let allowed = &shared.services.config.allowed_origins;
    allowed.is_empty() || allowed.iter().any(|a| a == origin)
}

impl Shared {
    /// A place for a WebSocket or a stream of `client`.
    fn place(&self, client: IpAddr) -> Option<Place> {
        let place = self.connections.enter(client);
        if place.is_none() {
            metrics::counter!("wia_ws_connections_refused_total").increment(1);
        }
        place
    }

    /// A place for a stream, or the refusal.
    fn stream_place(&self, client: IpAddr) -> Result<Place, Refusal> {
        let full = || Refusal::busy("connections", "too many are open; close one and try again");
        self.place(client).ok_or_else(full)
    }
}

/// One of those that a gauge counts, until dropped.
struct Counted(&'static str);

impl Counted {
    fn new(gauge: &'static str) -> Self {
        metrics::gauge!(gauge).increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(self.0).decrement(1);
    }
}

/// Who is asking: the peer, or the last address before the trusted proxies in `X-Forwarded-For`.
fn client(shared: &Shared, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let trusted = &shared.services.config.trusted_proxies;
    let forwarded = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok());
    let hops: Vec<IpAddr> =
        forwarded.flat_map(|v| v.split(',')).filter_map(|h| h.trim().parse().ok()).collect();
    let mut client = peer;
    for hop in hops.into_iter().rev() {
        if !trusted.contains(&client) {
            break;
        }
        client = hop;
    }
    client
}

async fn not_found(headers: HeaderMap) -> Response {
    if indexer::grpc::is_grpc(headers.get(header::CONTENT_TYPE)) {
        return indexer::grpc::unknown_method();
    }
    error(StatusCode::NOT_FOUND, "NOT_FOUND", "no such path; the doors are listed in the README")
}

async fn method_not_allowed() -> Response {
    let message = "this path has no such method; the header `allow` names those that it has";
    error(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}

/// The documents' error body for HTTP.
fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({"error": {"code": code, "message": message, "statusCode": status.as_u16()}});
    (status, Json(body)).into_response()
}
