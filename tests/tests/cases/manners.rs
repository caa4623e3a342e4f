//! The WebSocket protocol itself, as the `ws` package sees it, and what a wallet asks before it subscribes.

use alloy::primitives::U256;
use serde_json::{Value, json};
use wia_protocol::relay::State;
use wia_tests::{Client, Environment, Settings, Socket};

use crate::MILLICREDIT;

#[tokio::test]
async fn a_close_is_echoed_on_both_doors() {
    let env = Environment::shared().await;
    for url in [&env.ready().ws_url, &env.ready().relay_url] {
        assert_eq!(manners(&["--url", url]).await, [json!({"closed": 1000})]);
    }
}

#[tokio::test]
async fn the_server_pings_and_a_pong_keeps_the_session() {
    let variables = &[("WIA_HTTP__PING_INTERVAL_MS", "200"), ("WIA_HTTP__IDLE_TIMEOUT_MS", "500")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let seen = manners(&["--url", &env.ready().relay_url, "--pings", "5"]).await;
    assert_eq!(seen.len(), 6);
    assert_eq!(seen.last(), Some(&json!({"closed": 1000})), "five pings take longer than the idle time-out");
}

#[tokio::test]
async fn an_origin_that_is_on_no_list_is_closed_with_1008() {
    let variables = &[("WIA_HTTP__ALLOWED_ORIGINS", "[\"https://yourapp.com\"]")];
    let env = Environment::with(Settings { variables, ..Settings::default() }).await;
    let url = &env.ready().ws_url;
    let elsewhere = manners(&["--url", url, "--origin", "https://elsewhere.example"]).await;
    assert_eq!(elsewhere, [json!({"closed": 1008})]);
    // No browser, no origin: the list is for browsers.
    assert_eq!(manners(&["--url", url]).await, [json!({"closed": 1000})]);
}

#[tokio::test]
async fn wallet_balances_are_what_the_chain_says() {
    let env = Environment::start().await;
    let answer = env.stream().await.call("wallet.balances", json!({})).await.unwrap();
    let balances = answer["balances"].as_array().unwrap();
    assert_eq!(balances.len(), env.ready().accounts.len());
    for balance in balances {
        let address = balance["address"].as_str().unwrap().parse().unwrap();
        let wei: U256 = balance["balanceWei"].as_str().unwrap().parse().unwrap();
        assert_eq!(wei, env.chain().balance(address).await);
    }
    let refused = Socket::to(&env.ready().ws_url).await.call("wallet.balances", json!({})).await;
    assert_eq!(refused.unwrap_err().code, -32001);
}

#[tokio::test]
async fn a_subscription_that_had_no_push_resumes_from_its_own_cursor() {
    let env = Environment::start().await;
    let channel = json!({"channel": "wallet.balance"});
    let subscribed = env.stream().await.call("subscribe", channel).await.unwrap();
    let paid = env.wallet(1).pay(env.wallet(2).address(), MILLICREDIT);
    let mut relay = env.relay().await;
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Mined).await;

    let mut later = env.stream().await;
    let resume = json!({"channel": "wallet.balance", "cursor": subscribed["cursor"]});
    later.call("subscribe", resume).await.unwrap();
    let (from, to) = (later.push("wallet.balance_changed").await, later.push("wallet.balance_changed").await);
    assert_eq!((&from["reason"], &to["reason"]), (&json!("transfer_sent"), &json!("transfer_received")));
}

async fn manners(arguments: &[&str]) -> Vec<Value> {
    Client::node("manners.mjs", arguments, "").finish().await
}
