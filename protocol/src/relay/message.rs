//! The signed part of a submission as JSON: one member per member of the EIP-712 type, and nothing else.
//!
//! In: `action` (the primary type) and `message`. Out: an [`Authorization`], and back in its one form. Addresses and
//! bytes are hex, integers decimal strings whatever their size. A member that the function takes beside the message
//! (`members` of an OpenAuthorization) stands among the others.

use alloy::primitives::{Address, B256, U256};
use serde_json::{Map, Value, json};
use wia_abi::action::{self, Action, Authorization, Kind, MAX_ADDRESSES, Malformed, Value as Member};

use super::fields::Fields;
use crate::RpcError;

/// Reads `message` as what `action` names.
///
/// # Errors
/// -32602 naming `action`, or the first member that is missing, unknown or malformed.
pub(super) fn parse(action: &str, message: &Value) -> Result<Authorization, RpcError> {
    let action = Action::by_name(action).ok_or_else(|| not_relayed(action))?;
    let mut fields = Fields::of("message", message)?;
    let mut members = Vec::with_capacity(action.members.len());
    for member in &action.members {
        members.push(match member.kind {
            Kind::Address => Member::Word(fields.address(member.name)?.into_word()),
            Kind::Uint(_) => Member::Word(fields.uint(member.name)?.into()),
            Kind::FixedBytes(length) => Member::Word(fields.fixed_bytes(member.name, length)?),
            Kind::Text => Member::Text(fields.text(member.name)?),
            Kind::Addresses => Member::Addresses(fields.addresses(member.name, MAX_ADDRESSES)?),
        });
    }
    fields.nothing_else()?;
    Authorization::new(action, &members)
        .map_err(|Malformed { member, reason }| RpcError::invalid(member, reason))
}

/// Writes what [`parse`] reads.
pub(super) fn to_value(message: &Authorization) -> Value {
    let mut members = Map::new();
    for (member, value) in message.action().members.iter().zip(message.values()) {
        let text = match (member.kind, value) {
            (Kind::Address, Member::Word(word)) => json!(Address::from_word(word)),
            (Kind::FixedBytes(length), Member::Word(word)) => json!(fixed_bytes(word, length)),
            (_, Member::Word(word)) => json!(U256::from_be_bytes(word.0).to_string()),
            (_, Member::Text(text)) => json!(text),
            (_, Member::Addresses(list)) => json!(list),
        };
        members.insert(member.name.to_owned(), text);
    }
    Value::Object(members)
}

fn fixed_bytes(word: B256, length: usize) -> String {
    alloy::primitives::hex::encode_prefixed(word.get(..length).unwrap_or_default())
}

fn not_relayed(name: &str) -> RpcError {
    let reason = action::why_not(name).map_or_else(
        || {
            let names: Vec<_> = action::all().iter().map(|row| row.name).collect();
            format!("`{name}` is not relayed; the actions are: {}", names.join(", "))
        },
        str::to_owned,
    );
    RpcError::invalid("action", reason)
}
