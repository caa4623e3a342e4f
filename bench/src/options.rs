//! What every measurement is told on the command line.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::chain::version;
use crate::error::BenchError;
use crate::report::{Machine, Report};

/// A step that can be chosen.
pub(crate) trait Chosen: ValueEnum + PartialEq + Send + Sync + 'static {}

impl<S: ValueEnum + PartialEq + Send + Sync + 'static> Chosen for S {}

/// The options of all measurements; `S` are the steps of one.
#[derive(Debug, Args)]
pub(crate) struct Common<S: Chosen> {
    /// A tenth of the size, for trying; its figures say nothing
    #[arg(long)]
    quick: bool,
    /// Only these steps; may be given several times. What two steps of the relayer's compare is told when both ran
    #[arg(long, value_name = "STEP")]
    only: Vec<S>,
    /// Where the JSON goes [default: bench/indexer.json or bench/relayer.json in the target folder]
    #[arg(long, value_name = "PATH")]
    pub(crate) json: Option<PathBuf>,
    /// What all that is random follows from
    #[arg(long, default_value_t = 4)]
    pub(crate) seed: u64,
    /// The native anvil
    #[arg(long, value_name = "PATH", env = "WIA_ANVIL")]
    pub(crate) anvil: PathBuf,
    /// The release `wia` [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    pub(crate) wia: Option<PathBuf>,
}

impl<S: Chosen> Common<S> {
    pub(crate) fn wants(&self, step: &S) -> bool {
        self.only.is_empty() || self.only.contains(step)
    }

    pub(crate) fn wants_any(&self, steps: &[S]) -> bool {
        steps.iter().any(|step| self.wants(step))
    }

    /// Everything, or a tenth.
    pub(crate) fn sized(&self, count: usize) -> usize {
        if self.quick { count / 10 } else { count }
    }

    pub(crate) fn quick(&self) -> bool {
        self.quick
    }

    /// A report with nothing in it.
    pub(crate) fn report(&self) -> Result<Report, BenchError> {
        Ok(Report::new(Machine::name(&version(&self.anvil)?), self.seed, self.quick))
    }
}
