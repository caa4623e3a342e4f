//! Who pays and signs: a key in memory, or a signer behind JSON-RPC (`eth_signTransaction`), which is how hardware
//! wallets and key services are reached: Clef, Web3signer, or a node that holds the account.
//!
//! In: a transaction that names everything. Out: its signed bytes. A signer elsewhere is not believed: bytes that are of
//! another account or say anything else than was asked are refused.

use std::time::Duration;

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::network::{EthereumWallet, NetworkTransactionBuilder};
use alloy::primitives::{Address, Bytes, TxKind};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use serde::Deserialize;
use wia_protocol::endpoint::without_secrets;

use super::DeployError;

/// Somebody may have to press a button.
const EXTERNAL_TIMEOUT: Duration = Duration::from_secs(180);

/// Who pays and signs.
pub(crate) struct Deployer {
    pub(crate) address: Address,
    keeper: Keeper,
}

/// Where the key is.
enum Keeper {
    Memory(EthereumWallet),
    External { provider: DynProvider, url: String },
}

/// What `eth_signTransaction` answers: the bytes, alone (Web3signer) or with the transaction (geth, Clef).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SignedAnswer {
    Bytes(Bytes),
    WithTransaction { raw: Bytes },
}

impl Deployer {
    /// A key in memory.
    pub(crate) fn with_key(key: PrivateKeySigner) -> Self {
        Self { address: key.address(), keeper: Keeper::Memory(key.into()) }
    }

    /// The account `address` of the signer at `url`. Nothing is asked yet.
    pub(crate) fn external(url: &str, address: Address) -> Result<Self, DeployError> {
        let parsed =
            url.parse().map_err(|_| DeployError::Signer(format!("`{}` is no URL", without_secrets(url))))?;
        let provider = ProviderBuilder::new().connect_http(parsed).erased();
        Ok(Self { address, keeper: Keeper::External { provider, url: url.into() } })
    }

    /// Signs `request`, which names everything that a transaction says.
    pub(super) async fn sign(&self, request: TransactionRequest) -> Result<TxEnvelope, DeployError> {
        match &self.keeper {
            Keeper::Memory(wallet) => {
                request.build(wallet).await.map_err(|e| DeployError::Signer(e.to_string()))
            }
            Keeper::External { provider, url } => {
                let raw = ask(provider, url, &request).await?;
                let refused =
                    |what: &str| DeployError::Signer(format!("{url} signed {what}; nothing was sent"));
                let signed =
                    TxEnvelope::decode_2718_exact(&raw).map_err(|_| refused("what is no transaction"))?;
                match difference(&request, &signed, self.address) {
                    None => Ok(signed),
                    Some(field) => Err(refused(&format!("another {field} than was asked"))),
                }
            }
        }
    }
}

async fn ask(provider: &DynProvider, url: &str, request: &TransactionRequest) -> Result<Bytes, DeployError> {
    let question = provider.client().request::<_, SignedAnswer>("eth_signTransaction", (request,));
    match tokio::time::timeout(EXTERNAL_TIMEOUT, question).await {
        Ok(Ok(SignedAnswer::Bytes(raw) | SignedAnswer::WithTransaction { raw })) => Ok(raw),
        Ok(Err(error)) => Err(DeployError::Signer(error.to_string().replace(url, &without_secrets(url)))),
        Err(_) => Err(DeployError::Signer(format!(
            "{} did not answer within {} s; confirm on the device and run again",
            without_secrets(url),
            EXTERNAL_TIMEOUT.as_secs()
        ))),
    }
}

/// The first member in which `signed` is not what was asked.
fn difference(asked: &TransactionRequest, signed: &TxEnvelope, from: Address) -> Option<&'static str> {
    let price = asked.gas_price.or(asked.max_fee_per_gas);
    let same = [
        ("account", signed.recover_signer().is_ok_and(|signer| signer == from)),
        ("chain", signed.chain_id() == asked.chain_id),
        ("nonce", Some(signed.nonce()) == asked.nonce),
        (
            "receiver",
            Some(signed.kind()) == asked.to || asked.to.is_none() && signed.kind() == TxKind::Create,
        ),
        ("value", signed.value() == asked.value.unwrap_or_default()),
        ("input", Some(signed.input()) == asked.input.input()),
        ("gas limit", Some(signed.gas_limit()) == asked.gas),
        ("price", Some(signed.max_fee_per_gas()) == price),
        ("tip", signed.max_priority_fee_per_gas() == asked.max_priority_fee_per_gas),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use alloy::network::TransactionBuilder;
    use alloy::primitives::U256;

    use super::*;

    fn asked(from: Address) -> TransactionRequest {
        TransactionRequest::default()
            .with_from(from)
            .with_to(Address::repeat_byte(4))
            .with_input(Bytes::from_static(&[1, 2]))
            .with_nonce(3)
            .with_chain_id(31337)
            .with_gas_limit(50_000)
            .with_max_fee_per_gas(9)
            .with_max_priority_fee_per_gas(1)
    }

    #[tokio::test]
    async fn bytes_that_say_anything_else_than_was_asked_are_found_out() {
        let key = PrivateKeySigner::random();
        let from = key.address();
        let deployer = Deployer::with_key(key);
        let signed = deployer.sign(asked(from)).await.unwrap();
        assert_eq!(difference(&asked(from), &signed, from), None);
        assert_eq!(difference(&asked(from), &signed, Address::ZERO), Some("account"));
        let others = [
            ("chain", asked(from).with_chain_id(1)),
            ("nonce", asked(from).with_nonce(4)),
            ("receiver", asked(from).with_to(Address::repeat_byte(5))),
            ("value", asked(from).with_value(U256::from(1))),
            ("input", asked(from).with_input(Bytes::from_static(&[1]))),
            ("gas limit", asked(from).with_gas_limit(50_001)),
            ("price", asked(from).with_max_fee_per_gas(10)),
            ("tip", asked(from).with_max_priority_fee_per_gas(2)),
        ];
        for (field, other) in others {
            assert_eq!(difference(&other, &signed, from), Some(field));
        }
    }
}
