//! The only file that knows what a running node consists of, and in which order it ends.
//!
//! ```text
//! store ─┬─ indexer  (engine + handle) ─┐
//!        └─ relayer  (engine + handle) ─┼─ doors (HTTP, WebSocket, SSE)
//!                      └─ mesh (libp2p) ┘
//! ```
//!
//! `wia dev` and `wia node` run all of it. `wia indexer` runs store, indexer, webhooks and those doors that need no more;
//! `wia relayer` store, relayer, mesh and theirs. What does not run is not opened, its sections of the configuration are not
//! looked at, and the paths of its doors are not there.
//!
//! Drain order: 1. doors (no new connection, sessions closed with 1001), 2. mesh, 3. relayer (the write in
//! hand is finished), 4. webhooks, 5. indexer (the block in hand is finished), 6. store (a last flush and fsync). In
//! `wia dev`, anvil comes after that. Whatever was acknowledged before is on disk at every moment, so a
//! killed node loses nothing either; draining is for those who are connected.

mod followed_chain;
mod indexing;
mod metering;
mod relaying;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use wia_abi::Deployment;
use wia_indexer::IndexerError;
use wia_relayer::RelayerError;
use wia_relayer::mesh::MeshError;
use wia_store::{Store, StoreError};

use crate::config::{self, Config};
use crate::doors::{self, Services};
use crate::identity::{TokenError, Verifier};
use crate::keystore;
use crate::remote_signer::NoUrl;

/// The room without which nobody is told anything.
const INDEXER: &str = "indexer";

/// The room without which nothing is taken.
const RELAYER: &str = "relayer";

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
    #[error("relayer.lane_signer: {0}")]
    Signer(#[from] NoUrl),
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: SocketAddr, reason: std::io::Error },
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("the configuration has no section `relayer`; only `wia indexer` runs without")]
    NoRelayer,
    #[error("the deployment file is for chain {file}, the configuration says chain {config}")]
    ChainId { file: u64, config: u64 },
    #[error("webhook `{name}`: {field} {reason}")]
    Webhook { name: String, field: String, reason: String },
    #[error("[[follow]] `{name}`: the name is another contract's, too; give it one of its own")]
    Follow { name: String },
    #[error("metrics: {0}")]
    Metrics(String),
    #[error("{0} ended; the log says why")]
    Ended(&'static str),
}

/// What of a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parts {
    /// Everything.
    All,
    /// The indexer with its doors.
    Indexer,
    /// The relayer and the mesh with their doors.
    Relayer,
}

impl Parts {
    pub(crate) fn indexes(self) -> bool {
        self != Self::Relayer
    }

    pub(crate) fn relays(self) -> bool {
        self != Self::Indexer
    }
}

/// Where a running node can be reached.
pub(crate) struct Endpoints {
    pub(crate) parts: Parts,
    http: SocketAddr,
    /// libp2p addresses, TCP first; none where the indexer runs alone.
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
    parts: Parts,
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
    /// Cancelled when it has ended, however.
    ended: CancellationToken,
    task: JoinHandle<()>,
}

/// Starts the rooms of `parts`. Returns as soon as they run; [`Node::ready`] waits until they work.
pub(crate) async fn start(config: Config, parts: Parts) -> Result<Node, NodeError> {
    make_room_for_connections(&config.http);
    let deployment = read_deployment(&config)?;
    let metrics = metering::install().map_err(|e| NodeError::Metrics(e.to_string()))?;
    let store = Store::open(&config.data_dir.join("store"))?;

    let (indexing, indexer) = match parts.indexes() {
        true => Some(indexing::open(&config, &store, &deployment)?).unzip(),
        false => (None, None),
    };
    let (relaying, relayer) = match parts.relays() {
        true => {
            let log = indexing.as_ref().map(|indexing| &indexing.indexer);
            Some(relaying::open(&config, &store, &deployment, log).await?).unzip()
        }
        false => (None, None),
    };
    let verifier = match parts {
        Parts::All => Some(Arc::new(Verifier::new(&config.identity)?)),
        Parts::Indexer | Parts::Relayer => None,
    };

    let address = config.http.address();
    let listener =
        TcpListener::bind(address).await.map_err(|reason| NodeError::Listen { address, reason })?;
    let http = listener.local_addr().map_err(|reason| NodeError::Listen { address, reason })?;
    let metrics_upkeep = metrics.clone();
    let relaying = relaying.map(Arc::new);
    let services = Services { config: config.http.clone(), indexing, relaying, verifier, metrics };
    let services = Arc::new(services);
    let serving = services.clone();

    let mut rooms =
        vec![Room::open("doors", |stop| doors::serve(listener, serving, stop).map(Ok::<_, Infallible>))];
    rooms.extend(relayer.into_iter().flat_map(relaying::Engines::start));
    rooms.extend(indexer.into_iter().flat_map(indexing::Engines::start));
    rooms.push(Room::open("metrics", |stop| keep_up(metrics_upkeep, stop).map(Ok::<_, Infallible>)));
    Ok(Node { config, parts, deployment, http, store, services, rooms })
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
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (running, ending) = (run(stop.clone()), ended.clone().drop_guard());
        let task = tokio::spawn(async move {
            let _ending = ending;
            match AssertUnwindSafe(running).catch_unwind().await {
                Ok(Ok(())) => tracing::debug!(room = name, "ended"),
                // The others go on: what is acknowledged is safe, and /readyz says what is wrong.
                Ok(Err(error)) => {
                    tracing::error!(room = name, %error, "stopped; an operator must look at this")
                }
                Err(_) => {
                    tracing::error!(room = name, "stopped by a panic; restart, and report what it printed")
                }
            }
        });
        Self { name, stop, ended, task }
    }
}

impl Node {
    /// Waits until messages and events flow, for as long as the chain does not answer: a node may be started
    /// before its chain.
    pub(crate) async fn ready(&self) -> Result<Endpoints, NodeError> {
        let mut p2p = Vec::new();
        if let Some(relaying) = &self.services.relaying {
            relaying.mesh.listening().await?;
            p2p = relaying.mesh.addresses();
            relaying.relayer.set_p2p_addresses(p2p.clone());
        }
        while !self.services.reasons_not_ready().is_empty() {
            if let Some(room) = self.rooms.iter().find(|r| r.ended.is_cancelled()) {
                return Err(NodeError::Ended(room.name));
            }
            tokio::time::sleep(READY_POLL).await;
        }
        Ok(Endpoints {
            parts: self.parts,
            http: self.http,
            p2p,
            rpc_url: self.config.chain.shown_url(),
            deployment: self.deployment.clone(),
        })
    }

    /// Returns when a part that runs alone has ended, which it does of itself only when an operator must act: it is of no
    /// use then. Together they go on: readers are told, and what was accepted still goes out.
    pub(crate) async fn ended(&self) -> NodeError {
        let alone = match self.parts {
            Parts::All => return std::future::pending().await,
            Parts::Indexer => INDEXER,
            Parts::Relayer => RELAYER,
        };
        if let Some(room) = self.rooms.iter().find(|room| room.name == alone) {
            room.ended.cancelled().await;
        }
        NodeError::Ended(alone)
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
