//! The relayer on a real chain: anvil with the committed contract. (`offline`: on a double that does not answer.)
//!
//! Every case has an anvil of its own on a free port, with automatic mining off, so that each block is the
//! test's decision. Nothing sleeps: cases wait for steps of messages, with a bound. Relay section of the
//! architecture, C-091…C-094, C-097.

mod actions;
mod blocks;
mod bounds;
mod faults;
mod forgetful;
#[path = "../../../store/tests/support/full_disk.rs"]
mod full_disk;
mod griefing;
mod health;
mod lanes;
mod lifecycle;
mod load;
mod offline;
mod refusals;
mod reorgs;
mod several;
mod support;
