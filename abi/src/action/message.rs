//! A message of any action: its members as ABI bytes, and what is read from them.
//!
//! In: values, or bytes that were stored. Out: digest, calldata, and the members that every action has.

use std::hash::{Hash, Hasher};

use alloy::primitives::{Address, B256, Bytes, U256, keccak256};
use alloy::sol_types::SolValue;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::encode::{Malformed, Tail, Value, WORD, check, encode, tails};
use super::{Action, Kind, Member};
use crate::authorization::{Domain, TransferWithAuthorization};

/// Words on the stack while a message is hashed: more than any type has members.
const MOST_WORDS: usize = 16;

/// The place of an ERC-3009 transfer's action in the table, pinned by a test.
const TRANSFER: u8 = 0;

/// Gas for each byte that stands behind the words: copied, hashed and logged.
const GAS_PER_BYTE: u64 = 16;

/// A signed message of some [`Action`], the signature apart. Equal when digest and unsigned members are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    action: &'static Action,
    encoded: Bytes,
}

impl Authorization {
    /// The message with one value per member, in the order of [`Action::members`].
    ///
    /// # Errors
    /// [`Malformed`] names the first member that cannot have its value.
    pub fn new(action: &'static Action, values: &[Value<'_>]) -> Result<Self, Malformed> {
        let encoded = encode(action, values)?.into();
        Ok(Self { action, encoded })
    }

    /// The message whose members were encoded so.
    ///
    /// # Errors
    /// [`Malformed`] when the bytes are no encoding of the members, or not the one that there is of theirs.
    pub fn decode(action: &'static Action, encoded: Bytes) -> Result<Self, Malformed> {
        check(action, &encoded)?;
        Ok(Self { action, encoded })
    }

    /// What is to be done.
    #[must_use]
    pub fn action(&self) -> &'static Action {
        self.action
    }

    /// The members, as `abi.encode` would write them.
    #[must_use]
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    /// Who has to have signed: the first member.
    #[must_use]
    pub fn signer(&self) -> Address {
        Address::from_word(self.word(0))
    }

    /// Unix seconds; executable in the second after.
    #[must_use]
    pub fn valid_after(&self) -> U256 {
        self.word_from_end(3).into()
    }

    /// Unix seconds; executable until the second before.
    #[must_use]
    pub fn valid_before(&self) -> U256 {
        self.word_from_end(2).into()
    }

    /// Once per signer and contract.
    #[must_use]
    pub fn nonce(&self) -> B256 {
        self.word_from_end(1)
    }

    /// Who gets the tokens of a transfer; `None` for every other action.
    #[must_use]
    pub fn payee(&self) -> Option<Address> {
        (self.action.id == TRANSFER).then(|| Address::from_word(self.word(1)))
    }

    /// How much a transfer moves, in the token's smallest unit; `None` for every other action.
    #[must_use]
    pub fn value(&self) -> Option<U256> {
        (self.action.id == TRANSFER).then(|| self.word(2).into())
    }

    /// As the type that a token's own batch takes; `None` for every other action.
    #[must_use]
    pub fn transfer(&self) -> Option<TransferWithAuthorization> {
        let (to, value) = (self.payee()?, self.value()?);
        Some(TransferWithAuthorization {
            from: self.signer(),
            to,
            value,
            validAfter: self.valid_after(),
            validBefore: self.valid_before(),
            nonce: self.nonce(),
        })
    }

    /// hashStruct(message) of EIP-712: keccak256(typeHash ‖ member ‖ …), a string as its hash, unsigned members left out.
    #[must_use]
    pub fn struct_hash(&self) -> B256 {
        let mut bytes = [0_u8; WORD * (MOST_WORDS + 1)];
        let mut end = 0;
        let mut put = |from: &[u8]| {
            if let Some(to) = bytes.get_mut(end..end + from.len()) {
                to.copy_from_slice(from);
            }
            end += from.len();
        };
        put(self.action.type_hash.as_slice());
        if self.action.is_static() {
            put(&self.encoded);
        } else {
            let tails = tails(self.action, &self.encoded);
            for (place, (member, tail)) in self.action.members.iter().zip(tails).enumerate() {
                match tail {
                    _ if !member.signed => {}
                    None => put(self.word(place).as_slice()),
                    Some(tail) => put(keccak256(tail.content).as_slice()),
                }
            }
        }
        keccak256(bytes.get(..end).unwrap_or_default())
    }

    /// What the signer signs in that domain: the message's identity.
    #[must_use]
    pub fn digest(&self, domain: &Domain) -> B256 {
        domain.digest_of(self.struct_hash())
    }

    /// The call that carries it out, whoever makes it.
    #[must_use]
    pub fn calldata(&self, signature: &[u8]) -> Bytes {
        let tails = tails(self.action, &self.encoded);
        let arguments = self.action.layout.arguments(&self.encoded, &tails, signature);
        [&self.action.selector[..], &arguments].concat().into()
    }

    /// What stands in one piece in the calldata of a transaction that carries it out, directly, in a batch, or inside
    /// another contract's call, whatever the form of the signature: how an execution is told from another use of the
    /// nonce.
    #[must_use]
    pub fn words(&self) -> Bytes {
        if self.action.is_static() {
            return self.encoded.clone();
        }
        let tails = tails(self.action, &self.encoded);
        let mut arguments = self.action.layout.arguments(&self.encoded, &tails, &[]);
        // The length of the signature.
        arguments.truncate(arguments.len().saturating_sub(WORD));
        arguments.into()
    }

    /// The gas that the call uses at the most when the signer signs with a key: without the calldata's own cost, and
    /// without what a contract wallet burns (210,000).
    #[must_use]
    pub fn execution_gas(&self) -> u64 {
        let behind = self.encoded.len().saturating_sub(self.action.members.len() * WORD);
        self.action.base_gas.saturating_add((behind as u64).saturating_mul(GAS_PER_BYTE))
    }

    /// Its members in order, as they were given.
    #[must_use]
    pub fn values<'a>(&'a self) -> Vec<Value<'a>> {
        let members = self.action.members.iter().zip(tails(self.action, &self.encoded)).enumerate();
        let value = |(place, (member, tail)): (usize, (&Member, Option<Tail<'a>>))| match tail {
            Some(tail) if member.kind == Kind::Text => Value::Text(text(tail)),
            Some(tail) => Value::Addresses(tail.content.chunks(WORD).map(address).collect()),
            None => Value::Word(self.word(place)),
        };
        members.map(value).collect()
    }

    fn word(&self, place: usize) -> B256 {
        self.encoded.get(place * WORD..(place + 1) * WORD).map(B256::from_slice).unwrap_or_default()
    }

    fn word_from_end(&self, back: usize) -> B256 {
        self.word(self.action.members.len().saturating_sub(back))
    }
}

/// Strings were checked when the message was made.
fn text(tail: Tail<'_>) -> &str {
    std::str::from_utf8(tail.content).unwrap_or_default()
}

fn address(word: &[u8]) -> Address {
    B256::try_from(word).map(Address::from_word).unwrap_or_default()
}

impl From<&TransferWithAuthorization> for Authorization {
    fn from(transfer: &TransferWithAuthorization) -> Self {
        // Six static members: their words.
        let encoded = transfer.abi_encode().into();
        Self { action: &super::all()[usize::from(TRANSFER)], encoded }
    }
}

impl Hash for Authorization {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.action.id, &self.encoded).hash(state);
    }
}

/// As it is stored: the action's id and the encoded members.
impl Serialize for Authorization {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.action.id, &self.encoded).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Authorization {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let (id, encoded) = <(u8, Bytes)>::deserialize(deserializer)?;
        let action =
            Action::by_id(id).ok_or_else(|| D::Error::custom(format!("no action has the id {id}")))?;
        Self::decode(action, encoded).map_err(D::Error::custom)
    }
}
