//! Relay messages: the same object on every door, as JSON or as canonical CBOR.
//!
//! A [`Submission`] is a signed EIP-712 authorization in transit. Its id, the idempotency key everywhere, is
//! the EIP-712 digest, which the relayer computes. Integers inside `message` are decimal strings, because a
//! JSON number above 2^53 is not the number its sender wrote. Every refusal names the field. What may be signed and
//! handed in is `wia_abi::action`'s table.

pub mod batch;
mod claim;
mod fields;
mod message;

use std::collections::HashSet;

use alloy::primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use wia_abi::action::Authorization;

use crate::{RpcError, Timestamp};
pub use claim::Claim;
use fields::Fields;

/// Method names, on WebSocket and over libp2p.
pub mod method {
    /// Hand in a signed message.
    pub const SUBMIT: &str = "relay.submit";
    /// Hand in many, each answered for itself.
    pub const SUBMIT_BATCH: &str = "relay.submitBatch";
    /// Ask for the state of one.
    pub const STATUS: &str = "relay.status";
    /// Be told of every change (WebSocket only; over libp2p a waiting `relay.status` does the same).
    pub const SUBSCRIBE: &str = "relay.subscribe";
    /// Which chain, contracts and limits this relayer serves.
    pub const INFO: &str = "relay.info";
    /// The push of `relay.subscribe`.
    pub const UPDATE: &str = "relay.update";
}

/// Name of the libp2p request-response protocol.
pub const P2P_PROTOCOL: &str = "/wia/relay/1.0.0";

/// The largest message on any door, in bytes; where [`method::SUBMIT_BATCH`] may be larger, [`batch::MAX_BATCH_BYTES`]
/// is its bound.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The gossipsub topic of submissions on one chain.
#[must_use]
pub fn gossip_topic(chain_id: u64) -> String {
    format!("wia/relay/1/{chain_id}")
}

/// The gossipsub topic of what relayers of one chain have claimed.
#[must_use]
pub fn claim_topic(chain_id: u64) -> String {
    format!("wia/claim/1/{chain_id}")
}

/// `relay.submit`'s params: what a wallet hands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Deployment name (`CarbonCredit`) or address.
    pub contract: String,
    /// What was signed.
    pub message: Authorization,
    /// 65 bytes (r ‖ s ‖ v), 64 bytes (ERC-2098), or what the signer's own contract takes (ERC-1271).
    pub signature: Bytes,
}

impl Submission {
    /// Reads `relay.submit`'s params: `{chainId, contract, action, message, signature}` and nothing else.
    /// `chainId` may be a JSON number too.
    ///
    /// # Errors
    /// -32602 naming the first field that is missing, unknown or malformed.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let mut fields = Fields::of("params", params)?;
        let chain_id = fields.chain_id("chainId")?;
        let contract = fields.text("contract")?.to_owned();
        let action = fields.text("action")?;
        let message = message::parse(action, fields.value("message")?)?;
        let signature = fields.bytes("signature")?;
        fields.nothing_else()?;
        Ok(Self { chain_id, contract, message, signature })
    }

    /// The params that [`Submission::parse`] reads back, in their one form: all hex in lower case, all integers as
    /// decimal strings. Gossip takes this form only.
    #[must_use]
    pub fn to_params(&self) -> Value {
        json!({
            "chainId": self.chain_id.to_string(),
            "contract": self.contract,
            "action": self.message.action().name,
            "message": message::to_value(&self.message),
            "signature": self.signature,
        })
    }
}

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// On the relayer's disk.
    Accepted,
    /// Taken into a batch.
    Claimed,
    /// In a signed transaction, `txHash`.
    Submitted,
    /// In `block`, executed at `index` of its batch.
    Mined,
    /// Buried under `confirmations` blocks.
    Final,
    /// The chain passed it over: `reason`, in `block`. The signer may submit it again.
    Skipped,
    /// `validBefore` passed before it was mined.
    Expired,
    /// Dropped after acceptance, with a signed [`Refusal`]. The signer may submit it again.
    Rejected,
    /// Its block left the chain; it goes back to submitted.
    Reorged,
}

/// A relayer's signed promise (EIP-712 `RelayReceipt`, see `wia_abi::receipt`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The address that signed.
    #[serde(with = "wia_abi::eip55")]
    pub relayer: Address,
    /// When the message was accepted.
    pub received_at: Timestamp,
    /// Executed, or skipped on chain, by this block.
    pub include_by_block: u64,
    /// 65 bytes over the receipt's digest.
    pub signature: Bytes,
}

/// A relayer's signed refusal of an accepted message (EIP-712 `RelayRefusal`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// The address that signed.
    #[serde(with = "wia_abi::eip55")]
    pub relayer: Address,
    /// When it was dropped.
    pub refused_at: Timestamp,
    /// The block on whose state it would have failed.
    pub block: u64,
    /// The contract's own reason, e.g. `ERC20InsufficientBalance { … }`.
    pub reason: String,
    /// 65 bytes over the refusal's digest.
    pub signature: Bytes,
}

/// `relay.submit`'s result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submitted {
    /// The EIP-712 digest.
    pub relay_id: B256,
    /// `accepted`, or where a message that was handed in before stands now.
    pub status: State,
    /// The promise made when it was first accepted.
    pub receipt: Receipt,
    /// Whether it had been handed in before. Not a member on the wire: HTTP says it by its status, the others need
    /// not know.
    #[serde(skip)]
    pub known: bool,
}

/// One step of a message's way: `relay.update`'s params, and an element of `relay.status`'s history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The EIP-712 digest.
    pub relay_id: B256,
    /// The state reached.
    pub status: State,
    /// Counts the steps of this message from 0.
    pub sequence: u32,
    /// When.
    pub updated_at: Timestamp,
    /// The transaction, from `submitted` on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tx_hash: Option<B256>,
    /// The block's height, from `mined` on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub block: Option<u64>,
    /// The position in the batch, as `AuthorizationSkipped.index` counts it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub index: Option<u32>,
    /// At `final`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub confirmations: Option<u64>,
    /// At `skipped`, `expired`, `rejected`, `reorged`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// At `rejected`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refusal: Option<Refusal>,
}

/// `relay.status`'s result: the last step, the receipt, and every step so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The last step.
    #[serde(flatten)]
    pub last: Update,
    /// The promise.
    pub receipt: Receipt,
    /// All steps, oldest first.
    pub history: Vec<Update>,
}

/// `relay.status`'s params. With `after`, the answer waits until a step later than that one is there, at
/// most `waitMs` (≤ [`StatusQuery::MAX_WAIT_MS`]); then it says what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusQuery {
    /// The EIP-712 digest.
    pub relay_id: B256,
    /// The sequence of the last step that the asker knows.
    pub after: Option<u32>,
    /// How long to wait, in milliseconds.
    pub wait_ms: u64,
}

impl StatusQuery {
    /// The longest wait, in milliseconds: below the time-out of a libp2p request.
    pub const MAX_WAIT_MS: u64 = 8_000;

    /// Reads `{relayId, after?, waitMs?}`.
    ///
    /// # Errors
    /// -32602 naming the field.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let mut fields = Fields::of("params", params)?;
        let relay_id = fields.bytes32("relayId")?;
        let after = fields.optional_number("after", u64::from(u32::MAX))?;
        let wait_ms = fields.optional_number("waitMs", Self::MAX_WAIT_MS)?.unwrap_or(0);
        fields.nothing_else()?;
        Ok(Self { relay_id, after: after.and_then(|n| u32::try_from(n).ok()), wait_ms })
    }

    /// The params that [`StatusQuery::parse`] reads back.
    #[must_use]
    pub fn to_params(&self) -> Value {
        let mut params = Map::new();
        params.insert("relayId".into(), json!(self.relay_id));
        if let Some(after) = self.after {
            params.insert("after".into(), json!(after));
            params.insert("waitMs".into(), json!(self.wait_ms));
        }
        Value::Object(params)
    }
}

/// `relay.subscribe`'s params: by message, by signer, or everything that this connection submits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// These messages.
    Ids(Vec<B256>),
    /// All messages of this signer, those under way first.
    Signer(Address),
}

impl Watch {
    /// The most ids in one subscription: what fits a message of [`MAX_MESSAGE_BYTES`].
    pub const MAX_IDS: usize = 900;

    /// Reads `{relayIds: […]}` or `{address}`. An id that is named again counts once.
    ///
    /// # Errors
    /// -32602 naming the field.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let mut fields = Fields::of("params", params)?;
        let watch = if fields.has("relayIds") {
            let mut ids = fields.bytes32_list("relayIds", Self::MAX_IDS)?;
            let mut seen = HashSet::with_capacity(ids.len());
            ids.retain(|id| seen.insert(*id));
            Self::Ids(ids)
        } else if fields.has("address") {
            Self::Signer(fields.address("address")?)
        } else {
            return Err(RpcError::invalid("relayIds", "name relayIds, or the address of a signer"));
        };
        fields.nothing_else()?;
        Ok(watch)
    }
}

/// What a relayer takes for each message, out of what its signer has transferred to `payee` through it before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fee {
    /// Deployment name of the token.
    pub contract: String,
    /// Who is paid.
    #[serde(with = "wia_abi::eip55")]
    pub payee: Address,
    /// In the token's smallest unit, a decimal string.
    pub value: String,
}

/// `relay.info`'s result: what a wallet needs to sign for this relayer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Addresses by deployment name.
    #[serde(with = "wia_abi::eip55::map")]
    pub contracts: std::collections::BTreeMap<String, Address>,
    /// The key that signs receipts and pays for gas.
    #[serde(with = "wia_abi::eip55")]
    pub relayer: Address,
    /// What may be submitted: EIP-712 primary types by deployment name.
    pub actions: std::collections::BTreeMap<String, Vec<String>>,
    /// The furthest `validBefore`, in seconds from now.
    pub max_validity_s: u64,
    /// What each message costs its signer, when it costs something.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fee: Option<Fee>,
    /// The depth that `final` means.
    pub final_confirmations: u64,
    /// libp2p addresses, each with the peer id.
    pub p2p: Vec<String>,
    /// A JSON-RPC endpoint of the chain that the operator offers to wallets, when there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rpc_url: Option<String>,
}

#[cfg(test)]
mod tests;
