//! What the chain shows of one message: the questions behind the judgement.
//!
//! In: an endpoint and a [`Case`]. Out: [`Facts`], with the blocks that they were read from. The endpoint is believed;
//! who doubts it asks another one. An execution is told from another use of the same nonce by the message's own words in
//! the calldata of the transaction: directly, in a batch, or inside another contract's call, they stand there as one.

use std::time::Duration;

use alloy::eips::BlockId;
use alloy::network::TransactionBuilder;
use alloy::primitives::{B256, BlockNumber};
use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::types::{Filter, Log, TransactionRequest};
use alloy::sol_types::{Eip712Domain, SolCall, SolEvent};
use alloy::transports::{RpcError, TransportError, TransportErrorKind};
use alloy::{consensus::Transaction, sol};
use tokio::time::timeout;
use wia_abi::CarbonCredit::{AuthorizationCanceled, AuthorizationSkipped, AuthorizationUsed};
use wia_abi::authorization::Domain;
use wia_abi::contracts;

use super::case::Case;
use super::judge::{Facts, Outcome, Refused, What};

/// How long the endpoint may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Questions for logs: endpoints that bound the range of one are asked for halves, this often at the most.
const LOG_QUESTIONS: usize = 512;

sol! {
    /// ERC-5267.
    function eip712Domain() external view returns (
        bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt,
        uint256[] extensions
    );
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("the endpoint does not answer {question}: {reason}")]
    Endpoint { question: &'static str, reason: String },
    #[error("the endpoint refuses {question}: {reason}")]
    Refused { question: &'static str, reason: String },
    #[error("{0}")]
    Unfit(String),
}

pub(super) struct Asked {
    provider: RootProvider,
}

impl Asked {
    pub(super) fn at(url: &str) -> Result<Self, Unanswered> {
        let url = url.parse().map_err(|e| Unanswered::Unfit(format!("--rpc-url: {e}")))?;
        Ok(Self { provider: ProviderBuilder::default().connect_http(url) })
    }

    /// Whether the receipt is for this message on this chain.
    pub(super) async fn check(&self, case: &Case) -> Result<(), Unanswered> {
        let chain_id = answer("eth_chainId", self.provider.get_chain_id()).await?;
        if chain_id != case.chain_id {
            let reason =
                format!("chainId: the message is for {}, the endpoint serves {chain_id}", case.chain_id);
            return Err(Unanswered::Unfit(reason));
        }
        let question = TransactionRequest::default().with_to(case.contract).with_call(&eip712DomainCall {});
        let domain = answer("eip712Domain()", self.provider.call(question)).await?;
        let domain = eip712DomainCall::abi_decode_returns(&domain).map_err(|_| {
            Unanswered::Unfit(format!("contract: {} has no EIP-712 domain (ERC-5267)", case.contract))
        })?;
        let domain = Eip712Domain::new(
            Some(domain.name.into()),
            Some(domain.version.into()),
            Some(domain.chainId),
            Some(domain.verifyingContract),
            None,
        );
        case.is_of(&Domain::new(domain)).map_err(Unanswered::Unfit)
    }

    /// Everything that the judgement needs. Logs are read from `first` on.
    pub(super) async fn facts(&self, case: &Case, first: u64, depth: u64) -> Result<Facts, Unanswered> {
        let head = answer("eth_blockNumber", self.provider.get_block_number()).await?;
        Ok(Facts {
            promised_by: case.receipt.include_by_block,
            head,
            depth,
            outcomes: self.outcomes(case, first, head).await?,
            refusal: self.refusal(case).await?,
        })
    }

    /// The hash of a block, so that others can see that they look at the same chain.
    pub(super) async fn hash_of(&self, block: u64) -> Result<Option<B256>, Unanswered> {
        let found = self.provider.get_block(BlockId::number(block));
        let found = answer("eth_getBlockByNumber", found).await?;
        Ok(found.map(|block| block.header.hash))
    }

    async fn outcomes(&self, case: &Case, first: u64, head: u64) -> Result<Vec<Outcome>, Unanswered> {
        let of = Filter::new().address(case.contract);
        let nonce = of
            .clone()
            .event_signature(vec![AuthorizationUsed::SIGNATURE_HASH, AuthorizationCanceled::SIGNATURE_HASH])
            .topic1(case.message.signer())
            .topic2(case.message.nonce());
        let skips = of.event_signature(AuthorizationSkipped::SIGNATURE_HASH).topic2(case.relay_id);
        let mut outcomes = Vec::new();
        for log in self.logs(&nonce, first, head).await? {
            let what = if log.topic0() == Some(&AuthorizationUsed::SIGNATURE_HASH)
                && self.carries(log.transaction_hash, case).await?
            {
                What::Executed
            } else {
                What::NonceSpent
            };
            outcomes.extend(outcome(&log, what));
        }
        for log in self.logs(&skips, first, head).await? {
            let reason = AuthorizationSkipped::decode_log_data(&log.inner.data).map(|skip| skip.reason);
            let reason = reason.map_or_else(|e| e.to_string(), contracts::error_name);
            outcomes.extend(outcome(&log, What::Skipped(reason)));
        }
        outcomes.sort_by_key(|outcome| outcome.block);
        Ok(outcomes)
    }

    /// Logs of a range; asked for in halves where the endpoint does not take the whole.
    async fn logs(&self, filter: &Filter, first: u64, last: u64) -> Result<Vec<Log>, Unanswered> {
        let mut found = Vec::new();
        let mut ranges: Vec<(BlockNumber, BlockNumber)> = vec![(first, last)];
        for _ in 0..LOG_QUESTIONS {
            let Some((from, to)) = ranges.pop() else { return Ok(found) };
            if from > to {
                continue;
            }
            let some = filter.clone().from_block(from).to_block(to);
            match answer("eth_getLogs", self.provider.get_logs(&some)).await {
                Ok(logs) => found.extend(logs),
                // Too much for one answer, perhaps; one that is away is away for halves, too.
                Err(Unanswered::Refused { .. }) if from < to => {
                    let middle = from + (to - from) / 2;
                    ranges.extend([(middle + 1, to), (from, middle)]);
                }
                Err(error) => return Err(error),
            }
        }
        let reason = format!("it takes more than {LOG_QUESTIONS} questions; name a later --from-block");
        Err(Unanswered::Endpoint { question: "eth_getLogs", reason })
    }

    /// Whether the message's words stand in the calldata of the transaction.
    async fn carries(&self, transaction: Option<B256>, case: &Case) -> Result<bool, Unanswered> {
        let Some(hash) = transaction else { return Ok(false) };
        let found = self.provider.get_transaction_by_hash(hash);
        let found = answer("eth_getTransactionByHash", found).await?;
        let words = case.message.words();
        Ok(found.is_some_and(|found| found.input().windows(words.len()).any(|part| part == *words)))
    }

    async fn refusal(&self, case: &Case) -> Result<Option<Refused>, Unanswered> {
        let Some(refusal) = &case.refusal else { return Ok(None) };
        let block = refusal.block;
        if block > case.receipt.include_by_block {
            return Ok(Some(Refused::TooLate { block }));
        }
        let call = TransactionRequest::default()
            .with_from(case.receipt.relayer)
            .with_to(case.contract)
            .with_input(case.message.calldata(&case.signature));
        let answered =
            timeout(TIMEOUT, self.provider.call(call).block(BlockId::number(block)).into_future()).await;
        Ok(Some(match answered {
            Ok(Ok(_)) => Refused::Works { block },
            Ok(Err(error)) => match revert(&error) {
                Some(reason) => Refused::Fails { block, reason },
                None => Refused::StateGone { block, why: error.to_string() },
            },
            Err(_) => Refused::StateGone { block, why: "no answer in time".into() },
        }))
    }
}

/// The reason of a revert; `None` when the call was not carried out at all.
fn revert(error: &RpcError<TransportErrorKind>) -> Option<String> {
    let response = error.as_error_resp()?;
    match response.as_revert_data() {
        Some(data) if !data.is_empty() => Some(contracts::describe_revert(&data)),
        // Code 3 is what a revert has, data or not.
        _ => (response.code == 3).then(|| response.message.to_string()),
    }
}

fn outcome(log: &Log, what: What) -> Option<Outcome> {
    Some(Outcome { block: log.block_number?, transaction: log.transaction_hash?, what })
}

async fn answer<T>(
    question: &'static str,
    asked: impl IntoFuture<Output = Result<T, TransportError>>,
) -> Result<T, Unanswered> {
    match timeout(TIMEOUT, asked.into_future()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.is_error_resp() => {
            Err(Unanswered::Refused { question, reason: error.to_string() })
        }
        Ok(Err(error)) => Err(Unanswered::Endpoint { question, reason: error.to_string() }),
        Err(_) => Err(Unanswered::Endpoint { question, reason: "no answer in time".into() }),
    }
}
