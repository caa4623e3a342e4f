//! A report as it is read again: without the samples behind the figures.
//!
//! In: the JSON that [`crate::report`] writes. Out: its machine and figures, quantities in thousandths of their unit.

use serde::Deserialize;
use serde_json::Number;

use crate::report::{Machine, Target};

/// The report of one run.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) seed: Option<u64>,
    /// Its figures say nothing.
    pub(super) quick: bool,
    /// Why the run ended early, if it did.
    pub(super) failure: Option<String>,
    pub(super) sections: Vec<Section>,
}

/// What one step found.
#[derive(Debug, Deserialize)]
pub(super) struct Section {
    pub(super) title: String,
    pub(super) figures: Vec<Figure>,
}

/// What was measured, what was seen, what is wanted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) unit: String,
    pub(super) seen: Thousandths,
    at_most: Option<Thousandths>,
    at_least: Option<Thousandths>,
    /// Whether it is as wanted; `None` when nothing is.
    pub(super) met: Option<bool>,
}

impl Figure {
    pub(super) fn target(&self) -> Target {
        match (self.at_most, self.at_least) {
            (Some(most), _) => Target::AtMost(most.0),
            (None, Some(least)) => Target::AtLeast(least.0),
            (None, None) => Target::None,
        }
    }
}

/// A JSON number of at most three decimals, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Number")]
pub(super) struct Thousandths(pub(super) i64);

impl TryFrom<Number> for Thousandths {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        let text = number.to_string();
        let (whole, rest) = text.split_once('.').unwrap_or((text.as_str(), ""));
        // More decimals, or an exponent, would be cut or become other digits.
        let exact = rest.len() <= 3 && !text.contains(['e', 'E']);
        let thousandths = format!("{whole}{rest:0<3}").parse::<i64>().ok().filter(|_| exact);
        thousandths.map(Self).ok_or_else(|| format!("{text} is no number of at most three decimals"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly() {
        for (text, thousandths) in [
            ("6.0", 6_000),
            ("81.567", 81_567),
            ("2325", 2_325_000),
            ("400002.0", 400_002_000),
            ("-2.5", -2_500),
            ("-0.05", -50),
        ] {
            assert_eq!(
                serde_json::from_str::<Thousandths>(text).unwrap(),
                Thousandths(thousandths),
                "{text}"
            );
        }
        for text in ["0.0001", "1e300", "1e-7", "\"6.0\""] {
            assert!(serde_json::from_str::<Thousandths>(text).is_err(), "{text}");
        }
    }
}
