//! What goes wrong around a relayer, and what must hold all the same: nothing lost, nothing doubled.

mod chance;
mod crash;
mod outage;
mod races;
