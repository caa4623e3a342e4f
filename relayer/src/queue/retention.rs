//! How long ended messages are kept, and their removal in bounded steps.
//!
//! In: the moment, and which messages a transaction still names. Out: records gone with all their indexes.
//!
//! A message that failed is kept until its `validBefore` has passed, and some time more: from then on it cannot
//! be executed, and handing it in again is refused as too late. A final one is kept for as long, so that
//! handing it in again gives its receipt for as long as it is valid; and for a time of its own after its end.
//! Failing costs nothing, so failed messages are bounded in number too: beyond it, the first to end their validity go.
//! Nothing goes that a transaction names which may still change: its messages may come back by a reorg.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::HashSet;

use alloy::primitives::B256;
use wia_protocol::relay::State;

use super::Queue;
use super::entry::Entry;
use super::record::Item;
use super::table::Table;
use crate::RelayerError;
use crate::state::is_live;

/// Class (0 failed, 1 final) ‖ Unix seconds from which the class's time counts, big-endian ‖ digest.
pub(super) type EndedKey = [u8; 1 + 8 + 32];

pub(super) const FAILED: u8 = 0;
pub(super) const FINAL: u8 = 1;

/// How long ended messages are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// After the `validBefore` of a failed message, in seconds.
    pub(crate) failed_s: u64,
    /// After the end and the `validBefore` of a final one, in seconds.
    pub(crate) final_s: u64,
    /// The most failed messages.
    pub(crate) failed_most: usize,
}

/// Where a message that has ended stands in the index; `None` for a live one.
pub(super) fn ended_key(relay_id: B256, item: &Item) -> Option<EndedKey> {
    let state = item.state();
    if is_live(state) {
        return None;
    }
    let ended = item.last().map_or(0, |step| step.at.0 / 1_000);
    let (class, from) = match state {
        State::Final => (FINAL, item.deadline().max(ended)),
        _ => (FAILED, item.deadline()),
    };
    Some(key(class, from, relay_id))
}

fn key(class: u8, from: u64, relay_id: B256) -> EndedKey {
    let mut key = [class; 1 + 8 + 32];
    key[1..9].copy_from_slice(&from.to_be_bytes());
    key[9..].copy_from_slice(relay_id.as_slice());
    key
}

pub(super) fn is_failed(key: &EndedKey) -> bool {
    key.first() == Some(&FAILED)
}

impl Queue {
    /// Forgets at most `limit` messages whose time was over at `now_s` (Unix seconds), or that are beyond the most
    /// that are kept, and that are not in `named`; says how many. One write, not durable yet: what a power cut
    /// brings back is forgotten again.
    pub(crate) fn prune(
        &self,
        retention: Retention,
        now_s: u64,
        limit: usize,
        named: impl FnOnce() -> HashSet<B256>,
    ) -> Result<usize, RelayerError> {
        let mut table = self.lock();
        let named = LazyCell::new(named);
        let surplus = table.failed().saturating_sub(retention.failed_most);
        let classes = [(FAILED, retention.failed_s, surplus), (FINAL, retention.final_s, 0)];
        let mut gone = Vec::new();
        for (class, kept_s, mut surplus) in classes {
            let over = key(class, now_s.saturating_sub(kept_s), B256::ZERO);
            for key in self.ended(&table, class) {
                let key = key?;
                if gone.len() >= limit || (key >= over && surplus == 0) {
                    break;
                }
                let relay_id = B256::from_slice(&key[9..]);
                if !named.contains(&relay_id) {
                    surplus = surplus.saturating_sub(1);
                    gone.push((relay_id, key));
                }
            }
        }
        if gone.is_empty() {
            return Ok(0);
        }
        let mut stale = Vec::new();
        for (relay_id, key) in &gone {
            self.trees.hold(&mut table, *relay_id)?;
            let item = table.held(*relay_id).flatten();
            if item.and_then(|item| ended_key(*relay_id, &item)) != Some(*key) {
                // A process was killed before it took that key away.
                stale.push(*key);
                if is_failed(key) {
                    table.uncount_failed();
                }
            }
        }
        self.trees.drop_ended(&stale)?;
        gone.retain(|(_, key)| !stale.contains(key));
        let gone: Vec<B256> = gone.into_iter().map(|(relay_id, _)| relay_id).collect();
        self.append(&mut table, &Entry::Forgotten { relay_ids: Cow::Borrowed(&gone) })?;
        gone.iter().for_each(|relay_id| table.forget(*relay_id));
        Ok(gone.len())
    }

    /// Keys of all messages of a class that have ended, the first to go first: those in memory, and those that only the
    /// trees have.
    pub(super) fn ended<'a>(
        &'a self,
        table: &'a Table,
        class: u8,
    ) -> impl Iterator<Item = Result<EndedKey, RelayerError>> + 'a {
        let mut here = table.ended(key(class, 0, B256::ZERO)).copied().peekable();
        let elsewhere = move |key: &Result<EndedKey, RelayerError>| {
            key.as_ref().map_or(true, |key| !table.is_held(B256::from_slice(&key[9..])))
        };
        let mut there = self.trees.ended(class).filter(elsewhere).peekable();
        std::iter::from_fn(move || match (here.peek(), there.peek()) {
            (Some(one), Some(Ok(other))) if one < other => here.next().map(Ok),
            (Some(_), None) => here.next().map(Ok),
            _ => there.next(),
        })
    }
}
