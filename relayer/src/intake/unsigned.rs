//! Members that nobody signed: whether the chain takes them, asked before a message is kept.
//!
//! In: a message whose signature is good. Out: nothing, or the refusal that names the member. Such a member is not in
//! the digest, which is the message's identity (`wia_abi::action`). Whoever has seen the signature could hand the
//! message in with another value first, and the right one would be answered with the fate of the wrong one.

use alloy::primitives::{Address, Bytes};
use alloy::sol_types::SolError;
use wia_abi::CarbonCredit::{AuthorizationAlreadyUsed, AuthorizationNotYetValid};
use wia_abi::contracts::describe_revert;
use wia_abi::{Action, Authorization};
use wia_protocol::RpcError;

use super::{DEPENDS_ON_CHAIN, unavailable};
use crate::chain::{Call, ChainError};
use crate::shared::Shared;

/// Lets the chain carry the message out for trial, when it has such a member.
///
/// # Errors
/// -32602 naming the member; -32000 when the chain cannot be asked now.
pub(super) async fn check(
    shared: &Shared,
    contract: Address,
    message: &Authorization,
    signature: &Bytes,
) -> Result<(), RpcError> {
    let Some(member) = unsigned_member(message.action()) else { return Ok(()) };
    let call = Call { to: contract, input: message.calldata(signature), ..Call::default() };
    match shared.ask(shared.chain.call(call, None)).await {
        Some(Ok(_)) => Ok(()),
        Some(Err(ChainError::Reverted { data, .. })) => {
            let selector = data.get(..4).unwrap_or_default();
            if selector == AuthorizationAlreadyUsed::SELECTOR {
                // The check of the nonce says so.
                return Ok(());
            }
            if selector == AuthorizationNotYetValid::SELECTOR {
                let reason = format!(
                    "`{member}` is not signed and can be checked only then; submit it when it has passed"
                );
                return Err(RpcError::invalid("validAfter", reason).with(DEPENDS_ON_CHAIN, true));
            }
            let reason = format!(
                "is not signed, so the chain was asked, and it would not execute the message: {}; \
                 correct it, or submit it when the chain's state allows it",
                describe_revert(&data)
            );
            Err(RpcError::invalid(member, reason).with(DEPENDS_ON_CHAIN, true))
        }
        Some(Err(error)) => {
            tracing::warn!(%error, "an unsigned member could not be checked");
            Err(unavailable(member, "could not be checked: the chain refused to answer; try again"))
        }
        None => {
            let reason = "is not signed, and whether the chain takes it cannot be asked now; submit it again when the \
                          chain answers";
            Err(unavailable(member, reason))
        }
    }
}

fn unsigned_member(action: &Action) -> Option<&'static str> {
    action.members.iter().find(|member| !member.signed).map(|member| member.name)
}
