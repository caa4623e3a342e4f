//! A lane's signature under a transaction: EIP-1559, or legacy with EIP-155 on a chain without base fee.
//!
//! In: a transaction, and whoever holds the key: a key in this process, a keystore, or a service elsewhere (a KMS, an
//! HSM) behind alloy's own trait. Out: the signed bytes. Here a key is never read, written or logged.

use std::sync::Arc;
use std::time::Duration;

use alloy::consensus::{SignableTransaction, TxEip1559, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSigner;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U256};

use crate::queue::record::Fees;

/// Holds the key of one account that sends transactions. Any alloy signer is one: `PrivateKeySigner`, the KMS signers
/// of AWS and Google, or a few lines around anything else that signs.
///
/// ```
/// use std::sync::Arc;
/// use wia_relayer::LaneSigner;
/// // In a cluster: `alloy::signers::aws::AwsSigner::new(client, key_id, Some(chain_id)).await?`
/// let key = alloy::signers::local::PrivateKeySigner::random();
/// let lane: LaneSigner = Arc::new(key);
/// ```
pub type LaneSigner = Arc<dyn TxSigner<Signature> + Send + Sync>;

/// Why there is no signature. The transaction is as if it had never been: its nonce stays free.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsigned {
    #[error("the key could not sign: {0}")]
    Signer(#[from] alloy::signers::Error),
    #[error("the signer gave no answer within {0:?}")]
    Late(Duration),
    #[error("the signer of {0} gave the signature of another account")]
    OtherAccount(Address),
}

/// A transaction to one contract, all but the signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft<'a> {
    pub(crate) chain_id: u64,
    pub(crate) nonce: u64,
    pub(crate) to: Address,
    pub(crate) input: &'a Bytes,
    pub(crate) gas_limit: u64,
    pub(crate) fees: Fees,
}

/// Hash and bytes of the signed transaction.
pub(crate) async fn sign(
    signer: &LaneSigner,
    draft: Draft<'_>,
    patience: Duration,
) -> Result<(B256, Bytes), Unsigned> {
    let Draft { chain_id, nonce, to, input, gas_limit, fees } = draft;
    let (to, input, value) = (TxKind::Call(to), input.clone(), U256::ZERO);
    let sealed = async {
        match fees.priority {
            Some(max_priority_fee_per_gas) => {
                let transaction = TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: fees.max_fee,
                    max_priority_fee_per_gas,
                    to,
                    value,
                    access_list: Default::default(),
                    input,
                };
                seal(signer, transaction).await
            }
            None => {
                let gas_price = fees.max_fee;
                let chain_id = Some(chain_id);
                seal(signer, TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input }).await
            }
        }
    };
    tokio::time::timeout(patience, sealed).await.map_err(|_| Unsigned::Late(patience))?
}

async fn seal<T>(signer: &LaneSigner, mut transaction: T) -> Result<(B256, Bytes), Unsigned>
where
    T: SignableTransaction<Signature> + alloy::consensus::transaction::RlpEcdsaEncodableTx,
{
    let signature = signer.sign_transaction(&mut transaction).await?;
    // A service elsewhere may be set up wrongly: the pool would take it as somebody else's.
    let by = signature.recover_address_from_prehash(&transaction.signature_hash());
    if by.ok() != Some(signer.address()) {
        return Err(Unsigned::OtherAccount(signer.address()));
    }
    let signed = transaction.into_signed(signature);
    Ok((*signed.hash(), signed.encoded_2718().into()))
}

#[cfg(test)]
mod tests {
    use alloy::consensus::{Transaction, TxEnvelope, transaction::SignerRecoverable};
    use alloy::eips::eip2718::Decodable2718;
    use alloy::signers::local::PrivateKeySigner;
    use async_trait::async_trait;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn draft(input: &Bytes, priority: Option<u128>) -> Draft<'_> {
        Draft {
            chain_id: 31_337,
            nonce: 7,
            to: Address::repeat_byte(2),
            input,
            gas_limit: 90_000,
            fees: Fees { max_fee: 9, priority },
        }
    }

    #[tokio::test]
    async fn what_is_signed_decodes_to_the_same_transaction_from_the_same_sender() {
        let key = PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap();
        let signer: LaneSigner = Arc::new(key.clone());
        let input = Bytes::from_static(b"input");
        for priority in [Some(3), None] {
            let (hash, raw) = sign(&signer, draft(&input, priority), PATIENCE).await.unwrap();
            let decoded = TxEnvelope::decode_2718(&mut raw.as_ref()).unwrap();
            assert_eq!(*decoded.tx_hash(), hash);
            assert_eq!(decoded.recover_signer().unwrap(), key.address());
            assert_eq!((decoded.nonce(), decoded.chain_id()), (7, Some(31_337)));
            assert_eq!((decoded.max_fee_per_gas(), decoded.max_priority_fee_per_gas()), (9, priority));
        }
    }

    /// A key that nobody reaches.
    struct Away;

    #[async_trait]
    impl TxSigner<Signature> for Away {
        fn address(&self) -> Address {
            Address::ZERO
        }
        async fn sign_transaction(
            &self,
            _: &mut dyn SignableTransaction<Signature>,
        ) -> alloy::signers::Result<Signature> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_signer_that_is_away_is_waited_for_so_long() {
        let signer: LaneSigner = Arc::new(Away);
        let patience = Duration::from_millis(1);
        let late = sign(&signer, draft(&Bytes::new(), None), patience).await.unwrap_err();
        assert!(matches!(late, Unsigned::Late(_)), "{late}");
    }

    /// A key that says that it is another one.
    struct Impostor(PrivateKeySigner);

    #[async_trait]
    impl TxSigner<Signature> for Impostor {
        fn address(&self) -> Address {
            Address::repeat_byte(9)
        }
        async fn sign_transaction(
            &self,
            transaction: &mut dyn SignableTransaction<Signature>,
        ) -> alloy::signers::Result<Signature> {
            self.0.sign_transaction(transaction).await
        }
    }

    #[tokio::test]
    async fn a_signature_of_another_account_is_none() {
        let signer: LaneSigner = Arc::new(Impostor(PrivateKeySigner::random()));
        let wrong = sign(&signer, draft(&Bytes::new(), None), PATIENCE).await.unwrap_err();
        assert!(matches!(wrong, Unsigned::OtherAccount(_)), "{wrong}");
    }
}
