//! Canonical CBOR of a JSON value (RFC 8949 §4.2.1): the form of relay messages over libp2p.
//!
//! The same object has one encoding: shortest integers, definite lengths, map keys sorted by their encoded
//! bytes, no tags, no floats, no byte strings. Any other encoding is refused, because two encodings of one
//! message would be two gossip ids.

use ciborium::value::{Integer, Value as Cbor};
use serde::ser::{Error, Serialize, Serializer};
use serde_json::{Map, Value};

/// Why bytes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Not CBOR at all.
    #[error("not CBOR: {0}")]
    Malformed(String),
    /// CBOR, but not the canonical encoding of what it says.
    #[error("not the canonical encoding (RFC 8949 §4.2.1)")]
    NotCanonical,
    /// Something that the JSON form of the object cannot say.
    #[error("{0} has no place in a relay message")]
    Unsupported(&'static str),
}

/// The canonical bytes of `value`.
///
/// # Errors
/// [`CborError::Unsupported`] for a number that is no 64-bit integer.
pub fn encode(value: &Value) -> Result<Vec<u8>, CborError> {
    let mut bytes = Vec::new();
    match ciborium::into_writer(&Canonical(value), &mut bytes) {
        Ok(()) => Ok(bytes),
        Err(ciborium::ser::Error::Value(_)) => Err(CborError::Unsupported("a fractional number")),
        Err(error) => Err(CborError::Malformed(error.to_string())),
    }
}

/// Reads canonical bytes; anything else is refused.
///
/// # Errors
/// [`CborError`].
pub fn decode(bytes: &[u8]) -> Result<Value, CborError> {
    let value = read(bytes)?;
    // Encoding again and comparing catches every other form at once: long integers, unsorted or repeated
    // keys, indefinite lengths, trailing bytes.
    if encode(&value)? == bytes { Ok(value) } else { Err(CborError::NotCanonical) }
}

/// Reads bytes in whatever form: for who compares them with the one encoding of what it makes of them.
///
/// # Errors
/// [`CborError`], but for [`CborError::NotCanonical`].
pub fn read(bytes: &[u8]) -> Result<Value, CborError> {
    from_cbor(ciborium::from_reader(bytes).map_err(|e| CborError::Malformed(e.to_string()))?)
}

/// A value that serialises in canonical order.
struct Canonical<'a>(&'a Value);

impl Serialize for Canonical<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Number(n) => match (n.as_u64(), n.as_i64()) {
                (Some(n), _) => serializer.serialize_u64(n),
                (None, Some(n)) => serializer.serialize_i64(n),
                (None, None) => Err(S::Error::custom("a fractional number")),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Canonical)),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                // A text key's encoding starts with its length, so shorter keys come first.
                members.sort_unstable_by_key(|(key, _)| (key.len(), key.as_bytes()));
                serializer.collect_map(members.into_iter().map(|(key, value)| (key, Canonical(value))))
            }
        }
    }
}

fn from_cbor(cbor: Cbor) -> Result<Value, CborError> {
    Ok(match cbor {
        Cbor::Null => Value::Null,
        Cbor::Bool(b) => Value::Bool(b),
        Cbor::Integer(n) => integer(n)?,
        Cbor::Text(s) => Value::String(s),
        Cbor::Array(items) => Value::Array(items.into_iter().map(from_cbor).collect::<Result<_, _>>()?),
        Cbor::Map(pairs) => {
            let mut members = Map::new();
            for (key, value) in pairs {
                let Cbor::Text(key) = key else {
                    return Err(CborError::Unsupported("a key that is no text"));
                };
                members.insert(key, from_cbor(value)?);
            }
            Value::Object(members)
        }
        Cbor::Float(_) => return Err(CborError::Unsupported("a float")),
        Cbor::Bytes(_) => return Err(CborError::Unsupported("a byte string")),
        Cbor::Tag(..) => return Err(CborError::Unsupported("a tag")),
        _ => return Err(CborError::Unsupported("this kind of value")),
    })
}

fn integer(n: Integer) -> Result<Value, CborError> {
    let n = i128::from(n);
    u64::try_from(n)
        .map(Value::from)
        .or_else(|_| i64::try_from(n).map(Value::from))
        .map_err(|_| CborError::Unsupported("an integer beyond 64 bits"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_golden_vector() {
        let value = json!({"method": "relay.status", "params": {"after": 300, "relayId": "0xab"}, "a": null});
        let bytes = encode(&value).unwrap();
        let expected = "a36161f6666d6574686f646c72656c61792e73746174757366706172616d73a2656166746572\
                        19012c6772656c6179496464 30786162"
            .replace(' ', "");
        assert_eq!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(), expected);
        assert_eq!(decode(&bytes).unwrap(), value);
    }

    #[test]
    fn other_encodings_of_the_same_object_are_refused() {
        for (what, bytes) in [
            ("a long integer", vec![0x18, 0x01]),
            ("unsorted keys", vec![0xa2, 0x61, b'b', 1, 0x61, b'a', 1]),
            ("a repeated key", vec![0xa2, 0x61, b'a', 1, 0x61, b'a', 1]),
            ("an indefinite array", vec![0x9f, 0x01, 0xff]),
            ("trailing bytes", vec![0x01, 0x01]),
        ] {
            assert_eq!(decode(&bytes), Err(CborError::NotCanonical), "{what}");
        }
    }

    #[test]
    fn what_json_cannot_say_is_refused() {
        for bytes in [vec![0xf9, 0x3c, 0x00], vec![0x41, 0x00], vec![0xc0, 0x01], vec![0xa1, 0x01, 0x01]] {
            assert!(matches!(decode(&bytes), Err(CborError::Unsupported(_))), "{bytes:02x?}");
        }
        assert!(matches!(decode(&[0x62, b'a']), Err(CborError::Malformed(_))));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,8}", inner, 0..6)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in any_value()) {
            prop_assert_eq!(decode(&encode(&value).unwrap()).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = decode(&bytes) {
                prop_assert_eq!(encode(&value).unwrap(), bytes);
            }
        }
    }
}
