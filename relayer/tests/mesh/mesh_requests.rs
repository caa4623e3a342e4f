//! Requests and answers: both transports, every kind of refusal, and what happens around them.

use libp2p::multiaddr::Protocol;
use serde_json::{Value, json};
use wia_protocol::{RpcError, cbor};
use wia_relayer::mesh::{Client, MeshError, PeerId};

use crate::raw::Raw;
use crate::support::{Node, PATIENCE, data, within};

#[tokio::test]
async fn a_wallet_asks_over_tcp_and_over_quic() {
    let node = Node::start(|_| ()).await;
    let addresses = node.mesh.addresses();
    assert!(addresses[0].contains("/tcp/") && addresses[1].contains("/quic-v1"), "{addresses:?}");
    let suffix = format!("/p2p/{}", node.peer_id);
    assert!(addresses.iter().all(|a| a.ends_with(&suffix)), "{addresses:?}");

    for address in [node.tcp(), node.quic()] {
        let mut nameless = address.clone();
        nameless.pop();
        for address in [address, nameless] {
            let client = Client::dial(address.clone(), PATIENCE).await.unwrap();
            assert_eq!(client.peer_id(), node.peer_id);
            let answer = client.call("relay.info", json!({"a": 1})).await.unwrap().unwrap();
            assert_eq!(answer["params"], json!({"a": 1}), "{address}");
            assert!(answer["origin"].as_str().unwrap().starts_with("Peer("), "{answer}");
            let refused = client.call("test.refuse", Value::Null).await.unwrap().unwrap_err();
            assert_eq!(refused, RpcError::invalid("nonce", "is used").with("block", 7));
        }
    }
}

#[tokio::test]
async fn another_peer_than_the_address_names_is_refused() {
    let node = Node::start(|_| ()).await;
    for mut address in [node.tcp(), node.quic()] {
        let other = PeerId::random();
        address.pop();
        address.push(Protocol::P2p(other));
        match Client::dial(address, PATIENCE).await.unwrap_err() {
            MeshError::WrongPeer { expected, found, .. } => {
                assert_eq!((*expected, *found), (other, node.peer_id));
            }
            error => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn nobody_there_is_said_so() {
    let address = {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    };
    let error = Client::dial(address, PATIENCE).await.unwrap_err();
    assert!(matches!(error, MeshError::Dial { .. }), "{error}");
}

#[tokio::test]
async fn what_is_no_call_is_answered_with_its_error() {
    let node = Node::start(|_| ()).await;
    for address in [node.tcp(), node.quic()] {
        let mut raw = Raw::dial(address, false).await;
        let unknown = cbor::encode(&json!({"method": "relay.fly", "params": {}})).unwrap();
        let extra = cbor::encode(&json!({"method": "relay.info", "id": 1})).unwrap();
        for (what, bytes, code, field) in [
            ("not canonical", b"\xa2\x66params\xf6\x66method\x6arelay.info".to_vec(), -32700, "message"),
            ("not CBOR", vec![0xff; 9], -32700, "message"),
            ("empty", vec![], -32700, "message"),
            ("oversize by one byte", vec![0; 64 * 1024 + 1], -32600, "message"),
            ("oversize by far", vec![0; 120 * 1024], -32600, "message"),
            ("an unknown member", extra, -32600, "id"),
            ("an unknown method", unknown, -32601, "method"),
        ] {
            let answer = cbor::decode(&raw.request(bytes).await.expect(what)).unwrap();
            let error: RpcError = serde_json::from_value(answer["error"].clone()).unwrap();
            assert_eq!((error.code, data(&error, "field")), (code, &json!(field)), "{what}");
        }
        let call = cbor::encode(&json!({"method": "relay.info", "params": {}})).unwrap();
        let answer = cbor::decode(&raw.request(call).await.unwrap()).unwrap();
        assert!(answer["result"].is_object(), "the connection goes on: {answer}");
    }
}

#[tokio::test]
async fn a_request_above_the_limit_never_leaves_the_wallet() {
    let node = Node::start(|_| ()).await;
    let client = node.client().await;
    let error = client.call("relay.submit", json!("x".repeat(64 * 1024))).await.unwrap_err();
    assert!(matches!(error, MeshError::TooLarge { limit: 65_536, .. }), "{error}");
}

#[tokio::test]
async fn a_service_that_fails_is_an_internal_error_and_nothing_stops() {
    let node = Node::start(|_| ()).await;
    let client = node.client().await;
    for method in ["test.panic", "test.fraction"] {
        assert_eq!(client.call(method, Value::Null).await.unwrap(), Err(RpcError::internal()));
    }
    assert!(client.call("relay.info", Value::Null).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_lost_connection_is_made_again_at_the_next_call() {
    let node = Node::start(|c| c.idle_timeout_ms = 50).await;
    let client = node.client().await;
    for _ in 0..2 {
        client.call("relay.info", Value::Null).await.unwrap().unwrap();
        within(node.mesh.until(|health| health.peers == 0)).await.unwrap();
    }
}

#[tokio::test]
async fn stopping_finishes_submissions_and_gives_up_reading() {
    let mut node = Node::start(|_| ()).await;
    let client = node.client().await;
    let submit = client.call("relay.submit", Value::Null);
    let read = client.call("relay.status", Value::Null);
    let stopping = async {
        node.service.started(2).await;
        node.stop.cancel();
        node.service.release(1);
    };
    let (submitted, read, ()) = within(async { tokio::join!(submit, read, stopping) }).await;
    assert_eq!(submitted.unwrap().unwrap(), json!("waited"));
    assert!(matches!(read, Err(MeshError::Request(_))), "{read:?}");
    within(&mut node.running).await.unwrap();
    assert!(matches!(node.mesh.until(|h| h.peers > 9).await, Err(MeshError::Stopped)));
}
