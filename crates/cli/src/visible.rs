//! The one place that makes captured text safe for a terminal (law 7: captured text is only text).
//!
//! What could move the cursor, change colours, hide or reorder text is written as an escape in plain ASCII; everything
//! else stays as it is. Meant for people: the exact bytes are in ndjson.

/// Whether a terminal or a reader could be deceived by `c`: controls (C0, DEL, C1), line and paragraph separators,
/// bidirectional controls, and characters without any appearance.
///
/// Source: Unicode general categories Cc, Cf, Zl and Zp; UAX 9 for the bidirectional controls.
#[must_use]
pub const fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{115f}'..='\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Appends `text` to `out` with everything deceptive spelled out: `\x1b`, `\u{202e}`, `\xff` for a byte that is not
/// UTF-8, and `\t`, `\n`, `\r`. Never adds a control byte. O(length), at most ten bytes for one.
pub fn push_visible(out: &mut String, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        push_valid(out, chunk.valid());
        for byte in chunk.invalid() {
            push_byte(out, *byte);
        }
    }
}

/// `text` as [`push_visible`] writes it.
#[must_use]
pub fn visible(text: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text);
    out
}

fn push_valid(out: &mut String, text: &str) {
    let mut plain_from = 0;
    for (at, c) in text.char_indices() {
        if is_deceptive(c) {
            out.push_str(&text[plain_from..at]);
            push_escape(out, c);
            plain_from = at + c.len_utf8();
        }
    }
    out.push_str(&text[plain_from..]);
}

fn push_escape(out: &mut String, c: char) {
    match c {
        '\t' => out.push_str("\\t"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\0'..='\u{7f}' => push_byte(out, c as u8),
        _ => out.extend(c.escape_unicode()),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    out.push_str("\\x");
    out.push(HEX[usize::from(byte >> 4)]);
    out.push(HEX[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{is_deceptive, visible};

    #[test]
    fn escapes_are_readable() {
        let check = |input: &[u8], expected: &str| assert_eq!(visible(input), expected);
        check(b"", "");
        check(b"/plain?x=1", "/plain?x=1");
        check(b"\x1b[31mred\x07", "\\x1b[31mred\\x07");
        check(b"a\tb\r\nc\0", "a\\tb\\r\\nc\\x00");
        check(b"\x7f", "\\x7f");
        check("\u{9b}31m".as_bytes(), "\\u{9b}31m");
        check("a\u{202e}b\u{2066}c".as_bytes(), "a\\u{202e}b\\u{2066}c");
        check("zero\u{200b}width\u{feff}".as_bytes(), "zero\\u{200b}width\\u{feff}");
        check(b"\xff\xc3", "\\xff\\xc3");
        check("grün 日本".as_bytes(), "grün 日本");
    }

    #[test]
    fn every_control_byte_and_bidi_control_goes() {
        let controls = (0..=0x1f_u8).chain([0x7f]).map(char::from);
        let c1 = (0x80..=0x9f_u8).map(char::from);
        let bidi = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";
        for c in controls.chain(c1).chain(bidi.chars()) {
            assert!(visible(c.to_string().as_bytes()).bytes().all(|b| (0x20..0x7f).contains(&b)), "{c:?}");
        }
        for byte in 0..=u8::MAX {
            assert!(!visible(&[byte]).chars().any(is_deceptive), "{byte:#x}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn nothing_deceptive_survives(bytes: Vec<u8>, text in any::<String>()) {
            assert!(!visible(&bytes).chars().any(is_deceptive));
            assert!(!visible(text.as_bytes()).chars().any(is_deceptive));
        }
    }
}
