//! The chain as the indexer sees it: blocks and logs, what to believe of them, and what they say. Pure.
//!
//! In: headers and raw logs. Out: decisions (C-096, C-097) and blocks of typed events (C-092, C-093).

pub mod block;
pub(crate) mod bloom;
pub(crate) mod catalog;
pub(crate) mod decide;
pub(crate) mod decode;
pub(crate) mod receipts;
pub(crate) mod spelling;
