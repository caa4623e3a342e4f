//! From a batch of messages to calldata with a gas limit and fees: only questions to the chain, no writes.
//!
//! In: the batch. Out: what may be sent, and what became of the messages that the simulation failed. The whole
//! ordered batch is simulated on the latest block, so that a message is judged with those before it done.

use std::sync::Arc;

use alloy::primitives::{Address, B256, Bytes};
use futures::StreamExt;
use futures::stream;
use wia_abi::carbon_credit::{CarbonCredit, describe_revert};

use super::batch::{CONTRACT_SIGNER_GAS, Candidate, most_gas};
use super::fees::{Caps, TooExpensive, offer};
use crate::chain::{Call, Chain, ChainError};
use crate::queue::record::{Fees, Item, batch_input, executed, single_input};

/// Single simulations at a time, to find out why items failed.
const SINGLES_AT_A_TIME: usize = 8;

/// A message on its way into a batch.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) candidate: Candidate,
    pub(crate) item: Item,
}

/// What the lane may sign.
#[derive(Debug, Clone)]
pub(crate) struct Prepared {
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

/// Simulates `entries` (of one contract, in batch order) at the price that they will be sent with: a wallet
/// could tell a free call from a transaction.
pub(crate) async fn prepare(
    chain: Arc<dyn Chain>,
    terms: Terms,
    entries: Vec<Entry>,
) -> Result<Prepared, Unprepared> {
    let contract = entries.first().map_or(Address::ZERO, |e| e.candidate.contract);
    let fees = fees(&*chain, terms.base_fee, terms.caps).await?;
    // Twice the most: enough on chains with other gas costs, and little enough that the lane can pay for it.
    let gas = most_gas(entries.iter().map(|e| &e.candidate)).saturating_mul(2).min(terms.gas_cap);
    let call = |input: &Bytes| trial(terms.lane, contract, input.clone(), gas, fees);
    let input = batch_input(entries.iter().map(|e| &e.item));
    let (simulated, gas, chain_nonce) = tokio::join!(
        chain.call(call(&input), None),
        chain.estimate_gas(call(&input)),
        chain.nonce(terms.lane),
    );
    let chain_nonce = chain_nonce?;
    let (passed, whole_error) = match simulated {
        Ok(answer) => (executed(&answer).unwrap_or_default(), None),
        Err(ChainError::Reverted { data, .. }) => (alloy::primitives::U256::ZERO, Some(data)),
        Err(other) => return Err(other.into()),
    };
    let (good, bad): (Vec<_>, Vec<_>) =
        entries.into_iter().enumerate().partition(|(index, _)| passed.bit(*index));
    let good: Vec<Entry> = good.into_iter().map(|(_, entry)| entry).collect();
    let bad: Vec<Entry> = bad.into_iter().map(|(_, entry)| entry).collect();
    if bad.is_empty() {
        let gas_limit = gas_limit(gas?, &good, terms.gas_cap)?;
        return Ok(Prepared {
            contract,
            entries: good,
            input,
            gas_limit,
            fees,
            chain_nonce,
            failed: Vec::new(),
        });
    }
    let mut failed = judge(&*chain, terms, fees, bad).await?;
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
    let input = batch_input(good.iter().map(|e| &e.item));
    let gas_limit = if good.is_empty() {
        0
    } else {
        gas_limit(chain.estimate_gas(call(&input)).await?, &good, terms.gas_cap)?
    };
    Ok(Prepared { contract, entries: good, input, gas_limit, fees, chain_nonce, failed })
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

/// A quarter more than the estimate, and for each contract wallet all that it may burn, whatever it did in the
/// estimate; never less than the batch uses at the most, because before inclusion all recipients may become new
/// ones (17,100 gas each).
fn gas_limit(estimate: u64, entries: &[Entry], cap: u64) -> Result<u64, Unprepared> {
    let wallets =
        entries.iter().filter(|e| e.candidate.by_contract).map(|_| CONTRACT_SIGNER_GAS).sum::<u64>();
    let room = estimate.saturating_add(estimate / 4).saturating_add(20_000).saturating_add(wallets);
    let room = room.max(most_gas(entries.iter().map(|e| &e.candidate)));
    if room > cap && entries.len() > 1 {
        return Err(Unprepared::TooLarge);
    }
    Ok(room.min(cap))
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

fn classify(data: &Bytes, block: u64) -> Failure {
    use alloy::sol_types::SolError;
    let selector = data.get(..4).unwrap_or_default();
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
