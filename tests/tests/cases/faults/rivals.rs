//! Two relayers that know nothing of each other are handed the same messages: the chain executes each once, the loser
//! pays for items that were passed over, and both say which transaction executed what.

use std::collections::BTreeSet;

use alloy::primitives::U256;
use wia_protocol::relay::State;
use wia_tests::{Environment, Relay, Wia};

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
    second.env("WIA_RELAYER__KEY_FILE", &key);
    let second = Wia::start(second, folder.path()).await;

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

    let [first, second] = &mut relays;
    let told = (first.until(&ids, State::Mined).await, second.until(&ids, State::Mined).await);
    for id in &ids {
        let (first, second) = (&told.0[id], &told.1[id]);
        assert_eq!(
            (first.tx_hash, first.block),
            (second.tx_hash, second.block),
            "both name the one transaction"
        );
    }
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    assert_eq!(used, messages.iter().map(|m| m.message.nonce).collect::<Vec<_>>());
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT * U256::from(MESSAGES));
    let skipped = env.chain().skipped().await;
    assert_eq!(skipped.len(), MESSAGES, "each message was passed over once, not more often");
    assert_eq!(skipped.iter().map(|(id, _)| *id).collect::<BTreeSet<_>>(), ids.iter().copied().collect());
    let losers: BTreeSet<_> = skipped.into_iter().map(|(_, transaction)| transaction).collect();
    let mut lost = 0;
    for transaction in &losers {
        lost += env.chain().gas_used(*transaction).await.saturating_sub(EMPTY_BATCH_GAS);
    }
    println!("{lost} gas lost for {MESSAGES} items in {} transactions", losers.len());
    assert!(lost <= SKIPPED_GAS * MESSAGES as u64, "{lost} gas for {MESSAGES} items in {losers:?}");
}
