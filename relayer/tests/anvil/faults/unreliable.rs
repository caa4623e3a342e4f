//! An endpoint that is silent, broken, behind, or lies: messages are taken and wait, and once it is well again each is
//! executed once, as the chain says. None is refused for what the endpoint did.

use alloy::primitives::{Address, B256, U256};
use alloy::providers::Provider;
use alloy::providers::ext::AnvilApi;
use alloy::rpc::types::Filter;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolEvent;
use tempfile::TempDir;
use wia_abi::CarbonCredit::AuthorizationUsed;
use wia_protocol::relay::State;
use wia_relayer::Config;

use super::endpoint::{Endpoint, Fault};
use crate::support::{Anvil, CREDIT, Relay, config, lane_key, states};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// The lane's nonce at the start: no record of its own tells the relayer what it is.
const FIRST_NONCE: u64 = 5;

/// A relayer behind such an endpoint, and a wallet whose messages have dense nonces.
struct Case {
    anvil: Anvil,
    endpoint: Endpoint,
    relay: Relay,
    wallet: PrivateKeySigner,
    relay_ids: Vec<B256>,
    _folder: TempDir,
}

impl Case {
    async fn start() -> Self {
        let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
        anvil.provider.anvil_set_nonce(lane_key().address(), FIRST_NONCE).await.unwrap();
        let wallet = anvil.wallet(1, 100).await;
        anvil.mine(2).await;
        let endpoint = Endpoint::before(&anvil).await;
        let patient = Config {
            // Blocks come as fast as a case can make them: what counts in blocks must not run out meanwhile.
            include_within_blocks: 10_000,
            retry_interval_ms: 50,
            look_interval_ms: 100,
            ..config(&anvil)
        };
        let relay = Relay::start_on(&anvil, folder.path(), patient, endpoint.chain().await).await;
        Self { anvil, endpoint, relay, wallet, relay_ids: Vec::new(), _folder: folder }
    }

    /// Hands in a message, which must be taken.
    async fn hand_in(&mut self) -> B256 {
        let nonce = self.relay_ids.len() as u64;
        let transfer = self.anvil.transfer(&self.wallet, PAYEE, 1, nonce).await;
        let relay_id = self.relay.submit(&transfer).await.unwrap().relay_id;
        self.relay_ids.push(relay_id);
        relay_id
    }

    /// While `fault` is on each of `methods`: a message before it is in the pool, one comes in, blocks are made, and the
    /// fault is met again and again.
    async fn suffer(&mut self, methods: &[&'static str], fault: Fault) {
        let before = self.hand_in().await;
        let sent = self.relay.steps(before).until(State::Submitted).await;
        self.anvil.pooled(sent.tx_hash.unwrap()).await;
        for method in methods {
            self.endpoint.set(method, fault);
        }
        for _ in 0..3 {
            let met = self.endpoint.met();
            self.hand_in().await;
            self.anvil.mine(1).await;
            self.endpoint.met_since(met).await;
        }
        self.endpoint.heal();
    }

    /// Every message ends as final, and the chain has each once.
    async fn all_executed_once(self) {
        for relay_id in &self.relay_ids {
            let status = self.relay.mine_until(&self.anvil, *relay_id, State::Final).await;
            let failed = [State::Rejected, State::Expired, State::Skipped];
            assert!(!states(&status).iter().any(|state| failed.contains(state)), "{:?}", states(&status));
        }
        let filter = Filter::new().address(self.anvil.contract).from_block(0);
        let filter = filter.event_signature(AuthorizationUsed::SIGNATURE_HASH);
        let used = self.anvil.provider.get_logs(&filter).await.unwrap().len();
        assert_eq!(used, self.relay_ids.len(), "each once");
        assert_eq!(self.anvil.balance(PAYEE).await, U256::from(used) * U256::from(CREDIT));
        self.relay.stop().await;
    }
}

async fn survives(methods: &[&'static str], fault: Fault) {
    let mut case = Case::start().await;
    case.suffer(methods, fault).await;
    case.all_executed_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_times_out() {
    survives(&["*"], Fault::Silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_answers_500() {
    survives(&["*"], Fault::Broken).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_every_answer_is_an_error() {
    survives(&["*"], Fault::Error(-32603, "Internal error")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_has_had_enough_requests() {
    survives(&["*"], Fault::Error(-32005, "limit exceeded")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_answers_anything_but_json() {
    survives(&["*"], Fault::Garbage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_knows_less_of_the_lanes_nonce() {
    survives(&["eth_getTransactionCount"], Fault::Off(-2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_says_too_high_a_nonce() {
    survives(&["eth_getTransactionCount"], Fault::Off(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_drops_what_it_says_it_has_taken() {
    survives(&["eth_sendRawTransaction"], Fault::Swallowed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_answer_is_lost_though_it_has_taken_the_transaction() {
    survives(&["eth_sendRawTransaction"], Fault::LostAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_stands_still_at_an_old_block() {
    let mut case = Case::start().await;
    let old = case.anvil.provider.get_block_number().await.unwrap() - 1;
    case.suffer(&["*"], Fault::Old(old)).await;
    case.all_executed_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_with_new_heads_and_an_old_state() {
    let mut case = Case::start().await;
    let old = case.anvil.provider.get_block_number().await.unwrap() - 1;
    case.suffer(
        &["eth_getTransactionCount", "eth_getBalance", "eth_call", "eth_estimateGas"],
        Fault::Old(old),
    )
    .await;
    case.all_executed_once().await;
}
