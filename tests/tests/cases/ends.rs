//! Messages that are accepted and cannot be executed: each ends with a reason that its signer can check.

use alloy::primitives::U256;
use serde_json::json;
use wia_abi::authorization::recover;
use wia_abi::receipt::{RelayReceipt, RelayRefusal, domain};
use wia_protocol::relay::State;
use wia_tests::{Environment, Settings};

use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn receipts_are_signed_by_the_relayer_that_info_names() {
    let env = Environment::shared().await;
    let mut relay = env.relay().await;
    let info = relay.socket.call("relay.info", json!({})).await.unwrap();
    let head = env.chain().head().await;
    let paid = env.wallet(9).pay(STRANGER, MILLICREDIT);
    let receipt = relay.accepted(&paid).await.receipt;
    assert_eq!(receipt.relayer.to_string(), info["relayer"]);
    assert!(receipt.include_by_block > head);
    let promise = RelayReceipt {
        relayId: paid.id,
        relayer: receipt.relayer,
        receivedAt: receipt.received_at.0,
        includeByBlock: receipt.include_by_block,
    };
    let digest = domain(env.ready().chain_id).digest(&promise);
    assert_eq!(recover(digest, &receipt.signature), Some(receipt.relayer));
}

#[tokio::test]
async fn more_than_the_signer_has_ends_in_a_signed_refusal_and_leaves_the_nonce_free() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    let balance = env.chain().balance(wallet.address()).await;
    let too_much = wallet.pay(STRANGER, balance + U256::ONE);
    relay.accepted(&too_much).await;
    let rejected = relay.until(&[too_much.id], State::Rejected).await[&too_much.id].clone();
    let refusal = rejected.refusal.expect("a refusal");
    assert!(refusal.reason.contains("ERC20InsufficientBalance"), "{refusal:?}");
    assert!(refusal.block <= env.chain().head().await, "{refusal:?}");
    let signed = RelayRefusal {
        relayId: too_much.id,
        relayer: refusal.relayer,
        refusedAt: refusal.refused_at.0,
        blockNumber: refusal.block,
        reason: refusal.reason.clone(),
    };
    let digest = domain(env.ready().chain_id).digest(&signed);
    assert_eq!(recover(digest, &refusal.signature), Some(refusal.relayer));

    let mut affordable = too_much.message;
    affordable.value = MILLICREDIT;
    let affordable = wallet.sign(affordable);
    relay.accepted(&affordable).await;
    relay.until(&[affordable.id], State::Mined).await;
}

#[tokio::test]
async fn of_two_that_together_exceed_the_balance_the_first_is_executed() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    let balance = env.chain().balance(wallet.address()).await;
    let [first, second] = [(); 2].map(|()| wallet.pay(STRANGER, balance));
    relay.accepted(&first).await;
    relay.accepted(&second).await;
    relay.until(&[first.id], State::Mined).await;
    let status = loop {
        let status = relay.status(second.id).await.unwrap().last;
        if matches!(status.status, State::Rejected | State::Skipped) {
            break status;
        }
        relay
            .socket
            .call("relay.status", json!({"relayId": second.id, "after": status.sequence, "waitMs": 8_000}))
            .await
            .unwrap();
    };
    assert!(status.reason.unwrap().contains("ERC20InsufficientBalance"));
    assert_eq!(env.chain().balance(wallet.address()).await, U256::ZERO);
    assert_eq!(env.chain().used_nonces(wallet.address()).await, [first.message.nonce]);
}

#[tokio::test]
async fn what_expires_while_the_chain_is_away_ends_as_expired_and_is_never_executed() {
    let env = Environment::with(Settings { gated: true, ..Settings::default() }).await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    let mut message = wallet.transfer(STRANGER, MILLICREDIT);
    message.validBefore = U256::from(env.chain().time_s().await + 600);
    let paid = wallet.sign(message);
    env.gate().close();
    relay.accepted(&paid).await;
    env.chain().skip_time(601).await;
    env.chain().mine(1).await;
    env.gate().open();
    let expired = relay.until(&[paid.id], State::Expired).await;
    assert!(expired[&paid.id].reason.is_some());
    let again = relay.submit(&paid).await.unwrap_err();
    assert_eq!(again.data.as_ref().unwrap()["field"], "validBefore", "{again}");
    assert!(env.chain().used_nonces(wallet.address()).await.is_empty());
}
