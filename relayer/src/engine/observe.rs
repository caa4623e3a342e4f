//! One look at the chain: only questions, no writes.
//!
//! In: the head, and what the engine follows. Out: facts that belong to that moment. The lane's nonce is asked
//! before the receipts: a nonce that has passed without a receipt afterwards was used by something else.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolEvent};
use futures::StreamExt;
use futures::stream;
use wia_abi::CarbonCredit::{AuthorizationUsed, authorizationStateCall};

use crate::chain::{Call, Chain, ChainError, Head, TransactionReceipt};

/// How far back the user of an authorization is looked for: endpoints bound the range of one question.
const LOOK_BACK_BLOCKS: u64 = 5_000;

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
    /// Its nonce had passed without a receipt at several looks: if so again, ask what the chain knows of these
    /// (signer, nonce) pairs.
    pub(crate) authorizations: Option<Vec<(Address, B256)>>,
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
    /// No receipt, time and again: whether each of its authorizations is used nevertheless, by a stranger.
    Lost(Vec<bool>),
}

/// Looks at the chain once.
pub(crate) async fn observe(chain: Arc<dyn Chain>, watched: Watched) -> Result<Observation, ChainError> {
    let chain = &*chain;
    let Watched { head, lane, undecided, suspects } = watched;
    let (chain_nonce, balance) = tokio::try_join!(chain.nonce(lane), chain.balance(lane))?;
    let passed = stream::iter(undecided.into_iter().filter(|u| u.nonce < chain_nonce))
        .map(|one| async move { Ok((one.nonce, passed(chain, head.number, one).await?)) })
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

async fn passed(chain: &dyn Chain, head: u64, one: Undecided) -> Result<Passed, ChainError> {
    for hash in one.hashes.iter().rev() {
        if let Some(receipt) = chain.receipt(*hash).await? {
            return Ok(Passed::Mined(*hash, receipt));
        }
    }
    let Some(authorizations) = &one.authorizations else { return Ok(Passed::Missed) };
    let used: Vec<Result<Use, ChainError>> = stream::iter(authorizations.clone())
        .map(|(signer, nonce)| usage(chain, head, &one, signer, nonce))
        .buffered(AT_A_TIME)
        .collect()
        .await;
    let used = used.into_iter().collect::<Result<Vec<_>, _>>()?;
    // It is in the chain: its receipt will come.
    if used.contains(&Use::Ours) {
        return Ok(Passed::Missed);
    }
    Ok(Passed::Lost(used.into_iter().map(|one| one == Use::Foreign).collect()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Unused,
    Ours,
    Foreign,
}

/// Whether an authorization is used, and whether a version of our transaction did it.
async fn usage(
    chain: &dyn Chain,
    head: u64,
    one: &Undecided,
    signer: Address,
    nonce: B256,
) -> Result<Use, ChainError> {
    if !is_used(chain, one.contract, signer, nonce).await? {
        return Ok(Use::Unused);
    }
    let topics = [AuthorizationUsed::SIGNATURE_HASH, signer.into_word(), nonce];
    let from = head.saturating_sub(LOOK_BACK_BLOCKS);
    match chain.transactions_with_log(one.contract, topics, from).await {
        Ok(users) if users.iter().any(|hash| one.hashes.contains(hash)) => Ok(Use::Ours),
        // Of a cancellation there is no such log.
        Ok(_) => Ok(Use::Foreign),
        Err(ChainError::Refused { method, message, .. }) => {
            tracing::warn!(method, message, "who used an authorization could not be asked");
            Ok(Use::Foreign)
        }
        Err(other) => Err(other),
    }
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
