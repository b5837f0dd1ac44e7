//! Instants as text, with the calendar part of the last second kept: rows come nearly in order, so the calendar is
//! asked about once a second of the capture.

use arachne_model::UnixNanos;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

const NANOS: i64 = 1_000_000_000;
/// Length of `2026-01-31T23:59:59.`
const PREFIX: usize = 20;
/// Length of `2026-01-31`.
const DATE: usize = 10;

/// Writes instants; see the module.
#[derive(Debug)]
pub struct Clock {
    second: i64,
    prefix: [u8; PREFIX],
}

impl Default for Clock {
    fn default() -> Self {
        Self { second: 0, prefix: *b"1970-01-01T00:00:00." }
    }
}

impl Clock {
    /// Appends `2026-01-31T23:59:59.123456789Z`.
    #[inline]
    pub fn push_rfc3339(&mut self, out: &mut Vec<u8>, at: UnixNanos) {
        let nanos = self.seek(at);
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(&digits::<9>(nanos));
        out.push(b'Z');
    }

    /// `23:59:59.123`; the fraction is cut, not rounded, so that a row never shows the next second.
    pub fn time_of_day(&mut self, at: UnixNanos) -> String {
        let millis = self.seek(at) / 1_000_000;
        let millis = digits::<3>(millis);
        self.prefix[DATE + 1..].iter().chain(&millis).map(|b| char::from(*b)).collect()
    }

    /// `2026-01-31`.
    pub fn date(&mut self, at: UnixNanos) -> String {
        self.seek(at);
        self.prefix[..DATE].iter().map(|b| char::from(*b)).collect()
    }

    /// Makes `prefix` that of `at` and returns the nanoseconds inside the second.
    #[inline]
    fn seek(&mut self, at: UnixNanos) -> u32 {
        let second = at.0.div_euclid(NANOS);
        if second != self.second {
            self.second = second;
            self.prefix = prefix(second);
        }
        u32::try_from(at.0.rem_euclid(NANOS)).expect("a remainder of 10^9 fits 32 bits")
    }
}

#[cold]
fn prefix(second: i64) -> [u8; PREFIX] {
    let instant = Timestamp::from_second(second).expect("64-bit nanoseconds lie in the years 1677 to 2262");
    let t: DateTime = Offset::UTC.to_datetime(instant);
    let mut text = *b"0000-00-00T00:00:00.";
    text[..4].copy_from_slice(&digits::<4>(u32::from(t.year().unsigned_abs())));
    for (at, value) in [(5, t.month()), (8, t.day()), (11, t.hour()), (14, t.minute()), (17, t.second())] {
        text[at..at + 2].copy_from_slice(&digits::<2>(u32::from(value.unsigned_abs())));
    }
    text
}

/// `value` in `N` decimal digits with leading zeros.
#[inline]
fn digits<const N: usize>(mut value: u32) -> [u8; N] {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit += u8::try_from(value % 10).expect("a digit fits a byte");
        value /= 10;
    }
    text
}

#[cfg(test)]
mod tests {
    use arachne_model::UnixNanos;

    use super::Clock;

    fn rfc3339(clock: &mut Clock, nanos: i64) -> String {
        let mut out = Vec::new();
        clock.push_rfc3339(&mut out, UnixNanos(nanos));
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn instants_of_all_ages() {
        let mut clock = Clock::default();
        let mut check = |nanos, expected: &str| assert_eq!(rfc3339(&mut clock, nanos), expected);
        check(0, "1970-01-01T00:00:00.000000000Z");
        check(1_709_210_096_123_456_789, "2024-02-29T12:34:56.123456789Z");
        check(1_709_210_096_000_000_001, "2024-02-29T12:34:56.000000001Z");
        check(-1, "1969-12-31T23:59:59.999999999Z");
        check(i64::MAX, "2262-04-11T23:47:16.854775807Z");
        check(i64::MIN, "1677-09-21T00:12:43.145224192Z");
        check(5, "1970-01-01T00:00:00.000000005Z");
    }

    #[test]
    fn parts_for_people() {
        let mut clock = Clock::default();
        let at = UnixNanos(1_709_210_096_999_999_999);
        assert_eq!(clock.time_of_day(at), "12:34:56.999");
        assert_eq!(clock.date(at), "2024-02-29");
    }
}
