//! The indexer against a real chain: anvil, driven block by block, so that every case is deterministic.

mod backfill;
mod chain;
mod endpoint;
mod events;
mod faults;
mod follow;
mod kill;
mod listener;
mod record;
mod recorder;
#[path = "../recording/mod.rs"]
mod recording;
mod reorg;
