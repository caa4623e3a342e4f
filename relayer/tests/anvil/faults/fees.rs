//! A base fee that doubles with every block, beyond what the operator allows, and comes back: messages wait meanwhile, no
//! version of any transaction offers more than the cap, and each message is executed once.

use alloy::consensus::Transaction;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use wia_protocol::relay::State;
use wia_relayer::Config;

use crate::support::{Anvil, CREDIT, Relay, config, states, within};

const PAYEE: Address = Address::repeat_byte(0xbb);
const GWEI: u128 = 1_000_000_000;
const CAP: u128 = 100 * GWEI;
/// From 1 gwei to 1,024: beyond the cap since the seventh.
const DOUBLINGS: u32 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_base_fee_that_doubles_beyond_the_cap_and_comes_back_delays_messages() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 100).await;
    let config =
        Config { max_fee_per_gas: CAP, replace_after_blocks: 1, retry_interval_ms: 50, ..config(&anvil) };
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let mut relay_ids = Vec::new();
    let prices = (0..=DOUBLINGS).chain((0..DOUBLINGS).rev()).map(|doublings| GWEI << doublings);
    for (nonce, price) in (0_u64..).zip(prices) {
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        relay_ids.push(relay.submit(&transfer).await.unwrap().relay_id);
        anvil.provider.anvil_set_next_block_base_fee_per_gas(price).await.unwrap();
        anvil.mine(1).await;
        let head = anvil.provider.get_block_number().await.unwrap();
        within("the relayer has seen the block", async {
            while relay.relayer.health().head.is_none_or(|seen| seen < head) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    for relay_id in &relay_ids {
        let status = relay.mine_until(&anvil, *relay_id, State::Final).await;
        let failed = [State::Rejected, State::Expired, State::Skipped];
        assert!(!states(&status).iter().any(|state| failed.contains(state)), "{:?}", states(&status));
        let mined = status.history.iter().rfind(|update| update.status == State::Mined).unwrap();
        offers_no_more_than_the_cap(&anvil, mined.tx_hash.unwrap()).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(relay_ids.len()) * U256::from(CREDIT));
    relay.stop().await;
}

async fn offers_no_more_than_the_cap(anvil: &Anvil, transaction: B256) {
    let mined = anvil.provider.get_transaction_by_hash(transaction).await.unwrap().unwrap();
    assert!(mined.max_fee_per_gas() <= CAP, "{} wei per gas", mined.max_fee_per_gas());
}
