//! A chain, perhaps a [`Gate`] before it, and a `wia` on it: everything that a case needs, and nothing shared with
//! other cases unless they ask for [`Environment::shared`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Weak};

use alloy::primitives::Address;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::{Anvil, Chain, Gate, Ready, Relay, Socket, Wallet, Wia};

/// How an environment differs from the usual one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// Put a gate between `wia` and its chain.
    pub gated: bool,
    /// Environment variables for `wia`.
    pub variables: &'static [(&'static str, &'static str)],
}

/// The fields are dropped in this order: `wia` goes before its chain, the folder last.
pub struct Environment {
    /// The node.
    pub wia: Wia,
    gate: Option<Gate>,
    /// The chain, which outlives a killed `wia`.
    pub anvil: Anvil,
    settings: Settings,
    folder: TempDir,
}

impl Environment {
    /// The usual one.
    pub async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    /// One that differs.
    pub async fn with(settings: Settings) -> Self {
        let folder = tempfile::Builder::new().prefix("wia-test-").tempdir().expect("a folder");
        let anvil = Anvil::start(folder.path()).await;
        let gate = if settings.gated { Some(Gate::before(anvil.port()).await) } else { None };
        let rpc_url = gate.as_ref().map_or_else(|| anvil.url(), Gate::url);
        let wia = Wia::start(dev(folder.path(), &rpc_url, settings), folder.path()).await;
        Self { wia, gate, anvil, settings, folder }
    }

    /// One environment for all cases that run at the same time and only add to it. It goes with its last user.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Environment>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&started);
        started
    }

    /// `kill -9`, and the same `wia` again on the same data folder and chain.
    pub async fn kill_and_restart(&mut self) {
        self.wia.kill();
        self.restart().await;
    }

    /// Starts `wia` again after it has ended.
    pub async fn restart(&mut self) {
        let rpc_url = self.gate.as_ref().map_or_else(|| self.anvil.url(), Gate::url);
        let command = dev(self.folder.path(), &rpc_url, self.settings);
        self.wia = Wia::start(command, self.folder.path()).await;
    }

    /// What the ready file says.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.wia.ready
    }

    /// The chain, past any gate.
    #[must_use]
    pub fn chain(&self) -> Chain {
        Chain::at(&self.anvil.url(), self.contract())
    }

    /// `CarbonCredit`.
    #[must_use]
    pub fn contract(&self) -> Address {
        self.ready().contracts["CarbonCredit"]
    }

    /// The development account of that number, 1…9; account 0 belongs to the relayer.
    #[must_use]
    pub fn wallet(&self, number: usize) -> Wallet {
        Wallet::new(&self.ready().accounts[number].private_key, self.ready().chain_id, self.contract())
    }

    /// The gate.
    ///
    /// # Panics
    /// When the settings did not ask for one.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        self.gate.as_ref().expect("Settings { gated: true }")
    }

    /// A session on `/relay/v1`.
    pub async fn relay(&self) -> Relay {
        Relay::to(&self.ready().relay_url).await
    }

    /// An authenticated session on the carbon stream.
    pub async fn stream(&self) -> Socket {
        Socket::authenticated(&self.ready().ws_url, &self.ready().token).await
    }

    /// `wia`'s data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

fn dev(folder: &Path, rpc_url: &str, settings: Settings) -> Command {
    let mut command = Wia::command(&["dev", "--rpc-url", rpc_url]);
    command.arg("--data-dir").arg(folder.join("data"));
    command.envs(settings.variables.iter().copied());
    command
}
