//! Puts the committed bytecode on a chain, at its CREATE2 addresses, and gives the dev accounts credits.
//!
//! In: an endpoint and a funded key. Out: a [`Deployment`]. Doing it twice changes nothing: what has code is
//! left alone, a credit id that was minted is not minted again. Serves B-K25, C-091, C-094 for `wia dev`.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::network::{EthereumWallet, TransactionBuilder};
use alloy::primitives::{Address, B256, Bytes};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::TransactionRequest;
use alloy::signers::local::PrivateKeySigner;
use alloy::sol_types::SolCall;
use wia_abi::carbon_credit::{self, CarbonCredit};
use wia_abi::deployment::Contract;
use wia_abi::{BlockNumber, CreditAmount, Deployment, create2};
use wia_protocol::endpoint::without_secrets;

const RECEIPT_TIMEOUT: Duration = Duration::from_secs(60);
const RECEIPT_POLL: Duration = Duration::from_millis(20);

/// Why a deployment stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeployError {
    #[error("the endpoint {url} does not answer: {reason}")]
    Endpoint { url: String, reason: String },
    #[error(
        "the CREATE2 factory {} has no code on this chain; deploy it first (it has one address on every chain)",
        create2::FACTORY
    )]
    NoFactory,
    #[error("{what} failed: {reason}")]
    Transaction { what: String, reason: String },
    #[error("{what} was not mined within {} seconds", RECEIPT_TIMEOUT.as_secs())]
    NotMined { what: String },
}

/// Sends transactions from one key, in order, without waiting for each.
pub(crate) struct Deployer {
    provider: DynProvider,
    url: String,
    from: Address,
    next_nonce: u64,
}

/// A transaction on its way.
struct Sent {
    what: String,
    hash: B256,
}

impl Deployer {
    pub(crate) async fn connect(url: &str, key: PrivateKeySigner) -> Result<Self, DeployError> {
        let from = key.address();
        let parsed =
            url.parse().map_err(|e| DeployError::Endpoint { url: url.into(), reason: format!("{e}") })?;
        let provider = ProviderBuilder::new().wallet(EthereumWallet::from(key)).connect_http(parsed).erased();
        let mut deployer = Self { provider, url: url.into(), from, next_nonce: 0 };
        deployer.next_nonce =
            deployer.provider.get_transaction_count(from).await.map_err(|e| deployer.unreachable(&e))?;
        Ok(deployer)
    }

    pub(crate) async fn chain_id(&self) -> Result<u64, DeployError> {
        self.provider.get_chain_id().await.map_err(|e| self.unreachable(&e))
    }

    /// Deploys what is missing of the plans for `admin`; `credits` are minted under their credit ids, each
    /// once.
    pub(crate) async fn deploy(
        &mut self,
        chain_id: u64,
        admin: Address,
        credits: &[(Address, CreditAmount, String)],
    ) -> Result<Deployment, DeployError> {
        if self.code_at(create2::FACTORY).await?.is_empty() {
            return Err(DeployError::NoFactory);
        }
        let first_block = self.provider.get_block_number().await.map_err(|e| self.unreachable(&e))?;
        let mut contracts = BTreeMap::new();
        let mut sent = Vec::new();
        for plan in create2::plans(admin, 0) {
            let address = plan.address();
            let known = !self.code_at(address).await?.is_empty();
            // An older deployment may lie anywhere below: reading from the start is slow but never misses.
            let block_number = BlockNumber(if known { 0 } else { first_block });
            if !known {
                let what = format!("deploying {}", plan.name);
                sent.push(self.send(what, create2::FACTORY, plan.factory_input()).await?);
            }
            contracts.insert(plan.name.to_owned(), Contract { address, block_number });
        }
        // Mints depend on the code: under automine it is there by now, else we wait for it.
        self.mined(std::mem::take(&mut sent)).await?;
        let token = contracts[carbon_credit::NAME].address;
        for (to, amount, credit_id) in credits {
            let call = CarbonCredit::mintCall { to: *to, amount: amount.0, creditId: credit_id.clone() }
                .abi_encode();
            if self.would_succeed(token, &call).await {
                sent.push(self.send(format!("minting {credit_id}"), token, call.into()).await?);
            }
        }
        self.mined(sent).await?;
        Ok(Deployment { chain_id, contracts })
    }

    async fn send(&mut self, what: String, to: Address, input: Bytes) -> Result<Sent, DeployError> {
        let request = TransactionRequest::default()
            .with_from(self.from)
            .with_to(to)
            .with_input(input)
            .with_nonce(self.next_nonce);
        let pending = self.provider.send_transaction(request).await;
        let pending =
            pending.map_err(|e| DeployError::Transaction { what: what.clone(), reason: e.to_string() })?;
        self.next_nonce += 1;
        Ok(Sent { what, hash: *pending.tx_hash() })
    }

    async fn mined(&self, sent: Vec<Sent>) -> Result<(), DeployError> {
        for Sent { what, hash } in sent {
            let receipt = async {
                loop {
                    match self.provider.get_transaction_receipt(hash).await {
                        Ok(Some(receipt)) => return Ok(receipt),
                        Ok(None) => tokio::time::sleep(RECEIPT_POLL).await,
                        Err(e) => return Err(self.unreachable(&e)),
                    }
                }
            };
            let receipt = tokio::time::timeout(RECEIPT_TIMEOUT, receipt)
                .await
                .map_err(|_| DeployError::NotMined { what: what.clone() })??;
            if !receipt.inner.status() {
                return Err(DeployError::Transaction { what, reason: format!("{hash} was reverted") });
            }
        }
        Ok(())
    }

    async fn would_succeed(&self, to: Address, input: &[u8]) -> bool {
        let call = TransactionRequest::default().with_from(self.from).with_to(to).with_input(input.to_vec());
        self.provider.call(call).await.is_ok()
    }

    async fn code_at(&self, address: Address) -> Result<Bytes, DeployError> {
        self.provider.get_code_at(address).await.map_err(|e| self.unreachable(&e))
    }

    fn unreachable(&self, error: &dyn std::fmt::Display) -> DeployError {
        let reason = error.to_string().replace(&self.url, "the endpoint");
        DeployError::Endpoint { url: without_secrets(&self.url), reason }
    }
}
