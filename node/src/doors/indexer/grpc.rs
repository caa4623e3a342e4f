//! `wia.indexer.v1.Indexer` over gRPC (`protocol/proto/wia/indexer/v1/indexer.proto`), on the same listener: HTTP/2, paths
//! of the service's name, `content-type: application/grpc`. Serves C-006, C-007, C-089.
//!
//! A stream is read from the log as the client's flow control lets it: a reader that pauses costs a place and no memory.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::MethodRouter;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tonic::Status;
use tonic::codec::CompressionEncoding;
use wia_indexer::{EndpointHealth, Message, MessageKind};
use wia_protocol::generated::indexer::event::Type;
use wia_protocol::generated::indexer::indexer_server::{self, IndexerServer};
use wia_protocol::generated::indexer::subscribe_request::Depth;
use wia_protocol::generated::indexer::{
    Block, Endpoint, Event, Filter, GetStatusRequest, GetStatusResponse, SubscribeRequest,
};
use wia_protocol::indexer::Subscribe;
use wia_protocol::relay::MAX_MESSAGE_BYTES;

use super::Door;
use super::reader::{End, messages};
use crate::doors::lifeline::Lifeline;
use crate::doors::refusal::Refusal;
use crate::doors::{Counted, client, error};

/// The paths of the service.
pub(super) const PATHS: &str = "/wia.indexer.v1.Indexer/{method}";

/// The largest answer, bytes (C-089).
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// The service, as a route.
pub(super) fn route<S: Clone + Send + Sync + 'static>(door: Door) -> MethodRouter<S> {
    let service = IndexerServer::new(door)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_ANSWER_BYTES);
    axum::routing::post_service(service).layer(from_fn(only_grpc))
}

/// Whether that is what a gRPC client sends.
pub(in crate::doors) fn is_grpc(content_type: Option<&HeaderValue>) -> bool {
    content_type.is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"))
}

/// What a gRPC client hears of a path that is not there.
pub(in crate::doors) fn unknown_method() -> Response {
    Status::unimplemented("no such method; there is wia.indexer.v1.Indexer").into_http::<axum::body::Body>()
}

async fn only_grpc(request: Request, next: Next) -> Response {
    if is_grpc(request.headers().get(header::CONTENT_TYPE)) {
        return next.run(request).await;
    }
    let message = "this path speaks gRPC; the same is at /indexer/v1/events";
    error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
}

#[tonic::async_trait]
impl indexer_server::Indexer for Door {
    type SubscribeStream = BoxStream<'static, Result<Event, Status>>;

    async fn subscribe(
        &self,
        request: tonic::Request<SubscribeRequest>,
    ) -> Result<tonic::Response<Self::SubscribeStream>, Status> {
        let shared = &self.shared;
        let (metadata, extensions, asked) = request.into_parts();
        let (Some(ConnectInfo(peer)), Some(lifeline)) =
            (extensions.get::<ConnectInfo<SocketAddr>>(), extensions.get::<Lifeline>())
        else {
            return Err(Refusal::internal().into());
        };
        let asked = read(asked)?;
        let place = shared.stream_place(client(shared, peer.ip(), &metadata.into_headers()))?;
        let subscription = self.reader.subscribe(asked).await?;
        let held = (place, lifeline.stream(), Counted::new("wia_grpc_streams"));
        let first = Event {
            r#type: Type::Subscribed.into(),
            cursor: subscription.cursor(),
            recovered: subscription.recovered(),
            ..Event::default()
        };
        let chain_id = self.reader.chain_id();
        let messages = messages(subscription).take_until(shared.stop.clone().cancelled_owned());
        // Only a stop ends them without an end of their own.
        let messages = messages.chain(stream::once(async { Err(End::Stopping) }));
        let events = messages.map(move |message| {
            let _held = &held;
            message.map_err(Status::from).and_then(|message| event(&message, chain_id))
        });
        Ok(tonic::Response::new(stream::once(async { Ok(first) }).chain(events).boxed()))
    }

    async fn get_status(
        &self,
        _: tonic::Request<GetStatusRequest>,
    ) -> Result<tonic::Response<GetStatusResponse>, Status> {
        let reader = &self.reader;
        let status = reader.read(|indexer| Ok(indexer.status())).await?;
        Ok(tonic::Response::new(GetStatusResponse {
            chain_id: reader.chain_id(),
            state: status.health.state.name().to_owned(),
            reasons: status.health.reason().into_iter().collect(),
            head: status.head.map(|head| Block {
                number: head.number.0,
                hash: head.hash.to_string(),
                timestamp: head.timestamp.to_string(),
            }),
            chain_head: status.health.chain_head.map(|n| n.0),
            lag_blocks: status.health.lag_blocks,
            since_head_ms: status.health.since_head_ms,
            events: status.events,
            first_offset: status.first_offset.map(|o| o.0),
            next_offset: status.next_offset.0,
            log_bytes: status.bytes,
            endpoints: status.health.endpoints.into_iter().map(endpoint).collect(),
        }))
    }
}

fn endpoint(health: EndpointHealth) -> Endpoint {
    let EndpointHealth { endpoint, score, head, state } = health;
    Endpoint { endpoint, score, head: head.map(|n| n.0), state: state.to_string() }
}

/// A request, under the same rules as its JSON form.
fn read(request: SubscribeRequest) -> Result<Subscribe, Status> {
    let SubscribeRequest { filter, depth, promotions, cursor } = request;
    let Filter { contracts, events, addresses, topics, arguments } = filter.unwrap_or_default();
    let depth = match depth {
        None | Some(Depth::Finalized(false)) => Value::Null,
        Some(Depth::Finalized(true)) => json!("finalized"),
        Some(Depth::MinConfirmations(blocks)) => json!(blocks),
    };
    let params = json!({
        "filter": {
            "contracts": contracts,
            "events": events,
            "addresses": addresses,
            "topics": topics,
            "arguments": arguments,
        },
        "minConfirmations": depth,
        "promotions": promotions,
        "cursor": Some(cursor).filter(|cursor| !cursor.is_empty()),
    });
    Subscribe::parse(&params).map_err(|e| Refusal::from(e).into())
}

/// What a message's JSON says in words. It is written once for all readers; decoding the event anew for each is not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Words<'a> {
    contract_name: Option<String>,
    event: Option<String>,
    signature: Option<String>,
    #[serde(default)]
    arguments: Map<String, Value>,
    #[serde(borrow)]
    notification: Option<&'a RawValue>,
}

/// The message, field by field.
fn event(message: &Message, chain_id: u64) -> Result<Event, Status> {
    let (record, block) = (message.record(), &message.entry().block);
    let transaction = block.transactions.get(record.transaction as usize).copied().unwrap_or_default();
    let json = message.json();
    let words: Words<'_> = serde_json::from_str(&json).map_err(|error| {
        tracing::error!(%error, id = message.id(), "a message is no JSON");
        Status::from(End::Failed)
    })?;
    Ok(Event {
        r#type: match message.kind() {
            MessageKind::Event => Type::Event,
            MessageKind::Retracted => Type::Retracted,
            MessageKind::Finalized => Type::Finalized,
        }
        .into(),
        id: message.id(),
        cursor: message.cursor(),
        chain_id,
        block_number: block.number.0,
        block_hash: block.hash.to_string(),
        timestamp: block.timestamp().to_string(),
        transaction_hash: transaction.to_string(),
        log_index: record.log_index,
        contract: record.contract.to_checksum(None),
        contract_name: words.contract_name.unwrap_or_default(),
        event: words.event.unwrap_or_default(),
        signature: words.signature.unwrap_or_default(),
        arguments: texts(words.arguments),
        topics: record.topics.iter().map(|t| t.to_vec()).collect(),
        data: record.data.to_vec(),
        confirmations: message.confirmations(),
        recovered: false,
        notification: words.notification.map_or("", RawValue::get).to_owned(),
    })
}

/// Texts as they are, everything else as JSON.
fn texts(arguments: Map<String, Value>) -> std::collections::HashMap<String, String> {
    let text = |value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    arguments.into_iter().map(|(name, value)| (name, text(value))).collect()
}

impl From<End> for Status {
    fn from(end: End) -> Self {
        match end {
            End::Stopping => Status::unavailable(end.text()),
            End::Overtaken => Status::aborted(end.text()),
            End::Failed => Status::internal(end.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use wia_protocol::indexer::MinConfirmations;

    use super::*;

    #[test]
    fn a_request_means_what_its_json_means() {
        let filter = Filter {
            contracts: vec!["CarbonCredit".into()],
            arguments: [("value".into(), "5".into())].into(),
            ..Filter::default()
        };
        let request = SubscribeRequest {
            filter: Some(filter),
            depth: Some(Depth::MinConfirmations(3)),
            promotions: Some(false),
            cursor: "7.1".into(),
        };
        let json = json!({
            "filter": {"contracts": ["CarbonCredit"], "arguments": {"value": "5"}},
            "minConfirmations": 3, "promotions": false, "cursor": "7.1",
        });
        assert_eq!(read(request).unwrap(), Subscribe::parse(&json).unwrap());
        assert_eq!(read(SubscribeRequest::default()).unwrap(), Subscribe::parse(&Value::Null).unwrap());
        let finalized = SubscribeRequest { depth: Some(Depth::Finalized(true)), ..Default::default() };
        assert_eq!(read(finalized).unwrap().min_confirmations, MinConfirmations::Finalized);
        let too_deep = SubscribeRequest { depth: Some(Depth::MinConfirmations(129)), ..Default::default() };
        let refused = read(too_deep).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
        assert!(refused.message().contains("minConfirmations"), "{refused}");
    }

    #[test]
    fn arguments_are_texts_and_json() {
        let arguments = json!({"to": "0x1", "ids": ["1", "2"], "final": true});
        let Value::Object(arguments) = arguments else { unreachable!() };
        let told = texts(arguments);
        assert_eq!(
            (told["to"].as_str(), told["ids"].as_str(), told["final"].as_str()),
            ("0x1", r#"["1","2"]"#, "true")
        );
    }
}
