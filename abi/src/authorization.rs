//! EIP-712 authorizations that a wallet signs and anyone may submit: types, digests, recovery.
//!
//! The digest of a message is its identity everywhere (the relay's idempotency key, the log's skip events).

use alloy::primitives::{Address, B256, Bytes, ChainId, Signature, keccak256};
use alloy::sol;
use alloy::sol_types::{Eip712Domain, SolStruct};
use serde::{Deserialize, Serialize};

use crate::carbon_credit::{self, TransferAuthorization};
use crate::typed_data;

pub mod battery;
pub mod consent;
pub mod credit;
pub mod exchange;
pub mod fleet;
pub mod token;

sol! {
    /// ERC-3009, to the byte. `value` in wei; `validAfter < block.timestamp < validBefore`, Unix seconds.
    #[derive(Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    struct TransferWithAuthorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }
}

impl TransferWithAuthorization {
    /// The item that `transferWithAuthorizationBatch` takes.
    #[must_use]
    pub fn with_signature(&self, signature: Bytes) -> TransferAuthorization {
        TransferAuthorization {
            from: self.from,
            to: self.to,
            value: self.value,
            validAfter: self.validAfter,
            validBefore: self.validBefore,
            nonce: self.nonce,
            signature,
        }
    }
}

/// A domain whose separator is computed once: hashing a message is then one struct hash and one keccak.
#[derive(Debug, Clone)]
pub struct Domain {
    domain: Eip712Domain,
    separator: B256,
}

impl Domain {
    /// The domain of `CarbonCredit` at `contract` on `chain_id` (ERC-5267 fields name, version, chainId,
    /// verifyingContract).
    #[must_use]
    pub fn carbon_credit(chain_id: ChainId, contract: Address) -> Self {
        Self::of(carbon_credit::DOMAIN_NAME, chain_id, contract)
    }

    /// The domain `name` of a contract at `contract` on `chain_id`; each contract's module holds its `DOMAIN_NAME`.
    #[must_use]
    pub fn of(name: &'static str, chain_id: ChainId, contract: Address) -> Self {
        Self::new(Eip712Domain::new(
            Some(name.into()),
            Some(typed_data::VERSION.into()),
            Some(alloy::primitives::U256::from(chain_id)),
            Some(contract),
            None,
        ))
    }

    /// Wraps a domain and computes its separator.
    #[must_use]
    pub fn new(domain: Eip712Domain) -> Self {
        let separator = domain.separator();
        Self { domain, separator }
    }

    /// The fields of the domain.
    #[must_use]
    pub fn fields(&self) -> &Eip712Domain {
        &self.domain
    }

    /// keccak256(0x19 0x01 ‖ separator ‖ hashStruct(message)), EIP-712.
    #[must_use]
    pub fn digest(&self, message: &impl SolStruct) -> B256 {
        self.digest_of(message.eip712_hash_struct())
    }

    /// The same over a message's hashStruct.
    #[must_use]
    pub fn digest_of(&self, struct_hash: B256) -> B256 {
        let mut bytes = [0_u8; 66];
        bytes[..2].copy_from_slice(&[0x19, 0x01]);
        bytes[2..34].copy_from_slice(self.separator.as_slice());
        bytes[34..].copy_from_slice(struct_hash.as_slice());
        keccak256(bytes)
    }
}

/// The address whose key made `signature` over `digest`. `None` when the bytes are no ECDSA signature that
/// the contract would take: 65 bytes r ‖ s ‖ v with v 27 or 28, or 64 bytes of ERC-2098; low s only.
#[must_use]
pub fn recover(digest: B256, signature: &[u8]) -> Option<Address> {
    let signature = match signature.len() {
        65 if matches!(signature[64], 27 | 28) => Signature::from_raw(signature).ok()?,
        64 => Signature::from_erc2098(signature),
        _ => return None,
    };
    if signature.normalize_s().is_some() {
        return None;
    }
    signature.recover_address_from_prehash(&digest).ok()
}

#[cfg(test)]
mod tests;
