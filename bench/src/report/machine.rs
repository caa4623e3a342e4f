//! What the figures were seen on.

use std::fmt;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// A machine and the programs on it, as they name themselves; empty where they do not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    /// GiB of memory, rounded down.
    #[serde(rename = "memoryGiB")]
    pub(crate) memory_gib: u64,
    /// The load average of the last minute, at the start: what others do here.
    pub(crate) load: String,
    pub(crate) kernel: String,
    pub(crate) rustc: String,
    pub(crate) anvil: String,
    /// The commit of the checkout in which we run, with `-dirty` when it was changed.
    pub(crate) commit: String,
}

impl Machine {
    /// Looks around. `anvil` is its version.
    pub(crate) fn name(anvil: &str) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let (cpus, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
        let kib = field(&memory, "MemTotal").and_then(|m| m.strip_suffix(" kB")?.parse::<u64>().ok());
        Self {
            cpu: field(&cpus, "model name").unwrap_or_default().to_owned(),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: kib.unwrap_or_default() >> 20,
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            kernel: said(Command::new("uname").arg("-sr")),
            rustc: said(Command::new("rustc").arg("--version")),
            anvil: anvil.to_owned(),
            commit: said(Command::new("git").args(["describe", "--always", "--dirty", "--exclude=*"])),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_gib, load, kernel, rustc, anvil, commit } = self;
        write!(
            f,
            "{cpu}, {cores} cores, {memory_gib} GiB, load {load} at the start; {kernel}; {rustc}; anvil {anvil}; commit {commit}"
        )
    }
}

/// The first value of `key` in lines of `key : value`.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find(|(k, _)| k.trim() == key).map(|(_, value)| value.trim())
}

/// What a program prints; empty when it cannot.
fn said(command: &mut Command) -> String {
    let output = command.output().ok().filter(|output| output.status.success());
    output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_names() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(field(text, "model name"), Some("AMD EPYC"));
        assert_eq!(field(text, "model"), None);
    }
}
