//! What the indexer is told: which chain, which contracts, how long to wait for what. Every bound has its unit.

use std::fmt;

use serde::{Deserialize, Serialize};
use wia_abi::BlockNumber;
use wia_protocol::endpoint::without_secrets;

use crate::IndexerError;
use crate::chain::catalog::Contract;

/// One node of the chain.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// JSON-RPC over HTTP: headers and logs, and the head when there is no WebSocket.
    pub http_url: String,
    /// JSON-RPC over WebSocket, of the same node: new heads as they come. Absent: the head is polled.
    pub ws_url: Option<String>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("http_url", &without_secrets(&self.http_url))
            .field("ws_url", &self.ws_url.as_deref().map(without_secrets))
            .finish()
    }
}

/// Configuration of one indexer. [`Config::new`] fills in the defaults. Printed without the secrets of its URLs. As
/// a section of a configuration file it holds all but the first four, each with its default.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// EIP-155 id of the chain; an endpoint of another chain is refused.
    #[serde(skip)]
    pub chain_id: u64,
    /// Where blocks come from, the preferred one first.
    #[serde(skip)]
    pub endpoints: Vec<Endpoint>,
    /// The contracts to follow.
    #[serde(skip)]
    pub contracts: Vec<Contract>,
    /// A block at or before the one that created the first contract: balances are counted from here, so a later
    /// one would lose what happened before.
    #[serde(skip)]
    pub first_block: BlockNumber,
    /// Blocks, the transaction's own included: the depth that counts as final (C-097), and up to which each
    /// transaction is reported on every block. Default 12.
    pub final_confirmations: u64,
    /// Blocks: a reorganisation that takes back more than this stops the indexer. Default 128.
    pub max_reorg_depth: u64,
    /// Milliseconds for which the endpoint must report a head below ours, with no higher one in between, before
    /// we believe that the chain was cut back. Default 3,000.
    pub reorg_patience_ms: u64,
    /// Milliseconds between two looks at the head without a WebSocket. Default 500.
    pub poll_interval_ms: u64,
    /// Milliseconds between two looks at the head with a WebSocket, which notice a subscription that went silent
    /// and a chain that was cut back. Default 1,000.
    pub head_check_interval_ms: u64,
    /// Milliseconds after which a call to the endpoint has failed. Default 10,000.
    pub request_timeout_ms: u64,
    /// Requests to one endpoint that wait for their answers at once; more of them wait here. Default 8.
    pub requests_in_flight: usize,
    /// Requests a second to each endpoint, a request in a batch counting as one; more of them wait. 0, the default:
    /// as many as there are.
    pub requests_per_second: u64,
    /// Bytes of one answer; a longer one is given up and asked for in smaller parts. Default 32 MiB.
    pub max_response_bytes: u64,
    /// Milliseconds of silence on a WebSocket after which it is pinged, and then as many until it is given up.
    /// Default 10,000.
    pub ping_interval_ms: u64,
    /// Blocks: the widest range of one `eth_getLogs`. How wide it really is, is learned for each endpoint from what it
    /// answers and refuses, and remembered. Default 10,000.
    pub max_log_range_blocks: u64,
    /// Events that one `eth_getLogs` should bring; the range is made wider or narrower for it. Default 5,000.
    pub target_log_events: u64,
    /// Bytes that one `eth_getLogs` should bring; the range is made wider or narrower for it. Default 4 MiB.
    pub target_log_bytes: u64,
    /// Ranges that are in flight or waiting for their turn while catching up. A full pipeline stops fetching.
    /// Default 6.
    pub backfill_ranges_in_flight: usize,
    /// Bytes that those ranges are expected to bring, all together: bounds the memory of a backfill. One range may
    /// always be in flight, however large. Default 48 MiB.
    pub backfill_bytes_in_flight: u64,
    /// Whether a backfill reads from all healthy endpoints at once, or from the leading one alone. Default true.
    pub parallel_backfill: bool,
    /// When the receipts of a block are fetched and verified against its header. Default: on suspicion.
    pub verify_receipts: VerifyReceipts,
    /// Entries of the log that are kept decoded for live subscribers; those further behind read the store.
    /// The oldest goes first. Default 256.
    pub recent_entries: usize,
    /// Blocks below the head that the log keeps; older files of it are removed as a whole. 0, the default: all.
    pub retention_blocks: u64,
    /// Milliseconds before the first retry after the endpoint failed; doubles up to `retry_max_ms`. Default 100.
    pub retry_min_ms: u64,
    /// Milliseconds: the longest pause between two retries. Default 10,000.
    pub retry_max_ms: u64,
    /// Milliseconds without a new block after which health says stalled; 0: never. Default 120,000.
    pub stall_after_ms: u64,
    /// Milliseconds between two lines of progress while catching up. Default 60,000.
    pub progress_interval_ms: u64,
    /// Whether progress is a bar instead, when standard error is a terminal. Default false.
    pub progress_bar: bool,
}

/// When the receipts of a block are fetched and verified against its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerifyReceipts {
    /// When the logs that an endpoint gave do not fit the header's bloom, twice.
    Suspicion,
    /// For every block: one more request each.
    Always,
    /// Not at all: what does not fit is accepted and counted.
    Never,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("chain_id", &self.chain_id)
            .field("endpoints", &self.endpoints)
            .field("contracts", &self.contracts.iter().map(|c| (&c.name, c.address)).collect::<Vec<_>>())
            .field("first_block", &self.first_block)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The defaults, for one chain and its contracts.
    #[must_use]
    pub fn new(
        chain_id: u64,
        endpoints: Vec<Endpoint>,
        contracts: Vec<Contract>,
        first_block: BlockNumber,
    ) -> Self {
        Self {
            chain_id,
            endpoints,
            contracts,
            first_block,
            final_confirmations: 12,
            max_reorg_depth: 128,
            reorg_patience_ms: 3_000,
            poll_interval_ms: 500,
            head_check_interval_ms: 1_000,
            request_timeout_ms: 10_000,
            requests_in_flight: 8,
            requests_per_second: 0,
            max_response_bytes: 32 << 20,
            ping_interval_ms: 10_000,
            max_log_range_blocks: 10_000,
            target_log_events: 5_000,
            target_log_bytes: 4 << 20,
            backfill_ranges_in_flight: 6,
            backfill_bytes_in_flight: 48 << 20,
            parallel_backfill: true,
            verify_receipts: VerifyReceipts::Suspicion,
            recent_entries: 256,
            retention_blocks: 0,
            retry_min_ms: 100,
            retry_max_ms: 10_000,
            stall_after_ms: 120_000,
            progress_interval_ms: 60_000,
            progress_bar: false,
        }
    }

    pub(crate) fn check(&self) -> Result<(), IndexerError> {
        let refuse = |field, reason: &str| Err(IndexerError::Config { field, reason: reason.to_owned() });
        let positive = [
            ("final_confirmations", self.final_confirmations),
            ("max_reorg_depth", self.max_reorg_depth),
            ("poll_interval_ms", self.poll_interval_ms),
            ("head_check_interval_ms", self.head_check_interval_ms),
            ("request_timeout_ms", self.request_timeout_ms),
            ("requests_in_flight", self.requests_in_flight as u64),
            ("max_response_bytes", self.max_response_bytes),
            ("ping_interval_ms", self.ping_interval_ms),
            ("max_log_range_blocks", self.max_log_range_blocks),
            ("target_log_events", self.target_log_events),
            ("target_log_bytes", self.target_log_bytes),
            ("backfill_bytes_in_flight", self.backfill_bytes_in_flight),
            ("backfill_ranges_in_flight", self.backfill_ranges_in_flight as u64),
            ("recent_entries", self.recent_entries as u64),
            ("retry_min_ms", self.retry_min_ms),
            ("progress_interval_ms", self.progress_interval_ms),
        ];
        for (field, value) in positive {
            if value == 0 {
                return refuse(field, "must be above zero");
            }
        }
        if self.endpoints.is_empty() {
            return refuse("endpoints", "name at least one endpoint");
        }
        if self.retention_blocks != 0 && self.retention_blocks < self.max_reorg_depth {
            return refuse("retention_blocks", "must be 0 (all) or at least max_reorg_depth");
        }
        if self.contracts.is_empty() {
            return refuse("contracts", "name at least one contract");
        }
        if self.retry_max_ms < self.retry_min_ms {
            return refuse("retry_max_ms", "must not be below retry_min_ms");
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(0, Vec::new(), Vec::new(), BlockNumber(0))
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;

    use super::*;

    fn config() -> Config {
        let key = "https://user:KEY@rpc.example.org/KEY";
        let endpoint = Endpoint { http_url: key.into(), ws_url: Some(key.into()) };
        let contract = Contract::without_abi(Address::ZERO, false);
        Config::new(1, vec![endpoint], vec![contract], BlockNumber(0))
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        config().check().unwrap();
        for (wrong, field) in [
            (Config { contracts: vec![], ..config() }, "contracts"),
            (Config { endpoints: vec![], ..config() }, "endpoints"),
            (Config { retention_blocks: 5, ..config() }, "retention_blocks"),
            (Config { final_confirmations: 0, ..config() }, "final_confirmations"),
            (Config { recent_entries: 0, ..config() }, "recent_entries"),
            (Config { retry_max_ms: 1, ..config() }, "retry_max_ms"),
        ] {
            assert!(wrong.check().unwrap_err().to_string().contains(field));
        }
    }

    #[test]
    fn keys_of_endpoints_are_not_printed() {
        let text = format!("{:?}", config());
        assert!(text.contains("rpc.example.org") && !text.contains("KEY"), "{text}");
    }
}
