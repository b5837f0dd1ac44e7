//! A layout compiled: Go's (`2006-01-02 15:04:05`), strptime's (`%Y-%m-%d %H:%M:%S`), or one of a few names.

use thiserror::Error;

use super::{Civil, digits, fraction, instant, month, offset};

/// A part of a time, or text between parts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    Year,
    /// Two digits: 69 to 99 are of the last century.
    YearShort,
    Month,
    MonthName,
    Day,
    Hour,
    Hour12,
    Minute,
    Second,
    /// A separator and digits behind the seconds, or nothing.
    Fraction,
    Half,
    Weekday,
    YearDay,
    Offset,
    /// `UTC`, or another name, which says nothing of how far it is.
    ZoneName,
    /// Seconds since the epoch, with a fraction or without.
    Epoch,
    EpochMillis,
}

/// Reads times of one layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    parts: Vec<Part>,
    /// Seconds east of Greenwich where the text has no offset, if chosen.
    zone: Option<i64>,
    has_year: bool,
}

/// A layout that is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// No part of a time is in it.
    #[error(
        "`{0}` names no part of a time: write it as Go does (2006-01-02 15:04:05), as strptime does (%Y-%m-%d %H:%M:%S), or rfc3339, unix, unix_ms"
    )]
    Empty(String),
    /// strptime has no such letter, or none that is known here.
    #[error("%{0} is not known: %Y %y %m %b %d %e %j %H %I %M %S %f %p %z %Z %a %s %T %F %D %R %% are")]
    Directive(char),
    /// No offset such as `+03:00`.
    #[error("`{0}` is no offset from UTC such as +03:00 or Z")]
    Zone(String),
}

/// What Go writes for each part, longest first where one starts like another.
const GO: &[(&str, Part)] = &[
    ("January", Part::MonthName),
    ("Jan", Part::MonthName),
    ("Monday", Part::Weekday),
    ("Mon", Part::Weekday),
    ("MST", Part::ZoneName),
    ("2006", Part::Year),
    ("-07:00", Part::Offset),
    ("-0700", Part::Offset),
    ("Z07:00", Part::Offset),
    ("Z0700", Part::Offset),
    ("-07", Part::Offset),
    ("002", Part::YearDay),
    ("01", Part::Month),
    ("02", Part::Day),
    ("03", Part::Hour12),
    ("04", Part::Minute),
    ("05", Part::Second),
    ("06", Part::YearShort),
    ("15", Part::Hour),
    ("PM", Part::Half),
    ("_2", Part::Day),
    ("1", Part::Month),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
    ("5", Part::Second),
];

impl Layout {
    /// Compiles a layout: strptime's where it has a `%`, else a name (`rfc3339`, `unix`, `unix_ms`), else Go's. `zone` is
    /// the offset of times that write none, or the name of a zone, such as `+03:00`; UTC when empty. Of names only `UTC`, `GMT`
    /// and `Z` are known then: names are no offsets (`IST` are three), so a time with another one is none.
    ///
    /// # Errors
    /// [`LayoutError`].
    pub fn new(text: &str, zone: &str) -> Result<Self, LayoutError> {
        let parts = match text {
            "rfc3339" | "iso8601" => strptime("%Y-%m-%dT%H:%M:%S%f%z")?,
            "unix" => vec![Part::Epoch],
            "unix_ms" => vec![Part::EpochMillis],
            _ if text.contains('%') => strptime(text)?,
            _ => go(text),
        };
        if parts.iter().all(|part| matches!(part, Part::Text(_))) {
            return Err(LayoutError::Empty(text.to_owned()));
        }
        let has_year =
            parts.iter().any(|part| matches!(part, Part::Year | Part::YearShort | Part::Epoch | Part::EpochMillis));
        let zone = match offset(zone.as_bytes()) {
            _ if zone.is_empty() => None,
            Some((seconds, taken)) if taken == zone.len() => Some(seconds),
            _ => return Err(LayoutError::Zone(zone.to_owned())),
        };
        Ok(Self { parts, zone, has_year })
    }

    /// The instant at the start of `text`, which may go on. A time without a year is of the year that brings it nearest to
    /// `near` (nanoseconds since the epoch). None when it is not of this layout.
    #[must_use]
    pub fn read(&self, text: &[u8], near: i64) -> Option<i64> {
        let mut found = Found { civil: Civil { year: Civil::year_of(near), ..Civil::default() }, ..Found::default() };
        let mut rest = text;
        for (at, part) in self.parts.iter().enumerate() {
            rest = &rest[found.take(part, rest)?..];
            // A layout without fractions reads times that have them, as Go does.
            if *part == Part::Second && self.parts.get(at + 1) != Some(&Part::Fraction) {
                rest = &rest[found.optional_fraction(rest)..];
            }
        }
        let at = found.instant(self.zone)?;
        if self.has_year { Some(at) } else { nearest(&found, self.zone, at, near) }
    }
}

/// The same date of this year, the one before or the one behind.
fn nearest(found: &Found, zone: Option<i64>, at: i64, near: i64) -> Option<i64> {
    let of = |year| Found { civil: Civil { year, ..found.civil }, ..found.clone() }.instant(zone);
    let others = [of(found.civil.year - 1), of(found.civil.year + 1)];
    others.into_iter().flatten().chain([at]).min_by_key(|at| at.abs_diff(near))
}

#[derive(Clone, Debug, Default)]
struct Found {
    civil: Civil,
    nanos: u32,
    afternoon: Option<bool>,
    offset: Option<i64>,
    /// A zone is named that nobody knows.
    elsewhere: bool,
    day_of_year: Option<u32>,
    epoch: Option<i128>,
}

impl Found {
    /// Reads a part at the start of `text`; how many bytes it takes.
    fn take(&mut self, part: &Part, text: &[u8]) -> Option<usize> {
        match part {
            Part::Text(expected) => return text.starts_with(expected).then_some(expected.len()),
            Part::Year => self.civil.year = i64::from(digits(text.get(..4)?)?),
            Part::YearShort => {
                let short = i64::from(digits(text.get(..2)?)?);
                self.civil.year = short + if short < 69 { 2000 } else { 1900 };
            }
            Part::Month => return number(text, &mut self.civil.month),
            Part::MonthName => {
                self.civil.month = month(text)?;
                return Some(letters(text));
            }
            Part::Day => return number(text, &mut self.civil.day),
            Part::Hour | Part::Hour12 => return number(text, &mut self.civil.hour),
            Part::Minute => return number(text, &mut self.civil.minute),
            Part::Second => return number(text, &mut self.civil.second),
            Part::Fraction => return Some(self.optional_fraction(text)),
            Part::Half => {
                self.afternoon = Some(matches!(text.first()?, b'P' | b'p'));
                text.get(1).filter(|letter| matches!(letter, b'M' | b'm'))?;
            }
            Part::Weekday => return Some(letters(text)).filter(|&taken| taken > 0),
            Part::YearDay => self.day_of_year = Some(digits(text.get(..3)?)?),
            Part::Offset => {
                let (seconds, taken) = offset(text)?;
                self.offset = Some(seconds);
                return Some(taken);
            }
            Part::ZoneName => return self.zone_name(text),
            Part::Epoch | Part::EpochMillis => {
                let end = text.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(text.len());
                let value = crate::fixed::billionths(&text[..end])?;
                self.epoch = Some(if *part == Part::Epoch { value } else { value / 1000 });
                return Some(end);
            }
        }
        Some(match part {
            Part::Year => 4,
            Part::YearDay => 3,
            _ => 2,
        })
    }

    fn optional_fraction(&mut self, text: &[u8]) -> usize {
        let Some((nanos, taken)) = fraction(text) else { return 0 };
        self.nanos = nanos;
        taken
    }

    /// Go writes the offset of a zone that has no name.
    fn zone_name(&mut self, text: &[u8]) -> Option<usize> {
        let count = letters(text);
        let name = &text[..count];
        if count == 0 {
            let (seconds, taken) = offset(text)?;
            self.offset.get_or_insert(seconds);
            return Some(taken);
        }
        if ["UTC", "GMT", "Z"].iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
            self.offset.get_or_insert(0);
        } else {
            self.elsewhere = true;
        }
        Some(count)
    }

    fn instant(&self, zone: Option<i64>) -> Option<i64> {
        if let Some(epoch) = self.epoch {
            return i64::try_from(epoch).ok();
        }
        let east = match self.offset.or(zone) {
            None if self.elsewhere => return None,
            east => east.unwrap_or(0),
        };
        let mut civil = self.civil;
        if let Some(afternoon) = self.afternoon {
            if !(1..=12).contains(&civil.hour) {
                return None;
            }
            civil.hour = civil.hour % 12 + if afternoon { 12 } else { 0 };
        }
        let mut seconds = civil.seconds()? - east;
        if let Some(day) = self.day_of_year {
            seconds += i64::from(day.checked_sub(1).filter(|day| *day < 366)?) * 86_400;
        }
        instant(seconds, self.nanos)
    }
}

/// One or two digits, with a space before one where two are usual.
fn number(text: &[u8], into: &mut u32) -> Option<usize> {
    let space = usize::from(text.first() == Some(&b' '));
    let count = text[space..].iter().take(2 - space).take_while(|b| b.is_ascii_digit()).count();
    *into = digits(&text[space..space + count])?;
    Some(space + count)
}

fn letters(text: &[u8]) -> usize {
    text.iter().take(12).take_while(|b| b.is_ascii_alphabetic()).count()
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        Some(Part::Text(before)) => *before = [before, text.as_bytes()].concat().into(),
        _ => parts.push(Part::Text(text.as_bytes().into())),
    }
}

fn go(text: &str) -> Vec<Part> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(first) = rest.chars().next() {
        let after_second = parts.last() == Some(&Part::Second);
        let zeros = rest[1.min(rest.len())..].bytes().take_while(|b| matches!(b, b'0' | b'9')).count();
        if after_second && matches!(first, '.' | ',') && zeros > 0 {
            parts.push(Part::Fraction);
            rest = &rest[1 + zeros..];
        } else if let Some((name, part)) = GO.iter().find(|(name, _)| rest.starts_with(name)) {
            parts.push(part.clone());
            rest = &rest[name.len()..];
        } else {
            push_text(&mut parts, &rest[..first.len_utf8()]);
            rest = &rest[first.len_utf8()..];
        }
    }
    parts
}

fn strptime(text: &str) -> Result<Vec<Part>, LayoutError> {
    let (mut parts, mut letters) = (Vec::new(), text.chars());
    while let Some(letter) = letters.next() {
        if letter != '%' {
            push_text(&mut parts, letter.encode_utf8(&mut [0; 4]));
            continue;
        }
        let directive = letters.next().unwrap_or('%');
        let part = match directive {
            'Y' => Part::Year,
            'y' => Part::YearShort,
            'm' => Part::Month,
            'b' | 'B' | 'h' => Part::MonthName,
            'd' | 'e' => Part::Day,
            'j' => Part::YearDay,
            'H' | 'k' => Part::Hour,
            'I' | 'l' => Part::Hour12,
            'M' => Part::Minute,
            'S' => Part::Second,
            'f' | 'L' | 'N' => fraction_part(&mut parts),
            'p' | 'P' => Part::Half,
            'z' => Part::Offset,
            'a' | 'A' => Part::Weekday,
            'Z' => Part::ZoneName,
            's' => Part::Epoch,
            '%' => Part::Text(b"%".as_slice().into()),
            _ => {
                let composed = composed(directive).ok_or(LayoutError::Directive(directive))?;
                parts.extend(strptime(composed)?);
                continue;
            }
        };
        parts.push(part);
    }
    Ok(parts)
}

/// What one letter stands for several.
fn composed(directive: char) -> Option<&'static str> {
    Some(match directive {
        'T' => "%H:%M:%S",
        'R' => "%H:%M",
        'F' => "%Y-%m-%d",
        'D' => "%m/%d/%y",
        _ => return None,
    })
}

/// `%S.%f`: the point belongs to the fraction.
fn fraction_part(parts: &mut Vec<Part>) -> Part {
    if let [.., Part::Second, Part::Text(text)] = parts.as_slice()
        && matches!(text.as_ref(), b"." | b",")
    {
        parts.pop();
    }
    Part::Fraction
}

#[cfg(test)]
mod tests {
    use super::super::SECOND;
    use super::*;

    const AT: i64 = 1_444_835_520 * SECOND;

    #[test]
    fn one_instant_in_many_layouts() {
        let table: &[(&str, &str, i64)] = &[
            ("2006-01-02 15:04:05", "2015-10-14 15:12:00", 0),
            ("2006-01-02 15:04:05", "2015-10-14 15:12:00,904 INFO", 904_000_000),
            ("2006-01-02 15:04:05.000", "2015-10-14 15:12:00.904 INFO", 904_000_000),
            ("%Y-%m-%d %H:%M:%S", "2015-10-14 15:12:00", 0),
            ("%F %T,%f", "2015-10-14 15:12:00,904", 904_000_000),
            ("%d/%b/%Y:%H:%M:%S %z", "14/Oct/2015:18:12:00 +0300", 0),
            ("02/Jan/2006:15:04:05 -0700", "14/Oct/2015:18:12:00 +0300", 0),
            ("Jan _2 15:04:05", "Oct 14 15:12:00", 0),
            ("%b %e %H:%M:%S", "Oct 14 15:12:00", 0),
            ("rfc3339", "2015-10-14T15:12:00Z", 0),
            ("rfc3339", "2015-10-14T18:12:00.25+03:00", 250_000_000),
            ("unix", "1444835520.5", 500_000_000),
            ("unix_ms", "1444835520500", 500_000_000),
            ("%m/%d/%y %I:%M:%S %p", "10/14/15 03:12:00 PM", 0),
            ("%Y %j %R", "2015 287 15:12", 0),
            ("Mon Jan _2 15:04:05 MST 2006", "Wed Oct 14 15:12:00 UTC 2015", 0),
            ("2/1/06 3:04PM", "14/10/15 3:12PM", 0),
        ];
        for &(layout, text, nanos) in table {
            let compiled = Layout::new(layout, "").expect("the layouts of the table are good");
            assert_eq!(compiled.read(text.as_bytes(), AT), Some(AT + nanos), "{layout}: {text}: {compiled:?}");
        }
    }

    #[test]
    fn a_year_that_is_not_written_is_the_nearest() {
        let layout = Layout::new("%b %e %H:%M:%S", "").expect("it is good");
        let new_year = 1_451_606_400 * SECOND;
        assert_eq!(layout.read(b"Dec 31 23:59:59", new_year), Some(new_year - SECOND));
        assert_eq!(layout.read(b"Jan  1 00:00:00", new_year - SECOND), Some(new_year));
    }

    #[test]
    fn a_zone_is_used_where_none_is_written() {
        let layout = Layout::new("2006-01-02 15:04:05", "+03:00").expect("it is good");
        assert_eq!(layout.read(b"2015-10-14 18:12:00", 0), Some(AT));
    }

    /// Found by review: EST was read as UTC.
    #[test]
    fn names_of_zones_are_no_offsets() {
        let (plain, both) = ("2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700 MST");
        let table: &[(&str, &str, &str, Option<i64>)] = &[
            (plain, "", "2015-10-14 15:12:00 UTC", Some(AT)),
            (plain, "", "2015-10-14 15:12:00 gmt", Some(AT)),
            (plain, "", "2015-10-14 15:12:00 Z", Some(AT)),
            (plain, "", "2015-10-14 18:12:00 +03", Some(AT)),
            (plain, "", "2015-10-14 15:12:00 EST", None),
            ("%F %T %Z", "", "2015-10-14 15:12:00 EST", None),
            ("%F %T %Z", "-05:00", "2015-10-14 10:12:00 EST", Some(AT)),
            (plain, "-05:00", "2015-10-14 15:12:00 UTC", Some(AT)),
            (both, "", "2015-10-14 18:12:00 +0300 MSK", Some(AT)),
            ("%Z %F %T %z", "", "MSK 2015-10-14 18:12:00 +0300", Some(AT)),
            (plain, "", "2015-10-14 15:12:00 ", None),
        ];
        for &(layout, zone, text, at) in table {
            let compiled = Layout::new(layout, zone).expect("the layouts of the table are good");
            assert_eq!(compiled.read(text.as_bytes(), AT), at, "{layout} {zone}: {text}");
        }
    }

    #[test]
    fn what_is_no_layout_or_no_time_is_refused() {
        assert!(matches!(Layout::new("", ""), Err(LayoutError::Empty(_))));
        assert!(matches!(Layout::new("%Q", ""), Err(LayoutError::Directive('Q'))));
        assert!(matches!(Layout::new("unix", "Mars"), Err(LayoutError::Zone(_))));
        let layout = Layout::new("2006-01-02 15:04:05", "").expect("it is good");
        for text in ["", "2015-10-14", "2015-13-14 15:12:00", "2015-10-14 25:12:00", "20a5-10-14 15:12:00"] {
            assert_eq!(layout.read(text.as_bytes(), 0), None, "{text}");
        }
    }
}
