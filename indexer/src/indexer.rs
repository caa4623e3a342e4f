//! The handle that everyone but the engine holds: balances, head, health, subscriptions.

use std::sync::Arc;

use alloy::primitives::{Address, U256};
use tokio::sync::watch;
use wia_abi::CreditAmount;
use wia_store::Store;

use crate::chain::block::Head;
use crate::chain::catalog::{Catalog, Kind};
use crate::health::{Health, Vitals};
use crate::log::Log;
use crate::source::{Connector, RpcConnector};
use crate::stream::events::message::Context;
use crate::stream::events::subscription::{EventSubscription, From, Wish};
use crate::stream::notify::{Filter, Terms};
use crate::stream::subscription::{Start, Subscription};
use crate::stream::tail::{Published, Publisher, Tail};
use crate::{Config, Engine, IndexerError};

/// The indexer, read side; clones share it.
#[derive(Clone)]
pub struct Indexer {
    pub(crate) tail: Arc<Tail>,
    pub(crate) published: watch::Receiver<Published>,
    vitals: Arc<Vitals>,
    pub(crate) terms: Terms,
}

/// Opens the log in `store` and gives the engine that fills it from the configured endpoint, and the handle that
/// reads it. Nothing is connected before [`Engine::run`].
///
/// # Errors
/// [`IndexerError::Config`]; [`IndexerError::OtherLog`] when the store was filled from another chain, other
/// contracts or another first block; [`IndexerError::Format`]; [`IndexerError::Store`].
pub fn open(store: &Store, config: Config) -> Result<(Engine, Indexer), IndexerError> {
    let connectors = RpcConnector::all(&config)?;
    open_with(store, config, connectors)
}

/// As [`open`], with other sources of blocks: one connector per endpoint, the preferred one first.
///
/// # Errors
/// As [`open`].
pub fn open_with(
    store: &Store,
    config: Config,
    connectors: Vec<Box<dyn Connector>>,
) -> Result<(Engine, Indexer), IndexerError> {
    config.check()?;
    let (publisher, indexer) = Indexer::over(store, &config)?;
    let engine = Engine::new(config, connectors, publisher, indexer.vitals.clone())?;
    Ok((engine, indexer))
}

impl Indexer {
    /// The reading side over the log in `store`, and the one that publishes to it.
    pub(crate) fn over(store: &Store, config: &Config) -> Result<(Publisher, Self), IndexerError> {
        let log = Log::open(store, config)?;
        let terms = Terms {
            chain_id: config.chain_id,
            final_confirmations: config.final_confirmations,
            catalog: log.catalog().clone(),
        };
        let (publisher, published) = Tail::open(log, config.recent_entries);
        let vitals = Arc::new(Vitals::new(config.stall_after_ms));
        let tail = publisher.tail().clone();
        Ok((publisher, Self { tail, published, vitals, terms }))
    }

    /// The last committed block; `None` before the first.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.published.borrow().head
    }

    /// How the indexer is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        self.vitals.look(self.head().map(|h| h.number))
    }

    /// The credits of `address` at the head, over all contracts of credits. May be ahead of the last push by the
    /// moment that it takes to make a block durable.
    ///
    /// # Errors
    /// [`IndexerError::Store`] or [`IndexerError::Damaged`] when the log cannot be read.
    pub fn balance_of(&self, address: Address) -> Result<CreditAmount, IndexerError> {
        let mut sum = U256::ZERO;
        for contract in self.terms.catalog.of_kind(Kind::Credit) {
            sum = sum.saturating_add(self.tail.log.balance((contract, address))?);
        }
        Ok(CreditAmount(sum))
    }

    /// The contracts that are followed, and what their ABIs say.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.terms.catalog
    }

    /// Tails the log's events.
    ///
    /// # Errors
    /// [`IndexerError::Cursor`] when `from` is no cursor of this log.
    pub fn events(&self, wish: Wish, from: &From) -> Result<EventSubscription, IndexerError> {
        let (tail, published) = (self.tail.clone(), self.published.clone());
        EventSubscription::open(tail, published, self.context(), self.terms.final_confirmations, wish, from)
    }

    pub(crate) fn context(&self) -> Context {
        Context { chain_id: self.terms.chain_id, catalog: self.terms.catalog.clone() }
    }

    /// Tails the log for `filter`.
    ///
    /// # Errors
    /// [`IndexerError::Cursor`] when `from` is no cursor of this log.
    pub fn subscribe(&self, filter: Filter, from: Start) -> Result<Subscription, IndexerError> {
        Subscription::open(self.tail.clone(), self.published.clone(), self.terms.clone(), filter, &from)
    }
}
