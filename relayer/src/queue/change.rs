//! A set of steps that happen together: what the engine decided, applied to the records.
//!
//! In: events with their details. Out: one write, and the updates that may be published once it is durable.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use alloy::primitives::{Address, B256};
use wia_protocol::Timestamp;
use wia_protocol::relay::{State, Update};

use super::record::{Detail, Item, Slot, Transaction};
use super::{Queue, Standing, Written};
use crate::RelayerError;
use crate::state::{Event, transition};

/// One step of one message.
#[derive(Debug, Clone)]
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
        let mut index = self.lock();
        let mut touched: HashMap<B256, (Standing, Item)> = HashMap::new();
        let mut updates = Vec::with_capacity(changes.steps.len());
        for change in &changes.steps {
            let relay_id = change.relay_id;
            let (_, item) = match touched.entry(relay_id) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => match self.item(relay_id)? {
                    Some(item) => entry.insert((Standing::of(relay_id, &item), item)),
                    None => continue,
                },
            };
            updates.push((item.message.signer(), take_step(item, change, now)?));
        }
        let messages: Vec<_> = touched
            .iter()
            .map(|(id, (before, item))| Written { relay_id: *id, before: Some(*before), item, kept: true })
            .collect();
        let put: Vec<_> = changes.put.iter().collect();
        self.write(&mut index, &messages, &put, &changes.remove)?;
        for (relay_id, (before, item)) in &touched {
            index.follow(*relay_id, item, *before);
        }
        updates.iter().for_each(|(_, update)| log(update));
        Ok(updates)
    }
}

fn take_step(item: &mut Item, change: &Change, now: Timestamp) -> Result<Update, RelayerError> {
    let relay_id = change.relay_id;
    let state = transition(item.state(), change.event)
        .map_err(|source| RelayerError::Illegal { relay_id, source })?;
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
    Ok(item.push(state, now, detail).update(relay_id))
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
