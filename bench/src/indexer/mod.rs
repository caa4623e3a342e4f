//! `wia indexer` as anyone meets it: a process, its REST and its WebSocket, all under `/indexer/v1`.

mod message;
mod rest;
mod service;

pub(crate) use message::{Kind, Message};
pub(crate) use rest::Rest;
pub(crate) use service::{Indexer, Setup, Webhook};

/// The one path of events: JSON pages, or a WebSocket by upgrade.
pub(crate) const EVENTS: &str = "/indexer/v1/events";
