//! One message from acceptance to finality, and what is answered to it on the way.

use alloy::primitives::{Address, U256};
use alloy::providers::ext::AnvilApi;
use serde_json::json;
use wia_abi::authorization::recover;
use wia_abi::receipt::{self, RelayReceipt};
use wia_protocol::relay::{State, StatusQuery, Watch};
use wia_relayer::Condition;

use crate::support::{Anvil, CREDIT, Relay, field, origin, states, within};

const PAYEE: Address = Address::repeat_byte(0xbb);

#[tokio::test(flavor = "multi_thread")]
async fn accepted_claimed_submitted_mined_final() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 3, 0).await;

    let submitted = relay.submit(&transfer).await.unwrap();
    assert_eq!(submitted.status, State::Accepted);
    let receipt = &submitted.receipt;
    let promise = RelayReceipt {
        relayId: submitted.relay_id,
        relayer: receipt.relayer,
        receivedAt: receipt.received_at.0,
        includeByBlock: receipt.include_by_block,
    };
    let digest = receipt::domain(anvil.deployment.chain_id).digest(&promise);
    assert_eq!(recover(digest, &receipt.signature), Some(relay.lane.address()));

    let mut steps = relay.steps(submitted.relay_id);
    let sent = steps.until(State::Submitted).await;
    anvil.mine_with(sent.tx_hash.unwrap()).await;
    let mined = steps.until(State::Mined).await;
    assert_eq!((mined.tx_hash, mined.index), (sent.tx_hash, Some(0)));
    assert!(mined.block.unwrap() <= receipt.include_by_block);
    assert_eq!(anvil.balance(PAYEE).await, U256::from(3 * CREDIT));

    anvil.mine(10).await;
    let wait = StatusQuery { relay_id: submitted.relay_id, after: Some(mined.sequence), wait_ms: 8_000 };
    let from = origin();
    let (_, status) = tokio::join!(anvil.mine(1), relay.relayer.status(wait, &from));
    let status = status.unwrap();
    assert_eq!(
        states(&status),
        [State::Accepted, State::Claimed, State::Submitted, State::Mined, State::Final]
    );
    assert_eq!(status.last.confirmations, Some(12));
    assert_eq!((status.last.block, status.last.tx_hash), (mined.block, mined.tx_hash));
    let sequences: Vec<_> = status.history.iter().map(|u| u.sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4]);

    // Handed in again it is answered with the first receipt and where it stands now.
    let again = relay.submit(&transfer).await.unwrap();
    assert_eq!((again.status, &again.receipt), (State::Final, receipt));
    // Another message with its nonce: the chain knows that it is used.
    let rival = anvil.transfer(&alice, Address::repeat_byte(0xcc), 1, 0).await;
    let refusal = relay.submit(&rival).await.unwrap_err();
    assert_eq!((refusal.code, field(&refusal)), (-32602, "nonce"));

    let health = relay.relayer.health();
    assert_eq!(health.condition, Condition::Ready);
    assert_eq!((health.queue_depth, health.live_items, health.in_flight), (0, 0, 0));
    assert_eq!(health.lanes[0].nonce, Some(1));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_every_transaction_gets_a_block_nothing_waits_for_the_next_one() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 10).await;
    anvil.provider.anvil_set_auto_mine(true).await.unwrap();
    let relay = Relay::start(&anvil, folder.path()).await;
    for nonce in 0..10 {
        let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
        let (_, mut steps) = relay.follow(&transfer).await;
        steps.until(State::Mined).await;
    }
    assert_eq!(anvil.balance(PAYEE).await, U256::from(10 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_nonce_one_live_message_however_many_ask_at_once() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 5).await;
    let rival = anvil.transfer(&alice, Address::repeat_byte(0xcc), 1, 5).await;

    let asked = (0..16).map(|n| relay.submit(if n % 2 == 0 { &transfer } else { &rival }));
    let answers = futures::future::join_all(asked).await;
    let accepted: Vec<_> = answers.iter().filter_map(|a| a.as_ref().ok()).collect();
    assert_eq!(accepted.len(), 8, "one digest, however often it is handed in");
    assert!(accepted.iter().all(|a| **a == *accepted[0] || a.receipt == accepted[0].receipt));
    for refusal in answers.iter().filter_map(|a| a.as_ref().err()) {
        assert_eq!(field(refusal), "nonce");
        let holder = refusal.data.as_ref().unwrap()["relayId"].as_str().unwrap();
        assert_eq!(holder, accepted[0].relay_id.to_string());
    }

    let mut steps = relay.steps(accepted[0].relay_id);
    steps.mined(&anvil).await;
    assert_eq!(anvil.balance(alice.address()).await, U256::from(9 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_door_has_the_same_methods_and_a_signer_sees_its_messages() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let mut early = relay.relayer.watch(Watch::Signer(alice.address()), &origin()).unwrap();

    relay.relayer.set_p2p_addresses(vec!["/ip4/127.0.0.1/tcp/4001/p2p/x".into()]);
    let info = relay.relayer.call("relay.info", &json!(null), &origin()).await.unwrap();
    let contract: Address = info["contracts"]["CarbonCredit"].as_str().unwrap().parse().unwrap();
    assert_eq!(contract, anvil.contract);
    assert_eq!(info["p2p"][0], "/ip4/127.0.0.1/tcp/4001/p2p/x");

    let mut params = transfer.to_params();
    params["contract"] = json!(anvil.contract.to_string().to_lowercase());
    let submitted = relay.relayer.call("relay.submit", &params, &origin()).await.unwrap();
    let id = json!({"relayId": submitted["relayId"]});
    let status = relay.relayer.call("relay.status", &id, &origin()).await.unwrap();
    assert_eq!(status["history"][0]["status"], "accepted");
    let unknown = relay.relayer.call("relay.frobnicate", &json!(null), &origin()).await.unwrap_err();
    assert_eq!(unknown.code, -32601);
    let nobody = json!({"relayId": format!("0x{}", "00".repeat(32))});
    let missing = relay.relayer.call("relay.status", &nobody, &origin()).await.unwrap_err();
    assert_eq!((missing.code, field(&missing)), (-32003, "relayId"));

    // Who watched before sees all steps live; who comes later gets them as history.
    let mut late = relay.relayer.watch(Watch::Signer(alice.address()), &origin()).unwrap();
    for expected in 0..3 {
        assert_eq!(within("live", early.next()).await.unwrap().sequence, expected);
        assert_eq!(within("history", late.next()).await.unwrap().sequence, expected);
    }
    // The watches end with the relayer, and not for slowness.
    relay.stop().await;
    assert_eq!(within("the end", early.next()).await, None);
    assert!(!early.lagged());
}
