//! Reorgs of every depth from 1 to 64 around the block of a message, in an order that a seed decides: whatever leaves the
//! chain comes back, and in the end each message was executed once.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::Filter;
use alloy::rpc::types::anvil::ReorgOptions;
use alloy::sol_types::SolEvent;
use wia_abi::CarbonCredit::AuthorizationUsed;
use wia_protocol::relay::State;

use crate::support::{Anvil, CREDIT, Relay};

const PAYEE: Address = Address::repeat_byte(0xbb);
const DEEPEST: u64 = 64;
/// Unless `WIA_TEST_SEED` says otherwise.
const SEED: u64 = 20_251_131;
/// Of the 64 depths, unless `WIA_TEST_REORGS` says otherwise.
const REORGS: usize = 10;
/// Then another chain: anvil 1.7.1 forgets the state below a reorg that comes some 900 blocks after the start, and has none
/// of the contracts afterwards.
const REORGS_OF_A_CHAIN: usize = 16;

/// A xorshift generator: the same seed, the same reorgs.
fn below(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % bound
}

#[tokio::test(flavor = "multi_thread")]
async fn after_reorgs_of_many_depths_each_message_was_executed_once() {
    let seed = std::env::var("WIA_TEST_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    let reorgs = std::env::var("WIA_TEST_REORGS").map_or(REORGS, |reorgs| reorgs.parse().unwrap());
    println!("to see this again: WIA_TEST_SEED={seed} WIA_TEST_REORGS={reorgs}");
    let mut state = seed | 1;
    let mut depths: Vec<u64> = (1..=DEEPEST).collect();
    for at in (1..depths.len()).rev() {
        depths.swap(at, usize::try_from(below(&mut state, at as u64 + 1)).unwrap());
    }
    depths.truncate(reorgs);
    for depths in depths.chunks(REORGS_OF_A_CHAIN) {
        on_one_chain(&mut state, depths).await;
    }
}

async fn on_one_chain(state: &mut u64, depths: &[u64]) {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 1_000).await;
    // No reorg reaches the deployment.
    anvil.mine(DEEPEST + 2).await;

    let mut relay_ids = Vec::new();
    for (nonce, depth) in (0_u64..).zip(depths.iter().copied()) {
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        let (relay_id, mut steps) = relay.follow(&transfer).await;
        steps.mined(&anvil).await;
        relay_ids.push(relay_id);
        let before = anvil.balance(PAYEE).await;
        // So many blocks above the message's: its own leaves the chain, or the reorg ends just above it.
        let above = below(state, depth + 2);
        anvil.mine(above).await;
        let options = ReorgOptions { depth, tx_block_pairs: Vec::new() };
        anvil.provider.anvil_reorg(options).await.unwrap();
        if above < depth {
            assert!(anvil.balance(PAYEE).await < before, "depth {depth} took it out");
            steps.until(State::Reorged).await;
            steps.until(State::Submitted).await;
        }
        // Final in the end, all of them: a deep one takes earlier messages out, too.
        for relay_id in &relay_ids {
            relay.mine_until(&anvil, *relay_id, State::Final).await;
        }
    }
    let filter = Filter::new().address(anvil.contract).from_block(0);
    let filter = filter.event_signature(AuthorizationUsed::SIGNATURE_HASH);
    assert_eq!(anvil.provider.get_logs(&filter).await.unwrap().len(), depths.len(), "each once");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(depths.len()) * U256::from(CREDIT));
    relay.stop().await;
}
