//! The file of an export: it grows under a name of its own beside the output and takes the output's name when it is whole
//! and on disk. One that is given up is removed; of a process that is killed a `.….part` stays behind.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use parquet::errors::ParquetError;
use serde_json::value::RawValue;
use tempfile::NamedTempFile;

use super::csv::Csv;
use super::jsonl::JsonLines;
use super::parquet::Parquet;
use super::{ExportError, Format};

/// One format: messages in, bytes of a file out.
pub(super) trait Rows: Send {
    /// Adds a message.
    fn write(&mut self, message: &RawValue) -> Result<(), WriteError>;

    /// Writes what comes last. Without it the file is not whole.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// Why a row cannot be written.
pub(super) enum WriteError {
    /// The message is at fault.
    Message(ExportError),
    /// The file is.
    File(io::Error),
}

impl From<ExportError> for WriteError {
    fn from(error: ExportError) -> Self {
        Self::Message(error)
    }
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<ParquetError> for WriteError {
    fn from(error: ParquetError) -> Self {
        Self::File(io::Error::other(error))
    }
}

/// An output that is not whole yet.
pub(super) struct Output {
    path: PathBuf,
    replace: bool,
    part: NamedTempFile,
    rows: Box<dyn Rows>,
}

impl Output {
    /// Begins one; an output that is there is replaced in the end, if `replace`, and else refused.
    pub(super) fn begin(path: &Path, format: Format, replace: bool) -> Result<Self, ExportError> {
        let Some(name) = path.file_name() else {
            return Err(ExportError::Usage(format!("--output {}: names no file", path.display())));
        };
        if !replace && path.exists() {
            return Err(taken(path));
        }
        let failed = |reason: io::Error| ExportError::File { path: path.to_owned(), reason };
        let mut prefix = std::ffi::OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        // What the umask leaves of it.
        let mode = Permissions::from_mode(0o666);
        let mut builder = tempfile::Builder::new();
        let part = builder.prefix(&prefix).suffix(".part").permissions(mode).tempfile_in(folder(path));
        let part = part.map_err(failed)?;
        let file = part.as_file().try_clone().map_err(failed)?;
        let rows: Result<Box<dyn Rows>, WriteError> = match format {
            Format::Parquet => Parquet::begin(file).map(|rows| Box::new(rows) as _),
            Format::Csv => Csv::begin(file).map(|rows| Box::new(rows) as _),
            Format::Jsonl => Ok(Box::new(JsonLines::begin(file))),
        };
        let rows = rows.map_err(|error| of(path, error))?;
        Ok(Self { path: path.to_owned(), replace, part, rows })
    }

    /// Adds messages.
    pub(super) fn write(&mut self, messages: &[Box<RawValue>]) -> Result<(), ExportError> {
        messages.iter().try_for_each(|m| self.rows.write(m)).map_err(|error| of(&self.path, error))
    }

    /// Makes it whole under the output's name; its size in bytes.
    pub(super) fn finish(self) -> Result<u64, ExportError> {
        let Self { path, replace, part, rows } = self;
        place(part, rows, &path, replace)
    }

    /// Makes it whole under a name that says at which cursor it ends: `events.until-7.1.csv` for `events.csv`.
    pub(super) fn keep(self, cursor: &str) -> Result<PathBuf, ExportError> {
        let path = self.path.with_file_name(kept_name(&self.path, cursor));
        place(self.part, self.rows, &path, true)?;
        Ok(path)
    }
}

/// The name of what is kept of an output that was given up at a cursor.
pub(super) fn kept_name(path: &Path, cursor: &str) -> String {
    // A cursor is a node's text: nothing of it may lead to another folder.
    let cursor: String = cursor
        .chars()
        .take(64)
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .collect();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    format!("{stem}.until-{cursor}{extension}")
}

fn place(part: NamedTempFile, rows: Box<dyn Rows>, path: &Path, replace: bool) -> Result<u64, ExportError> {
    let failed = |reason: io::Error| ExportError::File { path: path.to_owned(), reason };
    rows.finish().map_err(|error| of(path, error))?;
    part.as_file().sync_all().map_err(failed)?;
    let placed = if replace { part.persist(path) } else { part.persist_noclobber(path) };
    let file = placed.map_err(|e| match e.error.kind() {
        io::ErrorKind::AlreadyExists => taken(path),
        _ => failed(e.error),
    })?;
    let bytes = file.metadata().map_err(failed)?.len();
    File::open(folder(path)).and_then(|folder| folder.sync_all()).map_err(failed)?;
    Ok(bytes)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn taken(path: &Path) -> ExportError {
    ExportError::Usage(format!("--output {}: is there already; --force replaces it", path.display()))
}

fn of(path: &Path, error: WriteError) -> ExportError {
    match error {
        WriteError::Message(error) => error,
        WriteError::File(reason) => ExportError::File { path: path.to_owned(), reason },
    }
}
