//! The listener: accept, bound, drain. HTTP/1.1 with upgrades, and HTTP/2 to those who begin with it (RFC 9113 §3.3).
//!
//! A connection has a place from the first byte until its request is answered, and at most for the connection time-out,
//! so that nobody holds a place by reading slowly. A request that becomes a WebSocket or a stream of events takes a
//! place among those, whose number is bounded of its own, and gives this one back; when the last stream of a connection
//! has ended, the connection is an HTTP connection again, if there is a place for it.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::connections::{Connections, Place};
use super::lifeline::Lifeline;
use super::linger::Lingering;
use crate::config;

/// How long to wait after the operating system could not give a connection (no file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one connection may hold back for a slow reader, bytes: HTTP/1.1 of its whole answer, HTTP/2 of each stream.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// The most requests at once on one HTTP/2 connection.
const MAX_CONCURRENT_STREAMS: u32 = 128;

/// Where a connection's place comes from.
#[derive(Clone)]
struct Seats {
    places: Connections,
    peer: SocketAddr,
    trusted: bool,
}

impl Seats {
    fn enter(&self) -> Option<Place> {
        if self.trusted { self.places.enter_trusted() } else { self.places.enter(self.peer.ip()) }
    }
}

/// Serves until `stop`, then lets the requests in hand finish.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &config::Http,
    stop: &CancellationToken,
) {
    let places = Connections::new(limits.max_http_connections, limits.max_http_connections_per_ip);
    let requests = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let trusted = limits.trusted_proxies.contains(&peer.ip());
        let seats = Seats { places: places.clone(), peer, trusted };
        let Some(place) = seats.enter() else {
            metrics::counter!("wia_http_connections_refused_total").increment(1);
            continue;
        };
        requests.spawn(answer(tcp, place, seats, router.clone(), Limits::of(limits), stop.clone()));
    }
    requests.close();
    requests.wait().await;
}

/// The time-outs of one connection.
struct Limits {
    header: Duration,
    connection: Duration,
    send: Duration,
    keep_alive: Duration,
}

impl Limits {
    fn of(config: &config::Http) -> Self {
        Self {
            header: Duration::from_millis(config.header_timeout_ms),
            connection: Duration::from_millis(config.connection_timeout_ms),
            send: Duration::from_millis(config.send_timeout_ms),
            keep_alive: Duration::from_millis(config.http2_keep_alive_ms),
        }
    }
}

async fn answer(
    tcp: TcpStream,
    place: Place,
    seats: Seats,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let deadline = Instant::now() + limits.connection;
    // A push is one small frame: it must not wait for the next (Nagle).
    if let Err(error) = tcp.set_nodelay(true) {
        return tracing::debug!(%error, "the connection went away at once");
    }
    let lifeline = Lifeline::new();
    let mut io = Lingering::new(tcp, lifeline.clone(), limits.send);
    let first = stop.run_until_cancelled(timeout(limits.header, io.speaks_http2())).await;
    let Some(Ok(Ok(http2))) = first else { return };

    let (peer, on_request) = (seats.peer, lifeline.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(on_request.clone());
        router.clone().oneshot(request)
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(SEND_BUFFER_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.keep_alive)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_concurrent_streams(MAX_CONCURRENT_STREAMS);
    let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
    let mut connection = pin!(builder.serve_connection_with_upgrades(TokioIo::new(io), service));

    let (mut place, mut deadline) = (Some(place), deadline);
    let (mut streams, mut stopping) = (lifeline.watch(), false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "a connection ended early");
                }
                return;
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(deadline), if !lifeline.is_streaming() => {
                return tracing::debug!(%peer, "a connection outlived its time");
            }
            _ = streams.changed() => {
                if lifeline.is_streaming() {
                    place = None;
                } else if place.is_none() {
                    deadline = Instant::now() + limits.connection;
                    place = seats.enter();
                    if place.is_none() {
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}
