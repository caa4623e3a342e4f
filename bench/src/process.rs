//! A child process that does not outlive the run, and what the kernel knows of it (`proc(5)`).

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::error::BenchError;
use crate::wait::within;

/// Lines of output that an error shows.
const LINES_SHOWN: usize = 30;

/// `USER_HZ`: clock ticks per second in `/proc/<pid>/stat`, fixed at 100 on Linux.
const TICK: Duration = Duration::from_millis(10);

/// A running child; killed when dropped. What it prints goes to `<folder>/<name>.log`.
pub(crate) struct Process {
    program: PathBuf,
    child: Child,
    log: PathBuf,
}

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// Bytes: the most that were resident at once.
    pub(crate) peak: u64,
    /// Bytes that are resident now.
    pub(crate) resident: u64,
    /// Time on a processor, its own and the kernel's for it.
    pub(crate) cpu: Duration,
}

impl Process {
    /// Starts `program`. Settings of a `wia` elsewhere (`WIA_…`) are not handed on.
    pub(crate) fn spawn(
        name: &str,
        program: &Path,
        arguments: &[OsString],
        folder: &Path,
    ) -> Result<Self, BenchError> {
        let log = folder.join(format!("{name}.log"));
        let open = || File::options().create(true).append(true).open(&log).map_err(BenchError::file(&log));
        let mut command = Command::new(program);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("WIA_") {
                command.env_remove(variable);
            }
        }
        command.args(arguments).stdin(Stdio::null()).stdout(open()?).stderr(open()?).kill_on_drop(true);
        let child = command.spawn();
        let child = child.map_err(|reason| BenchError::Start { program: program.to_owned(), reason })?;
        Ok(Self { program: program.to_owned(), child, log })
    }

    /// An error with the end of its output when it has ended.
    pub(crate) fn still_runs(&mut self) -> Result<(), BenchError> {
        match self.child.try_wait().map_err(BenchError::file(&self.program))? {
            None => Ok(()),
            Some(status) => Err(self.last_words(status)),
        }
    }

    /// Returns when it has ended by itself, with the end of its output.
    pub(crate) async fn ended(&mut self) -> BenchError {
        match self.child.wait().await {
            Ok(status) => self.last_words(status),
            Err(reason) => BenchError::file(&self.program)(reason),
        }
    }

    /// Asks it to end (SIGTERM) and waits until it has; an error unless it ended well.
    pub(crate) async fn terminate(&mut self, timeout: Duration) -> Result<(), BenchError> {
        self.still_runs()?;
        let pid = self.pid()?.to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().await;
        asked.map_err(|reason| BenchError::Start { program: "kill".into(), reason })?;
        let what = format!("{} to end", self.program.display());
        let status = within(&what, timeout, async {
            self.child.wait().await.map_err(BenchError::file(&self.program))
        })
        .await?;
        if status.success() { Ok(()) } else { Err(self.last_words(status)) }
    }

    /// Ends it without asking (SIGKILL); returns when it has ended.
    pub(crate) async fn kill(&mut self) -> Result<(), BenchError> {
        self.still_runs()?;
        self.child.kill().await.map_err(BenchError::file(&self.program))
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage, BenchError> {
        usage(&self.pid()?.to_string())
    }

    fn pid(&self) -> Result<u32, BenchError> {
        self.child.id().ok_or_else(|| BenchError::Refused(format!("{} is gone", self.program.display())))
    }

    fn last_words(&self, status: ExitStatus) -> BenchError {
        let output = String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned();
        let lines: Vec<_> = output.lines().collect();
        let output = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        BenchError::Ended { program: self.program.clone(), status, output }
    }
}

/// What this process has used so far.
pub(crate) fn own_usage() -> Result<Usage, BenchError> {
    usage("self")
}

fn usage(pid: &str) -> Result<Usage, BenchError> {
    let read = |name: &str| {
        let path = PathBuf::from(format!("/proc/{pid}/{name}"));
        fs::read_to_string(&path).map_err(BenchError::file(path))
    };
    let (status, stat) = (read("status")?, read("stat")?);
    let parsed = parse_usage(&status, &stat);
    parsed.ok_or_else(|| BenchError::Malformed { what: format!("/proc/{pid}"), reason: stat })
}

fn parse_usage(status: &str, stat: &str) -> Option<Usage> {
    let kib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    // The second field is the program's name in parentheses, which may hold anything; utime and stime are the 14th
    // and 15th.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: u32 = fields.split(' ').skip(11).take(2).map(|t| t.parse::<u32>().unwrap_or_default()).sum();
    Some(Usage { peak: kib("VmHWM:")? * 1_024, resident: kib("VmRSS:")? * 1_024, cpu: TICK * ticks })
}

/// Bytes that the files under `folder` take on disk: their blocks, not their lengths.
pub(crate) fn disk_bytes(folder: &Path) -> Result<u64, BenchError> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(folder).map_err(BenchError::file(folder))? {
        let entry = entry.map_err(BenchError::file(folder))?;
        let data = entry.metadata().map_err(BenchError::file(entry.path()))?;
        bytes += if data.is_dir() { disk_bytes(&entry.path())? } else { data.blocks() * 512 };
    }
    Ok(bytes)
}

/// A port on 127.0.0.1 that nobody listens on now.
pub(crate) fn free_port() -> Result<u16, BenchError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(BenchError::file("127.0.0.1:0"))?;
    Ok(listener.local_addr().map_err(BenchError::file("127.0.0.1:0"))?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_what_the_kernel_prints() {
        let status = "Name:\twia\nVmPeak:\t  999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t3\n";
        let stat = "4242 (a) b) R 1 1 1 0 -1 4194560 100 0 0 0 150 25 7 7 20 0 3 0 1 1 1";
        let usage = parse_usage(status, stat).unwrap();
        assert_eq!((usage.peak, usage.resident), (2 << 20, 1 << 20));
        assert_eq!(usage.cpu, Duration::from_millis(1_750));
        assert!(parse_usage("", stat).is_none());
    }
}
