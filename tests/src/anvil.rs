//! A chain of the case's own, on a port that the system chose.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::{foundry, wait_until};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A running anvil.
pub struct Anvil {
    _process: Process,
    port: u16,
}

impl Anvil {
    /// Starts it and waits until it listens.
    pub async fn start(folder: &Path) -> Self {
        let mut process =
            Process::spawn("anvil", Command::new(foundry("anvil")).args(["--port", "0"]), folder);
        let port = wait_until("anvil to listen", START_TIMEOUT, async || {
            assert!(process.ended().is_none(), "anvil ended: {}", process.output());
            let output = process.output();
            let address = output.lines().find_map(|line| line.strip_prefix("Listening on "))?;
            address.rsplit(':').next()?.trim().parse().ok()
        })
        .await;
        Self { _process: process, port }
    }

    /// Its TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// JSON-RPC over HTTP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
