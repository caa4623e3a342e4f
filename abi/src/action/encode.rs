//! Members as ABI bytes, and back: each value has one encoding, and everything else is refused.
//!
//! In: values in the order of an action's members. Out: one word per member (a value, or the place of what stands
//! behind), then what stands behind, without gaps. That is what `abi.encode(member, member, …)` makes of them.

use alloy::primitives::{Address, B256, U256};

use super::layout::bytes;
use super::{Action, Kind, Member};

/// Bytes of a word.
pub(super) const WORD: usize = 32;

/// The longest string, in bytes. The contracts bound none; this keeps any message, however its JSON is escaped, within
/// the 64 KiB of a relay's doors, and its gas within a small part of a transaction's.
pub const MAX_STRING_BYTES: usize = 1_024;

/// The most addresses in a list: `ApprovalRounds.MAX_MEMBERS`.
pub const MAX_ADDRESSES: usize = 32;

/// What a member is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// An address, an integer (big-endian, filled up with zeros from the left), or bytes (from the right).
    Word(B256),
    /// A string.
    Text(&'a str),
    /// A list of addresses.
    Addresses(Vec<Address>),
}

/// A member that cannot be what it was set to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{member}` {reason}")]
pub struct Malformed {
    /// Its name.
    pub member: &'static str,
    /// What is wrong, and what is right.
    pub reason: String,
}

/// What stands behind the words for one member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tail<'a> {
    /// As it stands there: length, content, zeros up to a whole word.
    pub(super) encoded: &'a [u8],
    /// The content alone.
    pub(super) content: &'a [u8],
}

/// Encodes one value per member.
pub(super) fn encode(action: &Action, values: &[Value<'_>]) -> Result<Vec<u8>, Malformed> {
    let size_of_head = action.members.len() * WORD;
    let mut head = Vec::with_capacity(size_of_head);
    let mut behind = Vec::new();
    for (place, member) in action.members.iter().enumerate() {
        let tail = match (member.kind, values.get(place)) {
            (Kind::Text, Some(Value::Text(text))) => {
                member.check_text(text)?;
                bytes(text.as_bytes())
            }
            (Kind::Addresses, Some(Value::Addresses(list))) => {
                member.check_count(list.len())?;
                let words = list.iter().flat_map(|address| address.into_word());
                word_of(list.len()).into_iter().chain(words).collect()
            }
            (kind, Some(Value::Word(word))) if !kind.is_dynamic() => {
                member.check_word(word)?;
                head.extend_from_slice(word.as_slice());
                continue;
            }
            _ => return Err(member.malformed("is missing, or of another type")),
        };
        head.extend_from_slice(word_of(size_of_head + behind.len()).as_slice());
        behind.extend_from_slice(&tail);
    }
    head.append(&mut behind);
    Ok(head)
}

/// What stands behind the words of an encoding that [`check`] has passed, by member.
pub(super) fn tails<'a>(action: &Action, encoded: &'a [u8]) -> Vec<Option<Tail<'a>>> {
    let mut at = action.members.len() * WORD;
    let mut tail = |member: &Member| {
        if !member.kind.is_dynamic() {
            return None;
        }
        let tail = tail_at(member, encoded, at);
        at += tail.map_or(0, |tail| tail.encoded.len());
        tail
    };
    action.members.iter().map(&mut tail).collect()
}

fn tail_at<'a>(member: &Member, encoded: &'a [u8], at: usize) -> Option<Tail<'a>> {
    let length = number(encoded.get(at..at.checked_add(WORD)?)?)?;
    let size = match member.kind {
        Kind::Addresses => length.checked_mul(WORD)?,
        _ => length,
    };
    let from = at + WORD;
    let content = encoded.get(from..from.checked_add(size)?)?;
    let encoded = encoded.get(at..from.checked_add(size.checked_next_multiple_of(WORD)?)?)?;
    Some(Tail { encoded, content })
}

/// Whether these bytes are what [`encode`] makes of some values.
pub(super) fn check(action: &Action, encoded: &[u8]) -> Result<(), Malformed> {
    let mut end = action.members.len() * WORD;
    for (place, member) in action.members.iter().enumerate() {
        let word = encoded.get(place * WORD..(place + 1) * WORD);
        let word = B256::from_slice(word.ok_or_else(|| member.malformed("is missing"))?);
        if !member.kind.is_dynamic() {
            member.check_word(&word)?;
            continue;
        }
        if word != word_of(end) {
            return Err(member.malformed("does not stand right behind what is before it"));
        }
        let tail = tail_at(member, encoded, end).ok_or_else(|| member.malformed("is cut off"))?;
        let (_, padding) = tail.encoded.split_at(WORD + tail.content.len());
        if padding.iter().any(|byte| *byte != 0) {
            return Err(member.malformed("is filled up with something else than zeros"));
        }
        member.check_content(tail.content)?;
        end += tail.encoded.len();
    }
    match (encoded.len() == end, action.members.last()) {
        (false, Some(last)) => Err(last.malformed("is followed by bytes that belong to no member")),
        _ => Ok(()),
    }
}

impl Member {
    fn malformed(&self, reason: impl Into<String>) -> Malformed {
        Malformed { member: self.name, reason: reason.into() }
    }

    fn check_word(&self, word: &B256) -> Result<(), Malformed> {
        let value = U256::from_be_bytes(word.0);
        match self.kind {
            Kind::Address if value.bit_len() > 160 => Err(self.malformed("is no address")),
            Kind::Uint(bits) if value.bit_len() > bits => {
                let most = (U256::ONE << bits) - U256::ONE;
                Err(self.malformed(format!("is {value}; the most that uint{bits} holds is {most}")))
            }
            Kind::FixedBytes(length) if word.iter().skip(length).any(|byte| *byte != 0) => {
                Err(self.malformed(format!("has more than {length} bytes")))
            }
            _ => Ok(()),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), Malformed> {
        if text.len() > MAX_STRING_BYTES {
            let reason = format!("has {} bytes; the most is {MAX_STRING_BYTES}", text.len());
            return Err(self.malformed(reason));
        }
        Ok(())
    }

    fn check_count(&self, count: usize) -> Result<(), Malformed> {
        if count == 0 || count > MAX_ADDRESSES {
            return Err(self.malformed(format!("holds {count} addresses; it takes 1 to {MAX_ADDRESSES}")));
        }
        Ok(())
    }

    fn check_content(&self, content: &[u8]) -> Result<(), Malformed> {
        if self.kind == Kind::Text {
            let text = std::str::from_utf8(content).map_err(|_| self.malformed("is no UTF-8"))?;
            return self.check_text(text);
        }
        self.check_count(content.len() / WORD)?;
        let is_address = |word: &[u8]| word.iter().take(WORD - Address::len_bytes()).all(|byte| *byte == 0);
        if !content.chunks(WORD).all(is_address) {
            return Err(self.malformed("holds something else than addresses"));
        }
        Ok(())
    }
}

/// A length or place as a word.
pub(super) fn word_of(number: usize) -> B256 {
    B256::from(U256::from(number))
}

fn number(word: &[u8]) -> Option<usize> {
    U256::try_from_be_slice(word)?.try_into().ok()
}
