//! One beginning of a kept chain.
//!
//! In: the state that anvil wrote. Out: the same with one block of height 0, the oldest. anvil 1.7.1 begins a chain of its own
//! at each start, of that moment, and writes its first block beside the one that it had loaded; of several it takes any
//! for the first when it starts again, and the chain would be another one.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::files;

#[derive(Deserialize)]
struct Block {
    header: Header,
}

/// Numbers as anvil writes them, in hex.
#[derive(Deserialize)]
struct Header {
    number: String,
    timestamp: String,
}

impl Header {
    fn timestamp(&self) -> u64 {
        let digits = self.timestamp.trim_start_matches("0x");
        u64::from_str_radix(digits, 16).unwrap_or(u64::MAX)
    }
}

/// Takes all beginnings but the first out of the file, if there is one and it has several.
pub(super) fn keep_the_first(state: &Path) -> io::Result<()> {
    let text = match std::fs::read_to_string(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        text => text?,
    };
    match with_one_beginning(&text)? {
        Some(text) => files::write_public(state, text.as_bytes()),
        None => Ok(()),
    }
}

/// `None` when nothing is to be changed. All but the list of blocks stays as it is, byte for byte.
fn with_one_beginning(text: &str) -> serde_json::Result<Option<String>> {
    let mut state: BTreeMap<&str, &RawValue> = serde_json::from_str(text)?;
    let Some(listed) = state.get("blocks") else { return Ok(None) };
    let blocks: Vec<&RawValue> = serde_json::from_str(listed.get())?;
    let mut beginnings = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let Block { header } = serde_json::from_str(block.get())?;
        if header.number == "0x0" {
            beginnings.push((header.timestamp(), at));
        }
    }
    let Some((_, first)) = beginnings.iter().min().copied() else { return Ok(None) };
    if beginnings.len() == 1 {
        return Ok(None);
    }
    let others: Vec<usize> = beginnings.into_iter().map(|(_, at)| at).filter(|at| *at != first).collect();
    let kept = blocks.into_iter().enumerate().filter(|(at, _)| !others.contains(at)).map(|(_, block)| block);
    let kept = serde_json::value::to_raw_value(&kept.collect::<Vec<_>>())?;
    state.insert("blocks", &kept);
    serde_json::to_string(&state).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(blocks: &[(&str, &str)]) -> String {
        let blocks: Vec<_> = blocks
            .iter()
            .map(|(number, at)| {
                format!(r#"{{"header":{{"number":"{number}","timestamp":"{at}"}},"ommers":[]}}"#)
            })
            .collect();
        format!(
            r#"{{"block":{{"gas":340282366920938463463374607431768211455}},"blocks":[{}]}}"#,
            blocks.join(",")
        )
    }

    #[test]
    fn of_several_beginnings_the_oldest_stays_and_nothing_else_changes() {
        let many = [("0x2", "0x65"), ("0x0", "0x70"), ("0x0", "0x63"), ("0x1", "0x64"), ("0x0", "0x100")];
        let one = [("0x2", "0x65"), ("0x0", "0x63"), ("0x1", "0x64")];
        assert_eq!(with_one_beginning(&state(&many)).unwrap().unwrap(), state(&one));
        assert_eq!(with_one_beginning(&state(&one)).unwrap(), None);
        assert_eq!(with_one_beginning(r#"{"block":{}}"#).unwrap(), None);
    }
}
