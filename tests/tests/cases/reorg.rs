//! A block leaves the chain: subscribers see the retraction before the replacement, the relayer brings the message
//! back, and it is executed once on the chain that remains.

use alloy::primitives::U256;
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Environment, Socket};

use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn a_reorged_transfer_is_taken_back_and_executed_again_once() {
    let env = Environment::start().await;
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let mut balances = env.stream().await;
    balances.call("subscribe", json!({"channel": "wallet.balance"})).await.unwrap();
    let mut confirmations = env.stream().await;
    confirmations.call("subscribe", json!({"channel": "blockchain.confirmations"})).await.unwrap();

    let paid = wallet.pay(STRANGER, MILLICREDIT);
    let mut relay = env.relay().await;
    relay.accepted(&paid).await;
    let mined = relay.until(&[paid.id], State::Mined).await[&paid.id].clone();
    let executed = balances.push("wallet.balance_changed").await;
    env.chain().reorg_from(mined.block.unwrap()).await;

    let retraction = balances.push("wallet.balance_changed").await;
    assert_eq!(retraction["eventId"], executed["eventId"], "the retraction names what it takes back");
    assert_eq!(retraction["reason"], "reorg");
    assert_eq!(
        (&retraction["previousBalanceWei"], &retraction["newBalanceWei"]),
        (&executed["newBalanceWei"], &executed["previousBalanceWei"])
    );
    let replacement = balances.push("wallet.balance_changed").await;
    assert_ne!(replacement["eventId"], executed["eventId"], "another block, another event");
    for field in ["address", "previousBalanceWei", "newBalanceWei", "changeWei", "reason"] {
        assert_eq!(replacement[field], executed[field], "{field}");
    }

    let replaced = replacement["transactionHash"].clone();
    env.chain().mine(12).await;
    let (lost, kept) = confirmations_of_both(&mut confirmations, &executed, &replacement).await;
    let retracted = (1..lost.len() as u64).chain([0]);
    assert_eq!(lost, retracted.collect::<Vec<_>>(), "told, and taken back");
    assert_eq!(kept, (1..=12).collect::<Vec<_>>());

    relay.until(&[paid.id], State::Final).await;
    let status = relay.status(paid.id).await.unwrap();
    let steps: Vec<_> = status.history.iter().map(|step| step.status).collect();
    assert!(steps.contains(&State::Reorged), "{steps:?}");
    assert_eq!(json!(status.last.tx_hash), replaced);
    assert_eq!(env.chain().used_nonces(wallet.address()).await, [paid.message.nonce]);
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT);
}

#[tokio::test]
async fn what_was_final_and_left_the_chain_all_the_same_is_taken_back_and_executed_again() {
    let mut env = Environment::start().await;
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let mut stream = env.stream().await;
    stream.call("subscribe", json!({"channel": "wallet.balance"})).await.unwrap();
    let mut relay = env.relay().await;
    let messages = [(); 3].map(|()| wallet.pay(STRANGER, MILLICREDIT));
    let ids = messages.each_ref().map(|m| m.id);
    for message in &messages {
        relay.accepted(message).await;
        relay.until(&[message.id], State::Mined).await;
    }
    env.chain().mine(20).await;
    let ended = relay.until(&ids, State::Final).await;
    let mut executed = Vec::new();
    for _ in &messages {
        executed.push(stream.push("wallet.balance_changed").await);
    }

    // The node is away while it happens, and its subscriber has a cursor from the chain that is gone.
    env.wia.kill();
    env.chain().reorg_from(ended[&ids[0]].block.unwrap()).await;
    env.restart().await;

    let mut stream = env.stream().await;
    let cursor = &executed[2]["cursor"];
    stream.call("subscribe", json!({"channel": "wallet.balance", "cursor": cursor})).await.unwrap();
    for lost in executed.iter().rev() {
        let retraction = stream.push("wallet.balance_changed").await;
        assert_eq!((&retraction["reason"], &retraction["eventId"]), (&json!("reorg"), &lost["eventId"]));
    }
    let mut balance = executed[0]["previousBalanceWei"].clone();
    for _ in &messages {
        let again = stream.push("wallet.balance_changed").await;
        assert_eq!((&again["reason"], &again["previousBalanceWei"]), (&json!("transfer_sent"), &balance));
        balance = again["newBalanceWei"].clone();
    }
    assert_eq!(balance, executed[2]["newBalanceWei"]);
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    assert_eq!(used, messages.map(|m| m.message.nonce));
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT * U256::from(3));
}

#[tokio::test]
async fn a_chain_that_is_merely_cut_back_is_believed_too() {
    let env = Environment::start().await;
    let wallet = env.wallet(1);
    let mut stream = env.stream().await;
    stream.call("subscribe", json!({"channel": "wallet.balance"})).await.unwrap();
    let mut relay = env.relay().await;
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;
    let mined = relay.until(&[paid.id], State::Mined).await[&paid.id].clone();
    let executed = stream.push("wallet.balance_changed").await;
    env.chain().cut_from(mined.block.unwrap()).await;

    let retraction = stream.push("wallet.balance_changed").await;
    assert_eq!((&retraction["reason"], &retraction["eventId"]), (&json!("reorg"), &executed["eventId"]));
    env.chain().resume().await;
    let again = stream.push("wallet.balance_changed").await;
    assert_eq!(again["newBalanceWei"], executed["newBalanceWei"]);
    assert_eq!(env.chain().used_nonces(wallet.address()).await, [paid.message.nonce]);
}

/// The depths told of the lost block and of the one that replaced it, up to the latter's twelfth.
async fn confirmations_of_both(
    socket: &mut Socket,
    executed: &Value,
    replacement: &Value,
) -> (Vec<u64>, Vec<u64>) {
    let (mut lost, mut kept) = (Vec::new(), Vec::new());
    while kept.last() != Some(&12) {
        let push = socket.push("blockchain.transaction_confirmed").await;
        let depth = push["confirmations"].as_u64().unwrap();
        assert_eq!(push["status"] == "reorged", depth == 0, "{push:#}");
        let is_of = |event: &Value| {
            push["transactionHash"] == event["transactionHash"] && block_of(event) == push["blockHash"]
        };
        // The mints of the development accounts are confirmed meanwhile, too.
        if is_of(executed) {
            assert!(kept.is_empty(), "the retraction comes before the replacement: {push:#}");
            lost.push(depth);
        } else if is_of(replacement) {
            kept.push(depth);
        }
    }
    (lost, kept)
}

/// The block's hash in an event id, `chainId:blockHash:logIndex`.
fn block_of(event: &Value) -> &str {
    event["eventId"].as_str().unwrap().split(':').nth(1).unwrap()
}
