//! Who may come in: C-104, C-105, X-01…. Each wrong token is made by Node's own crypto and differs from a
//! right one in one thing.

use std::collections::BTreeMap;

use serde_json::json;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wia_tests::{Client, Environment, Incoming, Socket};

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

async fn tokens(env: &Environment) -> BTreeMap<String, String> {
    let folder = env.data();
    let arguments = ["--folder", folder.to_str().unwrap(), "--token", &env.ready().token];
    let mut lines = Client::node("tokens.mjs", &arguments, "").finish().await;
    serde_json::from_value(lines.remove(0)).unwrap()
}
