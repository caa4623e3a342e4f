//! How other relayers fail their users, by their own trackers; each case would catch one of these failures here. What is
//! said of reorgs after "final" stands in `reorg.rs`, of rivals in `races.rs` and `rivals.rs`, of nonces in the
//! relayer's own cases against anvil.

use alloy::primitives::U256;
use serde_json::json;
use wia_protocol::relay::{State, method};
use wia_tests::{Environment, Kept, Settings, Wia};

use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn a_retry_after_a_lost_response_is_answered_with_the_stored_result() {
    let env = Environment::with(Settings { gated: true, ..Settings::default() }).await;
    let wallet = env.wallet(1);
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    // Its answer never arrives: the connection is gone before.
    let mut lost = env.relay().await;
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method::SUBMIT, "params": paid.params});
    lost.socket.send(call.to_string()).await;
    drop(lost);
    let mut relay = env.relay().await;
    let first = relay.accepted(&paid).await;
    for state in [State::Submitted, State::Mined, State::Final] {
        relay.until(&[paid.id], state).await;
        let again = relay.accepted(&paid).await;
        assert_eq!(again.receipt, first.receipt, "{state:?}: the stored promise");
        assert_eq!(again.status, relay.status(paid.id).await.unwrap().last.status);
        if let State::Mined = state {
            env.chain().mine(12).await;
        }
    }
    assert_eq!(env.chain().used_nonces(wallet.address()).await, [paid.message.nonce]);
}

#[tokio::test]
async fn a_message_that_is_handed_in_again_while_it_is_prepared_takes_one_nonce() {
    let env = Environment::with(Settings { gated: true, ..Settings::default() }).await;
    let lane = env.ready().accounts[0].address;
    let before = env.chain().nonce(lane).await;
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    // The first preparation stands still; whoever asks again meanwhile must not begin a second one.
    env.gate().keep(Kept::Requests, "eth_estimateGas");
    for _ in 0..3 {
        env.relay().await.accepted(&paid).await;
        env.stream().await.call("relay.submit", paid.params.clone()).await.unwrap();
    }
    env.gate().open();
    let mut relay = env.relay().await;
    relay.until(&[paid.id], State::Mined).await;
    env.chain().mine(12).await;
    relay.until(&[paid.id], State::Final).await;
    assert_eq!(env.chain().nonce(lane).await, before + 1, "one transaction");
    assert_eq!(env.chain().used_nonces(paid.message.from).await, [paid.message.nonce]);
}

#[tokio::test]
async fn a_data_folder_has_one_process() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut second = Wia::command(&["node", "--http-port", "0", "--mqtt-port", "0", "--p2p-port", "0"]);
    second.arg("--config").arg(env.data().join("wia.toml"));
    second.arg("--ready-file").arg(folder.path().join("ready.json"));
    let ended = second.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{said}");
    assert!(said.contains("is in use by another process"), "{said}");
    // The first one goes on.
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    let before = env.chain().balance(STRANGER).await;
    let mut relay = env.relay().await;
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Mined).await;
    assert_eq!(env.chain().balance(STRANGER).await, before + MILLICREDIT * U256::ONE);
}
