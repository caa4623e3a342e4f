//! Blocks with all their events, from endpoints that may leave some out.
//!
//! In: a header and the logs that came for it. Out: a [`Block`]. Logs that cannot be all of the block's, by its bloom,
//! are asked for again by hash; what still does not fit is settled by the block's receipts, whose root the header holds.
//! Where no endpoint can give receipts that can be verified, the logs are accepted, counted and warned of once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::VerifyReceipts;
use crate::chain::block::{Header, RawLog};
use crate::chain::bloom::{Memo, Watched};
use crate::chain::catalog::Catalog;
use crate::chain::decode;
use crate::chain::receipts::{self, Unproven};
use crate::log::entry::Block;
use crate::source::{Source, SourceError};

/// What reading needs to know; shared by all readers.
pub(super) struct Reading {
    pub(super) catalog: Arc<Catalog>,
    watched: Watched,
    policy: VerifyReceipts,
    warned: AtomicBool,
}

impl Reading {
    pub(super) fn new(catalog: Arc<Catalog>, policy: VerifyReceipts) -> Self {
        Self { watched: Watched::new(&catalog), catalog, policy, warned: AtomicBool::new(false) }
    }

    /// A block, read by its hash. No request when its bloom clears it. `sources`: the one to read from first.
    pub(super) async fn by_hash(
        &self,
        sources: &[Arc<dyn Source>],
        header: &Header,
        memo: &mut Memo,
    ) -> Result<Block, SourceError> {
        let source = first(sources)?;
        let logs =
            if self.watched.may_be_in(header) { source.logs_of(header.hash).await? } else { Vec::new() };
        self.block(sources, header, logs, memo).await
    }

    /// The block of `header`, of which `logs` came from the first of `sources`.
    pub(super) async fn block(
        &self,
        sources: &[Arc<dyn Source>],
        header: &Header,
        logs: Vec<RawLog>,
        memo: &mut Memo,
    ) -> Result<Block, SourceError> {
        if self.policy == VerifyReceipts::Always {
            return self.proven(sources, header, logs).await;
        }
        let Some(suspicion) = self.watched.suspicion(header, &logs, memo) else {
            return self.decoded(first(sources)?.as_ref(), header, logs);
        };
        tracing::debug!(block = %header.reference(), %suspicion, "asking again for the block's logs");
        metrics::counter!("wia_indexer_suspicions_total").increment(1);
        let logs = first(sources)?.logs_of(header.hash).await?;
        match self.watched.suspicion(header, &logs, memo) {
            None => self.decoded(first(sources)?.as_ref(), header, logs),
            Some(_) if self.policy == VerifyReceipts::Never => {
                self.accepted(header);
                self.decoded(first(sources)?.as_ref(), header, logs)
            }
            Some(_) => self.proven(sources, header, logs).await,
        }
    }

    /// The block by its receipts; by `logs` when nobody can give receipts that can be verified.
    async fn proven(
        &self,
        sources: &[Arc<dyn Source>],
        header: &Header,
        logs: Vec<RawLog>,
    ) -> Result<Block, SourceError> {
        let mut wrong = None;
        for source in sources {
            let given = match source.receipts(header.hash).await {
                Ok(given) => given,
                Err(SourceError::Unsupported { .. } | SourceError::Refused { .. }) => continue,
                Err(error) => {
                    wrong = wrong.or(Some(error));
                    continue;
                }
            };
            match receipts::logs(header, &given, &self.catalog) {
                Ok(proven) => {
                    metrics::counter!("wia_indexer_verified_blocks_total").increment(1);
                    return self.decoded(source.as_ref(), header, proven);
                }
                Err(Unproven::UnknownType(_)) => {}
                Err(error) => wrong = wrong.or(Some(implausible(source.as_ref(), error.to_string()))),
            }
        }
        if let Some(error) = wrong {
            return Err(error);
        }
        self.accepted(header);
        self.decoded(first(sources)?.as_ref(), header, logs)
    }

    /// Logs were taken that do not fit, for want of anything better.
    fn accepted(&self, header: &Header) {
        metrics::counter!("wia_indexer_unverified_blocks_total").increment(1);
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                block = %header.reference(),
                "a block's logs could not be verified: no endpoint gives receipts for it that can be; counted from here on"
            );
        }
    }

    fn decoded(&self, source: &dyn Source, header: &Header, logs: Vec<RawLog>) -> Result<Block, SourceError> {
        decode::block(header, logs, &self.catalog).map_err(|e| implausible(source, e.to_string()))
    }
}

fn first(sources: &[Arc<dyn Source>]) -> Result<&Arc<dyn Source>, SourceError> {
    let nobody = || SourceError::Unreachable { endpoint: "-".into(), reason: "no endpoint".into() };
    sources.first().ok_or_else(nobody)
}

/// An answer that cannot be.
pub(super) fn implausible(source: &dyn Source, reason: impl Into<String>) -> SourceError {
    SourceError::Implausible { endpoint: source.endpoint().to_owned(), reason: reason.into() }
}
