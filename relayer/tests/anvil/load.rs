//! Many messages: few transactions, each message once.

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::signers::local::PrivateKeySigner;
use futures::StreamExt;
use wia_abi::authorization::TransferWithAuthorization;
use wia_protocol::relay::{State, Submission};

use crate::support::{Anvil, CREDIT, Relay};

const PAYEE: Address = Address::repeat_byte(0xbb);
const MESSAGES: u64 = 300;

/// One credit each, with dense nonces, from the wallets in turn.
async fn transfers(anvil: &Anvil, wallets: &[PrivateKeySigner], messages: u64) -> Vec<Submission> {
    let deadline = U256::from(anvil.now().await + 3_600);
    let transfer = |(nonce, wallet): (u64, &PrivateKeySigner)| {
        let message = TransferWithAuthorization {
            from: wallet.address(),
            to: PAYEE,
            value: U256::from(CREDIT),
            validAfter: U256::ZERO,
            validBefore: deadline,
            nonce: U256::from(nonce).into(),
        };
        anvil.signed(wallet, message)
    };
    (0..messages).zip(wallets.iter().cycle()).map(transfer).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_messages_in_a_few_batches() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let mut wallets = Vec::new();
    for seed in 0..3 {
        wallets.push(anvil.wallet(seed, 1_000).await);
    }
    let submissions = transfers(&anvil, &wallets, MESSAGES).await;
    let relay_ids: Vec<_> = futures::stream::iter(&submissions)
        .map(|s| async { relay.submit(s).await.unwrap().relay_id })
        .buffered(32)
        .collect()
        .await;
    for relay_id in relay_ids {
        relay.mine_until(&anvil, relay_id, State::Mined).await;
    }
    let transactions = anvil.provider.get_transaction_count(relay.lane.address()).await.unwrap();
    assert!(transactions < MESSAGES / 3, "{transactions} transactions");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(MESSAGES) * U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_every_message_is_executed_once() {
    const ROUNDS: usize = 8;
    const PER_ROUND: usize = 10;
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let wallets = [anvil.wallet(1, 1_000).await];
    let all = u64::try_from(ROUNDS * PER_ROUND).unwrap();
    let submissions = transfers(&anvil, &wallets, all).await;
    let mut relay_ids = Vec::new();
    for (round, some) in (0_u64..).zip(submissions.chunks(PER_ROUND)) {
        let relay = Relay::start(&anvil, folder.path()).await;
        for submission in some {
            relay_ids.push(relay.submit(submission).await.unwrap().relay_id);
        }
        // Killed wherever the lane is by now; every other time a block comes first.
        anvil.mine(round % 2).await;
        relay.kill().await;
    }
    let relay = Relay::start(&anvil, folder.path()).await;
    for relay_id in relay_ids {
        relay.mine_until(&anvil, relay_id, State::Mined).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(all) * U256::from(CREDIT));
    relay.stop().await;
}
