//! The way of one message, as a pure function: `transition(state, event)`.
//!
//! ```text
//! accepted -> claimed -> submitted -> mined -> final        skipped | rejected | expired -> accepted (anew)
//!    ^  \        |         |  ^  \      |  \     |                      |
//!    |   \       v         v  |   \     v   \    v                      v
//!    |    +-> rejected     |  +--- reorged <-+---+----------------------+ (only a skip that left the chain)
//!    |    +-> expired      v
//!    +------------------ (its transaction was lost or reverted)
//! ```

use serde::{Deserialize, Serialize};
use wia_protocol::relay::State;

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// Handed in again after it was skipped, rejected or expired.
    Accept,
    /// Taken into a batch.
    Claim,
    /// A transaction that holds it is signed and durable; again when that one is replaced or was reorged out.
    Submit,
    /// Executed in a block.
    Mine,
    /// Buried deep enough.
    Finalize,
    /// A block passed it over, or its nonce was used by somebody else's transaction.
    Skip,
    /// Its `validBefore` passed while it waited.
    Expire,
    /// Dropped after simulation.
    Reject,
    /// The block that decided it left the chain.
    Reorg,
    /// Its transaction can no longer be mined, or did nothing for all it held: back to the queue, at no fault
    /// of its own.
    Release,
    /// The transaction that held it alone did nothing: back to the queue, and this counts against it.
    Fail,
}

/// An event that a state does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event:?} is not possible in state {state:?}")]
pub struct IllegalTransition {
    /// Where the message is.
    pub state: State,
    /// What was to happen.
    pub event: Event,
}

/// The state after `event`.
///
/// # Errors
/// [`IllegalTransition`] for every pair that the picture above does not show.
pub fn transition(state: State, event: Event) -> Result<State, IllegalTransition> {
    use State::{Accepted, Claimed, Expired, Final, Mined, Rejected, Reorged, Skipped, Submitted};
    match (state, event) {
        (Skipped | Rejected | Expired, Event::Accept) => Ok(Accepted),
        (Accepted, Event::Claim) => Ok(Claimed),
        // From submitted: a replacement with higher fees.
        (Claimed | Submitted | Reorged, Event::Submit) => Ok(Submitted),
        (Submitted, Event::Mine) => Ok(Mined),
        (Mined, Event::Finalize) => Ok(Final),
        (Submitted, Event::Skip) => Ok(Skipped),
        (Accepted, Event::Expire) => Ok(Expired),
        (Accepted, Event::Reject) => Ok(Rejected),
        (Mined | Final | Skipped, Event::Reorg) => Ok(Reorged),
        (Claimed | Submitted, Event::Release | Event::Fail) => Ok(Accepted),
        _ => Err(IllegalTransition { state, event }),
    }
}

/// Whether a message in this state holds its signer's nonce: until its fate is final or it has failed.
#[must_use]
pub fn is_live(state: State) -> bool {
    use State::{Accepted, Claimed, Mined, Reorged, Submitted};
    matches!(state, Accepted | Claimed | Submitted | Mined | Reorged)
}

#[cfg(test)]
mod tests;
