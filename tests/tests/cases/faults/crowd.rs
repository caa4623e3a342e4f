//! A crowd hands in whatever it has: of all messages a third were handed in before, a tenth are wrong and a tenth are too
//! late. Each right one is executed once; each other is answered with what it deserves.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U256};
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Environment, Incoming, Settings, Signed, Socket};

use super::Chance;
use crate::{MILLICREDIT, STRANGER};

/// Unless `WIA_TEST_SEED` says otherwise.
const SEED: u64 = 20_251_130;
/// Unless `WIA_TEST_MESSAGES` says otherwise.
const MESSAGES: usize = 1_000;
/// Calls that wait for their answer at a time: no more than a session may have.
const UNANSWERED: usize = 64;
/// Messages that are waited for at a time: fewer than the updates that may wait for one reader.
const WATCHED: usize = 200;
const SIGNERS: u64 = 9;

/// One origin may hand in all of it, and few signers have many messages.
const BOUNDS: [(&str, &str); 3] = [
    ("WIA_RELAYER__TUNING__ORIGIN_BURST", "1000000"),
    ("WIA_RELAYER__TUNING__SIGNER_BURST", "1000000"),
    ("WIA_RELAYER__TUNING__MAX_LIVE_ITEMS_PER_SIGNER", "100000"),
];

/// What must be answered.
#[derive(Debug, Clone, Copy)]
enum Answer {
    /// It is taken, under this id.
    Taken(B256),
    /// It is refused, naming this field.
    Refused(&'static str),
}

#[tokio::test]
async fn of_many_messages_each_right_one_is_executed_once_and_each_other_is_refused() {
    let mut chance = Chance::new(SEED);
    let count = std::env::var("WIA_TEST_MESSAGES").map_or(MESSAGES, |count| count.parse().unwrap());
    let env = Environment::with(Settings { variables: &BOUNDS, ..Settings::default() }).await;
    let mut before = BTreeMap::new();
    for number in 1..=SIGNERS {
        let address = env.wallet(number as usize).address();
        before.insert(address, env.chain().balance(address).await);
    }
    let (right, calls) = crowd(&env, &mut chance, count);
    println!("{count} messages: {} right ones", right.len());
    hand_in(&env, &calls).await;

    let mut relay = env.relay().await;
    let ids: Vec<_> = right.iter().map(|m| m.id).collect();
    for some in ids.chunks(WATCHED) {
        relay.until(some, State::Mined).await;
    }
    env.chain().mine(12).await;
    for some in ids.chunks(WATCHED) {
        relay.until(some, State::Final).await;
    }
    for (address, before) in before {
        let mut used = env.chain().used_nonces(address).await;
        used.sort();
        let own = right.iter().filter(|m| m.message.from == address);
        let own: Vec<_> = own.map(|m| m.message.nonce).collect();
        assert_eq!(used, own, "{address}: each once, no other; {chance:?}");
        let paid = MILLICREDIT * U256::from(own.len());
        assert_eq!(env.chain().balance(address).await, before - paid, "{address}");
    }
}

/// The right messages, and all calls in the order of handing in, each with its answer.
fn crowd(env: &Environment, chance: &mut Chance, count: usize) -> (Vec<Signed>, Vec<(Value, Answer)>) {
    let wallets: Vec<_> = (1..=SIGNERS as usize).map(|number| env.wallet(number)).collect();
    let (mut right, mut calls) = (Vec::<Signed>::new(), Vec::new());
    while calls.len() < count {
        let signer = chance.below(SIGNERS) as usize;
        let wallet = &wallets[signer];
        match chance.below(30) {
            0..10 if !right.is_empty() => {
                let again = &right[chance.below(right.len() as u64) as usize];
                calls.push((again.params.clone(), Answer::Taken(again.id)));
            }
            10..13 => calls.push(wrong(chance, wallet.pay(STRANGER, MILLICREDIT).params)),
            13..16 => {
                let mut late = wallet.transfer(STRANGER, MILLICREDIT);
                late.validBefore -= U256::from(3_700);
                calls.push((wallet.sign(late).params, Answer::Refused("validBefore")));
            }
            _ => {
                let paid = wallet.pay(STRANGER, MILLICREDIT);
                calls.push((paid.params.clone(), Answer::Taken(paid.id)));
                right.push(paid);
            }
        }
    }
    (right, calls)
}

/// A right message, but for one thing.
fn wrong(chance: &mut Chance, mut params: Value) -> (Value, Answer) {
    let (pointer, value, field) = match chance.below(5) {
        0 => ("/message/value", json!("2000000000000000"), "signature"),
        1 => ("/message/to", json!("0x1234"), "to"),
        2 => ("/chainId", json!("1"), "chainId"),
        3 => ("/contract", json!(STRANGER), "contract"),
        _ => ("/signature", json!(format!("0x{}", "11".repeat(65))), "signature"),
    };
    *params.pointer_mut(pointer).unwrap() = value;
    (params, Answer::Refused(field))
}

/// Hands in everything over one session, many calls at a time, and holds each answer against what it must be.
async fn hand_in(env: &Environment, calls: &[(Value, Answer)]) {
    let mut socket = Socket::to(&env.ready().relay_url).await;
    let mut receipts = BTreeMap::new();
    let mut sent = 0;
    for answered in 0..calls.len() {
        while sent < calls.len().min(answered + UNANSWERED) {
            let params = &calls[sent].0;
            let call = json!({"jsonrpc": "2.0", "id": sent, "method": "relay.submit", "params": params});
            socket.send(call.to_string()).await;
            sent += 1;
        }
        let Incoming::Json(reply) = socket.receive().await else { panic!("closed") };
        let call = reply["id"].as_u64().unwrap() as usize;
        match calls[call].1 {
            Answer::Taken(id) => {
                assert_eq!(reply["result"]["relayId"], json!(id), "{reply}");
                let receipt = reply["result"]["receipt"].clone();
                let first = receipts.entry(id).or_insert_with(|| receipt.clone());
                assert_eq!(*first, receipt, "one promise, however often it is handed in");
            }
            Answer::Refused(field) => assert_eq!(reply["error"]["data"]["field"], field, "{reply}"),
        }
    }
}
