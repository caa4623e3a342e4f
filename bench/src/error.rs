//! Why a run failed. Slow is not a failure; wrong is.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

/// Everything that ends a run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// A file or folder.
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: std::io::Error },
    /// A program that is not there or does not run.
    #[error("cannot start {program}: {reason}")]
    Start { program: PathBuf, reason: std::io::Error },
    /// A program that ended while it was needed.
    #[error("{program} ended ({status}) while it was needed; the end of its output:\n{output}")]
    Ended { program: PathBuf, status: ExitStatus, output: String },
    /// Something that was waited for.
    #[error("{what}: not within {after:?}")]
    TimedOut { what: String, after: Duration },
    /// HTTP or WebSocket.
    #[error("{url}: {reason}")]
    Connection { url: String, reason: String },
    /// A JSON-RPC call.
    #[error("{method}: {reason}")]
    Rpc { method: String, reason: String },
    /// An answer that does not look as it should.
    #[error("{what}: cannot read it: {reason}")]
    Malformed { what: String, reason: String },
    /// A wrong answer: an event missing, doubled, out of order.
    #[error("wrong: {0}")]
    Wrong(String),
    /// A command line that cannot be carried out.
    #[error("{0}")]
    Refused(String),
}

impl BenchError {
    /// For `map_err` on what was done with `path`.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::File { path, reason }
    }

    /// For `map_err` on a conversation with `url`.
    pub(crate) fn connection<E: std::fmt::Display>(url: &str) -> impl FnOnce(E) -> Self {
        move |reason| Self::Connection { url: url.to_owned(), reason: reason.to_string() }
    }

    /// For `map_err` on reading `what`.
    pub(crate) fn malformed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Self {
        move |reason| Self::Malformed { what: what.to_owned(), reason: reason.to_string() }
    }
}
