//! The lane's account: one data folder has one, and its nonces have no gaps.

use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::ext::AnvilApi;
use alloy::signers::local::PrivateKeySigner;
use wia_protocol::relay::State;
use wia_relayer::{Keys, LaneSigner, RelayerError, RpcChain, open};

use crate::support::{Anvil, CREDIT, Relay, config, lane_key, opened};

const PAYEE: Address = Address::repeat_byte(0xbb);

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_refused_while_the_folder_has_transactions() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let other = PrivateKeySigner::from_bytes(&B256::repeat_byte(0x78)).unwrap();
    let open_with = async |key: PrivateKeySigner| {
        let store = opened(folder.path()).await;
        let chain = Arc::new(RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap());
        open(&store, config(&anvil), chain, key).await.map(drop)
    };
    // Nothing was sent yet: any key will do.
    open_with(other.clone()).await.unwrap();
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let sent = steps.until(State::Submitted).await.tx_hash.unwrap();
    drop(steps);
    relay.stop().await;
    let refused = open_with(other.clone()).await.unwrap_err();
    let expected = (lane_key().address(), other.address());
    assert!(
        matches!(&refused, RelayerError::OtherLane { bound, given } if (*bound, given[0]) == expected),
        "{refused}"
    );
    let text = refused.to_string();
    assert!(text.contains(&expected.0.to_string()) && text.contains(&expected.1.to_string()), "{text}");
    // With its own key it goes on.
    let relay = Relay::start(&anvil, folder.path()).await;
    anvil.pooled(sent).await;
    relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_below_a_waiting_transaction_is_filled() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    anvil.provider.anvil_set_nonce(lane_key().address(), 2).await.unwrap();
    anvil.mine(1).await;
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let sent = steps.until(State::Submitted).await.tx_hash.unwrap();
    anvil.pooled(sent).await;
    // The chain forgets the two before it, as after a reorg that took them for good.
    anvil.provider.anvil_drop_transaction(sent).await.unwrap();
    anvil.provider.anvil_set_nonce(lane_key().address(), 0).await.unwrap();
    relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

fn lane(byte: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_bytes(&B256::repeat_byte(byte)).unwrap()
}

fn keys(lanes: &[PrivateKeySigner]) -> Keys {
    let lanes = lanes.iter().map(|key| Arc::new(key.clone()) as LaneSigner).collect();
    Keys { promises: lane_key(), lanes }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lanes_share_the_work_and_each_message_is_executed_once() {
    const MESSAGES: u64 = 60;
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let lanes = [lane(0x61), lane(0x62), lane(0x63)];
    for lane in &lanes {
        anvil.provider.anvil_set_balance(lane.address(), U256::from(100 * u128::from(CREDIT))).await.unwrap();
    }
    let mut config = config(&anvil);
    (config.batch_max_items, config.max_in_flight) = (5, 2);
    let relay = Relay::start_keyed(&anvil, folder.path(), config, keys(&lanes)).await;
    let alice = anvil.wallet(1, 100).await;
    let mut relay_ids = Vec::new();
    for nonce in 0..MESSAGES {
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        relay_ids.push(relay.submit(&transfer).await.unwrap().relay_id);
    }
    for relay_id in relay_ids {
        relay.mine_until(&anvil, relay_id, State::Mined).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(MESSAGES) * U256::from(CREDIT));
    for (lane, health) in lanes.iter().zip(relay.relayer.health().lanes) {
        assert_eq!(health.address, lane.address());
        assert!(health.nonce > Some(1), "every lane sends: {health:?}");
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_without_money_leaves_its_share_to_the_others() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let (poor, rich) = (lane(0x64), lane(0x65));
    anvil.provider.anvil_set_balance(rich.address(), U256::from(100 * u128::from(CREDIT))).await.unwrap();
    let relay = Relay::start_keyed(&anvil, folder.path(), config(&anvil), keys(&[poor, rich])).await;
    let alice = anvil.wallet(1, 10).await;
    for nonce in 0..3 {
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        let (_, mut steps) = relay.follow(&transfer).await;
        steps.mined(&anvil).await;
    }
    let health = relay.relayer.health();
    assert_eq!(health.lanes[0].nonce, Some(0));
    assert!(health.lanes[0].trouble.as_ref().unwrap().contains("fund it"), "{health:?}");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(3 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_lane_and_one_account_twice_are_refused() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    for lanes in [Vec::new(), vec![lane(0x61), lane(0x61)]] {
        let store = opened(folder.path()).await;
        let chain = Arc::new(RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap());
        let refused = open(&store, config(&anvil), chain, keys(&lanes)).await.map(drop).unwrap_err();
        assert!(matches!(&refused, RelayerError::Lanes { given } if given.len() == lanes.len()), "{refused}");
    }
}
