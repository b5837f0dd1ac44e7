//! The time of a line. It changes once a second, lines come by the thousand: the last one is remembered as text.

use crate::time::{Civil, digits, fraction, instant, month, offset};

/// Longer stamps are of no known form.
const STAMP_BYTES_MAX: usize = 40;

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `21/Nov/2026:19:47:20 +0000`; HAProxy's has milliseconds and no offset, which then is UTC.
    Local,
    /// `2026-11-21T19:47:20+00:00`, with a fraction or without.
    Iso,
    /// `1795290440.906`.
    Epoch,
    /// Any of them, as JSON lines of strangers have it.
    Any,
}

/// The last stamp and what it meant.
#[derive(Clone, Debug)]
pub(super) struct Stamps {
    text: [u8; STAMP_BYTES_MAX],
    len: usize,
    at: i64,
}

impl Default for Stamps {
    fn default() -> Self {
        Self { text: [0; STAMP_BYTES_MAX], len: 0, at: 0 }
    }
}

impl Stamps {
    /// The instant that a text stands for; None when it is none.
    pub(super) fn read(&mut self, text: &[u8], style: Style) -> Option<i64> {
        if self.len == text.len() && &self.text[..self.len] == text && !text.is_empty() {
            return Some(self.at);
        }
        if text.len() > STAMP_BYTES_MAX {
            return None;
        }
        let at = match style {
            Style::Local => local(text),
            Style::Iso => iso(text),
            Style::Epoch => epoch(text),
            Style::Any => iso(text).or_else(|| local(text)).or_else(|| epoch(text)),
        }?;
        self.text[..text.len()].copy_from_slice(text);
        (self.len, self.at) = (text.len(), at);
        Some(at)
    }
}

/// Whether a text starts as `$time_local` does.
pub(super) fn starts_local(text: &[u8]) -> bool {
    matches!(text, [a, b, b'/', c, d, e, b'/', year @ ..]
        if [a, b].into_iter().all(u8::is_ascii_digit)
            && [c, d, e].into_iter().all(u8::is_ascii_alphabetic)
            && year.get(..4).is_some_and(|year| year.iter().all(u8::is_ascii_digit)))
}

/// `hh:mm:ss` at the start.
fn clock(text: &[u8], civil: Civil) -> Option<i64> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = text.get(..8)? else { return None };
    let (hour, minute, second) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?, digits(&[*s1, *s2])?);
    Civil { hour, minute, second, ..civil }.seconds()
}

/// A fraction or nothing, then an offset or nothing, then nothing.
fn end(seconds: i64, rest: &[u8]) -> Option<i64> {
    let (nanos, taken) = fraction(rest).unwrap_or_default();
    let rest = &rest[taken..];
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let east = match rest {
        [] => 0,
        _ => offset(rest).filter(|&(_, taken)| taken == rest.len())?.0,
    };
    instant(seconds - east, nanos)
}

fn local(text: &[u8]) -> Option<i64> {
    if !starts_local(text) {
        return None;
    }
    let civil = Civil {
        year: i64::from(digits(text.get(7..11)?)?),
        month: month(text.get(3..6)?)?,
        day: digits(text.get(..2)?)?,
        ..Civil::default()
    };
    let rest = text[11..].strip_prefix(b":")?;
    end(clock(rest, civil)?, &rest[8..])
}

fn iso(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b' ', rest @ ..] = text else { return None };
    let civil = Civil {
        year: i64::from(digits(&[*y1, *y2, *y3, *y4])?),
        month: digits(&[*m1, *m2])?,
        day: digits(&[*d1, *d2])?,
        ..Civil::default()
    };
    end(clock(rest, civil)?, &rest[8..])
}

fn epoch(text: &[u8]) -> Option<i64> {
    i64::try_from(crate::fixed::billionths(text)?).ok().filter(|at| *at >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_all_styles() {
        let at = 1_795_290_440_000_000_000_i64;
        let table: &[(&str, Style, Option<i64>)] = &[
            ("21/Nov/2026:19:47:20 +0000", Style::Local, Some(at)),
            ("21/Nov/2026:22:47:20 +0300", Style::Local, Some(at)),
            ("21/Nov/2026:19:47:20.143", Style::Local, Some(at + 143_000_000)),
            ("2026-11-21T19:47:20+00:00", Style::Iso, Some(at)),
            ("2026-11-21 19:47:20.5Z", Style::Any, Some(at + 500_000_000)),
            ("1795290440.906", Style::Epoch, Some(at + 906_000_000)),
            ("21/Nov/2026:19:47:20 +00", Style::Local, Some(at)),
            ("21/Nov/2026:19:47:20.", Style::Local, None),
            ("21/Nov/2026:19:47", Style::Local, None),
            ("32/Nov/2026:19:47:20 +0000", Style::Local, None),
            ("21/Nov/2026:19:47:20 +0000x", Style::Local, None),
            ("", Style::Any, None),
            ("-5", Style::Epoch, None),
        ];
        let mut stamps = Stamps::default();
        for &(text, style, expected) in table {
            for _ in 0..2 {
                assert_eq!(stamps.read(text.as_bytes(), style), expected, "{text}");
            }
        }
    }
}
