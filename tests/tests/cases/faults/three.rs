//! Three relayers on one mesh and one chain: one is stopped, one is cut off from the chain and from the others, one has a
//! slow endpoint. Whatever any of them accepted is executed once.

use std::time::Duration;

use alloy::primitives::U256;
use serde_json::json;
use tempfile::TempDir;
use wia_protocol::relay::State;
use wia_tests::{Environment, Gate, Relay, Signed, Wallet, Wia};

use crate::operations::get_from;
use crate::{MILLICREDIT, STRANGER};

const EACH: usize = 10;
/// What every answer of the slow endpoint takes longer.
const DELAY: Duration = Duration::from_millis(150);

/// A relayer beside the one of `wia dev`: its own lane and folder, and a gate before the chain.
struct Other {
    wia: Wia,
    gate: Gate,
    _folder: TempDir,
}

impl Other {
    /// `account` pays for its lane; `peers` are where it finds the mesh, `relayers` are accounts whose lanes share the work.
    async fn start(env: &Environment, account: usize, peers: &[&str], relayers: &[usize]) -> Self {
        let relayers: Vec<_> =
            relayers.iter().map(|account| env.ready().accounts[*account].address).collect();
        let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::before(env.anvil.port()).await);
        let key = folder.path().join("lane.key");
        std::fs::write(&key, &env.ready().accounts[account].private_key).unwrap();
        let mut command = Wia::command(&["node", "--config"]);
        command.arg(env.data().join("wia.toml")).arg("--data-dir").arg(folder.path().join("data"));
        command.env("WIA_RELAYER__KEY_FILE", &key).env("WIA_P2P__BOOTSTRAP", format!("{peers:?}"));
        command.env("WIA_P2P__RELAYERS", json!(relayers).to_string());
        command.env("WIA_CHAIN__HTTP_URL", gate.url());
        command.env("WIA_CHAIN__WS_URL", gate.url().replace("http://", "ws://"));
        let wia = Wia::start(command, folder.path()).await;
        Self { wia, gate, _folder: folder }
    }
}

#[tokio::test]
async fn of_three_relayers_one_is_stopped_one_cut_off_and_one_slow_and_each_message_is_executed_once() {
    let mut env = Environment::start().await;
    let (door, address) = mesh_gate(&env.ready().p2p_addr).await;
    let cut_off = Other::start(&env, 8, &[&address], &[]).await;
    let slow = Other::start(&env, 9, &[&env.ready().p2p_addr], &[]).await;
    slow.gate.slow(DELAY);
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;

    let url = env.ready().relay_url.clone();
    let to_the_stopped = hand_in(&url, &wallet).await;
    let mut to_the_cut_off = hand_in(&cut_off.wia.ready.relay_url, &wallet).await;
    let mut to_the_slow = hand_in(&slow.wia.ready.relay_url, &wallet).await;
    env.wia.kill();
    cut_off.gate.close();
    door.close();
    // Both that are left take messages; the slow one has them executed.
    to_the_cut_off.extend(hand_in(&cut_off.wia.ready.relay_url, &wallet).await);
    to_the_slow.extend(hand_in(&slow.wia.ready.relay_url, &wallet).await);
    mined(&slow.wia.ready.relay_url, &to_the_slow).await;

    cut_off.gate.open();
    door.open();
    env.restart().await;
    mined(&cut_off.wia.ready.relay_url, &to_the_cut_off).await;
    mined(&env.ready().relay_url, &to_the_stopped).await;

    let all = [to_the_stopped, to_the_cut_off, to_the_slow].concat();
    let mut expected: Vec<_> = all.iter().map(|m| m.message.nonce).collect();
    expected.sort();
    let mut used = env.chain().used_nonces(wallet.address()).await;
    used.sort();
    assert_eq!(used, expected, "each once");
    let moved = MILLICREDIT * U256::from(all.len());
    assert_eq!(env.chain().balance(wallet.address()).await, before - moved);
}

/// The one that takes them has no chain, and is gone before it gets one back: whose turn it was, the other executes all.
#[tokio::test]
async fn what_a_relayer_took_before_it_died_is_executed_by_the_one_it_shares_with() {
    let mut env = Environment::start().await;
    let shared = [8, 9];
    let left = Other::start(&env, 8, &[], &shared).await;
    let mut dies = Other::start(&env, 9, &[&left.wia.ready.p2p_addr], &shared).await;
    // It would execute what it hears, too.
    env.wia.kill();
    hears_the_other(&left).await;
    hears_the_other(&dies).await;
    let wallet = env.wallet(1);
    dies.gate.close();
    let messages = hand_in(&dies.wia.ready.relay_url, &wallet).await;
    let mut heard = Relay::to(&left.wia.ready.relay_url).await;
    let ids: Vec<_> = messages.iter().map(|m| m.id).collect();
    heard.until(&ids, State::Accepted).await;
    dies.wia.kill();
    mined(&left.wia.ready.relay_url, &messages).await;
    assert_eq!(env.chain().used_nonces(wallet.address()).await.len(), EACH, "each once");
}

/// Waits for a sign of life: from then on what one gossips, the other gets.
async fn hears_the_other(relayer: &Other) {
    let heard = async {
        loop {
            let (_, metrics) = get_from(&relayer.wia.ready.http_url, "/metrics").await;
            if metrics.lines().any(|line| line == "wia_relayer_others_alive 1") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), heard).await.expect("a sign of life within a minute");
}

/// A gate before a libp2p address, and the address of the gate.
async fn mesh_gate(address: &str) -> (Gate, String) {
    let parts: Vec<_> = address.split('/').collect();
    let &["", "ip4", _, "tcp", port, "p2p", peer] = &parts[..] else { panic!("{address}") };
    let gate = Gate::before(port.parse().unwrap()).await;
    let own = gate.url().rsplit_once(':').unwrap().1.to_owned();
    (gate, format!("/ip4/127.0.0.1/tcp/{own}/p2p/{peer}"))
}

/// Messages, all of which are taken there.
async fn hand_in(url: &str, wallet: &Wallet) -> Vec<Signed> {
    let mut relay = Relay::to(url).await;
    let messages: Vec<_> = (0..EACH).map(|_| wallet.pay(STRANGER, MILLICREDIT)).collect();
    for message in &messages {
        relay.accepted(message).await;
    }
    messages
}

/// Waits until the relayer says of each that it is in a block.
async fn mined(url: &str, messages: &[Signed]) {
    let ids: Vec<_> = messages.iter().map(|m| m.id).collect();
    Relay::to(url).await.until(&ids, State::Mined).await;
}
