//! Addresses in JSON: written in EIP-55 form, read in any case. In binary forms, 20 bytes.
//!
//! For `#[serde(with = "eip55")]`, and `eip55::option`, `eip55::map` for what holds addresses.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes one address.
///
/// # Errors
/// The serializer's.
pub fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&address.to_checksum(None))
    } else {
        address.serialize(serializer)
    }
}

/// Reads one address.
///
/// # Errors
/// The deserializer's.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    Address::deserialize(deserializer)
}

/// An address as a member of something.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Checked(#[serde(with = "self")] Address);

/// An address that may be absent.
pub mod option {
    use super::*;

    /// Writes it, or null.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(address: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
        address.map(Checked).serialize(serializer)
    }
}

/// Addresses by name.
pub mod map {
    use super::*;

    /// Writes them.
    ///
    /// # Errors
    /// The serializer's.
    pub fn serialize<S: Serializer>(
        map: &BTreeMap<String, Address>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(name, address)| (name, Checked(*address))))
    }

    /// Reads them.
    ///
    /// # Errors
    /// The deserializer's.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Address>, D::Error> {
        BTreeMap::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_in_eip_55_form_and_read_in_any_case() {
        let right = "\"0x742d35cC6634c0532925A3b844bc9E7595F0beB1\"";
        for text in [right, &right.to_lowercase(), &right.to_uppercase().replace("0X", "0x")] {
            let address: Checked = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&address).unwrap(), right);
        }
    }
}
