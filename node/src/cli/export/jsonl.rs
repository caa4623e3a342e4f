//! JSON lines: the node's messages as they are, one a line.

use std::fs::File;
use std::io::{BufWriter, Write};

use serde_json::value::RawValue;

use super::output::{Rows, WriteError};

/// A file of JSON lines that grows.
pub(super) struct JsonLines {
    file: BufWriter<File>,
}

impl JsonLines {
    pub(super) fn begin(file: File) -> Self {
        Self { file: BufWriter::new(file) }
    }
}

impl Rows for JsonLines {
    fn write(&mut self, message: &RawValue) -> Result<(), WriteError> {
        // Line breaks are space between tokens (inside of text they are escaped): a proxy may have put some in.
        let line = message.get().replace(['\r', '\n'], " ");
        self.file.write_all(line.as_bytes())?;
        Ok(self.file.write_all(b"\n")?)
    }

    fn finish(mut self: Box<Self>) -> Result<(), WriteError> {
        Ok(self.file.flush()?)
    }
}
