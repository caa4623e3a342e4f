//! Apache Parquet: Snappy, row groups of 10,000, logical types set, so that readers find moments and text and not numbers
//! and bytes.
//!
//! In: messages. Out: a file whose footer is written last. One row group is held in memory, less than 10,000 rows of it
//! when their text is large.

use std::fs::File;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use serde_json::value::RawValue;

use super::output::{Rows, WriteError};
use super::row::{COLUMNS, Cell, Kind, cells};

/// Rows of a row group.
pub(super) const GROUP_ROWS: usize = 10_000;

/// Bytes of text after which a row group is closed early.
const GROUP_BYTES: usize = 64 << 20;

/// A Parquet file that grows.
pub(super) struct Parquet {
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

/// The values of one column that wait for their row group.
enum Column {
    Integers(Vec<i64>),
    Texts(Vec<ByteArray>),
    /// The values that are there, and for every row 1 or, for null, 0.
    TextsAndNulls(Vec<ByteArray>, Vec<i16>),
}

impl Parquet {
    pub(super) fn begin(file: File) -> Result<Self, WriteError> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("wia version ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = SerializedFileWriter::new(file, schema()?, Arc::new(properties))?;
        let columns = COLUMNS.iter().map(|(_, kind)| match kind {
            Kind::Integer | Kind::Time => Column::Integers(Vec::new()),
            Kind::Text | Kind::Json => Column::Texts(Vec::new()),
            Kind::TextOrNull | Kind::JsonOrNull => Column::TextsAndNulls(Vec::new(), Vec::new()),
        });
        Ok(Self { writer, columns: columns.collect(), rows: 0, bytes: 0 })
    }

    fn close_group(&mut self) -> Result<(), WriteError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut to) = group.next_column()? else { break };
            match column {
                Column::Integers(values) => {
                    to.typed::<Int64Type>().write_batch(values, None, None)?;
                    values.clear();
                }
                Column::Texts(values) => {
                    to.typed::<ByteArrayType>().write_batch(values, None, None)?;
                    values.clear();
                }
                Column::TextsAndNulls(values, levels) => {
                    to.typed::<ByteArrayType>().write_batch(values, Some(levels), None)?;
                    values.clear();
                    levels.clear();
                }
            }
            to.close()?;
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl Rows for Parquet {
    fn write(&mut self, message: &RawValue) -> Result<(), WriteError> {
        let cells = cells(message)?;
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            match (column, cell) {
                (Column::Integers(values), Cell::Integer(number)) => values.push(number),
                (Column::Integers(values), Cell::Time(time)) => {
                    values.push(i64::try_from(time.0).unwrap_or(i64::MAX));
                }
                (Column::Texts(values), Cell::Text(text)) => values.push(text.into_bytes().into()),
                (Column::TextsAndNulls(values, levels), Cell::Text(text)) => {
                    values.push(text.into_bytes().into());
                    levels.push(1);
                }
                (Column::TextsAndNulls(_, levels), Cell::Null) => levels.push(0),
                // The table of columns and the cells are one file's: a test writes every kind.
                (_, cell) => {
                    return Err(ParquetError::General(format!("{cell:?} is in a wrong column")).into());
                }
            }
        }
        self.rows += 1;
        self.bytes += message.get().len();
        if self.rows == GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.close_group()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        self.close_group()?;
        self.writer.close()?;
        Ok(())
    }
}

/// One field for each of [`COLUMNS`].
fn schema() -> Result<TypePtr, ParquetError> {
    let field = |&(name, kind): &(&str, Kind)| {
        let (physical, logical) = match kind {
            Kind::Integer => (Physical::INT64, LogicalType::integer(64, true)),
            Kind::Time => (Physical::INT64, LogicalType::timestamp(true, TimeUnit::MILLIS)),
            Kind::Text | Kind::TextOrNull => (Physical::BYTE_ARRAY, LogicalType::String),
            Kind::Json | Kind::JsonOrNull => (Physical::BYTE_ARRAY, LogicalType::Json),
        };
        let repetition = match kind {
            Kind::TextOrNull | Kind::JsonOrNull => Repetition::OPTIONAL,
            _ => Repetition::REQUIRED,
        };
        let field = Type::primitive_type_builder(name, physical).with_repetition(repetition);
        field.with_logical_type(Some(logical)).build().map(Arc::new)
    };
    let fields = COLUMNS.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("events").with_fields(fields).build().map(Arc::new)
}
