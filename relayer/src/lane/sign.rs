//! The lane's signature under a transaction: EIP-1559, or legacy with EIP-155 on a chain without base fee.

use alloy::consensus::{SignableTransaction, TxEip1559, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, TxKind, U256};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;

use crate::queue::record::Fees;

/// A transaction to one contract, all but the signature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unsigned<'a> {
    pub(crate) chain_id: u64,
    pub(crate) nonce: u64,
    pub(crate) to: Address,
    pub(crate) input: &'a Bytes,
    pub(crate) gas_limit: u64,
    pub(crate) fees: Fees,
}

/// Hash and bytes of the signed transaction.
pub(crate) fn sign(
    signer: &PrivateKeySigner,
    unsigned: Unsigned<'_>,
) -> Result<(B256, Bytes), alloy::signers::Error> {
    let Unsigned { chain_id, nonce, to, input, gas_limit, fees } = unsigned;
    let (to, input, value) = (TxKind::Call(to), input.clone(), U256::ZERO);
    match fees.priority {
        Some(max_priority_fee_per_gas) => seal(
            signer,
            TxEip1559 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas: fees.max_fee,
                max_priority_fee_per_gas,
                to,
                value,
                access_list: Default::default(),
                input,
            },
        ),
        None => {
            let gas_price = fees.max_fee;
            seal(signer, TxLegacy { chain_id: Some(chain_id), nonce, gas_price, gas_limit, to, value, input })
        }
    }
}

fn seal<T>(signer: &PrivateKeySigner, transaction: T) -> Result<(B256, Bytes), alloy::signers::Error>
where
    T: SignableTransaction<alloy::primitives::Signature> + alloy::consensus::transaction::RlpEcdsaEncodableTx,
{
    let signature = signer.sign_hash_sync(&transaction.signature_hash())?;
    let signed = transaction.into_signed(signature);
    Ok((*signed.hash(), signed.encoded_2718().into()))
}

#[cfg(test)]
mod tests {
    use alloy::consensus::{Transaction, TxEnvelope, transaction::SignerRecoverable};
    use alloy::eips::eip2718::Decodable2718;

    use super::*;

    #[test]
    fn what_is_signed_decodes_to_the_same_transaction_from_the_same_sender() {
        let signer = PrivateKeySigner::from_bytes(&B256::repeat_byte(1)).unwrap();
        let input = Bytes::from_static(b"input");
        for priority in [Some(3), None] {
            let unsigned = Unsigned {
                chain_id: 31_337,
                nonce: 7,
                to: Address::repeat_byte(2),
                input: &input,
                gas_limit: 90_000,
                fees: Fees { max_fee: 9, priority },
            };
            let (hash, raw) = sign(&signer, unsigned).unwrap();
            let decoded = TxEnvelope::decode_2718(&mut raw.as_ref()).unwrap();
            assert_eq!(*decoded.tx_hash(), hash);
            assert_eq!(decoded.recover_signer().unwrap(), signer.address());
            assert_eq!((decoded.nonce(), decoded.chain_id()), (7, Some(31_337)));
            assert_eq!((decoded.max_fee_per_gas(), decoded.max_priority_fee_per_gas()), (9, priority));
        }
    }
}
