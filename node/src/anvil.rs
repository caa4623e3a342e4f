//! anvil as a child of `wia dev`: started on its port, ended with us however we end.
//!
//! A watchdog shell holds the read end of a pipe whose write end is ours. When we go, even by `kill -9`, the
//! pipe closes and the watchdog ends anvil, which writes its chain to `--state`; the next start goes on there.

mod beginning;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// The release that this code is tested with.
pub(crate) const VERSION: &str = "1.7.1";

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// fd 3 is the pipe: a background job's own standard input is /dev/null.
const WATCHDOG: &str = r#"exec 3<&0 2>&1
"$@" 3<&- &
anvil=$!
(cat <&3; kill -TERM $anvil) >/dev/null 2>&1 &
exec >/dev/null 2>&1
wait $anvil"#;

/// A running anvil.
pub(crate) struct Anvil {
    child: Child,
    /// The pipe's write end, apart from the child: waiting for a child closes its standard input.
    pipe: Option<ChildStdin>,
    port: u16,
}

/// Why anvil does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnvilError {
    #[error(
        "anvil was not found; install Foundry {VERSION}, run `scripts/dev` (which installs it beside the \
         contracts), or set WIA_ANVIL to its path"
    )]
    NotFound,
    #[error("cannot start {path}: {reason}")]
    Start { path: PathBuf, reason: std::io::Error },
    #[error(
        "{path}: the chain of before cannot be read: {reason}; give another --data-dir to begin a new one"
    )]
    State { path: PathBuf, reason: std::io::Error },
    #[error("anvil ended before it listened (is its port free?): {output}")]
    Ended { output: String },
    #[error("anvil did not listen within {} seconds", START_TIMEOUT.as_secs())]
    Silent,
}

/// Where anvil is: `WIA_ANVIL`, else the pinned one that npm put beside the contracts of the checkout in which we
/// run or lie, else the first one on `PATH`.
pub(crate) fn find() -> Result<PathBuf, AnvilError> {
    if let Some(path) = std::env::var_os("WIA_ANVIL") {
        return Ok(path.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|p| p.join("anvil"));
    let places: Vec<_> = [std::env::current_dir(), std::env::current_exe()].into_iter().flatten().collect();
    let beside = places.iter().flat_map(|p| p.ancestors()).map(|p| p.join(npm_path()));
    beside.chain(on_path).find(|p| p.is_file()).ok_or(AnvilError::NotFound)
}

/// Where npm puts the native binary of this platform in a checkout.
fn npm_path() -> String {
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    format!("contracts/node_modules/@foundry-rs/anvil-{os}-{cpu}/bin/anvil")
}

impl Anvil {
    /// Starts `binary` on `port` (0: a free one), keeping its chain in the file `state`.
    pub(crate) async fn start(
        binary: &Path,
        port: u16,
        chain_id: u64,
        state: &Path,
    ) -> Result<Self, AnvilError> {
        let failed = |reason| AnvilError::Start { path: binary.to_owned(), reason };
        beginning::keep_the_first(state)
            .map_err(|reason| AnvilError::State { path: state.to_owned(), reason })?;
        let mut child = Command::new("sh")
            .args(["-c", WATCHDOG, "anvil-watchdog"])
            .arg(binary)
            .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--chain-id", &chain_id.to_string()])
            .arg("--state")
            .arg(state)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Its own group: Ctrl-C is for us, who end it last.
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let pipe = child.stdin.take();
        let stdout = child.stdout.take().ok_or(AnvilError::Silent)?;
        let mut lines = BufReader::new(stdout).lines();
        let mut last = String::new();
        let listening = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = line.strip_prefix("Listening on ") {
                    return address.rsplit(':').next().and_then(|p| p.trim().parse().ok());
                }
                if !line.trim().is_empty() {
                    last = line;
                }
            }
            None
        };
        let port = match timeout(START_TIMEOUT, listening).await {
            Ok(Some(port)) => port,
            Ok(None) => return Err(AnvilError::Ended { output: last }),
            Err(_) => return Err(AnvilError::Silent),
        };
        // anvil prints a line per request for as long as it lives; a full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, pipe, port })
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns when it has ended by itself.
    pub(crate) async fn ended(&mut self) {
        // An error here means that there is no such child any more.
        let _ = self.child.wait().await;
    }

    /// Ends it and waits until its chain is on disk.
    pub(crate) async fn stop(mut self) {
        drop(self.pipe.take());
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            tracing::warn!("anvil did not end in time; the development chain may have lost its last blocks");
        }
    }
}
