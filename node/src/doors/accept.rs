//! The listener: accept, bound, drain. HTTP/1.1 with upgrades; a connection has a place from the first byte until
//! its request is answered or becomes a WebSocket, whose number is bounded of its own.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
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
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

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
    let places = Arc::new(Semaphore::new(limits.max_http_connections));
    let header_timeout = Duration::from_millis(limits.header_timeout_ms);
    let requests = TaskTracker::new();
    loop {
        let accepted = stop.run_until_cancelled(async {
            // A place first: without one, the connection waits in the system's queue, where it costs us nothing.
            let place = places.clone().acquire_owned().await;
            (listener.accept().await, place)
        });
        let (tcp, peer, place) = match accepted.await {
            None => break,
            Some((Ok((tcp, peer)), Ok(place))) => (tcp, peer, place),
            Some((accepted, _)) => {
                if let Err(error) = accepted {
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (router, stop) = (router.clone(), stop.clone());
        requests.spawn(async move {
            let _place = place;
            answer(tcp, peer, router, header_timeout, stop).await;
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
        .serve_connection(TokioIo::new(tcp), service)
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
