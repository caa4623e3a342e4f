//! The relayer's doors over HTTP: REST, server-sent events, batches on both kinds of door, the operator's view, and the
//! relayer alone.

mod alone;
mod batch;
mod events;
mod operator;
mod rest;

use alloy::transports::http::reqwest::{Client, Response};
use serde_json::Value;
use wia_tests::Environment;

/// A URL below `/relay/v1` on a node.
fn url(http_url: &str, path: &str) -> String {
    format!("{}/relay/v1{path}", http_url.trim_end_matches('/'))
}

/// Status and body of a GET.
async fn get(env: &Environment, path: &str) -> (u16, Value) {
    read(Client::new().get(url(&env.ready().http_url, path)).send().await.unwrap()).await
}

/// Status and body of a POST of JSON to `/relay/v1/messages`.
pub(crate) async fn post(env: &Environment, body: &Value) -> (u16, Value) {
    read(posted(env, body.to_string()).await).await
}

/// The answer to a POST of that text to `/relay/v1/messages`.
async fn posted(env: &Environment, body: String) -> Response {
    Client::new().post(url(&env.ready().http_url, "/messages")).body(body).send().await.unwrap()
}

async fn read(answer: Response) -> (u16, Value) {
    (answer.status().as_u16(), answer.json().await.unwrap())
}
