//! JSON-RPC over HTTP, thin and bounded.
//!
//! In: calls, single or as a batch. Out: parsed answers, or why there is none. Answers are read up to a limit and no
//! further; requests keep to a rate and to a number in flight; connections are kept warm and without Nagle's delay.
//! What is long is parsed on another thread, so that large answers do not hold up small ones. Nothing is retried here
//! but a call whose kept-alive connection had gone: whoever asks knows whom else to ask.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy::transports::http::reqwest::{self, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use wia_protocol::endpoint::{innermost, retry_after_s, without_secrets};

use super::SourceError;
use super::bucket::Bucket;
use super::refusal::{self, Refusal};
use super::wire::{self, WireError};
use crate::Config;

/// Bytes from which an answer is parsed on another thread.
const LONG_ANSWER: usize = 256 << 10;

/// Connections that are kept open without a request on them stay that long.
const IDLE: Duration = Duration::from_secs(300);

/// The longest pause that an endpoint's wish alone can impose.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// A client of one endpoint; share it, its limits are per client.
pub(super) struct HttpClient {
    http: reqwest::Client,
    url: reqwest::Url,
    endpoint: String,
    timeout: Duration,
    max_bytes: u64,
    bucket: Mutex<Bucket>,
    in_flight: Semaphore,
}

#[derive(Serialize)]
struct Call<'a, P> {
    jsonrpc: &'static str,
    id: usize,
    method: &'static str,
    params: &'a P,
}

impl HttpClient {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// What the TLS back end said when it cannot be set up.
    pub(super) fn new(url: reqwest::Url, config: &Config) -> Result<Self, String> {
        let timeout = Duration::from_millis(config.request_timeout_ms);
        let http = reqwest::Client::builder()
            .tcp_nodelay(true)
            .connect_timeout(timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(config.requests_in_flight)
            // A redirected POST would become a GET.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| innermost(&e))?;
        Ok(Self {
            http,
            endpoint: without_secrets(url.as_str()),
            url,
            timeout,
            max_bytes: config.max_response_bytes,
            bucket: Mutex::new(Bucket::new(config.requests_per_second, Instant::now())),
            in_flight: Semaphore::new(config.requests_in_flight),
        })
    }

    /// Scheme, host and port.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// One call; `None` for a result of `null`.
    pub(super) async fn call<R: DeserializeOwned + Send + 'static>(
        &self,
        method: &'static str,
        params: &(impl Serialize + Sync),
    ) -> Result<Option<R>, SourceError> {
        let body = self.text(method, &Call { jsonrpc: "2.0", id: 0, method, params })?;
        self.ask(method, body, 1, |answer| wire::single::<R>(&answer)).await
    }

    /// Calls of one method, in one request; results in the order of `params`.
    pub(super) async fn batch<R: DeserializeOwned + Send + 'static>(
        &self,
        method: &'static str,
        params: &[impl Serialize + Sync],
    ) -> Result<Vec<Option<R>>, SourceError> {
        let calls = params.iter().enumerate().map(|(id, params)| Call { jsonrpc: "2.0", id, method, params });
        let body = self.text(method, &calls.collect::<Vec<_>>())?;
        let count = params.len();
        self.ask(method, body, count, move |answer| wire::batch::<R>(&answer, count)).await
    }

    fn text(&self, method: &'static str, calls: &impl Serialize) -> Result<Vec<u8>, SourceError> {
        let unwritable = |e: serde_json::Error| self.implausible(format!("{method} cannot be asked: {e}"));
        serde_json::to_vec(calls).map_err(unwritable)
    }

    async fn ask<T: Send + 'static>(
        &self,
        method: &'static str,
        body: Vec<u8>,
        calls: usize,
        parse: impl FnOnce(Vec<u8>) -> Result<Result<T, WireError>, String> + Send + 'static,
    ) -> Result<T, SourceError> {
        let labels = [("endpoint", self.endpoint.clone()), ("method", method.to_owned())];
        metrics::counter!("wia_indexer_requests_total", &labels).increment(calls as u64);
        let answered = async {
            let answer = self.post(method, body, calls).await?;
            metrics::counter!("wia_indexer_response_bytes_total", &labels).increment(answer.len() as u64);
            if answer.len() < LONG_ANSWER {
                return Ok(parse(answer));
            }
            let parsed = tokio::task::spawn_blocking(move || parse(answer)).await;
            parsed.map_err(|_| self.implausible("an answer that cannot be parsed"))
        };
        let answered = answered.await.and_then(|parsed| match parsed {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(self.refused(method, &error)),
            Err(garbage) => {
                Err(SourceError::Refused { endpoint: self.endpoint.clone(), method, reason: garbage })
            }
        });
        if let Err(error) = &answered {
            let labels = [("endpoint", self.endpoint.clone()), ("kind", error.kind().to_owned())];
            metrics::counter!("wia_indexer_request_errors_total", &labels).increment(1);
        }
        answered
    }

    /// The bytes of the answer.
    async fn post(&self, method: &'static str, body: Vec<u8>, calls: usize) -> Result<Vec<u8>, SourceError> {
        let closed = |_| self.unreachable("the client is closed".into());
        let _turn = self.in_flight.acquire().await.map_err(closed)?;
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let wait = self.bucket().take(calls, Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        // Shared, so that a second try copies nothing.
        let body = alloy::primitives::bytes::Bytes::from(body);
        let whole = async {
            match self.exchange(method, body.clone()).await {
                // It was closed while nothing was on it: a new connection knows nothing of that.
                Err(Broken::Stale) => self.exchange(method, body).await,
                answer => answer,
            }
        };
        match tokio::time::timeout(self.timeout, whole).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(Broken::Error(error))) => Err(error),
            Ok(Err(Broken::Stale)) => Err(self.unreachable("the connection was closed".into())),
            Err(_) => {
                let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
                Err(SourceError::Timeout { endpoint: self.endpoint.clone(), method, timeout_ms })
            }
        }
    }

    async fn exchange(
        &self,
        method: &'static str,
        body: alloy::primitives::bytes::Bytes,
    ) -> Result<Vec<u8>, Broken> {
        let request =
            self.http.post(self.url.clone()).header(header::CONTENT_TYPE, "application/json").body(body);
        let sent = request.send().await;
        let mut response = sent.map_err(|e| match e.is_request() && !e.is_connect() && !e.is_timeout() {
            true => Broken::Stale,
            false => Broken::Error(self.unreachable(wire::shortened(&innermost(&e)))),
        })?;
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
        let retry_after_ms = retry_after.and_then(retry_after_s).unwrap_or(0) * 1_000;
        let announced = response.content_length().unwrap_or(0);
        let too_large =
            || SourceError::TooLarge { endpoint: self.endpoint.clone(), method, limit_bytes: self.max_bytes };
        if announced > self.max_bytes {
            return Err(Broken::Error(too_large()));
        }
        let mut answer = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.len() as u64 + chunk.len() as u64 > self.max_bytes => {
                    return Err(Broken::Error(too_large()));
                }
                Ok(Some(chunk)) => answer.extend_from_slice(&chunk),
                Ok(None) => break,
                // Cut off in the middle.
                Err(e) => return Err(Broken::Error(self.unreachable(wire::shortened(&innermost(&e))))),
            }
        }
        if status.is_success() {
            return Ok(answer);
        }
        Err(Broken::Error(self.failed(method, status, retry_after_ms, &answer)))
    }

    /// An HTTP status that is no success, with the JSON-RPC error in its body if there is one.
    fn failed(
        &self,
        method: &'static str,
        status: StatusCode,
        retry_after_ms: u64,
        body: &[u8],
    ) -> SourceError {
        let endpoint = self.endpoint.clone();
        let said = wire::single::<serde::de::IgnoredAny>(body).ok().and_then(Result::err);
        let reason = match &said {
            Some(error) => format!("HTTP {status}: {}", error.reason()),
            None => format!("HTTP {status}"),
        };
        if refusal::of_status(status.as_u16()) == Refusal::Wait {
            self.pause(retry_after_ms);
            return SourceError::Limited { endpoint, method, reason, retry_after_ms };
        }
        match said.map(|e| refusal::of_error(e.code, &e.message)) {
            Some(Refusal::Wait) => SourceError::Limited { endpoint, method, reason, retry_after_ms },
            Some(Refusal::Unsupported) => SourceError::Unsupported { endpoint, method },
            _ => SourceError::Refused { endpoint, method, reason },
        }
    }

    fn refused(&self, method: &'static str, error: &WireError) -> SourceError {
        let (endpoint, reason) = (self.endpoint.clone(), error.reason());
        match refusal::of_error(error.code, &error.message) {
            Refusal::AskLess => SourceError::Refused { endpoint, method, reason },
            Refusal::Wait => SourceError::Limited { endpoint, method, reason, retry_after_ms: 0 },
            Refusal::Unsupported => SourceError::Unsupported { endpoint, method },
        }
    }

    /// Holds everything to this endpoint back for as long as it asked for.
    fn pause(&self, retry_after_ms: u64) {
        if retry_after_ms > 0 {
            let pause = Duration::from_millis(retry_after_ms).min(MAX_PAUSE);
            self.bucket().pause(pause, Instant::now());
        }
    }

    fn bucket(&self) -> std::sync::MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unreachable(&self, reason: String) -> SourceError {
        SourceError::Unreachable { endpoint: self.endpoint.clone(), reason }
    }

    fn implausible(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Implausible { endpoint: self.endpoint.clone(), reason: reason.into() }
    }
}

/// Why an exchange gave nothing.
enum Broken {
    /// The connection had gone before an answer began.
    Stale,
    Error(SourceError),
}
