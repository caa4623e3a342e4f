//! What an operator may set about the mesh, with units last in the names, and the defaults.
//!
//! In: nothing. Out: [`Config`], checked by [`Config::check`] before a socket opens. The defaults are for one
//! relayer with some hundred wallets and a handful of other relayers.

use std::net::IpAddr;
use std::num::NonZeroU32;

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use serde::{Deserialize, Serialize};
use wia_protocol::relay::{MAX_MESSAGE_BYTES, StatusQuery};

use super::MeshError;

/// Everything about one mesh node. As a section of a configuration file it holds all but the first three, each
/// with a default.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen; see [`listen_addresses`].
    #[serde(skip)]
    pub listen: Vec<Multiaddr>,
    /// Relayers to stay connected to, best with `/p2p/<peer id>`: then nobody else is accepted there.
    #[serde(skip)]
    pub bootstrap: Vec<Multiaddr>,
    /// The EIP-155 chain whose submissions are gossiped.
    #[serde(skip)]
    pub chain_id: u64,
    /// What peers may take from us.
    pub limits: Limits,
    /// How messages spread.
    pub gossip: Gossip,
    /// How peers are found beyond the bootstrap list.
    pub discovery: Discovery,
    /// How long one request may take, from its first byte to the answer's last, in milliseconds. Above
    /// [`StatusQuery::MAX_WAIT_MS`], or a waiting `relay.status` could never answer.
    pub request_timeout_ms: u64,
    /// A peer that neither asks nor gossips is disconnected after this, in milliseconds.
    pub idle_timeout_ms: u64,
    /// The first wait before an unreachable bootstrap address is dialled again, in milliseconds. It doubles
    /// with each failure up to a minute.
    pub redial_ms: u64,
    /// How long the engine finishes answers after it was told to stop, in milliseconds.
    pub drain_ms: u64,
}

/// Bounds on what peers take. Each has a stated answer when it is reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory of this process above which no connection is made or taken, in bytes. It counts what is resident, the
    /// whole node's.
    pub memory_bytes: u64,
    /// Established connections that others opened. More are closed at once.
    pub inbound_connections: u32,
    /// Established connections that we opened.
    pub outbound_connections: u32,
    /// Established connections with one peer, both directions.
    pub connections_per_peer: u32,
    /// Handshakes under way, in each direction.
    pub pending_connections: u32,
    /// Open request streams on one connection. More are reset.
    pub concurrent_streams: usize,
    /// Requests of one peer being answered. More are answered with -32000.
    pub requests_per_peer: usize,
    /// Requests of all peers being answered. More are answered with -32000.
    pub requests_total: usize,
    /// The pace of one peer's requests. Faster ones are answered with -32000 and `retryAfter`.
    pub request_rate: Rate,
    /// The pace of gossip that one peer forwards. Faster messages are ignored unread.
    pub gossip_rate: Rate,
    /// Malformed messages that one peer may send in a row before it is cut off.
    pub faults: NonZeroU32,
    /// One fault is forgiven in each such time, in milliseconds.
    pub fault_forgiven_ms: u64,
    /// How long a peer that was cut off stays away, in milliseconds.
    pub ban_ms: u64,
}

/// A pace: so many per second, and so many at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Sustained, per second.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

/// Gossipsub. What is not here is fixed, because all nodes of a mesh must agree on it: anonymous messages,
/// id = SHA-256(topic ‖ data), validation by the application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gossip {
    /// Time between two heartbeats, in milliseconds.
    pub heartbeat_ms: u64,
    /// How long a message is known as seen, in milliseconds. Behind it stands the relayer's own memory of
    /// digests, which is durable.
    pub duplicate_cache_ms: u64,
    /// Messages being validated at once. More are ignored, and may come again from another peer later.
    pub validations: usize,
    /// The longest validation, in milliseconds; then the message is ignored.
    pub validation_timeout_ms: u64,
    /// Messages that wait for one peer. More are dropped and counted as that peer being slow.
    pub peer_queue: usize,
    /// Heartbeats with dropped messages after which a slow peer is disconnected; every two heartbeats forgive
    /// one.
    pub slow_heartbeats: NonZeroU32,
}

/// How relayers find each other. Wallets are not found, and look for nobody.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Kademlia under a protocol name of this chain's own: peers tell each other of peers. It keeps no records.
    pub kademlia: bool,
    /// How often it looks for peers, in milliseconds.
    pub kademlia_every_ms: u64,
    /// Multicast DNS: peers of the local network find each other. It tells everyone there that this node is one.
    pub mdns: bool,
}

impl Config {
    /// The defaults for `chain_id`: no listener, no bootstrap.
    #[must_use]
    pub fn new(chain_id: u64) -> Self {
        Self {
            listen: Vec::new(),
            bootstrap: Vec::new(),
            chain_id,
            limits: Limits::default(),
            gossip: Gossip::default(),
            discovery: Discovery::default(),
            request_timeout_ms: 10_000,
            idle_timeout_ms: 120_000,
            redial_ms: 1_000,
            drain_ms: 2_000,
        }
    }

    /// # Errors
    /// [`MeshError::Config`] naming the first value that cannot work.
    pub fn check(&self) -> Result<(), MeshError> {
        let refuse = |field, reason: String| Err(MeshError::Config { field, reason });
        if self.request_timeout_ms <= StatusQuery::MAX_WAIT_MS {
            return refuse(
                "request_timeout_ms",
                format!("must be above {} ms, the longest relay.status", StatusQuery::MAX_WAIT_MS),
            );
        }
        for (field, value) in [
            ("idle_timeout_ms", self.idle_timeout_ms),
            ("redial_ms", self.redial_ms),
            ("discovery.kademlia_every_ms", self.discovery.kademlia_every_ms),
            ("limits.memory_bytes", self.limits.memory_bytes),
            ("limits.fault_forgiven_ms", self.limits.fault_forgiven_ms),
            ("limits.ban_ms", self.limits.ban_ms),
            ("gossip.heartbeat_ms", self.gossip.heartbeat_ms),
            ("gossip.duplicate_cache_ms", self.gossip.duplicate_cache_ms),
            ("gossip.validation_timeout_ms", self.gossip.validation_timeout_ms),
        ] {
            if value == 0 {
                return refuse(field, "must be above 0".into());
            }
        }
        for (field, value) in [
            ("limits.concurrent_streams", self.limits.concurrent_streams),
            ("limits.requests_per_peer", self.limits.requests_per_peer),
            ("limits.requests_total", self.limits.requests_total),
            ("gossip.validations", self.gossip.validations),
            ("gossip.peer_queue", self.gossip.peer_queue),
        ] {
            if value == 0 {
                return refuse(field, "must be above 0".into());
            }
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 4 * 1024 * 1024 * 1024,
            inbound_connections: 256,
            outbound_connections: 64,
            connections_per_peer: 4,
            pending_connections: 64,
            concurrent_streams: 64,
            requests_per_peer: 32,
            requests_total: 2_048,
            request_rate: Rate::new(50, 200),
            gossip_rate: Rate::new(10_000, 20_000),
            faults: at_least_one(20),
            fault_forgiven_ms: 10_000,
            ban_ms: 60_000,
        }
    }
}

impl Default for Gossip {
    fn default() -> Self {
        Self {
            heartbeat_ms: 1_000,
            duplicate_cache_ms: 300_000,
            validations: 1_024,
            validation_timeout_ms: 4_000,
            peer_queue: 5_000,
            slow_heartbeats: at_least_one(10),
        }
    }
}

impl Default for Discovery {
    fn default() -> Self {
        Self { kademlia: true, kademlia_every_ms: 300_000, mdns: false }
    }
}

impl Rate {
    /// `per_second` sustained, `burst` at once; 0 counts as 1.
    #[must_use]
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: at_least_one(per_second), burst: at_least_one(burst) }
    }
}

/// TCP and QUIC on one port number of `host`, TCP first. Port 0 lets the system choose, for each its own.
#[must_use]
pub fn listen_addresses(host: IpAddr, port: u16) -> Vec<Multiaddr> {
    vec![
        Multiaddr::from(host).with(Protocol::Tcp(port)),
        Multiaddr::from(host).with(Protocol::Udp(port)).with(Protocol::QuicV1),
    ]
}

/// The largest request, in bytes.
pub(super) const REQUEST_BYTES_MAX: usize = MAX_MESSAGE_BYTES;
/// The largest response, in bytes.
pub(super) const RESPONSE_BYTES_MAX: usize = 1024 * 1024;

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_port_number_for_tcp_and_quic() {
        let v4: Vec<String> =
            listen_addresses([127, 0, 0, 1].into(), 4001).iter().map(ToString::to_string).collect();
        assert_eq!(v4, ["/ip4/127.0.0.1/tcp/4001", "/ip4/127.0.0.1/udp/4001/quic-v1"]);
        let v6 = listen_addresses("::1".parse().unwrap(), 0);
        assert_eq!(v6[1].to_string(), "/ip6/::1/udp/0/quic-v1");
    }

    #[test]
    fn the_defaults_work_and_a_zero_is_named() {
        Config::new(1).check().unwrap();
        let mut config = Config::new(1);
        config.gossip.validations = 0;
        let refused = config.check().unwrap_err();
        assert!(matches!(refused, MeshError::Config { field: "gossip.validations", .. }), "{refused}");
        let config = Config { request_timeout_ms: 8_000, ..Config::new(1) };
        assert!(config.check().unwrap_err().to_string().contains("request_timeout_ms"));
    }
}
