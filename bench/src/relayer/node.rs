//! The process: `wia relayer` on one anvil, its quotas lifted, because every message of a run comes from
//! one address and few wallets.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::chain::Chain;
use crate::error::BenchError;
use crate::process::{Process, Usage, free_port};
use crate::wait::until;

const START_TIMEOUT: Duration = Duration::from_secs(60);
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// What is different between the runs.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    /// The release `wia`.
    pub(super) wia: PathBuf,
    /// Where its folder is made.
    pub(super) scratch: PathBuf,
    /// Messages in one transaction at the most.
    pub(super) batch_items: usize,
    /// Transactions of one lane in the pool at a time.
    pub(super) in_flight: usize,
}

/// A running node; killed when dropped, its data removed.
pub(super) struct Node {
    process: Process,
    _folder: TempDir,
    pub(super) doors: Doors,
}

/// What it says when it is ready.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Doors {
    /// `ws://host:port/relay/v1`.
    pub(super) relay_url: String,
}

impl Node {
    /// Starts it on an empty data folder and waits until it is ready.
    pub(super) async fn start(setup: &Setup, chain: &Chain) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("wia-").tempdir_in(&setup.scratch);
        let folder = folder.map_err(BenchError::file(&setup.scratch))?;
        let config = write_config(folder.path(), setup, chain)?;
        let ready = folder.path().join("ready.json");
        let arguments: [OsString; 5] =
            ["relayer".into(), "--config".into(), config.into(), "--ready-file".into(), ready.clone().into()];
        let mut process = Process::spawn("wia", &setup.wia, &arguments, folder.path())?;
        let doors = until("wia relayer to be ready", START_TIMEOUT, async || {
            process.still_runs()?;
            // Written whole, or not at all.
            let Ok(text) = fs::read_to_string(&ready) else { return Ok(None) };
            serde_json::from_str(&text).map(Some).map_err(BenchError::malformed("ready file"))
        })
        .await?;
        Ok(Self { process, _folder: folder, doors })
    }

    /// What its process has used.
    pub(super) fn usage(&self) -> Result<Usage, BenchError> {
        self.process.usage()
    }

    /// Returns when it has ended by itself, with the end of its output.
    pub(super) async fn ended(&mut self) -> BenchError {
        self.process.ended().await
    }

    /// Ends it.
    pub(super) async fn stop(mut self) -> Result<(), BenchError> {
        self.process.terminate(STOP_TIMEOUT).await
    }
}

/// Writes the keys, the deployment file and the configuration; returns where that is.
fn write_config(folder: &Path, setup: &Setup, chain: &Chain) -> Result<PathBuf, BenchError> {
    let deployment = folder.join("deployment.json");
    let written = serde_json::to_string_pretty(&chain.contract.deployment());
    let written = written.map_err(BenchError::malformed("deployment"))?;
    fs::write(&deployment, written).map_err(BenchError::file(&deployment))?;
    let mut keys = Vec::new();
    for (number, lane) in chain.lanes.iter().enumerate() {
        let path = folder.join(format!("lane-{number}.key"));
        write_key(&path, &lane.to_bytes().to_string())?;
        keys.push(path);
    }
    let config = json!({
        "data_dir": folder.join("data"),
        "chain": {
            "id": chain.contract.chain_id,
            "http_url": chain.anvil.http_url(),
            "ws_url": chain.anvil.ws_url(),
            "deployment": deployment,
        },
        "http": { "port": free_port()? },
        "p2p": { "port": 0 },
        "relayer": relayer(setup, &keys),
    });
    let config = toml::Table::try_from(config).map_err(BenchError::malformed("configuration"))?;
    let path = folder.join("wia.toml");
    fs::write(&path, config.to_string()).map_err(BenchError::file(&path))?;
    Ok(path)
}

/// `[relayer]`. The first key signs receipts; with several lanes each has its own.
fn relayer(setup: &Setup, keys: &[PathBuf]) -> Value {
    let mut section = json!({
        "key_file": keys.first(),
        "tuning": {
            "batch_max_items": setup.batch_items,
            "max_in_flight": setup.in_flight,
            "max_live_items": 1_000_000,
            "max_live_items_per_signer": 1_000_000,
            "origin_burst": 1_000_000,
            "origin_per_second": 1_000_000,
            "signer_burst": 1_000_000,
            "signer_per_second": 1_000_000,
        },
    });
    if keys.len() > 1 {
        section["lane_key_files"] = json!(keys);
    }
    section
}

/// They open nothing but a loopback chain of the run; private all the same.
fn write_key(path: &Path, hex: &str) -> Result<(), BenchError> {
    use std::io::Write;
    let mut options = fs::File::options();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).map_err(BenchError::file(path))?;
    file.write_all(hex.as_bytes()).map_err(BenchError::file(path))
}
