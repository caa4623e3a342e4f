//! An endpoint of our own: JSON-RPC over HTTP, answered from text that is there or quickly made, so that it costs the
//! machine as little as an endpoint can.

use alloy::primitives::{B256, U256};
use serde_json::{Value, json};

use super::wire::hex;

/// What is served.
pub(crate) trait Blocks: Send + Sync + 'static {
    /// EIP-155.
    fn chain_id(&self) -> u64;

    /// The last block.
    fn head(&self) -> u64;

    /// The height of the block of that hash.
    fn number_of(&self, hash: B256) -> Option<u64>;

    /// The block at a height up to the head, as JSON.
    fn header(&self, number: u64) -> String;

    /// Writes the contract's logs of that block as JSON, a comma before each.
    fn write_logs(&self, number: u64, logs: &mut String);
}

/// The answer to a body: one call, or a batch.
pub(crate) fn answer(blocks: &impl Blocks, body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(Value::Array(calls)) => {
            let answers: Vec<_> = calls.iter().map(|call| one(blocks, call)).collect();
            format!("[{}]", answers.join(","))
        }
        Ok(call) => one(blocks, &call),
        Err(_) => r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no JSON"}}"#.to_owned(),
    }
}

fn one(blocks: &impl Blocks, call: &Value) -> String {
    let (id, method) = (&call["id"], call["method"].as_str().unwrap_or_default());
    match result(blocks, method, &call["params"]) {
        Some(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        None => {
            let error = json!({"code": -32_601, "message": format!("the method {method} does not exist")});
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
        }
    }
}

/// As text: most of it is logs.
fn result(blocks: &impl Blocks, method: &str, params: &Value) -> Option<String> {
    let by_hash = |hash: &Value| blocks.number_of(hash.as_str()?.parse().ok()?);
    let header = |number: Option<u64>| {
        let number = number.filter(|n| *n <= blocks.head());
        Some(number.map_or("null".to_owned(), |n| blocks.header(n)))
    };
    match method {
        "eth_chainId" => Some(json!(hex(blocks.chain_id())).to_string()),
        "eth_blockNumber" => Some(json!(hex(blocks.head())).to_string()),
        "eth_syncing" => Some("false".to_owned()),
        "eth_getBlockByNumber" if params[0] == "latest" => header(Some(blocks.head())),
        "eth_getBlockByNumber" => header(quantity(&params[0])),
        "eth_getBlockByHash" => header(by_hash(&params[0])),
        "eth_getLogs" => {
            let filter = &params[0];
            let (from, to) = match filter.get("blockHash") {
                Some(hash) => by_hash(hash).map(|n| (n, n))?,
                None => (quantity(&filter["fromBlock"])?, quantity(&filter["toBlock"])?.min(blocks.head())),
            };
            let mut logs = String::new();
            (from..=to).for_each(|number| blocks.write_logs(number, &mut logs));
            Some(format!("[{}]", logs.strip_prefix(',').unwrap_or_default()))
        }
        _ => None,
    }
}

fn quantity(value: &Value) -> Option<u64> {
    value.as_str()?.parse::<U256>().ok()?.try_into().ok()
}
