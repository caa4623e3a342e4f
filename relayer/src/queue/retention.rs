//! How long ended messages are kept, and their removal in bounded steps.
//!
//! In: the moment, and which messages a transaction still names. Out: records gone with all their indexes.
//!
//! A message that failed is kept until its `validBefore` has passed, and some time more: from then on it cannot
//! be executed, and handing it in again is refused as too late. A final one is kept for as long, so that
//! handing it in again gives its receipt for as long as it is valid; and for a time of its own after its end.
//! Failing costs nothing, so failed messages are bounded in number too: beyond it, the first to end their validity go.
//! Nothing goes that a transaction names which may still change: its messages may come back by a reorg.

use std::cell::LazyCell;
use std::collections::HashSet;

use alloy::primitives::B256;
use wia_protocol::relay::State;

use super::record::Item;
use super::{ENDED, Queue, Standing, Written, corrupt};
use crate::RelayerError;
use crate::state::is_live;

/// Class (0 failed, 1 final) ‖ Unix seconds from which the class's time counts, big-endian ‖ digest.
pub(super) type EndedKey = [u8; 1 + 8 + 32];

const FAILED: u8 = 0;
const FINAL: u8 = 1;

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
    pub(super) fn count_failed(&self) -> Result<usize, RelayerError> {
        let mut failed = 0;
        for entry in self.ended.scan_prefix([FAILED]).keys() {
            entry.map_err(|e| self.refused(&e))?;
            failed += 1;
        }
        Ok(failed)
    }

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
        let mut index = self.lock();
        let named = LazyCell::new(named);
        let surplus = index.failed.saturating_sub(retention.failed_most);
        let classes = [(FAILED, retention.failed_s, surplus), (FINAL, retention.final_s, 0)];
        let mut gone = Vec::new();
        for (class, kept_s, mut surplus) in classes {
            let over = key(class, now_s.saturating_sub(kept_s), B256::ZERO);
            for entry in self.ended.scan_prefix([class]).keys() {
                let entry = entry.map_err(|e| self.refused(&e))?;
                if gone.len() >= limit || (entry.as_ref() >= over.as_slice() && surplus == 0) {
                    break;
                }
                let digest = entry.get(9..).unwrap_or_default();
                let relay_id = B256::try_from(digest).map_err(|e| corrupt(ENDED, &entry, &e))?;
                if named.contains(&relay_id) {
                    continue;
                }
                surplus = surplus.saturating_sub(1);
                if let Some(item) = self.item(relay_id)? {
                    gone.push((relay_id, item));
                }
            }
        }
        let messages: Vec<_> = gone
            .iter()
            .map(|(relay_id, item)| {
                let before = Some(Standing::of(*relay_id, item));
                Written { relay_id: *relay_id, before, item, kept: false }
            })
            .collect();
        if !messages.is_empty() {
            self.write(&mut index, &messages, &[], &[])?;
        }
        Ok(messages.len())
    }
}
