//! The libp2p mesh: wallets' requests and other relayers' gossip, in and out.
//!
//! In: streams of `/wia/relay/1.0.0` (request and response, canonical CBOR) and messages of the gossip topic
//! `wia/relay/1/<chainId>`, over TCP (noise, yamux) and QUIC. Out: calls of a [`RelayService`] and its answers,
//! and a verdict on every gossip message. Serves the relay section of the architecture, C-117 and C-118 (error
//! codes) and X-06 (limits say `retryAfter`).
//!
//! A relayer takes gossip and passes it on; it does not originate any yet: what came in by another door is this
//! relayer's own promise, and goes to no other one. Wallets publish ([`Client::publish`]).
//!
//! ```text
//! Config -> open -> Engine::run      the only loop: swarm events, answers, verdicts
//!                -> Mesh             a handle: addresses, health
//!           Client::dial             a wallet's side
//! ```
//!
//! What peers may do is bounded in this order: connections, banned peers, streams, bytes, pace, number in
//! work. Requests and validations run beside the loop, so that a waiting `relay.status` holds up nobody.
//!
//! Not here: claims, discovery beyond the bootstrap list, names (`/dns…` addresses), memory limits.

mod behaviour;
mod client;
mod codec;
mod config;
mod engine;
mod error;
mod gossip;
mod handle;
mod identity;
mod metrics;
mod peers;
mod service;

pub use client::Client;
pub use config::{Config, Gossip, Limits, Rate, listen_addresses};
pub use engine::{Engine, open};
pub use error::MeshError;
pub use handle::{Health, Mesh};
pub use identity::identity;
pub use libp2p::identity::Keypair;
pub use libp2p::{Multiaddr, PeerId};
pub use service::RelayService;
