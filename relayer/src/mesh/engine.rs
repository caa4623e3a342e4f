//! The mesh's only loop: what the swarm says, what the service answered, what the program asks.
//!
//! Every branch is short and never waits. The service's work runs in two bounded sets of tasks, `answers` and
//! `verdicts`; over their bounds a request is answered with an error and a gossip message is ignored.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::{IdentTopic, Message, MessageId, PublishError};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::request_response::{self, InboundRequestId, ResponseChannel};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, gossipsub, ping};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::method;

use super::behaviour::{self, Behaviour, BehaviourEvent, Role};
use super::bootstrap::Bootstrap;
use super::codec::{Call, Reply};
use super::gossip::{self, Verdict};
use super::mailbox::{Command, Health, Mesh};
use super::peers::{Peers, Refused, Slow};
use super::{Config, MeshError, RelayService, metrics};
use crate::Origin;

/// How often bootstrap addresses and forgotten peers are looked after.
const TICK: Duration = Duration::from_millis(500);

/// Opens the listeners and subscribes to the topic. Nothing is answered until [`Engine::run`]. Must be called
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
    metrics::describe();
    let mut swarm = behaviour::swarm(&config, key, Role::Relayer)?;
    let topic = gossip::topic(config.chain_id);
    swarm.behaviour_mut().gossip.subscribe(&topic).map_err(|e| MeshError::Setup(e.to_string()))?;
    let mut listeners = HashMap::new();
    for address in &config.listen {
        let id = swarm
            .listen_on(address.clone())
            .map_err(|e| MeshError::Listen { address: address.clone(), reason: e.to_string() })?;
        listeners.insert(id, Vec::new());
    }

    let (commands, mailbox) = mpsc::channel(config.mailbox);
    let (health, watch) = watch::channel(Health { listening: listeners.is_empty(), ..Health::default() });
    let mesh = Mesh { commands, health: watch, peer_id: *swarm.local_peer_id() };
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let engine = Engine {
        peers: Peers::new(&config),
        bootstrap: Bootstrap::new(
            &config.bootstrap,
            Duration::from_millis(config.redial_ms),
            Instant::now(),
        ),
        swarm,
        service,
        topic,
        mailbox,
        mailbox_open: true,
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
    mailbox: mpsc::Receiver<Command>,
    mailbox_open: bool,
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

struct Answering {
    peer: PeerId,
    /// Reading can be given up when nobody waits for it any more; a submission goes on.
    give_up: Option<AbortHandle>,
}

struct Answer {
    peer: PeerId,
    channel: ResponseChannel<Reply>,
    reply: Reply,
}

struct Judged {
    id: MessageId,
    source: PeerId,
    verdict: Verdict,
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
        let drained = async {
            while !self.answering.is_empty() {
                self.step().await;
            }
        };
        if timeout(patience, drained).await.is_err() {
            tracing::warn!(requests = self.answering.len(), "the mesh stops with requests unanswered");
        }
    }

    /// One event. Dropping it between events loses nothing.
    async fn step(&mut self) {
        tokio::select! {
            event = self.swarm.select_next_some() => self.on_swarm(event),
            Some(Ok(answer)) = self.answers.join_next() => self.on_answer(answer),
            Some(Ok(judged)) = self.verdicts.join_next() => self.report(judged),
            command = self.mailbox.recv(), if self.mailbox_open => match command {
                Some(Command::Publish { data, done }) => drop(done.send(self.publish(data))),
                None => self.mailbox_open = false,
            },
            _ = self.tick.tick() => self.on_tick(Instant::now()),
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Requests(event)) => self.on_requests(event, now),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event, now),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { peer, connection, result })) => {
                if let Err(ping::Failure::Timeout) = result {
                    tracing::debug!(%peer, "closing a connection that answers no ping");
                    self.swarm.close_connection(connection);
                }
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

    fn on_requests(&mut self, event: request_response::Event<Result<Call, RpcError>, Reply>, now: Instant) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request_id, request, channel }, .. } => {
                self.on_request(peer, request_id, request, channel, now);
            }
            Event::ResponseSent { request_id, .. } => drop(self.finished(request_id)),
            Event::InboundFailure { request_id, error, peer, .. } => {
                if let Some(answering) = self.finished(request_id) {
                    tracing::debug!(%peer, %error, "an answer was not delivered");
                    metrics::request(metrics::Request::Lost);
                    answering.give_up.iter().for_each(AbortHandle::abort);
                }
            }
            // A relayer asks nothing of others yet.
            Event::Message { .. } | Event::OutboundFailure { .. } => {}
        }
    }

    fn on_request(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        request: Result<Call, RpcError>,
        channel: ResponseChannel<Reply>,
        now: Instant,
    ) {
        let call = match request.and_then(|call| self.admit(peer, now).map(|()| call)) {
            Ok(call) => call,
            Err(error) => return self.respond(Answer { peer, channel, reply: Err(error) }),
        };
        let service = self.service.clone();
        let limit = Duration::from_millis(self.config.request_timeout_ms);
        let reading = call.method != method::SUBMIT;
        let task = self.answers.spawn(async move {
            let origin = Origin::Peer(peer.to_string());
            let work = Box::pin(service.call(&call.method, &call.params, &origin));
            let reply = match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
                Ok(Ok(reply)) => reply,
                Ok(Err(_)) | Err(_) => Err(RpcError::internal()),
            };
            Answer { peer, channel, reply }
        });
        self.answering.insert(id, Answering { peer, give_up: reading.then_some(task) });
    }

    /// Whether one more request of this peer is served; if so, it counts from here on.
    fn admit(&mut self, peer: PeerId, now: Instant) -> Result<(), RpcError> {
        if self.stopping {
            return Err(RpcError::new(Code::ServerError, "server", "is stopping; ask another relayer"));
        }
        if self.answers.len().max(self.answering.len()) >= self.config.limits.requests_total {
            metrics::request(metrics::Request::Busy);
            return Err(RpcError::rate_limited("server", "is busy with others' requests", 1));
        }
        self.peers.request(peer, now).map_err(|refused| {
            metrics::request(metrics::Request::Limited);
            match refused {
                Refused::TooFast(wait) => {
                    let wait_s = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                    RpcError::rate_limited("requests", "this peer asks too fast", wait_s)
                }
                Refused::TooMany => {
                    let most = self.config.limits.requests_per_peer;
                    let reason = format!("{most} requests of this peer are still being answered");
                    RpcError::rate_limited("requests", reason, 1)
                }
            }
        })
    }

    fn finished(&mut self, id: InboundRequestId) -> Option<Answering> {
        let answering = self.answering.remove(&id)?;
        self.peers.answered(answering.peer);
        Some(answering)
    }

    fn on_answer(&mut self, answer: Answer) {
        match &answer.reply {
            Ok(_) => metrics::request(metrics::Request::Answered),
            Err(error) if is_fault(error) => {}
            Err(_) => metrics::request(metrics::Request::Refused),
        }
        self.respond(answer);
    }

    fn respond(&mut self, Answer { peer, channel, reply }: Answer) {
        let fault = reply.as_ref().is_err_and(is_fault);
        // A closed channel means that the peer stopped waiting; the swarm says so in an event of its own.
        let _ = self.swarm.behaviour_mut().requests.send_response(channel, reply);
        if fault {
            metrics::request(metrics::Request::Malformed);
            self.fault(peer);
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event, now: Instant) {
        use gossipsub::Event;
        match event {
            Event::Message { propagation_source, message_id, message } => {
                self.on_message(propagation_source, message_id, message, now);
            }
            Event::Subscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.peers.subscribed(peer_id, true, now);
                self.tell();
            }
            Event::Unsubscribed { peer_id, topic } if topic == self.topic.hash() => {
                self.peers.subscribed(peer_id, false, now);
                self.tell();
            }
            Event::SlowPeer { peer_id, failed_messages } => {
                metrics::slow_peer();
                match self.peers.slow(peer_id, now) {
                    Slow::Log => tracing::warn!(peer = %peer_id, ?failed_messages, "a peer is slow"),
                    Slow::Count => {}
                    Slow::Disconnect => {
                        tracing::warn!(peer = %peer_id, "disconnecting a peer that stays slow");
                        let _ = self.swarm.disconnect_peer_id(peer_id);
                    }
                }
            }
            _ => {}
        }
    }

    fn on_message(&mut self, source: PeerId, id: MessageId, message: Message, now: Instant) {
        let full = self.verdicts.len() >= self.config.gossip.validations;
        if self.stopping || full || !self.peers.gossip(source, now) {
            return self.report(Judged { id, source, verdict: Verdict::Shed });
        }
        let service = self.service.clone();
        let chain_id = self.config.chain_id;
        let limit = Duration::from_millis(self.config.gossip.validation_timeout_ms);
        self.verdicts.spawn(async move {
            let work = Box::pin(judge(service, message.data, chain_id, source));
            // Late or panicked: nothing is known about the message, so nothing is held against the peer.
            let judged = timeout(limit, AssertUnwindSafe(work).catch_unwind()).await;
            let verdict = judged.map_or(Verdict::Ignored, |v| v.unwrap_or(Verdict::Ignored));
            Judged { id, source, verdict }
        });
    }

    fn report(&mut self, Judged { id, source, verdict }: Judged) {
        metrics::gossip(verdict);
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(&id, &source, verdict.acceptance());
        if verdict == Verdict::Rejected {
            self.fault(source);
        }
    }

    fn publish(&mut self, data: Vec<u8>) -> Result<(), MeshError> {
        match self.swarm.behaviour_mut().gossip.publish(self.topic.hash(), data) {
            Ok(_) => {
                metrics::published();
                Ok(())
            }
            Err(PublishError::Duplicate) => Ok(()),
            Err(PublishError::NoPeersSubscribedToTopic) => {
                Err(MeshError::NoSubscribers { topic: self.topic.to_string() })
            }
            Err(error) => Err(MeshError::Publish(error.to_string())),
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
        let (peers, gossip_peers) = self.peers.counts();
        metrics::peers(peers);
        let own = Protocol::P2p(*self.swarm.local_peer_id());
        let mut addresses: Vec<Multiaddr> = self.listeners.values().flatten().cloned().collect();
        addresses.sort_by_key(|a| (a.iter().any(|p| p == Protocol::QuicV1), a.to_string()));
        let health = Health {
            listening: self.listeners.values().all(|known| !known.is_empty()),
            addresses: addresses.into_iter().map(|a| a.with(own.clone()).to_string()).collect(),
            peers,
            gossip_peers,
        };
        self.health.send_if_modified(|known| {
            let changed = *known != health;
            *known = health;
            changed
        });
    }
}

/// What only a peer that does not speak the protocol is told; other refusals are a user's mistakes.
fn is_fault(error: &RpcError) -> bool {
    [Code::ParseError, Code::InvalidRequest, Code::MethodNotFound].iter().any(|c| c.row().0 == error.code)
}

async fn judge<S: RelayService>(service: S, data: Vec<u8>, chain_id: u64, source: PeerId) -> Verdict {
    let submission = match gossip::decode(&data, chain_id) {
        Ok(submission) => submission,
        Err(verdict) => return verdict,
    };
    match service.submit(submission, &Origin::Gossip(source.to_string())).await {
        Ok(()) => Verdict::Accepted,
        Err(error) => Verdict::of_refusal(&error),
    }
}
