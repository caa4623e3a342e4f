//! One look at the chain: only questions, no writes.
//!
//! In: the head, and what the engine follows. Out: facts that belong to that moment. A lane's nonce is asked
//! before the receipts: a nonce that has passed without a receipt afterwards was used by something else.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolEvent};
use futures::future::try_join_all;
use futures::{StreamExt, stream};
use wia_abi::CarbonCredit::{AuthorizationUsed, authorizationStateCall};

use super::verdict::{Verdict, verdicts};
use crate::chain::{Call, Chain, ChainError, Head};
use crate::queue::record::{Inclusion, Item, Slot};

/// How far back the user of an authorization is looked for: endpoints bound the range of one question.
const LOOK_BACK_BLOCKS: u64 = 5_000;

/// Questions at a time.
const AT_A_TIME: usize = 8;

/// What to look at.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) head: Head,
    pub(crate) lanes: Vec<Address>,
    /// Transactions that are not known to be in a block.
    pub(crate) undecided: Vec<Undecided>,
    /// Heights whose block may no longer be the one that was seen.
    pub(crate) suspects: Vec<u64>,
}

/// A transaction whose receipt is awaited.
#[derive(Debug, Clone)]
pub(crate) struct Undecided {
    pub(crate) slot: Slot,
    /// Where it goes.
    pub(crate) contract: Address,
    /// Of all versions.
    pub(crate) hashes: Vec<B256>,
    /// Its messages, in batch order.
    pub(crate) named: Arc<[Named]>,
    /// Its nonce had passed without a receipt at several looks: if so again, ask what the chain knows of its
    /// messages.
    pub(crate) suspect: bool,
}

/// One message of a transaction, as the chain names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) relay_id: B256,
    /// The contract that it is for.
    pub(crate) contract: Address,
    pub(crate) signer: Address,
    pub(crate) nonce: B256,
    /// Whoever submits the message has to hand it in.
    pub(crate) signature: Bytes,
}

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    pub(crate) head: Head,
    /// In the order of [`Watched::lanes`].
    pub(crate) lanes: Vec<LaneSeen>,
    /// What is known of the undecided transactions whose nonce has passed.
    pub(crate) passed: BTreeMap<Slot, Passed>,
    /// Hashes at the suspected heights.
    pub(crate) blocks: BTreeMap<u64, Option<B256>>,
}

/// One lane at the latest block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneSeen {
    pub(crate) address: Address,
    pub(crate) nonce: u64,
    /// In wei.
    pub(crate) balance: U256,
}

/// What became of a transaction whose nonce the chain has passed.
#[derive(Debug, Clone)]
pub(crate) enum Passed {
    /// A version is in a block, and this is what it did with each message.
    Mined { inclusion: Inclusion, succeeded: bool, verdicts: Vec<Verdict> },
    /// No receipt this time.
    Missed,
    /// No receipt, time and again: what became of each of its authorizations nevertheless.
    Lost(Vec<Use>),
}

/// What the chain knows of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Unused,
    /// By a version of the transaction that was asked for.
    Ours,
    /// By that transaction of somebody else.
    Theirs(Execution),
    /// It was cancelled, or another message of the signer had its nonce.
    Otherwise,
}

/// Where somebody else's transaction executed a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Execution {
    pub(crate) slot: Slot,
    pub(crate) tx_hash: B256,
    pub(crate) block_number: u64,
    pub(crate) block_hash: B256,
}

impl Named {
    pub(crate) fn of(relay_id: B256, item: &Item) -> Self {
        let (signer, nonce) = (item.message.signer(), item.message.nonce());
        Self { relay_id, contract: item.contract, signer, nonce, signature: item.signature.clone() }
    }
}

/// Looks at the chain once.
pub(crate) async fn observe(chain: Arc<dyn Chain>, watched: Watched) -> Result<Observation, ChainError> {
    let chain = &*chain;
    let Watched { head, lanes, undecided, suspects } = watched;
    let lanes = try_join_all(lanes.into_iter().map(|lane| lane_now(chain, lane))).await?;
    let has_passed = |slot: Slot| lanes.iter().any(|l| l.address == slot.lane && slot.nonce < l.nonce);
    let undecided: Vec<Undecided> = undecided.into_iter().filter(|u| has_passed(u.slot)).collect();
    let passed = stream::iter(undecided)
        .map(|one| async move { Ok((one.slot, passed(chain, head.number, one).await?)) })
        .buffer_unordered(AT_A_TIME)
        .collect::<Vec<Result<_, ChainError>>>();
    let blocks = stream::iter(suspects)
        .map(|number| async move { Ok((number, chain.block_hash(number).await?)) })
        .buffer_unordered(AT_A_TIME)
        .collect::<Vec<Result<_, ChainError>>>();
    let (passed, blocks) = tokio::join!(passed, blocks);
    Ok(Observation {
        head,
        lanes,
        passed: passed.into_iter().collect::<Result<_, _>>()?,
        blocks: blocks.into_iter().collect::<Result<_, _>>()?,
    })
}

async fn lane_now(chain: &dyn Chain, address: Address) -> Result<LaneSeen, ChainError> {
    let (nonce, balance) = tokio::try_join!(chain.nonce(address), chain.balance(address))?;
    Ok(LaneSeen { address, nonce, balance })
}

async fn passed(chain: &dyn Chain, head: u64, one: Undecided) -> Result<Passed, ChainError> {
    for hash in one.hashes.iter().rev() {
        if let Some(receipt) = chain.receipt(*hash).await? {
            let mut verdicts = verdicts(one.contract, &one.named, &receipt);
            find_users(chain, head, &one, &mut verdicts).await?;
            let (block_number, block_hash) = (receipt.block_number, receipt.block_hash);
            let inclusion = Inclusion { tx_hash: *hash, block_number, block_hash };
            return Ok(Passed::Mined { inclusion, succeeded: receipt.succeeded, verdicts });
        }
    }
    if !one.suspect {
        return Ok(Passed::Missed);
    }
    let mut uses = Vec::with_capacity(one.named.len());
    for few in one.named.chunks(AT_A_TIME) {
        let asked = few.iter().map(|named| usage(chain, head, &one.hashes, named));
        uses.extend(try_join_all(asked).await?);
    }
    // It is in the chain: its receipt will come.
    if uses.contains(&Use::Ours) {
        return Ok(Passed::Missed);
    }
    Ok(Passed::Lost(uses))
}

/// Of the messages that were passed over because somebody was faster: where they were executed.
async fn find_users(
    chain: &dyn Chain,
    head: u64,
    one: &Undecided,
    verdicts: &mut [Verdict],
) -> Result<(), ChainError> {
    let late: Vec<usize> =
        (0..verdicts.len()).filter(|at| verdicts.get(*at).is_some_and(Verdict::is_late)).collect();
    for few in late.chunks(AT_A_TIME) {
        let named = few.iter().filter_map(|at| one.named.get(*at));
        let asked = named.map(|named| user(chain, head, named, &one.hashes));
        for (at, used) in few.iter().zip(try_join_all(asked).await?) {
            if let (Some(verdict), Some(execution)) = (verdicts.get_mut(*at), used.theirs()) {
                *verdict = Verdict::ByStranger(execution);
            }
        }
    }
    Ok(())
}

/// Whether an authorization is used, and by whom; `ours` are the hashes of our own transaction's versions.
pub(crate) async fn usage(
    chain: &dyn Chain,
    head: u64,
    ours: &[B256],
    named: &Named,
) -> Result<Use, ChainError> {
    if is_used(chain, named.contract, named.signer, named.nonce).await? {
        user(chain, head, named, ours).await
    } else {
        Ok(Use::Unused)
    }
}

/// Who used an authorization that is used. A stranger's transaction executed the message when it used the nonce and
/// carries the very signature: for another message with that nonce the signer would have had to sign twice.
async fn user(chain: &dyn Chain, head: u64, named: &Named, ours: &[B256]) -> Result<Use, ChainError> {
    let topics = [AuthorizationUsed::SIGNATURE_HASH, named.signer.into_word(), named.nonce];
    let from = head.saturating_sub(LOOK_BACK_BLOCKS);
    let users = match chain.transactions_with_log(named.contract, topics, from).await {
        Ok(users) => users,
        Err(ChainError::Refused { method, message, .. }) => {
            tracing::warn!(method, message, "who used an authorization could not be asked");
            return Ok(Use::Otherwise);
        }
        Err(other) => return Err(other),
    };
    // Of a cancellation there is no such log.
    for hash in users {
        if ours.contains(&hash) {
            return Ok(Use::Ours);
        }
        let Some(by) = chain.transaction(hash).await? else { continue };
        let signature = named.signature.as_ref();
        if !signature.is_empty() && by.input.windows(signature.len()).any(|bytes| bytes == signature) {
            return Ok(Use::Theirs(Execution {
                slot: Slot { lane: by.from, nonce: by.nonce },
                tx_hash: hash,
                block_number: by.block_number,
                block_hash: by.block_hash,
            }));
        }
    }
    Ok(Use::Otherwise)
}

impl Use {
    pub(crate) fn theirs(self) -> Option<Execution> {
        match self {
            Use::Theirs(execution) => Some(execution),
            Use::Unused | Use::Ours | Use::Otherwise => None,
        }
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
