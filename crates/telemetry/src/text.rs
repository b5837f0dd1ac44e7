//! Law 7: captured text is only text. Nothing in it reaches a terminal as a command.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a terminal or an editor would act on `c` instead of showing it: control characters (C0, DEL, C1), line and
/// paragraph separators, bidirectional overrides, zero-width and other invisible format characters, tags.
pub(crate) const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// `text` with each character that is not plainly visible written as an escape: `\n`, `\u{1b}`.
///
/// A backslash stays as it is; where that must be told apart from an escape, see the quoted form of log fields.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    text.chars().for_each(|c| push_visible(&mut out, c));
    Cow::Owned(out)
}

fn push_visible(out: &mut String, c: char) {
    if is_hidden(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// Appends a field value for people: as it is when it is one plain word, else in quotes with escapes.
pub(crate) fn push_value(out: &mut String, value: &str) {
    let plain = |c: char| !is_hidden(c) && !c.is_whitespace() && !matches!(c, '"' | '\\' | '=');
    if !value.is_empty() && value.chars().all(plain) {
        out.push_str(value);
        return;
    }
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c => push_visible(out, c),
        }
    }
    out.push('"');
}

/// Appends a JSON string; what is hidden is escaped, so that reading it back gives the same text and printing it does
/// nothing.
pub(crate) fn push_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hidden(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{push_json, push_value, visible};

    const NASTY: &str = "a\x1b]0;pwned\x07\u{9b}31m\r\n\u{202e}\"\\\u{e0041}é";

    fn value(text: &str) -> String {
        let mut out = String::new();
        push_value(&mut out, text);
        out
    }

    #[test]
    fn values_are_plain_or_quoted() {
        assert_eq!(value("dir/file-1.pcap"), "dir/file-1.pcap");
        assert_eq!(value("größe"), "größe");
        assert_eq!(value(""), r#""""#);
        assert_eq!(value("two words"), r#""two words""#);
        assert_eq!(value("a=b"), r#""a=b""#);
        assert_eq!(value(r"a\nb"), r#""a\\nb""#);
        assert_eq!(value("a\nb"), r#""a\nb""#);
    }

    #[test]
    fn nothing_hidden_gets_through() {
        let json = {
            let mut out = String::new();
            push_json(&mut out, NASTY);
            out
        };
        for text in [visible(NASTY).into_owned(), value(NASTY), json.clone()] {
            assert!(!text.contains(super::is_hidden), "{text:?}");
            assert!(text.contains('é'));
        }
        assert_eq!(serde_json::from_str::<String>(&json).expect("it is JSON"), NASTY);
        assert_eq!(visible("plain"), "plain");
    }
}
