//! Values as text: escapes, quotes, wildcards. What is written here is what [`decode`] reads.

use std::ops::Range;

use crate::diagnostic::{Code, Diagnostic};

/// A value as it stands in a filter, escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Where it stands, quotes included.
    pub span: Range<usize>,
    /// Its text.
    pub text: String,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// Where in `text` a `*` or `?` is a wildcard, in bytes, ascending; empty in quotes.
    pub wild: Vec<usize>,
}

/// Resolves the escapes of `raw`, which starts at `at` in the filter. Wildcards count outside quotes only.
///
/// # Errors
/// An escape that does not exist, or a lone backslash at the end.
pub(crate) fn decode(raw: &str, at: usize, quoted: bool) -> Result<(String, Vec<usize>), Diagnostic> {
    let (mut text, mut wild) = (String::with_capacity(raw.len()), Vec::new());
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        if c == '\\' {
            let (escaped, length) = escape(rest).ok_or_else(|| bad_escape(rest, at + raw.len() - rest.len()))?;
            text.push(escaped);
            rest = &rest[length..];
            continue;
        }
        if !quoted && (c == '*' || c == '?') {
            wild.push(text.len());
        }
        text.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Ok((text, wild))
}

/// The character that the escape at the start of `text` stands for, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let escaped = text.chars().nth(1)?;
    let simple = |c| Some((c, 1 + escaped.len_utf8()));
    match escaped {
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'u' => {
            let hex = text[2..].strip_prefix('{')?;
            let (digits, _) = hex.split_once('}')?;
            let fits = (1..=6).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let number = fits.then(|| u32::from_str_radix(digits, 16).ok()).flatten()?;
            Some((char::from_u32(number)?, 4 + digits.len()))
        }
        c if c.is_alphanumeric() => None,
        c => simple(c),
    }
}

fn bad_escape(rest: &str, at: usize) -> Diagnostic {
    let length: usize = rest.chars().take(2).map(char::len_utf8).sum();
    let shown = &rest[..length];
    let message =
        format!("{shown} is no escape: there are \\n, \\r, \\t, \\u{{hex}}, and \\ in front of a punctuation mark");
    Diagnostic::new(at..at + length, Code::UnknownEscape, message).fix("a backslash itself", format!("\\{shown}"))
}

/// `text` as a value of a filter that equals exactly it: bare where that is clear, in quotes otherwise.
#[must_use]
pub fn literal(text: &str) -> String {
    if bare(text) { text.to_owned() } else { quote(text) }
}

/// Whether `text` stands for itself in every place where a value may stand.
fn bare(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/:@%+&$~=#;".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "._/".contains(c));
    let word = ["or", "and", "not"].iter().any(|word| text.eq_ignore_ascii_case(word));
    starts && text.chars().all(plain) && !word && regex_length(text).is_none()
}

/// `text` in quotes.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c => push_visible(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// `literal` as it may stand again, wildcards kept.
pub(crate) fn print(literal: &Literal) -> String {
    if literal.wild.is_empty() {
        return self::literal(&literal.text);
    }
    let mut out = String::with_capacity(literal.text.len());
    for (at, c) in literal.text.char_indices() {
        let plain = c.is_alphanumeric() || "._/".contains(c) || ("-:@%+&$~#;".contains(c) && at > 0);
        if !plain && c.is_ascii_graphic() && literal.wild.binary_search(&at).is_err()
            || c.is_whitespace() && !c.is_control()
        {
            out.push('\\');
        }
        push_visible(&mut out, c);
    }
    if regex_length(&out).is_some() {
        out.insert(0, '\\');
    }
    out
}

/// Adds `c`, as an escape where it would not show or would change how the text around it shows.
fn push_visible(out: &mut String, c: char) {
    let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control() || hidden => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        c => out.push(c),
    }
}

/// The length of the regular expression `/…/` or `/…/i` at the start of `text`: up to the first slash that is not
/// escaped, without a blank before it, and with nothing but the end of the value behind it. So `/cart/items` is none.
pub(crate) fn regex_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let inside = text.strip_prefix('/')?;
    let (close, _) = inside.char_indices().find(|&(_, c)| {
        let found = !escaped && (c == '/' || c.is_whitespace());
        escaped = !escaped && c == '\\';
        found
    })?;
    let behind = inside[close..].strip_prefix('/')?;
    let flags = usize::from(behind.starts_with('i'));
    let ends = behind[flags..].chars().next().is_none_or(|c| c.is_whitespace() || c == ')' || c == ',');
    (close > 0 && ends).then_some(close + 2 + flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let text = |raw: &str| decode(raw, 0, false).map(|(text, wild)| (text, wild.len()));
        for (raw, expected, wild) in
            [("a*b?", "a*b?", 2), (r"a\*b\?", "a*b?", 0), (r"\\\n\t\u{e9}", "\\\n\té", 0), (r"\ \(", " (", 0)]
        {
            assert_eq!(text(raw), Ok((expected.to_owned(), wild)), "{raw}");
        }
        for bad in [r"\d", r"\", r"\u{}", r"\u{110000}", r"\u{12", r"\é", r"\u{0000041}", r"\u{+1}"] {
            let error = decode(bad, 7, true).expect_err(bad);
            assert_eq!((error.code, error.span.start), (Code::UnknownEscape, 7), "{bad}");
        }
    }

    #[test]
    fn expressions_end_at_a_slash_that_ends_the_value() {
        for (text, length) in [
            ("/a/", Some(3)),
            ("/a/i", Some(4)),
            ("/a/i)", Some(4)),
            (r"/a\/b/ c", Some(6)),
            (r"/a\ b/", Some(6)),
            ("/cart/items", None),
            ("/api/v1/", None),
            ("/cart -path:/ x", None),
            ("//", None),
            ("/a", None),
            ("a/", None),
            ("", None),
        ] {
            assert_eq!(regex_length(text), length, "{text}");
        }
    }

    #[test]
    fn values_are_bare_where_that_is_clear() {
        for (text, written) in [
            ("/cart", "/cart"),
            ("a-b_c.d:80", "a-b_c.d:80"),
            ("/api/", "\"/api/\""),
            ("", "\"\""),
            ("OR", "\"OR\""),
            ("a b", "\"a b\""),
            ("a*", "\"a*\""),
            (">5", "\">5\""),
            ("[a..b]", "\"[a..b]\""),
            ("a\"\\", r#""a\"\\""#),
            ("x\0y\u{202e}", r#""x\u{0}y\u{202e}""#),
            ("ü", "\"ü\""),
        ] {
            assert_eq!(literal(text), written);
        }
    }
}
