//! What an operator relies on: health, metrics, a graceful end, a ready file that says what it promises.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wia_protocol::relay::State;
use wia_tests::{Environment, Socket};

use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn a_ready_node_says_so_and_counts() {
    let env = Environment::shared().await;
    assert_eq!(env.ready().accounts.len(), 10);
    assert_eq!(get(&env, "/healthz").await.0, 200);
    let (status, body) = get(&env, "/readyz").await;
    assert_eq!(status, 200, "{body}");
    let (status, metrics) = get(&env, "/metrics").await;
    assert_eq!(status, 200);
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("wia_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert_eq!(get(&env, "/nowhere").await.0, 404);
}

#[tokio::test]
async fn the_counters_count() {
    let env = Environment::start().await;
    let wallet = env.wallet(1);
    let mut relay = env.relay().await;
    let paid = [(); 3].map(|()| wallet.pay(STRANGER, MILLICREDIT));
    for message in &paid {
        relay.accepted(message).await;
    }
    relay.until(&paid.map(|m| m.id), State::Mined).await;
    let metrics = get(&env, "/metrics").await.1;
    assert!(metrics.contains("wia_ws_frames_total"), "{metrics}");
}

#[tokio::test]
async fn sigterm_closes_sessions_with_1001_and_ends_with_0() {
    let mut env = Environment::start().await;
    let mut stream = env.stream().await;
    stream.call("subscribe", json!({"channel": "wallet.balance"})).await.unwrap();
    let mut relay = env.relay().await;
    let mut unauthenticated = Socket::to(&env.ready().ws_url).await;
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;

    env.wia.terminate();
    assert_eq!(stream.closed().await, 1001);
    assert_eq!(relay.socket.closed().await, 1001);
    assert_eq!(unauthenticated.closed().await, 1001);
    let status = env.wia.ended().await;
    assert_eq!(status.code(), Some(0), "{}", env.wia.output());

    // What it had accepted is not lost by a graceful end either.
    env.restart().await;
    env.relay().await.until(&[paid.id], State::Mined).await;
    assert_eq!(env.chain().used_nonces(paid.message.from).await, [paid.message.nonce]);
}

#[tokio::test]
async fn deploying_again_on_the_same_chain_changes_nothing() {
    let mut env = Environment::start().await;
    let before = env.ready().clone();
    let balance = env.chain().balance(before.accounts[1].address).await;
    env.wia.terminate();
    env.wia.ended().await;
    env.restart().await;
    let after = env.ready();
    assert_eq!(after.contracts, before.contracts);
    assert_eq!(env.chain().balance(after.accounts[1].address).await, balance);
}

/// Status and body of a GET.
pub(crate) async fn get(env: &Environment, path: &str) -> (u16, String) {
    get_from(&env.ready().http_url, path).await
}

pub(crate) async fn get_from(url: &str, path: &str) -> (u16, String) {
    let host = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut tcp = TcpStream::connect(host).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}
