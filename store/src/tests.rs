//! The promise of [`Store::durable`], shown with the operating system's own account of it.

use std::process::Command;

use super::*;

#[tokio::test]
async fn what_was_made_durable_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = Store::open(folder.path()).unwrap();
        store.tree("t").unwrap().insert(b"k", b"v").unwrap();
        store.durable().await.unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.tree("t").unwrap().get(b"k").unwrap().unwrap(), b"v");
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_folder_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Store::open(folder.path()).unwrap();
    let second = Store::open(folder.path()).err().unwrap();
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
}

#[tokio::test]
async fn pages_too_large_for_a_segment_survive_too() {
    let folder = tempfile::tempdir().unwrap();
    let value = vec![7_u8; 3 << 20];
    {
        let store = Store::open(folder.path()).unwrap();
        store.tree("t").unwrap().insert(b"large", value.as_slice()).unwrap();
        store.durable().await.unwrap();
    }
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.tree("t").unwrap().get(b"large").unwrap().unwrap(), value);
}

/// Runs itself again under strace and counts the fdatasync calls that the kernel saw on the log file.
#[test]
fn durable_calls_fsync_on_the_log() {
    const ROUNDS: u32 = 5;
    if let Some(folder) = std::env::var_os("WIA_STORE_TRACED") {
        return tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = Store::open(Path::new(&folder)).unwrap();
            let tree = store.tree("t").unwrap();
            for round in 0..ROUNDS {
                tree.insert(round.to_be_bytes(), b"v").unwrap();
                store.durable().await.unwrap();
            }
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let run = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "tests::durable_calls_fsync_on_the_log"])
        .env("WIA_STORE_TRACED", folder.path().join("store"))
        .output()
        .expect("strace is needed: scripts/test says how to get it");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let seen = std::fs::read_to_string(&trace).unwrap();
    let synced = seen.lines().filter(|l| l.contains("fdatasync(") && l.contains("/store/db>")).count();
    assert!(synced >= ROUNDS as usize, "{ROUNDS} acknowledgements, {synced} fdatasync calls:\n{seen}");
}

#[tokio::test]
async fn room_is_refused_when_there_is_not_that_much() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.ensure_room(1).unwrap();
    let refused = store.ensure_room(u64::MAX).unwrap_err();
    assert!(matches!(refused, StoreError::NoRoom { .. }), "{refused}");
    assert!(refused.to_string().contains("free some space"), "{refused}");
}
