//! Whose signature it is, judged as the contract judges it: ECDSA first, ERC-1271 only on a mismatch.
//!
//! In: digest, signer, signature. Out: what kind of signer it is, or the refusal. ECDSA runs on threads for
//! blocking work, at most [`Config::verifiers`](crate::Config::verifiers) at a time.

use alloy::primitives::{Address, B256, Bytes, b256};
use alloy::sol;
use alloy::sol_types::SolCall;
use tokio::sync::Semaphore;
use wia_abi::authorization::recover;
use wia_protocol::RpcError;

use crate::chain::{Call, Chain, ChainError};

sol! {
    /// ERC-1271.
    function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
}

/// The largest signature, in bytes: several nested keys of a contract wallet. Each byte costs gas.
pub(crate) const MAX_SIGNATURE_BYTES: usize = 4_096;

/// The answer of a contract that accepts, as the first word that it returns.
const ACCEPTED: B256 = b256!("1626ba7e00000000000000000000000000000000000000000000000000000000");

/// Gas that our contracts give a contract wallet for its answer.
const ERC1271_GAS: u64 = 200_000;

/// Places for verifications that run at the same time.
pub(crate) struct Verifiers(Semaphore);

impl Verifiers {
    pub(crate) fn new(places: usize) -> Self {
        Self(Semaphore::new(places.max(1)))
    }

    /// The address whose key made the signature, if it is ECDSA at all.
    pub(crate) async fn recover(&self, digest: B256, signature: Bytes) -> Result<Option<Address>, RpcError> {
        let _place = self.0.acquire().await.map_err(|_| RpcError::internal())?;
        let recovered = tokio::task::spawn_blocking(move || recover(digest, &signature)).await;
        recovered.map_err(|error| {
            tracing::error!(%error, "a verification was lost");
            RpcError::internal()
        })
    }
}

/// What a contract says about a signature in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalletAnswer {
    /// It accepts.
    Accepts,
    /// It does not.
    Refuses,
    /// There is no contract at that address.
    NoContract,
}

/// Asks the signer by ERC-1271 as the contract does: the same question with the same gas, and an answer
/// counts only when its first word is the magic value. The digest begins with the signer's own address as a
/// member of the message, so a signature for one wallet is none for another one of the same owner.
pub(crate) async fn ask_wallet(
    chain: &dyn Chain,
    signer: Address,
    digest: B256,
    signature: &Bytes,
) -> Result<WalletAnswer, ChainError> {
    if chain.code(signer).await?.is_empty() {
        return Ok(WalletAnswer::NoContract);
    }
    let input: Bytes =
        isValidSignatureCall { hash: digest, signature: signature.clone() }.abi_encode().into();
    // What the transaction around the question costs, at the floor price of calldata (EIP-7623).
    let around = 21_000 + 40 * u64::try_from(input.len()).unwrap_or(u64::MAX).min(1 << 20);
    let call = Call { to: signer, input, gas: Some(ERC1271_GAS + around), ..Call::default() };
    match chain.call(call, None).await {
        Ok(answer) if answer.get(..32) == Some(ACCEPTED.as_slice()) => Ok(WalletAnswer::Accepts),
        Ok(_) => Ok(WalletAnswer::Refuses),
        Err(away @ ChainError::Unavailable { .. }) => Err(away),
        // A wallet that reverts or burns its gas does not accept.
        Err(_) => Ok(WalletAnswer::Refuses),
    }
}
