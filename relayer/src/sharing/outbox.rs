//! What waits for the mesh: a bounded queue that never waits.
//!
//! In: what the other relayers should know. Out: the same, in order. When it is full, the newest is left out: the
//! message is on our own disk, so that it costs the others the chance to take over, and nobody a message.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;
use wia_protocol::relay::{Claim, Submission};

use crate::shared::lock;

/// What may wait. A mesh that runs empties it in moments.
const CAPACITY: usize = 4_096;

/// Something to be gossiped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A message that was accepted here, so that others can execute it too.
    Submission(Box<Submission>),
    /// What we took, or that we are there.
    Claim(Claim),
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<VecDeque<Outgoing>>,
    more: Notify,
}

impl Outbox {
    pub(super) fn push(&self, outgoing: Outgoing) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= CAPACITY {
            metrics::counter!("wia_relayer_untold_total").increment(1);
            return;
        }
        waiting.push_back(outgoing);
        self.more.notify_one();
    }

    /// For one reader. Dropping it while it waits loses nothing.
    pub(super) async fn next(&self) -> Outgoing {
        loop {
            // A notification before this line is kept for it.
            if let Some(outgoing) = lock(&self.waiting).pop_front() {
                return outgoing;
            }
            self.more.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::Address;
    use wia_protocol::Timestamp;

    use super::*;

    fn claim(n: u64) -> Outgoing {
        Outgoing::Claim(Claim {
            relayer: Address::ZERO,
            issued_at: Timestamp(n),
            until_block: 0,
            relay_ids: Vec::new(),
            signature: vec![0; 65].into(),
        })
    }

    #[tokio::test]
    async fn in_order_and_bounded() {
        let outbox = Outbox::default();
        for n in 0..=CAPACITY as u64 {
            outbox.push(claim(n));
        }
        for n in 0..CAPACITY as u64 {
            assert_eq!(outbox.next().await, claim(n));
        }
        let (next, ()) = tokio::join!(outbox.next(), async { outbox.push(claim(7)) });
        assert_eq!(next, claim(7), "the one too many was left out");
    }
}
