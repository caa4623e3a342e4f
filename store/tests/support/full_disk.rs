//! A disk that fills up under a test, for the rooms that write to one. The kernel refuses, as it does then: the test's
//! binary runs again, and a limit on the size of its files stands in for the size of the disk.

use std::process::Command;

/// Set where [`run_again`] runs a test.
pub(crate) const VARIABLE: &str = "WIA_TEST_DISK";

/// Runs the test of that name in a process of its own, in which files may be limited; it must say that it went on.
pub(crate) fn run_again(test: &str) {
    // Without the trap the signal that comes with the refusal would end the process.
    let script = format!("trap '' XFSZ; exec \"$0\" --exact {test} --nocapture");
    let output = Command::new("sh")
        .args(["-c", &script, std::env::current_exe().unwrap().to_str().unwrap()])
        .env(VARIABLE, "full")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("it went on"), "{output:?}");
}

/// Limits the size of this process's files from here on; `None`: no more.
pub(crate) fn limit(bytes: Option<u64>) {
    let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let arguments = ["--pid", &std::process::id().to_string(), &format!("--fsize={bytes}:")];
    assert!(Command::new("prlimit").args(arguments).status().unwrap().success());
}
