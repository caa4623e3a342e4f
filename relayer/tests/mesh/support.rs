//! A mesh node with a recorder in the relayer's place.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wia_protocol::jsonrpc::Code;
use wia_protocol::relay::{Claim, Submission};
use wia_protocol::{RpcError, Timestamp};
use wia_relayer::mesh::{self, Client, Config, Keypair, Mesh, Multiaddr, PeerId, RelayService};
use wia_relayer::{ClaimNews, Origin, Outgoing};

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
    claims: Arc<watch::Sender<Vec<Claim>>>,
    says: mpsc::Sender<Outgoing>,
    said: Arc<Mutex<mpsc::Receiver<Outgoing>>>,
    alone: bool,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let (says, said) = mpsc::channel(64);
        Self {
            claims: Arc::new(watch::Sender::new(Vec::new())),
            says,
            said: Arc::new(Mutex::new(said)),
            alone: false,
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

    /// Shares its work with nobody.
    pub(crate) fn alone() -> Self {
        Self { alone: true, ..Self::new() }
    }

    /// Has something to say.
    pub(crate) async fn say(&self, outgoing: Outgoing) {
        self.says.send(outgoing).await.unwrap();
    }

    /// Waits until gossip has brought `n` claims, and returns their `untilBlock`s.
    pub(crate) async fn claims(&self, n: usize) -> Vec<u64> {
        let mut claims = self.claims.subscribe();
        let claims = within(claims.wait_for(|c| c.len() >= n)).await.unwrap();
        claims.iter().map(|c| c.until_block).collect()
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

    fn shares(&self) -> bool {
        !self.alone
    }

    /// A claim up to block 0 is forged, one up to block 1 is old news.
    async fn claim(&self, claim: Claim) -> ClaimNews {
        let news = match claim.until_block {
            0 => ClaimNews::Forged,
            1 => ClaimNews::Nothing,
            _ => ClaimNews::Heard,
        };
        self.claims.send_modify(|claims| claims.push(claim));
        news
    }

    async fn outgoing(&self) -> Outgoing {
        match self.said.lock().await.recv().await {
            Some(outgoing) => outgoing,
            None => std::future::pending().await,
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
        // Who knows whom is what a test says.
        config.discovery.kademlia = false;
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

    /// Waits until `n` peers take this node's claims.
    pub(crate) async fn shares_with(&self, n: usize) {
        within(self.mesh.until(|health| health.claim_peers >= n)).await.unwrap();
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

/// A claim of some messages, or of none.
pub(crate) fn claim(until_block: u64, ids: usize) -> Claim {
    Claim {
        relayer: Address::repeat_byte(1),
        issued_at: Timestamp(1_736_942_400_007),
        until_block,
        relay_ids: vec![B256::repeat_byte(2); ids],
        signature: vec![0x11; 65].into(),
    }
}

fn value_of(submission: &Submission) -> u64 {
    let params = submission.to_params();
    params["message"]["value"].as_str().unwrap().parse().unwrap()
}

/// The `data` member `key` of an error.
pub(crate) fn data<'a>(error: &'a RpcError, key: &str) -> &'a Value {
    &error.data.as_ref().unwrap()[key]
}
