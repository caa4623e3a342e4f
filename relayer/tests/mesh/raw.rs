//! Peers that send what they like: any bytes as a request, any bytes as gossip.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::gossipsub::{self, MessageAuthenticity, ValidationMode};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{StreamProtocol, Swarm, SwarmBuilder, noise, tcp, yamux};
use wia_protocol::relay::{P2P_PROTOCOL, claim_topic, gossip_topic};
use wia_relayer::mesh::{Multiaddr, PeerId};

use super::support::{CHAIN_ID, within};

#[derive(Clone, Default)]
pub(crate) struct Bytes;

impl request_response::Codec for Bytes {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        _: &mut T,
    ) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        _: &mut T,
        _: Vec<u8>,
    ) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[derive(NetworkBehaviour)]
pub(crate) struct Protocols {
    requests: request_response::Behaviour<Bytes>,
    gossip: gossipsub::Behaviour,
}

/// One such peer, connected to one relayer.
pub(crate) struct Raw {
    swarm: Swarm<Protocols>,
    relayer: PeerId,
}

impl Raw {
    /// Dials; a peer that `listens` takes the gossip topic too.
    pub(crate) async fn dial(address: Multiaddr, listens: bool) -> Self {
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_quic()
            .with_behaviour(|_| Protocols {
                requests: request_response::Behaviour::new(
                    [(StreamProtocol::new(P2P_PROTOCOL), ProtocolSupport::Outbound)],
                    request_response::Config::default(),
                ),
                gossip: gossipsub::Behaviour::new(
                    MessageAuthenticity::Anonymous,
                    gossipsub::ConfigBuilder::default()
                        .validation_mode(ValidationMode::Anonymous)
                        .message_id_fn(|m| m.data.clone().into())
                        .build()
                        .unwrap(),
                )
                .unwrap(),
            })
            .unwrap()
            .with_swarm_config(|c| c.with_idle_connection_timeout(super::support::PATIENCE))
            .build();
        if listens {
            swarm.behaviour_mut().gossip.subscribe(&topic()).unwrap();
        }
        swarm.dial(address).unwrap();
        let relayer = within(async {
            loop {
                if let SwarmEvent::ConnectionEstablished { peer_id, .. } = swarm.select_next_some().await {
                    return peer_id;
                }
            }
        })
        .await;
        Self { swarm, relayer }
    }

    /// Sends `bytes` as a request; returns the response's bytes.
    pub(crate) async fn request(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        use request_response::{Event, Message};
        self.swarm.behaviour_mut().requests.send_request(&self.relayer, bytes);
        within(async {
            loop {
                match self.swarm.select_next_some().await {
                    SwarmEvent::Behaviour(ProtocolsEvent::Requests(Event::Message {
                        message: Message::Response { response, .. },
                        ..
                    })) => return Ok(response),
                    SwarmEvent::Behaviour(ProtocolsEvent::Requests(Event::OutboundFailure {
                        error, ..
                    })) => return Err(error.to_string()),
                    _ => {}
                }
            }
        })
        .await
    }

    /// Gossips `data` as soon as the relayer takes the topic, and goes on being connected.
    pub(crate) async fn publish(&mut self, data: Vec<u8>) {
        self.publish_on(topic(), data).await;
    }

    /// The same on the topic of claims.
    pub(crate) async fn claim(&mut self, data: Vec<u8>) {
        self.publish_on(gossipsub::IdentTopic::new(claim_topic(CHAIN_ID)), data).await;
    }

    async fn publish_on(&mut self, topic: gossipsub::IdentTopic, data: Vec<u8>) {
        within(async {
            while self.swarm.behaviour_mut().gossip.publish(topic.clone(), data.clone()).is_err() {
                self.swarm.select_next_some().await;
            }
        })
        .await;
    }

    /// The next gossip message.
    pub(crate) async fn hears(&mut self) -> Vec<u8> {
        within(async {
            loop {
                if let SwarmEvent::Behaviour(ProtocolsEvent::Gossip(gossipsub::Event::Message {
                    message,
                    ..
                })) = self.swarm.select_next_some().await
                {
                    return message.data;
                }
            }
        })
        .await
    }

    /// Runs until the relayer closes the connection.
    pub(crate) async fn cut_off(&mut self) {
        within(async {
            while !matches!(self.swarm.select_next_some().await, SwarmEvent::ConnectionClosed { .. }) {}
        })
        .await;
    }

    /// Runs for ever, beside something that ends.
    pub(crate) async fn run(&mut self) {
        loop {
            self.swarm.select_next_some().await;
        }
    }
}

fn topic() -> gossipsub::IdentTopic {
    gossipsub::IdentTopic::new(gossip_topic(CHAIN_ID))
}
