//! The libp2p mesh: wallets' requests and other relayers' gossip, in and out.
//!
//! In: streams of `/wia/relay/1.0.0` (request and response, canonical CBOR) and messages of the gossip topics
//! `wia/relay/1/<chainId>` (submissions) and `wia/claim/1/<chainId>` (who took which of them), over TCP (noise, yamux)
//! and QUIC. Out: calls of a [`RelayService`] and its answers, a verdict on every gossip message, and what the service
//! has to say itself. Serves the relay section of the architecture, C-117 and C-118 (error
//! codes) and X-06 (limits say `retryAfter`).
//!
//! A relayer takes gossip and passes it on. One that shares its work ([`crate::Sharing`]) also gossips what came in by
//! its other doors, so that others can take it over, and its claims; one that is alone says nothing, and takes no claims.
//! Wallets publish ([`Client::publish`]).
//!
//! Relayers find each other from the bootstrap list on by Kademlia (`/wia/kad/1.0.0/<chainId>`: routing alone, no
//! records), and where it is wanted by mDNS.
//!
//! ```text
//! Config -> open -> Engine::run      the only loop: swarm events, answers, verdicts
//!                -> Mesh             a handle: addresses, health
//!           Client::dial             a wallet's side
//! ```
//!
//! What peers may do is bounded in this order: connections, memory, banned peers, streams, bytes, pace, number in
//! work. Requests and validations run beside the loop, so that a waiting `relay.status` holds up nobody.
//!
//! Not here: whose turn a message is (`crate::sharing`), names (`/dns…` addresses), addresses behind a NAT.

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
pub use config::{Config, Discovery, Gossip, Limits, Rate, listen_addresses};
pub use engine::{Engine, open};
pub use error::MeshError;
pub use handle::{Health, Mesh};
pub use identity::identity;
pub use libp2p::identity::Keypair;
pub use libp2p::{Multiaddr, PeerId};
pub use service::RelayService;
