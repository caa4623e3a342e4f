//! Bad input: each refusal names the field and the reason, as a JSON-RPC error's `data` at the WebSocket and over libp2p,
//! as the documents' error body over REST, and nothing half-accepted stays behind.

use alloy::primitives::{B256, U256};
use serde_json::{Value, json};
use wia_protocol::RpcError;
use wia_protocol::relay::{State, Submission};
use wia_tests::{Client, Environment, Incoming, Signed, Socket, Wallet};

use crate::relay::post;
use crate::{MILLICREDIT, STRANGER};

/// A submission that must be refused, and the refusal's code and field.
struct Refusal {
    what: &'static str,
    params: Value,
    code: i64,
    field: &'static str,
}

#[tokio::test]
async fn over_websocket_each_names_code_field_and_reason_and_leaves_nothing() {
    let env = Environment::shared().await;
    let mut relay = env.relay().await;
    for refusal in refusals(&env).await {
        let error = relay.socket.call("relay.submit", refusal.params.clone()).await.expect_err(refusal.what);
        check(&refusal, &error);
        if let Some(id) = digest(&refusal.params) {
            let unknown = relay.status(id).await.expect_err(refusal.what);
            assert_eq!(unknown.code, -32003, "{}: {unknown}", refusal.what);
        }
    }
}

#[tokio::test]
async fn over_rest_they_are_the_same_with_the_documents_body() {
    let env = Environment::shared().await;
    let refusals = refusals(&env).await;
    for refusal in &refusals {
        let (status, body) = post(&env, &refusal.params).await;
        let error = &body["error"];
        assert_eq!((status, &error["field"]), (400, &json!(refusal.field)), "{}: {body}", refusal.what);
        assert_eq!(
            (&error["code"], &error["statusCode"]),
            (&json!("INVALID_PARAMETER"), &json!(400)),
            "{body}"
        );
        assert!(error["reason"].as_str().is_some_and(|reason| reason.len() > 5), "{}: {body}", refusal.what);
    }
}

#[tokio::test]
async fn over_libp2p_they_are_the_same() {
    let env = Environment::shared().await;
    let refusals = refusals(&env).await;
    let request = |params: &Value| json!({"method": "relay.submit", "params": params}).to_string();
    let requests: Vec<_> = refusals.iter().map(|refusal| request(&refusal.params)).collect();
    let answers = libp2p(&env, &requests).await;
    for (refusal, mut answer) in refusals.iter().zip(answers) {
        let error = serde_json::from_value(answer["error"].take());
        check(refusal, &error.unwrap_or_else(|e| panic!("{}: {e}: {answer}", refusal.what)));
    }
}

fn check(refusal: &Refusal, error: &RpcError) {
    let data = error.data.as_ref().unwrap_or_else(|| panic!("{}: {error}", refusal.what));
    let seen = (error.code, data["field"].as_str().unwrap_or_default());
    assert_eq!(seen, (refusal.code, refusal.field), "{}: {error}", refusal.what);
    assert!(data["reason"].as_str().is_some_and(|reason| reason.len() > 5), "{}: {error}", refusal.what);
}

/// Every message is right but for the one thing that `what` says.
async fn refusals(env: &Environment) -> Vec<Refusal> {
    let (wallet, other) = (env.wallet(9), env.wallet(8));
    let now = U256::from(env.chain().time_s().await);
    let transfer = || wallet.transfer(STRANGER, MILLICREDIT);
    let right = || wallet.sign(transfer()).params;
    let with = |pointer: &str, value: Value| {
        let mut params = right();
        *params.pointer_mut(pointer).unwrap() = value;
        params
    };
    let mut expired = transfer();
    expired.validBefore = now - U256::from(60);
    let mut too_long = transfer();
    too_long.validBefore = now + U256::from(8 * 24 * 3_600);
    let mut by_another = right();
    by_another["signature"] = other.sign(transfer()).params["signature"].take();
    let mut short = right();
    let signature = short["signature"].as_str().unwrap().to_owned();
    // 64 bytes would be a compact signature (ERC-2098).
    short["signature"] = json!(signature[..signature.len() - 4]);
    let mut missing = right();
    missing["message"].as_object_mut().unwrap().remove("nonce");
    let mut extra = right();
    extra["memo"] = json!("thanks");
    let used = used_nonce(env, &wallet).await;
    let mut cases = vec![
        ("another signer", by_another, "signature"),
        ("a short signature", short, "signature"),
        ("another chain", with("/chainId", json!("1")), "chainId"),
        ("expired", wallet.sign(expired).params, "validBefore"),
        ("valid for too long", wallet.sign(too_long).params, "validBefore"),
        ("a used nonce", used.params, "nonce"),
        ("an unknown contract's address", with("/contract", json!(STRANGER)), "contract"),
        ("an unknown contract's name", with("/contract", json!("Carbon")), "contract"),
        ("a contract that takes no signed action", with("/contract", json!("RelayBatcher")), "contract"),
        ("its address", with("/contract", json!(env.ready().contracts["RelayBatcher"])), "contract"),
        ("a contract for which it was not signed", with("/contract", json!("TestUSD")), "signature"),
        ("a contract without that action", with("/contract", json!("BatteryPassport")), "action"),
        ("an unknown action", with("/action", json!("MintAuthorization")), "action"),
        ("an action that needs the payee", with("/action", json!("ReceiveWithAuthorization")), "action"),
        ("a number where text must be", with("/message/value", json!(1000)), "value"),
        ("hex where decimals must be", with("/message/value", json!("0x10")), "value"),
        ("not an address", with("/message/to", json!("0x1234")), "to"),
        ("no nonce", missing, "nonce"),
        ("an unknown member", extra, "memo"),
        ("no object", json!(["relay"]), "params"),
    ];
    let case = |(what, params, field)| Refusal { what, params, code: -32602, field };
    cases.drain(..).map(case).collect()
}

/// A new message under a nonce that the chain has seen used.
async fn used_nonce(env: &Environment, wallet: &Wallet) -> Signed {
    let first = wallet.pay(STRANGER, MILLICREDIT);
    let mut relay = env.relay().await;
    relay.accepted(&first).await;
    relay.until(&[first.id], State::Mined).await;
    let mut second = first.message;
    second.value += U256::ONE;
    wallet.sign(second)
}

/// What the message would be called, if it can be read at all.
fn digest(params: &Value) -> Option<B256> {
    let submission = Submission::parse(params).ok()?;
    let contract = submission.contract.parse().ok()?;
    let domain = wia_abi::authorization::Domain::carbon_credit(submission.chain_id, contract);
    Some(submission.message.digest(&domain))
}

#[tokio::test]
async fn a_second_digest_on_a_live_nonce_is_refused_and_the_first_executed() {
    let env = Environment::shared().await;
    let wallet = env.wallet(9);
    let mut relay = env.relay().await;
    let first = wallet.pay(STRANGER, MILLICREDIT);
    let mut message = first.message.clone();
    message.value += U256::ONE;
    let second = wallet.sign(message);
    relay.accepted(&first).await;
    let refusal = relay.submit(&second).await.unwrap_err();
    assert_eq!(
        (refusal.code, &refusal.data.as_ref().unwrap()["field"]),
        (-32602, &json!("nonce")),
        "{refusal}"
    );
    assert_eq!(relay.status(second.id).await.unwrap_err().code, -32003);
    relay.until(&[first.id], State::Mined).await;
    let used = env.chain().used_nonces(wallet.address()).await;
    assert_eq!(used.iter().filter(|nonce| **nonce == first.message.nonce).count(), 1);
}

#[tokio::test]
async fn what_is_no_request_is_answered_with_the_code_of_the_table() {
    let env = Environment::shared().await;
    let mut socket = Socket::to(&env.ready().relay_url).await;
    let deep = "[".repeat(50_000);
    let calls: Vec<_> =
        (0..101).map(|id| json!({"jsonrpc": "2.0", "id": id, "method": "relay.info"})).collect();
    let large =
        json!({"jsonrpc": "2.0", "id": 1, "method": "relay.info", "params": {"pad": "x".repeat(65_536)}});
    for (what, text, code, field) in [
        ("not JSON", "{\"jsonrpc\": \"2.0\", \"id\": 1, ", -32700, "message"),
        ("nested beyond reason", &deep, -32700, "message"),
        ("nothing", "", -32700, "message"),
        ("a batch of nothing", "[]", -32600, "message"),
        ("a batch of 101", &json!(calls).to_string(), -32600, "message"),
        ("oversize", &large.to_string(), -32600, "message"),
        ("no object", "7", -32600, "message"),
        ("no version", r#"{"id": 1, "method": "relay.info"}"#, -32600, "jsonrpc"),
        ("no method", r#"{"jsonrpc": "2.0", "id": 1}"#, -32600, "method"),
        ("an unknown method", r#"{"jsonrpc": "2.0", "id": 1, "method": "relay.stop"}"#, -32601, "method"),
        (
            "params of text",
            r#"{"jsonrpc": "2.0", "id": 1, "method": "relay.info", "params": "x"}"#,
            -32600,
            "params",
        ),
    ] {
        let reply = socket.exchange(text).await;
        let error: RpcError = serde_json::from_value(reply["error"].clone()).unwrap();
        check(&Refusal { what, params: Value::Null, code, field }, &error);
    }
    let info = socket.call("relay.info", json!({})).await;
    assert!(info.is_ok(), "the session goes on: {info:?}");
}

#[tokio::test]
async fn a_frame_beyond_all_measure_ends_its_session_and_no_other() {
    let env = Environment::shared().await;
    let mut other = env.relay().await;
    let mut socket = Socket::to(&env.ready().relay_url).await;
    socket.send_unheard("x".repeat(5 << 20)).await;
    // The server stops parsing in the middle of the frame, but reads on for a moment: no reset takes the answer along.
    let Incoming::Json(refusal) = socket.receive().await else { panic!("closed without an answer") };
    assert_eq!(
        (&refusal["error"]["code"], &refusal["error"]["data"]["field"]),
        (&json!(-32600), &json!("message"))
    );
    assert_eq!(socket.closed().await, 1009);
    assert!(other.socket.call("relay.info", json!({})).await.is_ok());
}

/// The answers to requests that js-libp2p sends.
async fn libp2p(env: &Environment, requests: &[String]) -> Vec<Value> {
    let mut arguments = vec!["--addr", &env.ready().p2p_addr];
    for request in requests {
        arguments.extend(["--request", request]);
    }
    Client::node("request-libp2p.mjs", &arguments, "").finish().await
}
