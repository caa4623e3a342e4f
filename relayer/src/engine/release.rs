//! Back to the queue: what becomes of the messages of a transaction that did nothing, or will never be mined.
//!
//! A transaction that did nothing says nothing of any one of its messages. They are tried again in halves, and
//! only what stays without effect alone has itself to blame. The halves are kept in memory: after a restart
//! the search begins anew.

use alloy::primitives::B256;

use super::Engine;
use crate::RelayerError;
use crate::queue::Changes;
use crate::queue::record::{Detail, Item};
use crate::state::Event;

/// What became of the transaction.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    /// Something else took its nonce, or it was given up at no fault of theirs.
    Lost,
    /// It reverted, or fits no block, with so many messages in it.
    Futile {
        /// All that it held.
        held: usize,
    },
}

impl Engine {
    /// Back to the queue; after failing alone too many times, to its end.
    pub(super) fn release(
        &mut self,
        (relay_id, item): (B256, &Item),
        cause: Cause,
        reason: String,
        block: u64,
        changes: &mut Changes,
    ) -> Result<(), RelayerError> {
        let detail = Detail { reason: Some(reason.clone()), ..Detail::default() };
        match cause {
            Cause::Lost => changes.step(relay_id, Event::Release, None, detail),
            Cause::Futile { held } if held > 1 => {
                self.shares.insert(relay_id, held / 2);
                changes.step(relay_id, Event::Release, None, detail);
            }
            Cause::Futile { .. } => {
                self.shares.insert(relay_id, 1);
                changes.step(relay_id, Event::Fail, None, detail);
                let attempts = item.attempts.saturating_add(1);
                if attempts >= self.shared.config.max_attempts {
                    let reason = format!("failed alone {attempts} times; the last time: {reason}");
                    self.reject(relay_id, block, reason, changes)?;
                }
            }
        }
        Ok(())
    }
}
