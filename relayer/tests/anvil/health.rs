//! What the operator is told, and when.

use alloy::primitives::{Address, U256};
use alloy::providers::ext::AnvilApi;
use wia_protocol::relay::State;
use wia_relayer::{Condition, Health};

use crate::support::{Anvil, CREDIT, Relay, config, within};

const PAYEE: Address = Address::repeat_byte(0xbb);

async fn healthy(relay: &Relay, what: &str, condition: impl Fn(&Health) -> bool) -> Health {
    within(what, async {
        loop {
            let health = relay.relayer.health();
            if condition(&health) {
                return health;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_that_runs_low_still_works_and_an_empty_one_does_not() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut config = config(&anvil);
    config.low_balance_wei = u128::from(CREDIT);
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let set_balance = async |wei: u64| {
        anvil.provider.anvil_set_balance(relay.lane.address(), U256::from(wei)).await.unwrap();
        anvil.mine(1).await;
    };
    healthy(&relay, "ready", |h| h.condition == Condition::Ready && h.warning.is_none()).await;
    set_balance(CREDIT / 2).await;
    healthy(&relay, "a warning", |h| h.condition == Condition::Ready && h.warning.is_some()).await;
    set_balance(1).await;
    healthy(&relay, "degraded", |h| matches!(h.condition, Condition::Degraded { .. })).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_promise_and_a_stuck_lane_are_told() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut config = config(&anvil);
    (config.include_within_blocks, config.fastest_block_ms) = (2, 60_000);
    (config.stuck_after_blocks, config.max_fee_per_gas) = (8, 5_000_000_000);
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    anvil.pooled(steps.until(State::Submitted).await.tx_hash.unwrap()).await;
    // The base fee jumps over what the lane may offer, and comes down slowly.
    anvil.provider.anvil_set_next_block_base_fee_per_gas(500_000_000_000).await.unwrap();
    anvil.mine(4).await;
    let says = |health: &Health, words: &str| matches!(&health.condition, Condition::Degraded { reason } if reason.contains(words));
    let health = healthy(&relay, "overdue", |h| says(h, "overdue")).await;
    assert_eq!(health.overdue_promises, 1);
    anvil.mine(8).await;
    healthy(&relay, "stuck", |h| says(h, "is in no block since")).await;
    relay.mine_until(&anvil, relay_id, State::Mined).await;
    healthy(&relay, "ready", |h| h.condition == Condition::Ready && h.overdue_promises == 0).await;
    relay.stop().await;
}
