//! Claims: what relayers say of themselves reaches the others, and only what is worth it is passed on.

use std::num::NonZeroU32;

use wia_protocol::cbor;
use wia_protocol::relay::Claim;
use wia_relayer::Outgoing;

use crate::counts::Counts;
use crate::raw::Raw;
use crate::support::{Node, Recorder, claim, submission, within};

/// A and C know B only, and all share their work.
async fn line() -> [Node; 3] {
    let b = Node::start(|_| ()).await;
    let a = Node::start(|c| c.bootstrap = vec![b.tcp()]).await;
    let c = Node::start(|c| c.bootstrap = vec![b.quic()]).await;
    for (node, peers) in [(&a, 1), (&c, 1), (&b, 2)] {
        node.gossips_with(peers).await;
        node.shares_with(peers).await;
    }
    [a, b, c]
}

#[tokio::test]
async fn what_a_relayer_says_reaches_all() {
    let [a, b, c] = line().await;
    a.service.say(Outgoing::Claim(claim(7, Claim::MAX_IDS))).await;
    a.service.say(Outgoing::Submission(Box::new(submission(3)))).await;
    for node in [&b, &c] {
        assert_eq!(node.service.claims(1).await, [7]);
        assert_eq!(node.service.values(1).await, [3]);
    }
    b.service.say(Outgoing::Claim(claim(8, 0))).await;
    assert_eq!(a.service.claims(1).await, [8], "and it does not hear itself");
}

#[tokio::test]
async fn old_news_goes_no_further() {
    let [a, b, c] = line().await;
    a.service.say(Outgoing::Claim(claim(1, 1))).await;
    assert_eq!(b.service.claims(1).await, [1]);
    a.service.say(Outgoing::Claim(claim(2, 1))).await;
    assert_eq!(c.service.claims(1).await, [2]);
}

#[tokio::test]
async fn forged_and_malformed_claims_are_held_against_the_peer_and_old_ones_are_not() {
    let counts = Counts::new();
    let _counting = counts.install();
    let node = Node::start(|c| c.limits.faults = NonZeroU32::new(3).unwrap()).await;
    let mut sender = Raw::dial(node.tcp(), false).await;
    let bytes = |claim: Claim| cbor::encode(&claim.to_params()).unwrap();
    let mut not_canonical = bytes(claim(9, 1));
    not_canonical.push(0);
    for data in [bytes(claim(1, 1)), bytes(claim(1, 2)), bytes(claim(1, 3)), bytes(claim(1, 4))] {
        sender.claim(data).await;
    }
    for data in [not_canonical, vec![0xff; 9], bytes(claim(0, 0)), bytes(claim(5, 0))] {
        sender.claim(data).await;
    }
    tokio::select! {
        () = sender.run() => {}
        () = counts.until("wia_mesh_claims_total", "accepted", 1) => {}
    }
    counts.until("wia_mesh_claims_total", "ignored", 4).await;
    counts.until("wia_mesh_claims_total", "rejected", 3).await;
    assert_eq!(node.service.claims(6).await, [1, 1, 1, 1, 0, 5]);
    sender.claim(bytes(claim(0, 1))).await;
    sender.cut_off().await;
}

#[tokio::test]
async fn who_is_alone_takes_no_claims() {
    let alone = Node::with(Recorder::alone(), |_| ()).await;
    let other = Node::start(|c| c.bootstrap = vec![alone.tcp()]).await;
    other.gossips_with(1).await;
    other.service.say(Outgoing::Claim(claim(7, 1))).await;
    other.service.say(Outgoing::Submission(Box::new(submission(1)))).await;
    assert_eq!(alone.service.values(1).await, [1]);
    assert_eq!(within(other.mesh.until(|h| h.peers == 1)).await.unwrap().claim_peers, 0);
}
