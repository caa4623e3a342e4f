//! 256-bit integers without their leading zeros: an amount of credits takes 8 to 11 bytes instead of 33.

use alloy::primitives::U256;
use serde::{Deserializer, Serializer, de};

pub(super) fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(&value.to_be_bytes_trimmed_vec())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    struct Trimmed;
    impl de::Visitor<'_> for Trimmed {
        type Value = U256;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("up to 32 big-endian bytes")
        }

        fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<U256, E> {
            U256::try_from_be_slice(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
        }
    }
    deserializer.deserialize_bytes(Trimmed)
}
