//! A wallet's side: one relayer, asked by request and response, and told by gossip.
//!
//! In: an address, calls, submissions. Out: results or the relayer's errors. A connection that was lost is made
//! again, and a call that was lost with it is asked once more; the peer id found (or named) at the first dial stays the only one accepted.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use futures::StreamExt;
use libp2p::gossipsub::{IdentTopic, PublishError};
use libp2p::identity::Keypair;
use libp2p::request_response::{self, OutboundFailure, OutboundRequestId};
use libp2p::swarm::dial_opts::DialOpts;
use libp2p::swarm::{DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, gossipsub, identify};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use wia_protocol::RpcError;
use wia_protocol::relay::{P2P_PROTOCOL, Submission};

use super::behaviour::{self, Behaviour, BehaviourEvent, Role};
use super::codec::{Call, Reply, encode_call};
use super::config::REQUEST_BYTES_MAX;
use super::{Config, MeshError, gossip};

/// Asks waiting for the loop; when full, callers wait.
const MAILBOX: usize = 64;

/// A connection to one relayer. It ends when the client is dropped.
#[derive(Debug)]
pub struct Client {
    asks: mpsc::Sender<Ask>,
    peer: PeerId,
    patience: Duration,
    _loop: AbortOnDropHandle<()>,
}

#[derive(Debug)]
enum Ask {
    Call { call: Call, done: oneshot::Sender<Result<Reply, MeshError>> },
    Publish { topic: IdentTopic, data: Vec<u8>, done: oneshot::Sender<Result<(), MeshError>> },
}

impl Client {
    /// Connects to the relayer at `address`, TCP or QUIC, under a peer id made for this client. With
    /// `/p2p/<peer id>` at its end, nobody else is accepted there. `patience` bounds the dial, and later the
    /// wait for a publication; a call has the ten seconds of [`Config::request_timeout_ms`].
    ///
    /// # Errors
    /// [`MeshError::WrongPeer`], [`MeshError::Dial`] (nobody there, full, no relayer, an address that is not
    /// understood), [`MeshError::TimedOut`].
    pub async fn dial(address: Multiaddr, patience: Duration) -> Result<Self, MeshError> {
        let config = Config::new(0);
        let mut swarm = behaviour::swarm(&config, Keypair::generate_ed25519(), Role::Wallet)?;
        let connected = timeout(patience, connect(&mut swarm, &address)).await;
        let peer = connected.map_err(|_| late("answer from the relayer", patience))??;
        let (asks, mailbox) = mpsc::channel(MAILBOX);
        let session = Session { swarm, peer, address, calls: HashMap::new(), publications: Vec::new() };
        let running = AbortOnDropHandle::new(tokio::spawn(session.run(mailbox)));
        Ok(Self { asks, peer, patience, _loop: running })
    }

    /// The relayer's peer id: who answered at an address that names none.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.peer
    }

    /// `relay.submit`, `relay.status` or `relay.info`. The inner result is the relayer's own answer.
    ///
    /// # Errors
    /// [`MeshError::TooLarge`] and [`MeshError::Encode`] before anything is sent; [`MeshError::Request`] when no
    /// answer came: asking again is safe.
    pub async fn call(&self, method: &str, params: Value) -> Result<Result<Value, RpcError>, MeshError> {
        let call = Call { method: method.to_owned(), params };
        let bytes = encode_call(&call)?.len();
        if bytes > REQUEST_BYTES_MAX {
            return Err(MeshError::TooLarge { bytes, limit: REQUEST_BYTES_MAX });
        }
        let (done, answer) = oneshot::channel();
        self.asks.send(Ask::Call { call, done }).await.map_err(|_| MeshError::Stopped)?;
        answer.await.map_err(|_| MeshError::Stopped)?
    }

    /// Gossips a submission through the relayer, once it takes that chain's topic. Gossip has no answer: ask
    /// `relay.status` for what became of it, before dropping the client.
    ///
    /// # Errors
    /// [`MeshError::TimedOut`] when the relayer does not take the topic, [`MeshError::TooLarge`],
    /// [`MeshError::Publish`].
    pub async fn publish(&self, chain_id: u64, submission: &Submission) -> Result<(), MeshError> {
        let data = gossip::encode(submission)?;
        let (done, published) = oneshot::channel();
        let ask = Ask::Publish { topic: gossip::topic(chain_id), data, done };
        self.asks.send(ask).await.map_err(|_| MeshError::Stopped)?;
        let published = timeout(self.patience, published).await;
        published
            .map_err(|_| late("peer that takes this topic", self.patience))?
            .map_err(|_| MeshError::Stopped)?
    }
}

/// Dials, and waits until the peer said that it is a relayer: a connection over the relayer's limits stands
/// for a moment too, before it is closed.
async fn connect(swarm: &mut Swarm<Behaviour>, address: &Multiaddr) -> Result<PeerId, MeshError> {
    let dial = DialOpts::from(address.clone());
    let named = dial.get_peer_id();
    let failed = |reason: String| MeshError::Dial { address: address.clone(), reason };
    let refused = |error: DialError| match (named, error) {
        (Some(expected), DialError::WrongPeerId { obtained: found, address }) => {
            MeshError::WrongPeer { address, expected: Box::new(expected), found: Box::new(found) }
        }
        (_, error) => MeshError::Dial { address: address.clone(), reason: error.to_string() },
    };
    swarm.dial(dial).map_err(refused)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(refused(error)),
            SwarmEvent::ConnectionClosed { cause, .. } => {
                let cause = cause.map(|c| format!(" ({c})")).unwrap_or_default();
                return Err(failed(format!("the peer closed the connection at once{cause}; it may be full")));
            }
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                info,
                ..
            })) => {
                if info.protocols.iter().any(|p| p.as_ref() == P2P_PROTOCOL) {
                    return Ok(peer_id);
                }
                return Err(failed(format!("peer {peer_id} does not speak {P2P_PROTOCOL}")));
            }
            _ => {}
        }
    }
}

/// The loop behind a [`Client`].
struct Session {
    swarm: Swarm<Behaviour>,
    peer: PeerId,
    address: Multiaddr,
    calls: HashMap<OutboundRequestId, Asked>,
    /// Waiting until the relayer takes their topic; those whose caller gave up are dropped.
    publications: Vec<Publication>,
}

/// A call under way.
struct Asked {
    /// Kept for asking once more over a new connection, until that was done.
    again: Option<Call>,
    done: oneshot::Sender<Result<Reply, MeshError>>,
}

struct Publication {
    topic: IdentTopic,
    data: Vec<u8>,
    done: oneshot::Sender<Result<(), MeshError>>,
}

impl Session {
    async fn run(mut self, mut mailbox: mpsc::Receiver<Ask>) {
        loop {
            tokio::select! {
                ask = mailbox.recv() => match ask {
                    Some(ask) => self.on_ask(ask),
                    None => return,
                },
                event = self.swarm.select_next_some() => self.on_swarm(event),
            }
        }
    }

    fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Call { call, done } => self.call(call.clone(), Asked { again: Some(call), done }),
            Ask::Publish { topic, data, done } => {
                self.publications.push(Publication { topic, data, done });
                self.publish();
                if !self.swarm.is_connected(&self.peer) {
                    let dial = DialOpts::peer_id(self.peer).addresses(vec![self.address.clone()]).build();
                    // A dial under way already is as good; any other failure ends in the caller's time-out.
                    let _ = self.swarm.dial(dial);
                }
            }
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        use request_response::{Event, Message};
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Requests(Event::Message {
                message: Message::Response { request_id, response },
                ..
            })) => self.answer(request_id, response),
            SwarmEvent::Behaviour(BehaviourEvent::Requests(Event::OutboundFailure {
                request_id,
                error,
                ..
            })) => self.failed(request_id, &error),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Subscribed { .. })) => {
                self.publish()
            }
            _ => {}
        }
    }

    fn call(&mut self, call: Call, asked: Asked) {
        let addresses = vec![self.address.clone()];
        let requests = &mut self.swarm.behaviour_mut().requests;
        let id = requests.send_request_with_addresses(&self.peer, Ok(call), addresses);
        self.calls.insert(id, asked);
    }

    fn answer(&mut self, id: OutboundRequestId, reply: Reply) {
        if let Some(asked) = self.calls.remove(&id) {
            // The caller may have given up.
            let _ = asked.done.send(Ok(reply));
        }
    }

    /// The relayer may have closed an idle connection while the request was on its way: one more try over a new
    /// connection is what every caller would do, and safe, because ids are idempotent.
    fn failed(&mut self, id: OutboundRequestId, error: &OutboundFailure) {
        let lost = match error {
            OutboundFailure::ConnectionClosed => true,
            OutboundFailure::Io(e) => e.kind() != io::ErrorKind::InvalidData,
            _ => false,
        };
        match self.calls.remove(&id) {
            Some(Asked { again: Some(call), done }) if lost => self.call(call, Asked { again: None, done }),
            Some(asked) => drop(asked.done.send(Err(MeshError::Request(error.to_string())))),
            None => {}
        }
    }

    fn publish(&mut self) {
        for Publication { topic, data, done } in std::mem::take(&mut self.publications) {
            if done.is_closed() {
                continue;
            }
            let published = match self.swarm.behaviour_mut().gossip.publish(topic.hash(), data.clone()) {
                Err(PublishError::NoPeersSubscribedToTopic) => {
                    self.publications.push(Publication { topic, data, done });
                    continue;
                }
                Ok(_) | Err(PublishError::Duplicate) => Ok(()),
                Err(error) => Err(MeshError::Publish(error.to_string())),
            };
            let _ = done.send(published);
        }
    }
}

fn late(what: &'static str, patience: Duration) -> MeshError {
    MeshError::TimedOut { what, after_ms: patience.as_millis() }
}
