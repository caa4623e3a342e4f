//! The log as the indexer's own readers hear it: each event when it is deep enough, its retraction if it was heard,
//! its finality if that is wanted. For WebSocket, SSE, gRPC, webhooks and queries alike (C-003, C-008, C-092, C-093).
//!
//! In: entries of the log, a filter, depths. Out: messages with cursors.

pub(crate) mod depths;
pub(crate) mod filter;
pub(crate) mod message;
pub(crate) mod subscription;
