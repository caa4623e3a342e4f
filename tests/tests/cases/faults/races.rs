//! The chain does not wait for the relayer: others execute, cancel, outbid, use its account, drop its transactions.
//! What was accepted is executed once all the same, or ends with a reason that anyone can check.

use alloy::primitives::{B256, Bytes, U256};
use alloy::sol;
use wia_abi::CarbonCredit;
use wia_protocol::relay::{State, Update};
use wia_tests::{Environment, Relay, Signed, Wallet};

use crate::{MILLICREDIT, STRANGER};

sol! {
    struct CancelAuthorization {
        address authorizer;
        bytes32 nonce;
    }
}

#[tokio::test]
async fn a_message_that_someone_else_executes_first_is_executed_once() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    let before = env.chain().balance(wallet.address()).await;
    env.chain().hold().await;
    let [contested, other] = [(); 2].map(|()| wallet.pay(STRANGER, MILLICREDIT));
    for message in [&contested, &other] {
        relay.accepted(message).await;
    }
    relay.until(&[contested.id, other.id], State::Submitted).await;
    let m = &contested.message;
    let call = CarbonCredit::transferWithAuthorization_0Call {
        from: m.from,
        to: m.to,
        value: m.value,
        validAfter: m.validAfter,
        validBefore: m.validBefore,
        nonce: m.nonce,
        signature: wallet.sign_digest(contested.id),
    };
    env.chain().send(env.wallet(2).address(), call).await;
    env.chain().resume().await;

    let mined = relay.until(&[other.id, contested.id], State::Mined).await;
    let again = relay.submit(&contested).await.unwrap();
    assert_eq!(again.relay_id, contested.id, "handed in again, it is known");
    let (ours, theirs) = (mined[&other.id].tx_hash, mined[&contested.id].tx_hash);
    assert!(ours.is_some() && theirs.is_some() && ours != theirs, "{ours:?} {theirs:?}");
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    assert_eq!(used, [contested.message.nonce, other.message.nonce]);
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT * U256::from(2));
}

#[tokio::test]
async fn a_message_that_its_signer_cancels_is_skipped_with_the_contracts_reason() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    let before = env.chain().balance(wallet.address()).await;
    env.chain().hold().await;
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Submitted).await;
    let cancel = CancelAuthorization { authorizer: wallet.address(), nonce: paid.message.nonce };
    let signature: Bytes = wallet.sign_digest(wallet.domain().digest(&cancel));
    let call = CarbonCredit::cancelAuthorization_1Call {
        authorizer: cancel.authorizer,
        nonce: cancel.nonce,
        signature,
    };
    env.chain().send(env.wallet(2).address(), call).await;
    env.chain().resume().await;
    let skipped = relay.until(&[paid.id], State::Skipped).await;
    assert_eq!(skipped[&paid.id].reason.as_deref(), Some("AuthorizationAlreadyUsed"));
    assert!(skipped[&paid.id].block.is_some() && skipped[&paid.id].tx_hash.is_some());
    assert_eq!(env.chain().balance(wallet.address()).await, before);
}

#[tokio::test]
async fn a_second_user_of_the_relayers_account_takes_a_nonce_and_stops_nothing() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    env.chain().hold().await;
    let first = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&first).await;
    let sent = relay.until(&[first.id], State::Submitted).await[&first.id].clone();
    // The stranger's transaction takes the nonce of the relayer's, which it throws out of the pool.
    env.chain().drop_transaction(sent.tx_hash.unwrap()).await;
    let call = CarbonCredit::transferCall { to: STRANGER, value: U256::ZERO };
    env.chain().send(env.ready().accounts[0].address, call).await;
    env.chain().resume().await;
    let second = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&second).await;
    executed_once(&env, &mut relay, &wallet, &[first, second]).await;
}

#[tokio::test]
async fn a_dropped_transaction_is_sent_again() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    env.chain().hold().await;
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;
    let sent = relay.until(&[paid.id], State::Submitted).await[&paid.id].clone();
    env.chain().drop_transaction(sent.tx_hash.unwrap()).await;
    env.chain().resume().await;
    executed_once(&env, &mut relay, &wallet, &[paid]).await;
}

#[tokio::test]
async fn a_transaction_that_has_become_too_cheap_is_replaced() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    env.chain().hold().await;
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;
    let sent = relay.until(&[paid.id], State::Submitted).await[&paid.id].clone();
    let dear = 40_000_000_000;
    env.chain().set_base_fee(dear).await;
    env.chain().resume().await;
    let mined = executed_once(&env, &mut relay, &wallet, &[paid]).await;
    assert_ne!(mined[0].tx_hash, sent.tx_hash, "the cheap one could not be mined");
}

#[tokio::test]
async fn a_hole_that_another_user_of_the_account_left_in_its_nonces_is_filled() {
    let env = Environment::start().await;
    let (wallet, mut relay) = (env.wallet(1), env.relay().await);
    // A stranger's transaction, then ours on the nonce behind it; a reorg takes both, and only ours comes back.
    let call = CarbonCredit::transferCall { to: STRANGER, value: U256::ZERO };
    env.chain().send(env.ready().accounts[0].address, call).await;
    env.chain().mine(1).await;
    let strangers = env.chain().head().await;
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Mined).await;
    env.chain().reorg_from(strangers).await;
    relay.until(&[paid.id], State::Reorged).await;
    executed_once(&env, &mut relay, &wallet, &[paid]).await;
}

/// Each message is mined, once; the steps at which they were.
async fn executed_once(
    env: &Environment,
    relay: &mut Relay,
    wallet: &Wallet,
    messages: &[Signed],
) -> Vec<Update> {
    let ids: Vec<B256> = messages.iter().map(|m| m.id).collect();
    let mined = relay.until(&ids, State::Mined).await;
    env.chain().mine(12).await;
    relay.until(&ids, State::Final).await;
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    let nonces: Vec<_> = messages.iter().map(|m| m.message.nonce).collect();
    assert_eq!(used, nonces);
    ids.iter().map(|id| mined[id].clone()).collect()
}
