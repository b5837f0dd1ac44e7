//! Free text: secrets that a name announces (`password=...`), that a scheme announces (`Bearer ...`), or that have a
//! shape of their own (tokens, private keys, card numbers).
//!
//! One pass of an automaton finds all candidates; each is judged where it stands. Nothing is looked at more than a
//! fixed number of times, so hostile text costs no more than any other.

use std::ops::Range;

use super::edits::{Coding, Edits, Layer};
use super::finder::Finder;
use super::judge::Names;
use super::live::is_live;
use super::names::{ISSUED, Kind, SCHEMES};
use super::secret::starts_with_mark;
use super::{Core, Scan, value};

/// What a piece of text may be the start of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    Name,
    Jwt,
    Pem,
    Bearer,
    Basic,
    AwsKey,
    /// A token of a known issuer, and its fewest bytes behind the prefix.
    Issued(usize),
    Authority,
}

/// The most bytes of a name on either side of the piece that was found.
pub(super) const WORD_REACH: usize = 64;
/// Texts up to this length, such as values of parameters, are looked at for anything at all before they are read.
const SHORT_BYTES_MAX: usize = 128;
/// Behind an AWS access key id, its secret is searched so far.
const AWS_REACH: usize = 256;
/// The length of an AWS secret access key.
const AWS_SECRET_BYTES: usize = 40;
/// A token behind `Bearer` that has neither digit nor mark must be so long to be none of the words of prose.
const PROSE_BYTES_MAX: usize = 15;

/// The searcher for all pieces, and what each of them is.
pub(super) fn finder(fields: &[String]) -> (Option<Finder>, Vec<Piece>) {
    let mut table: Vec<(String, Piece)> = vec![
        ("eyJ".to_owned(), Piece::Jwt),
        ("-----BEGIN ".to_owned(), Piece::Pem),
        ("bearer ".to_owned(), Piece::Bearer),
        ("basic ".to_owned(), Piece::Basic),
        ("AKIA".to_owned(), Piece::AwsKey),
        ("ASIA".to_owned(), Piece::AwsKey),
        ("://".to_owned(), Piece::Authority),
    ];
    table.extend(ISSUED.iter().map(|&(prefix, least)| (prefix.to_owned(), Piece::Issued(least))));
    table.extend(Names::pieces(fields).into_iter().map(|piece| (piece, Piece::Name)));
    // Without a finder the caller hides everything.
    let finder = Finder::new(table.iter().map(|(text, _)| text.as_str()));
    (finder, table.into_iter().map(|(_, piece)| piece).collect())
}

/// A run of bytes that tokens are made of, from `start`.
fn token_end(text: &[u8], start: usize) -> usize {
    let part =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=');
    start + text[start..].iter().take_while(|byte| part(byte)).count()
}

/// Whether a byte may be one of a name.
fn is_word(byte: u8) -> bool {
    const WORD: [bool; 256] = {
        let mut word = [false; 256];
        let mut byte = 0_u8;
        while byte < 128 {
            word[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            byte += 1;
        }
        word
    };
    WORD[usize::from(byte)]
}

/// The name around a piece, so many bytes on either side of it at most.
pub(super) fn word(text: &[u8], piece: Range<usize>, reach: usize) -> Range<usize> {
    let before = text[..piece.start].iter().rev().take(reach).take_while(|byte| is_word(**byte)).count();
    let after = text[piece.end..].iter().take(reach).take_while(|byte| is_word(**byte)).count();
    piece.start - before..piece.end + after
}

impl Core {
    /// Whether free text has nothing that could be edited: the short way through most headers.
    pub(super) fn is_quiet(&self, text: &[u8]) -> bool {
        let mut cards = Edits::default();
        self.finder.as_ref().is_some_and(|finder| !finder.may_find(text)) && memchr::memchr(b'%', text).is_none() && {
            self.cards(text, 0, Scan::new(false), &mut cards);
            cards.len() == 0
        }
    }

    /// Edits free text. `at` is the offset of the text in the edited one.
    pub(super) fn free(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        if !is_live(scan.live, at..at + text.len()) {
            return;
        }
        if text.len() <= SHORT_BYTES_MAX && !scan.cut && self.is_quiet(text) {
            return;
        }
        let from = edits.len();
        self.pieces(text, at, scan, edits);
        edits.settle(from);
        for gap in edits.gaps(from, at..at + text.len()) {
            let scan = scan.cut_if(gap.end == at + text.len());
            self.cards(&text[gap.start - at..gap.end - at], gap.start, scan, edits);
        }
        let Some(inner) = scan.inner() else { return edits.settle(from) };
        if memchr::memchr(b'%', text).is_some() {
            edits.settle(from);
            for gap in edits.gaps(from, at..at + text.len()) {
                let inner = inner.cut_if(gap.end == at + text.len());
                self.encoded_words(&text[gap.start - at..gap.end - at], gap.start, inner, edits);
            }
        }
        edits.settle(from);
    }

    /// Words with percent-encoding are read as URLs are.
    fn encoded_words(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let mut start = 0;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'<' | b'>' | b'\\');
        for piece in text.split(ends) {
            if memchr::memchr(b'%', piece).is_some() {
                self.url(piece, at + start, scan.cut_if(start + piece.len() == text.len()), edits);
            }
            start += piece.len() + 1;
        }
    }

    /// Edits a text inside another, which may be encoded, and may be JSON, a URL or a form.
    pub(super) fn nested(&self, coding: Coding, raw: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        if !is_live(scan.live, at..at + raw.len()) {
            return;
        }
        let Some(scan) = scan.inner() else { return self.free(raw, at, scan, edits) };
        let Some(layer) = Layer::decode(coding, raw) else { return self.document(raw, at, scan, edits) };
        let mut inner = Edits::default();
        self.document(&layer.bytes, 0, scan.decoded(), &mut inner);
        layer.carry(inner, at, edits);
    }

    /// Edits a text of unknown form.
    pub(super) fn document(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let from = edits.len();
        if matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
            if self.json(text, at, scan, edits) {
                return;
            }
            edits.truncate(from);
        }
        // A URL may hold spaces once it is decoded, but it does not start behind one.
        let space = text.iter().position(u8::is_ascii_whitespace);
        let url = space.is_none_or(|space| memchr::memchr2(b'?', b'&', &text[..space]).is_some());
        if url && memchr::memchr(b'=', text).is_some() {
            self.url(text, at, scan, edits);
            self.parameters(text, at, scan, edits);
            edits.settle(from);
        }
        for gap in edits.gaps(from, at..at + text.len()) {
            let scan = scan.cut_if(gap.end == at + text.len());
            self.free(&text[gap.start - at..gap.end - at], gap.start, scan, edits);
        }
        edits.settle(from);
    }

    /// Edits what the automaton finds.
    fn pieces(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let Some(finder) = &self.finder else {
            return self.hide_token(text, at, scan, edits);
        };
        let (mut done, mut judged) = (0, 0);
        for found in finder.find_iter(text) {
            if found.start() < done {
                continue;
            }
            let piece = self.kinds[found.pattern().as_usize()];
            done = match piece {
                Piece::Name if found.start() < judged => continue,
                Piece::Name => {
                    let name = word(text, found.range(), WORD_REACH);
                    judged = name.end;
                    self.named(text, name, at, scan, edits)
                }
                _ => self.shaped(piece, text, found.range(), at, scan, edits),
            }
            .unwrap_or(done);
        }
    }

    /// Edits the value beside a name; gives the end of what was looked at.
    fn named(&self, text: &[u8], name: Range<usize>, at: usize, scan: Scan<'_>, edits: &mut Edits) -> Option<usize> {
        let before = text[..name.start].last();
        let kind = match before {
            Some(b'?' | b'&') => self.names.parameter(&text[name.clone()]),
            _ => self.names.field(&text[name.clone()]),
        };
        if !kind.hides() {
            return None;
        }
        let value = value::beside(text, name, kind, scan)?;
        let scan = scan.cut_if(value.end == text.len());
        self.hide(kind, &text[value.clone()], at + value.start, scan, edits);
        Some(value.end)
    }

    /// Edits what a shape gives away; gives its end, or `None` when it is not what it looked like.
    fn shaped(
        &self,
        piece: Piece,
        text: &[u8],
        found: Range<usize>,
        at: usize,
        scan: Scan<'_>,
        edits: &mut Edits,
    ) -> Option<usize> {
        let joined = text[..found.start].last().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        match piece {
            Piece::Pem => return self.pem(text, found, at, edits),
            Piece::Authority => {
                let rest = &text[found.end..];
                let ends = |byte: &u8| matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | 0..=b' ');
                let end = found.end + rest.iter().position(ends).unwrap_or(rest.len());
                let cut = scan.cut_if(end == text.len());
                self.userinfo(&text[found.end..end], at + found.end, cut, edits);
                return Some(end);
            }
            _ if joined => return None,
            Piece::Jwt => return self.jwt(text, found.start, at, scan, edits),
            _ => {}
        }
        match piece {
            Piece::Bearer => self.announced(text, found.end, at, scan, edits),
            Piece::Basic => {
                let end = token_end(text, found.end);
                let token = &text[found.end..end];
                let known = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, token)
                    .is_ok_and(|plain| memchr::memchr(b':', &plain).is_some());
                (known || (scan.cut && end == text.len() && !token.is_empty())).then(|| {
                    self.basic(token, at + found.end, scan, edits);
                    end
                })
            }
            Piece::AwsKey => self.aws_secret(text, found.start, at, scan, edits),
            Piece::Issued(least) => {
                let end = token_end(text, found.start);
                let prefix = ISSUED.iter().any(|(prefix, _)| text[found.start..].starts_with(prefix.as_bytes()));
                let long = end - found.end >= least || (scan.cut && end == text.len());
                (prefix && long).then(|| {
                    edits.push(at + found.start..at + end, self.mark(&text[found.start..end]));
                    end
                })
            }
            Piece::Name | Piece::Jwt | Piece::Pem | Piece::Authority => None,
        }
    }

    /// Hides the token behind `Bearer `, unless it is a word of prose or a parameter of a challenge.
    fn announced(&self, text: &[u8], start: usize, at: usize, scan: Scan<'_>, edits: &mut Edits) -> Option<usize> {
        let start = start + text[start..].iter().take_while(|byte| **byte == b' ').count();
        let end = token_end(text, start);
        let token = &text[start..end];
        let cut = scan.cut && end == text.len();
        let prose = token.iter().all(u8::is_ascii_alphabetic) && token.len() <= PROSE_BYTES_MAX;
        let parameter = token.ends_with(b"=") && text.get(end) == Some(&b'"');
        let sentence = token.strip_suffix(b".").is_some_and(|word| word.iter().all(u8::is_ascii_alphabetic));
        if token.is_empty() || parameter || ((prose || sentence) && !cut) {
            return None;
        }
        self.hide_token(token, at + start, scan, edits);
        Some(end)
    }

    /// Hides what stands between the lines of a private key, or all behind the first when the last is missing.
    fn pem(&self, text: &[u8], found: Range<usize>, at: usize, edits: &mut Edits) -> Option<usize> {
        let label = &text[found.end..text.len().min(found.end + 48)];
        let dashes = memchr::memmem::find(label, b"-----")?;
        memchr::memmem::find(&label[..dashes], b"PRIVATE KEY")?;
        let start = found.end + dashes + 5;
        let end = memchr::memmem::find(&text[start..], b"-----END ").map_or(text.len(), |end| start + end);
        if end > start && !starts_with_mark(&text[start..]) {
            edits.push(at + start..at + end, self.mark(&text[start..end]));
        }
        Some(end)
    }

    /// Hides the secret that follows an AWS access key id; the id stays, it names the user.
    fn aws_secret(&self, text: &[u8], start: usize, at: usize, scan: Scan<'_>, edits: &mut Edits) -> Option<usize> {
        let is_id = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let id_end = start + text[start..].iter().take(21).take_while(|byte| is_id(byte)).count();
        if id_end - start != 20 {
            return None;
        }
        let window = &text[id_end..text.len().min(id_end + AWS_REACH)];
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
        let mut from = 0;
        for run in window.split(|byte| !part(byte)) {
            let range = id_end + from..id_end + from + run.len();
            let cut = scan.cut && range.end == text.len() && run.len() > 7;
            if run.len() == AWS_SECRET_BYTES || cut {
                edits.push(at + range.start..at + range.end, self.mark(run));
                return Some(range.end);
            }
            from += run.len() + 1;
        }
        None
    }
}

/// Whether a word is a scheme that one token follows.
pub(super) fn is_token_scheme(word: &[u8]) -> bool {
    SCHEMES.iter().any(|(name, parameters)| !parameters && name.as_bytes().eq_ignore_ascii_case(word))
}

impl Core {
    /// Whether a text holds a name of a secret, or an escape that could be part of one.
    pub(super) fn names_a_secret(&self, text: &[u8]) -> bool {
        let Some(finder) = &self.finder else { return true };
        let mut judged = 0;
        let mut names = |found: aho_corasick::Match| {
            if self.kinds[found.pattern().as_usize()] != Piece::Name || found.start() < judged {
                return false;
            }
            let name = word(text, found.range(), WORD_REACH);
            judged = name.end;
            matches!(self.names.field(&text[name]), Kind::Secret | Kind::Authorization)
        };
        memchr::memmem::find(text, b"\\u00").is_some() || finder.find_iter(text).any(&mut names)
    }
}
