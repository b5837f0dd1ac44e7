//! Times and lengths of time as people and programs write them.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::QueryError;

/// Nanoseconds of the units, longest first.
const UNITS: [(&str, i64); 8] = [
    ("w", 7 * 86_400 * SECOND),
    ("d", 86_400 * SECOND),
    ("h", 3600 * SECOND),
    ("m", 60 * SECOND),
    ("s", SECOND),
    ("ms", 1_000_000),
    ("us", 1000),
    ("ns", 1),
];
const SECOND: i64 = 1_000_000_000;

/// An instant as nanoseconds since the Unix epoch; in answers RFC 3339 in UTC with nine digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.9}", Timestamp::from_nanosecond(self.0.into()).unwrap_or_default())
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An instant in a request: absolute, or relative to now.
///
/// As text RFC 3339, a date (its start in UTC), `now`, `-1h`, `now-1h30m`, or an integer since 1970: below 1e11 seconds,
/// below 1e14 milliseconds, below 1e17 microseconds, else nanoseconds. In JSON also as integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nanoseconds since the Unix epoch.
    At(i64),
    /// Nanoseconds from now, negative for the past.
    FromNow(i64),
}

impl When {
    /// Reads an instant.
    ///
    /// # Errors
    /// [`QueryError::BadTime`], which says what is accepted.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let text = text.trim();
        let relative = text.strip_prefix("now").map(str::trim).or_else(|| text.starts_with(['-', '+']).then_some(text));
        let found = match relative {
            Some("") => Some(Self::FromNow(0)),
            Some(offset) => signed(offset).map(Self::FromNow),
            None => absolute(text).map(Self::At),
        };
        found.ok_or_else(|| QueryError::BadTime { text: text.chars().take(60).collect() })
    }

    /// The instant in nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn resolve(self, now: i64) -> i64 {
        match self {
            Self::At(at) => at,
            Self::FromNow(offset) => now.saturating_add(offset),
        }
    }
}

fn signed(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(span) => length(span).map(|ns| -ns),
        None => length(text.strip_prefix('+')?),
    }
}

fn absolute(text: &str) -> Option<i64> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return integer(text.parse().ok()?);
    }
    let timestamp: Timestamp = match text.parse() {
        Ok(timestamp) => timestamp,
        Err(_) if text.len() == 10 => format!("{text}T00:00:00Z").parse().ok()?,
        Err(_) => return None,
    };
    i64::try_from(timestamp.as_nanosecond()).ok()
}

/// Nanoseconds of an integer whose unit follows from its size.
fn integer(number: i64) -> Option<i64> {
    number.checked_mul(match number.unsigned_abs() {
        0..100_000_000_000 => SECOND,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1000,
        _ => 1,
    })
}

/// Nanoseconds of a length such as `1h30m`, which has no sign.
fn length(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, behind) = rest.split_at(digits);
        let unit = behind.find(|c: char| c.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(unit);
        let factor = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
        rest = behind;
    }
    (!text.is_empty()).then_some(total)
}

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::At(at) => Instant(at).serialize(serializer),
            Self::FromNow(offset) => serializer.collect_str(&format_args!("now{offset:+}ns")),
        }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts {
            what: "an instant",
            text: Self::parse,
            number: |n| integer(n).map(Self::At),
        })
    }
}

/// A length of time above 0 in a request: as text `5m` or `1h30m`, in JSON also an integer of nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub i64);

impl Span {
    /// Reads a length of time.
    ///
    /// # Errors
    /// [`QueryError::BadSpan`], which says what is accepted.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let span = length(text.trim()).filter(|ns| *ns > 0).map(Self);
        span.ok_or_else(|| QueryError::BadSpan { text: text.chars().take(60).collect() })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = |ns: i64| (ns > 0).then_some(Self(ns));
        deserializer.deserialize_any(Texts { what: "a length of time", text: Self::parse, number })
    }
}

/// Reads text or an integer.
struct Texts<T> {
    what: &'static str,
    text: fn(&str) -> Result<T, QueryError>,
    number: fn(i64) -> Option<T>,
}

impl<T> Visitor<'_> for Texts<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.text)(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        (self.number)(number).ok_or_else(|| E::custom(format_args!("{number} is not {}", self.what)))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let day = 1_795_132_800_000_000_000;
        for (text, expected) in [
            ("2026-11-20T00:00:00Z", Some(day)),
            ("2026-11-20T01:00:00.5+01:00", Some(day + 500_000_000)),
            ("2026-11-20", Some(day)),
            ("1795132800", Some(day)),
            ("1795132800000", Some(day)),
            ("1795132800000000", Some(day)),
            ("1795132800000000000", Some(day)),
            ("99999999999", None),
            ("now", Some(1000)),
            ("-1h", Some(1000 - 3600 * SECOND)),
            ("now-1h30m", Some(1000 - 5400 * SECOND)),
            ("now + 5ns", None),
            ("+5ns", Some(1005)),
            ("-5", None),
            ("-1y", None),
            ("", None),
            ("yesterday", None),
            ("2026-13-20", None),
            ("99999999999999999999", None),
            ("-9999999999w", None),
        ] {
            let found = When::parse(text).ok().map(|when| when.resolve(1000));
            // Seconds up to 1e11 reach into the year 5138, which 64 bits of nanoseconds do not.
            assert_eq!(found, expected, "{text}");
        }
        let error = When::parse("soon").expect_err("no time").to_string();
        assert!(error.starts_with("soon is no time: write 2026"), "{error}");
    }

    #[test]
    fn lengths() {
        for (text, expected) in [
            ("5m", Some(300 * SECOND)),
            ("1h30m", Some(5400 * SECOND)),
            ("100ms", Some(100_000_000)),
            ("0s", None),
            ("5", None),
            ("m", None),
            ("-5m", None),
        ] {
            assert_eq!(Span::parse(text).ok().map(|span| span.0), expected, "{text}");
        }
    }

    #[test]
    fn json_takes_text_and_integers() {
        let when = |json: &str| serde_json::from_str::<When>(json).ok();
        assert_eq!(when("\"-1h\""), Some(When::FromNow(-3600 * SECOND)));
        assert_eq!(when("1795132800"), Some(When::At(1_795_132_800_000_000_000)));
        assert_eq!(when("true"), None);
        let text = serde_json::to_string(&When::FromNow(-5)).expect("it is text");
        assert_eq!(when(&text), Some(When::FromNow(-5)));
        assert_eq!(serde_json::to_string(&Instant(1)).expect("it is text"), "\"1970-01-01T00:00:00.000000001Z\"");
    }
}
