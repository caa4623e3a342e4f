//! One look at the chain: only questions, no writes.
//!
//! In: the head, and what the engine follows. Out: facts that belong to that moment. The lane's nonce is asked
//! before the receipts: a nonce that has passed without a receipt afterwards was used by something else.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolCall;
use futures::StreamExt;
use futures::stream;
use wia_abi::CarbonCredit::authorizationStateCall;

use crate::chain::{Call, Chain, ChainError, Head, TransactionReceipt};

/// Questions at a time.
const AT_A_TIME: usize = 8;

/// What to look at.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) head: Head,
    pub(crate) lane: Address,
    /// Transactions that are not known to be in a block.
    pub(crate) undecided: Vec<Undecided>,
    /// Heights whose block may no longer be the one that was seen.
    pub(crate) suspects: Vec<u64>,
}

/// A transaction whose receipt is awaited.
#[derive(Debug, Clone)]
pub(crate) struct Undecided {
    pub(crate) nonce: u64,
    pub(crate) contract: Address,
    /// Of all versions.
    pub(crate) hashes: Vec<B256>,
    /// Its nonce had passed without a receipt when last looked at: if so again, ask what the chain knows of
    /// these (signer, nonce) pairs.
    pub(crate) missed: Option<Vec<(Address, B256)>>,
}

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    pub(crate) head: Head,
    pub(crate) chain_nonce: u64,
    pub(crate) balance: U256,
    /// By the undecided transaction's nonce, what is known of those whose nonce has passed.
    pub(crate) passed: BTreeMap<u64, Passed>,
    /// Hashes at the suspected heights.
    pub(crate) blocks: BTreeMap<u64, Option<B256>>,
}

/// What became of a transaction whose nonce the chain has passed.
#[derive(Debug, Clone)]
pub(crate) enum Passed {
    /// That version is in a block.
    Mined(B256, TransactionReceipt),
    /// No receipt this time.
    Missed,
    /// No receipt, twice in a row: whether each of its authorizations is used nevertheless.
    Lost(Vec<bool>),
}

/// Looks at the chain once.
pub(crate) async fn observe(chain: Arc<dyn Chain>, watched: Watched) -> Result<Observation, ChainError> {
    let chain = &*chain;
    let Watched { head, lane, undecided, suspects } = watched;
    let (chain_nonce, balance) = tokio::try_join!(chain.nonce(lane), chain.balance(lane))?;
    let passed = stream::iter(undecided.into_iter().filter(|u| u.nonce < chain_nonce))
        .map(|one| async move { Ok((one.nonce, passed(chain, one).await?)) })
        .buffer_unordered(AT_A_TIME)
        .collect::<Vec<Result<_, ChainError>>>();
    let blocks = stream::iter(suspects)
        .map(|number| async move { Ok((number, chain.block_hash(number).await?)) })
        .buffer_unordered(AT_A_TIME)
        .collect::<Vec<Result<_, ChainError>>>();
    let (passed, blocks) = tokio::join!(passed, blocks);
    Ok(Observation {
        head,
        chain_nonce,
        balance,
        passed: passed.into_iter().collect::<Result<_, _>>()?,
        blocks: blocks.into_iter().collect::<Result<_, _>>()?,
    })
}

async fn passed(chain: &dyn Chain, one: Undecided) -> Result<Passed, ChainError> {
    for hash in one.hashes.iter().rev() {
        if let Some(receipt) = chain.receipt(*hash).await? {
            return Ok(Passed::Mined(*hash, receipt));
        }
    }
    let Some(authorizations) = one.missed else { return Ok(Passed::Missed) };
    let used: Vec<Result<bool, ChainError>> = stream::iter(authorizations)
        .map(|(signer, nonce)| is_used(chain, one.contract, signer, nonce))
        .buffered(AT_A_TIME)
        .collect()
        .await;
    Ok(Passed::Lost(used.into_iter().collect::<Result<_, _>>()?))
}

/// Whether the chain's bitmap has that nonce, on the latest block.
pub(crate) async fn is_used(
    chain: &dyn Chain,
    contract: Address,
    signer: Address,
    nonce: B256,
) -> Result<bool, ChainError> {
    let input: Bytes = authorizationStateCall { authorizer: signer, nonce }.abi_encode().into();
    let answer = chain.call(Call { to: contract, input, ..Call::default() }, None).await?;
    let unreadable = |e: alloy::sol_types::Error| ChainError::Refused {
        method: "authorizationState",
        code: 0,
        message: e.to_string(),
    };
    authorizationStateCall::abi_decode_returns(&answer).map_err(unreadable)
}
