//! The id of a message is its digest: whoever hands it in, wherever and however often, it is executed once.

use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Client, Environment};

use crate::{MILLICREDIT, STRANGER};

#[tokio::test]
async fn one_message_on_every_door_and_again_after_its_end_is_executed_once() {
    let env = Environment::start().await;
    let ready = env.ready();
    let wallet = env.wallet(7);
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    let before = env.chain().balance(wallet.address()).await;

    let mut relay = env.relay().await;
    let first = relay.accepted(&paid).await;
    assert_eq!(first.status, State::Accepted);
    let again = relay.accepted(&paid).await;
    assert_eq!(again.receipt, first.receipt, "the same promise, not a second one");
    let on_stream = env.stream().await.call("relay.submit", paid.params.clone()).await.unwrap();
    assert_eq!(on_stream["receipt"], json!(first.receipt));

    let request = json!({"method": "relay.submit", "params": paid.params}).to_string();
    let arguments = ["--addr", &ready.p2p_addr, "--request", &request, "--request", &request];
    for answer in Client::node("request-libp2p.mjs", &arguments, "").finish().await {
        assert_eq!(answer["result"]["relayId"], json!(paid.id), "{answer}");
        assert_eq!(answer["result"]["receipt"], json!(first.receipt), "{answer}");
    }

    let mined = relay.until(&[paid.id], State::Mined).await;
    let after_its_end = relay.accepted(&paid).await;
    assert!(matches!(after_its_end.status, State::Mined | State::Final), "{after_its_end:?}");
    relay.until(&[paid.id], State::Final).await;
    let status = relay.status(paid.id).await.unwrap();
    assert_eq!(status.last.tx_hash, mined[&paid.id].tx_hash);

    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT);
    assert_eq!(env.chain().used_nonces(wallet.address()).await, [paid.message.nonce]);
}

#[tokio::test]
async fn a_message_by_libp2p_alone_is_executed_and_waited_for() {
    let env = Environment::shared().await;
    let wallet = env.wallet(9);
    let paid = wallet.pay(STRANGER, MILLICREDIT);
    let submit = json!({"method": "relay.submit", "params": paid.params}).to_string();
    let wait = |after: u64| {
        let params = json!({"relayId": paid.id, "after": after, "waitMs": 8_000});
        json!({"method": "relay.status", "params": params}).to_string()
    };
    let requests = [submit, wait(0), wait(1), wait(2)];
    let mut arguments = vec!["--addr", &env.ready().p2p_addr];
    for request in &requests {
        arguments.extend(["--request", request]);
    }
    let answers = Client::node("request-libp2p.mjs", &arguments, "").finish().await;
    assert_eq!(answers[0]["result"]["status"], "accepted", "{answers:#?}");
    let last = &answers[3]["result"];
    let history: Vec<&Value> =
        last["history"].as_array().unwrap().iter().map(|step| &step["status"]).collect();
    assert!(history.contains(&&json!("mined")), "{answers:#?}");
}
