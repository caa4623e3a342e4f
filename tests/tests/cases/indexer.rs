//! The indexer from outside: its stream on every door, what it answers, what it refuses, and alone.

mod alone;
mod limits;
mod questions;
mod streams;
mod webhooks;

use alloy::transports::http::reqwest;
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Client, Environment, repository};

use crate::{MILLICREDIT, STRANGER};

/// The stream's path on the node at `http_url`.
fn events_url(http_url: &str) -> String {
    format!("{}/indexer/v1/events", http_url.trim_end_matches('/'))
}

/// The `ws` package, subscribed.
fn websocket(http_url: &str, params: &Value, until: &[&str]) -> Client {
    let url = events_url(http_url).replacen("http", "ws", 1);
    client("events-ws.mjs", &["--url", &url, "--params", &params.to_string()], until)
}

/// The `eventsource` package, subscribed.
fn event_source(http_url: &str, query: &str, more: &[&str], until: &[&str]) -> Client {
    let url = format!("{}?{query}", events_url(http_url));
    client("events-sse.mjs", &[&["--url", &url], more].concat(), until)
}

/// `@grpc/grpc-js` on the committed .proto file, subscribed.
fn grpc(http_url: &str, request: &Value, until: &[&str]) -> Client {
    let request = request.to_string();
    client("events-grpc.mjs", &[&grpc_arguments(http_url)[..], &["--request", &request]].concat(), until)
}

fn grpc_arguments(http_url: &str) -> [&str; 4] {
    let proto = repository().join("protocol/proto/wia/indexer/v1/indexer.proto");
    // One path for the life of the test run.
    let proto: &'static str = Box::leak(proto.display().to_string().into_boxed_str());
    ["--url", http_url, "--proto", proto]
}

fn client(script: &str, arguments: &[&str], until: &[&str]) -> Client {
    let until: Vec<_> = until.iter().flat_map(|u| ["--until", u]).collect();
    Client::node(script, &[arguments, &until].concat(), "")
}

/// The documents' message of the first event of that name that names that account, as the `ws` package hears it.
pub(crate) async fn notified(env: &Environment, contract: &str, event: &str, account: &str) -> Value {
    let filter = json!({"contracts": [contract], "events": [event], "addresses": [account]});
    let params = json!({"filter": filter, "cursor": "0", "promotions": false});
    let mut messages = websocket(&env.ready().http_url, &params, &["event=1"]).finish().await;
    messages.pop().expect("a message")["notification"].take()
}

/// Status and body of a GET.
async fn get(http_url: &str, path: &str) -> (u16, Value) {
    let answer = reqwest::get(format!("{http_url}/indexer/v1/{path}")).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Pays a thousandth of a credit to the stranger, through the relayer; gives the block.
async fn pay(env: &Environment) -> u64 {
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    let mut relay = env.relay().await;
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Mined).await[&paid.id].block.unwrap()
}

/// A filter for what the stranger gets.
fn to_stranger() -> Value {
    json!({"contracts": ["CarbonCredit"], "events": ["Transfer"], "addresses": [STRANGER]})
}

/// The same as a query string.
fn to_stranger_query() -> String {
    format!("contract=CarbonCredit&event=Transfer&address={STRANGER}")
}

/// What does not depend on when the message was told.
fn without_confirmations(mut message: Value) -> Value {
    message.as_object_mut().unwrap().remove("confirmations");
    message
}
