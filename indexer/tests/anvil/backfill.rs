//! Catching up with what was there before, through endpoints that make it hard.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::B256;
use async_trait::async_trait;
use futures::stream::BoxStream;
use wia_abi::BlockNumber;
use wia_indexer::block::{Header, RawLog};
use wia_indexer::source::{ChainIdentity, Connector, RpcConnector, Source, SourceError, Transport};
use wia_indexer::{Config, Start};

use crate::chain::Chain;
use crate::listener::{Running, store};

const BLOCKS: u64 = 60;

/// A mint, then two transfers a block with empty blocks between them.
async fn history(chain: &mut Chain) {
    chain.mint(1, 10_000).await;
    for i in 0..BLOCKS {
        chain.transfer(1, 2, i).await;
        chain.transfer(2, 3, i / 2).await;
        chain.mine(1 + i % 3).await;
    }
}

/// Indexes all of it and compares balances and the whole replay.
async fn reads_history(chain: &mut Chain, config: Config, connector: Option<Box<dyn Connector>>) {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    let running = match connector {
        None => Running::start(&store, config),
        Some(connector) => {
            let (engine, indexer) = wia_indexer::open_with(&store, config, vec![connector]).unwrap();
            Running::of(engine, indexer)
        }
    };
    running.caught_up(chain).await;
    for account in &chain.accounts {
        assert_eq!(running.indexer.balance_of(*account).unwrap().0, chain.balance(*account).await);
    }
    // The deployment's transaction has the first place of block 1, the log's first entry.
    let mut replay = running.listen(chain, Start::After("0.0".into()));
    replay.agrees(chain).await;
    let last = chain.mint(4, 1).await;
    chain.mine(1).await;
    replay.confirmed(last, 1).await;
    replay.agrees(chain).await;
    running.stop().await;
}

#[tokio::test]
async fn history_is_read_in_ranges_of_any_width() {
    let mut chain = Chain::start(&[]).await;
    history(&mut chain).await;
    for max_log_range_blocks in [1, 7, 1_000] {
        let config = Config { max_log_range_blocks, ..chain.config(false).await };
        reads_history(&mut chain, config, None).await;
    }
}

#[tokio::test]
async fn endpoints_that_refuse_wide_ranges_and_forget_logs_lose_nothing() {
    let mut chain = Chain::start(&[]).await;
    history(&mut chain).await;
    let config = chain.config(true).await;
    let grudging = Grudging { rpc: RpcConnector::new(&config).unwrap(), refused: Arc::default() };
    let refused = grudging.refused.clone();
    reads_history(&mut chain, config, Some(Box::new(grudging))).await;
    assert!(refused.load(Ordering::Relaxed) > 0, "it had something to refuse");
}

/// An endpoint that takes at most [`WIDEST`] blocks, and leaves all logs out of every range, and of every first
/// question about a block.
struct Grudging {
    rpc: RpcConnector,
    refused: Arc<AtomicU64>,
}

const WIDEST: u64 = 5;

#[async_trait]
impl Connector for Grudging {
    fn transports(&self) -> Vec<Transport> {
        self.rpc.transports()
    }

    async fn connect(&self, transport: Transport) -> Result<Box<dyn Source>, SourceError> {
        let inner = self.rpc.connect(transport).await?;
        Ok(Box::new(GrudgingSource { inner, refused: self.refused.clone(), asked: AtomicU64::new(0) }))
    }
}

struct GrudgingSource {
    inner: Box<dyn Source>,
    refused: Arc<AtomicU64>,
    asked: AtomicU64,
}

#[async_trait]
impl Source for GrudgingSource {
    fn endpoint(&self) -> &str {
        self.inner.endpoint()
    }

    async fn identity(&self) -> Result<ChainIdentity, SourceError> {
        self.inner.identity().await
    }

    async fn heads(&self) -> Result<Option<BoxStream<'static, Header>>, SourceError> {
        self.inner.heads().await
    }

    async fn head(&self) -> Result<Header, SourceError> {
        self.inner.head().await
    }

    async fn header(&self, hash: B256) -> Result<Option<Header>, SourceError> {
        self.inner.header(hash).await
    }

    async fn headers(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<Header>, SourceError> {
        self.inner.headers(from, to).await
    }

    async fn logs_of(&self, hash: B256) -> Result<Vec<RawLog>, SourceError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.logs_of(hash).await
    }

    async fn logs(&self, from: BlockNumber, to: BlockNumber) -> Result<Vec<RawLog>, SourceError> {
        if to.0 - from.0 + 1 > WIDEST {
            self.refused.fetch_add(1, Ordering::Relaxed);
            let (endpoint, reason) = (self.endpoint().to_owned(), "query exceeds max block range".to_owned());
            return Err(SourceError::Refused { endpoint, method: "eth_getLogs", reason });
        }
        Ok(Vec::new())
    }
}
