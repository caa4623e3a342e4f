//! What the relayer puts its name to: receipts, refusals and claims, as EIP-712 signatures of its key.
//!
//! In: the facts. Out: the wire types with a signature that anyone can check against `wia_abi::receipt`.

use alloy::primitives::{Address, B256, Bytes};
use alloy::signers::local::PrivateKeySigner;
use secp256k1::{Message, SECP256K1, SecretKey};
use wia_abi::authorization::Domain;
use wia_abi::receipt::{RelayReceipt, RelayRefusal, domain};
use wia_protocol::Timestamp;
use wia_protocol::relay::{Claim, Receipt, Refusal};

/// Signs promises on one chain.
pub(crate) struct Promises {
    relayer: Address,
    key: Key,
    domain: Domain,
}

/// A key for libsecp256k1, which signs in a third of the time that pure Rust takes: every acceptance waits for a receipt.
/// Erased when dropped.
struct Key(SecretKey);

impl Drop for Key {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

impl Key {
    /// 65 bytes: r ‖ s ‖ v, with low s and v 27 or 28. The nonce is that of RFC 6979.
    fn sign(&self, digest: B256) -> Bytes {
        let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &self.0);
        let (recovery, compact) = signature.serialize_compact();
        let mut bytes = compact.to_vec();
        bytes.push(if i32::from(recovery) & 1 == 0 { 27 } else { 28 });
        bytes.into()
    }
}

impl Promises {
    pub(crate) fn new(signer: &PrivateKeySigner, chain_id: u64) -> Result<Self, secp256k1::Error> {
        let key = Key(SecretKey::from_byte_array(signer.to_bytes().0)?);
        Ok(Self { relayer: signer.address(), key, domain: domain(chain_id) })
    }

    pub(crate) fn relayer(&self) -> Address {
        self.relayer
    }

    pub(crate) fn receipt(&self, relay_id: B256, received_at: Timestamp, include_by_block: u64) -> Receipt {
        let relayer = self.relayer;
        let message = RelayReceipt {
            relayId: relay_id,
            relayer,
            receivedAt: received_at.0,
            includeByBlock: include_by_block,
        };
        let signature = self.key.sign(self.domain.digest(&message));
        Receipt { relayer, received_at, include_by_block, signature }
    }

    pub(crate) fn refusal(
        &self,
        relay_id: B256,
        refused_at: Timestamp,
        block: u64,
        reason: String,
    ) -> Refusal {
        let relayer = self.relayer;
        let message = RelayRefusal {
            relayId: relay_id,
            relayer,
            refusedAt: refused_at.0,
            blockNumber: block,
            reason: reason.clone(),
        };
        let signature = self.key.sign(self.domain.digest(&message));
        Refusal { relayer, refused_at, block, reason, signature }
    }

    pub(crate) fn claim(&self, issued_at: Timestamp, until_block: u64, relay_ids: Vec<B256>) -> Claim {
        let relayer = self.relayer;
        let mut claim = Claim { relayer, issued_at, until_block, relay_ids, signature: Bytes::new() };
        claim.signature = self.key.sign(self.claim_digest(&claim));
        claim
    }

    /// What the signature of a claim is over.
    pub(crate) fn claim_digest(&self, claim: &Claim) -> B256 {
        self.domain.digest(&claim.message())
    }
}

#[cfg(test)]
mod tests {
    use wia_abi::authorization::recover;

    use super::*;

    #[test]
    fn receipts_refusals_and_claims_recover_to_the_relayer() {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap();
        let promises = Promises::new(&signer, 31_337).unwrap();
        assert_eq!(promises.relayer(), signer.address());
        let relay_id = B256::repeat_byte(1);
        let receipt = promises.receipt(relay_id, Timestamp(5), 120);
        let message =
            RelayReceipt { relayId: relay_id, relayer: receipt.relayer, receivedAt: 5, includeByBlock: 120 };
        let digest = domain(31_337).digest(&message);
        assert_eq!(recover(digest, &receipt.signature), Some(promises.relayer()));

        let refusal = promises.refusal(relay_id, Timestamp(6), 9, "why".into());
        let message = RelayRefusal {
            relayId: relay_id,
            relayer: refusal.relayer,
            refusedAt: 6,
            blockNumber: 9,
            reason: "why".into(),
        };
        assert_eq!(recover(domain(31_337).digest(&message), &refusal.signature), Some(promises.relayer()));

        let claim = promises.claim(Timestamp(7), 10, vec![relay_id]);
        let digest = domain(31_337).digest(&claim.message());
        assert_eq!(recover(digest, &claim.signature), Some(promises.relayer()));
    }
}
