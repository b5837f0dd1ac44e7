//! One segment of a path: what of it is a value becomes a placeholder, what is a word stays.
//!
//! | shape | becomes |
//! |---|---|
//! | `12345` | `{id}` |
//! | a UUID, 32 hexadecimal digits | `{uuid}` |
//! | 8 or more hexadecimal digits with a decimal one | `{hex}` |
//! | `2024-01-31`, `20240131`, `2024-01`, with a time of day too | `{date}` |
//! | `bob@example.com` | `{email}` |
//! | `10.0.0.1`; `55.75`, `1,2,3`, `10-20` | `{ip}`; `{number}` |
//! | 20 or more characters, letters and digits well mixed | `{token}` |
//! | over 64 bytes | `{long}` |
//! | control characters, no UTF-8 | `{bytes}` |
//! | `order-12345`, `item_77`, `user12345`, `app.3f2a9c1d.js` | `order-{id}`, `item_{id}`, `user{id}`, `app.{hex}.js` |
//! | `v1`, `v2.1`, `1.0`, `page2`, `page-2`, `mp3`, `sha256`, `x86_64`, `log4j` | itself |
//!
//! Inside a segment four digits make a value, two do when they end it behind a word and `-` or `_`. Percent-encoding is
//! undone for judging only: what stays, stays as it was sent. What has become a placeholder is never looked at again.

use super::shape::{
    Numeric, date_at_start, extension_at, is_compact_date, is_date_time, is_digits, is_email, is_hex, is_part,
    is_token, is_uuid, numeric,
};

/// Every placeholder that these rules write.
const PLACEHOLDERS: [&str; 12] = [
    "{id}", "{uuid}", "{hex}", "{date}", "{email}", "{ip}", "{number}", "{token}", "{long}", "{bytes}", "{word}", "{…}",
];
/// A longer segment is no name.
const SEGMENT_BYTES_MAX: usize = 64;
/// A segment that is longer as sent is longer than [`SEGMENT_BYTES_MAX`] also when decoded, with its extension.
const ENCODED_BYTES_MAX: usize = 256;

const LETTER: u8 = 1;
const JOIN: u8 = 2;
const DIGIT: u8 = 4;
const PERCENT: u8 = 8;
/// ASCII control characters, and all that is not ASCII.
const SUSPECT: u8 = 16;
const OTHER: u8 = 32;

/// The class of each byte.
const CLASS: [u8; 256] = {
    let mut class = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            b'-' | b'_' => JOIN,
            b'%' => PERCENT,
            0..=0x1f | 0x7f.. => SUSPECT,
            _ => OTHER,
        };
        byte += 1;
    }
    class
};

/// Appends what `segment` becomes.
pub(super) fn write(segment: &str, out: &mut String) {
    let classes = segment.bytes().fold(0, |classes, byte| classes | CLASS[usize::from(byte)]);
    if classes & !(LETTER | JOIN) == 0 && segment.len() <= SEGMENT_BYTES_MAX {
        return out.push_str(segment);
    }
    let mark = out.len();
    let mut writer = Writer { out, encode: false, changed: false };
    if classes & PERCENT == 0 {
        writer.segment(segment, classes & SUSPECT != 0);
    } else if segment.len() > ENCODED_BYTES_MAX {
        writer.placeholder("{long}");
    } else {
        let mut buffer = [0; ENCODED_BYTES_MAX];
        let decoded = decode(segment.as_bytes(), &mut buffer);
        writer.encode = true;
        match std::str::from_utf8(decoded) {
            Ok(text) => writer.segment(text, true),
            Err(_) => writer.placeholder("{bytes}"),
        }
    }
    if !writer.changed {
        out.truncate(mark);
        out.push_str(segment);
    }
}

/// Undoes percent-encoding; a `%` without two hexadecimal digits behind it stays. `encoded` is no longer than `buffer`.
fn decode<'a>(encoded: &[u8], buffer: &'a mut [u8]) -> &'a [u8] {
    let digit = |at: usize| encoded.get(at).and_then(|&b| char::from(b).to_digit(16));
    let (mut read, mut written) = (0, 0);
    while read < encoded.len() {
        let pair = (encoded[read] == b'%').then(|| digit(read + 1).zip(digit(read + 2))).flatten();
        (buffer[written], read) = match pair {
            Some((high, low)) => ((high * 16 + low) as u8, read + 3),
            None => (encoded[read], read + 1),
        };
        written += 1;
    }
    &buffer[..written]
}

/// Writes one segment and knows whether anything was replaced.
struct Writer<'a> {
    out: &'a mut String,
    /// Literal text has been decoded and must be encoded again.
    encode: bool,
    changed: bool,
}

impl Writer<'_> {
    fn placeholder(&mut self, placeholder: &str) {
        self.out.push_str(placeholder);
        self.changed = true;
    }

    fn literal(&mut self, text: &str) {
        if !self.encode {
            return self.out.push_str(text);
        }
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        for byte in text.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte) {
                self.out.push(char::from(byte));
            } else {
                self.out.push('%');
                self.out.push(char::from(HEX[usize::from(byte >> 4)]));
                self.out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }

    /// `text` is decoded; `suspect` when it may hold control characters.
    fn segment(&mut self, text: &str, suspect: bool) {
        if suspect && text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return self.placeholder("{bytes}");
        }
        if let Some(placeholder) = whole(text.as_bytes()) {
            return self.placeholder(placeholder);
        }
        if numeric(text.as_bytes()) == Numeric::Version {
            return;
        }
        let (stem, extension) = text.split_at(extension_at(text.as_bytes()));
        match stem_kind(stem.as_bytes()) {
            Some(placeholder) => self.placeholder(placeholder),
            None if literal_bytes(stem) > SEGMENT_BYTES_MAX => self.placeholder("{long}"),
            None if is_token(stem.as_bytes()) => self.placeholder("{token}"),
            None => self.parts(stem),
        }
        self.literal(extension);
    }

    /// Words and numbers with separators between them.
    fn parts(&mut self, stem: &str) {
        let bytes = stem.as_bytes();
        let mut behind = Behind { word: false, separator: 0 };
        let mut at = 0;
        while at < bytes.len() {
            let rest = &stem[at..];
            if let Some(known) = known_at_start(rest) {
                self.out.push_str(known);
                behind.word = false;
                at += known.len();
            } else if !is_part(bytes[at]) {
                self.literal(&rest[..1]);
                behind.separator = bytes[at];
                at += 1;
            } else {
                at += self.part(rest, &mut behind);
            }
        }
    }

    /// Writes the part, or several that are one value, at the start of `rest`; returns their bytes.
    fn part(&mut self, rest: &str, behind: &mut Behind) -> usize {
        let bytes = rest.as_bytes();
        if let Some((placeholder, length)) = compound(bytes) {
            self.placeholder(placeholder);
            behind.word = false;
            return length;
        }
        let length = bytes.iter().position(|&b| !is_part(b)).unwrap_or(bytes.len());
        let (part, last) = (&bytes[..length], length == bytes.len());
        let digits = part.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let (head, all_digits) = (length - digits, digits == length);
        let word = part[..head].iter().all(|b| !b.is_ascii_digit());
        if is_token(part) && !is_hex(part) {
            self.placeholder("{token}");
        } else if let Some(placeholder) = stem_kind(part).filter(|_| !all_digits) {
            self.placeholder(placeholder);
        } else if all_digits && is_compact_date(part) {
            self.placeholder("{date}");
        } else if (word && digits >= 4)
            || (all_digits && digits >= 2 && last && behind.word && behind.separator != b'.')
        {
            self.literal(&rest[..head]);
            self.placeholder("{id}");
        } else {
            self.literal(&rest[..length]);
        }
        behind.word = digits == 0 && word;
        length
    }
}

/// What stands before a part.
struct Behind {
    /// The part before it is a word, all letters.
    word: bool,
    /// The separator right before it.
    separator: u8,
}

/// The placeholder that `text` starts with: it was put there before.
fn known_at_start(text: &str) -> Option<&'static str> {
    let brace = text.starts_with('{');
    brace.then(|| PLACEHOLDERS.into_iter().find(|known| text.starts_with(known))).flatten()
}

/// Bytes of `stem` that are no placeholder.
fn literal_bytes(stem: &str) -> usize {
    if !stem.contains('{') {
        return stem.len();
    }
    let placeholders = PLACEHOLDERS.iter().map(|known| stem.matches(known).count() * known.len());
    stem.len() - placeholders.sum::<usize>()
}

/// Shapes of a whole segment that contain dots or other separators.
fn whole(text: &[u8]) -> Option<&'static str> {
    if date_at_start(text) == Some(text.len()) || is_date_time(text) {
        return Some("{date}");
    }
    if is_email(text) {
        return Some("{email}");
    }
    match numeric(text) {
        Numeric::Ip => Some("{ip}"),
        Numeric::Number if !is_digits(text) => Some("{number}"),
        _ => None,
    }
}

/// Shapes without separators, and the UUID.
fn stem_kind(stem: &[u8]) -> Option<&'static str> {
    if is_digits(stem) {
        Some(if is_compact_date(stem) { "{date}" } else { "{id}" })
    } else if is_uuid(stem) || (stem.len() == 32 && is_hex(stem)) {
        Some("{uuid}")
    } else {
        is_hex(stem).then_some("{hex}")
    }
}

/// A value of several parts at the start of `text`, with its bytes.
fn compound(text: &[u8]) -> Option<(&'static str, usize)> {
    let uuid = text.get(..36).is_some_and(is_uuid) && text.get(36).is_none_or(|&b| !is_part(b));
    if uuid { Some(("{uuid}", 36)) } else { date_at_start(text).map(|length| ("{date}", length)) }
}
