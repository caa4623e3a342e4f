//! What takes messages in: the relayer on its chain with its keys, and the mesh.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use alloy::signers::local::PrivateKeySigner;
use futures::FutureExt;
use wia_abi::Deployment;
use wia_indexer::Indexer;
use wia_relayer::mesh;
use wia_relayer::{Chain, Keys, LaneSigner, Relayer, RpcChain};
use wia_store::Store;

use super::followed_chain::FollowedChain;
use super::{NodeError, RELAYER, Room};
use crate::config::{self, Config};
use crate::doors::Relaying;
use crate::keystore;
use crate::remote_signer::RemoteSigner;

/// How long one call to the chain's endpoint may take.
const CHAIN_TIMEOUT_MS: u64 = 10_000;

/// Their loops, not running yet.
pub(super) struct Engines {
    relayer: wia_relayer::Engine,
    mesh: mesh::Engine<Relayer>,
}

impl Engines {
    /// Their rooms, in drain order.
    pub(super) fn start(self) -> [Room; 2] {
        [
            Room::open("mesh", |stop| self.mesh.run(stop).map(Ok::<_, Infallible>)),
            Room::open(RELAYER, |stop| self.relayer.run(stop)),
        ]
    }
}

/// Opens them; gives the handles for the doors, and the loops.
pub(super) async fn open(
    config: &Config,
    store: &Store,
    deployment: &Deployment,
    indexer: Option<&Indexer>,
) -> Result<(Relaying, Engines), NodeError> {
    let section = config.relayer.as_ref().ok_or(NodeError::NoRelayer)?;
    let chain =
        RpcChain::connect(&config.chain.http_url, config.chain.ws_url.as_deref(), CHAIN_TIMEOUT_MS).await?;
    let chain: Arc<dyn Chain> = match indexer {
        Some(indexer) => Arc::new(FollowedChain::new(chain, indexer.clone())),
        None => Arc::new(chain),
    };
    let relayer_config = wia_relayer::Config {
        deployment: deployment.clone(),
        rpc_url_for_wallets: config.chain.public_rpc_url.clone(),
        sharing: wia_relayer::Sharing {
            relayers: config.p2p.relayers.clone(),
            takeover_after_blocks: config.p2p.takeover_after_blocks,
            alive_ms: config.p2p.alive_ms,
        },
        ..section.tuning.clone()
    };
    let (relaying, relayer) = wia_relayer::open(store, relayer_config, chain, keys(section)?).await?;

    let identity = mesh::identity(&config.data_dir.join("p2p.key"))?;
    let (meshing, mesh) = mesh::open(mesh_config(config)?, identity, relayer.clone())?;
    Ok((Relaying { relayer, mesh }, Engines { relayer: relaying, mesh: meshing }))
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

/// Everything that the relayer signs with.
fn keys(config: &config::Relayer) -> Result<Keys, NodeError> {
    let promises = key(config, &config.key_file)?;
    let mut lanes: Vec<LaneSigner> = Vec::new();
    for path in &config.lane_key_files {
        lanes.push(Arc::new(key(config, path)?));
    }
    for config::LaneSigner { url, address } in &config.lane_signer {
        lanes.push(Arc::new(RemoteSigner::at(url, *address)?));
    }
    if lanes.is_empty() {
        lanes.push(Arc::new(promises.clone()));
    }
    Ok(Keys { promises, lanes })
}

/// The key in a file: a keystore when it is JSON, else hex.
fn key(config: &config::Relayer, path: &Path) -> Result<PrivateKeySigner, NodeError> {
    let failed = |reason: String| NodeError::File { path: path.to_owned(), reason };
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
