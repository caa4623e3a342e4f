//! An endpoint on real sockets that serves a chain from memory, and does to its clients what it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use alloy::primitives::{Address, B256};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::task::AbortOnDropHandle;
use wia_indexer::Endpoint as Urls;

use crate::chain::{Block, Chain, quantity};

/// What an endpoint does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Of each answer with logs, the last one is missing.
    DropsLogs,
    /// As before, and it knows no receipts.
    DropsLogsWithoutReceipts,
    /// Its head is this many blocks behind the chain's.
    OldHeads(usize),
    /// Every call is an error.
    Errors,
    /// HTTP 429, and to come back after so many seconds.
    TooMany(u64),
    /// A rate limit said in JSON-RPC.
    LimitInJson,
    /// Answers to more than one block of logs are longer than anybody takes.
    Huge,
    /// No JSON.
    Garbage,
    /// Another chain id.
    OtherChain,
    /// Another block 0.
    OtherGenesis,
    /// No answer at all.
    Hangs,
    /// Half an answer.
    Cuts,
    /// Says that it is syncing, and has only this many of its blocks.
    Syncing(usize),
    /// Takes at most this many blocks of logs, and says so.
    NarrowRanges(u64),
    /// Knows no batches.
    NoBatches,
}

/// What is shared with the server.
struct Shared {
    chain: Arc<Mutex<Chain>>,
    heads: broadcast::Sender<Arc<Block>>,
    fault: Mutex<Option<Fault>>,
    /// Methods that were asked for, the last ones.
    asked: Mutex<VecDeque<String>>,
}

/// A running endpoint; gone when dropped.
pub(crate) struct Endpoint {
    shared: Arc<Shared>,
    port: u16,
    pushes: bool,
    _serving: AbortOnDropHandle<()>,
}

impl Endpoint {
    /// Serves the chain on a free port.
    pub(crate) async fn serve(chain: Arc<Mutex<Chain>>, pushes: bool) -> Self {
        let (fault, asked) = (Mutex::default(), Mutex::default());
        let shared = Arc::new(Shared { chain, heads: broadcast::channel(64).0, fault, asked });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = axum::Router::new().route("/", post(answer).get(upgrade)).with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { shared, port, pushes, _serving: AbortOnDropHandle::new(serving) }
    }

    pub(crate) fn urls(&self) -> Urls {
        let ws_url = self.pushes.then(|| format!("ws://127.0.0.1:{}", self.port));
        Urls { http_url: format!("http://127.0.0.1:{}", self.port), ws_url }
    }

    pub(crate) fn set(&self, fault: Option<Fault>) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// Pushes heads to those who subscribed.
    pub(crate) fn push(&self, heads: impl IntoIterator<Item = Arc<Block>>) {
        for head in heads {
            // Nobody may be listening.
            let _ = self.shared.heads.send(head);
        }
    }

    /// Whether it was asked for that lately.
    pub(crate) fn was_asked(&self, method: &str) -> bool {
        self.shared.asked.lock().unwrap().iter().any(|m| m == method)
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let call: Value = serde_json::from_slice(&body).unwrap();
    let fault = *shared.fault.lock().unwrap();
    match fault {
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Garbage) => return "<html>busy</html>".into_response(),
        Some(Fault::TooMany(seconds)) => {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response();
        }
        Some(Fault::Cuts) => {
            let half = futures::stream::iter([
                Ok("{\"jsonrpc\":\"2.0\",\"id\":0,\"resu"),
                Err(std::io::Error::other("cut")),
            ]);
            return Body::from_stream(half).into_response();
        }
        _ => {}
    }
    let answer = match &call {
        Value::Array(_) if fault == Some(Fault::NoBatches) => {
            json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32600, "message": "no batches here" } })
        }
        Value::Array(calls) => calls.iter().map(|c| shared.one(c, fault)).collect(),
        call => shared.one(call, fault),
    };
    axum::Json(answer).into_response()
}

async fn upgrade(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| push_heads(shared, socket))
}

async fn push_heads(shared: Arc<Shared>, mut socket: WebSocket) {
    let mut heads = shared.heads.subscribe();
    loop {
        let text = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    let fault = *shared.fault.lock().unwrap();
                    shared.one(&serde_json::from_str(&text).unwrap(), fault).to_string()
                }
                Some(Ok(_)) => continue,
                _ => return,
            },
            head = heads.recv() => match head {
                Ok(head) if shared.fault.lock().unwrap().is_none() => {
                    let params = json!({ "subscription": "0x1", "result": head.header });
                    json!({ "jsonrpc": "2.0", "method": "eth_subscription", "params": params }).to_string()
                }
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                Err(broadcast::error::RecvError::Closed) => return,
            },
        };
        if socket.send(Message::Text(text.into())).await.is_err() {
            return;
        }
    }
}

impl Shared {
    fn one(&self, call: &Value, fault: Option<Fault>) -> Value {
        let method = call["method"].as_str().unwrap();
        {
            let mut asked = self.asked.lock().unwrap();
            asked.push_back(method.to_owned());
            if asked.len() > 1_000 {
                asked.pop_front();
            }
        }
        match self.result(method, &call["params"], fault) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": call["id"], "result": result }),
            Err((code, message)) => {
                let error = json!({ "code": code, "message": message });
                json!({ "jsonrpc": "2.0", "id": call["id"], "error": error })
            }
        }
    }

    fn result(&self, method: &str, params: &Value, fault: Option<Fault>) -> Result<Value, (i64, String)> {
        match fault {
            Some(Fault::Errors) => return Err((-32_000, "internal error".into())),
            Some(Fault::LimitInJson) => return Err((-32_005, "daily request count exceeded".into())),
            _ => {}
        }
        let chain = self.chain.lock().unwrap();
        let visible = match fault {
            Some(Fault::OldHeads(behind)) => chain.canonical.len().saturating_sub(behind).max(1),
            Some(Fault::Syncing(blocks)) => blocks.min(chain.canonical.len()),
            _ => chain.canonical.len(),
        };
        let canonical = &chain.canonical[..visible];
        Ok(match method {
            "eth_chainId" if fault == Some(Fault::OtherChain) => json!("0x63"),
            "eth_chainId" => json!(format!("0x{:x}", chain.chain_id)),
            "eth_syncing" if matches!(fault, Some(Fault::Syncing(_))) => json!({ "currentBlock": "0x1" }),
            "eth_syncing" => json!(false),
            "eth_subscribe" => json!("0x1"),
            "eth_getBlockByNumber" => {
                let block = match quantity(&params[0]) {
                    Some(number) => usize::try_from(number).ok().and_then(|place| canonical.get(place)),
                    None => canonical.last(),
                };
                let mut found = block.map_or(Value::Null, |b| b.header.clone());
                if fault == Some(Fault::OtherGenesis) && params[0] == "0x0" {
                    found["hash"] = json!(B256::repeat_byte(0x66));
                }
                found
            }
            "eth_getBlockByHash" => by_hash(&chain, &params[0]).map_or(Value::Null, |b| b.header.clone()),
            "eth_getLogs" => return logs(&chain, canonical, &params[0], fault),
            "eth_getBlockReceipts" if fault != Some(Fault::DropsLogsWithoutReceipts) => {
                by_hash(&chain, &params[0]).map_or(Value::Null, |b| b.receipts.clone())
            }
            other => return Err((-32_601, format!("the method {other} does not exist"))),
        })
    }
}

fn logs(
    chain: &Chain,
    canonical: &[Arc<Block>],
    filter: &Value,
    fault: Option<Fault>,
) -> Result<Value, (i64, String)> {
    let blocks: Vec<&Arc<Block>> = match filter.get("blockHash") {
        Some(hash) => by_hash(chain, hash).into_iter().collect(),
        None => {
            let (from, to) = (quantity(&filter["fromBlock"]).unwrap(), quantity(&filter["toBlock"]).unwrap());
            match fault {
                Some(Fault::NarrowRanges(limit)) if to - from + 1 > limit => {
                    return Err((-32_602, format!("block range is limited to {limit}")));
                }
                Some(Fault::Huge) if to > from => return Ok(json!("x".repeat(200_000))),
                _ => {}
            }
            canonical.iter().filter(|b| (from..=to).contains(&b.number)).collect()
        }
    };
    let wanted: Vec<Address> = serde_json::from_value(filter["address"].clone()).unwrap();
    let of_blocks = blocks.into_iter().flat_map(|b| b.logs.iter().map(move |log| (b.hash, log)));
    let mut found: Vec<_> = of_blocks.filter(|(_, (address, _))| wanted.contains(address)).collect();
    if matches!(fault, Some(Fault::DropsLogs | Fault::DropsLogsWithoutReceipts)) {
        // All of the last block that has any: what is left of a block may well be all that its bloom speaks of.
        let last = found.last().map(|(hash, _)| *hash);
        found.retain(|(hash, _)| Some(*hash) != last);
    }
    Ok(found.into_iter().map(|(_, (_, log))| log.clone()).collect())
}

fn by_hash<'c>(chain: &'c Chain, hash: &Value) -> Option<&'c Arc<Block>> {
    chain.all.get(&hash.as_str()?.parse::<B256>().ok()?)
}
