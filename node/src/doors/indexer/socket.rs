//! `/indexer/v1/events` over WebSocket: `indexer.subscribe`, `indexer.unsubscribe`, `indexer.status`.
//!
//! Each message of a subscription is one frame, `indexer.event`; those of one block leave together. A subscription that
//! retention has overtaken is too slow; it resumes from its cursor and is told that something is missing.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::Instant;
use wia_indexer::{EventSubscription, Message};
use wia_protocol::RpcError;
use wia_protocol::indexer::Subscribe;
use wia_protocol::jsonrpc::Code;

use super::reader::{End, Reader, messages};
use super::rest;
use crate::doors::refusal::Refusal;
use crate::doors::session::{Close, Methods, Opened, Pushes, Step, unknown_method};

/// The methods of the indexer's stream.
pub(crate) struct IndexerStream {
    reader: Reader,
    max_subscriptions: usize,
    subscribed: u64,
    open: Arc<Mutex<BTreeSet<String>>>,
}

impl IndexerStream {
    pub(crate) fn new(reader: Reader, max_subscriptions: usize) -> Self {
        Self { reader, max_subscriptions, subscribed: 0, open: Arc::default() }
    }

    fn subscribe(&mut self, params: &Value, open: usize) -> Result<Step, RpcError> {
        if open >= self.max_subscriptions {
            let reason = format!("{open} subscriptions are open; the most is {}", self.max_subscriptions);
            return Err(RpcError::new(Code::ServerError, "subscription", reason));
        }
        let asked = Subscribe::parse(params)?;
        self.subscribed += 1;
        let (reader, id, known) = (self.reader.clone(), self.subscribed.to_string(), self.open.clone());
        let opening = async move {
            let subscription = reader.subscribe(asked).await.map_err(Refusal::into_rpc)?;
            let result = json!({
                "subscription": id,
                "cursor": subscription.cursor(),
                "recovered": subscription.recovered(),
            });
            lock(&known).insert(id.clone());
            Ok(Opened { result, stream: (id.clone(), pushes(subscription, &id)) })
        };
        Ok(Step::Opening(opening.boxed()))
    }

    fn unsubscribe(&mut self, params: &Value) -> Result<Step, RpcError> {
        let id = params.get("subscription").and_then(Value::as_str);
        let id = id.ok_or_else(|| RpcError::invalid("subscription", "must be a string"))?;
        if !lock(&self.open).remove(id) {
            return Err(RpcError::not_found("subscription", "is not open on this connection"));
        }
        let result = json!({"unsubscribed": true, "subscription": id});
        Ok(Step::Streams { result, started: Vec::new(), ended: vec![id.to_owned()] })
    }
}

impl Methods for IndexerStream {
    fn call(&mut self, method: &str, params: Value, open: usize) -> Step {
        let outcome = match method {
            "indexer.subscribe" => self.subscribe(&params, open),
            "indexer.unsubscribe" => self.unsubscribe(&params),
            "indexer.status" => {
                let reader = self.reader.clone();
                let status = async move { rest::status_of(&reader).await.map_err(Refusal::into_rpc) };
                Ok(Step::Later(status.boxed()))
            }
            other => Err(unknown_method(other)),
        };
        outcome.unwrap_or_else(|error| Step::Done(Err(error)))
    }

    fn deadline(&self) -> Option<(Instant, Close)> {
        None
    }
}

fn pushes(subscription: EventSubscription, id: &str) -> Pushes {
    let begin: Arc<str> = format!(
        r#"{{"jsonrpc":"2.0","method":"indexer.event","params":{{"subscription":{},"#,
        Value::from(id)
    )
    .into();
    // Written out one by one, as the socket takes them.
    let frame = move |message: Message| format!("{begin}{}}}}}", message.members());
    messages(subscription).map(move |message| message.map(&frame).map_err(close)).boxed()
}

fn close(end: End) -> Close {
    match end {
        End::Stopping => Close::STOPPING,
        End::Overtaken => Close::SLOW,
        End::Failed => Close::SERVER_ERROR,
    }
}

fn lock(open: &Mutex<BTreeSet<String>>) -> MutexGuard<'_, BTreeSet<String>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}
