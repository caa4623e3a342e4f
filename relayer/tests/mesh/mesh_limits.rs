//! Limits, each at its bound and one over it.

use std::num::NonZeroU32;

use serde_json::{Value, json};
use wia_relayer::mesh::{Client, MeshError, Rate};

use crate::raw::Raw;
use crate::support::{Node, PATIENCE, data, within};

#[tokio::test]
async fn connections_over_the_limit_are_closed() {
    let node = Node::start(|c| c.limits.inbound_connections = 1).await;
    let first = node.client().await;
    for address in [node.tcp(), node.quic()] {
        let error = Client::dial(address, PATIENCE).await.unwrap_err();
        assert!(matches!(error, MeshError::Dial { .. }), "{error}");
    }
    first.call("relay.info", Value::Null).await.unwrap().unwrap();
    drop(first);
    within(node.mesh.until(|health| health.peers == 0)).await.unwrap();
    node.client().await.call("relay.info", Value::Null).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_peer_that_asks_too_fast_is_told_when_to_come_back() {
    let node = Node::start(|c| c.limits.request_rate = Rate::new(1, 2)).await;
    let client = node.client().await;
    let ask = || client.call("relay.info", Value::Null);
    let (a, b, c) = tokio::join!(ask(), ask(), ask());
    let answers = [a.unwrap(), b.unwrap(), c.unwrap()];
    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 2, "{answers:?}");
    let error = answers.iter().find_map(|a| a.as_ref().err()).unwrap();
    assert_eq!((error.code, data(error, "code")), (-32000, &json!("RATE_LIMIT_EXCEEDED")));
    assert_eq!(data(error, "retryAfter"), &json!(1));

    let other = node.client().await;
    assert!(other.call("relay.info", Value::Null).await.unwrap().is_ok(), "another peer is not concerned");
}

#[tokio::test]
async fn waiting_requests_hold_up_nobody_else() {
    let node = Node::start(|c| c.limits.requests_per_peer = 2).await;
    let (client, other) = (node.client().await, node.client().await);
    let wait = || client.call("relay.status", Value::Null);
    let meanwhile = async {
        node.service.started(2).await;
        let refused = wait().await.unwrap().unwrap_err();
        assert_eq!((refused.code, data(&refused, "retryAfter")), (-32000, &json!(1)));
        assert!(other.call("relay.info", Value::Null).await.unwrap().is_ok());
        node.service.release(2);
    };
    let (a, b, ()) = within(async { tokio::join!(wait(), wait(), meanwhile) }).await;
    assert!(a.unwrap().is_ok() && b.unwrap().is_ok());
    assert!(client.call("relay.info", Value::Null).await.unwrap().is_ok(), "the places are free again");
}

#[tokio::test]
async fn all_requests_together_are_bounded_too() {
    let node = Node::start(|c| c.limits.requests_total = 1).await;
    let (client, other) = (node.client().await, node.client().await);
    let wait = client.call("relay.status", Value::Null);
    let meanwhile = async {
        node.service.started(1).await;
        let refused = other.call("relay.info", Value::Null).await.unwrap().unwrap_err();
        assert_eq!((refused.code, data(&refused, "field")), (-32000, &json!("server")));
        node.service.release(1);
    };
    let (waited, ()) = within(async { tokio::join!(wait, meanwhile) }).await;
    assert!(waited.unwrap().is_ok());
}

#[tokio::test]
async fn a_peer_that_leaves_frees_what_it_waited_for() {
    let node = Node::start(|c| c.limits.requests_total = 1).await;
    let (client, other) = (node.client().await, node.client().await);
    tokio::select! {
        answer = client.call("relay.status", Value::Null) => panic!("{answer:?}"),
        () = node.service.started(1) => {}
    }
    drop(client);
    within(node.mesh.until(|health| health.peers == 1)).await.unwrap();
    assert!(other.call("relay.info", Value::Null).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_peer_that_keeps_sending_malformed_requests_is_cut_off() {
    let node = Node::start(|c| c.limits.faults = NonZeroU32::MIN).await;
    let mut raw = Raw::dial(node.tcp(), false).await;
    raw.request(vec![0xff]).await.unwrap();
    // The second is one too many; whether its answer arrives before the end of the connection is open.
    let second = raw.request(vec![0xff]).await;
    if second.is_ok() {
        raw.cut_off().await;
    }
    within(node.mesh.until(|health| health.peers == 0)).await.unwrap();
    assert!(raw.request(vec![0xff]).await.is_err(), "and does not come back");
}
