//! One file of a journal: records behind a magic number, found by a table of keys and positions.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::{JournalError, io};

const MAGIC: &[u8; 8] = b"WIALOG\x00\x01";

/// length(4) checksum(4) key(8)
const HEAD_BYTES: usize = 16;

/// The largest payload: what a damaged length could make us take.
const MAX_PAYLOAD_BYTES: usize = 1 << 31;

/// How much is read at once when a file is gone through.
const CHUNK_BYTES: usize = 1 << 20;

/// Keys and positions of a file's records, ascending.
#[derive(Debug, Default)]
pub(super) struct Rows(Vec<(u64, u32)>);

impl Rows {
    pub(super) fn last(&self) -> Option<(u64, u32)> {
        self.0.last().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn at_or_before(&self, key: u64) -> Option<(u64, u32)> {
        let after = self.0.partition_point(|(k, _)| *k <= key);
        after.checked_sub(1).map(|at| self.0[at])
    }
}

/// One file.
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    end: AtomicU64,
}

/// The file whose first record has that key.
pub(super) fn path(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}.log"))
}

/// The key in a file's name; `None` for other files.
pub(super) fn first_key(path: &Path) -> Option<u64> {
    let of_ours = path.extension().is_some_and(|e| e == "log");
    path.file_stem().filter(|_| of_ours)?.to_str()?.parse().ok()
}

impl Segment {
    pub(super) fn create(path: PathBuf) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(|e| io(&path, &e))?;
        if let Err(error) = file.write_all_at(MAGIC, 0) {
            // Without its beginning the file would be in the way of the next attempt's reader.
            let _ = std::fs::remove_file(&path);
            return Err(io(&path, &error));
        }
        Ok(Self { path, file, end: AtomicU64::new(MAGIC.len() as u64) })
    }

    pub(super) fn open(path: PathBuf) -> Result<Self, JournalError> {
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(|e| io(&path, &e))?;
        let length = file.metadata().map_err(|e| io(&path, &e))?.len();
        Ok(Self { path, file, end: AtomicU64::new(length) })
    }

    pub(super) fn first(&self) -> u64 {
        first_key(&self.path).unwrap_or_default()
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|e| io(&self.path, &e))
    }

    /// Unlinks the file and its table.
    pub(super) fn remove(&self) -> Result<(), JournalError> {
        match std::fs::remove_file(self.table_path()) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io(&self.table_path(), &e)),
            _ => std::fs::remove_file(&self.path).map_err(|e| io(&self.path, &e)),
        }
    }

    /// Writes records behind the last and notes them in `rows`. Takes back what it wrote when it fails.
    pub(super) fn append(&self, records: &[(u64, Vec<u8>)], rows: &mut Rows) -> Result<(), JournalError> {
        let (start, known) = (self.end(), rows.0.len());
        let mut bytes = Vec::with_capacity(records.iter().map(|(_, p)| p.len() + HEAD_BYTES).sum());
        for (key, payload) in records {
            assert!(!payload.is_empty() && payload.len() < MAX_PAYLOAD_BYTES, "a payload has a length");
            let position = start + bytes.len() as u64;
            // A file begins below half of what a position can say, and a batch is far below the other half.
            rows.0.push((*key, u32::try_from(position).unwrap_or(u32::MAX)));
            bytes.extend((payload.len() as u32).to_le_bytes());
            bytes.extend(checksum(*key, payload).to_le_bytes());
            bytes.extend(key.to_le_bytes());
            bytes.extend(payload);
        }
        assert!(start + bytes.len() as u64 <= u64::from(u32::MAX), "a batch fits its file");
        if let Err(error) = self.file.write_all_at(&bytes, start) {
            rows.0.truncate(known);
            // If the rest cannot be cut off now, the next append writes over it, or the next opening cuts it off.
            let _ = self.file.set_len(start);
            return Err(io(&self.path, &error));
        }
        self.end.store(start + bytes.len() as u64, Ordering::Release);
        Ok(())
    }

    /// The payload of the record at `position`, which must be `key`'s.
    pub(super) fn read(&self, key: u64, position: u32) -> Result<Vec<u8>, JournalError> {
        let position = u64::from(position);
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact_at(&mut head, position).map_err(|e| io(&self.path, &e))?;
        let (length, sum, found) = parse(&head);
        if found != key || length as u64 + position > self.end() {
            return Err(self.damaged(position, "another record stands there"));
        }
        let mut payload = vec![0; length];
        self.file
            .read_exact_at(&mut payload, position + HEAD_BYTES as u64)
            .map_err(|e| io(&self.path, &e))?;
        if checksum(key, &payload) != sum {
            return Err(self.damaged(position, "the checksum does not fit"));
        }
        Ok(payload)
    }

    /// Goes through the file that was written to last: gives its rows, and cuts a torn end off.
    pub(super) fn recover(&self) -> Result<Rows, JournalError> {
        let (rows, sound) = self.scan()?;
        let end = self.end();
        if sound < end {
            let mut rest = vec![0; usize::try_from(end - sound).unwrap_or(usize::MAX)];
            self.file.read_exact_at(&mut rest, sound).map_err(|e| io(&self.path, &e))?;
            if (1..rest.len()).any(|at| sound_record(&rest[at..]).is_some()) {
                // A torn write has nothing sound behind it. This was acknowledged once.
                return Err(self.damaged(sound, "it does not read, and records follow it"));
            }
            self.file.set_len(sound).map_err(|e| io(&self.path, &e))?;
            self.file.sync_all().map_err(|e| io(&self.path, &e))?;
            self.end.store(sound, Ordering::Release);
        }
        if sound < MAGIC.len() as u64 {
            self.file.write_all_at(MAGIC, 0).map_err(|e| io(&self.path, &e))?;
            self.end.store(MAGIC.len() as u64, Ordering::Release);
        }
        Ok(rows)
    }

    /// The rows of a full file: from its table, or from the file when the table is missing.
    pub(super) fn table(&self) -> Result<Rows, JournalError> {
        if let Ok(bytes) = std::fs::read(self.table_path())
            && let Some((rows, sum)) = bytes.split_last_chunk::<4>()
            && crc32fast::hash(rows) == u32::from_le_bytes(*sum)
        {
            let rows = rows.chunks_exact(12).map(|row| (number(&row[..8]), number(&row[8..]) as u32));
            return Ok(Rows(rows.collect()));
        }
        let (rows, sound) = self.scan()?;
        if sound < self.end() {
            return Err(self.damaged(sound, "it does not read"));
        }
        self.write_table(&rows)?;
        Ok(rows)
    }

    /// Writes the table of a file that is full. It is derived: losing it costs one pass over the file.
    pub(super) fn write_table(&self, rows: &Rows) -> Result<(), JournalError> {
        let mut bytes = Vec::with_capacity(rows.0.len() * 12 + 4);
        for (key, position) in &rows.0 {
            bytes.extend(key.to_le_bytes());
            bytes.extend(position.to_le_bytes());
        }
        let sum = crc32fast::hash(&bytes);
        bytes.extend(sum.to_le_bytes());
        std::fs::write(self.table_path(), bytes).map_err(|e| io(&self.table_path(), &e))
    }

    fn table_path(&self) -> PathBuf {
        self.path.with_extension("pos")
    }

    /// The rows of all sound records from the beginning, and where they end.
    fn scan(&self) -> Result<(Rows, u64), JournalError> {
        let mut magic = [0; MAGIC.len()];
        if self.end() < MAGIC.len() as u64 {
            return Ok((Rows::default(), 0));
        }
        self.file.read_exact_at(&mut magic, 0).map_err(|e| io(&self.path, &e))?;
        if magic != *MAGIC {
            return Err(self.damaged(0, "it is no journal of this format"));
        }
        let (mut rows, mut at) = (Rows::default(), MAGIC.len() as u64);
        let (mut buffer, mut begins) = (Vec::new(), at);
        loop {
            let seen = usize::try_from(at - begins).unwrap_or(usize::MAX);
            if let Some((key, size)) = sound_record(&buffer[seen..]) {
                rows.0.push((key, u32::try_from(at).unwrap_or(u32::MAX)));
                at += size as u64;
                continue;
            }
            // Either more must be read, or here it ends.
            let left = self.end() - at;
            let wanted = match buffer[seen..].first_chunk() {
                Some(head) => (parse(head).0 + HEAD_BYTES).max(CHUNK_BYTES),
                None => CHUNK_BYTES,
            };
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(wanted);
            if wanted <= buffer.len() - seen {
                return Ok((rows, at));
            }
            buffer.resize(wanted, 0);
            self.file.read_exact_at(&mut buffer, at).map_err(|e| io(&self.path, &e))?;
            begins = at;
        }
    }

    fn damaged(&self, position: u64, reason: &'static str) -> JournalError {
        JournalError::Damaged { path: self.path.clone(), position, reason }
    }
}

/// The key and the size of the record at the beginning of `bytes`, when it is there whole and sound.
fn sound_record(bytes: &[u8]) -> Option<(u64, usize)> {
    let (length, sum, key) = parse(bytes.first_chunk()?);
    let payload = bytes[HEAD_BYTES..].get(..length).filter(|p| !p.is_empty())?;
    (checksum(key, payload) == sum).then_some((key, HEAD_BYTES + length))
}

fn parse(head: &[u8; HEAD_BYTES]) -> (usize, u32, u64) {
    let length = number(&head[..4]) as usize;
    (length.min(MAX_PAYLOAD_BYTES), number(&head[4..8]) as u32, number(&head[8..]))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn checksum(key: u64, payload: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&key.to_le_bytes());
    sum.update(payload);
    sum.finalize()
}
