//! Wallets that answer the simulation and not the block, and batches that revert as a whole: they cost honest
//! messages neither their execution nor their attempts.

use std::sync::Arc;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, bytes};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use alloy::sol_types::SolCall;
use wia_abi::CarbonCredit;
use wia_abi::authorization::TransferWithAuthorization;
use wia_protocol::relay::{State, Submission};
use wia_relayer::{RpcChain, open};

use crate::support::{Anvil, CREDIT, Relay, config, lane_key, opened, origin, states};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// Answers the ERC-1271 magic.
const ACCEPTS: Bytes =
    bytes!("7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3");
/// Answers it where gas is free; elsewhere burns all that it gets.
const ACCEPTS_FREE_CALLS: Bytes = bytes!(
    "3a15600657fe5b7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3"
);
/// Answers it while its balance is zero; then burns all that it gets.
const ACCEPTS_WHILE_POOR: Bytes =
    bytes!("47602d577f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f35bfe");

fn wallet(number: u8) -> Address {
    Address::with_last_byte(number).create(u64::from(number))
}

/// One credit from a contract wallet that holds some; whatever was signed, its code decides.
async fn from_wallet(anvil: &Anvil, number: u8, code: Bytes) -> Submission {
    let owner = anvil.wallet(1, 0).await;
    anvil.provider.anvil_set_code(wallet(number), code).await.unwrap();
    anvil.mint(wallet(number), 5).await;
    let message = TransferWithAuthorization {
        from: wallet(number),
        to: PAYEE,
        value: U256::from(CREDIT),
        validAfter: U256::ZERO,
        validBefore: U256::from(anvil.now().await + 3_600),
        nonce: B256::repeat_byte(number),
    };
    anvil.signed(&owner, message)
}

/// Accepted by an engine that never runs, so that all of it is in the first batches of the next one.
async fn waiting(anvil: &Anvil, folder: &std::path::Path, submissions: &[Submission]) -> Vec<B256> {
    let store = opened(folder).await;
    let chain = Arc::new(RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap());
    let (_engine, relayer) = open(&store, config(anvil), chain, lane_key()).await.unwrap();
    let mut relay_ids = Vec::new();
    for submission in submissions {
        relay_ids.push(relayer.submit(submission.clone(), &origin()).await.unwrap().relay_id);
    }
    relay_ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_answers_only_free_calls_never_reaches_a_block() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(7, 10).await;
    let mut all = Vec::new();
    for number in 1..4 {
        all.push(from_wallet(&anvil, number, ACCEPTS_FREE_CALLS).await);
        all.push(anvil.transfer(&alice, PAYEE, 1, u64::from(number)).await);
    }
    let relay_ids = waiting(&anvil, folder.path(), &all).await;
    let relay = Relay::start(&anvil, folder.path()).await;
    for (at, relay_id) in relay_ids.into_iter().enumerate() {
        let end = if at % 2 == 0 { State::Rejected } else { State::Final };
        relay.mine_until(&anvil, relay_id, end).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(3 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wallets_that_burn_their_allowance_in_the_block_stop_nobody() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(7, 10).await;
    let (mut griefers, mut honest) = (Vec::new(), Vec::new());
    for number in 1..9 {
        griefers.push(from_wallet(&anvil, number, ACCEPTS_WHILE_POOR).await);
        honest.push(anvil.transfer(&alice, PAYEE, 1, u64::from(number)).await);
    }
    honest.push(from_wallet(&anvil, 100, ACCEPTS).await);
    let bad = waiting(&anvil, folder.path(), &griefers).await;
    let good = waiting(&anvil, folder.path(), &honest).await;
    let relay = Relay::start(&anvil, folder.path()).await;
    // Every one is in the pool before the wallets change their minds.
    for relay_id in bad.iter().chain(&good) {
        anvil.pooled(relay.steps(*relay_id).until(State::Submitted).await.tx_hash.unwrap()).await;
    }
    for number in 1..9 {
        anvil.provider.anvil_set_balance(wallet(number), U256::from(1)).await.unwrap();
    }
    for relay_id in good {
        let status = relay.mine_until(&anvil, relay_id, State::Final).await;
        let expected = [State::Accepted, State::Claimed, State::Submitted, State::Mined, State::Final];
        assert_eq!(states(&status), expected, "nothing was tried twice");
    }
    for relay_id in bad {
        let status = relay.mine_until(&anvil, relay_id, State::Skipped).await;
        assert_eq!(status.last.reason.as_deref(), Some("InvalidAuthorizationSignature"));
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(9 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_reverts_is_tried_in_halves_and_counts_against_nobody() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(7, 10).await;
    let mut all = Vec::new();
    for nonce in 0..4 {
        all.push(anvil.transfer(&alice, PAYEE, 1, nonce).await);
    }
    let relay_ids = waiting(&anvil, folder.path(), &all).await;
    let mut config = config(&anvil);
    config.max_attempts = 1;
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let mut steps = relay.steps(relay_ids[0]);
    anvil.pooled(steps.until(State::Submitted).await.tx_hash.unwrap()).await;
    // In one block: the admin pauses, the batch reverts, the admin unpauses.
    let admin = anvil.provider.get_accounts().await.unwrap()[0];
    // Anvil orders a block by the most that each offers.
    for (input, most) in [
        (CarbonCredit::pauseCall {}.abi_encode(), 90_000_000_000),
        (CarbonCredit::unpauseCall {}.abi_encode(), 1_000_000_000),
    ] {
        let request = TransactionRequest::default()
            .with_from(admin)
            .with_to(anvil.contract)
            .with_input(input)
            .with_gas_limit(100_000)
            .with_max_fee_per_gas(most)
            .with_max_priority_fee_per_gas(0);
        let _ = anvil.provider.send_transaction(request).await.unwrap();
    }
    anvil.mine(1).await;
    steps.until(State::Accepted).await;
    for relay_id in &relay_ids {
        let status = relay.mine_until(&anvil, *relay_id, State::Final).await;
        let again = status.history.iter().filter(|u| u.status == State::Submitted).count();
        assert_eq!(again, 2, "{:?}", states(&status));
    }
    let transactions = anvil.provider.get_transaction_count(relay.lane.address()).await.unwrap();
    assert_eq!(transactions, 3, "the batch, and its two halves");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(4 * CREDIT));
    relay.stop().await;
}
