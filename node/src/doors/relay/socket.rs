//! `/relay/v1`: the relay methods over WebSocket, open to anyone within the relayer's quotas.

use std::net::IpAddr;

use futures::stream::unfold;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::Instant;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::{Code, Notification};
use wia_protocol::relay::{Watch, method};
use wia_relayer::{Origin, Relayer, Updates};

use super::Door;
use crate::doors::connections::Place;
use crate::doors::session::{Close, Methods, Pushes, Step, unknown_method};

/// The methods of `/relay/v1`.
pub(crate) struct RelayStream {
    calls: RelayCalls,
}

impl RelayStream {
    pub(crate) fn new(door: &Door, client: IpAddr) -> Self {
        Self { calls: RelayCalls::new(door, client, Origin::Ip(client)) }
    }
}

impl Methods for RelayStream {
    fn call(&mut self, method: &str, params: Value, open: usize) -> Step {
        self.calls.call(method, params, open)
    }

    fn deadline(&self) -> Option<(Instant, Close)> {
        None
    }

    fn takes_large(&self, method: &str) -> bool {
        method == method::SUBMIT_BATCH
    }
}

/// `relay.*` on any stream.
pub(crate) struct RelayCalls {
    door: Door,
    client: IpAddr,
    origin: Origin,
    subscribed: u64,
}

impl RelayCalls {
    /// For a connection of `client`, which may be in another's name.
    pub(crate) fn new(door: &Door, client: IpAddr, origin: Origin) -> Self {
        Self { door: door.clone(), client, origin, subscribed: 0 }
    }

    fn relayer(&self) -> &Relayer {
        &self.door.relaying.relayer
    }

    pub(crate) fn call(&mut self, method: &str, params: Value, open: usize) -> Step {
        match method {
            method::SUBSCRIBE => self.subscribe(&params, open).unwrap_or_else(|error| Step::Done(Err(error))),
            method::SUBMIT_BATCH => match self.door.batch_place(self.client) {
                Some(place) => self.later(method, params, Some(place)),
                None => Step::Done(Err(too_many_batches())),
            },
            method::SUBMIT | method::STATUS | method::INFO => self.later(method, params, None),
            other => Step::Done(Err(unknown_method(other))),
        }
    }

    /// A call of the relayer; its place, if it needs one, is held until it is answered.
    fn later(&self, method: &str, params: Value, place: Option<Place>) -> Step {
        let (relayer, origin, method) = (self.relayer().clone(), self.origin.clone(), method.to_owned());
        let answer = async move {
            let answer = relayer.call(&method, &params, &origin).await;
            drop(place);
            answer
        };
        Step::Later(answer.boxed())
    }

    fn subscribe(&mut self, params: &Value, open: usize) -> Result<Step, RpcError> {
        let most = self.door.shared.services.config.max_subscriptions;
        if open >= most {
            let reason = format!("{open} subscriptions are open; the most is {most}");
            return Err(RpcError::new(Code::ServerError, "relayIds", reason));
        }
        let watch = Watch::parse(params)?;
        let result = match &watch {
            Watch::Ids(ids) => json!({"subscribed": true, "relayIds": ids}),
            Watch::Signer(address) => json!({"subscribed": true, "address": address}),
        };
        let updates = self.relayer().watch(watch, &self.origin)?;
        self.subscribed += 1;
        let started = vec![(format!("relay:{}", self.subscribed), pushes(updates))];
        Ok(Step::Streams { result, started, ended: Vec::new() })
    }
}

fn pushes(updates: Updates) -> Pushes {
    unfold(updates, |mut updates| async move {
        match updates.next().await {
            Some(update) => Some((Ok(Notification::new(method::UPDATE, update).text()), updates)),
            None if updates.lagged() => Some((Err(Close::SLOW), updates)),
            None => None,
        }
    })
    .boxed()
}

/// The refusal of a batch while as many are in hand as there may be.
pub(super) fn too_many_batches() -> RpcError {
    let reason =
        "as many batches are being taken as this node allows, in all or from here; send it again in a moment";
    RpcError::rate_limited("messages", reason, 1)
}
