//! Header values: credentials with their schemes, cookies with their names and attributes.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::edits::{Coding, Edits};
use super::judge::Names;
use super::names::{
    AUTH_PARAMETERS_KEPT, CHALLENGES, COMMON_HEADERS, COOKIE_ATTRIBUTES, HEADERS_WITH_URLS, Kind, SCHEMES, URL_HEADERS,
    holds,
};
use super::secret::{is_mark, trim};
use super::{Core, Scan};

/// How the value of a header is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It is secret by its name.
    Hidden(Kind),
    Url,
    /// URLs among other things.
    Urls,
    Free,
    Never,
}

/// The ways of the headers that are known by their names, by the length of the name: few have the same one.
pub(super) struct Ways(Vec<Vec<(Short, Way)>>);

/// A short name in lower case, padded. All of one size, so that they compare at once.
type Short = [u8; 32];

fn short(name: &[u8]) -> Option<Short> {
    let mut short = [0; size_of::<Short>()];
    short.get_mut(..name.len())?.copy_from_slice(name);
    short.make_ascii_lowercase();
    Some(short)
}

impl Ways {
    pub(super) fn new(names: &Names) -> Self {
        let mut ways = vec![Vec::new(); size_of::<Short>() + 1];
        for (list, way) in [
            (COMMON_HEADERS, Way::Free),
            (URL_HEADERS, Way::Url),
            (HEADERS_WITH_URLS, Way::Urls),
            (CHALLENGES, Way::Never),
        ] {
            for name in list {
                let short = short(name.as_bytes()).expect("the lists have short names only, as a test shows");
                ways[name.len()].push((short, by_kind(names.header(name.as_bytes()), way)));
            }
        }
        Self(ways)
    }

    pub(super) fn of(&self, name: &[u8], names: &Names) -> Way {
        let known = || {
            let short = short(name)?;
            self.0.get(name.len())?.iter().find(|(known, _)| *known == short).map(|(_, way)| *way)
        };
        known().unwrap_or_else(|| by_kind(names.header(name), Way::Free))
    }
}

fn by_kind(kind: Kind, otherwise: Way) -> Way {
    if kind.hides() { Way::Hidden(kind) } else { otherwise }
}

impl Core {
    /// Edits the value of a header.
    pub(super) fn header(&self, way: Way, value: &[u8], scan: Scan<'_>, edits: &mut Edits) {
        match way {
            Way::Hidden(kind) => self.hide(kind, value, 0, scan, edits),
            Way::Url => self.url(value, 0, scan, edits),
            Way::Urls => self.urls_within(value, scan, edits),
            Way::Free => self.free_header(value, scan, edits),
            Way::Never => {}
        }
    }

    /// What a header holds that nobody knows: JSON, or text.
    fn free_header(&self, value: &[u8], scan: Scan<'_>, edits: &mut Edits) {
        let from = edits.len();
        if matches!(value.trim_ascii_start().first(), Some(b'{' | b'[')) {
            if self.json(value, 0, scan, edits) {
                return;
            }
            edits.truncate(from);
        }
        self.free(value, 0, scan, edits);
    }

    /// `5; url=https://...` and `<https://...>; rel=next`: pieces that may be URLs, each up to what ends it.
    fn urls_within(&self, value: &[u8], scan: Scan<'_>, edits: &mut Edits) {
        let mut start = 0;
        for piece in value.split(|byte| matches!(byte, b'<' | b'>' | b'"' | b'\'' | b' ' | b',')) {
            let prefix = if piece.len() > 4 && piece[..4].eq_ignore_ascii_case(b"url=") { 4 } else { 0 };
            self.url(&piece[prefix..], start + prefix, scan, edits);
            start += piece.len() + 1;
        }
    }

    /// Edits credentials: a known scheme stays, user and parameters that identify stay, the rest goes. Without a known
    /// scheme all of it is the secret.
    pub(super) fn credentials(&self, value: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let Some((scheme, parameters, rest)) = scheme(value) else {
            return match parameter_list(value) {
                true => self.auth_parameters(value, at, scan, edits),
                false => self.hide_token(value, at, scan, edits),
            };
        };
        let (range, at) = (rest.clone(), at + rest.start);
        match (parameters, value[scheme].eq_ignore_ascii_case(b"basic")) {
            (true, _) => self.auth_parameters(&value[range], at, scan, edits),
            (false, true) => self.basic(&value[range], at, scan, edits),
            (false, false) => self.hide_token(&value[range], at, scan, edits),
        }
    }

    /// `Basic` credentials (RFC 7617) become `user:[redacted:...]`; what does not decode goes as a whole.
    pub(super) fn basic(&self, token: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let place = trim(token);
        let token = &token[place.clone()];
        if token.iter().rposition(|&byte| byte == b'[').is_some_and(|mark| is_mark(&token[mark..])) {
            return;
        }
        let decoded = STANDARD.decode(token).unwrap_or_default();
        let user = memchr::memchr(b':', &decoded).filter(|&colon| shown(&decoded[..colon]));
        let Some(colon) = user else { return self.hide_token(token, at + place.start, scan, edits) };
        let mut text = decoded[..=colon].to_vec();
        text.extend_from_slice(&self.mark(&decoded[colon + 1..]));
        edits.push(at + place.start..at + place.end, text);
    }

    /// `name=value, name="value"`: only parameters that identify stay.
    fn auth_parameters(&self, list: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        for piece in outside_quotes(list, b',') {
            let text = &list[piece.clone()];
            let Some(equals) = memchr::memchr(b'=', text) else {
                self.hide_token(text, at + piece.start, scan, edits);
                continue;
            };
            let name = text[..equals].trim_ascii().to_ascii_lowercase();
            // Behind a scheme, one name only: "a b=c" hides "a" from a list of names.
            if !holds(AUTH_PARAMETERS_KEPT, &name) {
                let value = unquoted(text, equals + 1);
                self.hide_token(&text[value.clone()], at + piece.start + value.start, scan, edits);
            }
        }
    }

    /// `name=value; name=value`: names stay.
    pub(super) fn cookies(&self, value: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        for piece in outside_quotes(value, b';') {
            self.cookie(value, piece, at, scan, edits);
        }
    }

    /// The first pair is a cookie; of the others, known attributes stay.
    pub(super) fn set_cookie(&self, value: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        for (number, piece) in split(value, b';').enumerate() {
            let text = value[piece.clone()].trim_ascii();
            let equals = memchr::memchr(b'=', text).unwrap_or(text.len());
            let name = text[..equals].trim_ascii().to_ascii_lowercase();
            let again = text.get(equals + 1..).is_some_and(|rest| memchr::memchr(b'=', rest).is_some());
            // A second "=" is a second cookie, folded in with a comma.
            if number == 0 || again || !holds(COOKIE_ATTRIBUTES, &name) {
                self.cookie(value, piece, at, scan, edits);
            }
        }
    }

    fn cookie(&self, value: &[u8], piece: Range<usize>, at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let text = &value[piece.clone()];
        let start = memchr::memchr(b'=', text).map_or(0, |equals| equals + 1);
        let value = unquoted(text, start);
        self.hide_encoded(
            Kind::Secret,
            Coding::Percent,
            &text[value.clone()],
            at + piece.start + value.start,
            scan,
            edits,
        );
    }
}

/// Scheme, whether parameters follow it, and the rest; `None` when the first word is no known scheme.
fn scheme(value: &[u8]) -> Option<(Range<usize>, bool, Range<usize>)> {
    let place = trim(value);
    let text = &value[place.clone()];
    let end = text.iter().position(u8::is_ascii_whitespace)?;
    let word = text[..end].to_ascii_lowercase();
    let (_, parameters) = SCHEMES.iter().find(|(name, _)| name.as_bytes() == word)?;
    Some((place.start..place.start + end, *parameters, place.start + end..place.end))
}

/// Whether a value without a scheme is a list of parameters, as in `Authentication-Info`.
fn parameter_list(value: &[u8]) -> bool {
    let name = value.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
    matches!(name, b"nextnonce" | b"rspauth" | b"qop" | b"cnonce" | b"nc")
}

/// A user name that may stand in a header: text without control characters.
fn shown(user: &[u8]) -> bool {
    std::str::from_utf8(user).is_ok_and(|user| !user.chars().any(char::is_control))
}

/// Pieces between separators.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    text.split(move |&byte| byte == separator).map(move |piece| {
        let range = start..start + piece.len();
        start = range.end + 1;
        range
    })
}

/// Pieces between separators that do not stand in double quotes. An open quote reaches to the end.
fn outside_quotes(text: &[u8], separator: u8) -> Vec<Range<usize>> {
    let (mut pieces, mut start, mut quoted, mut at) = (Vec::new(), 0, false, 0);
    while at < text.len() {
        match text[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            byte if byte == separator && !quoted => {
                pieces.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(start..text.len());
    pieces
}

/// The range from `start` without white space and double quotes around it.
fn unquoted(text: &[u8], start: usize) -> Range<usize> {
    let inner = trim(&text[start..]);
    let (mut from, mut to) = (start + inner.start, start + inner.end);
    if text[from..to].starts_with(b"\"") {
        from += 1;
        if to > from && text[to - 1] == b'"' {
            to -= 1;
        }
    }
    from..to
}

#[cfg(test)]
mod tests {
    use super::super::judge::Names;
    use super::super::names::Kind;
    use super::{Way, Ways};

    #[test]
    fn names_give_ways() {
        let names = Names::new(&["X-Mine".to_owned(), "Host".to_owned()], &[]);
        let ways = Ways::new(&names);
        for (name, way) in [
            ("Cookie", Way::Hidden(Kind::Cookie)),
            ("AUTHORIZATION", Way::Hidden(Kind::Authorization)),
            ("x-mine", Way::Hidden(Kind::Secret)),
            ("host", Way::Hidden(Kind::Secret)),
            ("x-token-of-a-very-long-name-that-is-in-no-table-token", Way::Hidden(Kind::Secret)),
            ("Referer", Way::Url),
            ("Referer\0", Way::Free),
            ("LINK", Way::Urls),
            ("www-authenticate", Way::Never),
            ("Accept", Way::Free),
            ("X-Unheard-Of", Way::Free),
            ("", Way::Free),
        ] {
            assert_eq!(ways.of(name.as_bytes(), &names), way, "{name}");
        }
    }
}
