//! Where the tools of this repository stand.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent")
}

/// The native binary of a Foundry tool, `anvil` or `cast`, in the version that `contracts/` pins.
///
/// # Panics
/// With what `contracts/tools/foundry` says when it is not installed.
#[must_use]
pub fn foundry(tool: &'static str) -> &'static Path {
    static ANVIL: OnceLock<PathBuf> = OnceLock::new();
    static CAST: OnceLock<PathBuf> = OnceLock::new();
    let slot = if tool == "anvil" { &ANVIL } else { &CAST };
    slot.get_or_init(|| {
        let script = repository().join("contracts/tools/foundry");
        let output = Command::new(&script).args(["--path", tool]).output();
        let output = output.unwrap_or_else(|e| panic!("cannot run {}: {e}", script.display()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().into()
    })
}
