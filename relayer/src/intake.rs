//! One way in behind all doors: from a well-formed submission to a receipt, or a refusal that names the field.
//!
//! In: a [`Submission`] whose shape is right, and who sent it. Out: a durable message with a signed receipt;
//! nothing half-accepted stays. The order of checks: chain, contract and action, quota, known digest, validity window,
//! receiver, value, signature, quota of the signer, members that are not signed, live nonce, nonce on chain, fee.
//!
//! While the endpoint is away, or there is a crowd, what needs the chain is left out (the nonce on chain; the simulation
//! before the batch finds it), so that messages are delayed, not refused. There are two exceptions: a signature that is not the
//! signer's own key's, and a member that is not signed. Whether a contract wallet stands behind the one and the chain
//! takes the other, only the chain can tell, and taking such messages on trust would let anyone fill the queue, or the
//! place of a good message. They are refused with `retryAfter`.

pub(crate) mod destination;
pub(crate) mod policy;
pub(crate) mod quota;
pub(crate) mod unsigned;
pub(crate) mod verify;
mod window;

use std::sync::Arc;
use std::time::Instant;

use alloy::primitives::{Address, B256, Bytes};
use wia_abi::Authorization;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::{State, Submission, Submitted};

use crate::chain::ChainError;
use crate::engine::observe::is_used;
use crate::queue::Acceptance;
use crate::queue::record::Item;
use crate::shared::{Present, Shared, now};
use crate::{Config, Origin, RelayerError};
use destination::Destination;
use verify::{MAX_SIGNATURE_BYTES, WalletAnswer, ask_wallet};

/// Member of a refusal's `data`, `true` when another state of the chain may bring another answer to the same
/// bytes: what is refused then was not wrong of whoever passed it on.
pub(crate) const DEPENDS_ON_CHAIN: &str = "dependsOnChain";

/// Takes a submission; counts what is refused by the field that it names.
pub(crate) async fn submit(
    shared: &Arc<Shared>,
    submission: Submission,
    origin: &Origin,
) -> Result<Submitted, RpcError> {
    let outcome = take(shared, submission, origin).await;
    if let Err(error) = &outcome {
        let field = error.data.as_ref().and_then(|d| d.get("field")).and_then(|f| f.as_str());
        let field = field.unwrap_or("server").to_owned();
        tracing::debug!(%error, "refused");
        metrics::counter!("wia_relayer_refused_total", "field" => field).increment(1);
    }
    outcome
}

async fn take(shared: &Arc<Shared>, submission: Submission, origin: &Origin) -> Result<Submitted, RpcError> {
    if shared.is_stopped() {
        return Err(unavailable("server", "this relayer is stopping; submit again, here or elsewhere"));
    }
    let Submission { chain_id, contract, message, signature } = submission;
    let destination = destination(shared, chain_id, &contract, &message)?;
    let (contract, domain) = (destination.address, &destination.domain);
    shared.quota.submission(origin, Instant::now())?;
    let relay_id = message.digest(domain);
    if let Some(known) = shared.queue.item(relay_id).map_err(internal)?
        && !has_failed(known.state())
    {
        return stored(shared, relay_id).await;
    }
    let present = shared
        .present()
        .ok_or_else(|| unavailable("server", "the chain has not been reached yet; submit again later"))?;
    window::check(message.valid_after(), message.valid_before(), present.timestamp, &shared.config)?;
    if message.payee().is_some_and(|to| to.is_zero()) {
        return Err(RpcError::invalid("to", "the zero address receives nothing; name the payee"));
    }
    let price = shared.policy.price(contract, &message)?;
    let by_contract = check_signature(shared, &message, relay_id, &signature).await?;
    // Only now: what others sign in his name must not use up what he may hand in.
    shared.quota.message(message.signer(), message.action().signer_member(), Instant::now())?;
    unsigned::check(shared, contract, &message, &signature).await?;
    let holder = shared.queue.holder(contract, message.signer(), message.nonce());
    if let Some(holder) = holder.filter(|h| *h != relay_id) {
        return Err(nonce_held(shared, holder).await);
    }
    if let Err(used) = check_nonce_on_chain(shared, contract, &message).await {
        // Another copy of it may have been accepted since, and executed.
        let known = shared.queue.item(relay_id).map_err(internal)?;
        return if known.is_some() { stored(shared, relay_id).await } else { Err(used) };
    }

    let now = now();
    let deadline = message.valid_before().saturating_to::<u64>();
    let include_by = include_by(present, deadline, &shared.config);
    let receipt = shared.promises.receipt(relay_id, now, include_by);
    let config = &shared.config;
    let promised_s = config.include_within_blocks.saturating_mul(config.fastest_block_ms) / 1_000;
    let item = Item {
        due: deadline.min((now.0 / 1_000).saturating_add(promised_s)),
        contract,
        message,
        signature,
        by_contract,
        order: 0,
        receipt,
        history: Vec::new(),
        transaction: None,
        attempts: 0,
        price,
        written: 0,
    };
    // On its own: a caller that hangs up now must not leave a message that is written but not offered.
    let accepting = tokio::spawn(accept(Arc::clone(shared), relay_id, item));
    accepting.await.map_err(|error| {
        tracing::error!(%relay_id, %error, "an acceptance was lost");
        RpcError::internal()
    })?
}

/// The block by which execution is promised: none that is sure to come after `valid_before` (Unix seconds), at the
/// fastest that the chain grows.
fn include_by(present: Present, valid_before: u64, config: &Config) -> u64 {
    let left_ms = valid_before.saturating_sub(present.timestamp).saturating_mul(1_000);
    let left_blocks = left_ms / config.fastest_block_ms.max(1);
    present.number.saturating_add(config.include_within_blocks.min(left_blocks.max(1)))
}

/// Chain id, contract and action, to the address and the domain that messages are signed for.
fn destination<'a>(
    shared: &'a Shared,
    chain_id: u64,
    contract: &str,
    message: &Authorization,
) -> Result<&'a Destination, RpcError> {
    let served = shared.config.deployment.chain_id;
    if chain_id != served {
        let reason = format!("this relayer serves chain {served}; sign and submit for that one");
        return Err(RpcError::invalid("chainId", reason));
    }
    shared.destinations.find(contract, message.action())
}

/// Whether the signer is a contract; a refusal when the signature is not the signer's.
async fn check_signature(
    shared: &Shared,
    message: &Authorization,
    digest: B256,
    signature: &Bytes,
) -> Result<bool, RpcError> {
    if signature.len() > MAX_SIGNATURE_BYTES {
        let reason = format!("has {} bytes; the most is {MAX_SIGNATURE_BYTES}", signature.len());
        return Err(RpcError::invalid("signature", reason));
    }
    let (signer, member) = (message.signer(), message.action().signer_member());
    let recovered = shared.verifiers.recover(digest, signature.clone()).await?;
    if recovered == Some(signer) {
        return Ok(false);
    }
    let answer = shared.ask(ask_wallet(&*shared.chain, signer, digest, signature)).await;
    match answer {
        Some(Ok(WalletAnswer::Accepts)) => Ok(true),
        Some(Ok(WalletAnswer::Refuses)) => {
            let reason = format!("the contract at `{member}`, {signer}, does not accept it (ERC-1271)");
            Err(RpcError::invalid("signature", reason).with(DEPENDS_ON_CHAIN, true))
        }
        Some(Ok(WalletAnswer::NoContract)) => match recovered {
            Some(other) => {
                let reason = format!(
                    "is not by `{member}`, {signer}: it is by {other}, or over another message, chain or contract; \
                     sign the typed data of this message again"
                );
                Err(RpcError::invalid("signature", reason))
            }
            None => {
                let error = RpcError::invalid(
                    "signature",
                    "is no ECDSA signature: 65 bytes r ‖ s ‖ v with v 27 or 28, or 64 bytes of ERC-2098, \
                     with low s",
                );
                // Of any other length it may be for a wallet whose contract a later block brings.
                let malformed = matches!(signature.len(), 64 | 65);
                Err(if malformed { error } else { error.with(DEPENDS_ON_CHAIN, true) })
            }
        },
        Some(Err(error)) => {
            tracing::warn!(%error, "a wallet could not be asked");
            Err(unavailable("signature", "could not be checked: the chain refused to answer; try again"))
        }
        None => {
            let reason = format!(
                "is not by the key of `{member}`, and whether a contract wallet accepts it cannot be asked now; \
                 submit it again when the chain answers"
            );
            Err(unavailable("signature", &reason))
        }
    }
}

async fn check_nonce_on_chain(
    shared: &Shared,
    contract: Address,
    message: &Authorization,
) -> Result<(), RpcError> {
    if !shared.quota.question(Instant::now()) {
        return Ok(());
    }
    match shared.ask(is_used(&*shared.chain, contract, message.signer(), message.nonce())).await {
        Some(Ok(true)) => Err(RpcError::invalid(
            "nonce",
            "is used or cancelled on the chain already; sign with another nonce",
        )),
        Some(Ok(false)) | None => Ok(()),
        Some(Err(error)) => {
            log_unasked(&error);
            Ok(())
        }
    }
}

fn log_unasked(error: &ChainError) {
    tracing::warn!(%error, "a nonce could not be asked for; the simulation will judge it");
}

/// Writes, makes durable, answers; in that order.
async fn accept(shared: Arc<Shared>, relay_id: B256, item: Item) -> Result<Submitted, RpcError> {
    let (now, signer_member) = (item.receipt.received_at, item.message.action().signer_member());
    let accepted = match shared.queue.accept(relay_id, item, now) {
        Err(RelayerError::Store(error)) if error.wants_room() => {
            tracing::error!(%error, "a message cannot be kept");
            return Err(unavailable(
                "server",
                "there is no room to keep it; submit again later, or to another relayer",
            ));
        }
        outcome => outcome.map_err(internal)?,
    };
    match accepted {
        Acceptance::Written(item) => {
            // Should it fail, nobody was told, and nothing is written any more until a restart reads what is there.
            shared.queue.durable().await.map_err(internal)?;
            metrics::counter!("wia_relayer_accepted_total").increment(1);
            if let Some(step) = item.last() {
                shared.feed.publish(item.message.signer(), &step.update(relay_id));
            }
            // Only now: what the lane takes has been acknowledged, and its first step was published.
            shared.queue.offer(relay_id, &item);
            Ok(Submitted { relay_id, status: State::Accepted, receipt: item.receipt.clone(), known: false })
        }
        Acceptance::Known => stored(&shared, relay_id).await,
        Acceptance::NonceHeld(holder) => Err(nonce_held(&shared, holder).await),
        Acceptance::SignerFull => {
            let most = shared.config.max_live_items_per_signer;
            let reason = format!("{most} messages of this signer are under way; wait until some are final");
            Err(RpcError::rate_limited(signer_member, reason, 1))
        }
        Acceptance::Unpaid(credit) => Err(shared.policy.unpaid(signer_member, credit)),
        Acceptance::Full => {
            Err(unavailable("server", "the queue is full; submit again later, or to another relayer"))
        }
    }
}

/// The stored result of a message that was handed in before. Its first submission, or its last step, may still
/// be on its way to the disk.
async fn stored(shared: &Shared, relay_id: B256) -> Result<Submitted, RpcError> {
    let item = shared.queue.settled(relay_id).await.map_err(internal)?;
    // Gone meanwhile: its first submission could not be made durable.
    let item = item.ok_or_else(|| unavailable("server", "could not be kept on disk; submit again"))?;
    Ok(Submitted { relay_id, status: item.state(), receipt: item.receipt.clone(), known: true })
}

fn has_failed(state: State) -> bool {
    matches!(state, State::Skipped | State::Rejected | State::Expired)
}

/// The refusal for a nonce that another message holds, which is said only once that one is on disk.
async fn nonce_held(shared: &Shared, holder: B256) -> RpcError {
    if let Err(error) = shared.queue.settled(holder).await {
        return internal(error);
    }
    let reason = "another message of this signer with the same nonce is under way; wait for its end, \
                  or sign with another nonce";
    RpcError::invalid("nonce", reason).with("relayId", holder.to_string())
}

fn unavailable(field: &str, reason: &str) -> RpcError {
    RpcError::new(Code::ServerError, field, reason).with("retryAfter", 1)
}

/// What went wrong inside stands in the log, not on the wire.
pub(crate) fn internal(error: impl Into<RelayerError>) -> RpcError {
    let error = error.into();
    tracing::error!(%error, "a request could not be carried out");
    RpcError::internal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_is_not_later_than_the_message_is_valid() {
        let config = Config { include_within_blocks: 120, fastest_block_ms: 2_000, ..Config::default() };
        let present = Present { number: 1_000, timestamp: 50 };
        let promise = |valid_before| include_by(present, valid_before, &config);
        assert_eq!(promise(50 + 10), 1_005);
        assert_eq!(promise(50 + 240), 1_120);
        assert_eq!(promise(50 + 241), 1_120);
        assert_eq!(promise(u64::MAX), 1_120);
        assert_eq!(promise(51), 1_001, "one block is the least");
    }
}
