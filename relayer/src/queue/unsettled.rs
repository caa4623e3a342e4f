//! Which records are ahead of the disk, so that nothing is told that a power cut takes back.
//!
//! In: every write, numbered. Out: whether what stands of a message may be told. A record that was not written
//! since the last fsync costs one look into a map; the others wait for the fsync that is under way anyway.

use std::collections::{HashMap, VecDeque};

use alloy::primitives::B256;
use wia_store::StoreError;

use super::Queue;
use super::record::Item;
use crate::RelayerError;

/// Messages that were written and are not known to be durable. Bounded by what is written between two fsyncs.
#[derive(Default)]
pub(super) struct Unsettled {
    /// Writes so far.
    writes: u64,
    /// The number of a message's newest write.
    newest: HashMap<B256, u64>,
    /// All of them, oldest first.
    order: VecDeque<(u64, B256)>,
}

impl Unsettled {
    /// One write changed these messages.
    pub(super) fn written(&mut self, messages: impl Iterator<Item = B256>) {
        self.writes += 1;
        for relay_id in messages {
            self.newest.insert(relay_id, self.writes);
            self.order.push_back((self.writes, relay_id));
        }
    }

    /// All writes up to this number are durable.
    fn settle(&mut self, number: u64) {
        while let Some((written, relay_id)) = self.order.pop_front_if(|(written, _)| *written <= number) {
            if self.newest.get(&relay_id) == Some(&written) {
                self.newest.remove(&relay_id);
            }
        }
    }

    pub(super) fn holds(&self, relay_id: B256) -> bool {
        self.newest.contains_key(&relay_id)
    }
}

impl Queue {
    /// Returns once everything written before the call survives a power cut.
    ///
    /// # Errors
    /// When flush or fsync fails: nothing of it may be told.
    pub(crate) async fn durable(&self) -> Result<(), StoreError> {
        let number = self.lock().unsettled.writes;
        self.store.durable().await?;
        self.lock().unsettled.settle(number);
        Ok(())
    }

    /// The record of a message for an answer that leaves the process: durable as it is returned.
    pub(crate) async fn settled(&self, relay_id: B256) -> Result<Option<Item>, RelayerError> {
        loop {
            // Read before it is asked whether it is durable: a write between the two only costs another round.
            let item = self.item(relay_id)?;
            if !self.lock().unsettled.holds(relay_id) {
                return Ok(item);
            }
            self.durable().await?;
        }
    }
}
