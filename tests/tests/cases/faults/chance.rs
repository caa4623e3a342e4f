//! Whatever can happen to a node and its chain, in an order that chance decides: every accepted message is executed
//! exactly once, and a subscriber who resumes by cursor can keep books from the pushes alone.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use serde_json::{Value, json};
use wia_abi::CarbonCredit;
use wia_protocol::relay::State;
use wia_tests::{Environment, Settings, Signed, Socket};

use super::Chance;
use crate::{MILLICREDIT, STRANGER};

const ROUNDS: usize = 24;
/// Unless `WIA_TEST_SEED` says otherwise. One order in every run: what a run shows must not depend on when it was.
const SEED: u64 = 20_251_120;
const SIGNERS: std::ops::RangeInclusive<usize> = 1..=5;

#[tokio::test]
async fn under_faults_in_any_order_nothing_is_lost_and_nothing_doubled() {
    let mut chance = Chance::new(SEED);
    let mut env = Environment::with(Settings { gated: true, ..Settings::default() }).await;
    let mut books = Books::open(&env).await;
    // So that no reorg reaches the deployment.
    env.chain().mine(20).await;

    let mut messages = Vec::new();
    for _ in 0..ROUNDS {
        hand_in(&env, &mut chance, &mut messages).await;
        match chance.below(7) {
            0 => {
                env.kill_and_restart().await;
                books.resume(&env).await;
            }
            1 => {
                env.gate().close();
                hand_in(&env, &mut chance, &mut messages).await;
                env.gate().open();
            }
            2 => env.chain().reorg_from(env.chain().head().await - chance.below(5)).await,
            3 => {
                env.chain().cut_from(env.chain().head().await - chance.below(3)).await;
                env.chain().resume().await;
            }
            4 => env.chain().mine(1 + chance.below(14)).await,
            5 => drop_a_transaction(&env, &messages).await,
            _ => {
                let call = CarbonCredit::transferCall { to: STRANGER, value: U256::ZERO };
                env.chain().send(env.ready().accounts[0].address, call).await;
            }
        }
        books.read(chance.below(20)).await;
    }

    let ids: Vec<B256> = messages.iter().map(|m| m.id).collect();
    let mut relay = env.relay().await;
    relay.until(&ids, State::Mined).await;
    env.chain().mine(12).await;
    relay.until(&ids, State::Final).await;
    for signer in SIGNERS {
        let signer = env.wallet(signer).address();
        let mut used = env.chain().used_nonces(signer).await;
        used.sort();
        let own = messages.iter().filter(|m| m.message.from == signer);
        assert_eq!(used, own.map(|m| m.message.nonce).collect::<Vec<_>>(), "{chance:?}");
        let balance = env.chain().balance(signer).await;
        books.read_until(signer, balance).await;
    }
}

/// Up to thirty messages of chance signers, all accepted.
async fn hand_in(env: &Environment, chance: &mut Chance, messages: &mut Vec<Signed>) {
    let mut relay = env.relay().await;
    for _ in 0..chance.below(30) {
        let signer = *SIGNERS.start() + chance.below(SIGNERS.count() as u64) as usize;
        let paid = env.wallet(signer).pay(STRANGER, MILLICREDIT);
        relay.accepted(&paid).await;
        messages.push(paid);
    }
}

async fn drop_a_transaction(env: &Environment, messages: &[Signed]) {
    let Some(last) = messages.last() else { return };
    let status = env.relay().await.status(last.id).await.unwrap().last;
    if let (State::Submitted, Some(hash)) = (status.status, status.tx_hash) {
        env.chain().drop_transaction(hash).await;
    }
}

/// What a subscriber knows who has nothing but the pushes of `wallet.balance`.
struct Books {
    socket: Socket,
    cursor: Option<Value>,
    balances: BTreeMap<Address, U256>,
}

impl Books {
    async fn open(env: &Environment) -> Self {
        let socket = subscribed(env, json!({"channel": "wallet.balance"})).await;
        Self { socket, cursor: None, balances: BTreeMap::new() }
    }

    /// Goes on after the last push that was read, on a new connection.
    async fn resume(&mut self, env: &Environment) {
        let mut params = json!({"channel": "wallet.balance"});
        params["cursor"] = self.cursor.clone().unwrap_or_default();
        self.socket = subscribed(env, params).await;
    }

    /// Reads up to `count` pushes, those that are there.
    async fn read(&mut self, count: u64) {
        for _ in 0..count {
            match self.socket.push_within(Duration::from_millis(20)).await {
                Some(push) => self.enter(&push["params"]),
                None => return,
            }
        }
    }

    async fn read_until(&mut self, address: Address, balance: U256) {
        while self.balances.get(&address) != Some(&balance) {
            let push = self.socket.push("wallet.balance_changed").await;
            self.enter(&push);
        }
    }

    /// Each entry goes on where the last one of that address ended.
    fn enter(&mut self, entry: &Value) {
        let wei = |field: &str| entry[field].as_str().unwrap().parse::<U256>().unwrap();
        let address = entry["address"].as_str().unwrap().parse().unwrap();
        let known = self.balances.insert(address, wei("newBalanceWei"));
        if let Some(known) = known {
            assert_eq!(wei("previousBalanceWei"), known, "a gap or a double before {entry:#}");
        }
        self.cursor = Some(entry["cursor"].clone());
    }
}

async fn subscribed(env: &Environment, params: Value) -> Socket {
    let mut socket = env.stream().await;
    socket.call("subscribe", params).await.unwrap();
    socket
}
