//! Whose turn a message is, when several relayers share the work: a pure state machine.
//!
//! In: signs of life, claims, heights, moments. Out: whether a message may be taken now. Each relayer ranks those that
//! are alive by `keccak256(relayId ‖ relayer)`, highest first (rendezvous hashing): all come to the same order without a
//! word, and the messages of a relayer that is gone fall to all others alike. The first takes a message at once, the
//! next after [`Rules::takeover_after_blocks`], and so on.
//!
//! A claim holds others off up to its block, at most [`LONGEST_CLAIM`] times those blocks, and once per relayer and
//! round: one that claims and does nothing delays a message, and cannot keep it. After it the turn is that of the next
//! one that had none; when all had theirs, the round begins anew. What our own receipt promises comes before all turns.
//!
//! Nothing here is needed for safety: the chain's nonces decide what was executed, and a turn taken twice costs the
//! gas of one skipped item.

use std::collections::HashMap;

use alloy::primitives::{Address, B256, keccak256};
use wia_protocol::Timestamp;

/// How long a claim may hold others off, in takeovers. Ours asks for [`OWN_CLAIM`].
const LONGEST_CLAIM: u64 = 4;
/// How long our own claims hold others off, in takeovers.
const OWN_CLAIM: u64 = 2;
/// Messages remembered; beyond it, the ones untouched for longest are forgotten, and are as if first seen.
const MESSAGES: usize = 131_072;
/// The most relayers: one bit each.
pub(super) const RELAYERS_MAX: usize = 64;

/// What all relayers should agree on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) takeover_after_blocks: u64,
    /// How long a relayer counts as alive after it was last heard, in milliseconds; and how far its clock may be from
    /// ours.
    pub(super) alive_ms: u64,
}

/// A claim as far as turns care. Its signature is another's question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) relayer: Address,
    pub(super) issued_at: Timestamp,
    pub(super) until_block: u64,
    pub(super) relay_ids: &'a [B256],
}

/// What a claim brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brought {
    /// Something that others should know too.
    News,
    /// Nothing: known, of another time, of nobody that shares the work, or of ourselves.
    Nothing,
}

/// The state.
#[derive(Debug)]
pub(super) struct Turns {
    rules: Rules,
    own: usize,
    relayers: Vec<Relayer>,
    /// Two generations: the older one is dropped when the younger one is half of what is remembered.
    young: HashMap<B256, Message>,
    old: HashMap<B256, Message>,
    messages_max: usize,
}

#[derive(Debug)]
struct Relayer {
    address: Address,
    /// When it was last heard, by our clock.
    heard_at: Timestamp,
    /// The newest of its claims.
    issued_at: Timestamp,
}

/// A set of relayers, a bit each.
type Set = u64;

#[derive(Debug, Clone, Copy)]
struct Message {
    /// From this height on the first in rank may take it.
    since: u64,
    /// Who comes before us.
    ahead: Set,
    /// Who has had a turn in this round.
    had: Set,
    /// Another one's claim: the relayer, and the last block that it covers.
    held: Option<(usize, u64)>,
    /// The last block that our own claim covers.
    ours: Option<u64>,
}

impl Turns {
    /// `others` share the work with `own`; at most [`RELAYERS_MAX`] count. All are taken to be alive at first, so that
    /// one that starts does not take what others are about to.
    pub(super) fn new(rules: Rules, own: Address, others: &[Address], now: Timestamp) -> Self {
        let mut addresses: Vec<Address> = others.iter().copied().filter(|a| *a != own).collect();
        addresses.sort();
        addresses.dedup();
        addresses.truncate(RELAYERS_MAX - 1);
        addresses.insert(0, own);
        let relayer = |address| Relayer { address, heard_at: now, issued_at: Timestamp::default() };
        Self {
            rules,
            own: 0,
            relayers: addresses.into_iter().map(relayer).collect(),
            young: HashMap::new(),
            old: HashMap::new(),
            messages_max: MESSAGES,
        }
    }

    /// Whether it is our turn to put a message into a transaction. `promised_by` is the block of our receipt.
    pub(super) fn may_take(&mut self, relay_id: B256, promised_by: u64, head: u64, now: Timestamp) -> bool {
        let takeover = self.rules.takeover_after_blocks;
        let (alive, own) = (self.alive(now), self.own);
        let message = *self.message(relay_id, head);
        if head.saturating_add(takeover) >= promised_by {
            return true;
        }
        let ours = message.ours.is_some_and(|until| until >= head);
        if let Some((holder, until)) = message.held
            && until >= head
        {
            return ours && message.ahead & bit(holder) == 0;
        }
        ours || head >= message.since.saturating_add(takeover.saturating_mul(rank(&message, own, alive)))
    }

    /// Marks messages as taken by us; returns the last block that a claim of them covers.
    pub(super) fn take(&mut self, relay_ids: &[B256], head: u64, now: Timestamp) -> u64 {
        let until = head.saturating_add(self.rules.takeover_after_blocks.saturating_mul(OWN_CLAIM));
        let (alive, own) = (self.alive(now), self.own);
        for relay_id in relay_ids {
            let message = self.message(*relay_id, head);
            message.begin_round_for(own, alive);
            message.ours = Some(until);
            message.since = message.since.max(until.saturating_add(1));
        }
        until
    }

    /// What another relayer says.
    pub(super) fn heard(&mut self, claim: Heard<'_>, head: u64, now: Timestamp) -> Brought {
        let Rules { takeover_after_blocks, alive_ms } = self.rules;
        let known = self.relayers.iter().position(|r| r.address == claim.relayer);
        let Some(index) = known.filter(|i| *i != self.own) else { return Brought::Nothing };
        if claim.issued_at.0.abs_diff(now.0) > alive_ms {
            return Brought::Nothing;
        }
        let relayer = &mut self.relayers[index];
        let mut news = claim.issued_at > relayer.issued_at;
        relayer.heard_at = relayer.heard_at.max(now);
        relayer.issued_at = relayer.issued_at.max(claim.issued_at);

        let longest = head.saturating_add(takeover_after_blocks.saturating_mul(LONGEST_CLAIM));
        let until = claim.until_block.min(longest);
        let alive = self.alive(now);
        // One that comes too late to hold anything off says no more than that its sender is alive.
        let ids = if until < head { &[] } else { claim.relay_ids };
        for relay_id in ids {
            news |= self.message(*relay_id, head).claim(index, until, head, alive);
        }
        if news { Brought::News } else { Brought::Nothing }
    }

    /// The others that were not heard for too long.
    pub(super) fn silent(&self, now: Timestamp) -> Vec<Address> {
        let alive = self.alive(now);
        let silent = self.relayers.iter().enumerate().filter(|(i, _)| alive & bit(*i) == 0);
        silent.map(|(_, relayer)| relayer.address).collect()
    }

    fn alive(&self, now: Timestamp) -> Set {
        let is_alive = |(i, relayer): (usize, &Relayer)| {
            let silence = now.0.saturating_sub(relayer.heard_at.0);
            if i == self.own || silence <= self.rules.alive_ms { bit(i) } else { 0 }
        };
        self.relayers.iter().enumerate().map(is_alive).sum()
    }

    /// What is remembered of a message; one that is not known is first seen now.
    fn message(&mut self, relay_id: B256, head: u64) -> &mut Message {
        if !self.young.contains_key(&relay_id) {
            if self.young.len() >= self.messages_max / 2 {
                self.old = std::mem::take(&mut self.young);
            }
            let message = self.old.remove(&relay_id).unwrap_or_else(|| self.first_seen(relay_id, head));
            self.young.insert(relay_id, message);
        }
        self.young.entry(relay_id).or_insert_with(|| Message::new(0, head))
    }

    fn first_seen(&self, relay_id: B256, head: u64) -> Message {
        let own = score(relay_id, self.relayers[self.own].address);
        let others = self.relayers.iter().enumerate().filter(|(i, _)| *i != self.own);
        let ahead = others.filter(|(_, r)| score(relay_id, r.address) > own).map(|(i, _)| bit(i)).sum();
        Message::new(ahead, head)
    }
}

impl Message {
    fn new(ahead: Set, since: u64) -> Self {
        Self { since, ahead, had: 0, held: None, ours: None }
    }

    /// Another relayer's claim; true when it says something new.
    fn claim(&mut self, by: usize, until: u64, head: u64, alive: Set) -> bool {
        if !self.begin_round_for(by, alive) {
            return false;
        }
        self.since = self.since.max(until.saturating_add(1));
        self.held = match self.held {
            // Two at once: one that comes before us holds it, as long as either says.
            Some((holder, other)) if other >= head => {
                let first = if self.ahead & bit(by) != 0 { by } else { holder };
                Some((first, other.max(until)))
            }
            _ => Some((by, until)),
        };
        true
    }

    /// Gives a turn to `who`; false when it had one in this round, and others that are alive had none yet.
    fn begin_round_for(&mut self, who: usize, alive: Set) -> bool {
        if self.had & bit(who) != 0 {
            if alive & !self.had != 0 {
                return false;
            }
            self.had = 0;
        }
        self.had |= bit(who);
        true
    }
}

/// How many have their turn before us.
fn rank(message: &Message, own: usize, alive: Set) -> u64 {
    let others = alive & !bit(own);
    let fresh = others & !message.had;
    let before = match (fresh, message.had & bit(own) != 0) {
        // All that are alive had their turn: a new round.
        (0, true) => others & message.ahead,
        // We had ours, some had not.
        (fresh, true) => fresh,
        (fresh, false) => fresh & message.ahead,
    };
    u64::from(before.count_ones())
}

fn bit(index: usize) -> Set {
    1 << index
}

fn score(relay_id: B256, relayer: Address) -> B256 {
    let mut bytes = [0; 52];
    bytes[..32].copy_from_slice(relay_id.as_slice());
    bytes[32..].copy_from_slice(relayer.as_slice());
    keccak256(bytes)
}

#[cfg(test)]
mod tests;
