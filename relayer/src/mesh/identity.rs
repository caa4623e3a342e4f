//! The peer's key: an Ed25519 key pair in a file of the data folder, made at the first start.
//!
//! The peer id stands in other relayers' and wallets' configurations, so a broken file is an error and never
//! a reason to make a new key. Form: libp2p's protobuf encoding, which other libp2p tools read too.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use libp2p::identity::{KeyType, Keypair};

use super::MeshError;

/// Reads the key pair at `path`, or makes one and writes it there: readable by the owner only, and on the
/// disk when this returns. Blocks on the disk; the folder must exist.
///
/// # Errors
/// [`MeshError::Identity`] when the file cannot be read or written, holds no Ed25519 key, or may be read by
/// everyone.
pub fn identity(path: &Path) -> Result<Keypair, MeshError> {
    match std::fs::read(path) {
        Ok(bytes) => read(path, &bytes),
        Err(e) if e.kind() == ErrorKind::NotFound => create(path),
        Err(e) => Err(broken(path, format!("cannot be read: {e}"))),
    }
}

fn read(path: &Path, bytes: &[u8]) -> Result<Keypair, MeshError> {
    refuse_when_others_may_read(path)?;
    let key = Keypair::from_protobuf_encoding(bytes).map_err(|e| {
        broken(path, format!("holds no libp2p key ({e}); restore it, or delete it to get a new peer id"))
    })?;
    if key.key_type() != KeyType::Ed25519 {
        return Err(broken(path, format!("holds a key of type {}, not Ed25519", key.key_type())));
    }
    Ok(key)
}

fn create(path: &Path) -> Result<Keypair, MeshError> {
    let key = Keypair::generate_ed25519();
    let bytes = key.to_protobuf_encoding().map_err(|e| broken(path, e.to_string()))?;
    // Written beside and renamed: a crash leaves either no key or a whole one.
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    write_and_sync(&beside, &bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .and_then(|()| sync_folder(path))
        .map_err(|e| broken(path, format!("cannot be written: {e}")))?;
    Ok(key)
}

fn write_and_sync(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn refuse_when_others_may_read(path: &Path) -> Result<(), MeshError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(|e| broken(path, e.to_string()))?.permissions().mode();
    // The group is left to the operator: volumes of orchestrators open files to it.
    if mode & 0o007 == 0 {
        return Ok(());
    }
    Err(broken(path, format!("has mode {:03o}, so everyone may read it: chmod 600 it", mode & 0o777)))
}

#[cfg(not(unix))]
fn refuse_when_others_may_read(_path: &Path) -> Result<(), MeshError> {
    Ok(())
}

fn broken(path: &Path, reason: impl Into<String>) -> MeshError {
    MeshError::Identity { path: path.to_owned(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_is_the_same_peer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        let made = identity(&path).unwrap();
        let again = identity(&path).unwrap();
        assert_eq!(made.public().to_peer_id(), again.public().to_peer_id());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_broken_file_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        identity(&path).unwrap();
        let half = std::fs::read(&path).unwrap()[..20].to_vec();
        std::fs::write(&path, &half).unwrap();
        let refused = identity(&path).unwrap_err().to_string();
        assert!(refused.contains("peer.key") && refused.contains("no libp2p key"), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), half);
        assert!(identity(&folder.path().join("missing/peer.key")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        identity(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(identity(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
