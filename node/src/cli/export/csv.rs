//! CSV as RFC 4180 has it: a header, CRLF, quotes where a field needs them. Null is the empty field.

use std::fs::File;
use std::io::{BufWriter, Write};

use serde_json::value::RawValue;

use super::output::{Rows, WriteError};
use super::row::{COLUMNS, Cell, cells};

/// A CSV file that grows.
pub(super) struct Csv {
    file: BufWriter<File>,
}

impl Csv {
    pub(super) fn begin(file: File) -> Result<Self, WriteError> {
        let mut file = BufWriter::new(file);
        record(&mut file, COLUMNS.iter().map(|(name, _)| *name))?;
        Ok(Self { file })
    }
}

impl Rows for Csv {
    fn write(&mut self, message: &RawValue) -> Result<(), WriteError> {
        let fields = cells(message)?.map(|cell| match cell {
            Cell::Null => String::new(),
            Cell::Integer(number) => number.to_string(),
            Cell::Time(time) => time.to_string(),
            Cell::Text(text) => text,
        });
        Ok(record(&mut self.file, fields.iter().map(String::as_str))?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.file.flush()?)
    }
}

/// Writes one record.
pub(super) fn record<'a>(
    to: &mut impl Write,
    fields: impl Iterator<Item = &'a str>,
) -> Result<(), std::io::Error> {
    for (place, field) in fields.enumerate() {
        if place > 0 {
            to.write_all(b",")?;
        }
        if field.contains(['"', ',', '\r', '\n']) {
            write!(to, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            to.write_all(field.as_bytes())?;
        }
    }
    to.write_all(b"\r\n")
}
