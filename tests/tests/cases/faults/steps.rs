//! `kill -9` at each step of the write-ahead order, by seed: what was accepted is executed exactly once, whatever the
//! chain and its pool did meanwhile.
//!
//! A step is reached for certain, not by luck: the gate keeps the request or the answer that the next one needs.

use std::time::Duration;

use alloy::primitives::{B256, U256};
use wia_protocol::relay::State;
use wia_tests::{Environment, Kept, Relay, Settings, Signed, Wallet, wait_until};

use super::Chance;
use crate::{MILLICREDIT, STRANGER};

/// Unless `WIA_TEST_SEED` says otherwise.
const SEED: u64 = 20_251_129;
/// Unless `WIA_TEST_KILLS` says otherwise.
const KILLS: usize = 10;
/// Longer than what one step takes on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(40);

/// Where the process is when it is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The messages are durable, nothing else is.
    Accepted,
    /// The transaction is signed and durable, and nobody else has it.
    Signed,
    /// The pool has the transaction, and its answer did not arrive.
    Sent,
    /// The transaction is in a block, and its receipt was not read.
    Included,
    /// The receipt was read.
    Mined,
    /// The fees were raised: the pool has the first version, the second is durable alone.
    Raised,
    /// The block left the chain, and that is durable.
    Reorged,
    /// Everything is done.
    Final,
}

const STEPS: [Step; 8] = [
    Step::Accepted,
    Step::Signed,
    Step::Sent,
    Step::Included,
    Step::Mined,
    Step::Raised,
    Step::Reorged,
    Step::Final,
];

/// What happens while there is no process.
#[derive(Debug, Clone, Copy)]
enum Meanwhile {
    Nothing,
    /// Blocks are made.
    Blocks,
    /// The pool loses what it has.
    Forgotten,
    /// The last blocks leave the chain.
    Reorg,
}

const MEANWHILE: [Meanwhile; 4] =
    [Meanwhile::Nothing, Meanwhile::Blocks, Meanwhile::Forgotten, Meanwhile::Reorg];

#[tokio::test]
async fn killed_at_any_step_it_executes_what_it_accepted_once() {
    let mut chance = Chance::new(SEED);
    let kills = std::env::var("WIA_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut env = Environment::with(Settings { gated: true, ..Settings::default() }).await;
    let wallet = env.wallet(1);
    let before = env.chain().balance(wallet.address()).await;
    // So that no reorg reaches the deployment; from here on blocks are the case's.
    env.chain().mine(20).await;
    env.chain().hold().await;

    let mut messages = Vec::new();
    for kill in 0..kills {
        // Each step in turn, so that few kills see them all; what else happens is chance.
        let step = STEPS[kill % STEPS.len()];
        let meanwhile = MEANWHILE[chance.below(4) as usize];
        let batch: Vec<_> = (0..1 + chance.below(20)).map(|_| wallet.pay(STRANGER, MILLICREDIT)).collect();
        println!("kill {kill}: {} messages, {step:?}, then {meanwhile:?}", batch.len());
        reach(&env, step, &batch).await;
        messages.extend(batch);
        env.wia.kill();
        env.gate().open();
        suffer(&env, meanwhile, &mut chance).await;
        env.restart().await;
        // `wia dev` makes a block each second again.
        env.chain().hold().await;
        every_one_once(&env, &wallet, &messages, before, &[State::Mined, State::Final]).await;
    }
    every_one_once(&env, &wallet, &messages, before, &[State::Final]).await;
    println!("killed {kills} times, {} messages executed once each", messages.len());
}

/// Hands the messages in and brings the relayer to that step with them.
async fn reach(env: &Environment, step: Step, batch: &[Signed]) {
    let (chain, gate) = (env.chain(), env.gate());
    match step {
        Step::Accepted => gate.keep(Kept::Requests, "eth_maxPriorityFeePerGas"),
        Step::Signed => gate.keep(Kept::Requests, "eth_sendRawTransaction"),
        Step::Sent => gate.keep(Kept::Answers, "eth_sendRawTransaction"),
        Step::Included => gate.keep(Kept::Requests, "eth_getTransactionReceipt"),
        Step::Mined | Step::Raised | Step::Reorged | Step::Final => {}
    }
    let mut relay = env.relay().await;
    for message in batch {
        relay.accepted(message).await;
    }
    if let Step::Accepted = step {
        return;
    }
    let ids: Vec<_> = batch.iter().map(|m| m.id).collect();
    let sent = relay.until(&ids, State::Submitted).await;
    if let Step::Signed = step {
        return;
    }
    for update in sent.values() {
        pooled(env, update.tx_hash.unwrap()).await;
    }
    match step {
        Step::Accepted | Step::Signed | Step::Sent => {}
        Step::Included => {
            chain.mine(1).await;
            let signer = batch[0].message.from;
            let used = chain.used_nonces(signer).await;
            assert!(batch.iter().all(|m| used.contains(&m.message.nonce)), "the chain has them");
        }
        Step::Raised => {
            gate.keep(Kept::Requests, "eth_sendRawTransaction");
            let first: Vec<_> = sent.values().map(|update| update.tx_hash).collect();
            raised(env, &mut relay, batch, &first).await;
            chain.set_base_fee(1_000_000_000).await;
        }
        Step::Mined | Step::Reorged | Step::Final => {
            chain.mine(1).await;
            let mined = relay.until(&ids, State::Mined).await;
            if let Step::Reorged = step {
                let lowest = mined.values().filter_map(|update| update.block).min().unwrap();
                chain.reorg_from(lowest).await;
                chain.hold().await;
                relay.until(&ids, State::Reorged).await;
            }
            if let Step::Final = step {
                chain.mine(12).await;
                relay.until(&ids, State::Final).await;
            }
        }
    }
}

async fn pooled(env: &Environment, transaction: B256) {
    wait_until("the transaction to be in the pool", PATIENCE, async || {
        env.chain().knows(transaction).await.then_some(())
    })
    .await;
}

/// Blocks are made until one of the transactions has a second version.
async fn raised(env: &Environment, relay: &mut Relay, batch: &[Signed], first: &[Option<B256>]) {
    wait_until("the fees to be raised", PATIENCE, async || {
        // It falls with each empty block; kept over what any of them offers.
        env.chain().set_base_fee(60_000_000_000).await;
        env.chain().mine(1).await;
        for message in batch {
            let last = relay.status(message.id).await.unwrap().last;
            if last.status == State::Submitted && !first.contains(&last.tx_hash) {
                return Some(());
            }
        }
        None
    })
    .await;
}

async fn suffer(env: &Environment, meanwhile: Meanwhile, chance: &mut Chance) {
    let chain = env.chain();
    match meanwhile {
        Meanwhile::Nothing => {}
        Meanwhile::Blocks => chain.mine(1 + chance.below(14)).await,
        Meanwhile::Forgotten => chain.empty_pool().await,
        Meanwhile::Reorg => {
            chain.reorg_from(chain.head().await - chance.below(6)).await;
            chain.hold().await;
        }
    }
}

/// Blocks are made until the chain has every message and the relayer says so; the chain has each once.
async fn every_one_once(
    env: &Environment,
    wallet: &Wallet,
    messages: &[Signed],
    before: U256,
    states: &[State],
) {
    let (chain, mut relay) = (env.chain(), env.relay().await);
    let expected: Vec<_> = messages.iter().map(|m| m.message.nonce).collect();
    // The chain first: of a reorg while there was no process, the relayer has to learn.
    wait_until("the chain to have every message", PATIENCE, async || {
        let mut used = chain.used_nonces(wallet.address()).await;
        used.sort();
        if used != expected {
            chain.mine(1).await;
        }
        (used == expected).then_some(())
    })
    .await;
    for message in messages {
        wait_until("the relayer to say so", PATIENCE, async || {
            let last = relay.status(message.id).await.expect("what was accepted is known").last;
            let said = states.contains(&last.status);
            if !said {
                chain.mine(1).await;
            }
            said.then_some(())
        })
        .await;
    }
    let moved = MILLICREDIT * U256::from(messages.len());
    assert_eq!(chain.balance(wallet.address()).await, before - moved, "each once");
}
