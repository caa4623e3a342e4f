//! The embedded store: one sled database of named trees with one promise, [`Store::durable`], and beside it
//! [`journal`], files for what is only ever added.
//!
//! In: writes that rooms made to their own trees. Out: the point from which a power cut cannot take them
//! back. sled 0.34's `flush` is `sync_file_range`, which survives a killed process but not a power cut, so
//! "acknowledged" here means flushed **and** fsynced, with one fsync shared by all who wait for one
//! (group commit). Serves the rule "acknowledged means on disk" of every room that keeps state.

mod group_commit;
pub mod journal;

use std::path::{Path, PathBuf};

pub use group_commit::Commits;
pub use journal::{Journal, JournalError};
pub use sled;

/// What can go wrong with the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the folder.
    #[error("the data folder {path} is in use by another process; stop it or choose another folder")]
    InUse {
        /// The folder that was asked for.
        path: PathBuf,
    },
    /// The engine or the file system refused.
    #[error("store at {path}: {reason}")]
    Engine {
        /// The folder of the database.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// The journal refused.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Too little is left for what is to be written. Nothing was; the same call may be made again when there is room.
    #[error("{path}: less than {needed_mib} MiB are left on the disk; free some space, it goes on by itself")]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// What is needed, MiB.
        needed_mib: u64,
    },
    /// The committer has gone (only while the process is ending).
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether the same call succeeds once there is room on the disk.
    #[must_use]
    pub fn wants_room(&self) -> bool {
        matches!(self, Self::Journal(JournalError::Full { .. }) | Self::NoRoom { .. })
    }
}

/// A handle to the database; clones share it. The files are closed when the last clone is dropped.
#[derive(Clone)]
pub struct Store {
    db: sled::Db,
    path: PathBuf,
    commits: Commits,
}

impl Store {
    /// Opens, or creates, the database in `path`.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process holds it; [`StoreError::Engine`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Engine { path: path.to_owned(), reason };
        std::fs::create_dir_all(path).map_err(|e| refused(e.to_string()))?;
        // Without `flush_every_ms` a background thread would flush at its own pace; ours is the only one.
        let db =
            sled::Config::new().path(path).flush_every_ms(None).cache_capacity(64 << 20).open().map_err(
                |e| match e {
                    sled::Error::Io(io) if io.kind() == std::io::ErrorKind::Other => {
                        StoreError::InUse { path: path.to_owned() }
                    }
                    other => refused(other.to_string()),
                },
            )?;
        let commits = group_commit::of_database(db.clone(), path).map_err(|e| refused(e.to_string()))?;
        Ok(Self { db, path: path.to_owned(), commits })
    }

    /// The named tree, made when it is not there yet.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when the engine cannot make it.
    pub fn tree(&self, name: &str) -> Result<sled::Tree, StoreError> {
        self.db.open_tree(name).map_err(|e| self.refused(&e))
    }

    /// The named journal, made when it is not there yet; a file of it is full at `file_bytes`. It lies in the folder of
    /// the database, whose lock keeps other processes off. Open each once.
    ///
    /// # Errors
    /// [`StoreError::Journal`].
    pub fn journal(&self, name: &str, file_bytes: u64) -> Result<Journal, StoreError> {
        let folders = self.path.join("journals");
        std::fs::create_dir_all(&folders).map_err(|e| self.refused(&e))?;
        Ok(Journal::open(&folders.join(name), file_bytes)?)
    }

    /// Refuses when less than `bytes` are left on the disk: the engine does not survive a disk that fills up while it
    /// writes, so large writes ask first.
    ///
    /// # Errors
    /// [`StoreError::NoRoom`]; [`StoreError::Engine`] when the file system does not say.
    pub fn ensure_room(&self, bytes: u64) -> Result<(), StoreError> {
        let disk = rustix::fs::statvfs(&self.path).map_err(|e| self.refused(&e))?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) >= bytes {
            return Ok(());
        }
        Err(StoreError::NoRoom { path: self.path.clone(), needed_mib: bytes.div_ceil(1 << 20) })
    }

    /// Returns once everything that was written to trees before the call survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when flush or fsync fails: what was written is then **not** acknowledged.
    pub async fn durable(&self) -> Result<(), StoreError> {
        self.commits.durable().await
    }

    /// Shared fsyncs of a journal, whose [`Journal::sync`] one thread calls for all who wait.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when there is no thread to be had.
    pub fn commits(&self, journal: &Journal) -> Result<Commits, StoreError> {
        group_commit::of_journal(journal.clone(), &self.path).map_err(|e| self.refused(&e))
    }

    /// The folder of the database.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Wraps what the engine said, with the folder as its operand.
    #[must_use]
    pub fn refused(&self, error: &dyn std::fmt::Display) -> StoreError {
        StoreError::Engine { path: self.path.clone(), reason: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
