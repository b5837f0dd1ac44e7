//! The places of a text that could matter: one fast pass that spares most texts, and most parts of others, all else.
//!
//! A place is live when a secret could be found from it by any scanner: a secret name, a shape, or an escape that could
//! hide a part of either. A text without one stays as it is.

use std::ops::Range;

use aho_corasick::Match;

use super::edits::{Edits, hex};
use super::text::{Piece, word};
use super::{Core, Scan};

/// The most bytes on either side of a piece that can belong to a name of several words.
const NAME_REACH: usize = 48;

impl Core {
    /// The offsets of the live places, in order.
    pub(super) fn live(&self, text: &[u8], scan: Scan<'_>) -> Vec<usize> {
        let Some(finder) = &self.finder else { return (0..text.len()).collect() };
        let mut places: Vec<usize> =
            finder.find_iter(text).filter(|found| self.is_live(text, found)).map(|found| found.start()).collect();
        places.extend(memchr::memchr_iter(b'%', text).filter(|&at| self.hides_letter(&text[at + 1..], 2)));
        let escapes = memchr::memmem::find_iter(text, b"\\u00");
        places.extend(escapes.filter(|&at| self.hides_letter(&text[at + 4..], 2)));
        // Encoded spaces inside a card number.
        places.extend(memchr::memchr2_iter(b'%', b'+', text).filter(|&at| at > 0 && text[at - 1].is_ascii_digit()));
        let mut cards = Edits::default();
        self.cards(text, 0, scan, &mut cards);
        places.extend(cards.starts());
        places.sort_unstable();
        places
    }

    /// Whether hex digits stand for a byte that a name, a token or a number is made of.
    fn hides_letter(&self, digits: &[u8], length: usize) -> bool {
        let byte = digits.get(..length).and_then(hex).and_then(|value| u8::try_from(value).ok());
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) || byte >= 0x80 && self.wide)
    }

    fn is_live(&self, text: &[u8], found: &Match) -> bool {
        let range = found.range();
        match self.kinds[found.pattern().as_usize()] {
            Piece::Name => self.is_live_name(text, range),
            Piece::Authority => {
                let rest = &text[range.end..text.len().min(range.end + 1024)];
                let ends = |byte: &u8| matches!(byte, b'/' | b'"' | b'\'' | b'<' | b'>' | b'@' | 0..=b' ');
                // The end of the text may be a cut.
                rest.iter().find(|byte| ends(byte)).is_none_or(|&byte| byte == b'@')
            }
            _ => true,
        }
    }

    fn is_live_name(&self, text: &[u8], piece: Range<usize>) -> bool {
        let name = word(text, piece);
        if self.names.parameter(&text[name.clone()]).hides() {
            return true;
        }
        if text[name.clone()].eq_ignore_ascii_case(b"code") && text.get(name.end) == Some(&b'=') {
            return true;
        }
        // The end of an escape is no part of a name: "%20key" is " key".
        if matches!(text[..name.start].last(), Some(b'%' | b'\\')) {
            return true;
        }
        if !self.names.may_be_part(&text[name.clone()]) {
            return false;
        }
        // "api key" and "user[pin code]" are one name to scanners that see where names end.
        let part = |byte: &&u8| !b"\"'=&?<>,;{}\n:".contains(byte);
        let before = text[..name.start].iter().rev().take(NAME_REACH).take_while(part).count();
        let after = text[name.end..].iter().take(NAME_REACH).take_while(part).count();
        before + after > 0 && self.names.parameter(&text[name.start - before..name.end + after]).hides()
    }
}

/// Whether a range holds a live place; all do where it is not known.
pub(super) fn is_live(live: Option<&[usize]>, range: Range<usize>) -> bool {
    live.is_none_or(|live| live.get(live.partition_point(|&at| at < range.start)).is_some_and(|&at| at < range.end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::body::Form;
    use super::super::edits::Edits;
    use super::super::{Key, Redactor, Rules, Scan};

    const PIECES: &[&str] = &[
        "password",
        "pass",
        "word",
        "token",
        "api",
        "key",
        "code",
        "state",
        "user",
        "author",
        "=",
        ":",
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ";",
        "&",
        "?",
        "#",
        "/",
        "%70",
        "%6bey",
        "%20",
        "+",
        " ",
        "\n",
        "<",
        ">",
        "</",
        "<input name=",
        "value=",
        "x",
        "Bearer a1b2",
        "4111",
        "1111",
        "1111111111111111",
        "://",
        "u:p@",
        "\\u0070",
        "&quot;",
        "session",
        "eyJhbGciOiJI",
    ];
    const FORMS: &[Form] =
        &[Form::Json, Form::Pairs, Form::Multipart, Form::Markup, Form::Code, Form::Text, Form::Unknown];

    proptest! {
        #[test]
        fn nothing_is_found_but_from_live_places(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..20),
            form in proptest::sample::select(FORMS),
        ) {
            let text = pieces.concat().into_bytes();
            let core = Redactor::new(Key::new([7; 32]), Rules::default()).0;
            let live = core.live(&text, Scan::new(false));
            let (mut all, mut some) = (Edits::default(), Edits::default());
            let refused = core.by_form(form, &text, Scan::new(false), &mut all);
            core.by_form(form, &text, Scan { live: Some(&live), ..Scan::new(false) }, &mut some);
            if refused.is_none() {
                let shown = |edits: Edits| String::from_utf8_lossy(&edits.apply(&text).unwrap_or_default()).into_owned();
                let (all, some) = (shown(all), shown(some));
                prop_assert!(!live.is_empty() || all.is_empty(), "{} of {:?}", all, pieces);
                prop_assert_eq!(all, some, "{:?}", pieces);
            }
        }
    }
}
