//! One flush and fsync for all who wait: a thread that drains its queue, makes the log durable once, and
//! answers everyone it drained.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::{Journal, StoreError};

type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// The longest a caller's write may wait in the group-commit queue before others are refused: capacity of
/// the queue, in waiting requests. When it is full, callers wait for a place (back-pressure, nothing lost).
const WAITING_COMMITS: usize = 4_096;

/// One fsync for all who wait for one. Clones share the thread; the last one to go waits for it, so that the files are
/// closed by then.
#[derive(Clone)]
pub struct Commits(Arc<Committer>);

struct Committer {
    queue: Option<mpsc::Sender<Waiter>>,
    thread: Option<JoinHandle<()>>,
}

/// Of sled's files.
pub(crate) fn of_database(db: sled::Db, path: &Path) -> io::Result<Commits> {
    let mut files = DurableFiles::open(path)?;
    Commits::start(path, move || {
        db.flush().map_err(|e| e.to_string())?;
        with_descriptors(|| files.sync()).map_err(|e| e.to_string())
    })
}

/// Of a journal's files.
pub(crate) fn of_journal(journal: Journal, path: &Path) -> io::Result<Commits> {
    Commits::start(path, move || journal.sync().map_err(|e| e.to_string()))
}

impl Commits {
    fn start(path: &Path, commit: impl FnMut() -> Result<(), String> + Send + 'static) -> io::Result<Self> {
        let (queue, waiting) = mpsc::channel(WAITING_COMMITS);
        let path = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || serve(waiting, commit, &path))?;
        Ok(Self(Arc::new(Committer { queue: Some(queue), thread: Some(thread) })))
    }

    /// Returns once everything that was written before the call survives a power cut.
    ///
    /// # Errors
    /// [`StoreError::Engine`] when flush or fsync fails: what was written is then **not** acknowledged, now or later.
    pub async fn durable(&self) -> Result<(), StoreError> {
        let (done, answer) = oneshot::channel();
        let queue = self.0.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(done).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has already failed every waiter with `Closed`.
            let _ = thread.join();
        }
    }
}

fn serve(mut waiting: mpsc::Receiver<Waiter>, mut commit: impl FnMut() -> Result<(), String>, path: &Path) {
    let mut group = Vec::new();
    // The first failure is the last word: after a failed fsync the kernel may have dropped the pages, and the next
    // fsync succeed without them (so PostgreSQL learned). Only a restart, which reads the disk, makes it good.
    let mut failed = None;
    // Whoever joins while a commit runs is served by the next one: their writes may not be in this one.
    while let Some(first) = waiting.blocking_recv() {
        group.push(first);
        while let Ok(next) = waiting.try_recv() {
            group.push(next);
        }
        let began = Instant::now();
        let result = match &failed {
            None => commit().map_err(|reason| StoreError::Engine { path: path.to_owned(), reason }),
            Some(error) => Err(StoreError::clone(error)),
        };
        if let Err(error) = &result {
            failed.get_or_insert_with(|| error.clone());
        }
        metrics::histogram!("wia_store_commit_seconds").record(began.elapsed());
        metrics::histogram!("wia_store_commit_group").record(u32::try_from(group.len()).unwrap_or(u32::MAX));
        for waiter in group.drain(..) {
            // A waiter that went away has nobody to tell; its write is durable all the same.
            let _ = waiter.send(result.clone());
        }
    }
}

/// Runs `sync` again while the process has no file descriptor to spare: that is no failure of the disk, and passes
/// when connections end. Bounded.
fn with_descriptors(mut sync: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    const PAUSE: Duration = Duration::from_millis(100);
    const TRIES: u32 = 300;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    for _ in 1..TRIES {
        match sync() {
            Err(e) if matches!(e.raw_os_error(), Some(EMFILE | ENFILE)) => std::thread::park_timeout(PAUSE),
            done => return done,
        }
    }
    sync()
}

/// The files behind a sled database that hold acknowledged data: the log, and blobs (pages too large for
/// a log segment, each its own file).
struct DurableFiles {
    log: File,
    blobs: PathBuf,
    synced_blobs: HashSet<OsString>,
}

impl DurableFiles {
    fn open(path: &Path) -> io::Result<Self> {
        // A new folder's entries are durable only once the folders themselves are synced.
        let blobs = path.join("blobs");
        for folder in [path.parent().filter(|p| !p.as_os_str().is_empty()), Some(path)].into_iter().flatten()
        {
            File::open(folder)?.sync_all()?;
        }
        Ok(Self { log: File::open(path.join("db"))?, blobs, synced_blobs: HashSet::new() })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_new_blobs()?;
        self.log.sync_data()
    }

    fn sync_new_blobs(&mut self) -> io::Result<()> {
        let entries = match std::fs::read_dir(&self.blobs) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e),
        };
        let mut present = HashSet::new();
        let mut any_new = false;
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            if !self.synced_blobs.contains(&name) {
                match File::open(entry.path()) {
                    Ok(file) => file.sync_all()?,
                    // Removed by the engine between listing and opening: nothing refers to it any more.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                    Err(e) => return Err(e),
                }
                any_new = true;
            }
            present.insert(name);
        }
        if any_new {
            File::open(&self.blobs)?.sync_all()?;
        }
        self.synced_blobs = present;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_failed_commit_nothing_is_acknowledged_any_more() {
        let (queue, waiting) = mpsc::channel(4);
        let mut results = [Ok(()), Err("disk full".to_owned()), Ok(())].into_iter();
        let thread = std::thread::spawn(move || {
            serve(waiting, || results.next().unwrap_or(Ok(())), Path::new("somewhere"));
        });
        for acknowledged in [true, false, false, false] {
            let (done, answer) = oneshot::channel();
            queue.send(done).await.unwrap();
            assert_eq!(answer.await.unwrap().is_ok(), acknowledged);
        }
        drop(queue);
        thread.join().unwrap();
    }
}
