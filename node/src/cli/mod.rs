//! The command line: what each command takes, and where it goes.

mod deploy;
mod dev;
mod dev_accounts;
mod export;
mod node;
mod relayer;
mod wallet;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use clap::{Args, Parser, Subcommand};
use toml::Value;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::config;
use crate::wiring::Parts;

/// WIA Node: carbon credits, battery passports and consents on an EVM chain.
#[derive(Debug, Parser)]
#[command(name = "wia", version, about, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start anvil, deploy the contracts, and run everything in one process
    Dev(dev::Dev),
    /// Run a node against a given chain
    Node(node::Node),
    /// Run the indexer alone against a given chain, with its doors; the configuration is the node's
    Indexer(node::Node),
    Relayer(Box<relayer::Relayer>),
    /// Deploy the contracts to a network, by name
    Deploy(deploy::Deploy),
    Export(export::Export),
    /// Keys, balances, signed transfers
    #[command(subcommand)]
    Wallet(wallet::Wallet),
}

/// Where a node listens and keeps its data; each flag wins over the environment and the file.
#[derive(Debug, Args)]
pub(crate) struct NodeFlags {
    /// Port for HTTP and WebSocket; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// Port reserved for MQTT (this release opens nothing there)
    #[arg(long, value_name = "PORT")]
    mqtt_port: Option<u16>,
    /// Port for libp2p, TCP and QUIC; 0 takes free ones
    #[arg(long, value_name = "PORT")]
    p2p_port: Option<u16>,
    /// Folder of the store and the node's keys
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Write URLs and addresses to this file, as one JSON object, once all is up
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

impl NodeFlags {
    fn values(&self) -> Vec<(&'static str, Value)> {
        let port = |p: u16| Value::Integer(p.into());
        [
            self.http_port.map(|p| ("http.port", port(p))),
            self.mqtt_port.map(|p| ("mqtt.port", port(p))),
            self.p2p_port.map(|p| ("p2p.port", port(p))),
            self.data_dir.as_ref().map(|d| ("data_dir", Value::String(d.display().to_string()))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What a command may end with; the text is for the person at the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Anvil(#[from] crate::anvil::AnvilError),
    #[error(transparent)]
    Deploy(#[from] crate::deploy::DeployError),
    #[error(transparent)]
    Keystore(#[from] crate::keystore::KeystoreError),
    #[error(transparent)]
    Token(#[from] crate::identity::TokenError),
    #[error(transparent)]
    Node(#[from] crate::wiring::NodeError),
    #[error(transparent)]
    Export(#[from] export::ExportError),
    #[error(transparent)]
    Relayer(#[from] relayer::RelayerCliError),
    #[error(transparent)]
    Wallet(#[from] wallet::WalletError),
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: std::io::Error },
    #[error("{0}")]
    Refused(String),
    /// A judgement that was printed, and that programs should see.
    #[error("the receipt: {verdict}")]
    Verdict { verdict: &'static str, code: u8 },
}

impl CliError {
    /// What the process ends with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            CliError::Verdict { code, .. } => *code,
            _ => 1,
        }
    }

    fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> CliError {
        let path = path.into();
        move |reason| CliError::File { path, reason }
    }
}

/// Prints a line to standard output. A reader that has gone (`wia … | head`) is no reason to panic.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

/// Carries out the command.
pub(crate) async fn run(cli: Cli) -> Result<(), CliError> {
    match cli.command {
        Command::Dev(dev) => {
            start_log("warn,wia_indexer=info,wia_relayer=info,wia_store=info,wia=info");
            Box::pin(dev.run()).await
        }
        Command::Node(node) => {
            start_log("info");
            Box::pin(node.run(Parts::All)).await
        }
        Command::Indexer(node) => {
            start_log("info");
            Box::pin(node.run(Parts::Indexer)).await
        }
        Command::Relayer(relayer) => Box::pin(relayer.run()).await,
        Command::Deploy(deploy) => {
            start_log("warn");
            deploy.run().await
        }
        Command::Export(export) => {
            start_log("warn");
            Ok(export.run().await?)
        }
        Command::Wallet(wallet) => {
            start_log("error");
            match wallet.run().await {
                // Whoever closed the pipe has seen enough.
                Err(wallet::WalletError::Output(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
                outcome => Ok(outcome?),
            }
        }
    }
}

/// Lines that wait to be written; beyond it lines are dropped, so that nobody who reads slowly stops the node.
const WAITING_LINES: usize = 65_536;

/// Whoever ends the log writes what waits.
static LOG: Mutex<Option<WorkerGuard>> = Mutex::new(None);

/// Logs go to standard error, several lines in one write when there are many; `WIA_LOG` chooses what (tracing's filter
/// syntax).
fn start_log(default: &str) {
    // alloy calls a lost WebSocket an error each time; the rooms that use it say once what it means. Kademlia warns of having
    // no peers, which a relayer alone has never.
    let default = format!("{default},alloy_pubsub=off,alloy_transport_ws=off,libp2p_kad=error");
    let filter = EnvFilter::try_from_env("WIA_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal();
    let writer = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES);
    let (writer, guard) = writer.finish(BufWriter::new(std::io::stderr()));
    *LOG.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(writer)
        // What cannot be written cannot be complained of either: the complaint would panic.
        .log_internal_errors(false)
        .init();
}

/// Writes what waits to be written; nothing is logged afterwards.
pub(crate) fn end_log() {
    drop(LOG.lock().unwrap_or_else(PoisonError::into_inner).take());
}
