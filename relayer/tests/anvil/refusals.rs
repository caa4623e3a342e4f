//! What is refused at the door names its field; what the simulation fails ends in a refusal that anyone can check.

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, bytes};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::TransactionRequest;
use wia_abi::authorization::{TransferWithAuthorization, recover};
use wia_abi::receipt::{self, RelayRefusal};
use wia_protocol::relay::{State, Submission};

use crate::support::{Anvil, CREDIT, Relay, config, direct, field, message, states};

const PAYEE: Address = Address::repeat_byte(0xbb);

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_names_its_field_and_leaves_nothing_behind() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let (alice, mallory) = (anvil.wallet(1, 10).await, anvil.wallet(2, 0).await);
    let good = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let now = anvil.now().await.max(unix_now());
    let changed = |change: &dyn Fn(&mut TransferWithAuthorization)| {
        let mut message = message(&good);
        change(&mut message);
        anvil.signed(&alice, message)
    };
    let cases: Vec<(&str, Submission)> = vec![
        ("chainId", Submission { chain_id: 1, ..good.clone() }),
        ("contract", Submission { contract: "CarbonDebit".into(), ..good.clone() }),
        ("contract", Submission { contract: PAYEE.to_string(), ..good.clone() }),
        ("validBefore", changed(&|m| m.validBefore = U256::from(now - 1))),
        ("validBefore", changed(&|m| m.validBefore = U256::from(now + 8 * 24 * 3_600))),
        ("validBefore", changed(&|m| m.validAfter = m.validBefore)),
        ("validAfter", changed(&|m| m.validAfter = U256::from(now + 600))),
        ("to", changed(&|m| m.to = Address::ZERO)),
        ("signature", anvil.signed(&mallory, message(&good))),
        ("signature", Submission { signature: Bytes::from_static(&[1; 65]), ..good.clone() }),
        ("signature", Submission { signature: Bytes::new(), ..good.clone() }),
        ("signature", Submission { signature: vec![1; 5_000].into(), ..good.clone() }),
    ];
    for (expected, submission) in cases {
        let error = relay.submit(&submission).await.unwrap_err();
        assert_eq!((error.code, field(&error)), (-32602, expected), "{error}");
    }
    let health = relay.relayer.health();
    assert_eq!((health.live_items, health.queue_depth), (0, 0));
    relay.stop().await;
}

fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn quotas_are_refused_with_the_time_to_come_back() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut config = config(&anvil);
    (config.origin_burst, config.origin_per_second) = (3, 1);
    config.max_live_items_per_signer = 1;
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let alice = anvil.wallet(1, 10).await;
    let first = anvil.transfer(&alice, PAYEE, 1, 0).await;
    relay.submit(&first).await.unwrap();
    let second = anvil.transfer(&alice, PAYEE, 1, 1).await;
    let full = relay.submit(&second).await.unwrap_err();
    assert_eq!((full.code, field(&full)), (-32000, "from"));
    relay.submit(&first).await.unwrap();
    let often = relay.submit(&first).await.unwrap_err();
    assert_eq!((often.code, field(&often)), (-32000, "origin"));
    let data = often.data.unwrap();
    assert_eq!((&data["code"], data["retryAfter"].as_u64()), (&"RATE_LIMIT_EXCEEDED".into(), Some(1)));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_balance_ends_in_a_refusal_that_anyone_can_check() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 2).await;
    let transfer = anvil.transfer(&alice, PAYEE, 3, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let rejected = steps.until(State::Rejected).await;
    let refusal = rejected.refusal.unwrap();
    assert!(refusal.reason.starts_with("ERC20InsufficientBalance"), "{}", refusal.reason);
    let signed = RelayRefusal {
        relayId: relay_id,
        relayer: refusal.relayer,
        refusedAt: refusal.refused_at.0,
        blockNumber: refusal.block,
        reason: refusal.reason.clone(),
    };
    let digest = receipt::domain(anvil.deployment.chain_id).digest(&signed);
    assert_eq!(recover(digest, &refusal.signature), Some(relay.lane.address()));
    // The same call on the same block fails for everyone.
    let call = TransactionRequest::default().with_to(anvil.contract).with_input(direct(&transfer));
    let failed = anvil.provider.call(call).block(BlockId::number(refusal.block)).await.unwrap_err();
    let data = failed.as_error_resp().unwrap().as_revert_data().unwrap();
    assert_eq!(wia_abi::contracts::describe_revert(&data), refusal.reason);

    // With money it is verified anew, and goes through with a new receipt.
    anvil.mint(alice.address(), 1).await;
    assert_eq!(relay.submit(&transfer).await.unwrap().status, State::Accepted);
    steps.mined(&anvil).await;
    let status = relay.status(relay_id).await;
    assert_eq!(
        states(&status),
        [State::Accepted, State::Rejected, State::Accepted, State::Claimed, State::Submitted, State::Mined]
    );
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_message_costs_the_others_nothing() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 10).await;
    let poor = anvil.wallet(2, 0).await;
    let relay = Relay::start(&anvil, folder.path()).await;
    let good = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let bad = anvil.transfer(&poor, PAYEE, 1, 0).await;
    let ((_, mut good), (_, mut bad)) = tokio::join!(relay.follow(&good), relay.follow(&bad));
    // The bad one may meet the other in flight: then it is judged again once that is decided.
    good.mined(&anvil).await;
    bad.until(State::Rejected).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_spends_what_another_brings_waits_for_it() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let (alice, bob) = (anvil.wallet(1, 5).await, anvil.wallet(2, 0).await);
    let to_bob = anvil.transfer(&alice, bob.address(), 5, 0).await;
    let (_, mut first) = relay.follow(&to_bob).await;
    let sent = first.until(State::Submitted).await;
    let onward = anvil.transfer(&bob, PAYEE, 5, 0).await;
    let (_, mut second) = relay.follow(&onward).await;
    anvil.mine_with(sent.tx_hash.unwrap()).await;
    second.mined(&anvil).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(5 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_fund_each_other_are_executed_in_whatever_order_they_come() {
    const LINKS: u64 = 6;
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let mut signers = vec![anvil.wallet(1, 5).await];
    for seed in 2..=LINKS {
        signers.push(anvil.wallet(seed, 0).await);
    }
    let mut last = None;
    // The payment that needs all the others comes first.
    for (i, signer) in signers.iter().enumerate().rev() {
        let payee = signers.get(i + 1).map_or(PAYEE, |next| next.address());
        let onward = anvil.transfer(signer, payee, 5, 0).await;
        let accepted = relay.submit(&onward).await.unwrap();
        last.get_or_insert(accepted.relay_id);
    }
    relay.mine_until(&anvil, last.unwrap(), State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(5 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_wallet_is_asked_and_heard() {
    // PUSH32 magic, MSTORE at 0, RETURN 32 bytes: a wallet that accepts everything.
    const ACCEPTS: Bytes =
        bytes!("7f1626ba7e0000000000000000000000000000000000000000000000000000000060005260206000f3");
    // REVERT with nothing.
    const REFUSES: Bytes = bytes!("60006000fd");
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let owner = anvil.wallet(1, 0).await;
    let wallet = Address::repeat_byte(0x71);
    anvil.mint(wallet, 5).await;
    let message = TransferWithAuthorization {
        from: wallet,
        to: PAYEE,
        value: U256::from(CREDIT),
        validAfter: U256::ZERO,
        validBefore: U256::from(anvil.now().await + 3_600),
        nonce: B256::repeat_byte(9),
    };
    let transfer = anvil.signed(&owner, message);

    let error = relay.submit(&transfer).await.unwrap_err();
    assert_eq!(field(&error), "signature", "without code there is nobody to ask");
    anvil.provider.anvil_set_code(wallet, REFUSES).await.unwrap();
    let error = relay.submit(&transfer).await.unwrap_err();
    assert_eq!(field(&error), "signature");
    anvil.provider.anvil_set_code(wallet, ACCEPTS).await.unwrap();
    let (_, mut steps) = relay.follow(&transfer).await;
    steps.mined(&anvil).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_beyond_its_time_expires_and_releases_its_nonce() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut config = config(&anvil);
    // No transaction may cost as little as this chain asks: everything waits.
    config.max_fee_per_gas = 1;
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let alice = anvil.wallet(1, 5).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (_, mut steps) = relay.follow(&transfer).await;
    anvil.provider.anvil_increase_time(4_000).await.unwrap();
    anvil.mine(1).await;
    steps.until(State::Expired).await;
    let next = anvil.transfer(&alice, PAYEE, 1, 0).await;
    assert_eq!(relay.submit(&next).await.unwrap().status, State::Accepted);
    assert_eq!(field(&relay.submit(&transfer).await.unwrap_err()), "validBefore");
    relay.stop().await;
}
