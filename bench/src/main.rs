//! `wia-bench`: how fast `wia` is, measured from outside on a chain of its own, beside the floor of the same run.
//!
//! In: a release `wia`, a native anvil, a seed. Out: a table and a JSON file that name the machine. Nothing asserts on
//! time; the exit code says whether the run was carried out and everything that came was right. [`readme`] puts such JSON
//! files into the README. `scripts/bench` builds what it needs and runs it.

mod chain;
mod error;
mod indexer;
mod measure;
mod options;
mod process;
mod progress;
mod random;
mod readme;
mod relayer;
mod report;
mod rpc;
mod run;
mod server;
mod socket;
mod stage;
mod wait;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use error::BenchError;

/// How fast wia is
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Indexer(run::Options),
    Relayer(relayer::Options),
    Readme(readme::Options),
}

impl Command {
    async fn run(&self) -> Result<(), BenchError> {
        match self {
            Self::Indexer(options) => options.run().await,
            Self::Relayer(options) => options.run().await,
            Self::Readme(options) => options.run(),
        }
    }
}

fn main() -> ExitCode {
    // The HTTP client asks for one even where it only speaks to loopback. It fails only when one is installed already,
    // which nobody before us can have done.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let Cli { command } = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("wia-bench: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = command.run() => outcome,
            // Everything that runs is dropped, and with it every child.
            () = interrupted() => Err(BenchError::Refused("interrupted".into())),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wia-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns at SIGINT or SIGTERM.
async fn interrupted() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}
