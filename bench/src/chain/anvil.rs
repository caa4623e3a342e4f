//! anvil as a child of the benchmark, on a free port, silent, without fees, mining only when told to.
//!
//! Fees are zero so that a wallet without ether can send.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::BenchError;
use crate::process::Process;
use crate::rpc::Rpc;
use crate::wait::until;

/// Loading a large chain takes a while.
const START_TIMEOUT: Duration = Duration::from_secs(300);
const STOP_TIMEOUT: Duration = Duration::from_secs(300);

const ARGUMENTS: [&str; 11] = [
    "--quiet",
    "--no-mining",
    "--order",
    "fifo",
    "--base-fee",
    "0",
    "--gas-price",
    "0",
    "--disable-min-priority-fee",
    "--host",
    "127.0.0.1",
];

/// A running anvil; killed when dropped.
pub(crate) struct Anvil {
    process: Process,
    port: u16,
}

impl Anvil {
    /// Starts `binary` with further arguments and waits until it answers. Its output goes into `folder`.
    pub(crate) async fn start<A: AsRef<OsStr>>(
        binary: &Path,
        folder: &Path,
        more: impl IntoIterator<Item = A>,
    ) -> Result<Self, BenchError> {
        let port = crate::process::free_port()?;
        let mut arguments: Vec<_> = ARGUMENTS.iter().map(|a| OsStr::new(a).to_owned()).collect();
        arguments.extend([OsStr::new("--port").to_owned(), port.to_string().into()]);
        arguments.extend(more.into_iter().map(|a| a.as_ref().to_owned()));
        let mut process = Process::spawn("anvil", binary, &arguments, folder)?;
        let rpc = Rpc::to(&http_url(port))?;
        until("anvil to answer", START_TIMEOUT, async || {
            process.still_runs()?;
            Ok(rpc.call::<String>("web3_clientVersion", serde_json::json!([])).await.ok())
        })
        .await?;
        Ok(Self { process, port })
    }

    /// JSON-RPC over HTTP.
    pub(crate) fn http_url(&self) -> String {
        http_url(self.port)
    }

    /// JSON-RPC over WebSocket.
    pub(crate) fn ws_url(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it and waits until what it was told to dump is on disk.
    pub(crate) async fn stop(mut self) -> Result<(), BenchError> {
        self.process.terminate(STOP_TIMEOUT).await
    }
}

fn http_url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// `anvil --version`'s number, e.g. `1.7.1`.
pub(crate) fn version(binary: &Path) -> Result<String, BenchError> {
    let output = std::process::Command::new(binary).arg("--version").output();
    let output = output.map_err(|reason| BenchError::Start { program: PathBuf::from(binary), reason })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version =
        text.lines().find_map(|line| line.split_once("Version: ")).map(|(_, v)| v.trim().to_owned());
    version.ok_or_else(|| BenchError::Malformed { what: "anvil --version".into(), reason: text })
}
