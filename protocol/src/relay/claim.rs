//! What relayers of one mesh tell each other: which messages are in a transaction of whom.
//!
//! In: the object that a claim topic carries, or its members. Out: a [`Claim`], or the refusal that names the field.
//! Whether its signature is right, and whether its signer has a say, the relayer judges.

use alloy::primitives::{Address, B256, Bytes};
use serde_json::{Value, json};
use wia_abi::receipt::RelayClaim;

use super::fields::Fields;
use crate::{RpcError, Timestamp};

/// A relayer's signed claim of messages (EIP-712 `RelayClaim`, see `wia_abi::receipt`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The address that signed.
    pub relayer: Address,
    /// When it was made.
    pub issued_at: Timestamp,
    /// The last block up to which others leave the messages alone.
    pub until_block: u64,
    /// The messages; none in a sign of life.
    pub relay_ids: Vec<B256>,
    /// 65 bytes over the claim's digest.
    pub signature: Bytes,
}

impl Claim {
    /// The most messages in one claim: what fits [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES).
    pub const MAX_IDS: usize = 512;

    /// Reads `{relayer, issuedAt, untilBlock, relayIds, signature}` and nothing else.
    ///
    /// # Errors
    /// -32602 naming the first field that is missing, unknown or malformed.
    pub fn parse(params: &Value) -> Result<Self, RpcError> {
        let mut fields = Fields::of("claim", params)?;
        let relayer = fields.address("relayer")?;
        let issued_at = fields.timestamp("issuedAt")?;
        let until_block = fields.number("untilBlock")?;
        let relay_ids = fields.bytes32_array("relayIds", Self::MAX_IDS)?;
        let signature = fields.bytes("signature")?;
        if signature.len() != 65 {
            return Err(RpcError::invalid("signature", "must be 65 bytes: r ‖ s ‖ v"));
        }
        fields.nothing_else()?;
        Ok(Self { relayer, issued_at, until_block, relay_ids, signature })
    }

    /// What [`Claim::parse`] reads back, in its one form: hex in lower case, the moment in UTC with milliseconds.
    #[must_use]
    pub fn to_params(&self) -> Value {
        json!({
            "relayer": self.relayer,
            "issuedAt": self.issued_at,
            "untilBlock": self.until_block,
            "relayIds": self.relay_ids,
            "signature": self.signature,
        })
    }

    /// What is signed.
    #[must_use]
    pub fn message(&self) -> RelayClaim {
        RelayClaim {
            relayer: self.relayer,
            issuedAt: self.issued_at.0,
            untilBlock: self.until_block,
            relayIds: self.relay_ids.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cbor;
    use crate::relay::MAX_MESSAGE_BYTES;

    fn claim(ids: usize) -> Claim {
        Claim {
            relayer: Address::repeat_byte(0xab),
            issued_at: Timestamp(1_736_942_400_007),
            until_block: u64::MAX,
            relay_ids: vec![B256::repeat_byte(0xff); ids],
            signature: vec![0xff; 65].into(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_the_largest_fits() {
        for claim in [claim(0), claim(1), claim(Claim::MAX_IDS)] {
            let bytes = cbor::encode(&claim.to_params()).unwrap();
            assert!(bytes.len() <= MAX_MESSAGE_BYTES, "{} bytes", bytes.len());
            assert_eq!(Claim::parse(&cbor::decode(&bytes).unwrap()), Ok(claim));
        }
    }

    #[test]
    fn a_refusal_names_the_field() {
        for (field, value) in [
            ("relayer", json!("0xab")),
            ("issuedAt", json!(5)),
            ("untilBlock", json!("5")),
            ("relayIds", json!(["0x00"])),
            ("relayIds", json!(vec![B256::ZERO; Claim::MAX_IDS + 1])),
            ("signature", json!("0x1234")),
            ("more", json!(1)),
        ] {
            let mut params = claim(2).to_params();
            params[field] = value;
            let error = Claim::parse(&params).unwrap_err();
            assert_eq!(error.data.unwrap()["field"], field);
        }
    }
}
