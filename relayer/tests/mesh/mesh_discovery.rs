//! Discovery: relayers of one chain find each other, and nobody else.

use wia_relayer::mesh::Client;

use crate::support::{CHAIN_ID, Node, PATIENCE, submission, within};

#[tokio::test]
async fn relayers_that_know_one_another_by_hearsay_connect() {
    let find = |c: &mut wia_relayer::mesh::Config| c.discovery.kademlia = true;
    let b = Node::start(find).await;
    let others = |c: &mut wia_relayer::mesh::Config| {
        find(c);
        c.bootstrap = vec![b.tcp()];
    };
    let (a, c, d) = tokio::join!(Node::start(others), Node::start(others), Node::start(others));
    for node in [&a, &b, &c, &d] {
        node.gossips_with(3).await;
    }
    // Without the one that all began with, they still reach each other.
    drop(b);
    within(a.mesh.until(|health| health.peers == 2)).await.unwrap();
    let wallet = a.client().await;
    wallet.publish(CHAIN_ID, &submission(1)).await.unwrap();
    assert_eq!((c.service.values(1).await, d.service.values(1).await), (vec![1], vec![1]));
}

#[tokio::test]
async fn relayers_of_other_chains_are_not_told_of() {
    let b = Node::start(|c| c.discovery.kademlia = true).await;
    let other = Node::start(|c| {
        c.discovery.kademlia = true;
        c.chain_id = CHAIN_ID + 1;
        c.bootstrap = vec![b.tcp()];
    })
    .await;
    let wallet = b.client().await;
    let a = Node::start(|c| {
        c.discovery.kademlia = true;
        c.bootstrap = vec![b.tcp()];
    })
    .await;
    a.gossips_with(1).await;
    let c = Node::start(|c| {
        c.discovery.kademlia = true;
        c.bootstrap = vec![b.tcp()];
    })
    .await;
    c.gossips_with(2).await;
    assert_eq!((a.mesh.peers(), c.mesh.peers(), other.mesh.peers()), (2, 2, 1));
    drop(wallet);
}

#[tokio::test]
async fn over_the_bound_of_memory_nobody_is_let_in() {
    let node = Node::start(|c| c.limits.memory_bytes = 1).await;
    for address in [node.tcp(), node.quic()] {
        Client::dial(address, PATIENCE).await.unwrap_err();
    }
    assert_eq!(node.mesh.peers(), 0);
}

#[tokio::test]
async fn mdns_opens_where_it_is_wanted() {
    let node = Node::start(|c| c.discovery.mdns = true).await;
    assert!(Client::dial(node.tcp(), PATIENCE).await.is_ok());
}
