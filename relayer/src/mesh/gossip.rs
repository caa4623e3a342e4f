//! What one gossip message is, and what is reported about it: pure functions.
//!
//! In: the bytes of a message, or the relayer's answer to it. Out: its id, a [`Submission`] or [`Claim`], a [`Verdict`].
//! A rejection costs the peer that forwarded the message its score, so it is kept for what every honest node
//! would refuse: malformed bytes, and signatures of another key than that of `from` where no contract stands. What a
//! contract wallet refuses, it may have accepted a block before, when the message was passed on. All else is ignored; a
//! claim of a relayer that we do not share with, too, because others may.

use alloy::signers::k256::sha2::{Digest, Sha256};
use libp2p::gossipsub::{IdentTopic, Message, MessageAcceptance, MessageId};
use serde_json::Value;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::{self, Claim, Submission};
use wia_protocol::{RpcError, cbor};

use super::MeshError;
use crate::ClaimNews;
use crate::intake::DEPENDS_ON_CHAIN;

/// What is reported to gossipsub, with the name that metrics give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Ours now, or ours before: pass it on.
    Accepted,
    /// Malformed or not signed by its signer.
    Rejected,
    /// Not for us, not now: a race, a quota, another chain, an action of a later version.
    Ignored,
    /// Not looked at, because too much was waiting or the peer was too fast.
    Shed,
}

impl Verdict {
    pub(super) fn acceptance(self) -> MessageAcceptance {
        match self {
            Verdict::Accepted => MessageAcceptance::Accept,
            Verdict::Rejected => MessageAcceptance::Reject,
            Verdict::Ignored | Verdict::Shed => MessageAcceptance::Ignore,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Rejected => "rejected",
            Verdict::Ignored => "ignored",
            Verdict::Shed => "shed",
        }
    }

    /// The relayer's refusal of a well-formed submission. Whether a key's signature is right does not depend on
    /// where the chain stands; whether a wallet accepts one, a nonce is free, a balance suffices or a time has
    /// come does.
    pub(super) fn of_refusal(error: &RpcError) -> Self {
        let invalid = error.code == Code::InvalidParams.row().0;
        let passing = error.data.as_ref().is_some_and(|data| data[DEPENDS_ON_CHAIN] == true);
        let wrong = invalid && !passing && field(error) == Some("signature");
        if wrong { Self::Rejected } else { Self::Ignored }
    }

    /// What the relayer made of a claim.
    pub(super) fn of_claim(news: ClaimNews) -> Self {
        match news {
            ClaimNews::Heard => Self::Accepted,
            ClaimNews::Nothing => Self::Ignored,
            ClaimNews::Forged => Self::Rejected,
        }
    }
}

/// The topic of one chain's submissions.
pub(super) fn topic(chain_id: u64) -> IdentTopic {
    IdentTopic::new(relay::gossip_topic(chain_id))
}

/// The topic of what relayers of one chain claim.
pub(super) fn claim_topic(chain_id: u64) -> IdentTopic {
    IdentTopic::new(relay::claim_topic(chain_id))
}

/// SHA-256(topic ‖ data): the same message has one id, whoever sends it.
pub(super) fn message_id(message: &Message) -> MessageId {
    let hash = Sha256::new().chain_update(message.topic.as_str()).chain_update(&message.data);
    MessageId(hash.finalize().to_vec())
}

/// The one form in which a submission is gossiped.
pub(super) fn encode(submission: &Submission) -> Result<Vec<u8>, MeshError> {
    bounded(cbor::encode(&submission.to_params())?)
}

/// The one form in which a claim is gossiped.
pub(super) fn encode_claim(claim: &Claim) -> Result<Vec<u8>, MeshError> {
    bounded(cbor::encode(&claim.to_params())?)
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, MeshError> {
    if bytes.len() > relay::MAX_MESSAGE_BYTES {
        return Err(MeshError::TooLarge { bytes: bytes.len(), limit: relay::MAX_MESSAGE_BYTES });
    }
    Ok(bytes)
}

/// Reads a message of the topic of `chain_id`.
///
/// Only the form that [`encode`] writes is taken: upper-case hex, the chain id as a number, or a longer integer, would
/// be a second gossip id for the same submission.
pub(super) fn decode(data: &[u8], chain_id: u64) -> Result<Submission, Verdict> {
    let params = cbor::read(data).map_err(|_| Verdict::Rejected)?;
    let submission = Submission::parse(&params).map_err(|error| {
        let later_version = field(&error) == Some("action") && params["action"].is_string();
        if later_version && is_form(data, &params) { Verdict::Ignored } else { Verdict::Rejected }
    })?;
    if !is_form(data, &submission.to_params()) {
        return Err(Verdict::Rejected);
    }
    if submission.chain_id == chain_id { Ok(submission) } else { Err(Verdict::Ignored) }
}

/// Reads a message of a claim topic; only the form that [`encode_claim`] writes is taken.
pub(super) fn decode_claim(data: &[u8]) -> Result<Claim, Verdict> {
    let params = cbor::read(data).map_err(|_| Verdict::Rejected)?;
    let claim = Claim::parse(&params).map_err(|_| Verdict::Rejected)?;
    if is_form(data, &claim.to_params()) { Ok(claim) } else { Err(Verdict::Rejected) }
}

/// Whether `data` is the canonical encoding of `params`.
fn is_form(data: &[u8], params: &Value) -> bool {
    cbor::encode(params).is_ok_and(|bytes| bytes == data)
}

fn field(error: &RpcError) -> Option<&str> {
    error.data.as_ref()?.get("field")?.as_str()
}

#[cfg(test)]
mod tests {
    use libp2p::gossipsub::TopicHash;
    use serde_json::json;

    use super::*;

    fn params() -> Value {
        json!({
            "chainId": "31337", "contract": "CarbonCredit", "action": "TransferWithAuthorization",
            "message": {
                "from": "0x00000000000000000000000000000000000000aa",
                "to": "0x00000000000000000000000000000000000000bb",
                "value": "1", "validAfter": "0", "validBefore": "2",
                "nonce": format!("0x{:064x}", 7),
            },
            "signature": format!("0x{}", "11".repeat(65)),
        })
    }

    fn changed(path: &str, to: Value) -> Vec<u8> {
        let mut params = params();
        *params.pointer_mut(path).unwrap() = to;
        cbor::encode(&params).unwrap()
    }

    /// The same object, its number of members written in two bytes instead of one.
    fn long_headed(params: &Value) -> Vec<u8> {
        let bytes = cbor::encode(params).unwrap();
        [&[0xb8, bytes[0] & 0x1f], &bytes[1..]].concat()
    }

    #[test]
    fn what_is_written_is_read() {
        let submission = Submission::parse(&params()).unwrap();
        assert_eq!(decode(&encode(&submission).unwrap(), 31337), Ok(submission));
    }

    #[test]
    fn malformed_is_rejected_and_foreign_is_ignored() {
        for (what, data, verdict) in [
            ("no CBOR", vec![0xff], Verdict::Rejected),
            ("no map", vec![0x01], Verdict::Rejected),
            ("the longer head of a map", long_headed(&params()), Verdict::Rejected),
            (
                "the longer head of a later version",
                long_headed(&json!({"action": "DonateAuthorization", "chainId": "1", "contract": "C"})),
                Verdict::Rejected,
            ),
            ("a byte too many", [cbor::encode(&params()).unwrap(), vec![0]].concat(), Verdict::Rejected),
            ("a missing field", cbor::encode(&json!({"chainId": "1"})).unwrap(), Verdict::Rejected),
            ("a number for the chain", changed("/chainId", json!(31337)), Verdict::Rejected),
            ("upper-case hex", changed("/signature", json!("0xAA")), Verdict::Rejected),
            ("no text for the action", changed("/action", json!(1)), Verdict::Rejected),
            (
                "an action of a later version",
                changed("/action", json!("DonateAuthorization")),
                Verdict::Ignored,
            ),
            ("another chain", changed("/chainId", json!("1")), Verdict::Ignored),
        ] {
            assert_eq!(decode(&data, 31337), Err(verdict), "{what}");
        }
    }

    #[test]
    fn only_a_wrong_signature_is_held_against_the_peer() {
        for (error, verdict) in [
            (RpcError::invalid("signature", "is of another signer"), Verdict::Rejected),
            (
                RpcError::invalid("signature", "is refused by a wallet").with(DEPENDS_ON_CHAIN, true),
                Verdict::Ignored,
            ),
            (RpcError::invalid("nonce", "is used"), Verdict::Ignored),
            (RpcError::invalid("validBefore", "has passed"), Verdict::Ignored),
            (RpcError::rate_limited("signature", "slower", 1), Verdict::Ignored),
            (RpcError::internal(), Verdict::Ignored),
        ] {
            assert_eq!(Verdict::of_refusal(&error), verdict, "{error}");
        }
    }

    #[test]
    fn a_claim_has_one_form() {
        let claim = Claim {
            relayer: alloy::primitives::Address::repeat_byte(0xab),
            issued_at: wia_protocol::Timestamp(1_736_942_400_007),
            until_block: 7,
            relay_ids: vec![alloy::primitives::B256::repeat_byte(0xcd)],
            signature: vec![0x11; 65].into(),
        };
        assert_eq!(decode_claim(&encode_claim(&claim).unwrap()), Ok(claim.clone()));
        for (member, value) in [
            ("relayer", json!(claim.relayer.to_checksum(None))),
            ("issuedAt", json!("2025-01-15T13:00:00.007+01:00")),
            ("untilBlock", json!("7")),
            ("more", json!(1)),
        ] {
            let mut params = claim.to_params();
            params[member] = value;
            let bytes = cbor::encode(&params).unwrap();
            assert_eq!(decode_claim(&bytes), Err(Verdict::Rejected), "{member}");
        }
        assert_eq!(decode_claim(&[0xff]), Err(Verdict::Rejected));
    }

    #[test]
    fn the_id_is_the_hash_of_topic_and_data() {
        let message = Message {
            source: None,
            data: b"c".to_vec(),
            sequence_number: Some(1),
            topic: TopicHash::from_raw("ab"),
        };
        let hex: String = message_id(&message).0.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
