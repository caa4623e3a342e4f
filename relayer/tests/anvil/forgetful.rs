//! Endpoints with a mind of their own: machines that are not equally far, so that nonces come without receipts
//! or blocks; and a pool that takes small transactions only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use tokio::sync::watch;
use wia_protocol::relay::State;
use wia_relayer::chain::{Call, MinedTransaction, TransactionReceipt};
use wia_relayer::{Chain, ChainError, Head, RpcChain, open};

use crate::support::{Anvil, CREDIT, Relay, config, lane_key, opened, origin, states, within};

const PAYEE: Address = Address::repeat_byte(0xbb);

/// Anvil, without what it has forgotten or does not want.
struct Forgetful {
    chain: RpcChain,
    receipts: AtomicBool,
    blocks: AtomicBool,
    /// Questions that got no answer though there is one.
    unanswered: AtomicUsize,
    /// Questions for logs.
    searches: AtomicUsize,
    /// The longest transaction that its pool takes, in bytes.
    longest: usize,
}

impl Forgetful {
    async fn before(anvil: &Anvil) -> Arc<Self> {
        Self::with_longest(anvil, usize::MAX).await
    }

    async fn with_longest(anvil: &Anvil, longest: usize) -> Arc<Self> {
        let ws = format!("ws://127.0.0.1:{}", anvil.port);
        let chain = RpcChain::connect(&anvil.url(), Some(&ws), 2_000).await.unwrap();
        Arc::new(Self {
            chain,
            receipts: AtomicBool::new(false),
            blocks: AtomicBool::new(false),
            unanswered: AtomicUsize::new(0),
            searches: AtomicUsize::new(0),
            longest,
        })
    }

    fn answered<T>(&self, forgotten: &AtomicBool, answer: Option<T>) -> Option<T> {
        if answer.is_some() && forgotten.load(Ordering::SeqCst) {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            return None;
        }
        answer
    }
}

#[async_trait]
impl Chain for Forgetful {
    fn heads(&self) -> watch::Receiver<Option<Head>> {
        self.chain.heads()
    }
    async fn chain_id(&self) -> Result<u64, ChainError> {
        self.chain.chain_id().await
    }
    async fn head(&self) -> Result<Head, ChainError> {
        self.chain.head().await
    }
    async fn block_hash(&self, number: u64) -> Result<Option<B256>, ChainError> {
        Ok(self.answered(&self.blocks, self.chain.block_hash(number).await?))
    }
    async fn receipt(&self, transaction: B256) -> Result<Option<TransactionReceipt>, ChainError> {
        Ok(self.answered(&self.receipts, self.chain.receipt(transaction).await?))
    }
    async fn transaction(&self, hash: B256) -> Result<Option<MinedTransaction>, ChainError> {
        self.chain.transaction(hash).await
    }
    async fn transactions_with_log(
        &self,
        contract: Address,
        topics: [B256; 3],
        from: u64,
    ) -> Result<Vec<B256>, ChainError> {
        self.searches.fetch_add(1, Ordering::SeqCst);
        self.chain.transactions_with_log(contract, topics, from).await
    }
    async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        self.chain.nonce(account).await
    }
    async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.chain.balance(account).await
    }
    async fn code(&self, account: Address) -> Result<Bytes, ChainError> {
        self.chain.code(account).await
    }
    async fn call(&self, call: Call, at: Option<u64>) -> Result<Bytes, ChainError> {
        self.chain.call(call, at).await
    }
    async fn estimate_gas(&self, call: Call) -> Result<u64, ChainError> {
        self.chain.estimate_gas(call).await
    }
    async fn priority_fee(&self) -> Result<u128, ChainError> {
        self.chain.priority_fee().await
    }
    async fn gas_price(&self) -> Result<u128, ChainError> {
        self.chain.gas_price().await
    }
    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError> {
        if raw.len() > self.longest {
            self.unanswered.fetch_add(1, Ordering::SeqCst);
            let message = format!("oversized data: transaction size {}, limit {}", raw.len(), self.longest);
            return Err(ChainError::Refused { method: "eth_sendRawTransaction", code: -32000, message });
        }
        self.chain.send_raw(raw).await
    }
}

async fn at_least(counter: &AtomicUsize, times: usize) {
    within("it was asked again", async {
        while counter.load(Ordering::SeqCst) < times {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_our_own_transaction_did_is_no_rivals_while_its_receipt_is_missing() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let chain = Forgetful::before(&anvil).await;
    let mut config = config(&anvil);
    config.retry_interval_ms = 20;
    let relay = Relay::start_on(&anvil, folder.path(), config, chain.clone()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    chain.receipts.store(true, Ordering::SeqCst);
    anvil.mine_with(steps.until(State::Submitted).await.tx_hash.unwrap()).await;
    // Who did it was asked, more than once; and it was ourselves.
    at_least(&chain.searches, 3).await;
    assert_eq!(relay.status(relay_id).await.last.status, State::Submitted);
    chain.receipts.store(false, Ordering::SeqCst);
    steps.until(State::Mined).await;
    assert_eq!(anvil.balance(PAYEE).await, U256::from(CREDIT));
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_the_endpoint_does_not_know_has_not_left_the_chain() {
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    let relay = Relay::start(&anvil, folder.path()).await;
    let alice = anvil.wallet(1, 10).await;
    let transfer = anvil.transfer(&alice, PAYEE, 1, 0).await;
    let (relay_id, mut steps) = relay.follow(&transfer).await;
    steps.mined(&anvil).await;
    drop(steps);
    relay.kill().await;
    // A new start asks for the block of everything that is in one.
    let chain = Forgetful::before(&anvil).await;
    chain.blocks.store(true, Ordering::SeqCst);
    let mut config = config(&anvil);
    config.retry_interval_ms = 20;
    let relay = Relay::start_on(&anvil, folder.path(), config, chain.clone()).await;
    anvil.mine(20).await;
    at_least(&chain.unanswered, 5).await;
    assert_eq!(relay.status(relay_id).await.last.status, State::Mined);
    chain.blocks.store(false, Ordering::SeqCst);
    relay.steps(relay_id).until(State::Final).await;
    let expected = [State::Accepted, State::Claimed, State::Submitted, State::Mined, State::Final];
    assert_eq!(states(&relay.status(relay_id).await), expected);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pool_finds_too_large_at_any_price_goes_in_smaller_batches() {
    const MESSAGES: u64 = 8;
    let (anvil, folder) = (Anvil::start().await, tempfile::tempdir().unwrap());
    // Two messages of about 400 bytes fit.
    let chain = Forgetful::with_longest(&anvil, 1_200).await;
    let alice = anvil.wallet(1, 10).await;
    let mut relay_ids = Vec::new();
    {
        // Accepted by an engine that never runs: they wait together for the next one.
        let store = opened(folder.path()).await;
        let (_engine, relayer) = open(&store, config(&anvil), chain.clone(), lane_key()).await.unwrap();
        for nonce in 0..MESSAGES {
            let transfer = anvil.transfer(&alice, PAYEE, 1, nonce).await;
            relay_ids.push(relayer.submit(transfer, &origin()).await.unwrap().relay_id);
        }
    }
    let mut config = config(&anvil);
    // A batch that does not fit counts against none of its messages.
    (config.max_attempts, config.retry_interval_ms) = (1, 20);
    let relay = Relay::start_on(&anvil, folder.path(), config, chain.clone()).await;
    for relay_id in relay_ids {
        relay.mine_until(&anvil, relay_id, State::Final).await;
    }
    assert!(chain.unanswered.load(Ordering::SeqCst) >= 3, "all eight, and both fours");
    assert_eq!(anvil.balance(PAYEE).await, U256::from(MESSAGES) * U256::from(CREDIT));
    relay.stop().await;
}
