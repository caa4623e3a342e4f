//! `wia relayer`: the relayer alone against a given chain, and what its operator asks of a running one.

mod door;
mod live;
mod prove;
mod screen;
mod status;

use clap::{Args, Subcommand};

use super::{CliError, node, start_log};
use crate::wiring::Parts;

/// Run the relayer alone against a given chain, with its doors and libp2p; the configuration is the node's
///
/// With a subcommand: ask a running relayer, alone or in a node.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Relayer {
    #[command(subcommand)]
    question: Option<Question>,
    #[command(flatten)]
    node: node::Node,
}

#[derive(Debug, Subcommand)]
enum Question {
    Status(status::Status),
    ProveReceipt(prove::ProveReceipt),
}

impl Relayer {
    pub(crate) async fn run(self) -> Result<(), CliError> {
        match self.question {
            Some(Question::Status(status)) => {
                start_log("warn");
                Ok(status.run().await?)
            }
            Some(Question::ProveReceipt(prove)) => {
                start_log("error");
                prove.run().await
            }
            None => {
                start_log("info");
                Box::pin(self.node.run(Parts::Relayer)).await
            }
        }
    }
}

/// Why a question to a relayer is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RelayerCliError {
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("the node refuses: {0}")]
    Refused(String),
    #[error("the node's answer is not what it should be: {0}")]
    Answer(String),
    #[error("--node {url}: {reason}")]
    Url { url: String, reason: String },
    #[error("standard output: {0}")]
    Output(#[from] std::io::Error),
}

impl RelayerCliError {
    /// Whether it may be otherwise in a moment.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Answer(_))
    }

    /// Whoever closed the pipe has seen enough.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
