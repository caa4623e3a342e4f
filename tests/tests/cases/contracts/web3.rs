//! The chain clients of the carbon document (C-090…C-098, C-121), as its sections 7 and 10.2 print them, on the
//! versions that they were written for and on today's.

use alloy::primitives::U256;
use serde_json::{Value, json};
use wia_abi::CarbonCredit::transferCall;
use wia_tests::{Account, Client, Environment, Gate, repository};

use crate::{MILLICREDIT, STRANGER};

/// 1.5 credits.
const AMOUNT_WEI: &str = "1500000000000000000";

#[tokio::test]
async fn web3_js_1_mints_and_follows_through_a_reconnect() {
    let env = Environment::start().await;
    let gate = Gate::before(env.anvil.port()).await;
    let before = env.chain().balance(minter(&env).address).await;
    let mut client = web3(&env, &gate.url(), &["--major", "1", "--until-reconnected"]);
    assert_eq!(client.line().await, Some(json!({ "listening": true })));
    gate.close();
    client.says("lost").await;
    gate.open();
    monitored(&env, client, before).await;
}

#[tokio::test]
async fn web3_js_4_mints_and_follows() {
    let env = Environment::start().await;
    let before = env.chain().balance(minter(&env).address).await;
    let mut client = web3(&env, &env.anvil.url(), &["--major", "4"]);
    assert_eq!(client.line().await, Some(json!({ "listening": true })));
    monitored(&env, client, before).await;
}

#[tokio::test]
async fn web3_py_6_polls_the_tokens_transfers() {
    polled("web3-6").await;
}

#[tokio::test]
async fn web3_py_7_polls_the_tokens_transfers() {
    polled("web3-7").await;
}

/// A transfer on the chain reaches the document's Python monitor, once.
async fn polled(version: &str) {
    let env = Environment::start().await;
    let (url, contract) = (env.anvil.url().replace("http://", "ws://"), env.contract().to_string());
    let abi = abi();
    let arguments = ["--url", &url, "--contract", &contract, "--abi", &abi, "--until", "1"];
    let mut client = Client::python(version, "web3_monitor.py", &arguments);
    assert_eq!(client.line().await, Some(json!({ "listening": true })));

    let (from, to) = (env.ready().accounts[1].address, STRANGER);
    let sent = env.chain().send(from, transferCall { to, value: MILLICREDIT }).await;
    let transfer = json!({
        "from": from.to_string(), "to": to.to_string(), "amount": MILLICREDIT.to_string(),
        "transaction": sent.to_string(),
    });
    assert_eq!(client.finish().await, [json!({ "Transfer": transfer })]);
}

fn abi() -> String {
    let path = repository().join("abi/artifacts/CarbonCredit.json");
    path.to_str().expect("a path of text").to_owned()
}

fn web3(env: &Environment, url: &str, more: &[&str]) -> Client {
    let (url, contract) = (url.replace("http://", "ws://"), env.contract().to_string());
    let abi = abi();
    let arguments = ["--url", &url, "--contract", &contract, "--abi", &abi, "--credit-id", CREDIT_ID];
    Client::node("web3.mjs", &[&arguments[..], &["--amount", "1.5"], more].concat(), &minter(env).private_key)
}

const CREDIT_ID: &str = "CCR-2026-900001";

/// `wia dev` deploys with this account, which makes it the minter.
fn minter(env: &Environment) -> &Account {
    &env.ready().accounts[0]
}

/// The rest of the client's lines: both events, a mint that was confirmed, one that failed, twelve confirmations.
async fn monitored(env: &Environment, client: Client, before: U256) {
    let lines = client.finish().await;
    let found = |kind: &str| -> Value {
        let mut of_kind = lines.iter().filter(|line| line.get(kind).is_some());
        let first = of_kind.next().unwrap_or_else(|| panic!("no {kind}: {lines:#?}"));
        assert!(of_kind.next().is_none(), "{kind} came twice: {lines:#?}");
        first[kind].clone()
    };
    let user = minter(env).address.to_string();
    let confirmed = found("confirmed");
    assert_eq!(confirmed["confirmed"], true);
    let transfer = json!({
        "from": "0x0000000000000000000000000000000000000000", "to": user, "amount": AMOUNT_WEI,
        "txHash": confirmed["txHash"],
    });
    assert_eq!(found("Transfer"), transfer);
    let minted = json!({ "recipient": user, "amount": AMOUNT_WEI, "creditId": CREDIT_ID });
    assert_eq!(found("CreditMinted"), minted);
    assert_eq!(found("failed"), "Transaction failed");
    assert_eq!(found("confirmations"), 12);
    let gained = env.chain().balance(minter(env).address).await - before;
    assert_eq!(gained.to_string(), AMOUNT_WEI);
}
