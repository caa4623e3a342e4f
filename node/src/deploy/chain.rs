//! What a deployment asks of a chain: every question bounded in time, every error without the endpoint's secrets.

use std::fmt::Display;
use std::time::Duration;

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::transports::{RpcError, TransportResult};
use wia_protocol::endpoint::without_secrets;

use super::DeployError;
use super::network::Network;

const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// A chain behind an endpoint.
pub(crate) struct Chain {
    provider: DynProvider,
    url: String,
}

/// What is offered per gas, in wei.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fees {
    /// Before EIP-1559.
    Legacy {
        /// Price.
        price: u128,
    },
    /// EIP-1559.
    Dynamic {
        /// The most in all.
        cap: u128,
        /// Of it, to the block's producer.
        tip: u128,
    },
}

impl Fees {
    /// The most that one gas can cost.
    pub(crate) fn at_most(self) -> u128 {
        match self {
            Fees::Legacy { price } => price,
            Fees::Dynamic { cap, .. } => cap,
        }
    }

    /// Enough more for a node to let a transaction take the place of one that offers `self`; at least `fresh`.
    pub(crate) fn raised_over(self, fresh: Fees) -> Fees {
        let raise = |old: u128, new: u128| new.max(old.saturating_add(old / 8).saturating_add(1));
        match (self, fresh) {
            (Fees::Legacy { price }, fresh) => Fees::Legacy { price: raise(price, fresh.at_most()) },
            (Fees::Dynamic { cap, tip }, Fees::Dynamic { cap: fresh_cap, tip: fresh_tip }) => {
                Fees::Dynamic { cap: raise(cap, fresh_cap), tip: raise(tip, fresh_tip) }
            }
            (Fees::Dynamic { cap, tip }, Fees::Legacy { price }) => {
                Fees::Dynamic { cap: raise(cap, price), tip: raise(tip, tip) }
            }
        }
    }

    /// The same in a transaction.
    pub(crate) fn offer(self, transaction: TransactionRequest) -> TransactionRequest {
        match self {
            Fees::Legacy { price } => transaction.with_gas_price(price),
            Fees::Dynamic { cap, tip } => {
                transaction.with_max_fee_per_gas(cap).with_max_priority_fee_per_gas(tip)
            }
        }
    }
}

impl Chain {
    /// No question is asked yet.
    pub(crate) fn at(url: &str) -> Result<Self, DeployError> {
        let parsed = url.parse().map_err(|_| DeployError::Endpoint {
            url: without_secrets(url),
            reason: "this is no http(s) URL".into(),
        })?;
        Ok(Self { provider: ProviderBuilder::default().connect_http(parsed).erased(), url: url.into() })
    }

    pub(crate) async fn id(&self) -> Result<u64, DeployError> {
        self.ask(self.provider.get_chain_id()).await
    }

    /// Hash of block 0: tells two chains of one id apart.
    pub(crate) async fn genesis(&self) -> Result<B256, DeployError> {
        let block = self.ask(self.provider.get_block_by_number(0.into())).await?;
        block.map(|b| b.header.hash).ok_or_else(|| self.unreachable(&"it has no block 0"))
    }

    pub(crate) async fn head(&self) -> Result<u64, DeployError> {
        self.ask(self.provider.get_block_number()).await
    }

    pub(crate) async fn balance(&self, account: Address) -> Result<U256, DeployError> {
        self.ask(self.provider.get_balance(account)).await
    }

    pub(crate) async fn code(&self, address: Address) -> Result<Bytes, DeployError> {
        self.ask(self.provider.get_code_at(address)).await
    }

    /// Whether `address` had code after `block`; `None` when the endpoint does not keep that state.
    pub(crate) async fn had_code(&self, address: Address, block: u64) -> Result<Option<bool>, DeployError> {
        match self.timed(self.provider.get_code_at(address).block_id(BlockId::number(block))).await? {
            Ok(code) => Ok(Some(!code.is_empty())),
            Err(RpcError::ErrorResp(_)) => Ok(None),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// The nonce of the next transaction: behind what is mined, or behind what waits too.
    pub(crate) async fn next_nonce(&self, account: Address, pending: bool) -> Result<u64, DeployError> {
        let asked = self.provider.get_transaction_count(account);
        self.ask(if pending { asked.pending() } else { asked.latest() }).await
    }

    /// What a call returns, or why it reverts.
    pub(crate) async fn call(
        &self,
        from: Option<Address>,
        to: Address,
        input: Bytes,
    ) -> Result<Result<Bytes, String>, DeployError> {
        self.answered(self.provider.call(request(from, to, input)).block(BlockId::latest())).await
    }

    /// The gas that a transaction needs, or why it would revert.
    pub(crate) async fn gas(
        &self,
        from: Option<Address>,
        to: Address,
        input: Bytes,
    ) -> Result<Result<u64, String>, DeployError> {
        self.answered(self.provider.estimate_gas(request(from, to, input)).block(BlockId::latest())).await
    }

    /// Whether a view that returns a word returns another than zero.
    pub(crate) async fn is_true(&self, to: Address, view: Bytes) -> Result<bool, DeployError> {
        let answer = self.call(None, to, view).await?;
        Ok(answer.is_ok_and(|word| word.len() >= 32 && word.iter().any(|b| *b != 0)))
    }

    /// What to offer now.
    pub(crate) async fn fees(&self, network: &Network) -> Result<Fees, DeployError> {
        if network.legacy {
            let price = match network.gas_price_wei {
                Some(price) => price.into(),
                None => self.ask(self.provider.get_gas_price()).await?,
            };
            return Ok(Fees::Legacy { price });
        }
        let fees = self.ask(self.provider.estimate_eip1559_fees()).await?;
        Ok(Fees::Dynamic { cap: fees.max_fee_per_gas, tip: fees.max_priority_fee_per_gas })
    }

    /// Hands a signed transaction over. A node that has it already says so in an error, which is none.
    pub(crate) async fn broadcast(&self, what: &str, raw: &Bytes) -> Result<(), DeployError> {
        match self.timed(self.provider.send_raw_transaction(raw)).await? {
            Ok(_) => Ok(()),
            Err(RpcError::ErrorResp(error)) => {
                let known = ["already known", "already imported", "known transaction", "nonce too low"];
                let message = error.message.to_lowercase();
                if known.iter().any(|k| message.contains(k)) {
                    return Ok(());
                }
                Err(DeployError::Refused { what: what.to_owned(), reason: error.message.into_owned() })
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    pub(crate) async fn receipt(&self, hash: B256) -> Result<Option<TransactionReceipt>, DeployError> {
        self.ask(self.provider.get_transaction_receipt(hash)).await
    }

    async fn ask<T>(&self, question: impl IntoFuture<Output = TransportResult<T>>) -> Result<T, DeployError> {
        self.timed(question).await?.map_err(|e| self.unreachable(&e))
    }

    /// The same where the node's refusal is an answer, too.
    async fn answered<T>(
        &self,
        question: impl IntoFuture<Output = TransportResult<T>>,
    ) -> Result<Result<T, String>, DeployError> {
        match self.timed(question).await? {
            Ok(answer) => Ok(Ok(answer)),
            Err(RpcError::ErrorResp(error)) => {
                let data = error.data.as_ref().map(|d| format!(" ({})", d.get())).unwrap_or_default();
                Ok(Err(format!("{}{data}", error.message)))
            }
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    async fn timed<T, E>(
        &self,
        question: impl IntoFuture<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, DeployError> {
        tokio::time::timeout(CALL_TIMEOUT, question.into_future())
            .await
            .map_err(|_| self.unreachable(&format!("no answer within {} s", CALL_TIMEOUT.as_secs())))
    }

    fn unreachable(&self, error: &dyn Display) -> DeployError {
        let reason = error.to_string().replace(&self.url, "the endpoint");
        DeployError::Endpoint { url: without_secrets(&self.url), reason }
    }
}

fn request(from: Option<Address>, to: Address, input: Bytes) -> TransactionRequest {
    let request = TransactionRequest::default().with_to(to).with_input(input);
    match from {
        Some(from) => request.with_from(from),
        None => request,
    }
}
