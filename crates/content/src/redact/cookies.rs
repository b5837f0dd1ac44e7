//! The `Cookie` header of most requests, read once.

use super::Core;
use super::secret::{Marks, is_literal, trim};

impl Core {
    /// Edits `name=value; name=value` where nothing is quoted, encoded, hidden before or a token with claims; `None` where
    /// something is, or where nothing changes.
    ///
    /// It gives what [`Core::cookies`] gives. Each value becomes one mark, which takes no part in how the rest reads: there
    /// is nothing to be read again.
    pub(super) fn plain_cookies(&self, value: &[u8], marks: &mut Marks) -> Option<Vec<u8>> {
        // Without a way out, so that the machine looks at many bytes at once.
        let is_plain = |byte: u8| !matches!(byte, b'"' | b'%' | b'+' | b'[');
        if !value.iter().fold(true, |all, byte| all & is_plain(*byte)) {
            return None;
        }
        let mut edited = Vec::with_capacity(2 * value.len() + 64);
        let mut changed = false;
        for (number, piece) in value.split(|byte| *byte == b';').enumerate() {
            if number > 0 {
                edited.push(b';');
            }
            let start = memchr::memchr(b'=', piece).map_or(0, |equals| equals + 1);
            let place = trim(&piece[start..]);
            let (before, token) = (start + place.start, &piece[start..][place.clone()]);
            if token.is_empty() || is_literal(token) {
                edited.extend_from_slice(piece);
                continue;
            }
            if token.starts_with(b"eyJ") {
                return None;
            }
            changed = true;
            edited.extend_from_slice(&piece[..before]);
            marks.push(token, &mut edited, |out| self.push_mark(token, out));
            edited.extend_from_slice(&piece[before + token.len()..]);
        }
        changed.then_some(edited)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::names::Kind;
    use super::super::{Key, Marks, Redactor, Rules, Scan, settled};

    fn check(value: &[u8]) {
        let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
        let slow = settled(value, |value, edits| redactor.0.hide(Kind::Cookie, value, 0, Scan::new(false), edits));
        assert_eq!(redactor.header(b"Cookie", value), slow, "{}", value.escape_ascii());
        let mut marks = Marks::default();
        for _ in 0..2 {
            let remembered = redactor.header_remembering(&mut marks, b"Cookie", value);
            assert_eq!(remembered, slow, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn plain_cookies_are_as_others() {
        for value in [
            "sid=558e37b8380bf064; theme=dark; ab=9",
            "a=dark; b=dark; c=dark\0; d=01234567890123456789012345678901; e=012345678901234567890123456789012",
            "",
            ";",
            " ; =;a=;a= ;=b;a==b; c = d ",
            "a=true; b=NULL",
            "lonely; a=b",
            "a=-; b=.",
            "a=GA1.2.3; b=eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYXJsIn0.x",
            "a=\"b;c\"; d=e",
            "a=%20b; c=d+e",
            "a=[redacted:0011223344556677]; b=c",
            "a=\\; b=\\\"",
        ] {
            check(value.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_cookies_are_as_others(value in r#"[ab =;"%+\\\[\].t\xff]{0,24}|([a-c]{1,2}=(true|eyJ|[0-9a-f ]{0,9}); ?){0,5}"#) {
            check(value.as_bytes());
        }
    }
}
