//! Edits to a text, and layers of encoding over it: a secret found in the decoded text is replaced in the encoded one.
//!
//! Scanners only say which bytes are replaced by what. All other bytes stay as they were by construction.

use std::ops::Range;

/// A list of replaced ranges.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, Vec<u8>)>);

impl Edits {
    /// Replaces a range by a text.
    pub(super) fn push(&mut self, range: Range<usize>, text: Vec<u8>) {
        self.0.push((range, text));
    }

    /// Where the edits start.
    pub(super) fn starts(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|(range, _)| range.start)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all edits after the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Orders the edits from number `from` on, the widest first among those that start together, and drops those that
    /// meet an earlier one.
    pub(super) fn settle(&mut self, from: usize) {
        if self.0.len() == from {
            return;
        }
        self.0[from..].sort_by(|a, b| a.0.start.cmp(&b.0.start).then(b.0.end.cmp(&a.0.end)));
        let mut end = 0;
        let mut number = 0;
        self.0.retain(|(range, _)| {
            number += 1;
            let free = number <= from || range.start >= end;
            if number > from && free {
                end = range.end;
            }
            free
        });
    }

    /// The ranges of `within` that the edits from number `from` on, settled before, leave alone.
    ///
    /// Takes no memory where there are none, as in most texts.
    pub(super) fn gaps(&self, from: usize, within: Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let mut start = within.start;
        let before = self.0[from..].iter().map(|(range, _)| {
            let gap = start..range.start;
            start = range.end;
            gap
        });
        let before: Vec<_> = before.collect();
        before.into_iter().chain(std::iter::once(start..within.end)).filter(|gap| gap.start < gap.end)
    }

    /// The edited text; `None` when nothing changes.
    pub(super) fn apply(mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.0.is_empty() {
            return None;
        }
        self.settle(0);
        let mut out = Vec::with_capacity(bytes.len() + 32 * self.0.len());
        let mut at = 0;
        for (range, text) in &self.0 {
            out.extend_from_slice(&bytes[at..range.start]);
            out.extend_from_slice(text);
            at = range.end;
        }
        out.extend_from_slice(&bytes[at..]);
        Some(out)
    }
}

/// How a text is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// The inside of a JSON string: backslash escapes.
    Json,
    /// Percent-encoding of URLs and forms; `+` is a space.
    Percent,
    /// Character references of XML and HTML, those that can hide JSON or a URL in an attribute.
    Entities,
}

/// A decoded text that knows where each of its bytes came from.
#[derive(Debug)]
pub(super) struct Layer {
    /// The decoded text.
    pub(super) bytes: Vec<u8>,
    /// For each decoded byte, and for the end, the offset in the encoded text.
    from: Vec<usize>,
    coding: Coding,
}

impl Layer {
    /// Decodes a text; `None` when nothing in it is encoded. What is malformed stands for itself.
    pub(super) fn decode(coding: Coding, raw: &[u8]) -> Option<Self> {
        let encoded = match coding {
            Coding::Json => memchr::memchr(b'\\', raw),
            Coding::Percent => memchr::memchr2(b'%', b'+', raw),
            Coding::Entities => memchr::memchr(b'&', raw),
        };
        encoded?;
        let mut layer = Self { bytes: Vec::with_capacity(raw.len()), from: Vec::with_capacity(raw.len() + 1), coding };
        let mut at = 0;
        while at < raw.len() {
            let start = at;
            let before = layer.bytes.len();
            at += match coding {
                Coding::Json => json_unit(&raw[at..], &mut layer.bytes),
                Coding::Percent => percent_unit(&raw[at..], &mut layer.bytes),
                Coding::Entities => entity_unit(&raw[at..], &mut layer.bytes),
            };
            for _ in before..layer.bytes.len() {
                layer.from.push(start);
            }
        }
        layer.from.push(raw.len());
        Some(layer)
    }

    /// Carries edits of the decoded text over to the encoded one, which starts at `at` of the outermost text.
    pub(super) fn carry(&self, inner: Edits, at: usize, outer: &mut Edits) {
        for (range, text) in inner.0 {
            // An edit cannot end inside a character: its escape would be torn.
            let mut end = self.from[range.end];
            if end == self.from[range.end.saturating_sub(1)] && range.end > range.start {
                end = self.from[range.end..].iter().copied().find(|&next| next > end).unwrap_or(end);
            }
            outer.push(at + self.from[range.start]..at + end, encode(self.coding, &text));
        }
    }
}

/// Encodes a replacement so that it stays one value in its surroundings, and readable.
fn encode(coding: Coding, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match (coding, byte) {
            (Coding::Json, b'"' | b'\\') => out.extend_from_slice(&[b'\\', byte]),
            (Coding::Percent, b'"' | b'%' | b'&' | b'=' | b'#' | b'+' | b' ' | b'?' | b';') => {
                out.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            (Coding::Entities, b'"') => out.extend_from_slice(b"&quot;"),
            (Coding::Entities, b'&') => out.extend_from_slice(b"&amp;"),
            (Coding::Entities, b'<') => out.extend_from_slice(b"&lt;"),
            _ => out.push(byte),
        }
    }
    out
}

/// The value of hex digits.
pub(super) fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, &digit| Some(sum * 16 + char::from(digit).to_digit(16)?))
}

/// Decodes one character of `%41+b`; says how many bytes it took.
fn percent_unit(raw: &[u8], out: &mut Vec<u8>) -> usize {
    match raw {
        [b'%', high, low, ..] => {
            if let Some(byte) = hex(&[*high, *low]).and_then(|value| u8::try_from(value).ok()) {
                out.push(byte);
                return 3;
            }
            out.push(b'%');
        }
        [b'+', ..] => out.push(b' '),
        [byte, ..] => out.push(*byte),
        [] => {}
    }
    1
}

/// Decodes one character of the inside of a JSON string.
fn json_unit(raw: &[u8], out: &mut Vec<u8>) -> usize {
    let plain = match raw {
        [b'\\', b'u', ..] => return unicode_unit(raw, out),
        [b'\\', b'n', ..] => b'\n',
        [b'\\', b't', ..] => b'\t',
        [b'\\', b'r', ..] => b'\r',
        [b'\\', b'b', ..] => 8,
        [b'\\', b'f', ..] => 12,
        [b'\\', byte, ..] => *byte,
        [byte, ..] => {
            out.push(*byte);
            return 1;
        }
        [] => return 1,
    };
    out.push(plain);
    2
}

/// Decodes `\u0041`, or a surrogate pair; what is neither stands for itself.
fn unicode_unit(raw: &[u8], out: &mut Vec<u8>) -> usize {
    let unit = |at: usize| raw.get(at..at + 6).filter(|unit| unit.starts_with(b"\\u")).and_then(|unit| hex(&unit[2..]));
    let Some(high) = unit(0) else {
        out.push(b'\\');
        return 1;
    };
    let low = unit(6).filter(|low| (0xdc00..0xe000).contains(low) && (0xd800..0xdc00).contains(&high));
    let (code, took) = low.map_or((high, 6), |low| (0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12));
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    took
}

/// Decodes `&quot;` and the like.
fn entity_unit(raw: &[u8], out: &mut Vec<u8>) -> usize {
    const KNOWN: &[(&[u8], u8)] = &[
        (b"&quot;", b'"'),
        (b"&amp;", b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&apos;", b'\''),
        (b"&#34;", b'"'),
        (b"&#38;", b'&'),
        (b"&#39;", b'\''),
        (b"&#x22;", b'"'),
        (b"&#x27;", b'\''),
        (b"&#x2F;", b'/'),
    ];
    let Some(&first) = raw.first() else { return 1 };
    let known = if first == b'&' { KNOWN.iter().find(|(name, _)| raw.starts_with(name)) } else { None };
    out.push(known.map_or(first, |(_, byte)| *byte));
    known.map_or(1, |(name, _)| name.len())
}

#[cfg(test)]
mod tests {
    use super::{Coding, Edits, Layer};

    #[test]
    fn edits_of_a_decoded_text_are_made_in_the_encoded_one() {
        for (coding, raw, decoded, range, after) in [
            (Coding::Percent, "a%3Db+c", "a=b c", 2..5, "a%3DX%22"),
            (Coding::Json, r#"\u0041\"\ud83d\ude00z"#, "A\"\u{1f600}z", 2..6, r#"\u0041\"X\"z"#),
            (Coding::Entities, "&quot;a&amp;", "\"a&", 1..2, "&quot;X&quot;&amp;"),
            (Coding::Percent, "%zz%4", "%zz%4", 0..5, "X%22"),
            (Coding::Json, "\\u00", "\\u00", 3..4, "\\u0X\\\""),
        ] {
            let layer = Layer::decode(coding, raw.as_bytes()).unwrap();
            assert_eq!(layer.bytes, decoded.as_bytes(), "{raw}");
            let (mut inner, mut outer) = (Edits::default(), Edits::default());
            inner.push(range, b"X\"".to_vec());
            layer.carry(inner, 0, &mut outer);
            assert_eq!(outer.apply(raw.as_bytes()).unwrap(), after.as_bytes(), "{raw}");
        }
        assert!(Layer::decode(Coding::Percent, b"plain").is_none());
    }

    #[test]
    fn edits_that_meet_an_earlier_one_are_dropped() {
        let mut edits = Edits::default();
        edits.push(4..6, b"z".to_vec());
        edits.push(0..3, b"x".to_vec());
        edits.push(2..5, b"y".to_vec());
        assert_eq!(edits.apply(b"abcdefg").unwrap(), b"xdzg");
    }
}
