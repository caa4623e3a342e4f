//! One line of the report: what was measured, what is wanted, what was seen.
//!
//! Quantities are integers in thousandths of their unit: exact, and as fine as anyone reads them.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

/// A quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quantity {
    /// Thousandths of `unit`.
    pub(crate) thousandths: i64,
    /// For people.
    pub(crate) unit: &'static str,
}

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// Thousandths of the figure's unit, or less.
    AtMost(i64),
    /// Thousandths of the figure's unit, or more.
    AtLeast(i64),
    /// To compare others with.
    None,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// What was seen.
    pub(crate) seen: Quantity,
    /// What is wanted.
    pub(crate) target: Target,
}

impl Quantity {
    /// Milliseconds.
    pub(crate) fn ms(duration: Duration) -> Self {
        Self { thousandths: whole(duration.as_micros()), unit: "ms" }
    }

    /// Microseconds.
    pub(crate) fn us(duration: Duration) -> Self {
        Self { thousandths: whole(duration.as_nanos()), unit: "µs" }
    }

    /// How much longer than `than` it took, milliseconds; below zero when it was shorter.
    pub(crate) fn ms_longer(duration: Duration, than: Duration) -> Self {
        Self { thousandths: whole(duration.as_micros()) - whole(than.as_micros()), unit: "ms" }
    }

    /// Seconds.
    pub(crate) fn s(duration: Duration) -> Self {
        Self { thousandths: whole(duration.as_millis()), unit: "s" }
    }

    /// So many events in that time.
    pub(crate) fn events_per_s(events: usize, duration: Duration) -> Self {
        Self::per_s(events, duration, "events/s")
    }

    /// So many things in that time; `unit` ends in `/s`.
    pub(crate) fn per_s(count: usize, duration: Duration, unit: &'static str) -> Self {
        let per_s = count as u128 * 1_000_000_000 / duration.as_nanos().max(1);
        Self { thousandths: whole(per_s * 1_000), unit }
    }

    /// This quantity over another of the same unit, times `scale` (100 for per cent).
    pub(crate) fn over(self, other: Self, scale: i64, unit: &'static str) -> Self {
        let scaled = i128::from(self.thousandths) * i128::from(scale) * 1_000;
        let ratio = scaled / i128::from(other.thousandths).max(1);
        Self { thousandths: i64::try_from(ratio).unwrap_or(i64::MAX), unit }
    }

    /// So many whole things.
    pub(crate) fn count(count: u64, unit: &'static str) -> Self {
        Self { thousandths: whole(u128::from(count) * 1_000), unit }
    }

    /// How many times as long as `floor` it took.
    pub(crate) fn times(duration: Duration, floor: Duration) -> Self {
        let times = duration.as_nanos() * 1_000 / floor.as_nanos().max(1);
        Self { thousandths: whole(times), unit: "× floor" }
    }

    /// Binary megabytes.
    pub(crate) fn mib(bytes: u64) -> Self {
        Self { thousandths: whole((u128::from(bytes) * 1_000) >> 20), unit: "MiB" }
    }

    /// Bytes for each of `count`.
    pub(crate) fn bytes_each(bytes: u64, count: usize) -> Self {
        Self { thousandths: whole(u128::from(bytes) * 1_000 / count.max(1) as u128), unit: "bytes" }
    }

    /// Decimal kilobytes for each of `count`.
    pub(crate) fn kb_each(bytes: u64, count: usize) -> Self {
        Self { thousandths: whole(u128::from(bytes) / count.max(1) as u128), unit: "KB" }
    }
}

fn whole(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&for_people(self.thousandths, self.unit))
    }
}

/// A quantity as people read it, e.g. `4.56 ms`; rates and gas, which come in thousands, without decimals.
pub(crate) fn for_people(thousandths: i64, unit: &str) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (thousandths.unsigned_abs() / 1_000, thousandths.unsigned_abs() % 1_000);
    match unit {
        unit if unit.ends_with("/s") || unit == "gas" => format!("{} {unit}", grouped(whole)),
        unit => format!("{sign}{}.{:02} {unit}", grouped(whole), rest / 10),
    }
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Target {
    /// The target for people, e.g. `≤ 6.00 ms`; empty without one.
    pub(crate) fn for_people(self, unit: &str) -> String {
        match self {
            Self::AtMost(most) => format!("≤ {}", for_people(most, unit)),
            Self::AtLeast(least) => format!("≥ {}", for_people(least, unit)),
            Self::None => String::new(),
        }
    }
}

impl Figure {
    /// A figure to compare others with.
    pub(crate) fn plain(name: impl Into<String>, seen: Quantity) -> Self {
        Self { name: name.into(), seen, target: Target::None }
    }

    /// A figure that should be `most` of its unit or less.
    pub(crate) fn at_most(name: impl Into<String>, seen: Quantity, most: Quantity) -> Self {
        Self { name: name.into(), seen, target: Target::AtMost(most.thousandths) }
    }

    /// A figure that should be `least` of its unit or more.
    pub(crate) fn at_least(name: impl Into<String>, seen: Quantity, least: Quantity) -> Self {
        Self { name: name.into(), seen, target: Target::AtLeast(least.thousandths) }
    }

    /// Whether it is as wanted; `None` when nothing is.
    pub(crate) fn met(&self) -> Option<bool> {
        match self.target {
            Target::AtMost(most) => Some(self.seen.thousandths <= most),
            Target::AtLeast(least) => Some(self.seen.thousandths >= least),
            Target::None => None,
        }
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let (most, least) = match self.target {
            Target::AtMost(most) => (Some(most), None),
            Target::AtLeast(least) => (None, Some(least)),
            Target::None => (None, None),
        };
        json!({
            "name": self.name, "unit": self.seen.unit, "seen": decimal(self.seen.thousandths),
            "atMost": most.map(decimal), "atLeast": least.map(decimal), "met": self.met(),
        })
    }
}

/// Thousandths as a JSON number.
fn decimal(thousandths: i64) -> Value {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, rest) = (thousandths.unsigned_abs() / 1_000, thousandths.unsigned_abs() % 1_000);
    // Digits, a point and a sign are a JSON number.
    serde_json::from_str(&format!("{sign}{whole}.{rest:03}")).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn quantities_print_as_people_read_them() {
        for (quantity, text) in [
            (Quantity::ms(Duration::from_micros(4_567)), "4.56 ms"),
            (Quantity::ms_longer(MS(2), MS(5)), "-3.00 ms"),
            (Quantity::events_per_s(200_001, MS(500)), "400,002 events/s"),
            (Quantity::times(MS(25), MS(10)), "2.50 × floor"),
            (Quantity::mib(150 << 20), "150.00 MiB"),
            (Quantity::bytes_each(1_001, 10), "100.10 bytes"),
            (Quantity::kb_each(20_000_000, 1_000), "20.00 KB"),
            (Quantity::s(MS(61_500)), "61.50 s"),
            (Quantity::per_s(30_000, MS(2_000), "transfers/s"), "15,000 transfers/s"),
            (Quantity::count(29_024, "gas"), "29,024 gas"),
            (Quantity::count(3, "gas").over(Quantity::count(4, "gas"), 100, "% of it"), "75.00 % of it"),
        ] {
            assert_eq!(quantity.to_string(), text);
        }
    }

    #[test]
    fn nothing_divides_by_zero() {
        assert_eq!(Quantity::bytes_each(5, 0).thousandths, 5_000);
        assert_eq!(Quantity::events_per_s(0, Duration::ZERO).thousandths, 0);
        assert_eq!(Quantity::count(5, "gas").over(Quantity::count(0, "gas"), 1, "×").thousandths, 5_000_000);
    }

    #[test]
    fn a_target_is_met_at_its_bound() {
        let at = |micros| Quantity::ms(Duration::from_micros(micros));
        assert_eq!(Figure::at_most("a", at(6_000), at(6_000)).met(), Some(true));
        assert_eq!(Figure::at_most("a", at(6_001), at(6_000)).met(), Some(false));
        assert_eq!(Figure::at_least("a", at(6_000), at(6_000)).met(), Some(true));
        assert_eq!(Figure::at_least("a", at(5_999), at(6_000)).met(), Some(false));
        assert_eq!(Figure::plain("a", at(1)).met(), None);
    }

    #[test]
    fn programs_read_numbers() {
        let seen = Quantity::ms_longer(MS(1), Duration::from_micros(3_500));
        let json = Figure::at_most("a", seen, Quantity::ms(MS(6))).to_json();
        let text = r#"{"atLeast":null,"atMost":6.0,"met":true,"name":"a","seen":-2.5,"unit":"ms"}"#;
        assert_eq!(json.to_string(), text);
    }
}
