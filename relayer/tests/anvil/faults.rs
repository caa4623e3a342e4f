//! What goes wrong around the relayer: an endpoint that goes away, a process that is killed, fees that rise, a
//! stranger on the lane's account. Nothing is lost, nothing is done twice.

mod depths;
mod disk;
mod endpoint;
mod fees;
mod nonces;
mod unreliable;

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wia_protocol::relay::State;
use wia_relayer::{Condition, RelayerError, RpcChain, open};

use crate::support::{Anvil, CREDIT, Relay, config, direct, lane_key, opened, states};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// Passes bytes to anvil while it is open; closed, its port refuses connections.
struct Proxy {
    port: u16,
    open: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
}

impl Proxy {
    async fn open(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut proxy = Self { port, open: None };
        proxy.serve(listener, target);
        proxy
    }

    fn serve(&mut self, listener: TcpListener, target: u16) {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    accepted = listener.accept() => {
                        let (mut inward, _) = accepted.unwrap();
                        connections.spawn(async move {
                            let mut outward = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                            // Either side may hang up.
                            let _ = copy_bidirectional(&mut inward, &mut outward).await;
                        });
                    }
                }
            }
        });
        self.open = Some((stop, task));
    }

    async fn close(&mut self) {
        let (stop, task) = self.open.take().unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    async fn reopen(&mut self, target: u16) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.serve(listener, target);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_goes_away_delays_messages_and_refuses_none() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut proxy = Proxy::open(anvil.port).await;
    let relay = Relay::start_with(&anvil, folder.path(), config(&anvil), proxy.port).await;
    let alice = anvil.wallet(1, 10).await;
    let (before, during) =
        (anvil.transfer(&alice, PAYEE, 1, 0).await, anvil.transfer(&alice, PAYEE, 1, 1).await);
    let (_, mut first) = relay.follow(&before).await;
    let sent = first.until(State::Submitted).await;
    anvil.pooled(sent.tx_hash.unwrap()).await;
    proxy.close().await;
    let (_, mut second) = relay.follow(&during).await;
    assert!(matches!(relay.relayer.health().condition, Condition::Degraded { .. }));
    anvil.mine(1).await;
    proxy.reopen(anvil.port).await;
    first.until(State::Mined).await;
    second.mined(&anvil).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(2 * CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_a_transaction_in_the_pool_it_is_executed_once() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let hash = steps.until(State::Submitted).await.tx_hash.unwrap();
    anvil.pooled(hash).await;
    drop(steps);
    relay.kill().await;
    // The pool forgets it too: only the store knows.
    anvil.provider.anvil_drop_transaction(hash).await.unwrap();
    let relay = Relay::start(&anvil, folder.path()).await;
    let mut steps = relay.steps(relay_id);
    anvil.mine_with(hash).await;
    assert_eq!(steps.until(State::Mined).await.tx_hash, Some(hash));
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    assert_eq!(relay.relayer.health().lanes[0].nonce.unwrap_or(1), 1);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_block_was_mined_it_learns_of_it() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let sent = steps.until(State::Submitted).await;
    anvil.pooled(sent.tx_hash.unwrap()).await;
    drop(steps);
    relay.kill().await;
    anvil.mine(20).await;
    let relay = Relay::start(&anvil, folder.path()).await;
    let last = relay.steps(relay_id).until(State::Final).await;
    assert!(last.confirmations.unwrap() >= 12);
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_there_after_a_kill_and_goes_out_then() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let relay_id = {
        // Opened, never run: whatever was acknowledged is on disk and nothing else has happened.
        let store = opened(folder.path()).await;
        let chain = Arc::new(RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap());
        let (engine, relayer) = open(&store, config(&anvil), chain, lane_key()).await.unwrap();
        let submitted = relayer.submit(transfer.clone(), &crate::support::origin()).await.unwrap();
        drop(engine);
        let stopping = relayer.submit(transfer, &crate::support::origin()).await.unwrap_err();
        assert_eq!(stopping.code, -32000);
        submitted.relay_id
    };
    let relay = Relay::start(&anvil, folder.path()).await;
    let mut steps = relay.steps(relay_id);
    steps.mined(&anvil).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_transaction_is_replaced_and_executed_once() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let mut config = config(&anvil);
    config.replace_after_blocks = 1;
    let relay = Relay::start_with(&anvil, folder.path(), config, anvil.port).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let first = steps.until(State::Submitted).await.tx_hash;
    anvil.pooled(first.unwrap()).await;
    // The base fee jumps over what it offers.
    anvil.provider.anvil_set_next_block_base_fee_per_gas(20_000_000_000).await.unwrap();
    anvil.mine(1).await;
    let second = steps.until(State::Submitted).await.tx_hash;
    assert_ne!(first, second);
    relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    assert_eq!(anvil.provider.get_transaction_count(relay.lane.address()).await.unwrap(), 1);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_a_stranger_took_costs_no_message() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let hash = steps.until(State::Submitted).await.tx_hash.unwrap();
    anvil.pooled(hash).await;
    // Somebody else sends from the lane's account, under the same nonce.
    anvil.provider.anvil_drop_transaction(hash).await.unwrap();
    anvil.provider.anvil_impersonate_account(relay.lane.address()).await.unwrap();
    anvil.send(relay.lane.address(), PAYEE, Default::default()).await;
    anvil.mine(1).await;
    steps.until(State::Accepted).await;
    steps.mined(&anvil).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    let status = relay.status(relay_id).await;
    assert_eq!(states(&status)[2..4], [State::Submitted, State::Accepted]);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transaction_whose_message_a_rival_executed_is_mined_with_the_rivals() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    let hash = steps.until(State::Submitted).await.tx_hash.unwrap();
    anvil.pooled(hash).await;
    anvil.provider.anvil_drop_transaction(hash).await.unwrap();
    anvil.provider.anvil_impersonate_account(relay.lane.address()).await.unwrap();
    anvil.send(relay.lane.address(), PAYEE, Default::default()).await;
    let rival = anvil.provider.get_accounts().await.unwrap()[5];
    let theirs = anvil.send(rival, anvil.contract, direct(&transfer)).await;
    let status = relay.mine_until(&anvil, relay_id, State::Mined).await;
    assert_eq!(status.last.tx_hash, Some(theirs));
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_of_another_chain_is_refused() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    Relay::start(&anvil, folder.path()).await.stop().await;
    let mut other = config(&anvil);
    other.deployment.chain_id = 1;
    let store = opened(folder.path()).await;
    let chain = Arc::new(RpcChain::connect(&anvil.url(), None, 2_000).await.unwrap());
    let wrong = open(&store, other, chain.clone(), lane_key()).await.err().unwrap();
    assert!(matches!(wrong, RelayerError::WrongChain { expected: 1, actual: 31_337 }), "{wrong}");
    store.tree("relay_chain").unwrap().insert(b"first_block", &[7; 32]).unwrap();
    let wrong = open(&store, config(&anvil), chain, lane_key()).await.err().unwrap();
    assert!(matches!(wrong, RelayerError::OtherChain { .. }), "{wrong}");
}
