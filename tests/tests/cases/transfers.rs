//! The main line: a signed message goes in by every door and from every wallet, is executed once and followed to its
//! finality, while a subscriber of the carbon stream sees what C-047 and C-049 promise.

use alloy::primitives::{I256, U256};
use serde_json::Value;
use wia_tests::{Account, Client, Environment, cast};

/// 1.5 credits.
const VALUE_WEI: &str = "1500000000000000000";

#[tokio::test]
async fn viem_over_the_relays_websocket() {
    let env = Environment::shared().await;
    let sends = |env: &Environment, from: &Account, to: &Account| {
        submit("submit-viem.mjs", from, to, &["--url", &env.ready().relay_url])
    };
    main_line(&env, 1, 2, sends).await;
}

#[tokio::test]
async fn ethers_over_the_carbon_stream() {
    let env = Environment::shared().await;
    let sends = |env: &Environment, from: &Account, to: &Account| {
        let ready = env.ready();
        submit("submit-ethers.mjs", from, to, &["--url", &ready.ws_url, "--token", &ready.token])
    };
    main_line(&env, 3, 4, sends).await;
}

#[tokio::test]
async fn wia_wallet_over_websocket() {
    let env = Environment::shared().await;
    main_line(&env, 5, 6, |env, _, to| wia_wallet(env, 5, to, "ws")).await;
}

#[tokio::test]
async fn wia_wallet_over_libp2p() {
    let env = Environment::shared().await;
    main_line(&env, 7, 8, |env, _, to| wia_wallet(env, 7, to, "p2p")).await;
}

fn wia_wallet(env: &Environment, from: usize, to: &Account, via: &str) -> Client {
    let (from, to, node) = (from.to_string(), to.address.to_string(), &env.ready().http_url);
    let transfer = ["wallet", "transfer", "--from-dev", &from, "--to", &to, "--amount", "1.5"];
    Client::wia(&[&transfer[..], &["--via", via, "--node", node, "--json"]].concat())
}

fn submit(script: &str, from: &Account, to: &Account, door: &[&str]) -> Client {
    let to = to.address.to_string();
    let arguments = [door, &["--to", &to, "--value-wei", VALUE_WEI]].concat();
    Client::node(script, &arguments, &from.private_key)
}

/// `from` pays `to` by what `sends` starts.
async fn main_line(
    env: &Environment,
    from: usize,
    to: usize,
    sends: impl FnOnce(&Environment, &Account, &Account) -> Client,
) {
    let (from, to) = (&env.ready().accounts[from], &env.ready().accounts[to]);
    let value: U256 = VALUE_WEI.parse().unwrap();
    let mut follower = follow(env).await;
    let before = (balance(env, from).await, balance(env, to).await);

    let steps = sends(env, from, to).finish().await;

    let after = (balance(env, from).await, balance(env, to).await);
    assert_eq!(after, (before.0 - value, before.1 + value));
    let transaction = followed_to_finality(steps);

    let of_transaction = |push: &Value| push["params"]["transactionHash"] == transaction;
    let last = |push: &Value| of_transaction(push) && push["params"]["confirmations"] == 12;
    let mut pushes = follower.lines_until(last).await;
    pushes.retain(of_transaction);
    let (balances, confirmations): (Vec<_>, Vec<_>) =
        pushes.into_iter().partition(|push| push["method"] == "wallet.balance_changed");
    balance_changes(balances, (from, before.0), (to, before.1), value);
    twelve_confirmations(confirmations);
}

async fn follow(env: &Environment) -> Client {
    let ready = env.ready();
    let mut follower = Client::node("follow.mjs", &["--url", &ready.ws_url, "--token", &ready.token], "");
    let subscribed = follower.line().await.expect("the answer to subscribe");
    assert_eq!(subscribed["subscribed"]["subscribed"], true, "{subscribed}");
    follower
}

async fn balance(env: &Environment, account: &Account) -> U256 {
    let (contract, account) = (env.contract().to_string(), account.address.to_string());
    let call = ["call", &contract, "balanceOf(address)(uint256)", &account, "--rpc-url", &env.anvil.url()];
    cast(&call).await.parse().unwrap()
}

/// accepted → (claimed →) submitted → mined → final, each step with what belongs to it; the transaction's hash.
pub(crate) fn followed_to_finality(lines: Vec<Value>) -> Value {
    if let Some(submitted) = lines[0].get("submitted") {
        assert_eq!(
            submitted["relayId"], submitted["digest"],
            "the relay's id is the digest that the wallet signed"
        );
        assert!(
            submitted["receipt"]["includeByBlock"].is_u64() && submitted["receipt"]["signature"].is_string()
        );
    }
    // The scripts wrap a step, `wia wallet --json` prints it as it is; other lines are no steps.
    let step_of = |line: &Value| line.get("update").unwrap_or(line).clone();
    let updates: Vec<_> = lines.iter().map(step_of).filter(|step| step["sequence"].is_u64()).collect();
    let sequence: Vec<_> = updates.iter().map(|u| u["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequence, (0..updates.len() as u64).collect::<Vec<_>>(), "no step is missing: {lines:#?}");
    let step = |status: &str| {
        let found: Vec<_> = updates.iter().filter(|u| u["status"] == status).collect();
        assert_eq!(found.len(), 1, "{status}: {lines:#?}");
        found[0]
    };
    let (accepted, sent, mined, last) = (step("accepted"), step("submitted"), step("mined"), step("final"));
    let place = |update: &Value| update["sequence"].as_u64();
    assert!(place(accepted) < place(sent) && place(sent) < place(mined) && place(mined) < place(last));
    assert!(sent["txHash"].is_string() && mined["block"].is_u64() && mined["index"].is_u64(), "{lines:#?}");
    assert_eq!((&mined["txHash"], &last["txHash"]), (&sent["txHash"], &sent["txHash"]));
    assert_eq!((&last["block"], last["confirmations"].as_u64()), (&mined["block"], Some(12)));
    sent["txHash"].clone()
}

/// C-047, C-051: one message per side, and previous + change = new to the wei.
fn balance_changes(pushes: Vec<Value>, from: (&Account, U256), to: (&Account, U256), value: U256) {
    assert_eq!(pushes.len(), 2, "{pushes:#?}");
    let value = I256::from_raw(value);
    for (account, other, before, change, reason) in
        [(from.0, to.0, from.1, -value, "transfer_sent"), (to.0, from.0, to.1, value, "transfer_received")]
    {
        let push = pushes.iter().find(|p| p["params"]["address"] == account.address.to_string());
        let params =
            &push.unwrap_or_else(|| panic!("nothing about {}: {pushes:#?}", account.address))["params"];
        let wei = |field: &str| params[field].as_str().unwrap().parse::<I256>().unwrap();
        let before = I256::from_raw(before);
        assert_eq!(
            (wei("previousBalanceWei"), wei("changeWei"), wei("newBalanceWei"), wei("amountWei")),
            (before, change, before + change, value),
            "{params:#}"
        );
        for (credits, in_wei) in
            [("previousBalance", before), ("change", change), ("newBalance", before + change)]
        {
            assert_eq!(params[credits].as_f64(), Some(credits_of(in_wei)), "{credits}: {params:#}");
        }
        assert_eq!((params["reason"].as_str(), &params["counterparty"]), (Some(reason), &address_of(other)));
        assert!(params["userId"].as_str().unwrap().starts_with("USER-"), "{params:#}");
        assert!(params["transactionId"].as_str().unwrap().starts_with("TXN-20"), "{params:#}");
        let event_id: Vec<_> = params["eventId"].as_str().unwrap().split(':').collect();
        assert!(matches!(event_id[..], ["31337", block, _] if block.len() == 66), "{params:#}");
        assert!(params["blockNumber"].is_u64() && params["cursor"].is_string(), "{params:#}");
    }
}

fn address_of(account: &Account) -> Value {
    account.address.to_string().into()
}

/// The double nearest to that many credits, as a client's JSON parser reads them.
fn credits_of(wei: I256) -> f64 {
    let amount = wia_abi::CreditAmount(wei.unsigned_abs()).to_string();
    let sign = if wei.is_negative() { "-" } else { "" };
    format!("{sign}{amount}").parse().unwrap()
}

/// C-049, C-097: one message at each of 1…12, in order, the last one final.
fn twelve_confirmations(pushes: Vec<Value>) {
    let depths: Vec<_> = pushes.iter().map(|p| p["params"]["confirmations"].as_u64().unwrap()).collect();
    assert_eq!(depths, (1..=12).collect::<Vec<_>>(), "{pushes:#?}");
    for push in &pushes {
        let params = &push["params"];
        assert_eq!(push["method"], "blockchain.transaction_confirmed");
        assert_eq!(
            (params["status"].as_str(), &params["blockNumber"]),
            (Some("confirmed"), &pushes[0]["params"]["blockNumber"])
        );
        assert_eq!(params["final"], params["confirmations"] == 12, "{params:#}");
        assert!(params["recordId"].as_str().unwrap().starts_with("CCR-20"), "{params:#}");
    }
}
