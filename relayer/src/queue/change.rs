//! A set of steps that happen together: what the engine decided, applied to the records.
//!
//! In: events with their details. Out: one write, and the updates that may be published once it is durable.

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
        check(&table, changes)?;
        let entry = Entry::of(changes, now, &table);
        let number = self.append(&mut table, &entry)?;
        let mut updates = Vec::with_capacity(changes.steps.len());
        for change in &changes.steps {
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

/// Whether all steps are possible, one after the other.
fn check(table: &Table, changes: &Changes) -> Result<(), RelayerError> {
    let mut states: HashMap<B256, State> = HashMap::with_capacity(changes.steps.len());
    for Change { relay_id, event, .. } in &changes.steps {
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
