//! Moments on the wire: RFC 3339 UTC with milliseconds in JSON (X-46), Unix milliseconds inside.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// A block's timestamp, Unix seconds.
    #[must_use]
    pub fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// The calendar year, UTC (ids such as `TXN-YYYY-NNNN` carry it, C-050).
    #[must_use]
    pub fn year(self) -> i32 {
        self.calendar().year()
    }

    fn calendar(self) -> OffsetDateTime {
        // Beyond year 9999 RFC 3339 has no form; such a moment prints as the last one that has.
        const LAST_MS: u64 = 253_402_300_799_999;
        let ms = i128::from(self.0.min(LAST_MS));
        OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        f.write_str(&self.calendar().format(form).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return u64::deserialize(deserializer).map(Timestamp);
        }
        let text = String::deserialize(deserializer)?;
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(de::Error::custom)?;
        let ms = moment.unix_timestamp_nanos() / 1_000_000;
        u64::try_from(ms).map(Timestamp).map_err(|_| de::Error::custom("before 1970"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_rfc_3339_with_milliseconds() {
        let moment = Timestamp(1_736_942_400_007);
        assert_eq!(serde_json::to_string(&moment).unwrap(), r#""2025-01-15T12:00:00.007Z""#);
        for text in [r#""2025-01-15T12:00:00.007Z""#, r#""2025-01-15T13:00:00.007+01:00""#] {
            assert_eq!(serde_json::from_str::<Timestamp>(text).unwrap(), moment);
        }
        assert_eq!(moment.year(), 2025);
        assert_eq!(Timestamp(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
