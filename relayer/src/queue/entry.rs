//! One write, as the journal keeps it: what happened, not what stands afterwards.
//!
//! In: a write. Out: its bytes; and, read again after a restart, the same change of the [`Table`]. The trees may be
//! ahead of where the journal is read from, because a process can be killed while they are written: each message knows
//! its newest write, and what it has seen it does not take twice. Transactions are put and removed as often as they are
//! read, which ends where it ended before.

use std::borrow::Cow;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};
use wia_protocol::Timestamp;

use super::change::{Change, Changes};
use super::corrupt;
use super::record::{Inclusion, Item, Slot, Transaction};
use super::table::Table;
use crate::RelayerError;

/// A write.
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and none is kept")]
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Entry<'a> {
    Accepted { relay_id: B256, item: Cow<'a, Item> },
    Changed { at: Timestamp, steps: Cow<'a, [Change]>, put: Vec<Put<'a>>, remove: Cow<'a, [Slot]> },
    Forgotten { relay_ids: Cow<'a, [B256]> },
}

/// A transaction that was put.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Put<'a> {
    Whole(Cow<'a, Transaction>),
    /// All but this is as it was; its bytes are by far the most of it.
    Standing {
        slot: Slot,
        inclusion: Option<Inclusion>,
        finalized: bool,
    },
}

impl<'a> Entry<'a> {
    /// Of what the engine changes; `table` as it stands before.
    pub(super) fn of(steps: &'a [Change], changes: &'a Changes, at: Timestamp, table: &Table) -> Self {
        let put = changes.put.iter().map(|record| Put::of(record, table.transaction(record.slot)));
        Self::Changed {
            at,
            steps: Cow::Borrowed(steps),
            put: put.collect(),
            remove: Cow::Borrowed(&changes.remove),
        }
    }

    /// The messages that it is about.
    pub(super) fn messages(&self) -> Vec<B256> {
        match self {
            Self::Accepted { relay_id, .. } => vec![*relay_id],
            Self::Changed { steps, .. } => steps.iter().map(|step| step.relay_id).collect(),
            Self::Forgotten { relay_ids } => relay_ids.to_vec(),
        }
    }
}

impl<'a> Put<'a> {
    fn of(record: &'a Transaction, known: Option<&Transaction>) -> Self {
        let Transaction { slot, inclusion, finalized, .. } = *record;
        match known {
            Some(known) if known.differs_in_standing_only(record) => {
                Self::Standing { slot, inclusion, finalized }
            }
            _ => Self::Whole(Cow::Borrowed(record)),
        }
    }

    pub(super) fn apply(self, table: &mut Table) {
        match self {
            Self::Whole(record) => table.put_transaction(record.into_owned()),
            Self::Standing { slot, inclusion, finalized } => {
                table.change_transaction(slot, |record| {
                    (record.inclusion, record.finalized) = (inclusion, finalized);
                });
            }
        }
    }
}

pub(super) fn bytes(number: u64, entry: &Entry<'_>) -> Result<Vec<u8>, RelayerError> {
    postcard::to_stdvec(entry).map_err(|e| unreadable(number, &e))
}

/// The write, and how many bytes it is.
pub(super) fn read(number: u64, payload: Option<Vec<u8>>) -> Result<(Entry<'static>, usize), RelayerError> {
    let payload = payload.ok_or_else(|| unreadable(number, &"it is not there"))?;
    let entry = postcard::from_bytes(&payload).map_err(|e| unreadable(number, &e))?;
    Ok((entry, payload.len()))
}

/// Does again what was done, to messages that `table` holds as the trees have them.
pub(super) fn replay(
    table: &mut Table,
    number: u64,
    bytes: usize,
    entry: Entry<'_>,
) -> Result<(), RelayerError> {
    let has_seen = |table: &Table, relay_id| {
        let item = table.held(relay_id).flatten();
        item.is_some_and(|item| item.written >= number)
    };
    match entry {
        Entry::Accepted { relay_id, item } => {
            if !has_seen(table, relay_id) {
                let item = table.accept(relay_id, item.into_owned(), number);
                table.offer(relay_id, item.order);
            }
        }
        Entry::Changed { at, steps, put, remove } => {
            // A message may take several steps in one write: what it has seen, it has seen all of.
            let seen: Vec<bool> = steps.iter().map(|step| has_seen(table, step.relay_id)).collect();
            for (step, _) in steps.iter().zip(seen).filter(|(_, seen)| !seen) {
                table.step(step, at, number).map_err(|e| unreadable(number, &e))?;
            }
            put.into_iter().for_each(|put| put.apply(table));
            remove.iter().for_each(|slot| table.remove_transaction(*slot));
        }
        Entry::Forgotten { relay_ids } => {
            for relay_id in relay_ids.iter().filter(|id| !has_seen(table, **id)).copied().collect::<Vec<_>>()
            {
                table.forget(relay_id);
            }
        }
    }
    table.wrote(number, bytes);
    Ok(())
}

fn unreadable(number: u64, reason: &dyn std::fmt::Display) -> RelayerError {
    corrupt("journal relay", &number.to_be_bytes(), reason)
}
