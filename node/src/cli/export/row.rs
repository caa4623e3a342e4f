//! A message as a row: the columns that CSV and Parquet share.
//!
//! In: the text of one message. Out: one cell for each of [`COLUMNS`], in their order.

use serde::Deserialize;
use serde_json::value::RawValue;
use wia_protocol::Timestamp;

use super::ExportError;

/// How many columns there are.
pub(super) const WIDTH: usize = 13;

/// The columns. A change is one of the wire: readers know them by name.
pub(super) const COLUMNS: [(&str, Kind); WIDTH] = [
    ("id", Kind::Text),
    ("block_number", Kind::Integer),
    ("block_hash", Kind::Text),
    ("timestamp", Kind::Time),
    ("transaction_hash", Kind::Text),
    ("log_index", Kind::Integer),
    ("contract", Kind::Text),
    ("contract_name", Kind::TextOrNull),
    ("event", Kind::TextOrNull),
    ("signature", Kind::TextOrNull),
    ("arguments", Kind::JsonOrNull),
    ("topics", Kind::Json),
    ("data", Kind::Text),
];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 64 bits, signed.
    Integer,
    /// UTC, milliseconds.
    Time,
    /// UTF-8; hashes, addresses and data in hex with 0x.
    Text,
    /// The same; null when no ABI of the node knows the event.
    TextOrNull,
    /// JSON as text.
    Json,
    /// The same; null when no ABI of the node knows the event.
    JsonOrNull,
}

/// What stands in a row's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nothing is known.
    Null,
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Time`].
    Time(Timestamp),
    /// Of all others.
    Text(String),
}

/// What of a message becomes a row.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    block_number: i64,
    block_hash: String,
    timestamp: Timestamp,
    transaction_hash: String,
    log_index: i64,
    contract: String,
    contract_name: Option<String>,
    event: Option<String>,
    signature: Option<String>,
    arguments: Option<Box<RawValue>>,
    topics: Box<RawValue>,
    data: String,
}

/// The cells of a message.
///
/// # Errors
/// [`ExportError::Answer`] when that is no message.
pub(super) fn cells(message: &RawValue) -> Result<[Cell; WIDTH], ExportError> {
    let row: Row = serde_json::from_str(message.get())
        .map_err(|e| ExportError::Answer { what: "/indexer/v1/events", reason: e.to_string() })?;
    let text_or_null = |text: Option<String>| text.map_or(Cell::Null, Cell::Text);
    let json = |value: Box<RawValue>| Cell::Text(Box::<str>::from(value).into());
    Ok([
        Cell::Text(row.id),
        Cell::Integer(row.block_number),
        Cell::Text(row.block_hash),
        Cell::Time(row.timestamp),
        Cell::Text(row.transaction_hash),
        Cell::Integer(row.log_index),
        Cell::Text(row.contract),
        text_or_null(row.contract_name),
        text_or_null(row.event),
        text_or_null(row.signature),
        row.arguments.map_or(Cell::Null, json),
        json(row.topics),
        Cell::Text(row.data),
    ])
}
