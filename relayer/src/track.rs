//! Following transactions: what to ask the chain, and what the answers mean.
//!
//! [`observe`](observe::observe) asks, [`verdicts`](verdict::verdicts) decides from a receipt's logs. The
//! engine applies both to the records.

pub(crate) mod observe;
pub(crate) mod verdict;
