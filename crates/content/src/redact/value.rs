//! Where the value beside a name in free text starts and ends.

use std::ops::Range;

use super::Scan;
use super::names::Kind;
use super::secret::{MARK_BYTES, starts_with_mark};
use super::text::is_token_scheme;

/// The most separators and spaces between a name and its value.
const GAP_BYTES_MAX: usize = 16;
/// A value that prose could be: shorter than this, without a digit.
const PROSE_BYTES_MAX: usize = 15;

/// The value beside a name that is secret: `name=value`, `name: "value"`, `'name' => 'value'`, `name\":\"value\"`.
///
/// `None` when there is none, or when what follows is a group (`auth: {`).
pub(super) fn beside(text: &[u8], name: Range<usize>, kind: Kind, scan: Scan<'_>) -> Option<Range<usize>> {
    let (start, separator) = separated(text, name.end)?;
    let (open, quote) = opening(text, start);
    if matches!(kind, Kind::Authorization | Kind::Cookie | Kind::SetCookie) {
        let enclosing = text[..name.start].last().copied().filter(|byte| matches!(byte, b'"' | b'\''));
        return line(text, if quote.is_some() { open } else { start }, quote.or(enclosing));
    }
    if let Some(quote) = quote {
        return Some(open..closing(text, open, quote, open - start > 1));
    }
    let end = unquoted(text, start);
    let value = &text[start..end];
    let group = matches!(value, b"{" | b"[" | b"(" | b"{}" | b"[]") || value.is_empty();
    let prose = kind == Kind::Weak
        && separator == b':'
        && value.len() <= PROSE_BYTES_MAX
        && !value.iter().any(u8::is_ascii_digit)
        && !(scan.cut && end == text.len());
    (!group && !prose && !scan.code).then_some(start..end)
}

/// Skips what closes a name, a separator and spaces; gives the start of the value and the separator.
fn separated(text: &[u8], name_end: usize) -> Option<(usize, u8)> {
    let limit = text.len().min(name_end + GAP_BYTES_MAX);
    let skip = |from: usize, of: &[u8]| from + text[from..limit].iter().take_while(|byte| of.contains(byte)).count();
    let closed = skip(name_end, b"\\\"'`]");
    let spaced = skip(closed, b" \t");
    let separator = *text.get(spaced)?;
    let end = match separator {
        b'=' => skip(spaced, b"=>"),
        b':' if text[spaced..].starts_with(b"://") => return None,
        b':' => skip(spaced, b":="),
        _ => return None,
    };
    Some((skip(end.min(limit), b" \t"), separator))
}

/// The start of a quoted value and its quote, which may stand behind backslashes.
fn opening(text: &[u8], start: usize) -> (usize, Option<u8>) {
    let slashes = text[start..].iter().take(GAP_BYTES_MAX).take_while(|byte| **byte == b'\\').count();
    match text.get(start + slashes) {
        Some(&quote @ (b'"' | b'\'' | b'`')) => (start + slashes + 1, Some(quote)),
        _ => (start, None),
    }
}

/// The end of a quoted value: its quote, or the end of the line. Where the opening quote stood behind a backslash, so
/// does the closing one.
fn closing(text: &[u8], start: usize, quote: u8, escaped: bool) -> usize {
    let mut at = start;
    while at < text.len() {
        match text[at] {
            b'\n' | b'\r' => return at,
            b'\\' if escaped && text.get(at + 1) == Some(&quote) => return at,
            b'\\' => at += 1,
            byte if byte == quote => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The end of a value without quotes. A comma or semicolon may be part of a password, unless another pair follows.
fn unquoted(text: &[u8], start: usize) -> usize {
    let mut at = if starts_with_mark(&text[start..]) { start + MARK_BYTES } else { start };
    while let Some(&byte) = text.get(at) {
        let ends = match byte {
            b'&' | b'"' | b'\'' | b'`' | b'<' | b'>' => true,
            b'\\' => matches!(text.get(at + 1), Some(b'"' | b'\'' | b'n' | b'r' | b't')),
            b',' | b';' => pair_follows(&text[at + 1..]),
            b'}' | b')' | b']' if at > start => ends_sentence(&text[at + 1..]),
            _ => byte.is_ascii_whitespace() || byte == 0,
        };
        if ends {
            return at;
        }
        at += 1;
    }
    at
}

/// Whether `name=` or `name:` follows, or nothing but white space.
fn pair_follows(rest: &[u8]) -> bool {
    let Some(first) = rest.first() else { return true };
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'"' | b'\'');
    let name = rest.iter().take(GAP_BYTES_MAX * 2).take_while(|byte| word(byte)).count();
    first.is_ascii_whitespace() || (name > 0 && matches!(rest.get(name), Some(b'=' | b':')))
}

fn ends_sentence(rest: &[u8]) -> bool {
    rest.first()
        .is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b'.' | b'}' | b')' | b']'))
}

/// The value of a header inside a text: one token behind a scheme that takes one, else to the end of the line or to the
/// quote around the header.
fn line(text: &[u8], start: usize, quote: Option<u8>) -> Option<Range<usize>> {
    let ends = |byte: u8| matches!(byte, b'\r' | b'\n') || Some(byte) == quote;
    let word = text[start..].iter().take(GAP_BYTES_MAX).take_while(|byte| byte.is_ascii_alphabetic()).count();
    let after = start + word;
    if is_token_scheme(&text[start..after]) && text.get(after) == Some(&b' ') {
        let spaces = text[after..].iter().take_while(|byte| **byte == b' ').count();
        let token = &text[after + spaces..];
        let stop = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'\\');
        return Some(start..after + spaces + token.iter().position(stop).unwrap_or(token.len()));
    }
    let end = text[start..].iter().position(|&byte| ends(byte)).map_or(text.len(), |length| start + length);
    (end > start).then_some(start..end)
}
