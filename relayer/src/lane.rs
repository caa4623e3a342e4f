//! The lane: one account that sends. What goes into a transaction, what it offers, which nonce it gets.
//!
//! Choices are pure ([`batch`], [`carry`], [`fees`], [`nonce`], [`room`], [`pool`]), questions to the chain stand in [`prepare`], the
//! signature in [`sign`]. The engine writes the signed bytes down before it sends them.

pub(crate) mod batch;
pub(crate) mod carry;
pub(crate) mod fees;
pub(crate) mod nonce;
pub(crate) mod pool;
pub(crate) mod prepare;
pub(crate) mod room;
pub(crate) mod sign;
