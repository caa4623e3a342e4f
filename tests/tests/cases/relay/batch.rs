//! Many messages in one request, over REST, `/relay/v1` and the carbon stream: each answered for itself, all executed.

use std::time::Duration;

use alloy::primitives::U256;
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Environment, Settings, Signed, Socket};

use super::{post, posted, read};
use crate::{MILLICREDIT, STRANGER};

/// As many as one request may hold.
const MOST: usize = 1_000;

#[tokio::test]
async fn a_thousand_fit_one_request_on_every_door_and_each_is_executed_once() {
    let variables = &[("WIA_RELAYER__TUNING__ORIGIN_BURST", "10000")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let before = env.chain().balance(STRANGER).await;
    let messages: Vec<Signed> = (0..MOST).map(|i| env.wallet(1 + i % 4).pay(STRANGER, MILLICREDIT)).collect();
    let params = json!({"messages": messages.iter().map(|m| m.params.clone()).collect::<Vec<_>>()});

    let (status, first) = post(&env, &params).await;
    assert_eq!(status, 200);
    let first = first["results"].as_array().unwrap();
    assert_eq!(first.len(), MOST);
    for (message, result) in messages.iter().zip(first) {
        assert_eq!(
            (&result["relayId"], &result["status"]),
            (&json!(message.id), &json!("accepted")),
            "{result}"
        );
    }
    // The same again by WebSocket and by the carbon stream: known, with the same promises.
    let mut relay = env.relay().await;
    let mut stream = env.stream().await;
    for socket in [&mut relay.socket, &mut stream] {
        let again = socket.call("relay.submitBatch", params.clone()).await.unwrap();
        let again = again["results"].as_array().unwrap();
        assert!(
            first
                .iter()
                .zip(again)
                .all(|(a, b)| a["receipt"] == b["receipt"] && a["relayId"] == b["relayId"])
        );
    }
    let ids: Vec<_> = messages.iter().map(|m| m.id).collect();
    relay.until(&ids, State::Mined).await;
    assert_eq!(env.chain().balance(STRANGER).await, before + MILLICREDIT * U256::from(MOST));
}

#[tokio::test]
async fn each_message_is_answered_for_itself_and_in_its_place() {
    let env = Environment::shared().await;
    let (wallet, other) = (env.wallet(9), env.wallet(8));
    let (one, two) = (wallet.pay(STRANGER, MILLICREDIT), wallet.pay(STRANGER, MILLICREDIT));
    let mut by_another = wallet.pay(STRANGER, MILLICREDIT).params;
    by_another["signature"] = other.pay(STRANGER, MILLICREDIT).params["signature"].take();
    let mut malformed = wallet.pay(STRANGER, MILLICREDIT).params;
    malformed["message"]["value"] = json!(7);
    let batch = json!({"messages": [one.params, malformed, by_another, 7, one.params, two.params]});

    let (status, over_rest) = post(&env, &batch).await;
    assert_eq!(status, 200);
    let over_websocket = env.relay().await.socket.call("relay.submitBatch", batch).await.unwrap();
    let field = |results: &Value, at: usize, path: &str| results["results"][at].pointer(path).cloned();
    for (at, expected) in [
        (0, Ok(one.id)),
        (1, Err("value")),
        (2, Err("signature")),
        (3, Err("params")),
        (4, Ok(one.id)),
        (5, Ok(two.id)),
    ] {
        let (id, refused) = (expected.ok().map(|id| json!(id)), expected.err().map(|field| json!(field)));
        assert_eq!(field(&over_rest, at, "/relayId"), id, "{at}: {over_rest:#}");
        assert_eq!(field(&over_websocket, at, "/relayId"), id, "{at}: {over_websocket:#}");
        assert_eq!(field(&over_rest, at, "/error/field"), refused, "{at}: {over_rest:#}");
        assert_eq!(field(&over_websocket, at, "/error/data/field"), refused, "{at}: {over_websocket:#}");
    }
    env.relay().await.until(&[one.id, two.id], State::Mined).await;
}

#[tokio::test]
async fn what_is_no_batch_is_refused_as_a_whole() {
    let env = Environment::shared().await;
    let mut relay = env.relay().await;
    for (batch, field) in [
        (json!({"messages": []}), "messages"),
        (json!({"messages": {}}), "messages"),
        (json!({"messages": vec![1; MOST + 1]}), "messages"),
        (json!({"messages": [1], "atomic": true}), "atomic"),
    ] {
        let (status, body) = post(&env, &batch).await;
        assert_eq!((status, &body["error"]["field"]), (400, &json!(field)), "{body}");
        let error = relay.socket.call("relay.submitBatch", batch).await.unwrap_err();
        assert_eq!((error.code, &error.data.as_ref().unwrap()["field"]), (-32602, &json!(field)), "{error}");
    }
}

#[tokio::test]
async fn only_batches_may_be_large_and_only_with_a_token_where_one_is_needed() {
    let env = Environment::shared().await;
    let padding = "x".repeat(100_000);
    let mut relay = env.relay().await;
    let large = json!({"jsonrpc": "2.0", "id": 1, "method": "relay.submit", "params": {"pad": padding}});
    let refused = relay.socket.exchange(large.to_string()).await;
    assert_eq!((&refused["error"]["code"], &refused["id"]), (&json!(-32600), &Value::Null), "{refused}");
    let batch = json!({"messages": [{"pad": padding}]});
    let answer = relay.socket.call("relay.submitBatch", batch.clone()).await.unwrap();
    assert!(answer["results"][0]["error"]["code"] == -32602, "{answer}");
    let unknown = Socket::to(&env.ready().ws_url).await.call("relay.submitBatch", batch).await.unwrap_err();
    assert_eq!(unknown.code, -32001, "{unknown}");
}

#[tokio::test]
async fn while_the_places_of_large_requests_are_taken_others_are_refused_and_single_messages_are_not() {
    let variables = &[("WIA_HTTP__MAX_BATCHES", "1")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    // A request that announces more than one message and sends nothing: it holds the place for as long as it likes.
    let host = env.ready().http_url.strip_prefix("http://").unwrap().trim_end_matches('/');
    let mut holder = tokio::net::TcpStream::connect(host).await.unwrap();
    let head = format!("POST /relay/v1/messages HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n[");
    tokio::io::AsyncWriteExt::write_all(&mut holder, head.as_bytes()).await.unwrap();
    let wallet = env.wallet(1);
    let batch = json!({"messages": [wallet.pay(STRANGER, MILLICREDIT).params]});
    let refused = wia_tests::wait_until("the place to be taken", Duration::from_secs(20), async || {
        let answer = posted(&env, batch.to_string()).await;
        (answer.status() == 429).then_some(answer)
    })
    .await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(read(refused).await.1["error"]["field"], "messages");
    let error = env.relay().await.socket.call("relay.submitBatch", batch.clone()).await.unwrap_err();
    assert_eq!(error.data.unwrap()["retryAfter"], 1);
    assert_eq!(post(&env, &wallet.pay(STRANGER, MILLICREDIT).params).await.0, 201);
    drop(holder);
    wia_tests::wait_until("the place to be free", Duration::from_secs(20), async || {
        (post(&env, &batch).await.0 == 200).then_some(())
    })
    .await;
}
