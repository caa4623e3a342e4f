//! Ethereum JSON-RPC: heads by `eth_subscribe`, everything else by HTTP.
//!
//! In: the URLs of one node. Out: [`RpcConnector`] and its connections. A WebSocket brings the heads; what is asked
//! goes over HTTP, where a large answer cannot hold up or break the subscription.

use std::sync::Arc;

use alloy::primitives::{Address, B256};
use alloy::transports::http::reqwest::Url;
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use serde_json::{Value, json};
use wia_abi::BlockNumber;

use super::http::HttpClient;
use super::socket::Socket;
use super::wire::{Logs, Quantity, WireHeader, WireReceipt};
use super::{ChainIdentity, Connector, Source, SourceError, Transport};
use crate::chain::block::{Header, RawLog, Receipt};
use crate::{Config, Endpoint, IndexerError};

/// Headers in one JSON-RPC batch; larger ones gain nothing and some endpoints refuse them.
const HEADERS_PER_REQUEST: u64 = 20;

/// Batches of headers of one range that are in flight at once.
const HEADER_REQUESTS_IN_FLIGHT: usize = 4;

const BY_NUMBER: &str = "eth_getBlockByNumber";

/// Connects to one node over HTTP and, when it has one, WebSocket.
pub struct RpcConnector {
    http: Arc<HttpClient>,
    ws_url: Option<String>,
    contracts: Arc<[Address]>,
    config: Config,
}

impl RpcConnector {
    /// Reads the URLs of the preferred endpoint; connects to nothing.
    ///
    /// # Errors
    /// [`IndexerError::Config`] naming the URL that is none, or `endpoints` when there is none.
    pub fn new(config: &Config) -> Result<Self, IndexerError> {
        let missing = || IndexerError::Config { field: "endpoints", reason: "name at least one".into() };
        Self::of(config, config.endpoints.first().ok_or_else(missing)?)
    }

    /// One for each endpoint of `config`, in its order.
    ///
    /// # Errors
    /// As [`RpcConnector::new`].
    pub fn all(config: &Config) -> Result<Vec<Box<dyn Connector>>, IndexerError> {
        let each = config.endpoints.iter();
        each.map(|e| Ok(Box::new(Self::of(config, e)?) as Box<dyn Connector>)).collect()
    }

    /// Reads the URLs of `endpoint`; connects to nothing.
    ///
    /// # Errors
    /// [`IndexerError::Config`] naming the URL that is none.
    pub fn of(config: &Config, endpoint: &Endpoint) -> Result<Self, IndexerError> {
        let url = |field, text: &str, schemes: [&str; 2]| {
            let url = text.parse::<Url>().ok();
            url.filter(|u| schemes.contains(&u.scheme()) && u.has_host()).ok_or_else(|| {
                let reason = format!("is no {}:// URL", schemes[0]);
                IndexerError::Config { field, reason }
            })
        };
        let http_url = url("http_url", &endpoint.http_url, ["http", "https"])?;
        if let Some(text) = &endpoint.ws_url {
            url("ws_url", text, ["ws", "wss"])?;
        }
        let http = HttpClient::new(http_url, config);
        Ok(Self {
            http: Arc::new(http.map_err(|reason| IndexerError::Config { field: "http_url", reason })?),
            ws_url: endpoint.ws_url.clone(),
            contracts: config.contracts.iter().map(|c| c.address).collect(),
            config: config.clone(),
        })
    }
}

#[async_trait]
impl Connector for RpcConnector {
    fn endpoint(&self) -> String {
        self.http.endpoint().to_owned()
    }

    fn transports(&self) -> Vec<Transport> {
        let ws = self.ws_url.is_some().then_some(Transport::WebSocket);
        ws.into_iter().chain([Transport::Http]).collect()
    }

    async fn connect(&self, transport: Transport) -> Result<Box<dyn Source>, SourceError> {
        let socket = match (&self.ws_url, transport) {
            (Some(url), Transport::WebSocket) => Some(Socket::connect(url, &self.config).await?),
            _ => None,
        };
        Ok(Box::new(RpcSource { http: self.http.clone(), socket, contracts: self.contracts.clone() }))
    }
}

/// One connection to a node.
struct RpcSource {
    /// What answers questions.
    http: Arc<HttpClient>,
    /// What brings the heads, if they are pushed.
    socket: Option<Socket>,
    contracts: Arc<[Address]>,
}

impl RpcSource {
    fn implausible(&self, reason: impl Into<String>) -> SourceError {
        SourceError::Implausible { endpoint: self.endpoint().to_owned(), reason: reason.into() }
    }

    fn identity_of(
        &self,
        chain_id: Option<Quantity>,
        genesis: Option<WireHeader>,
    ) -> Result<ChainIdentity, SourceError> {
        let chain_id = chain_id.ok_or_else(|| self.implausible("it has no chain id"))?;
        let genesis = genesis.ok_or_else(|| self.implausible("there is no block 0"))?;
        Ok(ChainIdentity { chain_id: chain_id.0, genesis: genesis.hash })
    }

    async fn header_batch(&self, from: u64, to: u64) -> Result<Vec<Header>, SourceError> {
        let params: Vec<_> = (from..=to).map(by_number).collect();
        let answers: Vec<Option<WireHeader>> = match &params[..] {
            // Not as a batch: so that halving ranges ends in a form that every endpoint takes.
            [one] => vec![self.http.call(BY_NUMBER, one).await?],
            many => self.http.batch(BY_NUMBER, many).await?,
        };
        let mut headers = Vec::with_capacity(answers.len());
        for (number, answer) in (from..=to).zip(answers) {
            let header = answer.ok_or_else(|| self.implausible(format!("block {number} is not there")))?;
            if header.number.0 != number {
                return Err(self.implausible(format!("block {} for block {number}", header.number.0)));
            }
            headers.push(header.into());
        }
        Ok(headers)
    }

    async fn logs_by(&self, mut filter: Value) -> Result<Vec<RawLog>, SourceError> {
        filter["address"] = json!(self.contracts);
        let logs: Option<Logs> = self.http.call("eth_getLogs", &(filter,)).await?;
        logs.map(|Logs(logs)| logs).ok_or_else(|| self.implausible("null for logs"))
    }
}

fn by_number(number: u64) -> (String, bool) {
    (format!("0x{number:x}"), false)
}

#[async_trait]
impl Source for RpcSource {
    fn endpoint(&self) -> &str {
        self.socket.as_ref().map_or(self.http.endpoint(), Socket::endpoint)
    }

    async fn identity(&self) -> Result<ChainIdentity, SourceError> {
        const CHAIN_ID: &str = "eth_chainId";
        let asked = self.http.call(CHAIN_ID, &[(); 0]).await?;
        let asked = self.identity_of(asked, self.http.call(BY_NUMBER, &by_number(0)).await?)?;
        if let Some(socket) = &self.socket {
            let pushed = socket.call(CHAIN_ID, &[(); 0]).await?;
            if self.identity_of(pushed, socket.call(BY_NUMBER, &by_number(0)).await?)? != asked {
                return Err(self.implausible("its WebSocket and its HTTP URL serve different chains"));
            }
        }
        Ok(asked)
    }

    async fn syncing(&self) -> Result<bool, SourceError> {
        match self.http.call::<Value>("eth_syncing", &[(); 0]).await {
            Ok(answer) => Ok(answer.is_some_and(|a| a != json!(false))),
            Err(SourceError::Unsupported { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn heads(&self) -> Result<Option<BoxStream<'static, Header>>, SourceError> {
        match &self.socket {
            Some(socket) => Ok(Some(socket.new_heads().await?)),
            None => Ok(None),
        }
    }

    async fn head(&self) -> Result<Header, SourceError> {
        let head: Option<WireHeader> = self.http.call(BY_NUMBER, &("latest", false)).await?;
        head.map(Header::from).ok_or_else(|| self.implausible("there is no latest block"))
    }

    async fn header(&self, hash: B256) -> Result<Option<Header>, SourceError> {
        let header: Option<WireHeader> = self.http.call("eth_getBlockByHash", &(hash, false)).await?;
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
        self.logs_by(json!({ "blockHash": hash })).await
    }

    async fn logs(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<RawLog>, SourceError> {
        let (from, to) = (format!("0x{:x}", from.0), format!("0x{:x}", to.0));
        self.logs_by(json!({ "fromBlock": from, "toBlock": to })).await
    }

    async fn receipts(&self, hash: B256) -> Result<Vec<Receipt>, SourceError> {
        const METHOD: &str = "eth_getBlockReceipts";
        let receipts: Option<Vec<WireReceipt>> = self.http.call(METHOD, &(hash,)).await?;
        let receipts = receipts.ok_or_else(|| self.implausible(format!("no receipts for block {hash}")))?;
        Ok(receipts.into_iter().map(Receipt::from).collect())
    }
}
