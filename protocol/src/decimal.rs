//! Exact decimals as JSON numbers: the documents show `newBalance: 2.5`, and a float must never touch money.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use wia_abi::CreditAmount;

/// A decimal number of credits that is written as a JSON number with every digit it has.
///
/// Readers whose JSON numbers are doubles see a rounded value; the exact one travels beside it as `…Wei`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonDecimal {
    /// Below zero.
    pub negative: bool,
    /// The distance from zero.
    pub magnitude: CreditAmount,
}

impl JsonDecimal {
    /// `after - before`, exactly.
    #[must_use]
    pub fn difference(before: CreditAmount, after: CreditAmount) -> Self {
        if after >= before {
            Self { negative: false, magnitude: CreditAmount(after.0 - before.0) }
        } else {
            Self { negative: true, magnitude: CreditAmount(before.0 - after.0) }
        }
    }

    /// The same number in wei, as decimal text with its sign.
    #[must_use]
    pub fn wei(&self) -> String {
        format!("{}{}", if self.negative { "-" } else { "" }, self.magnitude.0)
    }
}

impl From<CreditAmount> for JsonDecimal {
    fn from(magnitude: CreditAmount) -> Self {
        Self { negative: false, magnitude }
    }
}

impl fmt::Display for JsonDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.negative { "-" } else { "" }, self.magnitude)
    }
}

impl Serialize for JsonDecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.to_string()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_is_written() {
        let before: CreditAmount = "1000".parse().unwrap();
        let after: CreditAmount = "998.500000000000000001".parse().unwrap();
        let change = JsonDecimal::difference(before, after);
        assert_eq!(serde_json::to_string(&change).unwrap(), "-1.499999999999999999");
        assert_eq!(change.wei(), "-1499999999999999999");
        assert_eq!(serde_json::to_string(&JsonDecimal::from(after)).unwrap(), "998.500000000000000001");
    }
}
