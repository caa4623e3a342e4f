//! The carbon stream as a protocol: the upgrade, the order of things, JSON-RPC 2.0 to the letter, and resuming.

use alloy::primitives::B256;
use futures::future::join;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use wia_protocol::relay::State;
use wia_tests::{Environment, Incoming, Settings, Socket};

use crate::{MILLICREDIT, STRANGER};

const BALANCE: &str = "wallet.balance_changed";
const CONFIRMED: &str = "blockchain.transaction_confirmed";

#[tokio::test]
async fn the_upgrade_answers_rfc_6455s_own_example() {
    let env = Environment::shared().await;
    let answer = upgrade(&env, "Sec-WebSocket-Protocol: wccm-v1\r\n").await;
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: wccm-v1\r\n"), "{answer}");
}

#[tokio::test]
async fn a_client_may_offer_no_subprotocol_or_another_one() {
    let env = Environment::shared().await;
    for offer in ["", "Sec-WebSocket-Protocol: graphql-ws\r\n"] {
        let answer = upgrade(&env, offer).await;
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        assert!(!answer.contains("sec-websocket-protocol"), "{answer}");
    }
}

/// The head of the answer to the handshake of C-021, lower case.
async fn upgrade(env: &Environment, header: &str) -> String {
    let (host, path) = env.ready().ws_url.strip_prefix("ws://").unwrap().split_once('/').unwrap();
    let mut tcp = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{header}\r\n"
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tcp.read_u8().await.unwrap());
    }
    String::from_utf8(answer).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn nothing_is_served_before_authentication() {
    let env = Environment::shared().await;
    let mut socket = Socket::to(&env.ready().ws_url).await;
    for method in
        ["subscribe", "unsubscribe", "relay.submit", "relay.status", "relay.subscribe", "relay.info"]
    {
        let params = json!({"channels": ["wallet.balance"]});
        let refusal = socket.call(method, params).await.unwrap_err();
        assert_eq!(refusal.code, -32001, "{method}: {refusal}");
    }
    let token = &env.ready().token;
    assert_eq!(
        socket.call("authenticate", json!({"token": token})).await,
        Ok(json!({"authenticated": true}))
    );
    assert!(socket.call("relay.info", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_bearer_token_on_the_upgrade_authenticates() {
    let env = Environment::shared().await;
    let mut request = env.ready().ws_url.as_str().into_client_request().unwrap();
    let bearer = format!("Bearer {}", env.ready().token).parse().unwrap();
    request.headers_mut().insert("authorization", bearer);
    let mut socket = Socket::open(request).await.unwrap();
    let subscribed = socket.call("subscribe", json!({"channel": "wallet.balance"})).await.unwrap();
    assert_eq!((&subscribed["subscribed"], &subscribed["channel"]), (&json!(true), &json!("wallet.balance")));
}

#[tokio::test]
async fn who_does_not_authenticate_in_time_is_closed_with_1008() {
    let variables = &[("WIA_HTTP__AUTH_TIMEOUT_MS", "300")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let mut silent = Socket::to(&env.ready().ws_url).await;
    let mut busy = Socket::to(&env.ready().ws_url).await;
    assert!(busy.call("subscribe", json!({"channel": "wallet.balance"})).await.is_err());
    assert_eq!(join(silent.closed(), busy.closed()).await, (1008, 1008));
    // The time-out is for the stream only: nobody authenticates on the relay, however long it takes.
    let mut relay = env.relay().await;
    let mut authenticated = env.stream().await;
    let mut late = Socket::to(&env.ready().ws_url).await;
    assert_eq!(late.closed().await, 1008);
    assert!(relay.socket.call("relay.info", json!({})).await.is_ok());
    assert!(authenticated.call("relay.info", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_notification_is_carried_out_and_never_answered() {
    let env = Environment::shared().await;
    let mut socket = env.stream().await;
    // C-034's resubscription, then three that fail: none may be answered, not even with an error.
    for call in [
        json!({"jsonrpc": "2.0", "method": "subscribe", "params": {"channels": ["wallet.balance"]}}),
        json!({"jsonrpc": "2.0", "method": "subscribe", "params": {"channels": []}}),
        json!({"jsonrpc": "2.0", "method": "nope"}),
        json!({"jsonrpc": "2.0", "method": "relay.status", "params": {"relayId": 7}}),
    ] {
        socket.send(call.to_string()).await;
    }
    let reply =
        socket.exchange(json!({"jsonrpc": "2.0", "id": "after", "method": "relay.info"}).to_string()).await;
    assert_eq!(reply["id"], "after", "{reply}");

    let wallet = env.wallet(9);
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    env.relay().await.accepted(&paid).await;
    loop {
        let push = socket.push(BALANCE).await;
        if push["address"] == wallet.address().to_string() {
            break;
        }
    }
}

#[tokio::test]
async fn a_batch_is_answered_as_a_batch() {
    let env = Environment::shared().await;
    let mut socket = env.stream().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "relay.info"},
        {"jsonrpc": "2.0", "method": "subscribe", "params": {"channel": "wallet.balance"}},
        {"jsonrpc": "2.0", "id": "two", "method": "nope"},
        7,
        {"jsonrpc": "2.0", "id": null, "method": "relay.status", "params": {"relayId": format!("0x{:064x}", 1)}},
        {"jsonrpc": "1.0", "id": 5, "method": "relay.info"},
    ]);
    let replies = socket.exchange(batch.to_string()).await;
    let replies = replies.as_array().unwrap_or_else(|| panic!("{replies}"));
    assert!(replies.iter().all(|reply| reply["jsonrpc"] == "2.0"));
    let mut outcomes: Vec<_> =
        replies.iter().map(|r| (r["id"].to_string(), r["error"]["code"].as_i64())).collect();
    outcomes.sort();
    let expected = [
        ("\"two\"", Some(-32601)),
        ("1", None),
        ("5", Some(-32600)),
        ("null", Some(-32600)),
        ("null", Some(-32003)),
    ];
    let mut expected = expected.map(|(id, code)| (id.to_owned(), code)).to_vec();
    expected.sort();
    assert_eq!(outcomes, expected, "{replies:#?}");

    // Notifications alone are not answered at all.
    let silent = json!([{"jsonrpc": "2.0", "method": "nope"}, {"jsonrpc": "2.0", "method": "relay.info"}]);
    socket.send(silent.to_string()).await;
    let reply =
        socket.exchange(json!({"jsonrpc": "2.0", "id": "after", "method": "relay.info"}).to_string()).await;
    assert_eq!(reply["id"], "after", "{reply}");
}

#[tokio::test]
async fn unsubscribe_stops_the_pushes_of_that_channel_only() {
    let env = Environment::start().await;
    let mut socket = env.stream().await;
    let both = json!({"channels": ["wallet.balance", "blockchain.confirmations"]});
    let subscribed = socket.call("subscribe", both.clone()).await.unwrap();
    assert_eq!(subscribed["channels"], both["channels"]);
    let unsubscribed = socket.call("unsubscribe", json!({"channels": ["wallet.balance"]})).await.unwrap();
    assert_eq!(unsubscribed, json!({"unsubscribed": true, "channels": ["wallet.balance"]}));
    let transaction = pay_to_finality(&env, 1).await.remove(0);
    let pushes = until_final(&mut socket, transaction).await;
    assert!(pushes.iter().all(|push| push["method"] == CONFIRMED), "{pushes:#?}");
}

#[tokio::test]
async fn a_cursor_resumes_without_gap_and_without_double() {
    let mut env = Environment::start().await;
    let balances = |cursor: Option<&Value>| match cursor {
        None => json!({"channel": "wallet.balance"}),
        Some(cursor) => json!({"channel": "wallet.balance", "cursor": cursor}),
    };
    let mut witness = env.stream().await;
    let mut leaver = env.stream().await;
    for socket in [&mut witness, &mut leaver] {
        socket.call("subscribe", balances(None)).await.unwrap();
    }
    // One push per transfer: the sender is the session's user, the stranger is not.
    pay_to_finality(&env, 2).await;
    let before_leaving = pushes(&mut leaver, 2).await;
    drop(leaver);
    pay_to_finality(&env, 3).await;
    let mut all = pushes(&mut witness, 5).await;
    assert_eq!(before_leaving[..], all[..2], "two sessions see the same");

    // Once to the same process, and once to the one after a kill -9.
    for _ in 0..2 {
        let mut again = env.stream().await;
        again.call("subscribe", balances(Some(&before_leaving[1]["params"]["cursor"]))).await.unwrap();
        pay_to_finality(&env, 1).await;
        let resumed = pushes(&mut again, all.len() - 1).await;
        assert_eq!(resumed[..all.len() - 2], all[2..]);
        let live = &resumed[all.len() - 2]["params"];
        assert_eq!(live["previousBalanceWei"], all[all.len() - 1]["params"]["newBalanceWei"], "{live:#}");
        all.extend(resumed.last().cloned());
        env.kill_and_restart().await;
    }
}

#[tokio::test]
async fn any_push_of_a_subscription_to_both_channels_is_a_place_to_resume_from() {
    let env = Environment::start().await;
    let both = json!(["wallet.balance", "blockchain.confirmations"]);
    let mut witness = env.stream().await;
    witness.call("subscribe", json!({"channels": both})).await.unwrap();
    let transaction = pay_to_finality(&env, 1).await.remove(0);
    let all = until_final(&mut witness, transaction).await;
    for (seen, last) in all.iter().enumerate() {
        let mut again = env.stream().await;
        let resume = json!({"channels": both, "cursor": last["params"]["cursor"]});
        again.call("subscribe", resume).await.unwrap();
        let rest = pushes(&mut again, all.len() - seen - 1).await;
        assert_eq!(rest[..], all[seen + 1..], "resumed after push {seen}");
    }
}

#[tokio::test]
async fn a_cursor_that_no_push_had_is_refused_by_name() {
    let env = Environment::shared().await;
    let mut socket = env.stream().await;
    for cursor in ["", "nonsense", "-1.0", "99999999999999999999.0", "1.2.3", "4000000000.0"] {
        let subscribe = json!({"channel": "wallet.balance", "cursor": cursor});
        let refusal = socket.call("subscribe", subscribe).await.expect_err(cursor);
        assert_eq!((refusal.code, &refusal.data.unwrap()["field"]), (-32602, &json!("cursor")), "{cursor}");
    }
}

#[tokio::test]
async fn a_channel_subscribed_twice_pushes_once() {
    let env = Environment::start().await;
    let mut socket = env.stream().await;
    let both = json!({"channels": ["wallet.balance", "blockchain.confirmations"]});
    for subscribe in [both.clone(), json!({"channel": "wallet.balance"}), both] {
        socket.call("subscribe", subscribe).await.unwrap();
    }
    let transaction = pay_to_finality(&env, 1).await.remove(0);
    let mut pushes = until_final(&mut socket, transaction).await;
    pushes.retain(|push| push["params"]["transactionHash"] == json!(transaction));
    assert_eq!(pushes.len(), 13, "{pushes:#?}");
}

/// `count` transfers from account 9, one transaction each, buried under twelve blocks; the transactions.
async fn pay_to_finality(env: &Environment, count: usize) -> Vec<B256> {
    let (wallet, mut relay) = (env.wallet(9), env.relay().await);
    let mut transactions = Vec::with_capacity(count);
    for _ in 0..count {
        let paid = wallet.pay(STRANGER, MILLICREDIT);
        relay.accepted(&paid).await;
        transactions.extend(relay.until(&[paid.id], State::Mined).await[&paid.id].tx_hash);
    }
    env.chain().mine(12).await;
    transactions
}

/// The pushes up to the twelfth confirmation of `transaction`. (The development accounts' own mints are confirmed
/// meanwhile, too.)
async fn until_final(socket: &mut Socket, transaction: B256) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        all.extend(pushes(socket, 1).await);
        let params = &all[all.len() - 1]["params"];
        if params["transactionHash"] == json!(transaction) && params["confirmations"] == 12 {
            return all;
        }
    }
}

async fn pushes(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut pushes = Vec::with_capacity(count);
    for _ in 0..count {
        match socket.receive().await {
            Incoming::Json(push) => pushes.push(push),
            Incoming::Closed(code) => panic!("closed with {code} after {pushes:#?}"),
        }
    }
    pushes
}
