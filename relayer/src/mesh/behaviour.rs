//! The libp2p stack: transports, protocols and their limits, for relayers and for wallets.
//!
//! In: [`Config`] and a key pair. Out: a swarm that listens nowhere and dials nobody yet. What turns peers
//! away stands first in [`Behaviour`], so that a connection over a limit costs no protocol anything.
//!
//! TLS: QUIC names its cryptography (aws-lc-rs) itself, so the mesh works with any or no rustls provider
//! installed. A binary that links `ring` as well must install a default provider for its *other* TLS users
//! before it starts anything; `rustls::crypto::aws_lc_rs::default_provider().install_default()` is the one
//! that is linked anyway.

use std::time::Duration;

use libp2p::allow_block_list::{self, BlockedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::gossipsub::{
    self, AllowAllSubscriptionFilter, IdentityTransform, MaxCountSubscriptionFilter, MessageAuthenticity,
    PeerScoreParams, PeerScoreThresholds, TopicScoreParams, ValidationMode,
};
use libp2p::identity::Keypair;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::kad::{self, BucketInserts, StoreInserts};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, identify, mdns, memory_connection_limits, noise, ping, tcp,
    yamux,
};
use wia_protocol::relay::{MAX_MESSAGE_BYTES, P2P_PROTOCOL};

use super::codec::Codec;
use super::config::{Config, Gossip, Limits};
use super::{MeshError, gossip};

/// Topics that one peer may be subscribed to. We know two; the rest is room for versions.
const TOPICS_PER_PEER: usize = 16;

/// What a peer may send over QUIC before we read it: a whole response, and several of them. The library's own
/// bounds, 10 and 15 MB, are for file transfer.
const UNREAD_BYTES_PER_STREAM: u32 = 2 * 1024 * 1024;
const UNREAD_BYTES_PER_CONNECTION: u32 = 4 * 1024 * 1024;

/// The protocols, limits first.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) memory: memory_connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) requests: request_response::Behaviour<Codec>,
    pub(super) gossip: gossipsub::Behaviour,
    pub(super) kad: Toggle<kad::Behaviour<MemoryStore>>,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
}

/// Which side of the relay protocol a node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Answers requests, takes part in gossip.
    Relayer,
    /// Sends requests, publishes without taking part.
    Wallet,
}

pub(super) fn swarm(config: &Config, key: Keypair, role: Role) -> Result<Swarm<Behaviour>, MeshError> {
    let setup = |what: &str, e: &dyn std::fmt::Display| MeshError::Setup(format!("{what}: {e}"));
    let id = key.public().to_peer_id();
    let protocol = kad_protocol(config.chain_id)?;
    let kad = (role == Role::Relayer && config.discovery.kademlia).then(|| kademlia(config, protocol, id));
    let mdns = role == Role::Relayer && config.discovery.mdns;
    let mdns = mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), id));
    let mdns = mdns.transpose().map_err(|e| setup("mDNS", &e))?;
    let memory = usize::try_from(config.limits.memory_bytes).unwrap_or(usize::MAX);
    let gossip = gossipsub_behaviour(config).map_err(|e| setup("gossipsub", &e))?;
    let requests = requests(config, role);
    let streams = config.limits.concurrent_streams;
    let swarm = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, || yamux(streams))
        .map_err(|e| setup("noise", &e))?
        .with_quic_config(|mut quic| {
            quic.max_concurrent_stream_limit =
                u32::try_from(streams_per_connection(streams)).unwrap_or(u32::MAX);
            quic.max_stream_data = UNREAD_BYTES_PER_STREAM;
            quic.max_connection_data = UNREAD_BYTES_PER_CONNECTION;
            quic
        })
        .with_behaviour(|key| Behaviour {
            limits: connection_limits::Behaviour::new(connection_limits(&config.limits)),
            memory: memory_connection_limits::Behaviour::with_max_bytes(memory),
            blocked: allow_block_list::Behaviour::default(),
            identify: identify::Behaviour::new(
                identify::Config::new(P2P_PROTOCOL.to_owned(), key.public())
                    .with_agent_version(concat!("wia/", env!("CARGO_PKG_VERSION")).to_owned())
                    .with_hide_listen_addrs(role == Role::Wallet),
            ),
            ping: ping::Behaviour::default(),
            requests,
            gossip,
            kad: kad.into(),
            mdns: mdns.into(),
        })
        .map_err(|e| setup("protocols", &e))?
        .with_swarm_config(|swarm| {
            swarm
                .with_idle_connection_timeout(Duration::from_millis(config.idle_timeout_ms))
                .with_max_negotiating_inbound_streams(streams)
        })
        .build();
    Ok(swarm)
}

/// The name under which the relayers of one chain tell each other of peers.
pub(super) fn kad_protocol(chain_id: u64) -> Result<StreamProtocol, MeshError> {
    let name = format!("/wia/kad/1.0.0/{chain_id}");
    StreamProtocol::try_from_owned(name).map_err(|e| MeshError::Setup(format!("Kademlia: {e}")))
}

/// A routing table and nothing else: no records, and only peers that identify said are relayers of this chain.
fn kademlia(config: &Config, protocol: StreamProtocol, id: PeerId) -> kad::Behaviour<MemoryStore> {
    let mut kad_config = kad::Config::new(protocol);
    kad_config
        .set_periodic_bootstrap_interval(Some(Duration::from_millis(config.discovery.kademlia_every_ms)))
        .set_query_timeout(Duration::from_millis(config.request_timeout_ms))
        .set_kbucket_inserts(BucketInserts::Manual)
        .set_record_filtering(StoreInserts::FilterBoth)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None);
    let nothing = MemoryStoreConfig {
        max_records: 0,
        max_value_bytes: 0,
        max_providers_per_key: 0,
        max_provided_keys: 0,
    };
    let mut kad = kad::Behaviour::with_config(id, MemoryStore::with_config(id, nothing), kad_config);
    // Asked from the start: whether the addresses that we listen on are reached from outside, peers find out.
    kad.set_mode(Some(kad::Mode::Server));
    kad
}

/// Open streams on one connection: requests, and what gossip, identify and ping keep open in both directions.
fn streams_per_connection(requests: usize) -> usize {
    requests.saturating_mul(2).saturating_add(16)
}

fn yamux(requests: usize) -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(streams_per_connection(requests));
    config
}

fn connection_limits(limits: &Limits) -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits.pending_connections))
        .with_max_pending_outgoing(Some(limits.pending_connections))
        .with_max_established_incoming(Some(limits.inbound_connections))
        .with_max_established_outgoing(Some(limits.outbound_connections))
        .with_max_established_per_peer(Some(limits.connections_per_peer))
}

fn requests(config: &Config, role: Role) -> request_response::Behaviour<Codec> {
    let support = match role {
        Role::Relayer => ProtocolSupport::Full,
        Role::Wallet => ProtocolSupport::Outbound,
    };
    request_response::Behaviour::with_codec(
        Codec,
        [(StreamProtocol::new(P2P_PROTOCOL), support)],
        request_response::Config::default()
            .with_request_timeout(Duration::from_millis(config.request_timeout_ms))
            .with_max_concurrent_streams(config.limits.concurrent_streams),
    )
}

fn gossipsub_behaviour(config: &Config) -> Result<gossipsub::Behaviour, String> {
    let Gossip { heartbeat_ms, duplicate_cache_ms, validation_timeout_ms, peer_queue, .. } = config.gossip;
    // A message that left the history cannot be forwarded any more, so the history is longer than the longest
    // validation; what peers are told about stays at gossipsub's three heartbeats.
    let history = usize::try_from(validation_timeout_ms.div_ceil(heartbeat_ms) + 2).unwrap_or(usize::MAX);
    let gossip_config = gossipsub::ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(heartbeat_ms))
        .heartbeat_initial_delay(Duration::from_millis(heartbeat_ms))
        .history_length(history.max(5))
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(gossip::message_id)
        .max_transmit_size(MAX_MESSAGE_BYTES)
        .duplicate_cache_time(Duration::from_millis(duplicate_cache_ms))
        // A wallet's publication goes to the mesh peers, as everybody's: flooding would reach all at once.
        .flood_publish(false)
        .connection_handler_queue_len(peer_queue)
        .build()
        .map_err(|e| e.to_string())?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter::default(),
        max_subscribed_topics: TOPICS_PER_PEER,
        max_subscriptions_per_request: TOPICS_PER_PEER,
    };
    let mut behaviour = gossipsub::Behaviour::new_with_subscription_filter_and_transform(
        MessageAuthenticity::Anonymous,
        gossip_config,
        filter,
        IdentityTransform,
    )?;
    behaviour.with_peer_score(score(config.chain_id), thresholds())?;
    Ok(behaviour)
}

/// What peers are scored by: rejected messages, first of all. Deliveries that fail to come are no offence, since
/// this topic may be silent for hours.
fn score(chain_id: u64) -> PeerScoreParams {
    let topic = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 1_000.0,
        first_message_deliveries_weight: 0.1,
        first_message_deliveries_decay: 0.99,
        first_message_deliveries_cap: 100.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // Squared: five rejected messages within minutes silence a peer's gossip, nine all that it says.
        invalid_message_deliveries_weight: -200.0,
        invalid_message_deliveries_decay: gossipsub::score_parameter_decay(Duration::from_secs(600)),
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: [
            (gossip::topic(chain_id).hash(), topic.clone()),
            (gossip::claim_topic(chain_id).hash(), topic),
        ]
        .into(),
        topic_score_cap: 50.0,
        // Many wallets behind one address are one office or one gateway.
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_threshold: 6.0,
        retain_score: Duration::from_secs(600),
        ..PeerScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -4_000.0,
        publish_threshold: -8_000.0,
        graylist_threshold: -16_000.0,
        ..PeerScoreThresholds::default()
    }
}
