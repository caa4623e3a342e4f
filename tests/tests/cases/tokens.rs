//! Who may come in: C-104, C-105, X-01…. Each wrong token is made by Node's own crypto and differs from a
//! right one in one thing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wia_protocol::relay::State;
use wia_tests::{Client, Environment, Incoming, Socket};

use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn a_wrong_token_is_refused_with_its_reason_and_the_session_closed_with_4000() {
    let env = Environment::shared().await;
    let mut tokens = tokens(&env).await;
    let fine = tokens.remove("fine").unwrap();
    Socket::authenticated(&env.ready().ws_url, &fine).await;
    assert!(tokens.len() > 8);
    for (trick, token) in tokens {
        let mut socket = Socket::to(&env.ready().ws_url).await;
        let refusal = socket.call("authenticate", json!({"token": token})).await.expect_err(&trick);
        assert_eq!((refusal.code, refusal.message.as_str()), (-32001, "Unauthorized"), "{trick}");
        let data = refusal.data.unwrap();
        assert_eq!(data["field"], "token", "{trick}");
        let reason = data["reason"].as_str().unwrap();
        assert!(!reason.is_empty() && !reason.contains(&token), "{trick}: {reason}");
        assert_eq!(socket.closed().await, 4000, "{trick}");
    }
}

#[tokio::test]
async fn a_wrong_bearer_token_on_the_upgrade_is_refused_the_same_way() {
    let env = Environment::shared().await;
    let tokens = tokens(&env).await;
    let mut request = env.ready().ws_url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", tokens["expired"]).parse().unwrap());
    let mut socket = Socket::open(request).await.unwrap();
    match socket.receive().await {
        Incoming::Json(refusal) => assert_eq!(refusal["error"]["code"], -32001, "{refusal}"),
        Incoming::Closed(code) => panic!("closed with {code} before the reason"),
    }
    assert_eq!(socket.closed().await, 4000);
}

#[tokio::test]
async fn a_call_to_authenticate_without_a_token_names_the_field_and_leaves_the_session_open() {
    let env = Environment::shared().await;
    let mut socket = Socket::to(&env.ready().ws_url).await;
    for params in [json!({}), json!({"token": 7}), json!([])] {
        let refusal = socket.call("authenticate", params).await.unwrap_err();
        assert_eq!((refusal.code, &refusal.data.unwrap()["field"]), (-32602, &json!("token")));
    }
    let token = &env.ready().token;
    assert!(socket.call("authenticate", json!({"token": token})).await.is_ok());
}

#[tokio::test]
async fn a_session_sees_its_own_wallets_and_nobody_elses() {
    let env = Environment::start().await;
    let (mine, other) = (env.wallet(8), env.wallet(1));
    let token = token(&env, json!({"sub": "USER-2026-008", "wallets": [mine.address()]})).await;
    let mut socket = Socket::authenticated(&env.ready().ws_url, &token).await;
    let both = json!({"channels": ["wallet.balance", "blockchain.confirmations"]});
    socket.call("subscribe", both).await.unwrap();
    let mut relay = env.relay().await;
    let foreign = other.pay(STRANGER, MILLICREDIT);
    relay.accepted(&foreign).await;
    let foreign = relay.until(&[foreign.id], State::Mined).await[&foreign.id].clone();
    let to_me = other.pay(mine.address(), MILLICREDIT);
    relay.accepted(&to_me).await;
    relay.until(&[to_me.id], State::Mined).await;
    let balance = loop {
        let Incoming::Json(push) = socket.receive().await else { panic!("closed") };
        assert_ne!(push["params"]["transactionHash"], json!(foreign.tx_hash), "{push}");
        if push["method"] == "wallet.balance_changed" {
            break push["params"].clone();
        }
    };
    assert_eq!(balance["userId"], "USER-2026-008");
    assert_eq!(balance["address"], mine.address().to_string());
    assert_eq!(balance["reason"], "transfer_received");
}

#[tokio::test]
async fn what_the_scopes_do_not_allow_is_forbidden() {
    let env = Environment::shared().await;
    let token = token(&env, json!({"scope": ["footprint:read"]})).await;
    let mut socket = Socket::authenticated(&env.ready().ws_url, &token).await;
    let paid = env.wallet(9).pay(STRANGER, MILLICREDIT);
    for (method, params) in
        [("subscribe", json!({"channel": "wallet.balance"})), ("relay.submit", paid.params)]
    {
        let refusal = socket.call(method, params).await.expect_err(method);
        assert_eq!((refusal.code, &refusal.data.unwrap()["field"]), (-32002, &json!("scope")), "{method}");
    }
}

#[tokio::test]
async fn a_session_ends_with_its_token() {
    let env = Environment::shared().await;
    let now_s = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let token = token(&env, json!({"exp": now_s + 3})).await;
    let mut socket = Socket::authenticated(&env.ready().ws_url, &token).await;
    assert_eq!(socket.closed().await, 4000);
}

/// The development token with these claims changed, rightly signed.
async fn token(env: &Environment, claims: Value) -> String {
    let mut lines = forge_tokens(env, &["--claims", &claims.to_string()]).await;
    lines[0]["token"].take().as_str().unwrap().to_owned()
}

async fn tokens(env: &Environment) -> BTreeMap<String, String> {
    serde_json::from_value(forge_tokens(env, &[]).await.remove(0)).unwrap()
}

async fn forge_tokens(env: &Environment, more: &[&str]) -> Vec<Value> {
    let folder = env.data();
    let arguments = ["--folder", folder.to_str().unwrap(), "--token", &env.ready().token];
    Client::node("tokens.mjs", &[&arguments, more].concat(), "").finish().await
}
