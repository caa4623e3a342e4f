//! The gossip side of the engine: what peers pass on, and what this relayer says itself.
//!
//! In: messages of the two topics, what the service has to say. Out: tasks that call the service, a verdict on every
//! message, publications, faults. What nobody hears is not kept: a submission is on the relayer's own disk, and the next
//! sign of life is near.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use libp2p::gossipsub::{self, Message, MessageId, PublishError};
use libp2p::{PeerId, gossipsub::TopicHash};
use tokio::time::timeout;

use super::Engine;
use crate::mesh::gossip::{self, Verdict};
use crate::mesh::peers::Slow;
use crate::mesh::{RelayService, metrics};
use crate::{Origin, Outgoing};

/// A message, and what is reported of it.
pub(super) struct Judged {
    id: MessageId,
    source: PeerId,
    about: About,
    verdict: Verdict,
}

/// What a topic carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Submissions,
    Claims,
}

impl<S: RelayService> Engine<S> {
    pub(super) fn on_gossip(&mut self, event: gossipsub::Event, now: Instant) {
        use gossipsub::Event;
        match event {
            Event::Message { propagation_source, message_id, message } => {
                self.on_message(propagation_source, message_id, message, now);
            }
            Event::Subscribed { peer_id, topic } => self.on_subscription(peer_id, &topic, true, now),
            Event::Unsubscribed { peer_id, topic } => self.on_subscription(peer_id, &topic, false, now),
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
            Event::GossipsubNotSupported { .. } => {}
        }
    }

    fn on_subscription(&mut self, peer: PeerId, topic: &TopicHash, takes: bool, now: Instant) {
        match self.about(topic) {
            Some(About::Submissions) => self.peers.subscribed(peer, takes, now),
            Some(About::Claims) => self.peers.takes_claims(peer, takes, now),
            None => return,
        }
        self.tell();
    }

    fn about(&self, topic: &TopicHash) -> Option<About> {
        if *topic == self.topic.hash() {
            Some(About::Submissions)
        } else if *topic == self.claims.hash() {
            Some(About::Claims)
        } else {
            None
        }
    }

    fn on_message(&mut self, source: PeerId, id: MessageId, message: Message, now: Instant) {
        // We are subscribed to no other topic, so no other one is delivered.
        let about = self.about(&message.topic).unwrap_or(About::Submissions);
        let full = self.verdicts.len() >= self.config.gossip.validations;
        if self.stopping || full || !self.peers.gossip(source, now) {
            return self.report(Judged { id, source, about, verdict: Verdict::Shed });
        }
        let service = self.service.clone();
        let chain_id = self.config.chain_id;
        let limit = Duration::from_millis(self.config.gossip.validation_timeout_ms);
        self.verdicts.spawn(async move {
            let work = async {
                match about {
                    About::Submissions => judge(service, message.data, chain_id, source).await,
                    About::Claims => judge_claim(service, message.data).await,
                }
            };
            // Late or panicked: nothing is known about the message, so nothing is held against the peer.
            let judged = timeout(limit, AssertUnwindSafe(Box::pin(work)).catch_unwind()).await;
            let verdict = judged.map_or(Verdict::Ignored, |v| v.unwrap_or(Verdict::Ignored));
            Judged { id, source, about, verdict }
        });
    }

    pub(super) fn report(&mut self, Judged { id, source, about, verdict }: Judged) {
        match about {
            About::Submissions => metrics::gossip(verdict),
            About::Claims => metrics::claim(verdict),
        }
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        gossip.report_message_validation_result(&id, &source, verdict.acceptance());
        if verdict == Verdict::Rejected {
            self.fault(source);
        }
    }

    /// Gossips what the relayer has to say.
    pub(super) fn publish(&mut self, outgoing: Outgoing) {
        let (topic, data) = match &outgoing {
            Outgoing::Submission(submission) => (&self.topic, gossip::encode(submission)),
            Outgoing::Claim(claim) => (&self.claims, gossip::encode_claim(claim)),
        };
        let topic = topic.hash();
        let data = match data {
            Ok(data) => data,
            Err(error) => {
                tracing::error!(%error, "this relayer has something to say that cannot be gossiped");
                return metrics::published("dropped");
            }
        };
        match self.swarm.behaviour_mut().gossip.publish(topic, data) {
            Ok(_) => metrics::published("sent"),
            Err(PublishError::Duplicate) => metrics::published("known"),
            Err(PublishError::NoPeersSubscribedToTopic) => metrics::published("unheard"),
            Err(error) => {
                tracing::debug!(%error, "not gossiped");
                metrics::published("dropped");
            }
        }
    }
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

async fn judge_claim<S: RelayService>(service: S, data: Vec<u8>) -> Verdict {
    match gossip::decode_claim(&data) {
        Ok(claim) => Verdict::of_claim(service.claim(claim).await),
        Err(verdict) => verdict,
    }
}
