//! The only file that knows what a running node consists of, and in which order it ends.
//!
//! ```text
//! store ─┬─ indexer  (engine + handle) ─┐
//!        └─ relayer  (engine + handle) ─┼─ doors (HTTP, WebSocket)
//!                      └─ mesh (libp2p) ┘
//! ```
//!
//! Drain order: 1. doors (no new connection, sessions closed with 1001), 2. mesh, 3. relayer (the write in
//! hand is finished), 4. indexer (the block in hand is finished), 5. store (a last flush and fsync). In
//! `wia dev`, anvil comes after that. Whatever was acknowledged before is on disk at every moment, so a
//! killed node loses nothing either; draining is for those who are connected.

mod indexing;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::signers::local::PrivateKeySigner;
use futures::FutureExt;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wia_abi::{Deployment, carbon_credit};
use wia_indexer::IndexerError;
use wia_relayer::mesh::{self, MeshError};
use wia_relayer::{RelayerError, RpcChain};
use wia_store::{Store, StoreError};

use crate::config::{self, Config};
use crate::doors::{self, Services};
use crate::identity::{TokenError, Verifier};
use crate::keystore;
use crate::webhook;

/// How long one call to the chain's endpoint may take.
const CHAIN_TIMEOUT_MS: u64 = 10_000;

/// How long each step of the drain may take before the next one begins.
const DRAIN_STEP_TIMEOUT: Duration = Duration::from_secs(15);

/// How often readiness is looked at while starting.
const READY_POLL: Duration = Duration::from_millis(10);

/// How often histograms are folded.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("indexer: {0}")]
    Indexer(#[from] IndexerError),
    #[error("relayer: {0}")]
    Relayer(#[from] RelayerError),
    #[error("libp2p: {0}")]
    Mesh(#[from] MeshError),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Keystore(#[from] keystore::KeystoreError),
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: std::io::Error },
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("the deployment file is for chain {file}, the configuration says chain {config}")]
    ChainId { file: u64, config: u64 },
    #[error("webhook `{name}`: {field} {reason}")]
    Webhook { name: String, field: String, reason: String },
    #[error("metrics: {0}")]
    Metrics(String),
    #[error("{0} ended while the node was starting; the log says why")]
    Ended(&'static str),
}

/// Where a running node can be reached.
pub(crate) struct Endpoints {
    http: SocketAddr,
    /// libp2p addresses, TCP first.
    pub(crate) p2p: Vec<String>,
    pub(crate) rpc_url: String,
    pub(crate) deployment: Deployment,
}

impl Endpoints {
    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    pub(crate) fn ws_url(&self) -> String {
        format!("ws://{}/carbon-credit-micro/v1/stream", self.http)
    }

    pub(crate) fn relay_url(&self) -> String {
        format!("ws://{}/relay/v1", self.http)
    }

    /// Addresses in EIP-55 form, by deployment name.
    pub(crate) fn contracts(&self) -> BTreeMap<&str, String> {
        self.deployment
            .contracts
            .iter()
            .map(|(name, c)| (name.as_str(), c.address.to_checksum(None)))
            .collect()
    }
}

/// A running node.
pub(crate) struct Node {
    config: Config,
    deployment: Deployment,
    http: SocketAddr,
    store: Store,
    services: Arc<Services>,
    /// In drain order.
    rooms: Vec<Room>,
}

/// One part of the node: a task and how to stop it.
struct Room {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Starts every room. Returns as soon as they run; [`Node::ready`] waits until they work.
pub(crate) async fn start(config: Config) -> Result<Node, NodeError> {
    make_room_for_connections(&config.http);
    let deployment = read_deployment(&config)?;
    let metrics =
        PrometheusBuilder::new().install_recorder().map_err(|e| NodeError::Metrics(e.to_string()))?;
    let store = Store::open(&config.data_dir.join("store"))?;

    let (indexing, indexer) = wia_indexer::open(&store, indexing::config(&config, &deployment)?)?;
    // The relayer knows credits alone so far: other contracts' messages are refused as not served.
    let served = deployment.only(&[carbon_credit::NAME]);

    let mut webhooks = Vec::new();
    for webhook in &config.webhook {
        let (sink, receiver) = webhook::open(webhook, indexer.catalog())?;
        let (courier, view) = indexer.courier(&store, sink, Box::new(receiver))?;
        webhooks.push((courier, view));
    }

    let chain =
        RpcChain::connect(&config.chain.http_url, config.chain.ws_url.as_deref(), CHAIN_TIMEOUT_MS).await?;
    let relayer_config = wia_relayer::Config {
        deployment: served,
        rpc_url_for_wallets: config.chain.public_rpc_url.clone(),
        ..config.relayer.tuning.clone()
    };
    let (relaying, relayer) =
        wia_relayer::open(&store, relayer_config, Arc::new(chain), lane_key(&config.relayer)?).await?;

    let identity = mesh::identity(&config.data_dir.join("p2p.key"))?;
    let (meshing, mesh) = mesh::open(mesh_config(&config)?, identity, relayer.clone())?;

    let verifier = Verifier::new(&config.identity)?;
    let address = config.http.address();
    let listener =
        TcpListener::bind(address).await.map_err(|reason| NodeError::Listen { address, reason })?;
    let http = listener.local_addr().map_err(|reason| NodeError::Listen { address, reason })?;
    let metrics_upkeep = metrics.clone();
    let (couriers, views): (Vec<_>, Vec<_>) = webhooks.into_iter().unzip();
    let services = Arc::new(Services {
        config: config.http.clone(),
        indexer,
        relayer,
        mesh,
        verifier,
        metrics,
        webhooks: views,
    });
    let serving = services.clone();

    let mut rooms = vec![
        Room::open("doors", |stop| doors::serve(listener, serving, stop).map(Ok::<_, Infallible>)),
        Room::open("mesh", |stop| meshing.run(stop).map(Ok::<_, Infallible>)),
        Room::open("relayer", |stop| relaying.run(stop)),
        Room::open("indexer", |stop| indexing.run(stop)),
        Room::open("metrics", |stop| keep_up(metrics_upkeep, stop).map(Ok::<_, Infallible>)),
    ];
    // Before the indexer: what it commits while it ends is carried after the next start.
    let couriers = couriers.into_iter().map(|courier| Room::open("webhook", |stop| courier.run(stop)));
    rooms.splice(2..2, couriers);
    Ok(Node { config, deployment, http, store, services, rooms })
}

/// Histograms gather samples until somebody reads them; this bounds what gathers when nobody does.
async fn keep_up(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(METRICS_UPKEEP);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        metrics.run_upkeep();
    }
}

impl Room {
    fn open<F, E>(name: &'static str, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display,
    {
        let stop = CancellationToken::new();
        let running = run(stop.clone());
        let task = tokio::spawn(async move {
            match running.await {
                Ok(()) => tracing::debug!(room = name, "ended"),
                // The others go on: what is acknowledged is safe, and /readyz says what is wrong.
                Err(error) => tracing::error!(room = name, %error, "stopped; an operator must look at this"),
            }
        });
        Self { name, stop, task }
    }
}

impl Node {
    /// Waits until messages and events flow, for as long as the chain does not answer: a node may be started
    /// before its chain.
    pub(crate) async fn ready(&self) -> Result<Endpoints, NodeError> {
        self.services.mesh.listening().await?;
        let p2p = self.services.mesh.addresses();
        self.services.relayer.set_p2p_addresses(p2p.clone());
        while !self.services.reasons_not_ready().is_empty() {
            if let Some(room) = self.rooms.iter().find(|r| r.task.is_finished()) {
                return Err(NodeError::Ended(room.name));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Ok(Endpoints {
            http: self.http,
            p2p,
            rpc_url: self.config.chain.shown_url(),
            deployment: self.deployment.clone(),
        })
    }

    /// Ends the rooms in drain order.
    pub(crate) async fn drain(self) {
        for room in self.rooms {
            room.stop.cancel();
            if timeout(DRAIN_STEP_TIMEOUT, room.task).await.is_err() {
                tracing::warn!(room = room.name, "did not end in time; going on with the next");
            }
        }
        if let Err(error) = self.store.durable().await {
            tracing::error!(%error, "the last flush failed");
        }
        tracing::info!("stopped");
    }
}

/// Every connection is a file descriptor. Asks for as many as may be had, and says so when the limits of the
/// configuration are beyond them: the store and the chain need some too.
fn make_room_for_connections(http: &config::Http) {
    /// For the store, the chain, libp2p and the standard streams.
    const OTHERS: u64 = 1_024;
    let wanted = (http.max_connections + http.max_http_connections) as u64 + OTHERS;
    match rlimit::increase_nofile_limit(wanted) {
        Ok(limit) if limit < wanted => {
            tracing::warn!(
                limit,
                wanted,
                "few file descriptors: lower http.max_connections, or raise ulimit -n"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of file descriptors could not be raised"),
    }
}

fn read_deployment(config: &Config) -> Result<Deployment, NodeError> {
    let path = &config.chain.deployment;
    let failed = |reason: String| NodeError::File { path: path.clone(), reason };
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let deployment: Deployment = serde_json::from_str(&text).map_err(|e| failed(e.to_string()))?;
    if deployment.chain_id != config.chain.id {
        return Err(NodeError::ChainId { file: deployment.chain_id, config: config.chain.id });
    }
    Ok(deployment)
}

fn mesh_config(config: &Config) -> Result<mesh::Config, NodeError> {
    let listen = mesh::listen_addresses(config.p2p.host, config.p2p.port);
    let mut mesh = mesh::Config { listen, chain_id: config.chain.id, ..config.p2p.tuning.clone() };
    for peer in &config.p2p.bootstrap {
        let address = peer.parse().map_err(|e| NodeError::File {
            path: "p2p.bootstrap".into(),
            reason: format!("`{peer}` is no multiaddr: {e}"),
        })?;
        mesh.bootstrap.push(address);
    }
    Ok(mesh)
}

/// The lane's key: a keystore when the file is JSON, else hex.
fn lane_key(config: &config::Relayer) -> Result<PrivateKeySigner, NodeError> {
    let path = &config.key_file;
    let failed = |reason: String| NodeError::File { path: path.clone(), reason };
    let text = std::fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    if !text.trim_start().starts_with('{') {
        // The parser's own message could repeat part of the key.
        return text
            .trim()
            .parse()
            .map_err(|_| failed("is neither a keystore nor a private key in hex".into()));
    }
    let password_file = config
        .password_file
        .as_ref()
        .ok_or_else(|| failed("is a keystore, and relayer.password_file is not set".into()))?;
    let password = keystore::password(Some(password_file), "")?;
    Ok(keystore::open(path, &password)?)
}
