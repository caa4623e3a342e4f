//! How a function wants the members: in a row, or some of them as a tuple; behind them all, the signature.
//!
//! In: the function's signature, and members that are encoded one behind the other. Out: its arguments, encoded.

use super::encode::{Tail, WORD, word_of};

/// The arguments of a function, the signature left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout(Vec<Part>);

/// One argument: a member, by its place among all, or a tuple of members.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Member(usize),
    Tuple(Vec<usize>),
}

impl Layout {
    /// Reads `name(type,(type,type),type,bytes)`, where the last argument is the signature. Tuples hold no tuples.
    pub(super) fn of(function: &str) -> Self {
        let arguments = function.split_once('(').map_or("", |(_, rest)| rest);
        let (mut parts, mut place, mut inside) = (Vec::new(), 0, None);
        for kind in arguments.trim_end_matches(')').split(',') {
            if kind.starts_with('(') {
                inside = Some(Vec::new());
            }
            match &mut inside {
                Some(members) => members.push(place),
                None => parts.push(Part::Member(place)),
            }
            if kind.ends_with(')') {
                parts.extend(inside.take().map(Part::Tuple));
            }
            place += 1;
        }
        // The signature is no member.
        parts.pop();
        Self(parts)
    }

    /// The arguments: `head` is one word per member, `tails` what stands behind them, by member.
    pub(super) fn arguments(&self, head: &[u8], tails: &[Option<Tail<'_>>], signature: &[u8]) -> Vec<u8> {
        let word = |member: usize| head.get(member * WORD..(member + 1) * WORD).unwrap_or_default();
        let tail = |member: usize| tails.get(member).copied().flatten();
        let mut call = Sequence::new(self.size_of_head(tails));
        for part in &self.0 {
            match part {
                Part::Member(member) => call.member(word(*member), tail(*member)),
                Part::Tuple(members) if is_static(members, tails) => {
                    members.iter().for_each(|member| call.member(word(*member), None));
                }
                Part::Tuple(members) => {
                    let mut tuple = Sequence::new(members.len() * WORD);
                    members.iter().for_each(|member| tuple.member(word(*member), tail(*member)));
                    call.behind(&tuple.finish());
                }
            }
        }
        call.behind(&bytes(signature));
        call.finish()
    }

    /// Of a static tuple all members stand in the head, of a dynamic one its place.
    fn size_of_head(&self, tails: &[Option<Tail<'_>>]) -> usize {
        let words = self.0.iter().map(|part| match part {
            Part::Tuple(members) if is_static(members, tails) => members.len(),
            Part::Tuple(_) | Part::Member(_) => 1,
        });
        (words.sum::<usize>() + 1) * WORD
    }

    /// The places of all members, in order.
    #[cfg(test)]
    pub(super) fn places(&self) -> Vec<usize> {
        let members = |part: &Part| match part {
            Part::Member(member) => vec![*member],
            Part::Tuple(members) => members.clone(),
        };
        self.0.iter().flat_map(members).collect()
    }
}

fn is_static(members: &[usize], tails: &[Option<Tail<'_>>]) -> bool {
    members.iter().all(|member| tails.get(*member).is_none_or(Option::is_none))
}

/// A head of known size, and what stands behind it.
struct Sequence {
    size_of_head: usize,
    head: Vec<u8>,
    behind: Vec<u8>,
}

impl Sequence {
    fn new(size_of_head: usize) -> Self {
        Self { size_of_head, head: Vec::with_capacity(size_of_head), behind: Vec::new() }
    }

    fn member(&mut self, word: &[u8], tail: Option<Tail<'_>>) {
        match tail {
            None => self.head.extend_from_slice(word),
            Some(tail) => self.behind(tail.encoded),
        }
    }

    fn behind(&mut self, encoded: &[u8]) {
        self.head.extend_from_slice(word_of(self.size_of_head + self.behind.len()).as_slice());
        self.behind.extend_from_slice(encoded);
    }

    fn finish(mut self) -> Vec<u8> {
        self.head.append(&mut self.behind);
        self.head
    }
}

/// Length, bytes, zeros up to a whole word.
pub(super) fn bytes(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = word_of(bytes.len()).to_vec();
    encoded.extend_from_slice(bytes);
    encoded.resize(WORD + bytes.len().next_multiple_of(WORD), 0);
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuples_and_members_are_told_apart() {
        assert_eq!(
            Layout::of("f(address,(string,uint256),bytes32,bytes)"),
            Layout(vec![Part::Member(0), Part::Tuple(vec![1, 2]), Part::Member(3)])
        );
        assert_eq!(Layout::of("f(uint8,bytes)"), Layout(vec![Part::Member(0)]));
    }
}
