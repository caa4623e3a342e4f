//! `wia relayer`: what an operator, or one who relied on a relayer, asks about it.

mod prove;

use clap::Subcommand;

use super::CliError;

/// What an operator, or one who relied on a relayer, asks about it.
#[derive(Debug, Subcommand)]
pub(crate) enum Relayer {
    ProveReceipt(prove::ProveReceipt),
}

impl Relayer {
    pub(crate) async fn run(self) -> Result<(), CliError> {
        match self {
            Relayer::ProveReceipt(prove) => prove.run().await,
        }
    }
}
