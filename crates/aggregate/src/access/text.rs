//! How servers escape what strangers send, and back.

use std::borrow::Cow;

/// Which escapes the texts of a record hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Escaping {
    /// nginx: `\xHH` for quotes, backslashes, control characters and what is not ASCII. A raw quote never occurs.
    #[default]
    Nginx,
    /// JSON: `\"`, `\\`, `\n`, `\u0000`; bytes above 0x7f as they came.
    Json,
    /// Apache: `\"`, `\\`, `\n`, `\xhh`.
    Apache,
    /// Nothing is escaped: a quote may stand within quotes.
    None,
}

impl Escaping {
    /// The bytes that were escaped. What is no escape stays as it is.
    #[must_use]
    pub fn decode(self, raw: &[u8]) -> Cow<'_, [u8]> {
        if self == Self::None || memchr::memchr(b'\\', raw).is_none() {
            return Cow::Borrowed(raw);
        }
        let mut out = Vec::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = memchr::memchr(b'\\', rest) {
            out.extend_from_slice(&rest[..at]);
            let taken = match self {
                Self::Json => json(&rest[at..], &mut out),
                _ => hexadecimal(&rest[at..], &mut out),
            };
            rest = &rest[at + taken..];
        }
        out.extend_from_slice(rest);
        Cow::Owned(out)
    }
}

/// The escape at the start of `rest`, written to `out`; how many bytes it takes, at least one.
fn hexadecimal(rest: &[u8], out: &mut Vec<u8>) -> usize {
    if let Some(digits @ [_, _]) = rest.strip_prefix(b"\\x").and_then(|rest| rest.get(..2))
        && let Some(byte) = number(digits)
    {
        out.push(byte as u8);
        return 4;
    }
    single(rest, out)
}

fn json(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |rest: &[u8]| number(rest.strip_prefix(b"\\u")?.get(..4)?);
    let Some(first) = unit(rest) else { return single(rest, out) };
    let mut utf8 = [0; 4];
    let mut push = |c: char, taken| {
        out.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
        taken
    };
    if let Some(c) = char::from_u32(first) {
        return push(c, 6);
    }
    let low = unit(&rest[6..]).filter(|low| (0xdc00..0xe000).contains(low) && first < 0xdc00);
    match low.and_then(|low| char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00))) {
        Some(c) => push(c, 12),
        None => push(char::REPLACEMENT_CHARACTER, 6),
    }
}

/// A backslash and one letter; a backslash alone where it escapes nothing.
fn single(rest: &[u8], out: &mut Vec<u8>) -> usize {
    let byte = match rest.get(1) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => byte,
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        Some(b'b') => 8,
        Some(b'f') => 12,
        _ => {
            out.push(b'\\');
            return 1;
        }
    };
    out.push(byte);
    2
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::Escaping;

    #[test]
    fn escapes_become_what_was_sent() {
        let table: &[(Escaping, &str, &[u8])] = &[
            (Escaping::Nginx, r"a\x22b\x5Cc", br#"a"b\c"#),
            (Escaping::Nginx, r"\xD0\xB8", "и".as_bytes()),
            (Escaping::Nginx, r"\x4 \xZZ \", br"\x4 \xZZ \"),
            (Escaping::Json, r#"\"\\\/\u0041\ud83d\ude00"#, "\"\\/A\u{1f600}".as_bytes()),
            (Escaping::Json, r"\ud83d \udc00\u12", "\u{fffd} \u{fffd}\\u12".as_bytes()),
            (Escaping::Apache, r#"\"\n\xff"#, b"\"\n\xff"),
            (Escaping::None, r"\x22", br"\x22"),
        ];
        for (escaping, raw, decoded) in table {
            assert_eq!(escaping.decode(raw.as_bytes()).as_ref(), *decoded, "{raw}");
        }
    }
}
