//! The process: its configuration, its start, its end.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::{EVENTS, Rest};
use crate::chain::Contract;
use crate::error::BenchError;
use crate::process::{Process, Usage, disk_bytes, free_port};
use crate::wait::until;

const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// Signs what is posted to us. It guards nothing: the receiver is a loopback port of the run.
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What an indexer is started with.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The release `wia`.
    pub(crate) wia: PathBuf,
    /// Where its folder is made.
    pub(crate) scratch: PathBuf,
    /// The endpoint that it follows: JSON-RPC over HTTP.
    pub(crate) http_url: String,
    /// And over WebSocket, if it has one.
    pub(crate) ws_url: Option<String>,
    /// The contract whose events it keeps.
    pub(crate) contract: Contract,
}

/// Where the indexer posts events to.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    pub(crate) url: String,
}

/// A running `wia indexer`; killed when dropped, its data removed.
pub(crate) struct Indexer {
    process: Process,
    wia: PathBuf,
    arguments: [OsString; 3],
    folder: TempDir,
    port: u16,
    /// When its process was started.
    pub(crate) started: Instant,
    /// Its REST.
    pub(crate) rest: Rest,
}

impl Indexer {
    /// Starts it on an empty data folder. It may not answer yet.
    pub(crate) fn start(setup: &Setup, webhook: Option<&Webhook>) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("wia-").tempdir_in(&setup.scratch);
        let folder = folder.map_err(BenchError::file(&setup.scratch))?;
        let (config, port) = write_config(folder.path(), setup, webhook)?;
        let arguments = ["indexer".into(), "--config".into(), config.into_os_string()];
        let rest = Rest::at(&format!("http://127.0.0.1:{port}"))?;
        let started = Instant::now();
        let process = Process::spawn("wia", &setup.wia, &arguments, folder.path())?;
        Ok(Self { process, wia: setup.wia.clone(), arguments, folder, port, started, rest })
    }

    /// Starts it on what it left.
    pub(crate) fn start_again(&mut self) -> Result<(), BenchError> {
        self.started = Instant::now();
        self.process = Process::spawn("wia", &self.wia, &self.arguments, self.folder.path())?;
        Ok(())
    }

    /// An error with the end of its output when it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<(), BenchError> {
        self.process.still_runs()
    }

    /// Waits until it has read the chain up to `head`.
    pub(crate) async fn reaches(&mut self, head: u64, timeout: Duration) -> Result<(), BenchError> {
        let Self { process, rest, .. } = self;
        until(&format!("wia indexer to reach block {head}"), timeout, async || {
            process.still_runs()?;
            Ok(rest.head().await?.filter(|number| *number >= head))
        })
        .await
        .map(|_| ())
    }

    /// Returns when it has ended by itself, with the end of its output.
    pub(crate) async fn ended(&mut self) -> BenchError {
        self.process.ended().await
    }

    /// Its stream of events.
    pub(crate) fn socket_url(&self) -> String {
        format!("ws://127.0.0.1:{}{EVENTS}", self.port)
    }

    /// What its process has used.
    pub(crate) fn usage(&self) -> Result<Usage, BenchError> {
        self.process.usage()
    }

    /// Ends it and tells what its data takes on disk, bytes.
    pub(crate) async fn stop(mut self) -> Result<u64, BenchError> {
        self.end().await
    }

    /// The same, so that it can be started again.
    pub(crate) async fn end(&mut self) -> Result<u64, BenchError> {
        self.process.terminate(STOP_TIMEOUT).await?;
        disk_bytes(&data(self.folder.path()))
    }

    /// Ends it without asking (SIGKILL).
    pub(crate) async fn kill(&mut self) -> Result<(), BenchError> {
        self.process.kill().await
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Writes the configuration and the deployment file; returns where and the port of its doors.
fn write_config(
    folder: &Path,
    setup: &Setup,
    webhook: Option<&Webhook>,
) -> Result<(PathBuf, u16), BenchError> {
    let deployment = folder.join("deployment.json");
    let written = serde_json::to_string_pretty(&setup.contract.deployment());
    let written = written.map_err(BenchError::malformed("deployment"))?;
    fs::write(&deployment, written).map_err(BenchError::file(&deployment))?;
    let port = free_port()?;
    let mut config = json!({
        "data_dir": data(folder),
        "chain": {
            "id": setup.contract.chain_id,
            "http_url": setup.http_url,
            "deployment": deployment,
        },
        // Every subscriber of the benchmark comes from one address.
        "http": { "port": port, "max_connections": 20_000, "max_connections_per_ip": 20_000 },
    });
    if let Some(ws_url) = &setup.ws_url {
        config["chain"]["ws_url"] = json!(ws_url);
    }
    if let Some(Webhook { url }) = webhook {
        let secret = folder.join("secret");
        fs::write(&secret, SECRET).map_err(BenchError::file(&secret))?;
        config["webhook"] =
            json!([{ "name": "bench", "url": url, "secret_file": secret, "from_oldest": true }]);
    }
    let config = toml::Table::try_from(config).map_err(BenchError::malformed("configuration"))?;
    let path = folder.join("wia.toml");
    fs::write(&path, config.to_string()).map_err(BenchError::file(&path))?;
    Ok((path, port))
}
