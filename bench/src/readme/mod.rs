//! The README's section "Performance", made from the JSON of runs.
//!
//! In: reports as `wia-bench` writes them, and a README with two marker lines. Out: the README with what the reports say
//! between them. [`report`] reads, [`section`] writes Markdown; here are the files.

mod report;
mod section;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tempfile::NamedTempFile;

use crate::error::BenchError;
use report::Report;

/// Put the figures of reports into the README
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The file with the two marker lines
    #[arg(long, value_name = "PATH", default_value = "README.md")]
    readme: PathBuf,
    /// What a run wrote; in this order
    #[arg(value_name = "REPORT.json", required = true)]
    reports: Vec<PathBuf>,
}

impl Options {
    /// Reads the reports; writes the README if they change it.
    pub(crate) fn run(&self) -> Result<(), BenchError> {
        let reports = self.reports.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        let readme = fs::read_to_string(&self.readme).map_err(BenchError::file(&self.readme))?;
        let renewed = section::replace(&readme, &section::section(&reports))?;
        if renewed == readme {
            eprintln!("{} says so already", self.readme.display());
            return Ok(());
        }
        write(&self.readme, &renewed).map_err(BenchError::file(&self.readme))?;
        eprintln!("written to {}", self.readme.display());
        Ok(())
    }
}

fn read(path: &Path) -> Result<Report, BenchError> {
    let json = fs::read_to_string(path).map_err(BenchError::file(path))?;
    let what = path.display().to_string();
    serde_json::from_str(&json).map_err(BenchError::malformed(&what))
}

/// Replaces all of a file or nothing: another one, written beside it, takes its name and its permissions.
fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one; and a bare name gets its folder.
    let path = fs::canonicalize(path)?;
    let mut part = NamedTempFile::new_in(path.parent().unwrap_or(Path::new("/")))?;
    part.write_all(text.as_bytes())?;
    part.as_file().set_permissions(fs::metadata(&path)?.permissions())?;
    part.as_file().sync_all()?;
    part.persist(&path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"{
        "machine": {"cpu": "X", "cores": 2, "memoryGiB": 4, "load": "0.10", "kernel": "Linux 6", "rustc": "rustc 1",
                    "anvil": "1.7.1", "commit": "abc"},
        "quick": false, "sections": []
    }"#;

    #[test]
    fn the_readme_is_replaced_once_and_keeps_its_permissions() {
        let folder = tempfile::tempdir().unwrap();
        let (readme, report) = (folder.path().join("README.md"), folder.path().join("indexer.json"));
        let before = format!("# X\n{}\n{}\n", section::OPEN, section::CLOSE);
        fs::write(&readme, &before).unwrap();
        fs::write(&report, REPORT).unwrap();
        let permissions = fs::metadata(&readme).unwrap().permissions();
        let options = Options { readme: readme.clone(), reports: vec![report] };

        options.run().unwrap();
        let after = fs::read_to_string(&readme).unwrap();
        assert!(after.contains("commit abc"), "{after}");
        assert_eq!(fs::metadata(&readme).unwrap().permissions(), permissions);
        let written = fs::metadata(&readme).unwrap().modified().unwrap();

        options.run().unwrap();
        assert_eq!(fs::read_to_string(&readme).unwrap(), after);
        assert_eq!(fs::metadata(&readme).unwrap().modified().unwrap(), written);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_report_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("other.json");
        fs::write(&report, "{}").unwrap();
        let error = read(&report).unwrap_err().to_string();
        assert!(error.contains("other.json") && error.contains("machine"), "{error}");
    }
}
