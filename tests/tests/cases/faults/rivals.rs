//! Two relayers that know nothing of each other are handed the same messages: the chain executes each once, the loser
//! pays for an item that was passed over, and both say which of them they are.

use std::collections::BTreeSet;

use alloy::primitives::U256;
use wia_protocol::relay::{State, Update};
use wia_tests::{Environment, Relay, Signed, Wia};

use crate::{MILLICREDIT, STRANGER};

const MESSAGES: usize = 10;
/// Gas that an item costs which somebody else has executed (measured: 7,814).
const SKIPPED_GAS: u64 = 9_000;
/// Gas of a batch without any items.
const EMPTY_BATCH_GAS: u64 = 40_000;

#[tokio::test]
async fn two_relayers_with_the_same_messages_execute_them_once_and_lose_the_gas_of_a_skip() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("lane.key");
    std::fs::write(&key, &env.ready().accounts[9].private_key).unwrap();
    let mut second = Wia::command(&["node", "--config"]);
    second.arg(env.data().join("wia.toml")).arg("--data-dir").arg(folder.path().join("data"));
    let second = Wia::start(
        {
            second.env("WIA_RELAYER__KEY_FILE", &key);
            second
        },
        folder.path(),
    )
    .await;

    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let messages: Vec<_> = (0..MESSAGES).map(|_| wallet.pay(STRANGER, MILLICREDIT)).collect();
    let ids: Vec<_> = messages.iter().map(|m| m.id).collect();
    env.chain().hold().await;
    let mut relays = [Relay::to(&env.ready().relay_url).await, Relay::to(&second.ready.relay_url).await];
    // Both have signed and sent before there is a block: neither can see the other's in a simulation.
    for relay in &mut relays {
        for message in &messages {
            relay.accepted(message).await;
        }
        relay.until(&ids, State::Submitted).await;
    }
    env.chain().resume().await;

    let mut losers = BTreeSet::new();
    for message in &messages {
        let [first, second] = &mut relays;
        let ends = [end(first, message).await, end(second, message).await];
        let executed: Vec<_> = ends.iter().filter(|end| end.reason.is_none()).collect();
        let [winner] = executed[..] else { panic!("one of them executed it: {ends:#?}") };
        let loser = ends.iter().find(|end| end.reason.is_some()).unwrap();
        assert_eq!(winner.status, State::Mined, "{winner:?}");
        assert_eq!(
            (loser.status, loser.reason.as_deref()),
            (State::Skipped, Some("AuthorizationAlreadyUsed")),
            "{loser:?}"
        );
        losers.extend(loser.tx_hash);
    }
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    assert_eq!(used, messages.iter().map(|m| m.message.nonce).collect::<Vec<_>>());
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT * U256::from(MESSAGES));
    let skipped = env.chain().skipped().await;
    assert_eq!(skipped.len(), MESSAGES, "each message was passed over once, not more often");
    assert_eq!(skipped.iter().collect::<BTreeSet<_>>(), ids.iter().collect());
    let mut lost = 0;
    for transaction in &losers {
        lost += env.chain().gas_used(*transaction).await.saturating_sub(EMPTY_BATCH_GAS);
    }
    assert!(lost <= SKIPPED_GAS * MESSAGES as u64, "{lost} gas for {MESSAGES} items in {losers:?}");
}

/// The step at which the relayer knows what became of it.
async fn end(relay: &mut Relay, message: &Signed) -> Update {
    wia_tests::wait_until("the message to end", std::time::Duration::from_secs(40), async || {
        let status = relay.status(message.id).await.unwrap();
        let ends = [State::Mined, State::Skipped, State::Rejected, State::Expired];
        status.history.into_iter().find(|step| ends.contains(&step.status))
    })
    .await
}
