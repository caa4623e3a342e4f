//! A small HTTP server on a free port of this machine: every body goes to one function, whose bytes are the answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::error::BenchError;

/// A running server; it ends when dropped.
pub(crate) struct Server {
    url: String,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Listens; answers with what `answer` makes of a body.
    pub(crate) async fn start(
        answer: impl Fn(&[u8]) -> String + Send + Sync + 'static,
    ) -> Result<Self, BenchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(BenchError::file("127.0.0.1:0"))?;
        let port = listener.local_addr().map_err(BenchError::file("127.0.0.1:0"))?.port();
        let accepting = tokio::spawn(accept(listener, Arc::new(answer)));
        Ok(Self { url: format!("http://127.0.0.1:{port}/"), accepting })
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept<A: Fn(&[u8]) -> String + Send + Sync + 'static>(listener: TcpListener, answer: Arc<A>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Without it an answer would wait for the peer's acknowledgement of the one before.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let answer = answer.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| respond(request, answer.as_ref()));
            // A connection that breaks shows as something that does not come.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    answer: &(impl Fn(&[u8]) -> String + Sync),
) -> Result<Response<String>, Infallible> {
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else {
            let mut response = Response::new(String::new());
            *response.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(response);
        };
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    let mut response = Response::new(answer(&bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
