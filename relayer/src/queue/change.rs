//! A set of steps that happen together: what the engine decided, applied to the records.
//!
//! In: events with their details. Out: one write, and the updates that may be published once it is durable.

use std::borrow::Cow;
use std::collections::HashMap;

use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use wia_protocol::Timestamp;
use wia_protocol::relay::{State, Update};

use super::Queue;
use super::entry::Entry;
use super::record::{Detail, Item, Slot, Transaction};
use super::table::Table;
use crate::RelayerError;
use crate::state::{Event, IllegalTransition, transition};

/// One step of one message.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) relay_id: B256,
    pub(crate) event: Event,
    /// The transaction that this is about; what [`Event::Submit`] ties the message to.
    pub(crate) transaction: Option<Slot>,
    pub(crate) detail: Detail,
}

/// Steps and records of one write.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) steps: Vec<Change>,
    pub(crate) put: Vec<Transaction>,
    pub(crate) remove: Vec<Slot>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.put.is_empty() && self.remove.is_empty()
    }

    pub(crate) fn step(&mut self, relay_id: B256, event: Event, transaction: Option<Slot>, detail: Detail) {
        self.steps.push(Change { relay_id, event, transaction, detail });
    }
}

impl Queue {
    /// Applies all changes in one write, not durable yet.
    ///
    /// # Errors
    /// [`RelayerError::Illegal`] when a step is not possible: nothing is written then.
    pub(crate) fn apply(
        &self,
        changes: &Changes,
        now: Timestamp,
    ) -> Result<Vec<(Address, Update)>, RelayerError> {
        let mut table = self.lock();
        for change in &changes.steps {
            self.trees.hold(&mut table, change.relay_id)?;
        }
        let steps = still_meant(&table, &changes.steps);
        check(&table, &steps)?;
        let entry = Entry::of(&steps, changes, now, &table);
        let number = self.append(&mut table, &entry)?;
        let mut updates = Vec::with_capacity(steps.len());
        for change in &*steps {
            let illegal = |source| RelayerError::Illegal { relay_id: change.relay_id, source };
            updates.extend(table.step(change, now, number).map_err(illegal)?);
        }
        if let Entry::Changed { put, .. } = entry {
            put.into_iter().for_each(|put| put.apply(&mut table));
        }
        changes.remove.iter().for_each(|slot| table.remove_transaction(*slot));
        drop(table);
        updates.iter().for_each(|(_, update)| log(update));
        Ok(updates)
    }
}

/// The steps without those of messages that had ended when the engine looked, and were handed in again since: accepted they
/// are already, and what a reorg undoes is not what they are in now.
fn still_meant<'a>(table: &Table, steps: &'a [Change]) -> Cow<'a, [Change]> {
    let is_anew = |change: &Change| {
        let supposes_the_end = matches!(change.event, Event::Accept | Event::Reorg);
        let item = supposes_the_end.then(|| table.held(change.relay_id).flatten()).flatten();
        item.is_some_and(|item| item.state() == State::Accepted)
    };
    let first_of_its_own =
        |at: usize, change: &Change| steps.iter().take(at).all(|before| before.relay_id != change.relay_id);
    let anew: HashMap<B256, Event> = steps
        .iter()
        .enumerate()
        .filter(|(at, change)| is_anew(change) && first_of_its_own(*at, change))
        .map(|(_, change)| (change.relay_id, change.event))
        .collect();
    if anew.is_empty() {
        return Cow::Borrowed(steps);
    }
    let meant = |change: &&Change| match anew.get(&change.relay_id) {
        Some(Event::Accept) => change.event != Event::Accept,
        Some(_) => false,
        None => true,
    };
    Cow::Owned(steps.iter().filter(meant).cloned().collect())
}

/// Whether all steps are possible, one after the other.
fn check(table: &Table, steps: &[Change]) -> Result<(), RelayerError> {
    let mut states: HashMap<B256, State> = HashMap::with_capacity(steps.len());
    for Change { relay_id, event, .. } in steps {
        let known = states.get(relay_id).copied();
        let state = known.or_else(|| Some(table.held(*relay_id)??.state()));
        // A step of a message that is not here is none.
        let Some(state) = state else { continue };
        let relay_id = *relay_id;
        let next = transition(state, *event).map_err(|source| RelayerError::Illegal { relay_id, source })?;
        states.insert(relay_id, next);
    }
    Ok(())
}

/// Takes one step, as part of the write of that number.
pub(super) fn take_step(
    item: &mut Item,
    change: &Change,
    now: Timestamp,
    number: u64,
) -> Result<Update, IllegalTransition> {
    let state = transition(item.state(), change.event)?;
    let mut detail = change.detail.clone();
    match change.event {
        Event::Submit => item.transaction = change.transaction,
        Event::Release => item.transaction = None,
        Event::Fail => {
            item.transaction = None;
            item.attempts = item.attempts.saturating_add(1);
        }
        Event::Accept => item.attempts = 0,
        // Where it was mined has not changed since.
        Event::Finalize => {
            if let Some(last) = item.last() {
                let confirmations = detail.confirmations;
                detail = Detail { confirmations, ..last.detail.clone() };
            }
        }
        _ => {}
    }
    item.written = number;
    Ok(item.push(state, now, detail).update(change.relay_id))
}

/// One line per change of state.
pub(super) fn log(update: &Update) {
    let Update { relay_id, status, sequence, tx_hash, block, reason, .. } = update;
    let state = state_name(*status);
    metrics::counter!("wia_relayer_state_total", "state" => state).increment(1);
    tracing::info!(
        %relay_id, state, sequence,
        tx_hash = tx_hash.map(tracing::field::display),
        block, reason = reason.as_deref(),
        "relay"
    );
}

pub(crate) fn state_name(state: State) -> &'static str {
    match state {
        State::Accepted => "accepted",
        State::Claimed => "claimed",
        State::Submitted => "submitted",
        State::Mined => "mined",
        State::Final => "final",
        State::Skipped => "skipped",
        State::Expired => "expired",
        State::Rejected => "rejected",
        State::Reorged => "reorged",
    }
}
