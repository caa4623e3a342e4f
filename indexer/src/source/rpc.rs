//! Ethereum JSON-RPC: heads by `eth_subscribe`, bulk by HTTP.
//!
//! In: URLs, both of the same node. Out: [`RpcConnector`] and its connections. A WebSocket brings the heads and
//! answers what shows that it is alive; everything else goes over HTTP, where a large answer cannot hold up or break
//! the subscription, and where no Nagle delay (40 ms on the WebSocket, which alloy gives no way to turn off) stands
//! between a head and its logs. Headers are read leniently (only what following a chain needs), so that chains with
//! unusual ones work (C-098).

mod wire;

use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::pubsub::{ConnectionHandle, PubSubConnect};
use alloy::rpc::client::{RpcClient, RpcClientInner, WsConnect};
use alloy::rpc::json_rpc::{RpcRecv, RpcSend};
use alloy::rpc::types::{Filter, Log};
use alloy::transports::{TransportError, TransportErrorKind, TransportResult};
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use wia_abi::BlockNumber;
use wia_protocol::endpoint::without_secrets;

use super::{ChainIdentity, Connector, Source, SourceError, Transport};
use crate::chain::block::{Header, RawLog};
use crate::{Config, IndexerError};
use wire::WireHeader;

/// Headers in one JSON-RPC batch; larger ones gain nothing and some endpoints refuse them.
const HEADERS_PER_REQUEST: u64 = 20;

/// Batches of headers that are in flight at once.
const HEADER_REQUESTS_IN_FLIGHT: usize = 4;

/// Connects to one node over HTTP and, when it has one, WebSocket.
pub struct RpcConnector {
    http_url: alloy::transports::http::reqwest::Url,
    http: RpcClient,
    ws_url: Option<String>,
    contracts: Vec<Address>,
    timeout: Duration,
}

impl RpcConnector {
    /// Reads the URLs; connects to nothing.
    ///
    /// # Errors
    /// [`IndexerError::Config`] naming the URL that is none.
    pub fn new(config: &Config) -> Result<Self, IndexerError> {
        let url = |field, text: &str, schemes: [&str; 2]| {
            let url = text.parse::<alloy::transports::http::reqwest::Url>();
            url.ok().filter(|u| schemes.contains(&u.scheme()) && u.has_host()).ok_or_else(|| {
                let reason = format!("is no {}:// URL", schemes[0]);
                IndexerError::Config { field, reason }
            })
        };
        // FOUNDER: one endpoint only until the pool lands.
        let missing = || IndexerError::Config { field: "endpoints", reason: "name at least one".into() };
        let endpoint = config.endpoints.first().ok_or_else(missing)?;
        let http_url = url("http_url", &endpoint.http_url, ["http", "https"])?;
        if let Some(text) = &endpoint.ws_url {
            url("ws_url", text, ["ws", "wss"])?;
        }
        Ok(Self {
            http: RpcClient::new_http(http_url.clone()),
            http_url,
            ws_url: endpoint.ws_url.clone(),
            contracts: config.contracts.iter().map(|c| c.address).collect(),
            timeout: Duration::from_millis(config.request_timeout_ms),
        })
    }
}

#[async_trait]
impl Connector for RpcConnector {
    fn transports(&self) -> Vec<Transport> {
        let ws = self.ws_url.is_some().then_some(Transport::WebSocket);
        ws.into_iter().chain([Transport::Http]).collect()
    }

    async fn connect(&self, transport: Transport) -> Result<Box<dyn Source>, SourceError> {
        let (client, endpoint, pushes) = match (&self.ws_url, transport) {
            (Some(url), Transport::WebSocket) => {
                let endpoint = without_secrets(url);
                let connecting = Box::pin(RpcClient::connect_pubsub(Once(WsConnect::new(url))));
                let client = within(self.timeout, &endpoint, "connect", connecting).await?;
                (client, endpoint, true)
            }
            _ => (self.http.clone(), without_secrets(self.http_url.as_str()), false),
        };
        Ok(Box::new(RpcSource {
            client,
            http: self.http.clone(),
            endpoint,
            pushes,
            filter: Filter::new().address(self.contracts.clone()),
            timeout: self.timeout,
        }))
    }
}

/// One connection to a node.
struct RpcSource {
    /// What brings the heads.
    client: RpcClient,
    /// What answers questions; the same without a WebSocket.
    http: RpcClient,
    endpoint: String,
    pushes: bool,
    filter: Filter,
    timeout: Duration,
}

impl RpcSource {
    async fn call<P: RpcSend, R: RpcRecv>(
        &self,
        client: &RpcClientInner,
        method: &'static str,
        params: P,
    ) -> Result<R, SourceError> {
        within(self.timeout, &self.endpoint, method, client.request(method, params)).await
    }

    async fn identity_by(&self, client: &RpcClientInner) -> Result<ChainIdentity, SourceError> {
        let chain_id: alloy::primitives::U64 = self.call(client, "eth_chainId", ()).await?;
        let genesis: Option<WireHeader> = self.call(client, "eth_getBlockByNumber", ("0x0", false)).await?;
        let genesis = genesis.ok_or_else(|| self.implausible("there is no block 0"))?;
        Ok(ChainIdentity { chain_id: chain_id.to(), genesis: genesis.hash })
    }

    fn implausible(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Implausible { endpoint: self.endpoint.clone(), reason: reason.into() }
    }

    async fn header_batch(&self, from: u64, to: u64) -> Result<Vec<Header>, SourceError> {
        const METHOD: &str = "eth_getBlockByNumber";
        let params = |number: u64| (format!("0x{number:x}"), false);
        let answers: Vec<Option<WireHeader>> = if from == to {
            // Not as a batch: so that halving ranges ends in a form that every endpoint takes.
            vec![self.call(&self.http, METHOD, params(from)).await?]
        } else {
            let asked = async {
                let mut batch = self.http.new_batch();
                let mut waiters = Vec::new();
                for number in from..=to {
                    waiters.push(batch.add_call(METHOD, &params(number))?);
                }
                batch.send().await?;
                futures::future::try_join_all(waiters).await
            };
            within(self.timeout, &self.endpoint, METHOD, asked).await?
        };
        let mut headers = Vec::with_capacity(answers.len());
        for (number, answer) in (from..=to).zip(answers) {
            let header = answer.ok_or_else(|| self.implausible(format!("block {number} is not there")))?;
            if header.number.to::<u64>() != number {
                return Err(self.implausible(format!("block {} for block {number}", header.number)));
            }
            headers.push(header.into());
        }
        Ok(headers)
    }

    fn raw(&self, logs: Vec<Log>) -> Result<Vec<RawLog>, SourceError> {
        logs.into_iter()
            .filter(|log| !log.removed)
            .map(|log| wire::raw_log(log).ok_or_else(|| self.implausible("a log without its place")))
            .collect()
    }
}

#[async_trait]
impl Source for RpcSource {
    fn endpoint(&self) -> &str {
        &self.endpoint
    }

    async fn identity(&self) -> Result<ChainIdentity, SourceError> {
        let asked = self.identity_by(&self.http).await?;
        if self.pushes && self.identity_by(&self.client).await? != asked {
            return Err(self.implausible("its WebSocket and its HTTP URL serve different chains"));
        }
        Ok(asked)
    }

    async fn heads(&self) -> Result<Option<BoxStream<'static, Header>>, SourceError> {
        if !self.pushes {
            return Ok(None);
        }
        let id: B256 = self.call(&self.client, "eth_subscribe", ("newHeads",)).await?;
        let heads = self.client.get_subscription::<WireHeader>(id).await.into_stream();
        // The stream owns a handle to the connection: it lives as long as anybody listens.
        let client = self.client.clone();
        let heads = heads.map(move |header| {
            let _connection = &client;
            Header::from(header)
        });
        Ok(Some(heads.boxed()))
    }

    async fn head(&self) -> Result<Header, SourceError> {
        let head: Option<WireHeader> =
            self.call(&self.client, "eth_getBlockByNumber", ("latest", false)).await?;
        head.map(Header::from).ok_or_else(|| self.implausible("there is no latest block"))
    }

    async fn header(&self, hash: B256) -> Result<Option<Header>, SourceError> {
        let header: Option<WireHeader> = self.call(&self.http, "eth_getBlockByHash", (hash, false)).await?;
        match header {
            Some(header) if header.hash != hash => {
                Err(self.implausible(format!("block {} for block {hash}", header.hash)))
            }
            header => Ok(header.map(Header::from)),
        }
    }

    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<Header>, SourceError> {
        let starts = (from.0..=to.0).step_by(usize::try_from(HEADERS_PER_REQUEST).unwrap_or(1));
        let batches: Vec<Vec<Header>> = futures::stream::iter(starts)
            .map(|start| self.header_batch(start, to.0.min(start + HEADERS_PER_REQUEST - 1)))
            .buffered(HEADER_REQUESTS_IN_FLIGHT)
            .try_collect()
            .await?;
        Ok(batches.into_iter().flatten().collect())
    }

    async fn logs_of(&self, hash: B256) -> Result<Vec<RawLog>, SourceError> {
        let filter = self.filter.clone().at_block_hash(hash);
        let logs = self.call(&self.http, "eth_getLogs", (filter,)).await?;
        self.raw(logs)
    }

    async fn logs(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<RawLog>, SourceError> {
        let filter = self.filter.clone().from_block(from.0).to_block(to.0);
        let logs = self.call(&self.http, "eth_getLogs", (filter,)).await?;
        self.raw(logs)
    }
}

/// A WebSocket that does not reconnect behind our back: the engine does, and then checks the chain again.
struct Once(WsConnect);

impl PubSubConnect for Once {
    fn is_local(&self) -> bool {
        self.0.is_local()
    }

    async fn connect(&self) -> TransportResult<ConnectionHandle> {
        self.0.connect().await
    }

    async fn try_reconnect(&self) -> TransportResult<ConnectionHandle> {
        Err(TransportErrorKind::non_retryable(std::io::Error::other("the connection is gone")))
    }
}

/// `answer` within the time-out, with errors that name the endpoint and the call.
async fn within<T>(
    timeout: Duration,
    endpoint: &str,
    method: &'static str,
    answer: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, SourceError> {
    let endpoint = || endpoint.to_owned();
    match tokio::time::timeout(timeout, answer).await {
        Ok(answer) => answer.map_err(|e| wire::source_error(endpoint(), method, e)),
        Err(_) => {
            let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
            Err(SourceError::Timeout { endpoint: endpoint(), method, timeout_ms })
        }
    }
}
