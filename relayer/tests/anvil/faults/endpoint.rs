//! What stands between a relayer and its anvil on a real socket: JSON-RPC over HTTP goes through, and what a case says
//! of a method goes wrong.
//!
//! In: requests. Out: anvil's answers, or a fault's; and a count of the faults that were met.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use alloy::transports::http::reqwest;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use wia_relayer::RpcChain;

use crate::support::{Anvil, within};

/// What an endpoint does wrong with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// No answer at all.
    Silence,
    /// HTTP 500 with a page for people.
    Broken,
    /// A JSON-RPC error.
    Error(i64, &'static str),
    /// HTTP 200, and no JSON.
    Garbage,
    /// Anvil does what was asked, and its answer is lost on the way.
    LostAnswer,
    /// The quantity that anvil answers, so much off.
    Off(i64),
    /// The hash of the transaction; anvil never sees it.
    Swallowed,
    /// What was true when this was the latest block.
    Old(u64),
}

/// A running endpoint, gone when dropped.
pub(crate) struct Endpoint {
    shared: Arc<Shared>,
    port: u16,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    anvil: String,
    client: reqwest::Client,
    /// By method; `*` stands for all others.
    faults: Mutex<BTreeMap<&'static str, Fault>>,
    met: watch::Sender<usize>,
}

impl Endpoint {
    pub(crate) async fn before(anvil: &Anvil) -> Self {
        let shared = Arc::new(Shared {
            anvil: anvil.url(),
            client: reqwest::Client::new(),
            faults: Mutex::default(),
            met: watch::Sender::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let routes = axum::Router::new().route("/", post(answer)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { shared, port, _serving: AbortOnDropHandle::new(serving) }
    }

    /// The relayer's view through it. Heads come the same way, by polling.
    pub(crate) async fn chain(&self) -> Arc<RpcChain> {
        /// Answers of anvil take a few milliseconds; silence is to be found out soon.
        const TIMEOUT_MS: u64 = 500;
        let url = format!("http://127.0.0.1:{}", self.port);
        Arc::new(RpcChain::connect(&url, None, TIMEOUT_MS).await.unwrap())
    }

    /// From now on that happens to each request of `method`; `*` means all that have no fault of their own.
    pub(crate) fn set(&self, method: &'static str, fault: Fault) {
        self.shared.faults.lock().unwrap().insert(method, fault);
    }

    /// From now on it is honest and well.
    pub(crate) fn heal(&self) {
        self.shared.faults.lock().unwrap().clear();
    }

    /// How many requests have met a fault.
    pub(crate) fn met(&self) -> usize {
        *self.shared.met.borrow()
    }

    /// Waits until one more than `before` has.
    pub(crate) async fn met_since(&self, before: usize) {
        let mut met = self.shared.met.subscribe();
        within("the fault is met", met.wait_for(|met| *met > before)).await.unwrap();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let mut request: Value = serde_json::from_slice(&body).unwrap();
    let method = request["method"].as_str().unwrap().to_owned();
    let fault = {
        let faults = shared.faults.lock().unwrap();
        faults.get(method.as_str()).or_else(|| faults.get("*")).copied()
    };
    if fault.is_some() {
        shared.met.send_modify(|met| *met += 1);
    }
    let id = request["id"].clone();
    let result = |result: Value| axum::Json(json!({"jsonrpc": "2.0", "id": id, "result": result}));
    match fault {
        None => axum::Json(shared.ask(&request).await).into_response(),
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Broken) => {
            (StatusCode::INTERNAL_SERVER_ERROR, "<html><h1>500</h1></html>").into_response()
        }
        Some(Fault::Error(code, message)) => {
            let error = json!({"code": code, "message": message});
            axum::Json(json!({"jsonrpc": "2.0", "id": id, "error": error})).into_response()
        }
        Some(Fault::Garbage) => "<html>Welcome to this hotel's network</html>".into_response(),
        Some(Fault::LostAnswer) => {
            shared.ask(&request).await;
            (StatusCode::GATEWAY_TIMEOUT, "").into_response()
        }
        Some(Fault::Off(by)) => {
            let answer = shared.ask(&request).await;
            let truth = answer["result"].as_str().unwrap().strip_prefix("0x").unwrap();
            let lie = u64::from_str_radix(truth, 16).unwrap().saturating_add_signed(by);
            result(json!(format!("{lie:#x}"))).into_response()
        }
        Some(Fault::Swallowed) => {
            let raw = request["params"][0].as_str().unwrap();
            let raw: alloy::primitives::Bytes = raw.parse().unwrap();
            result(json!(alloy::primitives::keccak256(&raw))).into_response()
        }
        Some(Fault::Old(height)) => {
            for param in request["params"].as_array_mut().unwrap() {
                if *param == "latest" {
                    *param = json!(format!("{height:#x}"));
                }
            }
            axum::Json(shared.ask(&request).await).into_response()
        }
    }
}

impl Shared {
    async fn ask(&self, request: &Value) -> Value {
        let sent = self.client.post(&self.anvil).header("content-type", "application/json");
        let answer = sent.body(request.to_string()).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }
}
