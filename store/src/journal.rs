//! An append-only log in files of its own: records under ascending keys, each with a checksum.
//!
//! In: records that one writer appends, a batch at a time, and [`Journal::sync`]. Out: records by key, and the one
//! below a key. What was synced survives a power cut; what was not may be there after a crash or not, but always as a
//! whole and without gaps: opening cuts a torn end off. sled holds what is looked up and changed; this holds what is
//! only ever added, at the price of its bytes.
//!
//! ```text
//! <first key>.log   magic(8), then records: length(4) checksum(4) key(8) payload      numbers little-endian
//! <first key>.pos   rows of a full file: key(8) position(4); derived, made again when it is missing
//! ```

mod segment;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use segment::{Rows, Segment};

/// Tables of positions of full files that are kept in memory; the one used longest ago goes first.
const CACHED_TABLES: usize = 8;

/// What can go wrong with a journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// The disk is full. Nothing of the batch was kept; the same call may be made again when there is room.
    #[error("{path}: the disk is full; free some space, it goes on by itself")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("{path}: {reason}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Bytes that were acknowledged are not what was written.
    #[error(
        "{path} is damaged at byte {position}: {reason}; restore the folder from a copy, or begin an empty one"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it.
        position: u64,
        /// What does not fit.
        reason: &'static str,
    },
    /// An earlier write or sync failed in a way that leaves the disk's content unknown.
    #[error(
        "{path}: an earlier failure ({reason}) left the disk's content unknown; restart to read it again"
    )]
    Unknown {
        /// The folder.
        path: PathBuf,
        /// The first failure.
        reason: String,
    },
}

/// A handle; clones share the files. Any number of readers, one writer at a time.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    segment_bytes: u64,
    state: RwLock<State>,
    tables: Mutex<VecDeque<(u64, Arc<Rows>)>>,
}

struct State {
    /// By first key. The last one is written to.
    segments: BTreeMap<u64, Arc<Segment>>,
    /// Rows of the last one.
    rows: Rows,
    /// The first failure after which nothing is written any more.
    failed: Option<String>,
}

impl Journal {
    /// Opens, or creates, the journal in `folder`; a file is full at `segment_bytes`. The caller makes sure that no
    /// other process has it (the store's lock does).
    ///
    /// # Errors
    /// [`JournalError::Io`]; [`JournalError::Damaged`] when records follow one that does not read.
    pub fn open(folder: &Path, segment_bytes: u64) -> Result<Self, JournalError> {
        std::fs::create_dir_all(folder).map_err(|e| io(folder, &e))?;
        sync_folder(folder.parent().unwrap_or(folder))?;
        let mut segments = BTreeMap::new();
        for file in std::fs::read_dir(folder).map_err(|e| io(folder, &e))? {
            let path = file.map_err(|e| io(folder, &e))?.path();
            if let Some(first) = segment::first_key(&path) {
                segments.insert(first, Arc::new(Segment::open(path)?));
            }
        }
        let rows = match segments.last_entry() {
            Some(last) => {
                let rows = last.get().recover()?;
                if rows.is_empty() {
                    // Created, and killed before its first record.
                    last.remove().remove()?;
                }
                rows
            }
            None => Rows::default(),
        };
        let mut state = State { segments, rows, failed: None };
        if state.rows.is_empty()
            && let Some(last) = state.segments.values().next_back()
        {
            state.rows = last.recover()?;
        }
        let inner = Inner {
            folder: folder.to_owned(),
            segment_bytes: segment_bytes.min(u64::from(u32::MAX) / 2),
            state: RwLock::new(state),
            tables: Mutex::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Appends records, whose keys must ascend from the last one's. All of them or none.
    ///
    /// # Errors
    /// [`JournalError::Full`], after which the call may be repeated; [`JournalError::Io`]; [`JournalError::Unknown`].
    ///
    /// # Panics
    /// When a key does not ascend, or a payload is empty or 2 GiB long: the caller's mistake, before anything is
    /// written.
    pub fn append(&self, records: &[(u64, Vec<u8>)]) -> Result<(), JournalError> {
        let Some((first, _)) = records.first() else { return Ok(()) };
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        self.refuse_if_failed(&state)?;
        let last = state.rows.last().map(|(key, _)| key);
        let mut keys = last.into_iter().chain(records.iter().map(|(key, _)| *key));
        assert!(keys.by_ref().is_sorted_by(|a, b| a < b), "keys ascend");
        // A batch goes into one file, so that taking it back is one truncation.
        let full = state.segments.values().next_back().is_none_or(|s| s.end() >= self.0.segment_bytes);
        if full {
            self.begin_segment(&mut state, *first)?;
        }
        let State { segments, rows, failed } = &mut *state;
        let Some(active) = segments.values().next_back() else { return Ok(()) };
        active.append(records, rows).inspect_err(|e| {
            if !matches!(e, JournalError::Full { .. }) {
                failed.get_or_insert_with(|| e.to_string());
            }
        })
    }

    /// Returns once everything that was appended before the call survives a power cut. Blocks on the disk.
    ///
    /// # Errors
    /// [`JournalError::Io`] and from then on [`JournalError::Unknown`]: after a failed fsync the kernel may have
    /// dropped the pages, so only a restart, which reads the disk, tells what is there.
    pub fn sync(&self) -> Result<(), JournalError> {
        let active = {
            let state = self.read();
            self.refuse_if_failed(&state)?;
            state.segments.values().next_back().cloned()
        };
        let Some(active) = active else { return Ok(()) };
        active.sync().inspect_err(|e| {
            let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
            state.failed.get_or_insert_with(|| e.to_string());
        })
    }

    /// The payload under `key`; `None` when there is none.
    ///
    /// # Errors
    /// [`JournalError::Io`], [`JournalError::Damaged`].
    pub fn get(&self, key: u64) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.at_or_before(key)?.filter(|(found, _)| *found == key).map(|(_, payload)| payload))
    }

    /// The last record below `key`.
    ///
    /// # Errors
    /// As [`Journal::get`].
    pub fn before(&self, key: u64) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        match key.checked_sub(1) {
            Some(key) => self.at_or_before(key),
            None => Ok(None),
        }
    }

    /// The last record at or below `key`.
    ///
    /// # Errors
    /// As [`Journal::get`].
    pub fn at_or_before(&self, key: u64) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        let (segment, row) = {
            let state = self.read();
            let Some((first, segment)) = state.segments.range(..=key).next_back() else { return Ok(None) };
            let active = state.segments.keys().next_back() == Some(first);
            (segment.clone(), active.then(|| state.rows.at_or_before(key)))
        };
        let row = match row {
            Some(row) => row,
            None => self.table(&segment)?.at_or_before(key),
        };
        row.map(|(key, position)| Ok((key, segment.read(key, position)?))).transpose()
    }

    /// The first key that is still there.
    #[must_use]
    pub fn first_key(&self) -> Option<u64> {
        self.read().segments.keys().next().copied()
    }

    /// The last key.
    #[must_use]
    pub fn last_key(&self) -> Option<u64> {
        self.read().rows.last().map(|(key, _)| key)
    }

    /// Bytes on disk.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.read().segments.values().map(|s| s.end()).sum()
    }

    /// Removes the files that hold only records below `key`; the rest of what is below stays. Gives the first key
    /// that is still there.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn forget_before(&self, key: u64) -> Result<Option<u64>, JournalError> {
        loop {
            let oldest = {
                let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
                let mut firsts = state.segments.keys().copied();
                match (firsts.next(), firsts.next()) {
                    (Some(oldest), Some(next)) if next <= key => state.segments.remove(&oldest),
                    (oldest, _) => return Ok(oldest),
                }
            };
            if let Some(oldest) = oldest {
                // Readers that hold it finish with it: an unlinked file lives as long as it is open.
                oldest.remove()?;
            }
        }
    }

    fn begin_segment(&self, state: &mut State, first: u64) -> Result<(), JournalError> {
        if let Some(full) = state.segments.values().next_back() {
            full.sync().inspect_err(|e| state.failed = Some(e.to_string()))?;
            full.write_table(&state.rows)?;
        }
        let path = segment::path(&self.0.folder, first);
        let segment = Segment::create(path)?;
        sync_folder(&self.0.folder)?;
        state.segments.insert(first, Arc::new(segment));
        state.rows = Rows::default();
        Ok(())
    }

    /// The table of a full file.
    fn table(&self, segment: &Arc<Segment>) -> Result<Arc<Rows>, JournalError> {
        let name = segment.first();
        {
            let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = tables.iter().position(|(first, _)| *first == name)
                && let Some(hit) = tables.remove(place)
            {
                let rows = hit.1.clone();
                tables.push_back(hit);
                return Ok(rows);
            }
        }
        let rows = Arc::new(segment.table()?);
        let mut tables = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= CACHED_TABLES {
            tables.pop_front();
        }
        tables.push_back((name, rows.clone()));
        Ok(rows)
    }

    fn refuse_if_failed(&self, state: &State) -> Result<(), JournalError> {
        match &state.failed {
            None => Ok(()),
            Some(reason) => {
                Err(JournalError::Unknown { path: self.0.folder.clone(), reason: reason.clone() })
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Every change of the state is made whole before the lock is given back.
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder's own entries are durable only once the folder is synced.
fn sync_folder(folder: &Path) -> Result<(), JournalError> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| io(folder, &e))
}

fn io(path: &Path, error: &std::io::Error) -> JournalError {
    match error.kind() {
        // The last one is what a limit on the size of files (`ulimit -f`) says.
        std::io::ErrorKind::StorageFull
        | std::io::ErrorKind::QuotaExceeded
        | std::io::ErrorKind::FileTooLarge => JournalError::Full { path: path.to_owned() },
        _ => JournalError::Io { path: path.to_owned(), reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
