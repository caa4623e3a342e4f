//! JSON-RPC's forms of headers, logs and errors, and what they become.

use alloy::primitives::{B256, Bloom, U64};
use alloy::rpc::json_rpc::RpcError;
use alloy::rpc::types::Log;
use alloy::transports::{TransportError, TransportErrorKind};
use serde::Deserialize;
use wia_abi::BlockNumber;

use crate::chain::block::{BlockRef, Header, RawLog};
use crate::source::SourceError;

/// The longest text of an endpoint that goes into a message, in characters.
const MAX_REASON_CHARS: usize = 200;

/// A block as `eth_getBlockBy…` and `newHeads` give it; what we do not need is not read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireHeader {
    pub(super) number: U64,
    pub(super) hash: B256,
    parent_hash: B256,
    timestamp: U64,
    logs_bloom: Bloom,
    receipts_root: B256,
}

impl From<WireHeader> for Header {
    fn from(wire: WireHeader) -> Self {
        Self {
            number: BlockNumber(wire.number.to()),
            hash: wire.hash,
            parent_hash: wire.parent_hash,
            timestamp_s: wire.timestamp.to(),
            logs_bloom: wire.logs_bloom,
            receipts_root: wire.receipts_root,
        }
    }
}

/// `None` for a log that does not say where it stands (pending ones do not).
pub(super) fn raw_log(log: Log) -> Option<RawLog> {
    Some(RawLog {
        address: log.address(),
        topics: log.topics().to_vec(),
        block: BlockRef { number: BlockNumber(log.block_number?), hash: log.block_hash? },
        transaction_hash: log.transaction_hash?,
        transaction_index: log.transaction_index?,
        log_index: log.log_index?,
        data: log.inner.data.data,
    })
}

/// The transport's error as ours.
pub(super) fn source_error(endpoint: String, method: &'static str, error: TransportError) -> SourceError {
    let refused = match &error {
        RpcError::ErrorResp(_) | RpcError::Transport(TransportErrorKind::MissingBatchResponse(_)) => true,
        RpcError::Transport(
            TransportErrorKind::HttpError(_) | TransportErrorKind::HttpErrorWithRetryAfter { .. },
        ) => true,
        // A body that was cut off or is too large reads like garbage.
        RpcError::DeserError { .. } | RpcError::NullResp => true,
        _ => false,
    };
    let reason = match &error {
        RpcError::DeserError { err, .. } => err.to_string(),
        RpcError::Transport(TransportErrorKind::Custom(cause)) => innermost(cause.as_ref()),
        error => error.to_string(),
    };
    let reason = reason.chars().take(MAX_REASON_CHARS).collect();
    if refused {
        SourceError::Refused { endpoint, method, reason }
    } else {
        SourceError::Unreachable { endpoint, reason }
    }
}

/// The cause at the bottom: "connection refused" says more than "error sending request for url (…)", and never
/// holds a URL with a key in it.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_unusual_chains_are_read() {
        let text = format!(
            r#"{{"number":"0x10","hash":"{0}","parentHash":"{0}","timestamp":"0x5","logsBloom":"{1}","receiptsRoot":"{0}","extra":[1]}}"#,
            B256::repeat_byte(1),
            Bloom::ZERO
        );
        let header = Header::from(serde_json::from_str::<WireHeader>(&text).unwrap());
        assert_eq!((header.number, header.timestamp_s), (BlockNumber(16), 5));
    }
}
