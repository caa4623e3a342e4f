//! The lane's account: one data folder has one, and its nonces have no gaps.

use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::ext::AnvilApi;
use alloy::signers::local::PrivateKeySigner;
use wia_protocol::relay::State;
use wia_relayer::{RelayerError, RpcChain, open};

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
        matches!(refused, RelayerError::OtherLane { bound, given } if (bound, given) == expected),
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
