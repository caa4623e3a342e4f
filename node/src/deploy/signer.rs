//! Who pays and signs: a key in memory, or one that is kept elsewhere ([`crate::remote_signer`]).
//!
//! In: a transaction that names everything. Out: the same, signed.

use alloy::consensus::TxEnvelope;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder, TxSigner};
use alloy::primitives::{Address, Signature};
use alloy::rpc::types::TransactionRequest;

use super::DeployError;

/// Who pays and signs.
pub(crate) struct Deployer {
    pub(crate) address: Address,
    wallet: EthereumWallet,
}

impl Deployer {
    /// Whoever holds the key.
    pub(crate) fn new(signer: impl TxSigner<Signature> + Send + Sync + 'static) -> Self {
        Self { address: signer.address(), wallet: EthereumWallet::new(signer) }
    }

    /// Signs `request`, which names everything that a transaction says.
    pub(super) async fn sign(&self, request: TransactionRequest) -> Result<TxEnvelope, DeployError> {
        request.build(&self.wallet).await.map_err(|e| DeployError::Signer(e.to_string()))
    }
}
