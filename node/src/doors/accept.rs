//! The listener: accept, bound, drain. HTTP/1.1 with upgrades; a connection has a place from the first byte until
//! its request is answered or becomes a WebSocket, whose number is bounded of its own, and at most for the
//! connection time-out, so that nobody holds a place by reading slowly.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::connections::Connections;
use super::linger::Lingering;
use crate::config;

/// How long to wait after the operating system could not give a connection (no file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`, then lets the requests in hand finish.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &config::Http,
    stop: &CancellationToken,
) {
    let places = Connections::new(limits.max_http_connections, limits.max_http_connections_per_ip);
    let header_timeout = Duration::from_millis(limits.header_timeout_ms);
    let connection_timeout = Duration::from_millis(limits.connection_timeout_ms);
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
        let Some(place) = (if trusted { places.enter_trusted() } else { places.enter(peer.ip()) }) else {
            metrics::counter!("wia_http_connections_refused_total").increment(1);
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        requests.spawn(async move {
            let _place = place;
            let answered = answer(tcp, peer, router, header_timeout, stop);
            if tokio::time::timeout(connection_timeout, answered).await.is_err() {
                tracing::debug!(%peer, "a connection outlived its time");
            }
        });
    }
    requests.close();
    requests.wait().await;
}

async fn answer(
    tcp: TcpStream,
    peer: SocketAddr,
    router: Router,
    header_timeout: Duration,
    stop: CancellationToken,
) {
    // A push is one small frame: it must not wait for the next (Nagle).
    if let Err(error) = tcp.set_nodelay(true) {
        return tracing::debug!(%error, "the connection went away at once");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(Lingering::new(tcp)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
