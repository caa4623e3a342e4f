//! The `wia` of this build as a child process, and what its ready file promises.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use alloy::primitives::Address;
use serde::Deserialize;

use crate::process::Process;
use crate::{foundry, wait_until};

const START_TIMEOUT: Duration = Duration::from_secs(40);
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The ready file: these members and no others. Those of the relayer's doors are empty where the indexer runs alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ready {
    /// REST, metrics, health.
    pub http_url: String,
    /// The carbon stream.
    #[serde(default)]
    pub ws_url: String,
    /// The relay's WebSocket.
    #[serde(default)]
    pub relay_url: String,
    /// libp2p, with the peer id.
    #[serde(default)]
    pub p2p_addr: String,
    /// The chain that `wia` talks to.
    pub rpc_url: String,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Addresses by deployment name.
    pub contracts: BTreeMap<String, Address>,
    /// anvil's ten accounts; of `wia dev` only.
    #[serde(default)]
    pub accounts: Vec<Account>,
    /// A JWT for the carbon stream whose user owns the accounts; of `wia dev` only.
    #[serde(default)]
    pub token: String,
}

/// A development account.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Account {
    /// EIP-55.
    pub address: Address,
    /// 32 bytes in hex.
    pub private_key: String,
}

/// A running `wia`.
pub struct Wia {
    process: Process,
    /// What it wrote once all was up.
    pub ready: Ready,
}

impl Wia {
    /// The binary beside this test.
    ///
    /// # Panics
    /// When it is not built; the message says how to.
    #[must_use]
    pub fn binary() -> PathBuf {
        let test = std::env::current_exe().expect("a test knows where it is");
        let profile = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
        let binary = profile.join("wia");
        assert!(binary.exists(), "there is no {}; run `cargo build -p wia-node` first", binary.display());
        binary
    }

    /// A command line of that binary, with the pinned anvil in its reach.
    #[must_use]
    pub fn command(arguments: &[&str]) -> Command {
        let mut command = Command::new(Self::binary());
        command.env("WIA_ANVIL", foundry("anvil")).args(arguments);
        command
    }

    /// Starts `command`, which runs a node on free ports with its ready file and its log in `folder`, and waits until
    /// it is ready.
    pub async fn start(mut command: Command, folder: &Path) -> Self {
        let file = folder.join("ready.json");
        // One of an earlier run would be taken for this one's.
        let _ = std::fs::remove_file(&file);
        command.args(["--http-port", "0", "--mqtt-port", "0", "--p2p-port", "0", "--ready-file"]).arg(&file);
        let mut process = Process::spawn("wia", &mut command, folder);
        let text = wait_until("wia to be ready", START_TIMEOUT, async || {
            if let Some(status) = process.ended() {
                panic!("wia ended before it was ready: {status}");
            }
            std::fs::read_to_string(&file).ok()
        })
        .await;
        let ready = serde_json::from_str(&text).unwrap_or_else(|e| panic!("the ready file: {e}: {text}"));
        Self { process, ready }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        wait_until("wia to end", STOP_TIMEOUT, async || self.process.ended()).await
    }

    /// What it printed.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }
}
