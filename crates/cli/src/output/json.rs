//! JSON by hand into a reusable buffer: no allocation and no intermediate tree per row.
//!
//! Any bytes give valid JSON: what is UTF-8 stays as it is (controls and deceptive characters as JSON escapes, so that
//! a row on a terminal is harmless too), the rest becomes U+FFFD and the caller may add the raw value in base64.
//! Source: RFC 8259, section 7.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::visible::is_deceptive;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = ONES * 0x80;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// A key with its separators, ready to be copied: `,"name":` and `,"name.base64":`. See [`key!`](crate::key).
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `,"name":`
    pub plain: &'static str,
    /// `,"name.base64":`
    pub base64: &'static str,
}

/// Builds a [`Key`] from a literal name.
#[macro_export]
macro_rules! key {
    ($name:literal) => {
        $crate::output::json::Key { plain: concat!(",\"", $name, "\":"), base64: concat!(",\"", $name, ".base64\":") }
    };
}

/// Appends `text`.
#[inline]
pub fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends an integer.
#[inline]
pub fn push_int<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an integer or `null`.
#[inline]
pub fn push_opt_int<I: itoa::Integer>(out: &mut Vec<u8>, value: Option<I>) {
    match value {
        Some(value) => push_int(out, value),
        None => push(out, "null"),
    }
}

/// Appends `bytes` as a JSON string and says whether it is exact, that is, whether `bytes` are UTF-8.
#[inline]
pub fn push_string(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    out.push(b'"');
    let exact = push_inner(out, bytes);
    out.push(b'"');
    exact
}

/// As [`push_string`] without the quotes.
#[inline]
pub fn push_inner(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let run = plain_run(bytes);
    out.extend_from_slice(&bytes[..run]);
    run == bytes.len() || push_rest(out, &bytes[run..])
}

/// Appends `bytes` as a string in base64.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let from = out.len();
    // Base64 of n bytes takes 4 * ceil(n / 3).
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[from..]).expect("the buffer has the exact encoded length");
    out.truncate(from + written);
    out.push(b'"');
}

/// Appends lower-case hexadecimal digits as a string.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for byte in bytes {
        out.push(HEX[usize::from(byte >> 4)]);
        out.push(HEX[usize::from(byte & 15)]);
    }
    out.push(b'"');
}

/// Appends `,"key":"value"`, or `null` for none; where the value is not UTF-8 also `,"key.base64":"..."`.
#[inline]
pub fn push_text_member(out: &mut Vec<u8>, key: Key, value: Option<&[u8]>) {
    push(out, key.plain);
    match value {
        None => push(out, "null"),
        Some(value) => {
            if !push_string(out, value) {
                push(out, key.base64);
                push_base64(out, value);
            }
        }
    }
}

/// Appends a list of names that need no escape.
pub fn push_names(out: &mut Vec<u8>, names: impl Iterator<Item = &'static str>) {
    out.push(b'[');
    for (at, name) in names.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.push(b'"');
        push(out, name);
        out.push(b'"');
    }
    out.push(b']');
}

/// The number of leading bytes that stand in a JSON string as they are: ASCII without controls, quote and backslash.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = bytes[at..].first_chunk::<8>() {
        let special = special_bytes(u64::from_le_bytes(*word));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|b| is_plain(**b)).count()
}

#[inline]
const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..0x7f) && byte != b'"' && byte != b'\\'
}

/// Marks the bytes of `word` that are not plain with their high bit. Exact up to the first of them, which is all that
/// is used: a borrow can only mark bytes above it.
#[inline]
const fn special_bytes(word: u64) -> u64 {
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = zero_bytes(word ^ (ONES * b'"' as u64));
    let backslash = zero_bytes(word ^ (ONES * b'\\' as u64));
    let delete = zero_bytes(word ^ (ONES * 0x7f));
    (below_space | quote | backslash | delete | word) & HIGH
}

#[inline]
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word
}

#[cold]
fn push_rest(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    let mut exact = true;
    for chunk in bytes.utf8_chunks() {
        push_valid(out, chunk.valid());
        if !chunk.invalid().is_empty() {
            push(out, "\u{fffd}");
            exact = false;
        }
    }
    exact
}

fn push_valid(out: &mut Vec<u8>, mut text: &str) {
    loop {
        let (plain, rest) = text.split_at(plain_run(text.as_bytes()));
        push(out, plain);
        let Some(c) = rest.chars().next() else { return };
        push_char(out, c);
        text = &rest[c.len_utf8()..];
    }
}

fn push_char(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => push(out, "\\\""),
        '\\' => push(out, "\\\\"),
        '\n' => push(out, "\\n"),
        '\r' => push(out, "\\r"),
        '\t' => push(out, "\\t"),
        _ if is_deceptive(c) => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| push_unit(out, *unit)),
        _ => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

fn push_unit(out: &mut Vec<u8>, unit: u16) {
    push(out, "\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[usize::from(unit >> shift & 15)]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::{plain_run, push_base64, push_string};

    fn json(bytes: &[u8]) -> (String, bool) {
        let mut out = Vec::new();
        let exact = push_string(&mut out, bytes);
        (String::from_utf8(out).expect("JSON is UTF-8"), exact)
    }

    fn check_round_trip(bytes: &[u8]) {
        let (text, exact) = json(bytes);
        let back: String = serde_json::from_str(&text).expect("valid JSON");
        assert_eq!(back, String::from_utf8_lossy(bytes));
        assert_eq!(exact, std::str::from_utf8(bytes).is_ok());
    }

    #[test]
    fn strings() {
        let check = |input: &[u8], expected: &str| assert_eq!(json(input).0, expected);
        check(b"", "\"\"");
        check(b"/a b", "\"/a b\"");
        check(b"0123456\"8\\", "\"0123456\\\"8\\\\\"");
        check(b"\x00\x1f\x7f\n\t\r", "\"\\u0000\\u001f\\u007f\\n\\t\\r\"");
        check("ü\u{9b}\u{202e}".as_bytes(), "\"ü\\u009b\\u202e\"");
        check("\u{e0001}".as_bytes(), "\"\\udb40\\udc01\"");
        check(b"a\xffb", "\"a\u{fffd}b\"");
    }

    #[test]
    fn each_byte_at_each_place_of_a_word() {
        for byte in 0..=u8::MAX {
            for at in 0..17 {
                let mut bytes = *b"aaaaaaaaaaaaaaaaa";
                bytes[at] = byte;
                let plain = (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
                assert_eq!(plain_run(&bytes), if plain { 17 } else { at }, "{byte:#x} at {at}");
                check_round_trip(&bytes);
            }
        }
    }

    #[test]
    fn base64_is_padded() {
        let check = |input: &[u8], expected: &str| {
            let mut out = b"x".to_vec();
            push_base64(&mut out, input);
            assert_eq!(out, expected.as_bytes());
        };
        check(b"", "x\"\"");
        check(b"\xff", "x\"/w==\"");
        check(b"\xff\xfe\xfd", "x\"//79\"");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_bytes_round_trip(bytes: Vec<u8>, text in any::<String>()) {
            check_round_trip(&bytes);
            check_round_trip(text.as_bytes());
        }
    }
}
