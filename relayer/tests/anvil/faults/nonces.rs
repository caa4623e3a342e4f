//! The lane's nonce when broadcasts fail: it stands on what is durable and what the chain says, so nothing runs ahead
//! and nothing needs a restart.

use alloy::consensus::Transaction;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use wia_protocol::relay::State;
use wia_relayer::Config;

use super::endpoint::{Endpoint, Fault};
use crate::support::{Anvil, CREDIT, Relay, config};

const PAYEE: Address = Address::repeat_byte(0xbb);

#[tokio::test(flavor = "multi_thread")]
async fn after_failed_broadcasts_the_counter_is_where_the_chain_is() {
    const FAILED: u64 = 3;
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 10).await;
    let endpoint = Endpoint::before(&anvil).await;
    let config = Config { retry_interval_ms: 50, look_interval_ms: 100, ..config(&anvil) };
    let relay = Relay::start_on(&anvil, folder.path(), config, endpoint.chain().await).await;
    endpoint.set("eth_sendRawTransaction", Fault::Error(-32000, "server overloaded"));
    let mut relay_ids = Vec::new();
    for nonce in 0..FAILED {
        let met = endpoint.met();
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        let (relay_id, mut steps) = relay.follow(&transfer).await;
        steps.until(State::Submitted).await;
        endpoint.met_since(met).await;
        relay_ids.push(relay_id);
    }
    assert_eq!(anvil.provider.get_transaction_count(relay.lane.address()).await.unwrap(), 0);
    endpoint.heal();
    let last = anvil.transfer(&alice, PAYEE, 1, FAILED).await;
    relay_ids.push(relay.submit(&last).await.unwrap().relay_id);
    for relay_id in &relay_ids {
        relay.mine_until(&anvil, *relay_id, State::Final).await;
    }
    // Whatever comes next goes under the chain's own next nonce: nothing ran ahead, and no restart was needed.
    let on_chain = anvil.provider.get_transaction_count(relay.lane.address()).await.unwrap();
    assert!(on_chain <= FAILED + 1, "{on_chain} nonces for {} messages", FAILED + 1);
    let next = anvil.transfer(&alice, PAYEE, 1, FAILED + 1).await;
    let (_, mut steps) = relay.follow(&next).await;
    let mined = steps.mined(&anvil).await.tx_hash.unwrap();
    let mined = anvil.provider.get_transaction_by_hash(mined).await.unwrap().unwrap();
    assert_eq!(mined.nonce(), on_chain);
    assert_eq!(anvil.balance(PAYEE).await, U256::from((FAILED + 2) * CREDIT));
    relay.stop().await;
}
