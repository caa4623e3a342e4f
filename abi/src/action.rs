//! What may be relayed: every signed action of our contracts that anyone may submit for its signer.
//!
//! In: the EIP-712 types of [`crate::authorization`] and the functions that take them. Out: one row per action
//! ([`Action`]) and one shape for all messages ([`Authorization`]): ABI bytes with a name, from which digest, calldata
//! and the members that a relayer looks at are read. An action can be relayed when it has a window (`validAfter`,
//! `validBefore`), a nonce, and a function that takes it with a `signature` from any caller. What cannot be, and what
//! to do instead, stands in [`why_not`].
//!
//! Members that are not signed. `openWithAuthorization` takes the approver set beside the message, because the consent
//! has committed to it. Such a member ([`Member::signed`] is false) stands in a relayed message like any other, but not
//! in the digest, which is the message's identity: two messages that differ in it alone are one message, and whoever
//! saw the signature can hand it in with another set first. The chain takes the committed set alone, so nothing else
//! can ever be executed; but whoever keeps messages by their digest must ask the chain about such a message before
//! keeping it ([`Action::has_unsigned`]), or a wrong set would stand in the way of the right one.

mod encode;
mod layout;
mod message;
mod table;

use alloy::primitives::B256;

pub use encode::{MAX_ADDRESSES, MAX_STRING_BYTES, Malformed, Value};
pub use message::Authorization;

use layout::Layout;

/// One action that can be relayed.
#[derive(Debug)]
pub struct Action {
    /// Stands for the action where it is stored; never given to another one.
    pub id: u8,
    /// The EIP-712 primary type, e.g. `RetireAuthorization`.
    pub name: &'static str,
    /// The contracts that take it, by deployment name.
    pub contracts: &'static [&'static str],
    /// The function that takes it, as selectors are made of it.
    pub function: &'static str,
    /// The first four bytes of its calldata.
    pub selector: [u8; 4],
    /// In the order of the function's arguments: the signer first; `validAfter`, `validBefore`, `nonce` last.
    pub members: Vec<Member>,
    /// keccak256 of the EIP-712 type.
    pub type_hash: B256,
    /// What a call with static members uses at the most, calldata and ERC-1271 apart.
    base_gas: u64,
    layout: Layout,
}

/// One member of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// As in the EIP-712 type; of an unsigned one, as in the function.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether the digest covers it.
    pub signed: bool,
}

/// The Solidity type of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `address`.
    Address,
    /// `uint<bits>`.
    Uint(usize),
    /// `bytes<length>`, at most 32.
    FixedBytes(usize),
    /// `string`, of [`MAX_STRING_BYTES`] at most.
    Text,
    /// `address[]`, of [`MAX_ADDRESSES`] at most.
    Addresses,
}

impl Kind {
    /// Whether it stands behind the members, with its place among them.
    #[must_use]
    pub fn is_dynamic(self) -> bool {
        matches!(self, Kind::Text | Kind::Addresses)
    }
}

impl Action {
    /// The action of that EIP-712 primary type.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        all().iter().find(|action| action.name == name)
    }

    /// The action of that [`Action::id`].
    #[must_use]
    pub fn by_id(id: u8) -> Option<&'static Self> {
        all().get(usize::from(id))
    }

    /// Whether the contract of that deployment name takes it.
    #[must_use]
    pub fn is_on(&self, contract: &str) -> bool {
        self.contracts.contains(&contract)
    }

    /// The name of the member that says who signs.
    #[must_use]
    pub fn signer_member(&self) -> &'static str {
        self.members.first().map_or("signer", |member| member.name)
    }

    /// Whether it has members that the digest does not cover: see the module's text for what follows.
    #[must_use]
    pub fn has_unsigned(&self) -> bool {
        self.members.iter().any(|member| !member.signed)
    }

    /// Whether all members lie in place, so that the encoding is what is hashed.
    fn is_static(&self) -> bool {
        !self.members.iter().any(|member| member.kind.is_dynamic())
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Action {}

/// Every action, ordered by id.
#[must_use]
pub fn all() -> &'static [Action] {
    &table::TABLE
}

/// The actions that the contract of that deployment name takes.
pub fn of(contract: &str) -> impl Iterator<Item = &'static Action> {
    all().iter().filter(move |action| action.is_on(contract))
}

/// Why what is signed as `name` is not relayed, as a sentence that says what to do instead.
#[must_use]
pub fn why_not(name: &str) -> Option<&'static str> {
    table::NOT_RELAYED.iter().find(|(other, _)| *other == name).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests;
