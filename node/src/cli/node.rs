//! `wia node`: a node against a given chain; `wia indexer`, `wia relayer`: of it, what indexes, or what relays.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{CliError, NodeFlags, say};
use crate::config::{self, Config};
use crate::files;
use crate::wiring::{self, Endpoints, Parts};

/// Run a node against a given chain.
#[derive(Debug, Args)]
pub(crate) struct Node {
    /// The configuration, TOML; environment variables WIA_SECTION__KEY and flags win over it
    // Absent only beside a subcommand of `wia relayer`, which needs none of this.
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Print the configuration that results, and stop
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    flags: NodeFlags,
}

impl Node {
    pub(crate) async fn run(self, parts: Parts) -> Result<(), CliError> {
        let mut config = config::load(self.config.as_deref(), std::env::vars(), self.flags.values())?;
        if self.print_config {
            let text = toml::to_string(&config).map_err(|e| CliError::Refused(e.to_string()))?;
            return say(text.trim_end()).map_err(CliError::file("standard output"));
        }
        // Alone it has the terminal to itself; beside a relayer, log lines would tear the bar.
        config.indexer.progress_bar |= parts == Parts::Indexer;
        let ready_file = self.flags.ready_file;
        Box::pin(serve(config, parts, move |endpoints| {
            if let Some(path) = &ready_file {
                write_ready(path, &endpoints.to_json())?;
            }
            // A node goes on when nobody reads its output.
            let _ = say(&format!("ready\n{}", endpoints.table()));
            Ok(())
        }))
        .await
    }
}

/// Runs a node until Ctrl-C or SIGTERM.
pub(crate) async fn serve(
    config: Config,
    parts: Parts,
    ready: impl FnOnce(&Endpoints) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let node = tokio::select! {
        node = wiring::start(config, parts) => node?,
        () = stop.cancelled() => return Ok(()),
    };
    let outcome = tokio::select! {
        outcome = node.ready() => outcome.map_err(CliError::from).and_then(|endpoints| ready(&endpoints)),
        () = stop.cancelled() => Ok(()),
    };
    let outcome = match outcome {
        Ok(()) => tokio::select! {
            ended = node.ended() => Err(ended.into()),
            () = stop.cancelled() => Ok(()),
        },
        failed => failed,
    };
    node.drain().await;
    outcome
}

/// Writes the ready file: whole, or not at all.
pub(crate) fn write_ready(path: &Path, value: &Value) -> Result<(), CliError> {
    // It may hold development keys and a token.
    files::write_secret(path, format!("{value:#}\n").as_bytes()).map_err(CliError::file(path))
}

/// Cancels `stop` on Ctrl-C or SIGTERM.
pub(super) async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return stop.cancel();
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    stop.cancel();
}

impl Endpoints {
    /// The members of the ready file that every node has; those of the other doors only where they are.
    pub(crate) fn to_json(&self) -> Value {
        let mut ready = json!({
            "httpUrl": self.http_url(),
            "rpcUrl": self.rpc_url,
            "chainId": self.deployment.chain_id,
            "contracts": self.contracts(),
        });
        if self.parts == Parts::All {
            ready["wsUrl"] = json!(self.ws_url());
        }
        if self.parts.relays() {
            ready["relayUrl"] = json!(self.relay_url());
            ready["p2pAddr"] = json!(self.p2p.first());
        }
        ready
    }

    /// The same for a reader at a terminal.
    pub(crate) fn table(&self) -> String {
        let mut rows = vec![("HTTP", self.http_url())];
        if self.parts == Parts::All {
            rows.push(("carbon stream", self.ws_url()));
        }
        if self.parts.relays() {
            rows.push(("relay", self.relay_url()));
        }
        if self.parts.indexes() {
            rows.push(("events", format!("{}/indexer/v1/events", self.http_url())));
        }
        rows.extend(self.p2p.iter().map(|a| ("libp2p", a.clone())));
        rows.push(("chain", format!("{} (id {})", self.rpc_url, self.deployment.chain_id)));
        let mut text: String = rows.iter().map(|(name, value)| format!("  {name:<14} {value}\n")).collect();
        for (name, address) in self.contracts() {
            text += &format!("  {name:<14} {address}\n");
        }
        text
    }
}
