//! Each event once, on every door alike: through a reorganisation, a lost connection and a killed node.

use std::time::Duration;

use alloy::transports::http::reqwest::Url;
use serde_json::{Value, json};
use wia_abi::CarbonCredit::transferCall;
use wia_protocol::relay::State;
use wia_tests::{Client, Environment, Gate, wait_until};

use super::{event_source, get, grpc, pay, to_stranger, to_stranger_query, websocket, without_confirmations};
use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn every_door_tells_the_same_events() {
    let env = Environment::shared().await;
    let http = &env.ready().http_url;
    let minted = json!({"contracts": ["CarbonCredit"], "events": ["CreditMinted"]});
    let params = json!({"filter": minted, "promotions": false, "cursor": "0"});
    let query = "contract=CarbonCredit&event=CreditMinted&promotions=false&cursor=0";
    let until = &["event=9"];
    let mut told = Vec::new();
    for client in
        [websocket(http, &params, until), event_source(http, query, &[], until), grpc(http, &params, until)]
    {
        let mut lines = client.finish().await.into_iter();
        assert_eq!(lines.next(), Some(json!({"subscribed": {"cursor": "0", "recovered": true}})));
        told.push(lines.map(without_confirmations).collect::<Vec<_>>());
    }
    let (status, page) = get(http, "events?contract=CarbonCredit&event=CreditMinted&limit=1000").await;
    assert_eq!((status, &page["next"]), (200, &Value::Null));
    told.push(page["events"].as_array().unwrap().iter().cloned().map(without_confirmations).collect());

    assert_eq!(told[0].len(), 9);
    assert!(told.iter().all(|events| *events == told[0]), "{told:#?}");
    let first = &told[0][0];
    let account = env.ready().accounts[1].address.to_string();
    let arguments =
        json!({"recipient": account, "amount": "1000000000000000000000", "creditId": "CCR-2026-000001"});
    assert_eq!((&first["arguments"], &first["contractName"]), (&arguments, &json!("CarbonCredit")));
    let id =
        format!("{}:{}:{}", env.ready().chain_id, first["blockHash"].as_str().unwrap(), first["logIndex"]);
    assert_eq!(first["id"], id);
}

#[tokio::test]
async fn a_reorged_event_is_taken_back_by_its_id_then_replaced_then_final() {
    let env = Environment::start().await;
    let http = &env.ready().http_url;
    let params = json!({"filter": to_stranger()});
    let until = &["finalized=1"];
    let mut clients = [
        websocket(http, &params, until),
        event_source(http, &to_stranger_query(), &[], until),
        grpc(http, &params, until),
    ];
    for client in &mut clients {
        assert_eq!(client.line().await.unwrap()["subscribed"]["recovered"], true);
    }
    let block = pay(&env).await;
    let told = same_line(&mut clients).await;
    assert_eq!((&told["type"], &told["blockNumber"]), (&json!("event"), &json!(block)));
    assert_eq!(told["arguments"]["value"], MILLICREDIT.to_string());

    env.chain().reorg_from(block).await;
    let retracted = same_line(&mut clients).await;
    assert_eq!((&retracted["type"], &retracted["id"]), (&json!("retracted"), &told["id"]));
    let again = same_line(&mut clients).await;
    assert_eq!(again["type"], "event");
    assert_ne!(again["id"], told["id"], "another block, another event");
    assert_eq!(again["arguments"], told["arguments"]);

    env.chain().mine(12).await;
    let finalized = same_line(&mut clients).await;
    assert_eq!((&finalized["type"], &finalized["id"]), (&json!("finalized"), &again["id"]));
    assert_eq!(finalized["confirmations"], 12);
    for client in clients {
        assert!(client.finish().await.is_empty());
    }
}

/// The next line of all, which must be the same.
async fn same_line(clients: &mut [Client]) -> Value {
    let mut lines = Vec::new();
    for client in clients {
        lines.push(client.line().await.expect("a message"));
    }
    assert!(lines.iter().all(|line| *line == lines[0]), "{lines:#?}");
    lines.swap_remove(0)
}

#[tokio::test]
async fn an_event_is_told_once_it_is_as_deep_as_was_asked() {
    let env = Environment::start().await;
    let http = &env.ready().http_url;
    let three = json!({"filter": to_stranger(), "minConfirmations": 3, "promotions": false});
    let deep = json!({"filter": to_stranger(), "finalized": true});
    let mut third = grpc(http, &three, &["event=1"]);
    let mut twelfth = grpc(http, &deep, &["event=1"]);
    third.line().await.unwrap();
    twelfth.line().await.unwrap();
    let block = pay(&env).await;
    let told = third.line().await.unwrap();
    assert_eq!((&told["blockNumber"], &told["confirmations"]), (&json!(block), &json!(3)));
    assert!(env.chain().head().await >= block + 2);
    env.chain().mine(12).await;
    let told = twelfth.line().await.unwrap();
    assert_eq!((&told["type"], &told["confirmations"]), (&json!("event"), &json!(12)));
}

#[tokio::test]
async fn a_subscriber_resumes_by_cursor_and_by_id_after_the_node_was_killed() {
    let mut env = Environment::start().await;
    let params = json!({"filter": to_stranger(), "promotions": false});
    let mut client = websocket(&env.ready().http_url, &params, &["event=1"]);
    client.line().await.unwrap();
    pay(&env).await;
    let first = client.line().await.unwrap();

    env.wia.kill();
    let sender = env.ready().accounts[2].address;
    env.chain().send(sender, transferCall { to: STRANGER, value: MILLICREDIT }).await;
    env.chain().mine(1).await;
    env.restart().await;

    let http = &env.ready().http_url;
    let query = format!("{}&promotions=false", to_stranger_query());
    let mut told = Vec::new();
    for after in [&first["cursor"], &first["id"]] {
        let params = json!({"filter": to_stranger(), "promotions": false, "cursor": after});
        let last = ["--last-event-id", after.as_str().unwrap()];
        // A query that names another place: the header says where the client is now.
        let query = format!("{query}&cursor=0");
        for client in [
            websocket(http, &params, &["event=1"]),
            event_source(http, &query, &last, &["event=1"]),
            grpc(http, &params, &["event=1"]),
        ] {
            let lines = client.finish().await;
            assert_eq!(lines[0]["subscribed"]["recovered"], true);
            told.push(lines[1].clone());
        }
    }
    assert!(told.iter().all(|message| *message == told[0]), "{told:#?}");
    assert_eq!(told[0]["arguments"]["from"], sender.to_string(), "what came while the node was away");

    for client in [
        websocket(http, &json!({"cursor": "999999999.0"}), &[]),
        grpc(http, &json!({"cursor": "999999999.0"}), &[]),
    ] {
        let refused = client.refused().await;
        assert!(refused.to_string().contains("cursor"), "{refused}");
    }
}

#[tokio::test]
async fn an_event_source_comes_back_by_itself_and_misses_nothing() {
    let env = Environment::start().await;
    let port = Url::parse(&env.ready().http_url).unwrap().port().unwrap();
    let gate = Gate::before(port).await;
    let query = format!("{}&promotions=false", to_stranger_query());
    let mut client = event_source(&gate.url(), &query, &[], &["event=2"]);
    client.line().await.unwrap();
    pay(&env).await;
    let first = client.line().await.unwrap();

    gate.close();
    assert_eq!(client.line().await.unwrap(), json!({"lost": true}));
    pay(&env).await;
    gate.open();
    let lines = client.finish().await;
    let (last, before) = lines.split_last().unwrap();
    assert!(before.iter().all(|line| line.get("lost").is_some() || line["subscribed"]["recovered"] == true));
    assert_eq!(last["type"], "event");
    assert_ne!(last["id"], first["id"], "no double");
}

#[tokio::test]
async fn a_stopping_node_ends_every_stream_and_says_so() {
    let mut env = Environment::start().await;
    let http = &env.ready().http_url.clone();
    let mut source = event_source(http, "", &[], &[]);
    let stream = grpc(http, &json!({}), &[]);
    let socket = websocket(http, &json!({}), &[]);
    source.line().await.unwrap();
    // Streams of a node that is busy meanwhile: with something to say until the end.
    let mut relay = env.relay().await;
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Mined).await;
    let (mut stream, mut socket) = (stream, socket);
    stream.line().await.unwrap();
    socket.line().await.unwrap();

    env.wia.terminate();
    let status = env.wia.ended().await;
    assert_eq!(status.code(), Some(0), "{}", env.wia.output());
    source.lines_until(|line| line.get("lost").is_some()).await;
    let ended = stream.refused().await;
    assert_eq!(ended["error"]["code"], 14, "UNAVAILABLE: {ended}");
    let ended = socket.refused().await;
    assert!(ended["error"]["message"].as_str().unwrap().contains("1001"), "{ended}");
    // Everything that is gone is gone within the drain, not after its time-outs.
    wait_until("nobody to listen", Duration::from_secs(5), async || {
        tokio::net::TcpStream::connect(Url::parse(http).unwrap().socket_addrs(|| None).unwrap()[0])
            .await
            .err()
    })
    .await;
}
