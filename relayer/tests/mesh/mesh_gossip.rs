//! Gossip: what is passed on, what is not, and what is held against a peer.

use std::num::NonZeroU32;
use std::time::Duration;

use wia_protocol::{RpcError, cbor};
use wia_relayer::Origin;
use wia_relayer::mesh::{Client, MeshError};

use crate::counts::Counts;
use crate::raw::Raw;
use crate::support::{CHAIN_ID, HELD, Node, PATIENCE, Recorder, submission, within};

fn bytes(value: u64) -> Vec<u8> {
    cbor::encode(&submission(value).to_params()).unwrap()
}

/// A and C know B only.
async fn line(b: Recorder) -> [Node; 3] {
    let b = Node::with(b, |_| ()).await;
    let a = Node::start(|c| c.bootstrap = vec![b.tcp()]).await;
    let c = Node::start(|c| c.bootstrap = vec![b.quic()]).await;
    a.gossips_with(1).await;
    c.gossips_with(1).await;
    b.gossips_with(2).await;
    [a, b, c]
}

#[tokio::test]
async fn an_accepted_message_travels_through_the_one_between() {
    let [a, b, c] = line(Recorder::new()).await;
    let wallet = a.client().await;
    wallet.publish(CHAIN_ID, &submission(1)).await.unwrap();
    assert_eq!(c.service.values(1).await, [1]);
    assert_eq!(b.service.values(1).await, [1]);
    assert_eq!(a.service.values(1).await, [1]);
    assert_eq!(c.service.origins(), [Origin::Gossip(b.peer_id.to_string())]);
    assert_eq!((a.mesh.peers(), b.mesh.peers(), c.mesh.peers()), (2, 2, 1));
}

#[tokio::test]
async fn a_refused_message_stays_where_it_was_refused() {
    let [a, b, c] = line(Recorder::refusing(RpcError::invalid("nonce", "is used"))).await;
    let wallet = a.client().await;
    wallet.publish(CHAIN_ID, &submission(0)).await.unwrap();
    assert_eq!(b.service.values(1).await, [0]);
    wallet.publish(CHAIN_ID, &submission(1)).await.unwrap();
    assert_eq!(c.service.values(1).await, [1]);
}

#[tokio::test]
async fn a_message_seen_before_is_validated_once() {
    let node = Node::start(|_| ()).await;
    let (first, second) = (node.client().await, Client::dial(node.quic(), PATIENCE).await.unwrap());
    first.publish(CHAIN_ID, &submission(1)).await.unwrap();
    assert_eq!(node.service.values(1).await, [1]);
    first.publish(CHAIN_ID, &submission(1)).await.unwrap();
    second.publish(CHAIN_ID, &submission(1)).await.unwrap();
    second.publish(CHAIN_ID, &submission(2)).await.unwrap();
    assert_eq!(node.service.values(2).await, [1, 2]);
}

#[tokio::test]
async fn malformed_gossip_is_not_passed_on_and_ends_in_exclusion() {
    let counts = Counts::new();
    let _counting = counts.install();
    let node = Node::start(|c| c.limits.faults = NonZeroU32::new(2).unwrap()).await;
    let mut listener = Raw::dial(node.tcp(), true).await;
    tokio::select! {
        () = listener.run() => {}
        () = node.gossips_with(1) => {}
    }
    let mut sender = Raw::dial(node.quic(), false).await;
    let mut not_canonical = bytes(1);
    not_canonical.push(0);
    let heard = async {
        sender.publish(vec![0xff; 100]).await;
        sender.publish(not_canonical).await;
        sender.publish(bytes(1)).await;
        tokio::select! {
            () = sender.run() => unreachable!("it runs for ever"),
            heard = listener.hears() => heard,
        }
    };
    assert_eq!(heard.await, bytes(1), "the first that is passed on is the good one");
    assert_eq!(node.service.values(1).await, [1]);
    counts.until("wia_mesh_gossip_total", "rejected", 2).await;
    sender.publish(vec![0xfe; 100]).await;
    sender.cut_off().await;
}

#[tokio::test]
async fn a_wrong_signature_is_held_against_the_peer_and_what_the_chain_decides_is_not() {
    for (error, cut_off) in [
        (RpcError::invalid("signature", "is of another key"), true),
        (RpcError::invalid("signature", "a wallet refuses it now").with("dependsOnChain", true), false),
        (RpcError::invalid("nonce", "is used"), false),
    ] {
        let service = Recorder::refusing(error);
        let node = Node::with(service, |c| c.limits.faults = NonZeroU32::MIN).await;
        let mut sender = Raw::dial(node.tcp(), false).await;
        let refused = |nonce: u8| {
            let mut params = submission(0).to_params();
            params["message"]["nonce"] = format!("0x{:064x}", nonce).into();
            cbor::encode(&params).unwrap()
        };
        sender.publish(refused(1)).await;
        sender.publish(refused(2)).await;
        if cut_off {
            sender.cut_off().await;
        } else {
            sender.publish(bytes(1)).await;
            tokio::select! {
                () = sender.run() => {}
                values = node.service.values(3) => assert_eq!(values.iter().sum::<u64>(), 1),
            }
            assert_eq!(node.mesh.peers(), 1);
        }
    }
}

#[tokio::test]
async fn over_the_bound_of_validations_messages_are_ignored() {
    let counts = Counts::new();
    let _counting = counts.install();
    let node = Node::start(|c| c.gossip.validations = 1).await;
    let mut sender = Raw::dial(node.tcp(), false).await;
    sender.publish(bytes(HELD)).await;
    tokio::select! {
        () = sender.run() => {}
        values = node.service.values(1) => assert_eq!(values, [HELD]),
    }
    sender.publish(bytes(1)).await;
    tokio::select! {
        () = sender.run() => {}
        () = counts.until("wia_mesh_gossip_total", "shed", 1) => node.service.release(1),
    }
    counts.until("wia_mesh_gossip_total", "accepted", 1).await;
    sender.publish(bytes(2)).await;
    tokio::select! {
        () = sender.run() => {}
        values = node.service.values(2) => assert_eq!(values, [HELD, 2]),
    }
}

#[tokio::test]
async fn a_topic_that_nobody_takes_is_said_so() {
    let node = Node::start(|_| ()).await;
    let client = Client::dial(node.tcp(), Duration::from_secs(3)).await.unwrap();
    let error = client.publish(CHAIN_ID + 1, &submission(1)).await.unwrap_err();
    assert!(matches!(error, MeshError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_bootstrap_relayer_that_comes_back_is_found_again() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address: wia_relayer::mesh::Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
    let a = Node::start(|c| {
        c.bootstrap = vec![address.clone()];
        c.redial_ms = 10;
    })
    .await;
    let b = Node::start(|c| c.listen = vec![address.clone()]).await;
    a.gossips_with(1).await;
    assert_eq!(b.mesh.peers(), 1);
    drop(b);
    within(a.mesh.until(|health| health.peers == 0)).await.unwrap();
    let b = Node::start(|c| c.listen = vec![address.clone()]).await;
    a.gossips_with(1).await;
    assert_eq!(b.mesh.peers(), 1);
}
