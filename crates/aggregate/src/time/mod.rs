//! Times as logs write them: calendars to instants, and layouts compiled from Go's or strptime's way to write them.
//!
//! Instants are nanoseconds since the Unix epoch, as i64: 1677 to 2262. There are no time zones by name, only offsets.

mod layout;

pub use layout::{Layout, LayoutError};

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;

/// A date and time of day, checked by [`Civil::seconds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to 31.
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    /// 60 is a leap second, which counts as the first second behind it.
    pub(crate) second: u32,
}

impl Default for Civil {
    fn default() -> Self {
        Self { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0 }
    }
}

impl Civil {
    /// Seconds since the epoch in UTC; None for what no calendar has.
    pub(crate) fn seconds(self) -> Option<i64> {
        if !(1..=9999).contains(&self.year) || !(1..=12).contains(&self.month) {
            return None;
        }
        let fits = (1..=days_of(self.year, self.month)).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60;
        let time = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        fits.then(|| days_since_epoch(self.year, self.month, self.day) * 86_400 + time)
    }

    /// The year of an instant.
    pub(crate) fn year_of(at: i64) -> i64 {
        let days = at.div_euclid(86_400 * SECOND);
        let mut year = 1970 + days.div_euclid(if days < 0 { 365 } else { 366 });
        while days_since_epoch(year + 1, 1, 1) <= days {
            year += 1;
        }
        year
    }
}

fn days_of(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
fn days_since_epoch(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The number of the month that starts with these three letters, in any case.
pub(crate) fn month(name: &[u8]) -> Option<u32> {
    const MONTHS: &[u8; 36] = b"janfebmaraprmayjunjulaugsepoctnovdec";
    let name = name.get(..3)?;
    let at = MONTHS.chunks(3).position(|month| month.eq_ignore_ascii_case(name))?;
    u32::try_from(at + 1).ok()
}

/// Digits, all of them.
pub(crate) fn digits(text: &[u8]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    text.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

/// `+0300`, `+03:00`, `+03` or `Z` at the start of `text` in seconds, and how many bytes it takes.
pub(crate) fn offset(text: &[u8]) -> Option<(i64, usize)> {
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |from: usize| text.get(from..from + 2).and_then(digits);
    let hours = two(1)?;
    let colon = usize::from(text.get(3) == Some(&b':'));
    let minutes = two(3 + colon);
    let taken = if minutes.is_some() { 5 + colon } else { 3 };
    let minutes = minutes.unwrap_or(0);
    (hours < 24 && minutes < 60).then(|| (sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60), taken))
}

/// Seconds and a fraction as an instant.
pub(crate) fn instant(seconds: i64, nanos: u32) -> Option<i64> {
    seconds.checked_mul(SECOND)?.checked_add(i64::from(nanos))
}

/// `.904` or `,904` at the start of `text` in nanoseconds, and how many bytes it takes. Digits behind the ninth are dropped.
pub(crate) fn fraction(text: &[u8]) -> Option<(u32, usize)> {
    let [b'.' | b',', behind @ ..] = text else { return None };
    let count = behind.iter().take_while(|b| b.is_ascii_digit()).count();
    let kept = &behind[..count.min(9)];
    let missing = u32::try_from(9 - kept.len()).ok()?;
    Some((digits(kept)? * 10_u32.pow(missing), 1 + count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn civil(year: i64, month: u32, day: u32) -> Option<i64> {
        Civil { year, month, day, ..Civil::default() }.seconds()
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            ((1970, 1, 1), Some(0)),
            ((1969, 12, 31), Some(-86_400)),
            ((2000, 2, 29), Some(951_782_400)),
            ((1900, 2, 29), None),
            ((2026, 11, 21), Some(1_795_219_200)),
            ((2026, 13, 1), None),
            ((2026, 4, 31), None),
            ((0, 1, 1), None),
        ];
        for ((year, month, day), seconds) in table {
            assert_eq!(civil(year, month, day), seconds, "{year}-{month}-{day}");
        }
        for year in [1969, 1970, 1999, 2000, 2024, 2026, 2100] {
            let first = civil(year, 1, 1).expect("the first of January is in every year") * SECOND;
            assert_eq!((Civil::year_of(first), Civil::year_of(first - 1)), (year, year - 1));
        }
    }

    #[test]
    fn offsets_and_fractions() {
        let table: &[(&str, Option<(i64, usize)>)] = &[
            ("+0300", Some((10_800, 5))),
            ("-03:30]", Some((-12_600, 6))),
            ("Z", Some((0, 1))),
            ("+03", Some((10_800, 3))),
            ("+24:00", None),
            ("0300", None),
        ];
        for &(text, expected) in table {
            assert_eq!(offset(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            (fraction(b".904Z"), fraction(b",1234567899"), fraction(b"."), fraction(b"904")),
            (Some((904_000_000, 4)), Some((123_456_789, 11)), None, None)
        );
    }
}
