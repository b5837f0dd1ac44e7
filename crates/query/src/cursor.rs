//! Cursors as text that means nothing to others.
//!
//! base64url of: version 1, a checksum of the list that it belongs to (CRC-32C, little-endian), the number, the key, and
//! at the end a CRC-32C of all before. A number is a byte 0 for null or 1 and 8 bytes; a key value a byte of its type, then
//! nothing, one byte, 8 bytes, or a length of 4 bytes and the bytes. It is no secret and no proof of any right.

use arachne_store::{Cursor, Scalar};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::QueryError;
use crate::limits::CURSOR_BYTES_MAX;

const VERSION: u8 = 1;
/// Values of a key; no table has more order columns.
const KEY_MAX: usize = 8;

/// The text of a cursor. `list` is what makes lists different: a cursor of another one is refused.
pub(crate) fn encode(cursor: &Cursor, list: &str) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(crc32c::crc32c(list.as_bytes()).to_le_bytes());
    match cursor.number {
        None => bytes.push(0),
        Some(number) => {
            bytes.push(1);
            bytes.extend(number.to_le_bytes());
        }
    }
    cursor.key.iter().for_each(|value| push(&mut bytes, value));
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn push(bytes: &mut Vec<u8>, value: &Scalar) {
    let mut sized = |tag: u8, content: &[u8]| {
        bytes.push(tag);
        bytes.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(content);
    };
    match value {
        Scalar::Text(text) => sized(3, text.as_bytes()),
        Scalar::Bytes(content) => sized(4, content),
        Scalar::Null => bytes.push(0),
        Scalar::Bool(flag) => bytes.extend([1, u8::from(*flag)]),
        Scalar::Int(number) => {
            bytes.push(2);
            bytes.extend(number.to_le_bytes());
        }
    }
}

/// The cursor of a text.
///
/// # Errors
/// [`QueryError::BadCursor`] when it is damaged, of another version, or of another list.
pub(crate) fn decode(text: &str, list: &str) -> Result<Cursor, QueryError> {
    let bad = |reason| QueryError::BadCursor { reason };
    if text.len() > CURSOR_BYTES_MAX {
        return Err(bad("it is too long"));
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| bad("it is damaged"))?;
    let (content, sum) = bytes.split_last_chunk::<4>().ok_or_else(|| bad("it is damaged"))?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*sum) {
        return Err(bad("it is damaged"));
    }
    let mut reader = Reader(content);
    if reader.byte() != Some(VERSION) {
        return Err(bad("it was made by another version"));
    }
    if reader.chunk().map(u32::from_le_bytes) != Some(crc32c::crc32c(list.as_bytes())) {
        return Err(bad("it belongs to another list"));
    }
    reader.cursor().ok_or_else(|| bad("it is damaged"))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn sized(&mut self) -> Option<Vec<u8>> {
        let length = usize::try_from(u32::from_le_bytes(self.chunk()?)).ok()?;
        let (content, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(content.to_vec())
    }

    fn cursor(&mut self) -> Option<Cursor> {
        let number = match self.byte()? {
            0 => None,
            1 => Some(i64::from_le_bytes(self.chunk()?)),
            _ => return None,
        };
        let mut key = Vec::new();
        while !self.0.is_empty() && key.len() < KEY_MAX {
            key.push(self.value()?);
        }
        self.0.is_empty().then_some(Cursor { number, key })
    }

    fn value(&mut self) -> Option<Scalar> {
        Some(match self.byte()? {
            0 => Scalar::Null,
            1 => Scalar::Bool(self.byte()? != 0),
            2 => Scalar::Int(i64::from_le_bytes(self.chunk()?)),
            3 => Scalar::Text(String::from_utf8(self.sized()?).ok()?.into()),
            4 => Scalar::Bytes(self.sized()?.into()),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalar() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            Just(Scalar::Null),
            any::<bool>().prop_map(Scalar::Bool),
            any::<i64>().prop_map(Scalar::Int),
            any::<String>().prop_map(|text| Scalar::Text(text.into())),
            any::<Vec<u8>>().prop_map(|bytes| Scalar::Bytes(bytes.into())),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(number in any::<Option<i64>>(), key in prop::collection::vec(scalar(), 0..4)) {
            let cursor = Cursor { number, key };
            let text = encode(&cursor, "list");
            prop_assert_eq!(decode(&text, "list").expect("it is whole"), cursor);
            let foreign = decode(&text, "other").expect_err("another list").to_string();
            prop_assert!(foreign.contains("another list"), "{}", foreign);
        }

        #[test]
        fn damage_is_found(number in any::<i64>(), at in any::<prop::sample::Index>(), with in "[A-Za-z0-9_-]") {
            let mut text = encode(&Cursor { number: Some(number), key: vec![Scalar::Text("01J".into())] }, "list");
            let at = at.index(text.len());
            prop_assume!(text[at..=at] != with);
            text.replace_range(at..=at, &with);
            prop_assert_eq!(decode(&text, "list").expect_err("it is damaged").code(), "bad-cursor");
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = decode(&text, "list");
        }
    }
}
