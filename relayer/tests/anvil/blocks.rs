//! Blocks that are smaller than the relayer's batches, from the start or all of a sudden.

use std::sync::Arc;

use alloy::primitives::{Address, B256, U256};
use alloy::providers::ext::AnvilApi;
use wia_protocol::relay::{State, Submission};
use wia_relayer::{RpcChain, open};

use crate::support::{Anvil, CREDIT, Relay, config, lane_key, opened, origin};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// Messages of one wallet, accepted by an engine that never runs: they wait together for the next one.
async fn waiting(anvil: &Anvil, folder: &std::path::Path, messages: u64) -> Vec<B256> {
    let alice = anvil.wallet(1, messages).await;
    let transfers = futures::future::join_all((0..messages).map(|n| anvil.transfer(&alice, PAYEE, 1, n)));
    let transfers: Vec<Submission> = transfers.await;
    let store = opened(folder).await;
    let chain = Arc::new(RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap());
    let (_engine, relayer) = open(&store, config(anvil), chain, lane_key()).await.unwrap();
    let mut relay_ids = Vec::new();
    for transfer in transfers {
        relay_ids.push(relayer.submit(transfer, &origin()).await.unwrap().relay_id);
    }
    relay_ids
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_messages_through_small_blocks() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay_ids = waiting(&anvil, folder.path(), 300).await;
    assert!(anvil.provider.anvil_set_block_gas_limit(4_500_000).await.unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    for relay_id in relay_ids {
        relay.mine_until(&anvil, relay_id, State::Final).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(300) * U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_fits_no_block_any_more_gives_its_messages_back() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay_ids = waiting(&anvil, folder.path(), 100).await;
    let relay = Relay::start(&anvil, folder.path()).await;
    let sent = relay.steps(relay_ids[0]).until(State::Submitted).await.tx_hash.unwrap();
    anvil.pooled(sent).await;
    anvil.provider.anvil_drop_transaction(sent).await.unwrap();
    let shrunk = anvil.provider.anvil_set_block_gas_limit(3_000_000).await;
    assert!(shrunk.unwrap());
    for relay_id in relay_ids {
        relay.mine_until(&anvil, relay_id, State::Final).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(100) * U256::from(CREDIT));
    relay.stop().await;
}
