//! The places of a text that could matter: one fast pass that spares most texts, and most parts of others, all else.
//!
//! A place is live when a secret could be found from it by any scanner: a secret name, a shape, or an escape that could
//! hide a part of either. A text without one stays as it is.

use std::ops::Range;

use aho_corasick::Match;

use super::edits::{Edits, hex};
use super::judge::{NAME_BYTES_MAX, SHORT_BYTES_MAX};
use super::text::{Piece, WORD_REACH, word};
use super::{Core, Scan};

/// The most bytes on either side of a piece that can belong to a name of several words.
const NAME_REACH: usize = 48;
/// The most backslashes in front of one that is looked at: escapes of strings inside strings, `DEPTH` levels deep.
const SLASHES_MAX: usize = 16;
/// The most bytes behind `://` in which an `@` is looked for; where there are more, one is taken for granted.
const AUTHORITY_REACH: usize = 1024;
/// So many letters are no part of a short name, though the end of an escape (`\n`) may stand before it.
const SPLIT_REACH: usize = SHORT_BYTES_MAX + 1;
/// What may stand between the words of a short name. Where names end is seen by scanners: "s id" is one in quotes.
pub(super) const SEPARATORS: &[u8] = b"_-.[ :/";
/// What a token or a private key follows, behind a blank.
const BEFORE_BLANK: &[&[u8]] = &[b"bearer", b"basic", b"begin"];

impl Core {
    /// The offsets of the live places, in order.
    pub(super) fn live(&self, text: &[u8], scan: Scan<'_>) -> Vec<usize> {
        let Some(finder) = &self.finder else { return (0..text.len()).collect() };
        let mut places: Vec<usize> =
            finder.find_iter(text).filter(|found| self.is_live(text, found)).map(|found| found.start()).collect();
        self.hidden(text, scan, &mut places);
        places.sort_unstable();
        places
    }

    /// Adds the places where there may be more than the finder sees: escapes, userinfo behind an escape, short names
    /// with a separator inside, and numbers of cards.
    fn hidden(&self, text: &[u8], scan: Scan<'_>, places: &mut Vec<usize>) {
        places.extend(memchr::memchr2_iter(b'%', b'+', text).filter(|&at| self.may_hide(text, at)));
        places.extend(memchr::memchr_iter(b'\\', text).filter(|&at| self.may_hide(text, at)));
        places.extend(userinfos(text, scan.cut));
        let separators = self.splits.find_iter(text).map(|before| before + 1);
        places.extend(separators.filter(|&at| is_short(text, at) && self.is_live_name(text, at..at + 1)));
        let mut cards = Edits::default();
        self.cards(text, 0, scan, &mut cards);
        places.extend(cards.starts());
    }

    /// Whether the escape at a place, or the `+`, could be part of a secret or of what announces one.
    fn may_hide(&self, text: &[u8], at: usize) -> bool {
        let (byte, end) = match escaped(text, at) {
            Escape::None => return false,
            Escape::Odd => return true,
            Escape::Byte(byte, end) => (byte, end),
        };
        // All escapes of a row of backslashes stand behind what is in front of the row.
        let slashes = text[..at].iter().rev().take(SLASHES_MAX).take_while(|byte| **byte == b'\\').count();
        let (before, after) = (&text[..at - slashes], text.get(end));
        let blank = matches!(byte, b' ' | b'+');
        // Of a name, a token, a number, or of another escape. Two backslashes are in every string inside a string.
        byte.is_ascii_alphanumeric()
            || b"_-.@%\\".contains(&byte) && end - at > 2
            || byte >= 0x80 && self.wide
            || blank && before.last().is_some_and(u8::is_ascii_digit)
            || blank && BEFORE_BLANK.iter().any(|word| ends_with(before, word))
            // Digits seem to be joined to a letter, and are not: `\n4111...`.
            || text[end - 1].is_ascii_alphanumeric() && after.is_some_and(u8::is_ascii_digit)
            || self.names.may_be_split((before.last(), after))
    }

    fn is_live(&self, text: &[u8], found: &Match) -> bool {
        let range = found.range();
        match self.kinds[found.pattern().as_usize()] {
            Piece::Name => self.is_live_name(text, range),
            Piece::Authority => {
                let rest = &text[range.end..text.len().min(range.end + AUTHORITY_REACH)];
                // Behind `&`, blanks end nothing. The end of the text may be a cut.
                let ends = |byte: &u8| matches!(byte, b'/' | b'@' | b'&') || byte.is_ascii_whitespace();
                rest.iter().find(|byte| ends(byte)).is_none_or(|&byte| matches!(byte, b'@' | b'&'))
            }
            _ => true,
        }
    }

    fn is_live_name(&self, text: &[u8], piece: Range<usize>) -> bool {
        let name = word(text, piece.clone(), WORD_REACH);
        let whole = word(text, piece, NAME_BYTES_MAX);
        if self.names.parameter(&text[name.clone()]).hides()
            || (whole != name && self.names.parameter(&text[whole]).hides())
        {
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
        // An escape behind it may be a part of it: "sess%20id".
        if matches!(text.get(name.end), Some(b'%' | b'\\')) {
            return true;
        }
        // "api key" and "user[pin code]" are one name to scanners that see where names end; in quotes, "sess:id" is.
        let joined = |ends: &[u8], quoted: bool| {
            let part = |byte: &&u8| !ends.contains(byte);
            let before = text[..name.start].iter().rev().take(NAME_REACH).take_while(part).count();
            let after = text[name.end..].iter().take(NAME_REACH).take_while(part).count();
            before + after > 0
                && (!quoted || text.get(name.end + after) == Some(&b'"'))
                && self.names.parameter(&text[name.start - before..name.end + after]).hides()
        };
        joined(b"\"'=&?<>,;{}\n:", false) || joined(b"\"'=&?<>\n", true)
    }
}

/// Whether the letters on both sides of a separator are few enough for a short name: `s_id`.
fn is_short(text: &[u8], at: usize) -> bool {
    let letters = |byte: &&u8| byte.is_ascii_alphabetic();
    text[..at].iter().rev().take(SPLIT_REACH).take_while(letters).count() < SPLIT_REACH
        && text[at + 1..].iter().take(SPLIT_REACH).take_while(letters).count() < SPLIT_REACH
}

/// What stands at a `%`, a `+` or a backslash.
enum Escape {
    /// Nothing that would be decoded.
    None,
    /// What no encoder writes, and some decoder takes for the byte behind it.
    Odd,
    /// One byte, or one above ASCII for a character of several, and where the escape ends.
    Byte(u8, usize),
}

/// Reads the escape at a place.
fn escaped(text: &[u8], at: usize) -> Escape {
    let digits = |range: Range<usize>| {
        let value = text.get(range.clone()).and_then(hex)?;
        Some(Escape::Byte(u8::try_from(value).unwrap_or(u8::MAX), range.end))
    };
    match (text[at], text.get(at + 1)) {
        (b'%', _) => digits(at + 1..at + 3).unwrap_or(Escape::None),
        (b'+', _) => Escape::Byte(b' ', at + 1),
        (_, Some(b'u')) => digits(at + 2..at + 6).unwrap_or(Escape::None),
        (_, Some(b'b' | b'f' | b'n' | b'r' | b't')) => Escape::Byte(b'\n', at + 2),
        (_, Some(&byte @ (b'"' | b'/' | b'\\'))) => Escape::Byte(byte, at + 2),
        (_, Some(_)) => Escape::Odd,
        (_, None) => Escape::None,
    }
}

/// Whether a text ends with a word, in any case.
fn ends_with(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
}

/// The places of `@` that could end a userinfo in front of which the finder sees no `://`: in the run of bytes back to
/// a quote, a bracket or a blank, there is an escape or a URL that starts with `//`. A cut may have taken the `@`.
fn userinfos(text: &[u8], cut: bool) -> impl Iterator<Item = usize> {
    let end = if cut { text.trim_ascii_end().len().checked_sub(1) } else { None };
    let (mut from, mut held) = (0, false);
    memchr::memchr_iter(b'@', text).chain(end).filter(move |&at| {
        // Every byte is read once: what the run held at the last `@` is known.
        let piece = &text[from..at.max(from)];
        let start = piece.iter().rposition(|byte| matches!(byte, b'"' | b'\'' | b'<' | b'>' | 0..=b' '));
        let run = from + start.map_or(0, |start| start + 1)..at.max(from);
        held = (start.is_none() && held) || holds_escape(text, run);
        from = at;
        held
    })
}

/// Whether a part of a text holds an escape, or a `//` that is not behind a colon.
fn holds_escape(text: &[u8], run: Range<usize>) -> bool {
    run.into_iter().any(|at| match text[at] {
        b'%' | b'\\' => true,
        b'&' => text.get(at + 1) == Some(&b'#'),
        b'/' => text.get(at + 1) == Some(&b'/') && text[..at].last() != Some(&b':'),
        _ => false,
    })
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
        ":\\/\\/",
        "%3A%2F%2F",
        "%253A%252F",
        "://ann:pw@",
        "//ann:pw@",
        "ann%3Apw%40",
        "ann:pw@",
        "&#x2F;",
        "/?a=",
        "bearer",
        "Basic",
        "abcdef123456",
        "YW5uOnB3",
        "\\u0020",
        "\\u0040",
        "\\u002f",
        "\\u20ac",
        "%5C",
        "%22",
        "%3D",
        "\\n",
        "\\t",
        "\\/",
        "\\\"",
        "\\\\",
        "{\"",
        "\":\"",
        "s",
        "id",
        "p",
        "in",
        "sess",
        "pan",
        "_",
        "-",
        "[",
        "at",
        "x01234567890123456789012345678901234567890123456789",
        "-----BEGIN",
        "PRIVATE",
        "-----",
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
            cut: bool,
        ) {
            let text = pieces.concat().into_bytes();
            let core = Redactor::new(Key::new([7; 32]), Rules::default()).0;
            let live = core.live(&text, Scan::new(cut));
            let (mut all, mut some) = (Edits::default(), Edits::default());
            let refused = core.by_form(form, &text, Scan::new(cut), &mut all);
            core.by_form(form, &text, Scan { live: Some(&live), ..Scan::new(cut) }, &mut some);
            if refused.is_none() {
                let shown = |edits: Edits| String::from_utf8_lossy(&edits.apply(&text).unwrap_or_default()).into_owned();
                let (all, some) = (shown(all), shown(some));
                prop_assert!(cut || !live.is_empty() || all.is_empty(), "{} of {:?}", all, pieces);
                prop_assert_eq!(all, some, "{:?}", pieces);
            }
        }
    }
}
