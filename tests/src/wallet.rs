//! Signed messages in numbers: the cases that need hundreds, or wrong ones, sign here; the main line is signed by real
//! wallets (see [`crate::Client`]).

use std::sync::atomic::{AtomicU64, Ordering};

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use serde_json::Value;
use wia_abi::Authorization;
use wia_abi::authorization::{Domain, TransferWithAuthorization};
use wia_protocol::relay::Submission;

/// A key of one chain and contract.
pub struct Wallet {
    signer: PrivateKeySigner,
    chain_id: u64,
    contract: Address,
}

/// A signed message.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The EIP-712 digest: the message's name everywhere.
    pub id: B256,
    /// What was signed.
    pub message: TransferWithAuthorization,
    /// `relay.submit`'s params.
    pub params: Value,
}

impl Wallet {
    /// A private key, 32 bytes in hex, for messages of `contract` on `chain_id`.
    #[must_use]
    pub fn new(private_key: &str, chain_id: u64, contract: Address) -> Self {
        Self { signer: private_key.parse().expect("a development key"), chain_id, contract }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Address {
        self.signer.address()
    }

    /// A transfer of `value` wei under a nonce that this process has not used yet, valid for an hour.
    #[must_use]
    pub fn transfer(&self, to: Address, value: U256) -> TransferWithAuthorization {
        static NONCES: AtomicU64 = AtomicU64::new(0);
        TransferWithAuthorization {
            from: self.address(),
            to,
            value,
            validAfter: U256::ZERO,
            validBefore: U256::from(now_s() + 3_600),
            nonce: U256::from(NONCES.fetch_add(1, Ordering::Relaxed)).into(),
        }
    }

    /// A signature over any digest.
    #[must_use]
    pub fn sign_digest(&self, digest: B256) -> Bytes {
        self.signer.sign_hash_sync(&digest).expect("a local key signs").as_bytes().into()
    }

    /// The domain of `CarbonCredit`.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain::carbon_credit(self.chain_id, self.contract)
    }

    /// Signs for the domain of `CarbonCredit`.
    #[must_use]
    pub fn sign(&self, message: TransferWithAuthorization) -> Signed {
        let id = self.domain().digest(&message);
        let submission = Submission {
            chain_id: self.chain_id,
            contract: self.contract.to_string(),
            message: Authorization::from(&message),
            signature: self.sign_digest(id),
        };
        Signed { id, message, params: submission.to_params() }
    }

    /// A signed transfer of `value` wei.
    #[must_use]
    pub fn pay(&self, to: Address, value: U256) -> Signed {
        self.sign(self.transfer(to, value))
    }
}

fn now_s() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed();
    since.expect("a clock after 1970").as_secs()
}
