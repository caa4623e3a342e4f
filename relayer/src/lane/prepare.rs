//! From a batch of messages to calldata with a gas limit and fees: only questions to the chain, no writes.
//!
//! In: the batch. Out: what may be sent, and what became of the messages that the simulation failed. The whole
//! ordered batch is simulated on the latest block, so that a message is judged with those before it done.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes, U256};
use alloy::sol_types::SolError;
use futures::StreamExt;
use futures::stream;
use wia_abi::CarbonCredit;
use wia_abi::contracts::describe_revert;

use super::batch::{CONTRACT_SIGNER_GAS, Candidate, most_gas};
use super::carry::{Way, single_input};
use super::fees::{Caps, TooExpensive, offer};
use crate::chain::{Call, Chain, ChainError};
use crate::engine::observe::{Execution, Named, usage};
use crate::queue::record::{Fees, Item};

/// Single simulations at a time, to find out why items failed.
const SINGLES_AT_A_TIME: usize = 8;

/// A message on its way into a batch.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) candidate: Candidate,
    pub(crate) item: Arc<Item>,
}

/// What the lane may sign.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
    /// Where the transaction goes.
    pub(crate) contract: Address,
    /// In batch order; may be empty when the simulation failed all.
    pub(crate) entries: Vec<Entry>,
    pub(crate) input: Bytes,
    pub(crate) gas_limit: u64,
    pub(crate) fees: Fees,
    /// The lane's nonce as the latest block knows it.
    pub(crate) chain_nonce: u64,
    pub(crate) failed: Vec<(Entry, Failure)>,
}

/// Why a message did not pass the simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// `validAfter` has not passed: it waits.
    NotYetValid,
    /// `validBefore` has passed.
    Expired,
    /// Somebody else has submitted it already.
    Executed(Execution),
    /// It passes alone, but not behind the others of the batch: it waits for them to be decided.
    Blocked,
    /// It fails alone on the state of `block`, which anyone can check.
    Refused {
        /// The state.
        block: u64,
        /// The contract's error.
        reason: String,
    },
}

/// Why there is nothing to sign.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unprepared {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    TooExpensive(#[from] TooExpensive),
    /// The batch as a whole does not fit a transaction, or fails though its items pass: try a smaller one.
    #[error("the batch does not fit one transaction")]
    TooLarge,
}

/// What the batch is tried and signed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) lane: Address,
    /// Of the head, in wei per gas.
    pub(crate) base_fee: Option<u128>,
    pub(crate) caps: Caps,
    /// The highest gas limit that a transaction may have.
    pub(crate) gas_cap: u64,
}

/// Simulates `entries` (all going one way, in batch order) as they will be sent: at the same price, which a wallet could
/// tell from a free call, and with the same gas, so that what passes here has enough of it in the block.
pub(crate) async fn prepare(
    chain: Arc<dyn Chain>,
    terms: Terms,
    entries: Vec<Entry>,
) -> Result<Prepared, Unprepared> {
    let chain = &*chain;
    let way = entries.first().map_or(Way::Alone(Address::ZERO), |e| e.candidate.way);
    let contract = way.to();
    let fees = fees(chain, terms.base_fee, terms.caps).await?;
    let input = way.input(entries.iter().map(|e| &*e.item));
    let gas = within(most_gas(entries.iter().map(|e| &e.candidate)), entries.len(), terms.gas_cap)?;
    let call = |gas: u64| trial(terms.lane, contract, input.clone(), gas, fees);
    let (simulated, chain_nonce) = tokio::join!(chain.call(call(gas), None), chain.nonce(terms.lane));
    let chain_nonce = chain_nonce?;
    let (passed, gas, whole_error) = match simulated {
        Ok(answer) => (way.executed(&answer), Gas::Measured, None),
        // The chain may count gas otherwise than the one on which the bounds were measured: it is asked.
        Err(ChainError::Reverted { data, .. }) => match chain.estimate_gas(call(terms.gas_cap)).await {
            Ok(estimate) => {
                let gas = within(asked(estimate, &entries), entries.len(), terms.gas_cap)?;
                let answer = chain.call(call(gas), None).await?;
                (way.executed(&answer), Gas::Asked, None)
            }
            Err(ChainError::Reverted { .. }) => (U256::ZERO, Gas::Measured, Some(data)),
            Err(other) => return Err(other.into()),
        },
        Err(other) => return Err(other.into()),
    };
    let (good, bad): (Vec<_>, Vec<_>) =
        entries.into_iter().enumerate().partition(|(index, _)| passed.bit(*index));
    let good: Vec<Entry> = good.into_iter().map(|(_, entry)| entry).collect();
    let bad: Vec<Entry> = bad.into_iter().map(|(_, entry)| entry).collect();
    let mut failed = judge(chain, terms, fees, bad).await?;
    if let Some(data) = whole_error
        && failed.iter().all(|(_, failure)| *failure == Failure::Blocked)
    {
        if failed.len() > 1 {
            return Err(Unprepared::TooLarge);
        }
        let block = chain.head().await?.number;
        let reason = describe_revert(&data);
        failed.iter_mut().for_each(|(_, f)| *f = Failure::Refused { block, reason: reason.clone() });
    }
    // Items that failed changed nothing for the others: those need no second simulation, only their own gas.
    let input = if failed.is_empty() { input } else { way.input(good.iter().map(|e| &*e.item)) };
    let gas_limit = match gas {
        _ if good.is_empty() => 0,
        Gas::Measured => most_gas(good.iter().map(|e| &e.candidate)),
        Gas::Asked => {
            let call = trial(terms.lane, contract, input.clone(), terms.gas_cap, fees);
            asked(chain.estimate_gas(call).await?, &good)
        }
    };
    let gas_limit = within(gas_limit, good.len(), terms.gas_cap)?;
    Ok(Prepared { contract, entries: good, input, gas_limit, fees, chain_nonce, failed })
}

/// Where a gas limit comes from.
enum Gas {
    /// The bounds of [`super::batch`].
    Measured,
    /// The chain's own estimate.
    Asked,
}

/// A gas limit that a transaction may have. One message alone is tried with what there is.
fn within(gas: u64, items: usize, cap: u64) -> Result<u64, Unprepared> {
    if gas > cap && items > 1 { Err(Unprepared::TooLarge) } else { Ok(gas.min(cap)) }
}

/// A quarter more than the estimate, and for each contract wallet all that it may burn, whatever it did in the
/// estimate; never less than the batch uses at the most, because before inclusion all recipients may become new
/// ones (17,100 gas each).
fn asked(estimate: u64, entries: &[Entry]) -> u64 {
    let wallets = entries.iter().filter(|e| e.candidate.by_contract);
    let wallets = wallets.map(|_| CONTRACT_SIGNER_GAS).sum::<u64>();
    let room = estimate.saturating_add(estimate / 4).saturating_add(20_000).saturating_add(wallets);
    room.max(most_gas(entries.iter().map(|e| &e.candidate)))
}

async fn fees(chain: &dyn Chain, base_fee: Option<u128>, caps: Caps) -> Result<Fees, Unprepared> {
    let advice = match base_fee {
        // Not every endpoint knows this method: the operator's own figure will do.
        Some(_) => match chain.priority_fee().await {
            Err(ChainError::Refused { .. }) => caps.priority,
            advice => advice?,
        },
        None => chain.gas_price().await?,
    };
    Ok(offer(base_fee, advice, caps)?)
}

fn trial(lane: Address, contract: Address, input: Bytes, gas: u64, fees: Fees) -> Call {
    Call {
        from: lane,
        to: contract,
        input,
        gas: Some(gas),
        max_fee_per_gas: Some(fees.max_fee),
        max_priority_fee_per_gas: fees.priority,
    }
}

/// Finds out why each message failed, by simulating it alone on the state of one named block.
async fn judge(
    chain: &dyn Chain,
    terms: Terms,
    fees: Fees,
    bad: Vec<Entry>,
) -> Result<Vec<(Entry, Failure)>, ChainError> {
    let head = chain.head().await?;
    stream::iter(bad)
        .map(|entry| async move {
            let candidate = &entry.candidate;
            let gas = most_gas(std::iter::once(candidate)).saturating_mul(2).min(terms.gas_cap);
            let call = trial(terms.lane, candidate.contract, single_input(&entry.item), gas, fees);
            let failure = match chain.call(call, Some(head.number)).await {
                Ok(_) => Failure::Blocked,
                Err(ChainError::Reverted { data, .. }) if is_used(&data) => {
                    let named = Named::of(candidate.relay_id, &entry.item);
                    let used = usage(chain, head.number, &[], &named).await?;
                    used.theirs().map_or_else(|| classify(&data, head.number), Failure::Executed)
                }
                Err(ChainError::Reverted { data, .. }) => classify(&data, head.number),
                Err(other) => return Err(other),
            };
            Ok((entry, failure))
        })
        .buffered(SINGLES_AT_A_TIME)
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect()
}

fn selector(data: &Bytes) -> &[u8] {
    data.get(..4).unwrap_or_default()
}

fn is_used(data: &Bytes) -> bool {
    selector(data) == CarbonCredit::AuthorizationAlreadyUsed::SELECTOR
}

fn classify(data: &Bytes, block: u64) -> Failure {
    let selector = selector(data);
    if selector == CarbonCredit::AuthorizationNotYetValid::SELECTOR {
        Failure::NotYetValid
    } else if selector == CarbonCredit::AuthorizationExpired::SELECTOR {
        Failure::Expired
    } else {
        Failure::Refused { block, reason: describe_revert(data) }
    }
}

impl Entry {
    pub(crate) fn relay_id(&self) -> B256 {
        self.candidate.relay_id
    }
}
