//! `wia export`: the events of a node's log as a file, Parquet, CSV or JSON lines (C-006, C-007).
//!
//! In: pages of `GET /indexer/v1/events` of a running node, whose store stays its own. Out: one file, whole or not
//! there: it is written under another name beside its own and renamed when it is on disk. While a page is written the
//! next one is fetched; nothing is held but these two and, for Parquet, one row group.
//!
//! The file is of one chain: the hash of its last block is asked before the first page and after the last. When a reorg
//! came in between, the pages may be of two branches, and there is no file.

mod csv;
mod jsonl;
mod output;
mod pages;
mod parquet;
mod progress;
mod row;

use std::path::PathBuf;
use std::time::Duration;

use alloy::primitives::B256;
use clap::{Args, ValueEnum};
use tokio_util::sync::CancellationToken;

use super::say;
use output::Output;
use pages::{Page, Pages};
use progress::Progress;

/// Confirmations after which a block is final (C-097).
const FINAL_CONFIRMATIONS: u64 = 12;

/// Write the events of a node's log to a file: Parquet, CSV or JSON lines
///
/// By default up to the last final block, which has 12 confirmations: what is in the file then stays true, and the same
/// command over the same blocks gives the same rows. With --all, or a --to-block above the final one, the file may hold
/// events of blocks that a later reorg takes from the chain. A reorg that comes while the export runs ends it without a
/// file. The node goes on as before; its store is not touched.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The node, by its HTTP address
    #[arg(long, value_name = "URL", env = "WIA_NODE", default_value = "http://127.0.0.1:8080")]
    node: String,
    /// What to write; by default what the extension of the output says
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// The file; `.parquet`, `.csv`, `.jsonl` or `.ndjson` says its format
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Only events of this contract, by name or address; may be given several times
    #[arg(long, value_name = "CONTRACT")]
    contract: Vec<String>,
    /// Only events of this name, signature or topic 0; may be given several times
    #[arg(long, value_name = "EVENT")]
    event: Vec<String>,
    /// Only events that name this address; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<String>,
    /// The first block
    #[arg(long, value_name = "N")]
    from_block: Option<u64>,
    /// The last block; by default the last final one
    #[arg(long, value_name = "N")]
    to_block: Option<u64>,
    /// Go up to the head, final or not
    #[arg(long, conflicts_with_all = ["to_block", "final_only"])]
    all: bool,
    /// Leave out what is not final yet, whatever --to-block says
    #[arg(long)]
    final_only: bool,
    /// Go on strictly after this cursor, which an export that could not finish has named
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Replace the output when it is there
    #[arg(long)]
    force: bool,
}

/// What an export is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Apache Parquet, Snappy, row groups of 10,000
    Parquet,
    /// RFC 4180, with a header
    Csv,
    /// The node's own messages, one a line
    Jsonl,
}

/// Why an export stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("the node refuses: {0}")]
    Refused(String),
    #[error("the node's answer to {what} is not what it should be: {reason}")]
    Answer { what: &'static str, reason: String },
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: std::io::Error },
    #[error("{0}")]
    Usage(String),
    #[error("interrupted")]
    Interrupted,
    #[error(
        "block {block} was replaced while the export ran: the pages may be of two branches. Run it again; final blocks \
         (the default) are rarely replaced"
    )]
    Reorged { block: u64 },
    #[error("{reason}; {}; to go on from there: --cursor {cursor} --to-block {to_block}", kept(path.as_ref()))]
    Unfinished { reason: Box<ExportError>, cursor: String, to_block: u64, path: Option<PathBuf> },
}

fn kept(path: Option<&PathBuf>) -> String {
    match path {
        Some(path) => format!("what came before is in {}, which is whole", path.display()),
        None => "nothing was written".into(),
    }
}

/// The blocks of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    from: u64,
    to: u64,
}

impl Export {
    pub(crate) async fn run(self) -> Result<(), ExportError> {
        let format = self.format()?;
        let pages = Pages::of(&self.node)?;
        let status = pages.status().await?;
        let range = self.range(status.head)?;
        let branch = pages.block_hash(range.to).await?;
        let mut filter = vec![("toBlock", range.to.to_string())];
        filter.extend(self.from_block.map(|from| ("fromBlock", from.to_string())));
        for (name, items) in
            [("contract", &self.contract), ("event", &self.event), ("address", &self.address)]
        {
            filter.extend(items.iter().map(|item| (name, item.clone())));
        }
        let output = Output::begin(&self.output, format, self.force)?;
        let exported = self.copy(pages.with_filter(filter), output, range, branch).await?;
        let Exported { events, bytes, took } = exported;
        say(&format!(
            "exported {events} events of blocks {}…{} of chain {} to {}: {bytes} bytes in {}.{:03} s",
            range.from,
            range.to,
            status.chain_id,
            self.output.display(),
            took.as_secs(),
            took.subsec_millis(),
        ))
        .map_err(|reason| ExportError::File { path: "standard output".into(), reason })?;
        if status.first_offset.is_some_and(|first| first > 0) && self.cursor.is_none() {
            let _ = say(
                "the node's log does not reach back to its beginning: retention has removed older events",
            );
        }
        Ok(())
    }

    /// The format asked for, or the one that the output's extension names.
    fn format(&self) -> Result<Format, ExportError> {
        if let Some(format) = self.format {
            return Ok(format);
        }
        let extension = self.output.extension().and_then(|e| e.to_str()).unwrap_or_default();
        match extension.to_ascii_lowercase().as_str() {
            "parquet" => Ok(Format::Parquet),
            "csv" => Ok(Format::Csv),
            "jsonl" | "ndjson" => Ok(Format::Jsonl),
            _ => Err(ExportError::Usage(format!(
                "--output {}: the extension names no format; say --format parquet, csv or jsonl",
                self.output.display()
            ))),
        }
    }

    /// The blocks to export from a node whose head is at that height.
    fn range(&self, head: Option<u64>) -> Result<Range, ExportError> {
        let usage = |text: String| Err(ExportError::Usage(text));
        let Some(head) = head else { return usage("the node has no block yet".into()) };
        let last_final = (head + 1).checked_sub(FINAL_CONFIRMATIONS);
        let to = match (self.to_block, last_final) {
            (Some(to), _) if to > head => {
                return usage(format!("--to-block {to}: the node's head is {head}"));
            }
            (Some(to), _) if !self.final_only => to,
            (None, _) if self.all => head,
            (to, Some(last_final)) => to.unwrap_or(last_final).min(last_final),
            (_, None) => {
                return usage(format!(
                    "no block is final yet: the head is {head}, and final needs {FINAL_CONFIRMATIONS} confirmations; \
                     --all exports what is there"
                ));
            }
        };
        match self.from_block.unwrap_or(0) {
            from if from > to => {
                usage(format!("--from-block {from} is above the last block to export, {to}"))
            }
            from => Ok(Range { from, to }),
        }
    }

    /// Page after page, then the file under its name. `branch` is the hash of the last block.
    async fn copy(
        &self,
        mut pages: Pages,
        output: Output,
        range: Range,
        branch: B256,
    ) -> Result<Exported, ExportError> {
        let stop = CancellationToken::new();
        tokio::spawn(super::node::stop_on_signal(stop.clone()));
        let mut progress = Progress::new(range);
        let mut output = output;
        let mut at = self.cursor.clone();
        let mut fetched = fetch(&stop, &mut pages, at.as_deref()).await;
        loop {
            let Page { events, next } = match fetched {
                Ok(page) => page,
                Err(reason) => return Err(unfinished(reason, output, at, range, progress.events())),
            };
            progress.reached(&events);
            let writing = tokio::task::spawn_blocking(move || output.write(&events).map(|()| output));
            fetched = match &next {
                Some(next) => fetch(&stop, &mut pages, Some(next)).await,
                None => Ok(Page::default()),
            };
            output = joined(writing.await)??;
            match next {
                Some(_) => at = next,
                None => break,
            }
        }
        if pages.block_hash(range.to).await? != branch {
            return Err(ExportError::Reorged { block: range.to });
        }
        let bytes = joined(tokio::task::spawn_blocking(move || output.finish()).await)??;
        Ok(Exported { events: progress.events(), bytes, took: progress.took() })
    }
}

/// What an export did.
struct Exported {
    events: u64,
    bytes: u64,
    took: Duration,
}

async fn fetch(
    stop: &CancellationToken,
    pages: &mut Pages,
    cursor: Option<&str>,
) -> Result<Page, ExportError> {
    stop.run_until_cancelled(pages.page(cursor)).await.unwrap_or(Err(ExportError::Interrupted))
}

/// A page did not come: what was written so far is kept under a name that says up to where it goes.
fn unfinished(
    reason: ExportError,
    output: Output,
    at: Option<String>,
    range: Range,
    events: u64,
) -> ExportError {
    // Without a cursor nothing has been read, and the same command begins at the beginning.
    let Some(cursor) = at else { return reason };
    let path = match events {
        0 => None,
        _ => match output.keep(&cursor) {
            Ok(path) => Some(path),
            Err(error) => return error,
        },
    };
    ExportError::Unfinished { reason: reason.into(), cursor, to_block: range.to, path }
}

/// What a writing task ended with; one that panicked has said so.
fn joined<T>(outcome: Result<T, tokio::task::JoinError>) -> Result<T, ExportError> {
    outcome.map_err(|e| ExportError::Usage(format!("the writer ended: {e}")))
}

#[cfg(test)]
mod tests;
