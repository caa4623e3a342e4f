//! The carbon stream's own messages: channels, subscriptions, the pushes of C-047 and C-049, and the events of
//! credits and of their exchange in the envelope of X-12.

pub mod credit;
pub mod event;
pub mod exchange;

use alloy::primitives::{Address, B256};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{JsonDecimal, RpcError, Timestamp};

/// WebSocket subprotocol (C-022).
pub const SUBPROTOCOL: &str = "wccm-v1";

/// The audience of tokens for this protocol (C-105).
pub const AUDIENCE: &str = "carbon-credit-micro";

/// A channel that can be subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `wallet.balance`: private, pushes `wallet.balance_changed`.
    WalletBalance,
    /// `blockchain.confirmations`: private, pushes `blockchain.transaction_confirmed` (C-053).
    BlockchainConfirmations,
}

impl Channel {
    /// Every channel that this release serves.
    pub const ALL: [Channel; 2] = [Channel::WalletBalance, Channel::BlockchainConfirmations];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Channel::WalletBalance => "wallet.balance",
            Channel::BlockchainConfirmations => "blockchain.confirmations",
        }
    }

    /// The method of its pushes.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Channel::WalletBalance => "wallet.balance_changed",
            Channel::BlockchainConfirmations => "blockchain.transaction_confirmed",
        }
    }

    /// The channel of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// `subscribe` and `unsubscribe`, in either of the documents' shapes; the answer echoes the shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channels {
    /// The channels that were named and are served here.
    pub known: Vec<Channel>,
    /// The names that are not.
    pub unknown: Vec<String>,
    /// Resume strictly after this push (the `cursor` of the last one seen); absent: from now on.
    pub cursor: Option<String>,
    single: bool,
}

impl Channels {
    /// Reads `{channel}` (C-026) or `{channels: […]}` (C-027), with an optional `cursor`.
    ///
    /// # Errors
    /// -32602 naming the field; also when none of the named channels is served here.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let members = params.as_object().ok_or_else(|| RpcError::invalid("params", "must be an object"))?;
        if let Some(symbols) = members.get("symbols")
            && symbols.as_array().is_none_or(Vec::is_empty)
        {
            return Err(RpcError::invalid("symbols", "Array cannot be empty"));
        }
        let (field, single, names) = match (members.get("channel"), members.get("channels")) {
            (Some(one), None) => ("channel", true, vec![one]),
            (None, Some(Value::Array(many))) if many.is_empty() => {
                return Err(RpcError::invalid("channels", "Array cannot be empty"));
            }
            (None, Some(Value::Array(many))) => ("channels", false, many.iter().collect()),
            (None, Some(_)) => return Err(RpcError::invalid("channels", "must be an array of names")),
            (Some(_), Some(_)) => {
                return Err(RpcError::invalid("channels", "name either channel or channels, not both"));
            }
            (None, None) => return Err(RpcError::invalid("channels", "is missing")),
        };
        let cursor = match members.get("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) => Some(cursor.clone()),
            Some(_) => return Err(RpcError::invalid("cursor", "must be the cursor text of a push")),
        };
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for name in names {
            let name =
                name.as_str().ok_or_else(|| RpcError::invalid(field, "a channel's name is a string"))?;
            match Channel::named(name) {
                Some(channel) if !known.contains(&channel) => known.push(channel),
                Some(_) => {}
                None => unknown.push(name.to_owned()),
            }
        }
        if known.is_empty() {
            return Err(RpcError::invalid(field, not_served(&unknown.join(", "))));
        }
        Ok(Self { known, unknown, cursor, single })
    }

    /// The result: `{<verb>: true, channel}` or `{<verb>: true, channels, errors?}`, in the caller's shape.
    #[must_use]
    pub fn result(&self, verb: &str) -> Value {
        if self.single {
            return json!({verb: true, "channel": self.known[0].name()});
        }
        let names: Vec<_> = self.known.iter().map(|c| c.name()).collect();
        let mut result = json!({verb: true, "channels": names});
        if !self.unknown.is_empty() {
            let errors: Vec<_> =
                self.unknown.iter().map(|n| json!({"channel": n, "reason": not_served(n)})).collect();
            result["errors"] = Value::Array(errors);
        }
        result
    }
}

fn not_served(names: &str) -> String {
    let served: Vec<_> = Channel::ALL.iter().map(|c| c.name()).collect();
    format!("`{names}` is not served here; the channels are: {}", served.join(", "))
}

/// Params of `wallet.balance_changed` (C-047), one per address and event. The members after
/// `transaction_id` are additive: exact amounts in wei, and where on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BalanceChanged {
    /// The user of the session, `sub` of its token.
    pub user_id: String,
    /// Credits before.
    pub previous_balance: JsonDecimal,
    /// Credits after: `previousBalance + change` (C-051).
    pub new_balance: JsonDecimal,
    /// Credits, below zero when they left.
    pub change: JsonDecimal,
    /// `mint`, `retirement`, `transfer_received`, `transfer_sent`, or `reorg` when a block left the chain.
    pub reason: &'static str,
    /// `TXN-YYYY-NNNN…` (C-050): the year of the block and the event's place in the node's log.
    pub transaction_id: String,
    /// Whose balance.
    #[serde(with = "wia_abi::eip55")]
    pub address: Address,
    /// The other side of the movement; absent for mint and retirement.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "wia_abi::eip55::option::serialize")]
    pub counterparty: Option<Address>,
    /// The moved amount, exactly: wei as decimal text, without sign.
    pub amount_wei: String,
    /// `change` in wei, with sign.
    pub change_wei: String,
    /// `previousBalance` in wei.
    pub previous_balance_wei: String,
    /// `newBalance` in wei.
    pub new_balance_wei: String,
    /// The transaction.
    pub transaction_hash: B256,
    /// Its block's height.
    pub block_number: u64,
    /// `chainId:blockHash:logIndex`; a retraction carries the id of what it takes back.
    pub event_id: String,
    /// The block's time.
    pub timestamp: Timestamp,
    /// Pass it to `subscribe` to resume after this push.
    pub cursor: String,
}

/// Params of `blockchain.transaction_confirmed` (C-049), at each of 1…12 confirmations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionConfirmed {
    /// The transaction.
    pub transaction_hash: B256,
    /// Its block's height.
    pub block_number: u64,
    /// 1 when its block is the head; 0 when its block left the chain.
    pub confirmations: u64,
    /// `confirmed`, or `reorged` when its block left the chain.
    pub status: &'static str,
    /// The credit id of a mint, else `CCR-YYYY-NNNNNN` (C-050): the event's place in the node's log.
    pub record_id: String,
    /// True at the depth that counts as final (C-097).
    #[serde(rename = "final")]
    pub is_final: bool,
    /// The block's hash.
    pub block_hash: B256,
    /// When the confirming block was made.
    pub timestamp: Timestamp,
    /// Pass it to `subscribe` to resume after this push.
    pub cursor: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read_and_echoed() {
        let one = Channels::parse(&json!({"channel": "wallet.balance"})).unwrap();
        assert_eq!(one.result("subscribed"), json!({"subscribed": true, "channel": "wallet.balance"}));
        let many = json!({"channels": ["wallet.balance", "market.price", "blockchain.confirmations"]});
        let many = Channels::parse(&many).unwrap();
        assert_eq!(many.known, Channel::ALL);
        let result = many.result("subscribed");
        assert_eq!(result["channels"], json!(["wallet.balance", "blockchain.confirmations"]));
        assert_eq!(result["errors"][0]["channel"], "market.price");
    }

    #[test]
    fn what_cannot_be_subscribed_is_named() {
        for (params, field) in [
            (json!({}), "channels"),
            (json!([]), "params"),
            (json!({"channels": []}), "channels"),
            (json!({"channels": "wallet.balance"}), "channels"),
            (json!({"channel": 7}), "channel"),
            (json!({"channel": "nope"}), "channel"),
            (json!({"channel": "market.price", "symbols": []}), "symbols"),
            (json!({"channel": "wallet.balance", "cursor": 7}), "cursor"),
            (json!({"channel": "wallet.balance", "channels": ["wallet.balance"]}), "channels"),
        ] {
            let error = Channels::parse(&params).unwrap_err();
            assert_eq!((error.code, &error.data.unwrap()["field"]), (-32602, &json!(field)), "{params}");
        }
    }
}
