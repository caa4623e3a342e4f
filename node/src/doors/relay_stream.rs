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

use super::session::{Close, Methods, Pushes, Step};
use super::{Relaying, Services};

/// The methods of `/relay/v1`.
pub(crate) struct RelayStream {
    calls: RelayCalls,
}

impl RelayStream {
    pub(crate) fn new(services: &Services, relaying: &Relaying, peer: IpAddr) -> Self {
        Self { calls: RelayCalls::new(services, relaying, Origin::Ip(peer)) }
    }
}

impl Methods for RelayStream {
    fn call(&mut self, method: &str, params: Value, open: usize) -> Step {
        self.calls.call(method, params, open)
    }

    fn deadline(&self) -> Option<(Instant, Close)> {
        None
    }
}

/// `relay.*` on any stream.
pub(crate) struct RelayCalls {
    relayer: Relayer,
    origin: Origin,
    max_subscriptions: usize,
    subscribed: u64,
}

impl RelayCalls {
    pub(crate) fn new(services: &Services, relaying: &Relaying, origin: Origin) -> Self {
        Self {
            relayer: relaying.relayer.clone(),
            origin,
            max_subscriptions: services.config.max_subscriptions,
            subscribed: 0,
        }
    }

    pub(crate) fn call(&mut self, method: &str, params: Value, open: usize) -> Step {
        match method {
            method::SUBSCRIBE => self.subscribe(&params, open).unwrap_or_else(|error| Step::Done(Err(error))),
            method::SUBMIT | method::STATUS | method::INFO => {
                let (relayer, origin, method) =
                    (self.relayer.clone(), self.origin.clone(), method.to_owned());
                Step::Later(async move { relayer.call(&method, &params, &origin).await }.boxed())
            }
            other => Step::Done(Err(unknown_method(other))),
        }
    }

    fn subscribe(&mut self, params: &Value, open: usize) -> Result<Step, RpcError> {
        if open >= self.max_subscriptions {
            let reason = format!("{open} subscriptions are open; the most is {}", self.max_subscriptions);
            return Err(RpcError::new(Code::ServerError, "relayIds", reason));
        }
        let watch = Watch::parse(params)?;
        let result = match &watch {
            Watch::Ids(ids) => json!({"subscribed": true, "relayIds": ids}),
            Watch::Signer(address) => json!({"subscribed": true, "address": address}),
        };
        let updates = self.relayer.watch(watch, &self.origin)?;
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

/// -32601 for a method that this stream does not have.
pub(crate) fn unknown_method(method: &str) -> RpcError {
    RpcError::new(Code::MethodNotFound, "method", format!("`{method}` is not a method of this stream"))
}
