//! What the relayer puts its name to: receipts, refusals and claims, as EIP-712 signatures of its key.
//!
//! In: the facts. Out: the wire types with a signature that anyone can check against `wia_abi::receipt`.

use alloy::primitives::{Address, B256, Bytes};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use wia_abi::authorization::Domain;
use wia_abi::receipt::{RelayReceipt, RelayRefusal, domain};
use wia_protocol::Timestamp;
use wia_protocol::relay::{Claim, Receipt, Refusal};

/// Signs promises on one chain.
pub(crate) struct Promises {
    signer: PrivateKeySigner,
    domain: Domain,
}

impl Promises {
    pub(crate) fn new(signer: PrivateKeySigner, chain_id: u64) -> Self {
        Self { signer, domain: domain(chain_id) }
    }

    pub(crate) fn relayer(&self) -> Address {
        self.signer.address()
    }

    pub(crate) fn receipt(
        &self,
        relay_id: B256,
        received_at: Timestamp,
        include_by_block: u64,
    ) -> Result<Receipt, alloy::signers::Error> {
        let relayer = self.relayer();
        let message = RelayReceipt {
            relayId: relay_id,
            relayer,
            receivedAt: received_at.0,
            includeByBlock: include_by_block,
        };
        let signature = self.signer.sign_hash_sync(&self.domain.digest(&message))?.as_bytes().into();
        Ok(Receipt { relayer, received_at, include_by_block, signature })
    }

    pub(crate) fn refusal(
        &self,
        relay_id: B256,
        refused_at: Timestamp,
        block: u64,
        reason: String,
    ) -> Result<Refusal, alloy::signers::Error> {
        let relayer = self.relayer();
        let message = RelayRefusal {
            relayId: relay_id,
            relayer,
            refusedAt: refused_at.0,
            blockNumber: block,
            reason: reason.clone(),
        };
        let signature = self.signer.sign_hash_sync(&self.domain.digest(&message))?.as_bytes().into();
        Ok(Refusal { relayer, refused_at, block, reason, signature })
    }

    pub(crate) fn claim(
        &self,
        issued_at: Timestamp,
        until_block: u64,
        relay_ids: Vec<B256>,
    ) -> Result<Claim, alloy::signers::Error> {
        let relayer = self.relayer();
        let mut claim = Claim { relayer, issued_at, until_block, relay_ids, signature: Bytes::new() };
        claim.signature = self.signer.sign_hash_sync(&self.claim_digest(&claim))?.as_bytes().into();
        Ok(claim)
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
        let promises = Promises::new(PrivateKeySigner::from_bytes(&B256::repeat_byte(7)).unwrap(), 31_337);
        let relay_id = B256::repeat_byte(1);
        let receipt = promises.receipt(relay_id, Timestamp(5), 120).unwrap();
        let message =
            RelayReceipt { relayId: relay_id, relayer: receipt.relayer, receivedAt: 5, includeByBlock: 120 };
        let digest = domain(31_337).digest(&message);
        assert_eq!(recover(digest, &receipt.signature), Some(promises.relayer()));

        let refusal = promises.refusal(relay_id, Timestamp(6), 9, "why".into()).unwrap();
        let message = RelayRefusal {
            relayId: relay_id,
            relayer: refusal.relayer,
            refusedAt: 6,
            blockNumber: 9,
            reason: "why".into(),
        };
        assert_eq!(recover(domain(31_337).digest(&message), &refusal.signature), Some(promises.relayer()));

        let claim = promises.claim(Timestamp(7), 10, vec![relay_id]).unwrap();
        let digest = domain(31_337).digest(&claim.message());
        assert_eq!(recover(digest, &claim.signature), Some(promises.relayer()));
    }
}
