//! A block leaves the chain: subscribers see the retraction before the replacement, the relayer brings the message
//! back, and it is executed once on the chain that remains.

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
    let first = confirmations.push("blockchain.transaction_confirmed").await;
    assert_eq!((&first["confirmations"], &first["status"]), (&json!(1), &json!("confirmed")));

    let depth = env.chain().head().await + 1 - mined.block.unwrap();
    env.chain().reorg(depth).await;

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
    let depths = confirmations_of_both(&mut confirmations, &first["blockHash"]).await;
    assert_eq!(depths.0.last(), Some(&0), "the lost block's last word: {depths:?}");
    assert_eq!(depths.1, (1..=12).collect::<Vec<_>>());

    relay.until(&[paid.id], State::Final).await;
    let status = relay.status(paid.id).await.unwrap();
    let steps: Vec<_> = status.history.iter().map(|step| step.status).collect();
    assert!(steps.contains(&State::Reorged), "{steps:?}");
    assert_eq!(json!(status.last.tx_hash), replaced);
    assert_eq!(env.chain().used_nonces(wallet.address()).await, [paid.message.nonce]);
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT);
}

/// The depths told of the lost block, and of the one that replaced it, up to the latter's twelfth.
async fn confirmations_of_both(socket: &mut Socket, lost_block: &Value) -> (Vec<u64>, Vec<u64>) {
    let (mut lost, mut kept) = (Vec::new(), Vec::new());
    while kept.last() != Some(&12) {
        let push = socket.push("blockchain.transaction_confirmed").await;
        let depth = push["confirmations"].as_u64().unwrap();
        if &push["blockHash"] == lost_block {
            assert!(kept.is_empty(), "the retraction comes before the replacement: {push:#}");
            assert_eq!(push["status"] == "reorged", depth == 0, "{push:#}");
            lost.push(depth);
        } else {
            kept.push(depth);
        }
    }
    (lost, kept)
}
