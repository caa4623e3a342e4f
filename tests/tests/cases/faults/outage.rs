//! The RPC endpoint goes away and comes back while messages are queued: nothing is lost, nothing doubled.

use std::time::Duration;

use alloy::primitives::U256;
use wia_protocol::relay::State;
use wia_tests::{Environment, Settings, wait_until};

use crate::{MILLICREDIT, STRANGER, operations};

#[tokio::test]
async fn messages_accepted_before_and_during_an_outage_are_executed_once() {
    let env = Environment::with(Settings { gated: true, ..Settings::default() }).await;
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let messages: Vec<_> = (0..45).map(|_| wallet.pay(STRANGER, MILLICREDIT)).collect();
    let ids: Vec<_> = messages.iter().map(|m| m.id).collect();
    let mut relay = env.relay().await;

    let (well_before, rest) = messages.split_at(15);
    let (just_before, during) = rest.split_at(15);
    for message in well_before {
        relay.accepted(message).await;
    }
    relay.until(&ids[..15], State::Submitted).await;
    for message in just_before {
        relay.accepted(message).await;
    }
    env.gate().close();
    for message in during {
        relay.accepted(message).await;
    }
    wait_until("the node to say that it is not ready", Duration::from_secs(40), async || {
        (operations::get(&env, "/readyz").await.0 == 503).then_some(())
    })
    .await;
    assert_eq!(operations::get(&env, "/healthz").await.0, 200, "it lives on");
    env.gate().open();

    relay.until(&ids, State::Mined).await;
    env.chain().mine(12).await;
    relay.until(&ids, State::Final).await;
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    let mut sent: Vec<_> = messages.iter().map(|m| m.message.nonce).collect();
    sent.sort();
    assert_eq!(used, sent);
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT * U256::from(45));
    wait_until("the node to be ready again", Duration::from_secs(20), async || {
        (operations::get(&env, "/readyz").await.0 == 200).then_some(())
    })
    .await;
}
