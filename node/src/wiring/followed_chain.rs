//! The relayer's view of its chain, with the indexer's log beside the endpoint: blocks that the indexer has proved by
//! their parents, and events however old, cost the endpoint no question.
//!
//! In: questions of the relayer. Out: facts of the log while it stands at the very head that the relayer sees, else the
//! endpoint's: a log that is behind, or on another branch, says nothing here.

use alloy::primitives::{Address, B256, Bytes, U256};
use async_trait::async_trait;
use tokio::sync::watch;
use wia_indexer::{BlockId, BlockView, EventFilter, EventQuery, Indexer, IndexerError, MAX_PAGE};
use wia_protocol::indexer::FilterSpec;
use wia_relayer::chain::{Call, MinedTransaction, TransactionReceipt};
use wia_relayer::{Chain, ChainError, Head, RpcChain};

/// The endpoint, and the log that follows the same chain.
pub(super) struct FollowedChain {
    endpoint: RpcChain,
    indexer: Indexer,
}

impl FollowedChain {
    pub(super) fn new(endpoint: RpcChain, indexer: Indexer) -> Self {
        Self { endpoint, indexer }
    }

    /// What the log says, off the runtime's threads; `None` when it does not stand at the relayer's head, before or
    /// after it was read, or cannot answer.
    async fn read_log<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Indexer) -> Result<T, IndexerError> + Send + 'static,
    ) -> Option<T> {
        let here =
            |indexer: &Indexer, head: Option<Head>| indexer.head().map(|h| h.hash) == head.map(|h| h.hash);
        let head = *self.endpoint.heads().borrow();
        if head.is_none() || !here(&self.indexer, head) {
            return None;
        }
        let indexer = self.indexer.clone();
        let answer = tokio::task::spawn_blocking(move || read(&indexer)).await.ok()?;
        if let Err(error) = &answer {
            tracing::debug!(%error, "the log has no answer for the relayer");
        }
        answer.ok().filter(|_| here(&self.indexer, head))
    }
}

/// The transactions of the log in which `contract` logged an event with these topics, in order.
fn transactions(
    indexer: &Indexer,
    contract: Address,
    topics: [B256; 3],
    from: u64,
) -> Result<Vec<B256>, IndexerError> {
    let [_, _, rarest] = topics;
    let spec =
        FilterSpec { contracts: vec![contract.to_string()], topics: vec![rarest], ..FilterSpec::default() };
    let filter = EventFilter::resolve(&spec, indexer.catalog())?;
    let mut query = EventQuery { filter, limit: MAX_PAGE, from_block: Some(from), ..EventQuery::default() };
    let mut found = Vec::new();
    loop {
        let page = indexer.page(&query)?;
        for message in &page.messages {
            let record = message.record();
            let transaction = message.entry().block.transactions.get(record.transaction as usize);
            if record.topics.starts_with(&topics) {
                found.extend(transaction.copied());
            }
        }
        let Some(next) = page.next else { return Ok(found) };
        query.after = Some(next);
    }
}

#[async_trait]
impl Chain for FollowedChain {
    fn heads(&self) -> watch::Receiver<Option<Head>> {
        self.endpoint.heads()
    }

    async fn chain_id(&self) -> Result<u64, ChainError> {
        self.endpoint.chain_id().await
    }

    async fn head(&self) -> Result<Head, ChainError> {
        self.endpoint.head().await
    }

    async fn block_hash(&self, number: u64) -> Result<Option<B256>, ChainError> {
        let view = self.read_log(move |indexer| indexer.block(BlockId::Number(number))).await;
        let stands = |view: &BlockView| view.confirmations > 0 && view.entry.block.number.0 == number;
        match view.flatten().filter(stands) {
            Some(view) => Ok(Some(view.entry.block.hash)),
            // It may be older than the log.
            None => self.endpoint.block_hash(number).await,
        }
    }

    async fn receipt(&self, transaction: B256) -> Result<Option<TransactionReceipt>, ChainError> {
        self.endpoint.receipt(transaction).await
    }

    async fn transaction(&self, hash: B256) -> Result<Option<MinedTransaction>, ChainError> {
        self.endpoint.transaction(hash).await
    }

    async fn transactions_with_log(
        &self,
        contract: Address,
        topics: [B256; 3],
        from: u64,
    ) -> Result<Vec<B256>, ChainError> {
        match self.read_log(move |indexer| transactions(indexer, contract, topics, from)).await {
            Some(found) => Ok(found),
            None => self.endpoint.transactions_with_log(contract, topics, from).await,
        }
    }

    async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        self.endpoint.nonce(account).await
    }

    async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        self.endpoint.balance(account).await
    }

    async fn code(&self, account: Address) -> Result<Bytes, ChainError> {
        self.endpoint.code(account).await
    }

    async fn call(&self, call: Call, at: Option<u64>) -> Result<Bytes, ChainError> {
        self.endpoint.call(call, at).await
    }

    async fn estimate_gas(&self, call: Call) -> Result<u64, ChainError> {
        self.endpoint.estimate_gas(call).await
    }

    async fn priority_fee(&self) -> Result<u128, ChainError> {
        self.endpoint.priority_fee().await
    }

    async fn gas_price(&self) -> Result<u128, ChainError> {
        self.endpoint.gas_price().await
    }

    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError> {
        self.endpoint.send_raw(raw).await
    }
}
