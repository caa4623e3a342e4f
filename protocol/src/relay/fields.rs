//! Members of an object, taken one by one, so that a refusal can name the one that is wrong.

use std::collections::BTreeSet;
use std::str::FromStr;

use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::{Map, Value};

use crate::{RpcError, Timestamp};

pub(super) struct Fields<'a> {
    name: &'static str,
    members: &'a Map<String, Value>,
    taken: BTreeSet<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(name: &'static str, value: &'a Value) -> Result<Self, RpcError> {
        let members = value.as_object().ok_or_else(|| RpcError::invalid(name, "must be an object"))?;
        Ok(Self { name, members, taken: BTreeSet::new() })
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.members.contains_key(field)
    }

    pub(super) fn value(&mut self, field: &'static str) -> Result<&'a Value, RpcError> {
        self.taken.insert(field);
        self.members.get(field).ok_or_else(|| RpcError::invalid(field, "is missing"))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<&'a str, RpcError> {
        self.value(field)?.as_str().ok_or_else(|| RpcError::invalid(field, "must be a string"))
    }

    pub(super) fn uint(&mut self, field: &'static str) -> Result<U256, RpcError> {
        let shape = "must be a decimal string of an unsigned 256-bit integer, e.g. \"1500000000000000000\"";
        let text = self.value(field)?.as_str().ok_or_else(|| RpcError::invalid(field, shape))?;
        decimal(text).and_then(|t| U256::from_str(t).ok()).ok_or_else(|| RpcError::invalid(field, shape))
    }

    pub(super) fn chain_id(&mut self, field: &'static str) -> Result<u64, RpcError> {
        let value = self.value(field)?;
        let number = match value {
            Value::String(text) => decimal(text).and_then(|t| t.parse().ok()),
            other => other.as_u64(),
        };
        number.ok_or_else(|| RpcError::invalid(field, "must be the chain id, e.g. \"31337\""))
    }

    pub(super) fn optional_number(
        &mut self,
        field: &'static str,
        most: u64,
    ) -> Result<Option<u64>, RpcError> {
        if !self.has(field) {
            return Ok(None);
        }
        let number = self.value(field)?.as_u64().filter(|n| *n <= most);
        number
            .map(Some)
            .ok_or_else(|| RpcError::invalid(field, format!("must be an integer from 0 to {most}")))
    }

    pub(super) fn address(&mut self, field: &'static str) -> Result<Address, RpcError> {
        let shape = "must be an address: 0x and 40 hex digits";
        address(self.text(field)?).ok_or_else(|| RpcError::invalid(field, shape))
    }

    /// So many bytes, at most 32, at the left end of a word.
    pub(super) fn fixed_bytes(&mut self, field: &'static str, length: usize) -> Result<B256, RpcError> {
        let text = self.text(field)?;
        let bytes = hex(text, 2 * length).and_then(|_| text.parse::<Bytes>().ok());
        let shape = || {
            let (bytes, digits) = (if length == 1 { "byte" } else { "bytes" }, 2 * length);
            RpcError::invalid(field, format!("must be {length} {bytes}: 0x and {digits} hex digits"))
        };
        bytes.map(|bytes| B256::right_padding_from(&bytes)).ok_or_else(shape)
    }

    pub(super) fn addresses(&mut self, field: &'static str, most: usize) -> Result<Vec<Address>, RpcError> {
        let shape = "must be an array of addresses, each 0x and 40 hex digits";
        let entry = |v: &Value| v.as_str().and_then(address).ok_or_else(|| RpcError::invalid(field, shape));
        not_empty(field, self.array(field, most)?.iter().map(entry).collect::<Result<_, _>>()?)
    }

    pub(super) fn bytes32(&mut self, field: &'static str) -> Result<B256, RpcError> {
        bytes32(self.text(field)?).ok_or_else(|| RpcError::invalid(field, BYTES32))
    }

    pub(super) fn number(&mut self, field: &'static str) -> Result<u64, RpcError> {
        let number = self.value(field)?.as_u64();
        number.ok_or_else(|| RpcError::invalid(field, format!("must be an integer from 0 to {}", u64::MAX)))
    }

    pub(super) fn timestamp(&mut self, field: &'static str) -> Result<Timestamp, RpcError> {
        let shape = "must be a moment: RFC 3339 UTC with milliseconds, e.g. \"2025-01-15T12:00:00.000Z\"";
        serde_json::from_value(self.value(field)?.clone()).map_err(|_| RpcError::invalid(field, shape))
    }

    pub(super) fn bytes32_list(&mut self, field: &'static str, most: usize) -> Result<Vec<B256>, RpcError> {
        not_empty(field, self.bytes32_array(field, most)?)
    }

    /// One that may be empty.
    pub(super) fn bytes32_array(&mut self, field: &'static str, most: usize) -> Result<Vec<B256>, RpcError> {
        let entry = |v: &Value| v.as_str().and_then(bytes32).ok_or_else(|| RpcError::invalid(field, BYTES32));
        self.array(field, most)?.iter().map(entry).collect()
    }

    fn array(&mut self, field: &'static str, most: usize) -> Result<&'a [Value], RpcError> {
        let items = self.value(field)?.as_array();
        let items = items.ok_or_else(|| RpcError::invalid(field, "must be an array"))?;
        if items.len() > most {
            return Err(RpcError::invalid(
                field,
                format!("holds {} entries; the most is {most}", items.len()),
            ));
        }
        Ok(items)
    }

    pub(super) fn bytes(&mut self, field: &'static str) -> Result<Bytes, RpcError> {
        let text = self.text(field)?;
        let shape = || RpcError::invalid(field, "must be bytes: 0x and an even number of hex digits");
        if !text.starts_with("0x") {
            return Err(shape());
        }
        text.parse().map_err(|_| shape())
    }

    pub(super) fn nothing_else(self) -> Result<(), RpcError> {
        match self.members.keys().find(|key| !self.taken.contains(key.as_str())) {
            None => Ok(()),
            Some(key) => {
                let known: Vec<_> = self.taken.into_iter().collect();
                let reason =
                    format!("is not a member of {}; the members are: {}", self.name, known.join(", "));
                Err(RpcError::invalid(key, reason))
            }
        }
    }
}

fn not_empty<T>(field: &str, items: Vec<T>) -> Result<Vec<T>, RpcError> {
    if items.is_empty() { Err(RpcError::invalid(field, "Array cannot be empty")) } else { Ok(items) }
}

const BYTES32: &str = "must be 32 bytes: 0x and 64 hex digits";

fn address(text: &str) -> Option<Address> {
    hex(text, 40).and_then(|t| t.parse().ok())
}

fn bytes32(text: &str) -> Option<B256> {
    hex(text, 64).and_then(|t| t.parse().ok())
}

fn hex(text: &str, digits: usize) -> Option<&str> {
    text.strip_prefix("0x").filter(|h| h.len() == digits && h.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Digits without a leading zero: one number, one text.
fn decimal(text: &str) -> Option<&str> {
    let canonical = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    canonical.then_some(text)
}
