//! Where a run takes place, whatever it measures: its folders, the `wia` that it measures, and its report at the end.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::BenchError;
use crate::report::Report;

/// Open files: every subscriber is one here and one in the indexer, which inherits the limit.
const OPEN_FILES: u64 = 8_192;

/// The folders of one run.
pub(crate) struct Stage {
    target: PathBuf,
    scratch: TempDir,
}

impl Stage {
    /// Makes a scratch folder under `<target>/bench`; it goes when the stage is dropped.
    pub(crate) fn set() -> Result<Self, BenchError> {
        let target = target()?;
        let folder = target.join("bench");
        std::fs::create_dir_all(&folder).map_err(BenchError::file(&folder))?;
        let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(&folder);
        let scratch = scratch.map_err(BenchError::file(&folder))?;
        // Without the rights for it, connecting will say so.
        let _ = rlimit::increase_nofile_limit(OPEN_FILES);
        Ok(Self { target, scratch })
    }

    /// Where running processes leave their output and data.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.scratch.path().to_owned()
    }

    /// Where generated chains are kept.
    pub(crate) fn cache(&self) -> PathBuf {
        self.target.join("bench/chains")
    }

    /// Where the JSON goes unless told otherwise.
    pub(crate) fn json(&self, name: &str) -> PathBuf {
        self.target.join("bench").join(name).with_extension("json")
    }

    /// The `wia` that is measured: the one that was named, else the release beside this program.
    pub(crate) fn wia(&self, named: Option<&Path>, needed: bool) -> Result<PathBuf, BenchError> {
        let wia = named.map_or_else(|| self.target.join("release/wia"), Path::to_owned);
        if needed && !wia.is_file() {
            let wia = wia.display();
            let reason =
                format!("there is no {wia}; run `cargo build --release -p wia-node`, or name one with --wia");
            return Err(BenchError::Refused(reason));
        }
        Ok(wia)
    }

    /// Measures, prints the table, writes the JSON; both also when a step failed.
    pub(crate) async fn play(
        &self,
        mut report: Report,
        json: &Path,
        measure: impl AsyncFnOnce(&mut Report) -> Result<(), BenchError>,
    ) -> Result<(), BenchError> {
        let outcome = measure(&mut report).await;
        println!("\n{report}");
        report.write(json, outcome.as_ref().err())?;
        eprintln!("written to {}", json.display());
        outcome
    }
}

/// The target folder in which this program lies: `<target>/<profile>/wia-bench`.
fn target() -> Result<PathBuf, BenchError> {
    let program = std::env::current_exe().map_err(BenchError::file("wia-bench"))?;
    let target = program.parent().and_then(Path::parent).map(Path::to_owned);
    target.ok_or_else(|| BenchError::Refused(format!("{} lies in no target folder", program.display())))
}
