//! JSON-RPC's forms of answers, headers, logs and receipts, and what they become.
//!
//! In: the bytes of an answer. Out: values, parsed straight from those bytes without a tree between; what we do not
//! need is skipped. Headers are read leniently (only what following a chain needs), so that chains with unusual ones
//! work (C-098).

use std::fmt;

use alloy::primitives::{Address, B256, Bloom, Bytes};
use serde::de::{DeserializeOwned, Error as _, Visitor};
use serde::{Deserialize, Deserializer};
use wia_abi::BlockNumber;

use crate::chain::block::{BlockRef, Header, Outcome, RawLog, Receipt};

/// The longest text of an endpoint that goes into a message, in characters.
const MAX_REASON_CHARS: usize = 200;

/// A number in `0x…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Quantity(pub(super) u64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl Visitor<'_> for Hex {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number below 2^64 in hexadecimal")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Quantity, E> {
                let digits = text.strip_prefix("0x").filter(|d| !d.is_empty() && !d.starts_with('+'));
                let number = digits.and_then(|d| u64::from_str_radix(d, 16).ok());
                number.map(Quantity).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Hex)
    }
}

/// An error in a JSON-RPC answer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WireError {
    #[serde(default)]
    pub(super) code: i64,
    #[serde(default)]
    pub(super) message: String,
}

impl WireError {
    /// Its words, cut to a bearable length.
    pub(super) fn reason(&self) -> String {
        shortened(&self.message)
    }
}

/// One JSON-RPC answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    #[serde(default, deserialize_with = "any_id")]
    pub(super) id: Option<u64>,
    result: Option<T>,
    error: Option<WireError>,
}

/// An id of ours; `None` for anything that is none.
fn any_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Number(u64),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Id::deserialize(deserializer)? {
        Id::Number(id) => Some(id),
        Id::Other(_) => None,
    })
}

impl<T> Answer<T> {
    /// The result, `None` for `null`.
    pub(super) fn outcome(self) -> Result<Option<T>, WireError> {
        self.error.map_or(Ok(self.result), Err)
    }
}

/// The answer to one call. `Err` with what is wrong when it is none.
pub(super) fn single<T: DeserializeOwned>(body: &[u8]) -> Result<Result<Option<T>, WireError>, String> {
    serde_json::from_slice::<Answer<T>>(body).map(Answer::outcome).map_err(|e| no_answer(&e))
}

/// The answers to a batch of `count` calls with ids from 0, in their order. An error of one is the error of all, as is
/// one error in place of the array.
pub(super) fn batch<T: DeserializeOwned>(
    body: &[u8],
    count: usize,
) -> Result<Result<Vec<Option<T>>, WireError>, String> {
    if body.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'[') {
        let one: Answer<serde::de::IgnoredAny> = serde_json::from_slice(body).map_err(|e| no_answer(&e))?;
        return one.error.map(Err).ok_or_else(|| "one answer to a batch".to_owned());
    }
    let answers: Vec<Answer<T>> = serde_json::from_slice(body).map_err(|e| no_answer(&e))?;
    let mut results: Vec<Option<Option<T>>> = std::iter::repeat_with(|| None).take(count).collect();
    for answer in answers {
        let place = answer.id.and_then(|id| usize::try_from(id).ok());
        match answer.outcome() {
            Err(error) => return Ok(Err(error)),
            Ok(result) => {
                let slot = place.and_then(|p| results.get_mut(p)).filter(|slot| slot.is_none());
                *slot.ok_or("an answer to a call that was not made")? = Some(result);
            }
        }
    }
    let results = results.into_iter().collect::<Option<Vec<_>>>();
    results.map(Ok).ok_or_else(|| "a batch with missing answers".to_owned())
}

fn no_answer(error: &serde_json::Error) -> String {
    shortened(&format!("no JSON-RPC answer: {error}"))
}

/// Cut to a bearable length, in one line.
pub(super) fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_REASON_CHARS).collect()
}

/// A block as `eth_getBlockBy…` and `newHeads` give it; what we do not need is not read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireHeader {
    pub(super) number: Quantity,
    pub(super) hash: B256,
    parent_hash: B256,
    timestamp: Quantity,
    logs_bloom: Bloom,
    receipts_root: B256,
}

impl From<WireHeader> for Header {
    fn from(wire: WireHeader) -> Self {
        Self {
            number: BlockNumber(wire.number.0),
            hash: wire.hash,
            parent_hash: wire.parent_hash,
            timestamp_s: wire.timestamp.0,
            logs_bloom: wire.logs_bloom,
            receipts_root: wire.receipts_root,
        }
    }
}

/// A log as `eth_getLogs` gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
    block_number: Option<Quantity>,
    block_hash: Option<B256>,
    transaction_hash: Option<B256>,
    transaction_index: Option<Quantity>,
    log_index: Option<Quantity>,
    #[serde(default)]
    removed: bool,
}

impl WireLog {
    /// `None` for a log that does not say where it stands (pending ones do not).
    fn raw(self) -> Option<RawLog> {
        Some(RawLog {
            address: self.address,
            topics: self.topics,
            block: BlockRef { number: BlockNumber(self.block_number?.0), hash: self.block_hash? },
            transaction_hash: self.transaction_hash?,
            transaction_index: self.transaction_index?.0,
            log_index: self.log_index?.0,
            data: self.data,
        })
    }
}

/// The logs of an answer, in its order; removed ones are left out, and one without its place is an error.
#[derive(Debug)]
pub(super) struct Logs(pub(super) Vec<RawLog>);

impl<'de> Deserialize<'de> for Logs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Logs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("logs")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Logs, A::Error> {
                let mut logs = Vec::new();
                while let Some(log) = seq.next_element::<WireLog>()? {
                    if !log.removed {
                        logs.push(log.raw().ok_or_else(|| A::Error::custom("a log without its place"))?);
                    }
                }
                Ok(Logs(logs))
            }
        }
        deserializer.deserialize_seq(Each)
    }
}

/// A receipt as `eth_getBlockReceipts` gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireReceipt {
    #[serde(default, rename = "type")]
    transaction_type: Quantity,
    status: Option<Quantity>,
    root: Option<B256>,
    cumulative_gas_used: Quantity,
    transaction_hash: B256,
    logs: Vec<WireReceiptLog>,
}

/// A log in a receipt: where it stands follows from the receipt's place.
#[derive(Debug, Deserialize)]
struct WireReceiptLog {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

impl From<WireReceipt> for Receipt {
    fn from(wire: WireReceipt) -> Self {
        let status = wire.status.map_or(1, |s| s.0);
        Self {
            // A number that is no byte is no type that we know.
            transaction_type: u8::try_from(wire.transaction_type.0).unwrap_or(u8::MAX),
            outcome: wire
                .root
                .filter(|_| wire.status.is_none())
                .map_or(Outcome::Status(status == 1), Outcome::State),
            cumulative_gas_used: wire.cumulative_gas_used.0,
            transaction_hash: wire.transaction_hash,
            logs: wire.logs.into_iter().map(|l| (l.address, l.topics, l.data)).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
