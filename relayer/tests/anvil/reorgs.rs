//! Rivals and reorgs: the chain's bitmap is the judge, and the relayer says what it judged.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::anvil::ReorgOptions;
use alloy::signers::local::PrivateKeySigner;
use wia_protocol::relay::State;

use crate::support::{Anvil, CREDIT, Relay, Steps, config, direct, states};

const PAYEE: Address = Address::repeat_byte(0xbb);

async fn reorg(anvil: &Anvil, depth: u64) {
    anvil.provider.anvil_reorg(ReorgOptions { depth, tx_block_pairs: Vec::new() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_a_rival_executed_first_is_mined_with_his_transaction() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let ours = steps.until(State::Submitted).await.tx_hash.unwrap();
    anvil.pooled(ours).await;
    // The rival's transaction goes into the block alone; ours comes behind it.
    anvil.provider.anvil_drop_transaction(ours).await.unwrap();
    let rival = anvil.provider.get_accounts().await.unwrap()[5];
    let theirs = anvil.send(rival, anvil.contract, direct(&transfer)).await;
    // Ours is sent again two blocks later, because nobody has seen it since.
    let mined = relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_eq!(mined.last.tx_hash, Some(theirs));
    let last = relay.mine_until(&anvil, relay_id, State::Final).await;
    assert_eq!(last.last.tx_hash, Some(theirs));
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_rival_leaves_the_chain_comes_back_and_is_executed() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    // Handed in while the rival's is in the pool, and simulated once that is mined.
    let mut config = config(&anvil);
    config.max_in_flight = 1;
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let first = anvil.transfer(&alice, PAYEE, 1, 1).await;
    let (_, mut ahead) = relay.follow(&first).await;
    anvil.pooled(ahead.until(State::Submitted).await.tx_hash.unwrap()).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let rival = anvil.provider.get_accounts().await.unwrap()[5];
    let theirs = anvil.send(rival, anvil.contract, direct(&transfer)).await;
    anvil.mine_with(theirs).await;
    assert_eq!(steps.until(State::Mined).await.tx_hash, Some(theirs));
    // A stop and a start forget nothing of it.
    drop((ahead, steps));
    relay.stop().await;
    let relay = Relay::start(&anvil, folder.path()).await;
    reorg(&anvil, 1).await;
    let mut steps = relay.steps(relay_id);
    steps.until(State::Reorged).await;
    drop(steps);
    let mined = relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_ne!(mined.last.tx_hash, Some(theirs), "ours this time");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(2 * CREDIT));
    relay.stop().await;
}

async fn mined(anvil: &Anvil, relay: &Relay, alice: &PrivateKeySigner) -> (B256, Steps) {
    let transfer = anvil.transfer(alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    steps.mined(anvil).await;
    (relay_id, steps)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_reorg_it_is_executed_once() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    anvil.mine(3).await;
    let (relay_id, mut steps) = mined(&anvil, &relay, &alice).await;
    reorg(&anvil, 2).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::ZERO, "the reorg took the transfer out");
    steps.until(State::Reorged).await;
    steps.until(State::Submitted).await;
    relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    assert_eq!(anvil.balance(alice.address()).await, U256::from(9 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reorg_deeper_than_final_is_undone_too() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let (relay_id, mut steps) = mined(&anvil, &relay, &alice).await;
    anvil.mine(13).await;
    steps.until(State::Final).await;
    reorg(&anvil, 14).await;
    steps.until(State::Reorged).await;
    steps.until(State::Submitted).await;
    let status = relay.mine_until(&anvil, relay_id, State::Final).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    // Blocks that come this fast may see the fees raised before the pool has the transaction: submitted once more.
    let mut seen = states(&status);
    seen.dedup();
    assert_eq!(
        seen,
        [
            State::Accepted,
            State::Claimed,
            State::Submitted,
            State::Mined,
            State::Final,
            State::Reorged,
            State::Submitted,
            State::Mined,
            State::Final
        ]
    );
    relay.stop().await;
}
