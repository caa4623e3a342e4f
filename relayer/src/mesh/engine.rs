//! The mesh's only loop: what the swarm says, what the service answered, and what it has to say.
//!
//! Every branch is short and never waits. The service's work runs in two bounded sets of tasks, `answers` and
//! `verdicts`; over their bounds a request is answered with an error and a gossip message is ignored.

mod bootstrap;
mod discovery;
mod requests;
mod spread;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::IdentTopic;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::InboundRequestId;
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, ping};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::behaviour::{self, Behaviour, BehaviourEvent, Role};
use super::gossip;
use super::handle::{Health, Mesh};
use super::peers::Peers;
use super::{Config, MeshError, RelayService, metrics};
use bootstrap::Bootstrap;
use requests::{Answer, Answering};
use spread::Judged;

/// How often bootstrap addresses and forgotten peers are looked after.
const TICK: Duration = Duration::from_millis(500);

/// How long connections stay open after the last answer when stopping.
const LINGER: Duration = Duration::from_millis(100);

/// Opens the listeners and subscribes to the topics. Nothing is answered until [`Engine::run`]. Must be called
/// within a tokio runtime.
///
/// # Errors
/// [`MeshError::Config`], [`MeshError::Listen`] (a port is taken), [`MeshError::Setup`].
pub fn open<S: RelayService>(
    config: Config,
    key: Keypair,
    service: S,
) -> Result<(Engine<S>, Mesh), MeshError> {
    config.check()?;
    let mut swarm = behaviour::swarm(&config, key, Role::Relayer)?;
    let topic = gossip::topic(config.chain_id);
    let claims = gossip::claim_topic(config.chain_id);
    for topic in std::iter::once(&topic).chain(service.shares().then_some(&claims)) {
        swarm.behaviour_mut().gossip.subscribe(topic).map_err(|e| MeshError::Setup(e.to_string()))?;
    }
    let mut listeners = HashMap::new();
    for address in &config.listen {
        let id = swarm
            .listen_on(address.clone())
            .map_err(|e| MeshError::Listen { address: address.clone(), reason: e.to_string() })?;
        listeners.insert(id, Vec::new());
    }

    let (health, watch) = watch::channel(Health { listening: listeners.is_empty(), ..Health::default() });
    let mesh = Mesh { health: watch };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let engine = Engine {
        peers: Peers::new(&config),
        bootstrap: Bootstrap::new(&config.bootstrap, Duration::from_millis(config.redial_ms), Instant::now()),
        swarm,
        service,
        topic,
        claims,
        kad_protocol: behaviour::kad_protocol(config.chain_id)?,
        health,
        listeners,
        tick,
        answering: HashMap::new(),
        answers: JoinSet::new(),
        verdicts: JoinSet::new(),
        stopping: false,
        config,
    };
    Ok((engine, mesh))
}

/// The mesh's loop; see [`Engine::run`].
pub struct Engine<S> {
    config: Config,
    service: S,
    swarm: Swarm<Behaviour>,
    topic: IdentTopic,
    claims: IdentTopic,
    kad_protocol: StreamProtocol,
    health: watch::Sender<Health>,
    listeners: HashMap<ListenerId, Vec<Multiaddr>>,
    tick: Interval,
    peers: Peers,
    bootstrap: Bootstrap,
    /// Requests that count against their peer: until the answer is sent, not only computed, since a slow
    /// reader holds its answer in our memory.
    answering: HashMap<InboundRequestId, Answering>,
    answers: JoinSet<Answer>,
    verdicts: JoinSet<Judged>,
    stopping: bool,
}

impl<S: RelayService> Engine<S> {
    /// Serves until `stop`; then takes no new requests, finishes the submissions under way within
    /// [`Config::drain_ms`], and closes all connections.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.step() => {}
            }
        }
        self.stopping = true;
        for id in self.listeners.keys() {
            self.swarm.remove_listener(*id);
        }
        for answering in self.answering.values() {
            answering.give_up.iter().for_each(AbortHandle::abort);
        }
        let patience = Duration::from_millis(self.config.drain_ms);
        if self.answering.is_empty() {
            return;
        }
        let drained = async {
            while !self.answering.is_empty() {
                self.step().await;
            }
        };
        if timeout(patience, drained).await.is_err() {
            tracing::warn!(requests = self.answering.len(), "the mesh stops with requests unanswered");
        }
        // An answer that left this process is not read yet, and no event says when it is.
        let linger = async {
            loop {
                self.step().await;
            }
        };
        let _: Result<(), _> = timeout(LINGER, linger).await;
    }

    /// One event. Dropping it between events loses nothing.
    async fn step(&mut self) {
        tokio::select! {
            event = self.swarm.select_next_some() => self.on_swarm(event),
            Some(Ok(answer)) = self.answers.join_next() => self.on_answer(answer),
            Some(Ok(judged)) = self.verdicts.join_next() => self.report(judged),
            outgoing = self.service.outgoing(), if !self.stopping => self.publish(outgoing),
            _ = self.tick.tick() => self.on_tick(Instant::now()),
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Requests(event)) => self.on_requests(event, now),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event, now),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(event)) => self.on_identified(event),
            SwarmEvent::Behaviour(BehaviourEvent::Kad(event)) => self.on_kad(&event),
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(event)) => self.on_mdns(event),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
                peer,
                connection,
                result: Err(ping::Failure::Timeout),
            })) => {
                tracing::debug!(%peer, "closing a connection that answers no ping");
                self.swarm.close_connection(connection);
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, num_established, .. } => {
                self.peers.connected(peer_id, num_established.get(), now);
                if self.bootstrap.connected(connection_id, peer_id) {
                    tracing::info!(peer = %peer_id, "connected to a bootstrap relayer");
                }
                self.tell();
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established, .. } => {
                self.peers.disconnected(peer_id, num_established);
                self.tell();
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(address) = self.bootstrap.failed(connection_id, now) {
                    tracing::warn!(%address, %error, "a bootstrap relayer cannot be reached; trying again");
                }
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, %error, "a connection was not taken");
            }
            SwarmEvent::NewListenAddr { listener_id, address } => {
                tracing::info!(%address, "the mesh listens");
                self.listeners.entry(listener_id).or_default().push(address);
                self.tell();
            }
            SwarmEvent::ExpiredListenAddr { listener_id, address } => {
                self.listeners.entry(listener_id).or_default().retain(|known| *known != address);
                self.tell();
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } if !self.stopping => {
                tracing::error!(?addresses, ?reason, "the mesh lost a listener");
                self.listeners.insert(listener_id, Vec::new());
                self.tell();
            }
            _ => {}
        }
    }

    fn fault(&mut self, peer: PeerId) {
        if self.peers.fault(peer, Instant::now()) && self.swarm.behaviour_mut().blocked.block_peer(peer) {
            metrics::banned();
            tracing::warn!(%peer, "cutting off a peer that keeps sending malformed messages");
        }
    }

    fn on_tick(&mut self, now: Instant) {
        for peer in self.peers.forget(now) {
            self.swarm.behaviour_mut().blocked.unblock_peer(peer);
        }
        for peer in self.peers.idle(now) {
            tracing::debug!(%peer, "closing an idle connection");
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        if self.stopping {
            return;
        }
        let swarm = &self.swarm;
        for dial in self.bootstrap.dials(now, |peer| swarm.is_connected(peer)) {
            let connection = dial.connection_id();
            if let Err(error) = self.swarm.dial(dial) {
                let address = self.bootstrap.failed(connection, now);
                tracing::warn!(?address, %error, "a bootstrap relayer cannot be dialled");
            }
        }
    }

    /// Publishes how the mesh stands, to those who wait and to the metrics.
    fn tell(&self) {
        let (peers, gossip_peers, claim_peers) = self.peers.counts();
        metrics::peers(peers);
        let own = Protocol::P2p(*self.swarm.local_peer_id());
        let mut addresses: Vec<Multiaddr> = self.listeners.values().flatten().cloned().collect();
        addresses.sort_by_key(|a| (a.iter().any(|p| p == Protocol::QuicV1), a.to_string()));
        let health = Health {
            listening: self.listeners.values().all(|known| !known.is_empty()),
            addresses: addresses.into_iter().map(|a| a.with(own.clone()).to_string()).collect(),
            peers,
            gossip_peers,
            claim_peers,
        };
        self.health.send_if_modified(|known| {
            let changed = *known != health;
            *known = health;
            changed
        });
    }
}
