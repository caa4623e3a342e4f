//! A mesh node with a recorder in the relayer's place.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wia_protocol::RpcError;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::Submission;
use wia_relayer::Origin;
use wia_relayer::mesh::{self, Client, Config, Keypair, Mesh, Multiaddr, PeerId, RelayService};

pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The `value` of a submission that is validated only when released.
pub(crate) const HELD: u64 = 9;

/// Fails the test when `what` takes longer than [`PATIENCE`].
pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("within the test's patience")
}

/// Remembers what the mesh handed in, and answers as told.
#[derive(Clone)]
pub(crate) struct Recorder {
    seen: Arc<watch::Sender<Vec<(Submission, Origin)>>>,
    started: Arc<watch::Sender<usize>>,
    gate: Arc<Semaphore>,
    refusal: Option<RpcError>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        Self {
            seen: Arc::new(watch::Sender::new(Vec::new())),
            started: Arc::new(watch::Sender::new(0)),
            gate: Arc::new(Semaphore::new(0)),
            refusal: None,
        }
    }

    /// Refuses gossip whose `value` is 0 with this.
    pub(crate) fn refusing(error: RpcError) -> Self {
        Self { refusal: Some(error), ..Self::new() }
    }

    /// Waits until gossip has brought `n` submissions, and returns their `value`s.
    pub(crate) async fn values(&self, n: usize) -> Vec<u64> {
        let mut seen = self.seen.subscribe();
        let seen = within(seen.wait_for(|s| s.len() >= n)).await.unwrap();
        seen.iter().map(|(s, _)| value_of(s)).collect()
    }

    pub(crate) fn origins(&self) -> Vec<Origin> {
        self.seen.borrow().iter().map(|(_, origin)| origin.clone()).collect()
    }

    /// Waits until `n` calls that wait at the gate have started.
    pub(crate) async fn started(&self, n: usize) {
        within(self.started.subscribe().wait_for(|s| *s >= n)).await.unwrap();
    }

    /// Lets `n` of them go on.
    pub(crate) fn release(&self, n: usize) {
        self.gate.add_permits(n);
    }

    async fn wait(&self) -> Value {
        self.started.send_modify(|n| *n += 1);
        self.gate.acquire().await.unwrap().forget();
        json!("waited")
    }
}

impl RelayService for Recorder {
    async fn call(&self, method: &str, params: &Value, origin: &Origin) -> Result<Value, RpcError> {
        match method {
            "relay.info" => Ok(json!({"origin": format!("{origin:?}"), "params": params})),
            "relay.status" | "relay.submit" => Ok(self.wait().await),
            "test.refuse" => Err(RpcError::invalid("nonce", "is used").with("block", 7)),
            "test.panic" => panic!("on purpose"),
            "test.fraction" => Ok(json!(0.5)),
            other => Err(RpcError::new(Code::MethodNotFound, "method", format!("`{other}` is not known"))),
        }
    }

    async fn submit(&self, submission: Submission, origin: &Origin) -> Result<(), RpcError> {
        let value = value_of(&submission);
        self.seen.send_modify(|seen| seen.push((submission, origin.clone())));
        if value == HELD {
            self.wait().await;
        }
        match &self.refusal {
            Some(error) if value == 0 => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

/// A running node; it stops when dropped.
pub(crate) struct Node {
    pub(crate) mesh: Mesh,
    pub(crate) peer_id: PeerId,
    pub(crate) service: Recorder,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Node {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(Recorder::new(), change).await
    }

    pub(crate) async fn with(service: Recorder, change: impl FnOnce(&mut Config)) -> Self {
        let listen = mesh::listen_addresses(Ipv4Addr::LOCALHOST.into(), 0);
        let mut config = Config { listen, ..Config::new(CHAIN_ID) };
        change(&mut config);
        let key = Keypair::generate_ed25519();
        let peer_id = key.public().to_peer_id();
        let (engine, mesh) = mesh::open(config, key, service.clone()).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(engine.run(stop.clone()));
        within(mesh.listening()).await.unwrap();
        Self { mesh, peer_id, service, stop, running }
    }

    pub(crate) fn tcp(&self) -> Multiaddr {
        self.mesh.addresses()[0].parse().unwrap()
    }

    pub(crate) fn quic(&self) -> Multiaddr {
        self.mesh.addresses()[1].parse().unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::dial(self.tcp(), PATIENCE).await.unwrap()
    }

    /// Waits until this node gossips with `n` peers.
    pub(crate) async fn gossips_with(&self, n: usize) {
        within(self.mesh.until(|health| health.gossip_peers >= n)).await.unwrap();
    }
}

/// A well-formed submission that differs from others by `value`; who signed it is the service's question.
pub(crate) fn submission(value: u64) -> Submission {
    Submission::parse(&json!({
        "chainId": CHAIN_ID.to_string(),
        "contract": "CarbonCredit",
        "action": "TransferWithAuthorization",
        "message": {
            "from": "0x00000000000000000000000000000000000000aa",
            "to": "0x00000000000000000000000000000000000000bb",
            "value": value.to_string(),
            "validAfter": "0",
            "validBefore": "4000000000",
            "nonce": format!("0x{value:064x}"),
        },
        "signature": format!("0x{}", "11".repeat(65)),
    }))
    .unwrap()
}

fn value_of(submission: &Submission) -> u64 {
    let params = submission.to_params();
    params["message"]["value"].as_str().unwrap().parse().unwrap()
}

/// The `data` member `key` of an error.
pub(crate) fn data<'a>(error: &'a RpcError, key: &str) -> &'a Value {
    &error.data.as_ref().unwrap()[key]
}
