//! `kill -9` at the worst moments: what was accepted is executed exactly once and ends as final.

use std::collections::BTreeSet;

use alloy::primitives::{B256, U256};
use serde_json::json;
use wia_protocol::relay::State;
use wia_tests::{Environment, Incoming, Signed, Socket};

use crate::{MILLICREDIT, STRANGER};

const MESSAGES: usize = 120;
const ACKNOWLEDGED_BEFORE_THE_KILL: usize = 60;

#[tokio::test]
async fn killed_while_messages_stream_in_it_executes_what_it_acknowledged() {
    let mut env = Environment::start().await;
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let messages: Vec<_> = (0..MESSAGES).map(|_| wallet.pay(STRANGER, MILLICREDIT)).collect();

    let mut socket = Socket::to(&env.ready().relay_url).await;
    for (id, message) in messages.iter().enumerate() {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "relay.submit", "params": message.params});
        socket.send(call.to_string()).await;
    }
    let mut acknowledged = BTreeSet::new();
    while acknowledged.len() < ACKNOWLEDGED_BEFORE_THE_KILL {
        match socket.receive().await {
            Incoming::Json(reply) => {
                let id: B256 = serde_json::from_value(reply["result"]["relayId"].clone()).expect("a result");
                acknowledged.insert(id);
            }
            Incoming::Closed(code) => panic!("closed with {code}"),
        }
    }
    env.kill_and_restart().await;
    every_acknowledged_one_once(&env, &messages, &acknowledged, before).await;
}

#[tokio::test]
async fn killed_at_every_stage_of_a_batch_it_goes_on_where_it_was() {
    let mut env = Environment::start().await;
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let mut messages = Vec::new();
    for stage in [State::Accepted, State::Submitted, State::Mined] {
        let batch: Vec<_> = (0..50).map(|_| wallet.pay(STRANGER, MILLICREDIT)).collect();
        let mut relay = env.relay().await;
        for message in &batch {
            relay.accepted(message).await;
        }
        let ids: Vec<_> = batch.iter().map(|m| m.id).collect();
        relay.until(&ids, stage).await;
        messages.extend(batch);
        env.kill_and_restart().await;
    }
    let acknowledged = messages.iter().map(|m| m.id).collect();
    every_acknowledged_one_once(&env, &messages, &acknowledged, before).await;
}

/// `messages` all pay a millicredit from one wallet, whose balance was `before`.
async fn every_acknowledged_one_once(
    env: &Environment,
    messages: &[Signed],
    acknowledged: &BTreeSet<B256>,
    before: U256,
) {
    let mut relay = env.relay().await;
    // What was not acknowledged may be there or not; if it is, it is held to the same.
    let mut known = Vec::new();
    for message in messages {
        match relay.status(message.id).await {
            Ok(_) => known.push(message),
            Err(refusal) => {
                assert_eq!(refusal.code, -32003, "{refusal}");
                assert!(!acknowledged.contains(&message.id), "{} was accepted and is lost", message.id);
            }
        }
    }
    let ids: Vec<_> = known.iter().map(|m| m.id).collect();
    relay.until(&ids, State::Mined).await;
    env.chain().mine(12).await;
    relay.until(&ids, State::Final).await;

    let signer = messages[0].message.from;
    let mut used = env.chain().used_nonces(signer).await;
    used.sort();
    let mut expected: Vec<_> = known.iter().map(|m| m.message.nonce).collect();
    expected.sort();
    assert_eq!(used, expected, "each known message exactly once");
    let moved = MILLICREDIT * U256::from(known.len());
    assert_eq!(env.chain().balance(signer).await, before - moved);
    for id in ids {
        assert_eq!(relay.status(id).await.unwrap().last.status, State::Final);
    }
}
