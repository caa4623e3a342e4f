//! What is to be judged: a receipt, the message it is for, and perhaps a refusal; read and checked against each other.
//!
//! In: JSON as `relay.submit` and `relay.status` print it. Out: a [`Case`] whose signatures are those of the relayer it
//! names, or the sentence that says what does not fit. No chain is asked.

use alloy::primitives::{Address, B256, Bytes};
use serde_json::Value;
use wia_abi::Authorization;
use wia_abi::Deployment;
use wia_abi::authorization::{Domain, recover};
use wia_abi::receipt::{self, RelayReceipt, RelayRefusal};
use wia_protocol::relay::{Receipt, Refusal, Submission};

/// A receipt whose signature is right, with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) chain_id: u64,
    pub(super) contract: Address,
    pub(super) relay_id: B256,
    pub(super) message: Authorization,
    pub(super) signature: Bytes,
    pub(super) receipt: Receipt,
    pub(super) refusal: Option<Refusal>,
}

/// Why there is nothing to judge.
pub(super) type Unfit = String;

impl Case {
    /// `answer` is `{relayId, receipt, refusal?, …}`, `submission` the params of `relay.submit`. `deployment` is needed
    /// when those name their contract.
    pub(super) fn read(
        answer: &Value,
        submission: &Value,
        refusal: Option<&Value>,
        deployment: Option<&Deployment>,
    ) -> Result<Self, Unfit> {
        let submission = Submission::parse(submission).map_err(|e| format!("the message: {e}"))?;
        let Submission { chain_id, contract, message, signature } = submission;
        let contract = match deployment {
            Some(known) => known.resolve(&contract).map(|(_, address)| address),
            None => contract.parse().ok(),
        };
        let contract = contract.ok_or(
            "contract: is named, and not by its address; name the deployment file with --deployment",
        )?;
        let relay_id = member(answer, "relayId")?;
        let refusal = refusal.or_else(|| answer.get("refusal"));
        let refusal = refusal.map(|r| read(r, "refusal")).transpose()?;
        let case = Self {
            chain_id,
            contract,
            relay_id,
            message,
            signature,
            receipt: member(answer, "receipt")?,
            refusal,
        };
        case.check()?;
        Ok(case)
    }

    fn check(&self) -> Result<(), Unfit> {
        let Receipt { relayer, received_at, include_by_block, signature } = &self.receipt;
        let domain = receipt::domain(self.chain_id);
        let promise = RelayReceipt {
            relayId: self.relay_id,
            relayer: *relayer,
            receivedAt: received_at.0,
            includeByBlock: *include_by_block,
        };
        let signed = |digest, signature: &Bytes, what| match recover(digest, signature) {
            Some(signer) if signer == *relayer => Ok(()),
            Some(other) => {
                Err(format!("{what}: is by {other}, or of another chain or message, not by {relayer}"))
            }
            None => Err(format!("{what}: is no ECDSA signature")),
        };
        signed(domain.digest(&promise), signature, "receipt.signature")?;
        if let Some(Refusal { relayer: by, refused_at, block, reason, signature }) = &self.refusal {
            let refusal = RelayRefusal {
                relayId: self.relay_id,
                relayer: *by,
                refusedAt: refused_at.0,
                blockNumber: *block,
                reason: reason.clone(),
            };
            signed(domain.digest(&refusal), signature, "refusal.signature")?;
        }
        Ok(())
    }

    /// Whether the receipt is for this message, signed for `domain`.
    pub(super) fn is_of(&self, domain: &Domain) -> Result<(), Unfit> {
        let digest = self.message.digest(domain);
        if digest == self.relay_id {
            return Ok(());
        }
        Err(format!(
            "relayId: is {}, the message's digest is {digest}: they do not belong together",
            self.relay_id
        ))
    }
}

fn member<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<T, Unfit> {
    let member =
        value.get(name).ok_or_else(|| format!("{name}: is missing; give what relay.submit answered"))?;
    read(member, name)
}

fn read<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<T, Unfit> {
    serde_json::from_value(value.clone()).map_err(|e| format!("{name}: {e}"))
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use alloy::signers::SignerSync;
    use alloy::signers::local::PrivateKeySigner;
    use serde_json::json;
    use wia_abi::authorization::TransferWithAuthorization;
    use wia_protocol::Timestamp;

    use super::*;

    const CONTRACT: Address = Address::repeat_byte(0xcc);

    fn relayer() -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap()
    }

    fn submission() -> Submission {
        let message = TransferWithAuthorization {
            from: Address::repeat_byte(1),
            to: Address::repeat_byte(2),
            value: U256::from(3),
            validAfter: U256::ZERO,
            validBefore: U256::from(9),
            nonce: B256::repeat_byte(4),
        };
        Submission {
            chain_id: 31_337,
            contract: CONTRACT.to_string(),
            message: Authorization::from(&message),
            signature: vec![5; 65].into(),
        }
    }

    /// What a relayer answers.
    fn answer(relay_id: B256) -> Value {
        let promise = RelayReceipt {
            relayId: relay_id,
            relayer: relayer().address(),
            receivedAt: 6,
            includeByBlock: 120,
        };
        let signature = relayer().sign_hash_sync(&receipt::domain(31_337).digest(&promise)).unwrap();
        let receipt = Receipt {
            relayer: relayer().address(),
            received_at: Timestamp(6),
            include_by_block: 120,
            signature: signature.as_bytes().into(),
        };
        json!({ "relayId": relay_id, "status": "accepted", "receipt": receipt })
    }

    #[test]
    fn a_receipt_belongs_to_one_message_of_one_domain() {
        let domain = Domain::carbon_credit(31_337, CONTRACT);
        let answer = answer(submission().message.digest(&domain));
        let case = Case::read(&answer, &submission().to_params(), None, None).unwrap();
        case.is_of(&domain).unwrap();
        let other = case.is_of(&Domain::carbon_credit(1, CONTRACT)).unwrap_err();
        assert!(other.contains("do not belong together"), "{other}");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let (good, params) = (answer(B256::repeat_byte(8)), submission().to_params());
        let changed = |pointer: &str, to: Value| {
            let mut answer = good.clone();
            *answer.pointer_mut(pointer).unwrap() = to;
            Case::read(&answer, &params, None, None).unwrap_err()
        };
        for (pointer, to, said) in [
            ("/receipt/includeByBlock", json!(121), "receipt.signature: is by"),
            ("/receipt/signature", json!("0x1234"), "receipt.signature: is no ECDSA"),
            ("/receipt/relayer", json!(1), "receipt: "),
            ("/relayId", json!("0x12"), "relayId: "),
        ] {
            let error = changed(pointer, to);
            assert!(error.starts_with(said), "{error}");
        }
        let mut named = params.clone();
        named["contract"] = json!("CarbonCredit");
        let error = Case::read(&good, &named, None, None).unwrap_err();
        assert!(error.contains("--deployment"), "{error}");
        let refusal = json!({
            "relayer": relayer().address(), "refusedAt": "2025-01-15T12:00:00.000Z", "block": 5, "reason": "why",
            "signature": good["receipt"]["signature"],
        });
        let error = Case::read(&good, &params, Some(&refusal), None).unwrap_err();
        assert!(error.starts_with("refusal.signature: is by"), "{error}");
        let missing = Case::read(&json!({}), &params, None, None).unwrap_err();
        assert!(missing.starts_with("relayId: is missing"), "{missing}");
    }
}
