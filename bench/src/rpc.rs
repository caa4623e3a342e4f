//! JSON-RPC 2.0 over one HTTP connection.

use alloy::transports::http::reqwest::{Client, header};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Value, json};

use crate::error::BenchError;

/// One kept connection. A second one is another [`Rpc`].
#[derive(Debug, Clone)]
pub(crate) struct Rpc {
    client: Client,
    url: String,
}

/// One answer, as far as it is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<T> {
    id: Option<usize>,
    result: Option<T>,
    error: Option<Value>,
}

impl<T> Answer<T> {
    /// What was answered; the error's text when it was refused. `null` is no answer: nothing asked here means it.
    pub(crate) fn into_result(self, method: &str) -> Result<T, BenchError> {
        let reason = |error: Option<Value>| error.map_or("no result".to_owned(), |e| e.to_string());
        self.result.ok_or_else(|| BenchError::Rpc { method: method.to_owned(), reason: reason(self.error) })
    }
}

impl Rpc {
    /// A connection to come; nothing is sent yet.
    pub(crate) fn to(url: &str) -> Result<Self, BenchError> {
        Ok(Self { client: http_client()?, url: url.to_owned() })
    }

    /// That many connections.
    pub(crate) fn several(url: &str, count: usize) -> Result<Vec<Self>, BenchError> {
        (0..count).map(|_| Self::to(url)).collect()
    }

    /// One call. Parameters are a JSON array.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Value,
    ) -> Result<T, BenchError> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let body = self.post(request.to_string()).await?;
        let answer: Answer<T> =
            serde_json::from_slice(body.as_ref()).map_err(BenchError::malformed(method))?;
        answer.into_result(method)
    }

    /// One call that is answered with `null`.
    pub(crate) async fn tell(&self, method: &str, params: Value) -> Result<(), BenchError> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let body = self.post(request.to_string()).await?;
        let answer: Answer<IgnoredAny> =
            serde_json::from_slice(body.as_ref()).map_err(BenchError::malformed(method))?;
        match answer.error {
            Some(error) => Err(BenchError::Rpc { method: method.to_owned(), reason: error.to_string() }),
            None => Ok(()),
        }
    }

    /// Several calls of one method in one request, answers in the order of the calls.
    pub(crate) async fn batch<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>, BenchError> {
        let calls: Vec<_> = params
            .into_iter()
            .enumerate()
            .map(|(id, params)| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
            .collect();
        let body = self.post(Value::from(calls).to_string()).await?;
        let mut answers: Vec<Answer<T>> =
            serde_json::from_slice(body.as_ref()).map_err(BenchError::malformed(method))?;
        answers.sort_by_key(|answer| answer.id);
        answers.into_iter().map(|answer| answer.into_result(method)).collect()
    }

    /// Sends a request as it is and returns the answer as it is.
    pub(crate) async fn post(&self, body: String) -> Result<impl AsRef<[u8]> + use<>, BenchError> {
        let request = self.client.post(&self.url).header(header::CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(BenchError::connection(&self.url))?;
        response.bytes().await.map_err(BenchError::connection(&self.url))
    }
}

/// A client for loopback: one idle connection, no proxy.
pub(crate) fn http_client() -> Result<Client, BenchError> {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(1).tcp_nodelay(true).build();
    client.map_err(BenchError::connection("http client"))
}
