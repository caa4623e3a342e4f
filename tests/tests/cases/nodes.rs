//! Nodes as they are run: `wia dev` with a chain of its own, `wia node` on what it set up, and two relayers on one mesh.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use alloy::primitives::U256;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use wia_protocol::relay::{State, gossip_topic};
use wia_tests::{Client, Environment, Relay, Wallet, Wia, wait_until};

use crate::{MILLICREDIT, STRANGER};

const PROMISED: [&str; 9] =
    ["accounts", "chainId", "contracts", "httpUrl", "p2pAddr", "relayUrl", "rpcUrl", "token", "wsUrl"];

#[tokio::test]
async fn wia_dev_brings_its_own_chain_and_takes_it_along() {
    let folder = tempfile::tempdir().unwrap();
    let dev = || {
        let mut command = Wia::command(&["dev", "--anvil-port", "0", "--data-dir"]);
        command.arg(folder.path().join("data"));
        command
    };
    let mut wia = Wia::start(dev(), folder.path()).await;
    assert_eq!(members(folder.path()), PROMISED);
    let ready = wia.ready.clone();
    let paid = wallet(&wia, 1).pay(STRANGER, MILLICREDIT);
    let mut relay = Relay::to(&ready.relay_url).await;
    relay.accepted(&paid).await;
    relay.until(&[paid.id], State::Mined).await;

    // The chain goes with wia, even when wia is killed, and is there again with the same folder.
    wia.kill();
    gone(&ready.rpc_url).await;
    let mut wia = Wia::start(dev(), folder.path()).await;
    assert_eq!(wia.ready.contracts, ready.contracts);
    let mut relay = Relay::to(&wia.ready.relay_url).await;
    relay.until(&[paid.id], State::Mined).await;
    let another = wallet(&wia, 1).pay(STRANGER, MILLICREDIT);
    relay.accepted(&another).await;
    relay.until(&[another.id], State::Mined).await;

    wia.terminate();
    assert_eq!(wia.ended().await.code(), Some(0), "{}", wia.output());
    gone(&wia.ready.rpc_url).await;
}

#[tokio::test]
async fn wia_node_goes_on_with_what_wia_dev_set_up() {
    let mut env = Environment::start().await;
    let paid = env.wallet(1).pay(STRANGER, MILLICREDIT);
    env.relay().await.accepted(&paid).await;
    env.wia.terminate();
    env.wia.ended().await;

    let folder = tempfile::tempdir().unwrap();
    let wia = Wia::start(node(&env.data()), folder.path()).await;
    let of_a_node: Vec<_> = PROMISED.into_iter().filter(|m| !["accounts", "token"].contains(m)).collect();
    assert_eq!(members(folder.path()), of_a_node);
    assert_eq!(wia.ready.contracts, env.ready().contracts);
    let mut relay = Relay::to(&wia.ready.relay_url).await;
    relay.until(&[paid.id], State::Mined).await;
    assert_eq!(env.chain().used_nonces(paid.message.from).await, [paid.message.nonce]);
}

#[tokio::test]
async fn two_relayers_that_hear_the_same_gossip_execute_it_once() {
    let env = Environment::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("lane.key");
    std::fs::write(&key, &env.ready().accounts[9].private_key).unwrap();
    let mut second = node(&env.data());
    second.arg("--data-dir").arg(folder.path().join("data")).env("WIA_RELAYER__KEY_FILE", &key);
    second.env("WIA_P2P__BOOTSTRAP", format!("[\"{}\"]", env.ready().p2p_addr));
    let second = Wia::start(second, folder.path()).await;

    // A wallet on js-libp2p gossips to the first alone, which passes it on: both accept, and both send.
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    let messages = [(); 10].map(|()| wallet.pay(STRANGER, MILLICREDIT));
    let topic = gossip_topic(env.ready().chain_id);
    let submissions: Vec<_> = messages.iter().map(|m| m.params.to_string()).collect();
    let mut arguments = vec!["--addr", &env.ready().p2p_addr, "--topic", &topic];
    arguments.extend(submissions.iter().flat_map(|submission| ["--submission", submission]));
    let mut gossiper = Client::node("gossip-libp2p.mjs", &arguments, "");
    assert_eq!(gossiper.line().await, Some(json!({"published": 10})));

    let mut executed = BTreeMap::new();
    for url in [&env.ready().relay_url, &second.ready.relay_url] {
        let mut relay = Relay::to(url).await;
        for message in &messages {
            let end =
                wait_until("the message to end at both relayers", Duration::from_secs(40), async || {
                    let last = relay.status(message.id).await.ok()?.last;
                    let ended =
                        [State::Mined, State::Final, State::Skipped, State::Rejected].contains(&last.status);
                    ended.then_some(last)
                })
                .await;
            // Beaten by the other one, a relayer says where that one executed it.
            assert!(matches!(end.status, State::Mined | State::Final), "{end:?}");
            let executed = executed.entry(message.id).or_insert(end.tx_hash);
            assert_eq!(*executed, end.tx_hash, "both name the one transaction");
        }
    }
    assert_eq!(executed.len(), messages.len());
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    assert_eq!(used, messages.map(|m| m.message.nonce));
    assert_eq!(env.chain().balance(wallet.address()).await, before - MILLICREDIT * U256::from(10));
}

/// `wia node` on the configuration that `wia dev` left in its data folder.
fn node(data: &Path) -> Command {
    let mut command = Wia::command(&["node", "--config"]);
    command.arg(data.join("wia.toml"));
    command
}

fn wallet(wia: &Wia, number: usize) -> Wallet {
    let ready = &wia.ready;
    Wallet::new(&ready.accounts[number].private_key, ready.chain_id, ready.contracts["CarbonCredit"])
}

/// The members of the ready file, sorted.
fn members(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("ready.json")).unwrap();
    let ready: Value = serde_json::from_str(&text).unwrap();
    let mut members: Vec<_> = ready.as_object().unwrap().keys().cloned().collect();
    members.sort();
    members
}

/// Waits until nobody listens at an HTTP URL any more.
async fn gone(url: &str) {
    let host = url.strip_prefix("http://").unwrap().trim_end_matches('/');
    wait_until("the chain to be gone", Duration::from_secs(20), async || {
        TcpStream::connect(host).await.is_err().then_some(())
    })
    .await;
}
