//! The log as subscribers hear it: tail it from any cursor, as the documents' notifications (C-047, C-049…C-053).
//!
//! In: durable entries. Out: pushes with cursors.

pub(crate) mod cursor;
pub(crate) mod events;
pub(crate) mod notify;
pub(crate) mod subscription;
pub(crate) mod tail;
