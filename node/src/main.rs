//! `wia`: one binary. Commands are in [`cli`], what a running node consists of in [`wiring`].
//!
//! In: arguments, a configuration, a chain. Out: the doors of [`doors`]. Serves the commands table of the
//! architecture: `dev`, `node`, `indexer`, `relayer`, `wallet`, `deploy`.

mod anvil;
mod cli;
mod clock;
mod config;
mod deploy;
mod doors;
mod files;
mod identity;
mod keystore;
mod remote_signer;
mod webhook;
mod wiring;

use std::process::ExitCode;

/// Messages are many small pieces that come on one thread and go on another, where the system's allocator is slow.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::Parser;

fn main() -> ExitCode {
    // Two TLS providers are linked in (libp2p's QUIC brings one); rustls panics unless one is chosen first.
    // It fails only when one is installed already, which nobody before us can have done.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("wia: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(cli::run(cli));
    cli::end_log();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wia: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
