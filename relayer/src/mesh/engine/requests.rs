//! The request side of the engine: who is served, by what, and what is counted.
//!
//! In: requests as the codec read them. Out: tasks that call the service, answers, faults. A request over a
//! limit is answered at once with -32000 and `retryAfter`.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures::FutureExt;
use libp2p::PeerId;
use libp2p::request_response::{self, InboundRequestId, ResponseChannel};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::method;

use super::Engine;
use crate::Origin;
use crate::mesh::codec::{Call, Reply};
use crate::mesh::peers::Refused;
use crate::mesh::{RelayService, metrics};

/// A request under way.
pub(super) struct Answering {
    peer: PeerId,
    /// Reading can be given up when nobody waits for it any more; a submission goes on.
    pub(super) give_up: Option<AbortHandle>,
}

/// What the service said, and where it goes.
pub(super) struct Answer {
    peer: PeerId,
    channel: ResponseChannel<Reply>,
    reply: Reply,
}

impl<S: RelayService> Engine<S> {
    pub(super) fn on_requests(
        &mut self,
        event: request_response::Event<Result<Call, RpcError>, Reply>,
        now: Instant,
    ) {
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
        let reading = !matches!(call.method.as_str(), method::SUBMIT | method::SUBMIT_BATCH);
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

    pub(super) fn on_answer(&mut self, answer: Answer) {
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
}

/// What only a peer that does not speak the protocol is told; other refusals are a user's mistakes.
fn is_fault(error: &RpcError) -> bool {
    [Code::ParseError, Code::InvalidRequest, Code::MethodNotFound].iter().any(|c| c.row().0 == error.code)
}
