//! Captured bytes as text of a row (law 7: text is stored as it is, and shown safely later).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Bytes as text: what is not UTF-8 becomes U+FFFD.
pub fn text(bytes: &[u8]) -> String {
    lossy(bytes).into_owned()
}

/// As [`text`]. Nearly all bytes are UTF-8, which is found out faster by asking only that.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// Text, or nothing where there are no bytes.
pub fn some_text(bytes: &[u8]) -> Option<String> {
    (!bytes.is_empty()).then(|| text(bytes))
}

/// Puts a text into a place, whose memory is used again.
pub fn put(place: &mut Option<String>, text: Option<&str>) {
    match (place, text) {
        (Some(place), Some(text)) => text.clone_into(place),
        (place, text) => *place = text.map(str::to_owned),
    }
}

/// As [`put`], of bytes; without any there is no text.
pub fn put_bytes(place: &mut Option<String>, bytes: &[u8]) {
    let text = lossy(bytes);
    put(place, Some(&*text).filter(|text| !text.is_empty()));
}

/// As [`text`], in lower case (ASCII).
pub fn lower(bytes: &[u8]) -> String {
    let mut text = text(bytes);
    text.make_ascii_lowercase();
    text
}

/// Appends `name: value` and a line feed. A line must stay one: line ends inside become blanks.
pub fn push_line(lines: &mut String, name: &[u8], value: &[u8]) {
    push_part(lines, name);
    lines.push_str(": ");
    push_part(lines, value);
    lines.push('\n');
}

fn push_part(lines: &mut String, part: &[u8]) {
    let part = lossy(part);
    // Without a branch for each byte: the machine looks at many of them at once.
    match part.bytes().fold(false, |any, byte| any | (byte == b'\r') | (byte == b'\n')) {
        false => lines.push_str(&part),
        true => lines.extend(part.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c })),
    }
}

/// Words separated by single blanks; `None` without any.
pub fn words<T: std::fmt::Display>(words: impl IntoIterator<Item = T>) -> Option<String> {
    let mut text = String::new();
    for word in words {
        let separator = if text.is_empty() { "" } else { " " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{word}");
    }
    (!text.is_empty()).then_some(text)
}

/// The media type of a Content-Type: in lower case, without parameters.
pub fn media_type(value: &[u8]) -> Option<String> {
    let end = value.iter().position(|b| *b == b';').unwrap_or(value.len());
    some_text(value[..end].trim_ascii()).map(|mut text| {
        text.make_ascii_lowercase();
        text
    })
}

/// The redacted form, or else the bytes themselves.
pub fn shown<'a>(redacted: &'a Option<Vec<u8>>, bytes: &'a [u8]) -> &'a [u8] {
    redacted.as_deref().unwrap_or(bytes)
}

/// Both forms behind one type.
pub fn cow(redacted: Option<Vec<u8>>, bytes: &[u8]) -> Cow<'_, [u8]> {
    redacted.map_or(Cow::Borrowed(bytes), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{media_type, push_line, words};

    #[test]
    fn a_header_is_one_line() {
        let mut lines = String::new();
        push_line(&mut lines, b"A", b"b\r\nX: y\xff\t\0");
        assert_eq!(lines, "A: b  X: y\u{fffd}\t\0\n");
    }

    #[test]
    fn media_types_and_words() {
        assert_eq!(media_type(b"Text/HTML ; charset=x").as_deref(), Some("text/html"));
        assert_eq!(media_type(b" ;x"), None);
        assert_eq!(words(["a", "b"]).as_deref(), Some("a b"));
        assert_eq!(words::<u16>([]), None);
    }
}
