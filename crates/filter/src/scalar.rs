//! Values of numbers as text: integers, status codes, durations and sizes with their units.

use arachne_model::table::Kind;

use crate::catalogue::Entry;
use crate::diagnostic::{Code, Diagnostic, shown};
use crate::instant::{format_instant, parse_instant};
use crate::literal::Literal;
use crate::test::IntRange;

/// Units of durations in nanoseconds, largest first.
const DURATIONS: [(&str, i128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1000),
    ("ns", 1),
];
/// Units of sizes in bytes, largest first.
const SIZES: [(&str, i128); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("B", 1),
];

/// The numbers that `literal` names for a field: one, or a range where it stands for several, as `5xx` or a date.
///
/// # Errors
/// What is wrong with it, for a person.
pub(crate) fn number(entry: &Entry, literal: &Literal) -> Result<IntRange, Diagnostic> {
    let text = &*literal.text;
    let one = |number| IntRange { from: number, to: number };
    match entry.kind {
        Kind::Instant => parse_instant(text).ok_or_else(|| {
            let message = format!(
                "{} is no instant: write 2026-11-21T10:00:00Z, 2026-11-21, or a number since 1970 in s, ms, us or ns",
                shown(text)
            );
            Diagnostic::new(literal.span.clone(), Code::BadInstant, message)
        }),
        Kind::Duration => with_unit(entry, literal, &DURATIONS, &["ms", "s"]).map(one),
        Kind::Size => with_unit(entry, literal, &SIZES, &["B", "kB"]).map(one),
        _ if entry.is_status() => status(text).ok_or_else(|| bad_status(literal)),
        _ => text.parse().ok().filter(|_| !text.starts_with('+')).map(one).ok_or_else(|| {
            let message = format!("{} is no whole number of 64 bits, as {} wants it", shown(text), entry.short());
            Diagnostic::new(literal.span.clone(), Code::BadNumber, message)
        }),
    }
}

/// `404`, `5xx`, `50x`.
fn status(text: &str) -> Option<IntRange> {
    let digits = text.trim_end_matches(['x', 'X']);
    let free = text.len() - digits.len();
    let number: i64 = digits.parse().ok().filter(|number| (0..=65_535).contains(number) && !text.starts_with('+'))?;
    if free == 0 {
        return Some(IntRange { from: number, to: number });
    }
    let width = 10_i64.pow(u32::try_from(free).ok()?.min(3));
    (text.len() == 3).then(|| IntRange { from: number * width, to: number * width + width - 1 })
}

fn bad_status(literal: &Literal) -> Diagnostic {
    let message =
        format!("{} is no status: a status is a number such as 404, or a class such as 5xx", shown(&literal.text));
    let diagnostic = Diagnostic::new(literal.span.clone(), Code::BadStatus, message);
    match literal.text.as_bytes() {
        // What other languages write.
        [digit @ b'1'..=b'9', b'*'] | [digit @ b'1'..=b'9', b'?' | b'*', b'?' | b'*'] => {
            diagnostic.instead(format!("{}xx", char::from(*digit)))
        }
        _ => diagnostic,
    }
}

/// A number with a unit, exactly. A bare 0 needs none.
fn with_unit(entry: &Entry, literal: &Literal, units: &[(&str, i128)], likely: &[&str]) -> Result<i64, Diagnostic> {
    let text = &*literal.text;
    let wrong = |code, message: String| Diagnostic::new(literal.span.clone(), code, message);
    let digits = text.find(|c: char| !c.is_ascii_digit() && !".-".contains(c)).unwrap_or(text.len());
    let (digits, unit) = text.split_at(digits);
    if unit.is_empty() && text != "0" && decimal(digits, 1_000_000_000_000).is_some() {
        let diagnostic = wrong(Code::MissingUnit, format!("{} needs a unit: {text} of what?", entry.short()));
        return Err(likely.iter().fold(diagnostic, |d, unit| d.instead(format!("{text}{unit}"))));
    }
    let factor = units.iter().find(|(name, _)| same_unit(name, unit)).map(|(_, factor)| *factor);
    let Some(factor) = factor.or((text == "0").then_some(1)) else {
        let names: Vec<&str> = units.iter().rev().map(|(name, _)| *name).collect();
        let (code, problem) = if decimal(digits, 1).is_some() || digits.contains('.') {
            (Code::UnknownUnit, format!("{} is no unit", shown(unit)))
        } else {
            (Code::BadNumber, format!("{} is no number with a unit", shown(text)))
        };
        return Err(wrong(code, format!("{problem}: {} takes {}", entry.short(), names.join(", "))));
    };
    decimal(digits, factor).ok_or_else(|| {
        let finest = units.last().map_or("", |(name, _)| name);
        let message = format!("{} is no whole number of {finest} that fits in 64 bits", shown(text));
        wrong(Code::BadNumber, message)
    })
}

/// Sizes are written in any case; so is µ.
fn same_unit(name: &str, unit: &str) -> bool {
    let bytes = name.ends_with('B');
    (bytes && name.eq_ignore_ascii_case(unit)) || name == unit || (name == "us" && (unit == "µs" || unit == "μs"))
}

/// `text`, digits with an optional point and minus, times `factor`; `None` unless that is a whole number of 64 bits.
fn decimal(text: &str, factor: i128) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let number = |part: &str| part.parse::<i128>().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()));
    let (whole, length) = (number(whole)?, u32::try_from(fraction.len()).ok()?);
    let scale = 10_i128.checked_pow(length)?;
    let rest = number(fraction)?.checked_mul(factor)?;
    let exact = (rest % scale == 0).then(|| rest / scale)?;
    i64::try_from(sign * whole.checked_mul(factor)?.checked_add(exact)?).ok()
}

/// `number` of a field as a filter writes it, with the largest unit that says it exactly.
pub(crate) fn print_number(kind: Kind, number: i64) -> String {
    let units: &[(&str, i128)] = match kind {
        Kind::Instant => return format_instant(number),
        Kind::Duration => &DURATIONS[3..],
        Kind::Size => &SIZES[8..],
        _ => return number.to_string(),
    };
    let (wide, smallest) = (i128::from(number), units[units.len() - 1]);
    let (unit, factor) = units.iter().find(|(_, f)| number != 0 && wide % f == 0).copied().unwrap_or(smallest);
    format!("{}{unit}", wide / factor)
}

#[cfg(test)]
mod tests {
    use arachne_model::table::{ExchangeRow, Row as _};
    use proptest::prelude::*;

    use super::*;
    use crate::catalogue::lookup;

    fn read(field: &str, text: &str) -> Result<(i64, i64), (Code, Vec<String>)> {
        let entry = lookup(ExchangeRow::TABLE, field).expect("a field");
        let literal = Literal { span: 0..text.len(), text: text.to_owned(), quoted: false, wild: Vec::new() };
        let fixes = |d: Diagnostic| (d.code, d.fixes.into_iter().map(|fix| fix.replacement).collect());
        number(&entry, &literal).map(|range| (range.from, range.to)).map_err(fixes)
    }

    #[test]
    fn numbers_with_units() {
        for (field, text, expected) in [
            ("duration", "500ms", 500_000_000),
            ("duration", "1.5s", 1_500_000_000),
            ("duration", "10us", 10_000),
            ("duration", "10µs", 10_000),
            ("duration", "5ns", 5),
            ("duration", "2m", 120_000_000_000),
            ("duration", "1h", 3_600_000_000_000),
            ("duration", "0", 0),
            ("duration", "-1ns", -1),
            ("size", "10kB", 10_000),
            ("size", "10KB", 10_000),
            ("size", "1MiB", 1 << 20),
            ("size", "1mib", 1 << 20),
            ("size", "1.5kB", 1500),
            ("size", "100B", 100),
            ("port", "80", 80),
            ("wire.key", "-5", -5),
        ] {
            assert_eq!(read(field, text), Ok((expected, expected)), "{field} {text}");
        }
    }

    #[test]
    fn status_codes() {
        for (text, expected) in [("404", (404, 404)), ("5xx", (500, 599)), ("4XX", (400, 499)), ("50x", (500, 509))] {
            assert_eq!(read("status", text), Ok(expected));
        }
        for text in ["abc", "", "xxx", "5xxx", "40xx", "-5", "+5", "99999999", "٤٠٤"] {
            assert_eq!(read("status", text).expect_err(text).0, Code::BadStatus, "{text}");
        }
        assert_eq!(read("status", "5*"), Err((Code::BadStatus, vec!["5xx".to_owned()])));
    }

    #[test]
    fn mistakes_offer_their_fix() {
        let fixes = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        assert_eq!(read("duration", "500"), Err((Code::MissingUnit, fixes(&["500ms", "500s"]))));
        assert_eq!(read("size", "1.5"), Err((Code::MissingUnit, fixes(&["1.5B", "1.5kB"]))));
        for (field, text, code) in [
            ("duration", "5parsecs", Code::UnknownUnit),
            ("duration", "5MS", Code::UnknownUnit),
            ("duration", "ms", Code::BadNumber),
            ("duration", "", Code::BadNumber),
            ("duration", "1.2.3s", Code::BadNumber),
            ("duration", "0.5ns", Code::BadNumber),
            ("duration", "99999999999999999999999999999999999999999s", Code::BadNumber),
            ("duration", "0.00000000000000000000000000000000000000000000001s", Code::BadNumber),
            ("size", "90000000TB", Code::BadNumber),
            ("size", "-", Code::BadNumber),
            ("port", "http", Code::BadNumber),
            ("port", "NaN", Code::BadNumber),
        ] {
            assert_eq!(read(field, text).expect_err(text).0, code, "{field} {text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value: i64) {
            for (field, kind) in [("duration", Kind::Duration), ("size", Kind::Size), ("start", Kind::Instant)] {
                prop_assert_eq!(read(field, &print_number(kind, value)), Ok((value, value)));
            }
        }
    }
}
