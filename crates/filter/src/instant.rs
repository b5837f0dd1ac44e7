//! Instants as text: RFC 3339 and epoch numbers. Proleptic Gregorian calendar, UTC, no leap seconds.

use crate::test::IntRange;

const SECOND: i128 = 1_000_000_000;
const DAY: i128 = 86_400 * SECOND;

/// The instants that `text` names, in nanoseconds since the Unix epoch: one, or all of a day where only a date is given.
///
/// RFC 3339 (`2026-11-21T10:00:00.5+01:00`), a date (`2026-11-21`), or an integer: below 1e11 seconds, below 1e14
/// milliseconds, below 1e17 microseconds, else nanoseconds. `None` where it is none of these, or lies outside 1677 to 2262.
#[must_use]
pub fn parse_instant(text: &str) -> Option<IntRange> {
    if let Ok(number) = text.parse::<i64>() {
        // What "+5" means in a filter is anybody's guess.
        let at = epoch(number).filter(|_| !text.starts_with('+'))?;
        return Some(IntRange { from: at, to: at });
    }
    let day = date(text.get(..10)?)? * DAY;
    let (from, to) = match text.get(10..)? {
        "" => (day, day + DAY - 1),
        rest => {
            let at = day + time(rest.strip_prefix(['T', 't'])?)?;
            (at, at)
        }
    };
    Some(IntRange { from: i64::try_from(from).ok()?, to: i64::try_from(to).ok()? })
}

/// An epoch number by its size.
fn epoch(number: i64) -> Option<i64> {
    let factor = match number.unsigned_abs() {
        0..=99_999_999_999 => 1_000_000_000,
        100_000_000_000..=99_999_999_999_999 => 1_000_000,
        100_000_000_000_000..=99_999_999_999_999_999 => 1000,
        _ => 1,
    };
    number.checked_mul(factor)
}

/// `number` digits at the start of `text`, and what follows.
fn digits(text: &str, number: usize) -> Option<(i128, &str)> {
    let head = text.get(..number).filter(|head| head.bytes().all(|b| b.is_ascii_digit()))?;
    Some((head.parse().ok()?, &text[number..]))
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
fn date(text: &str) -> Option<i128> {
    let (year, rest) = digits(text, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 2)?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i128::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let fits = (1..=12).contains(&month) && (1..=length).contains(&day) && rest.is_empty();
    fits.then(|| days_from_civil(year, month, day))
}

/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Nanoseconds of `hh:mm:ss[.fraction](Z|±hh:mm)` since midnight UTC of its date.
fn time(text: &str) -> Option<i128> {
    let (hour, rest) = digits(text, 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    let (second, mut rest) = digits(rest.strip_prefix(':')?, 2)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        // Finer than a nanosecond is not cut off in silence.
        let (value, behind) = (1..=9).contains(&length).then(|| digits(fraction, length)).flatten()?;
        nanos = value * 10_i128.pow(u32::try_from(9 - length).ok()?);
        rest = behind;
    }
    // A leap second is the first one of the next minute.
    let fits = hour < 24 && minute < 60 && second <= 60;
    let clock = ((hour * 60 + minute) * 60 + second) * SECOND + nanos;
    Some(clock - offset(rest)?).filter(|_| fits)
}

/// Nanoseconds that a zone is ahead of UTC.
fn offset(text: &str) -> Option<i128> {
    let sign = match text.chars().next()? {
        'Z' | 'z' => return (text.len() == 1).then_some(0),
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hour, rest) = digits(&text[1..], 2)?;
    let (minute, rest) = digits(rest.strip_prefix(':')?, 2)?;
    (hour < 24 && minute < 60 && rest.is_empty()).then_some(sign * (hour * 60 + minute) * 60 * SECOND)
}

/// `nanos` since the Unix epoch in RFC 3339, UTC, with as many digits of the fraction as it needs.
#[must_use]
pub fn format_instant(nanos: i64) -> String {
    let (seconds, fraction) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    let clock = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if fraction > 0 {
        out.push_str(format!(".{fraction:09}").trim_end_matches('0'));
    }
    out.push('Z');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn instants() {
        let second = 1_000_000_000;
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-21T10:00:00Z", 1_795_255_200 * second),
            ("2026-11-21t11:00:00.5+01:00", 1_795_255_200 * second + second / 2),
            ("2026-11-21T09:30:00.000000001-00:30", 1_795_255_200 * second + 1),
            ("2000-02-29T00:00:00Z", 951_782_400 * second),
            ("2016-12-31T23:59:60Z", 1_483_228_800 * second),
            ("1795255200", 1_795_255_200 * second),
            ("1795255200123", 1_795_255_200_123_000_000),
            ("1795255200123456", 1_795_255_200_123_456_000),
            ("1795255200123456789", 1_795_255_200_123_456_789),
            ("-1", -second),
        ] {
            assert_eq!(parse_instant(text), Some(IntRange { from: expected, to: expected }), "{text}");
        }
    }

    #[test]
    fn a_date_is_all_of_its_day() {
        let day = parse_instant("2026-11-21").expect("a date");
        assert_eq!(day.to - day.from, 86_400_000_000_000 - 1);
        assert_eq!(format_instant(day.from), "2026-11-21T00:00:00Z");
    }

    #[test]
    fn what_is_no_instant() {
        for text in [
            "",
            "now",
            "-1h",
            "2026-13-01",
            "2026-02-29",
            "2026-11-21T",
            "2026-11-21T10:00Z",
            "2026-11-21T24:00:00Z",
            "2026-11-21T10:00:00",
            "2026-11-21T10:00:00.Z",
            "2026-11-21T10:00:00.0000000001Z",
            "2026-11-21T10:00:00+1:00",
            "1500-01-01T00:00:00Z",
            "+5",
            "99999999999",
            "NaN",
            "1e5",
            "99999999999999999999",
            "2026-11-2é",
            "éééééééééé",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(nanos: i64) {
            prop_assert_eq!(parse_instant(&format_instant(nanos)), Some(IntRange { from: nanos, to: nanos }));
        }
    }
}
