//! Shapes of text in a path: dates, UUIDs, e-mail addresses, numbers, tokens. Pure predicates over ASCII.

/// Shorter strings of mixed letters and digits are too often words: `h264`, `iphone15`.
const TOKEN_CHARS_MIN: usize = 20;

/// Whether all of `text` is digits, and there is one.
pub(super) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// At least 8 hexadecimal digits, of which one is a decimal digit: no word is.
pub(super) fn is_hex(text: &[u8]) -> bool {
    text.len() >= 8 && text.iter().all(u8::is_ascii_hexdigit) && text.iter().any(u8::is_ascii_digit)
}

/// The 36 characters of a UUID with dashes, of any version.
pub(super) fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The number that `text` spells, when it is short and in digits.
fn number(text: Option<&[u8]>) -> Option<u32> {
    let text = text.filter(|text| is_digits(text) && text.len() <= 4)?;
    Some(text.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn is_year(text: Option<&[u8]>) -> bool {
    number(text).is_some_and(|year| (1900..2200).contains(&year))
}

fn is_month(text: Option<&[u8]>) -> bool {
    number(text).is_some_and(|month| (1..=12).contains(&month))
}

fn is_day(text: Option<&[u8]>) -> bool {
    number(text).is_some_and(|day| (1..=31).contains(&day))
}

/// `20240131`. Years far from now are more likely the start of a number.
pub(super) fn is_compact_date(text: &[u8]) -> bool {
    let year = number(text.get(..4)).is_some_and(|year| (1990..2040).contains(&year));
    text.len() == 8 && year && is_month(text.get(4..6)) && is_day(text.get(6..8))
}

/// The bytes of the date that `text` starts with, when no further letter or digit belongs to it: `2024-01-31` with any of
/// `-`, `_`, `.`, or `2024-01`.
pub(super) fn date_at_start(text: &[u8]) -> Option<usize> {
    if !is_year(text.get(..4)) || !is_month(text.get(5..7)) {
        return None;
    }
    let separator = text[4];
    let ends = |at: usize| text.get(at).is_none_or(|&b| !is_part(b));
    let day = b"-_.".contains(&separator) && text.get(7) == Some(&separator) && is_day(text.get(8..10));
    if day && ends(10) {
        return Some(10);
    }
    let more = text.get(7).is_some_and(|b| b"-_.".contains(b)) && text.get(8).is_some_and(u8::is_ascii_digit);
    (separator == b'-' && ends(7) && !more).then_some(7)
}

/// A date with a time of day: `2024-01-31T10:00:00.000+03:00`.
pub(super) fn is_date_time(text: &[u8]) -> bool {
    let is_date = text.get(..10).is_some_and(|date| date_at_start(date) == Some(10));
    is_date
        && text.get(10).is_some_and(|b| b"Tt _+".contains(b))
        && text.get(11).is_some_and(u8::is_ascii_digit)
        && text[11..].iter().all(|b| b.is_ascii_digit() || b":.-+Zz".contains(b))
}

/// `local@example.com`, as people write it.
pub(super) fn is_email(text: &[u8]) -> bool {
    let Some(at) = text.iter().position(|&b| b == b'@') else { return false };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let Some(dot) = domain.iter().rposition(|&b| b == b'.') else { return false };
    let (name, top) = (&domain[..dot], &domain[dot + 1..]);
    let all = |text: &[u8], also: &[u8]| {
        !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || also.contains(b))
    };
    all(local, b".!#$%&'*+/=?^_`|~-") && all(name, b".-") && top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic)
}

/// What text of digits and `.,:-+` alone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numeric {
    /// It has other characters, or no digit.
    No,
    /// `1.0`, `3.12.1`: a version, of which there are few.
    Version,
    /// An IPv4 address.
    Ip,
    /// Coordinates, ranges, lists, times, telephone numbers.
    Number,
}

/// Tells apart what is made of digits and the punctuation of numbers.
pub(super) fn numeric(text: &[u8]) -> Numeric {
    let allowed = |b: &u8| b.is_ascii_digit() || b".,:-+".contains(b);
    if !text.iter().all(allowed) || !text.iter().any(u8::is_ascii_digit) {
        return Numeric::No;
    }
    let mut groups = [0; 5];
    for (group, part) in groups.iter_mut().zip(text.split(|&b| b == b'.')) {
        *group = if is_digits(part) { part.len() } else { usize::MAX };
    }
    let count = text.iter().filter(|&&b| b == b'.').count() + 1;
    let all_within = |max: usize| groups.iter().take(count).all(|&digits| digits <= max);
    match count {
        2 | 3 if all_within(2) => Numeric::Version,
        4 if all_within(3) => Numeric::Ip,
        _ => Numeric::Number,
    }
}

/// Opaque text: long, of base64url's characters, letters and digits well mixed.
///
/// What tells it from a slug such as `iphone-15-pro-max-256gb-blue` or a name such as `getUserProfileV2` is how often the
/// kind of character changes: a fifth of the places or more, not counting capitals before small letters.
pub(super) fn is_token(text: &[u8]) -> bool {
    if text.len() < TOKEN_CHARS_MIN || !text.iter().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(b)) {
        return false;
    }
    let kind = |b: u8| (b.is_ascii_digit(), b.is_ascii_uppercase(), b.is_ascii_lowercase());
    let changes = |pair: &&[u8]| {
        let (a, b) = (pair[0], pair[1]);
        let capital = a.is_ascii_uppercase() && b.is_ascii_lowercase();
        a.is_ascii_alphanumeric() && b.is_ascii_alphanumeric() && kind(a) != kind(b) && !capital
    };
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    digits >= 2 && text.iter().any(u8::is_ascii_alphabetic) && text.windows(2).filter(changes).count() * 5 >= text.len()
}

/// Whether the byte belongs to a word or number; anything else separates them. Text that is not ASCII is words.
pub(super) fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Where the file extension with its dot starts: up to five letters and digits, mostly letters. The end without one.
pub(super) fn extension_at(text: &[u8]) -> usize {
    let found = text.iter().rposition(|&b| b == b'.').filter(|&dot| {
        let extension = &text[dot + 1..];
        let digits = extension.iter().filter(|b| b.is_ascii_digit()).count();
        let plain = extension.iter().all(u8::is_ascii_alphanumeric);
        dot > 0 && plain && extension.len() <= 5 && digits <= 2 && digits < extension.len()
    });
    found.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let cases: [(&str, Option<usize>); 12] = [
            ("2024-01-31", Some(10)),
            ("2024_01_31-report", Some(10)),
            ("2024.01.31", Some(10)),
            ("2024-01", Some(7)),
            ("2024-01-report", Some(7)),
            ("2024-01-3", None),
            ("2024-01-310", None),
            ("2024-13", None),
            ("2024-00-01", None),
            ("1024-01-31", None),
            ("2024_01", None),
            ("2024", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(date_at_start(text.as_bytes()), bytes, "{text}");
        }
        assert!(is_compact_date(b"20240131") && !is_compact_date(b"20241331") && !is_compact_date(b"12345678"));
        assert!(is_date_time(b"2024-01-31T10:00:00Z") && !is_date_time(b"2024-01-31T") && !is_date_time(b"2024-01-31"));
    }

    #[test]
    fn numbers() {
        let cases = [
            ("1.0", Numeric::Version),
            ("3.12.1", Numeric::Version),
            ("10.2.0.17", Numeric::Ip),
            ("55.7558", Numeric::Number),
            ("-73.98,40.74", Numeric::Number),
            ("1.2.3.4.5.6.7", Numeric::Number),
            ("1..2", Numeric::Number),
            ("+79161234567", Numeric::Number),
            ("...", Numeric::No),
            ("1.x", Numeric::No),
        ];
        for (text, expected) in cases {
            assert_eq!(numeric(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn tokens() {
        for text in
            ["dGhpcyBpcyBhIHRva2Vu9Zx0", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "V1StGXR8_Z5jdHi6B-myT", "k3j5h2g8f7d6s9a1q0w4"]
        {
            assert!(is_token(text.as_bytes()), "{text}");
        }
        for text in [
            "iphone-15-pro-max-256gb-blue",
            "getUserProfileInformationV22",
            "how-to-build-a-house-in-30-days",
            "internationalization2024",
            "V1StGXR8_Z5jdHi6B",
        ] {
            assert!(!is_token(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn addresses_of_mail() {
        assert!(is_email(b"bob.x+1@mail.example.com"));
        for text in ["@example.com", "bob@", "bob@example", "a@b@c.de", "bob@.com", "bob@example.c0m", "npm@1.2.33"] {
            assert!(!is_email(text.as_bytes()), "{text}");
        }
    }
}
