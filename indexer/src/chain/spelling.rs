//! Bytes as messages write them: in hex, addresses as EIP-55 has it.
//!
//! A checksum costs a hash, which is most of what writing a message costs, and the same accounts come again and again:
//! their spellings are remembered, a bounded number of them.

use std::sync::{Mutex, PoisonError};

use alloy::hex;
use alloy::primitives::Address;

use crate::map::Map;

/// Spellings that are remembered; one more, and all are forgotten.
const REMEMBERED: usize = 8_192;

/// The spellings of addresses.
#[derive(Debug, Default)]
pub(crate) struct Spelling(Mutex<Map<Address, Box<str>>>);

impl Spelling {
    /// Writes the address with its checksum.
    pub(crate) fn write(&self, address: Address, out: &mut String) {
        // Nothing panics while it is held; if something did, every spelling in it is still right.
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = remembered.get(&address) {
            return out.push_str(text);
        }
        let text = address.to_checksum(None);
        out.push_str(&text);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(address, text.into());
    }
}

/// Writes the bytes as `0x…`.
pub(crate) fn write_hex(bytes: &[u8], out: &mut String) {
    out.push_str("0x");
    let mut digits = [0_u8; 64];
    for part in bytes.chunks(32) {
        let digits = &mut digits[..2 * part.len()];
        // It has room for two digits a byte, and digits are text.
        if hex::encode_to_slice(part, digits).is_ok() {
            out.push_str(std::str::from_utf8(digits).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_spelled_as_eip_55_has_it_also_when_remembered() {
        // Of EIP-55 itself.
        let text = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359";
        let spelling = Spelling::default();
        for _ in 0..2 {
            let mut out = String::new();
            spelling.write(text.parse().unwrap(), &mut out);
            assert_eq!(out, text);
        }
        for n in 0..=REMEMBERED as u64 {
            spelling.write(Address::left_padding_from(&n.to_be_bytes()), &mut String::new());
        }
        assert_eq!(spelling.0.lock().unwrap().len(), 2, "forgotten when there were too many");
    }

    #[test]
    fn bytes_of_any_length_are_written() {
        for length in [0, 1, 31, 32, 33, 100] {
            let bytes: Vec<u8> = (0..length).collect();
            let mut out = String::new();
            write_hex(&bytes, &mut out);
            assert_eq!(out, hex::encode_prefixed(&bytes));
        }
    }
}
