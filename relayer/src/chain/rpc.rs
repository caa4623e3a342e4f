//! [`Chain`] over JSON-RPC: questions over HTTP, heads over WebSocket where there is one.
//!
//! In: the endpoint's addresses. Out: answers, and a watched head. The head is polled besides the
//! subscription, seldom while that one lives: a dead connection and a chain that was rolled back say nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use alloy::consensus::Transaction as _;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::network::{TransactionBuilder, TransactionResponse};
use alloy::primitives::{Address, B256, Bytes, Log, LogData, U64, U256};
use alloy::providers::{Provider, ProviderBuilder, RootProvider, WsConnect};
use alloy::rpc::types::{Filter, Header, TransactionRequest};
use alloy::transports::TransportError;
use alloy::transports::http::reqwest;
use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::{Call, Chain, ChainError, Head, MinedTransaction, TransactionReceipt};
use wia_protocol::endpoint::without_secrets;

use crate::RelayerError;

/// Polling without a subscription.
const POLL: Duration = Duration::from_millis(500);
/// Polling beside a living subscription.
const POLL_BESIDE_SUBSCRIPTION: Duration = Duration::from_secs(2);
/// Pause before the WebSocket is dialled again.
const REDIAL: Duration = Duration::from_millis(500);
/// JSON-RPC code of endpoints that count requests (EIP-1474 "limit exceeded").
const LIMIT_EXCEEDED: i64 = -32005;
/// JSON-RPC code of a revert (geth, and those that follow it).
const REVERTED: i64 = 3;

/// A chain behind a JSON-RPC endpoint. Dropping it ends its two head followers.
pub struct RpcChain {
    http: Http,
    heads: watch::Receiver<Option<Head>>,
    _followers: Vec<AbortOnDropHandle<()>>,
}

#[derive(Clone)]
struct Http {
    provider: RootProvider,
    url: Arc<str>,
}

/// Where both followers publish; a poll that was overtaken by a pushed head is thrown away.
struct Publisher {
    heads: watch::Sender<Option<Head>>,
    pushes: AtomicU64,
    subscribed: AtomicBool,
}

impl RpcChain {
    /// Prepares the connection and asks for a first head. An endpoint that is away is no error: it is asked
    /// again until it answers. `request_timeout_ms` bounds every question.
    ///
    /// # Errors
    /// [`RelayerError::Endpoint`] when an address is none.
    pub async fn connect(
        http_url: &str,
        ws_url: Option<&str>,
        request_timeout_ms: u64,
    ) -> Result<Self, RelayerError> {
        let bad = |url: &str, reason: String| RelayerError::Endpoint { url: without_secrets(url), reason };
        let url: reqwest::Url = http_url.parse().map_err(|e| bad(http_url, format!("{e}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad(http_url, "it must begin with http:// or https://".into()));
        }
        if let Some(ws) = ws_url {
            let parsed: reqwest::Url = ws.parse().map_err(|e| bad(ws, format!("{e}")))?;
            if !matches!(parsed.scheme(), "ws" | "wss") {
                return Err(bad(ws, "it must begin with ws:// or wss://".into()));
            }
        }
        let client = reqwest::Client::builder()
            .timeout(Duration::from_millis(request_timeout_ms))
            .build()
            .map_err(|e| bad(http_url, e.to_string()))?;
        let http = Http {
            url: url.as_str().into(),
            provider: ProviderBuilder::default().connect_reqwest(client, url),
        };

        let (sender, heads) = watch::channel(None);
        let publisher = Arc::new(Publisher {
            heads: sender,
            pushes: AtomicU64::new(0),
            subscribed: AtomicBool::new(false),
        });
        poll_once(&http, &publisher).await;
        let mut followers =
            vec![AbortOnDropHandle::new(tokio::spawn(poll(http.clone(), Arc::clone(&publisher))))];
        if let Some(ws) = ws_url {
            let subscriber = subscribe(ws.to_owned(), http.clone(), publisher);
            followers.push(AbortOnDropHandle::new(tokio::spawn(subscriber)));
        }
        Ok(Self { http, heads, _followers: followers })
    }
}

async fn poll(http: Http, publisher: Arc<Publisher>) {
    loop {
        let subscribed = publisher.subscribed.load(Ordering::Relaxed);
        tokio::time::sleep(if subscribed { POLL_BESIDE_SUBSCRIPTION } else { POLL }).await;
        poll_once(&http, &publisher).await;
    }
}

async fn poll_once(http: &Http, publisher: &Publisher) {
    let pushes = publisher.pushes.load(Ordering::SeqCst);
    match http.head().await {
        Ok(head) if publisher.pushes.load(Ordering::SeqCst) == pushes => publisher.publish(head),
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "no head"),
    }
}

async fn subscribe(url: String, http: Http, publisher: Arc<Publisher>) {
    loop {
        if let Err(error) = push(&url, &http, &publisher).await {
            tracing::debug!(error = %error.to_string().replace(&url, "the endpoint"), "head subscription ended");
        }
        publisher.subscribed.store(false, Ordering::Relaxed);
        tokio::time::sleep(REDIAL).await;
    }
}

/// Publishes pushed heads until the connection ends.
async fn push(url: &str, http: &Http, publisher: &Publisher) -> Result<(), TransportError> {
    let connect = WsConnect::new(url).with_max_retries(0);
    let provider: RootProvider = ProviderBuilder::default().connect_ws(connect).await?;
    let mut blocks = provider.subscribe_blocks().await?;
    publisher.subscribed.store(true, Ordering::Relaxed);
    // Blocks between the last poll and the subscription were pushed to nobody.
    poll_once(http, publisher).await;
    loop {
        match blocks.recv().await {
            Ok(header) => {
                publisher.pushes.fetch_add(1, Ordering::SeqCst);
                publisher.publish(head_of(&header));
            }
            Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => poll_once(http, publisher).await,
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return Ok(()),
        }
    }
}

impl Publisher {
    fn publish(&self, head: Head) {
        self.heads.send_if_modified(|known| {
            let news = known.is_none_or(|k| k.hash != head.hash);
            if news {
                *known = Some(head);
            }
            news
        });
    }
}

fn head_of(header: &Header) -> Head {
    Head {
        number: header.number,
        hash: header.hash,
        parent_hash: header.parent_hash,
        timestamp: header.timestamp,
        base_fee_per_gas: header.base_fee_per_gas.map(u128::from),
        gas_limit: header.gas_limit,
    }
}

/// As much of a receipt as is asked for. alloy's own type reads every log by way of a tree of values, which for the
/// receipt of a batch costs more than all else that is done with it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptJson {
    /// Before Byzantium there was none.
    #[serde(default)]
    status: U64,
    block_number: Option<U64>,
    block_hash: Option<B256>,
    logs: Vec<LogJson>,
}

#[derive(Debug, Deserialize)]
struct LogJson {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl LogJson {
    fn into_log(self) -> Log {
        Log { address: self.address, data: LogData::new_unchecked(self.topics, self.data) }
    }
}

fn request_of(call: Call) -> TransactionRequest {
    let mut request =
        TransactionRequest::default().with_from(call.from).with_to(call.to).with_input(call.input);
    if let Some(gas) = call.gas {
        request.set_gas_limit(gas);
    }
    match (call.max_fee_per_gas, call.max_priority_fee_per_gas) {
        (Some(max_fee), Some(priority)) => {
            request.set_max_fee_per_gas(max_fee);
            request.set_max_priority_fee_per_gas(priority);
        }
        (Some(price), None) => request.set_gas_price(price),
        (None, _) => {}
    }
    request
}

impl Http {
    async fn head(&self) -> Result<Head, ChainError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let block = self.provider.get_block_by_number(BlockNumberOrTag::Latest).await;
        let block = block.map_err(|e| self.failed(METHOD, &e))?;
        let nothing = || ChainError::Unavailable { method: METHOD, reason: "it knows no block".into() };
        block.map(|b| head_of(&b.header)).ok_or_else(nothing)
    }

    /// Sorts what went wrong. An endpoint's address may hold a secret: it never gets into a text.
    fn failed(&self, method: &'static str, error: &TransportError) -> ChainError {
        metrics::counter!("wia_relayer_rpc_errors_total", "method" => method).increment(1);
        let Some(payload) = error.as_error_resp() else {
            let reason = error.to_string().replace(&*self.url, "the endpoint");
            return ChainError::Unavailable { method, reason };
        };
        match payload.as_revert_data() {
            Some(data) => ChainError::Reverted { method, data },
            None if payload.code == REVERTED => ChainError::Reverted { method, data: Bytes::new() },
            None if payload.code == LIMIT_EXCEEDED => {
                ChainError::Unavailable { method, reason: payload.message.to_string() }
            }
            None => ChainError::Refused { method, code: payload.code, message: payload.message.to_string() },
        }
    }
}

#[async_trait]
impl Chain for RpcChain {
    fn heads(&self) -> watch::Receiver<Option<Head>> {
        self.heads.clone()
    }

    async fn chain_id(&self) -> Result<u64, ChainError> {
        self.http.provider.get_chain_id().await.map_err(|e| self.http.failed("eth_chainId", &e))
    }

    async fn head(&self) -> Result<Head, ChainError> {
        self.http.head().await
    }

    async fn block_hash(&self, number: u64) -> Result<Option<B256>, ChainError> {
        let block = self.http.provider.get_block_by_number(BlockNumberOrTag::Number(number)).await;
        let block = block.map_err(|e| self.http.failed("eth_getBlockByNumber", &e))?;
        Ok(block.map(|b| b.header.hash))
    }

    async fn receipt(&self, transaction: B256) -> Result<Option<TransactionReceipt>, ChainError> {
        const METHOD: &str = "eth_getTransactionReceipt";
        let receipt: Result<Option<ReceiptJson>, _> =
            self.http.provider.raw_request(METHOD.into(), [transaction]).await;
        let receipt = receipt.map_err(|e| self.http.failed(METHOD, &e))?;
        // A receipt without a block belongs to a pending transaction (some endpoints give those).
        Ok(receipt.and_then(|r| {
            Some(TransactionReceipt {
                succeeded: r.status == U64::from(1),
                block_number: r.block_number?.to(),
                block_hash: r.block_hash?,
                logs: r.logs.into_iter().map(LogJson::into_log).collect(),
            })
        }))
    }

    async fn transaction(&self, hash: B256) -> Result<Option<MinedTransaction>, ChainError> {
        let found = self.http.provider.get_transaction_by_hash(hash).await;
        let found = found.map_err(|e| self.http.failed("eth_getTransactionByHash", &e))?;
        Ok(found.and_then(|t| {
            Some(MinedTransaction {
                hash,
                from: t.from(),
                nonce: t.nonce(),
                input: t.input().clone(),
                block_number: t.block_number?,
                block_hash: t.block_hash?,
            })
        }))
    }

    async fn transactions_with_log(
        &self,
        contract: Address,
        topics: [B256; 3],
        from: u64,
    ) -> Result<Vec<B256>, ChainError> {
        let [event, first, second] = topics;
        let filter = Filter::new().address(contract).from_block(from);
        let filter = filter.event_signature(event).topic1(first).topic2(second);
        let logs = self.http.provider.get_logs(&filter).await;
        let logs = logs.map_err(|e| self.http.failed("eth_getLogs", &e))?;
        Ok(logs.into_iter().filter_map(|log| log.transaction_hash).collect())
    }

    async fn nonce(&self, account: Address) -> Result<u64, ChainError> {
        let nonce = self.http.provider.get_transaction_count(account).latest().await;
        nonce.map_err(|e| self.http.failed("eth_getTransactionCount", &e))
    }

    async fn balance(&self, account: Address) -> Result<U256, ChainError> {
        let balance = self.http.provider.get_balance(account).latest().await;
        balance.map_err(|e| self.http.failed("eth_getBalance", &e))
    }

    async fn code(&self, account: Address) -> Result<Bytes, ChainError> {
        let code = self.http.provider.get_code_at(account).latest().await;
        code.map_err(|e| self.http.failed("eth_getCode", &e))
    }

    async fn call(&self, call: Call, at: Option<u64>) -> Result<Bytes, ChainError> {
        let block = at.map_or(BlockId::latest(), BlockId::number);
        let answer = self.http.provider.call(request_of(call)).block(block).await;
        answer.map_err(|e| self.http.failed("eth_call", &e))
    }

    async fn estimate_gas(&self, call: Call) -> Result<u64, ChainError> {
        let gas = self.http.provider.estimate_gas(request_of(call)).block(BlockId::latest()).await;
        gas.map_err(|e| self.http.failed("eth_estimateGas", &e))
    }

    async fn priority_fee(&self) -> Result<u128, ChainError> {
        let fee = self.http.provider.get_max_priority_fee_per_gas().await;
        fee.map_err(|e| self.http.failed("eth_maxPriorityFeePerGas", &e))
    }

    async fn gas_price(&self) -> Result<u128, ChainError> {
        self.http.provider.get_gas_price().await.map_err(|e| self.http.failed("eth_gasPrice", &e))
    }

    async fn send_raw(&self, raw: &[u8]) -> Result<(), ChainError> {
        let sent = self.http.provider.send_raw_transaction(raw).await;
        sent.map(drop).map_err(|e| self.http.failed("eth_sendRawTransaction", &e))
    }
}
