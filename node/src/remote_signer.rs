//! A key that is kept elsewhere: a signer behind JSON-RPC (`eth_signTransaction`), which is how hardware wallets and
//! key services are reached: Clef, Web3signer, or a node that holds the account. For deployments and for lanes.
//!
//! In: a transaction that names everything. Out: its signature. A signer elsewhere is not believed: bytes that are of
//! another account or say anything else than was asked are refused.

use std::time::Duration;

use alloy::consensus::transaction::SignerRecoverable;
use alloy::consensus::{SignableTransaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::network::TxSigner;
use alloy::primitives::{Address, Bytes, Signature};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers;
use async_trait::async_trait;
use serde::Deserialize;
use wia_protocol::endpoint::without_secrets;

/// Somebody may have to press a button.
const PATIENCE: Duration = Duration::from_secs(180);

/// One account of a signer elsewhere.
pub(crate) struct RemoteSigner {
    address: Address,
    provider: DynProvider,
    url: String,
}

/// The address of a signer that is none.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no URL of a signer; it begins with http:// or https://")]
pub(crate) struct NoUrl(String);

/// What `eth_signTransaction` answers: the bytes, alone (Web3signer) or with the transaction (geth, Clef).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SignedAnswer {
    Bytes(Bytes),
    WithTransaction { raw: Bytes },
}

impl RemoteSigner {
    /// The account `address` of the signer at `url`. Nothing is asked yet.
    pub(crate) fn at(url: &str, address: Address) -> Result<Self, NoUrl> {
        let web = url.starts_with("http://") || url.starts_with("https://");
        let parsed = url.parse().ok().filter(|_| web).ok_or_else(|| NoUrl(without_secrets(url)))?;
        let provider = ProviderBuilder::new().connect_http(parsed).erased();
        Ok(Self { address, provider, url: url.into() })
    }

    async fn ask(&self, request: &TransactionRequest) -> Result<Bytes, signers::Error> {
        let name = without_secrets(&self.url);
        let question = self.provider.client().request::<_, SignedAnswer>("eth_signTransaction", (request,));
        match tokio::time::timeout(PATIENCE, question).await {
            Ok(Ok(SignedAnswer::Bytes(raw) | SignedAnswer::WithTransaction { raw })) => Ok(raw),
            Ok(Err(error)) => Err(signers::Error::message(error.to_string().replace(&self.url, &name))),
            Err(_) => Err(signers::Error::message(format!(
                "{name} did not answer within {} s; confirm on the device and run again",
                PATIENCE.as_secs()
            ))),
        }
    }
}

#[async_trait]
impl TxSigner<Signature> for RemoteSigner {
    fn address(&self) -> Address {
        self.address
    }

    async fn sign_transaction(
        &self,
        transaction: &mut dyn SignableTransaction<Signature>,
    ) -> signers::Result<Signature> {
        let raw = self.ask(&request(self.address, transaction)).await?;
        let refused = |what: &str| {
            let name = without_secrets(&self.url);
            signers::Error::message(format!("{name} signed {what}; nothing was sent"))
        };
        let signed = TxEnvelope::decode_2718_exact(&raw).map_err(|_| refused("what is no transaction"))?;
        // The hash is over every member.
        if signed.signature_hash() != transaction.signature_hash() {
            return Err(refused("another transaction than was asked"));
        }
        if !signed.recover_signer().is_ok_and(|signer| signer == self.address) {
            return Err(refused("with another account than was asked"));
        }
        Ok(*signed.signature())
    }
}

fn request(from: Address, transaction: &dyn SignableTransaction<Signature>) -> TransactionRequest {
    let (price, tip) = (transaction.max_fee_per_gas(), transaction.max_priority_fee_per_gas());
    TransactionRequest {
        from: Some(from),
        to: Some(transaction.kind()),
        input: transaction.input().clone().into(),
        nonce: Some(transaction.nonce()),
        chain_id: transaction.chain_id(),
        gas: Some(transaction.gas_limit()),
        value: Some(transaction.value()),
        max_fee_per_gas: tip.map(|_| price),
        max_priority_fee_per_gas: tip,
        gas_price: transaction.gas_price(),
        ..TransactionRequest::default()
    }
}
