//! The relayer: how fast signed messages are taken, and how fast they are on the chain, beside what the same anvil
//! executes when the same messages are pushed at it ready-made.
//!
//! In: a release `wia`, a native anvil, a seed. Out: sections of a report. [`load`] makes the messages, [`chain`] the
//! chains, [`node`] the process; one file for each thing that is measured.

mod accept;
mod chain;
mod gas;
mod gossip;
mod load;
mod node;
mod pipeline;
mod raw;
mod relay;
mod run;
mod verify;

pub(crate) use run::Options;
