//! What anvil answered about a large chain, kept and answered again from memory: the same bytes without anvil's own
//! time, which on the same processors hides what an indexer costs.

use std::collections::HashMap;

use alloy::primitives::{B256, U64};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::answers::{Blocks, answer};
use super::check::HEADERS_PER_REQUEST;
use super::filled::Filled;
use super::wire::{get_logs, hex};
use crate::error::BenchError;
use crate::rpc::Rpc;
use crate::server::Server;

/// A running endpoint.
pub(crate) struct Recorded(Server);

struct Kept {
    chain_id: u64,
    headers: Vec<String>,
    logs: Vec<String>,
    numbers: HashMap<B256, u64>,
}

#[derive(Deserialize)]
struct Header {
    hash: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    block_number: U64,
}

impl Recorded {
    /// Asks anvil for everything once, then serves that.
    pub(crate) async fn of(chain: &Filled) -> Result<Self, BenchError> {
        let rpc = Rpc::to(&chain.anvil.http_url())?;
        let (contract, head) = (&chain.contract, chain.expected.head);
        let mut kept = Kept {
            chain_id: contract.chain_id,
            headers: Vec::new(),
            logs: Vec::new(),
            numbers: HashMap::new(),
        };
        for from in (0..=head).step_by(HEADERS_PER_REQUEST) {
            let numbers = from..=head.min(from + HEADERS_PER_REQUEST as u64 - 1);
            let params = numbers.clone().map(|number| json!([hex(number), false]));
            let headers: Vec<Box<RawValue>> = rpc.batch("eth_getBlockByNumber", params).await?;
            for (number, header) in numbers.zip(headers) {
                let Header { hash } = read(&header, "eth_getBlockByNumber")?;
                kept.numbers.insert(hash, number);
                kept.headers.push(String::from(Box::<str>::from(header)));
            }
        }
        kept.logs.resize(kept.headers.len(), String::new());
        for range in &chain.expected.ranges {
            let params = get_logs(contract.address, *range);
            let logs: Vec<Box<RawValue>> = rpc.call("eth_getLogs", params).await?;
            for log in logs {
                let Log { block_number } = read(&log, "eth_getLogs")?;
                let Some(of_block) = kept.logs.get_mut(block_number.to::<usize>()) else {
                    return Err(BenchError::Wrong(format!("a log of block {block_number} above the head")));
                };
                of_block.push(',');
                of_block.push_str(log.get());
            }
        }
        Ok(Self(Server::start(move |body| answer(&kept, body)).await?))
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        self.0.url()
    }
}

impl Blocks for Kept {
    fn chain_id(&self) -> u64 {
        self.chain_id
    }

    fn head(&self) -> u64 {
        self.headers.len() as u64 - 1
    }

    fn number_of(&self, hash: B256) -> Option<u64> {
        self.numbers.get(&hash).copied()
    }

    fn header(&self, number: u64) -> String {
        at(&self.headers, number).to_owned()
    }

    fn write_logs(&self, number: u64, logs: &mut String) {
        logs.push_str(at(&self.logs, number));
    }
}

fn at(kept: &[String], number: u64) -> &str {
    usize::try_from(number).ok().and_then(|n| kept.get(n)).map_or("", String::as_str)
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue, method: &str) -> Result<T, BenchError> {
    serde_json::from_str(raw.get()).map_err(BenchError::malformed(method))
}
