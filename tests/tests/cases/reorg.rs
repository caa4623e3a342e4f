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
