//! Request targets, URLs and forms: names and values with percent-encoding, which hides nothing.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::ops::Range;

use super::edits::{Coding, Edits, Layer};
use super::names::Kind;
use super::{Core, Scan};

/// Parameters beside which `code` is an authorization code (RFC 6749, sections 4.1.2 and 4.1.3).
const BESIDE_CODE: &[&[u8]] = &[b"state", b"grant_type", b"client_id"];

impl Core {
    /// Edits a URL or a request target in any form: userinfo, path, query, fragment.
    pub(super) fn url(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let fragment = memchr::memchr(b'#', text).unwrap_or(text.len());
        let query = memchr::memchr(b'?', &text[..fragment]).unwrap_or(fragment);
        let path = match authority(&text[..query]) {
            Some(authority) => {
                let cut = scan.cut && authority.end == text.len();
                self.userinfo(&text[authority.clone()], at + authority.start, Scan { cut, ..scan }, edits);
                authority.end
            }
            None => 0,
        };
        self.path(&text[path..query], at + path, scan.cut_if(query == text.len()), edits);
        if query < fragment {
            let scan = scan.cut_if(fragment == text.len());
            self.parameters(&text[query + 1..fragment], at + query + 1, scan, edits);
        }
        if fragment < text.len() {
            self.parameters(&text[fragment + 1..], at + fragment + 1, scan, edits);
        }
    }

    /// Hides the password of `user:password@host`; the user stays. A cut may have taken the `@`.
    pub(super) fn userinfo(&self, authority: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let end = match memchr::memrchr(b'@', authority) {
            Some(end) => end,
            None if scan.cut => authority.len(),
            None => return,
        };
        let Some(colon) = memchr::memchr(b':', &authority[..end]) else { return };
        let password = &authority[colon + 1..end];
        self.hide_encoded(Kind::Secret, Coding::Percent, password, at + colon + 1, scan, edits);
    }

    /// Edits a path: matrix parameters (`;jsessionid=...`), and secrets that have a shape, segment by segment.
    fn path(&self, path: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        if memchr::memchr3(b'%', b';', b'=', path).is_none() {
            return self.free(path, at, scan, edits);
        }
        let mut start = 0;
        for piece in path.split(|byte| matches!(byte, b'/' | b';')) {
            let scan = scan.cut_if(start + piece.len() == path.len());
            match memchr::memchr(b'=', piece) {
                Some(_) => self.pair(piece, at + start, scan, &|| Kind::Plain, edits),
                None => self.nested(Coding::Percent, piece, at + start, scan, edits),
            }
            start += piece.len() + 1;
        }
    }

    /// Edits `name=value&name=value`: a query, a fragment, a form.
    pub(super) fn parameters(&self, text: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        // Few texts have a `code`.
        let code = LazyCell::new(|| code_kind(text, scan));
        let mut start = 0;
        for piece in text.split(|&byte| byte == b'&') {
            let scan = scan.cut_if(start + piece.len() == text.len());
            self.pair(piece, at + start, scan, &|| *code, edits);
            start += piece.len() + 1;
        }
    }

    /// Edits one `name=value`; `code` says what a parameter of that name is here.
    fn pair(&self, piece: &[u8], at: usize, scan: Scan<'_>, code: &dyn Fn() -> Kind, edits: &mut Edits) {
        let Some(equals) = memchr::memchr(b'=', piece) else {
            return self.nested(Coding::Percent, piece, at, scan, edits);
        };
        let name = parameter_name(&piece[..equals]);
        let kind = match name.eq_ignore_ascii_case(b"code") {
            true => code(),
            false => self.names.parameter(&name),
        };
        let (value, at) = (&piece[equals + 1..], at + equals + 1);
        match kind.hides() {
            true => self.hide_encoded(kind, Coding::Percent, value, at, scan, edits),
            false => self.nested(Coding::Percent, value, at, scan, edits),
        }
    }
}

/// The decoded name of a parameter, without what may stand before it in a fragment that is a path of its own.
fn parameter_name(raw: &[u8]) -> Cow<'_, [u8]> {
    let start = |name: &[u8]| {
        let before = name.iter().rposition(|byte| matches!(byte, b'?' | b'/' | b'#' | b';' | b'\n' | b' '));
        before.map_or(0, |before| before + 1)
    };
    match Layer::decode(Coding::Percent, raw) {
        Some(mut layer) => Cow::Owned(layer.bytes.split_off(start(&layer.bytes))),
        None => Cow::Borrowed(&raw[start(raw)..]),
    }
}

/// `code` is a secret beside the parameters of a sign-in, and where a cut may have taken them.
fn code_kind(text: &[u8], scan: Scan<'_>) -> Kind {
    let beside = |piece: &[u8]| {
        let name = piece.split(|&byte| byte == b'=').next().unwrap_or_default();
        let name = parameter_name(name);
        BESIDE_CODE.iter().any(|beside| name.eq_ignore_ascii_case(beside))
    };
    match scan.cut || text.split(|&byte| byte == b'&').any(beside) {
        true => Kind::Secret,
        false => Kind::Plain,
    }
}

/// The range of the authority in a URL that has one.
fn authority(url: &[u8]) -> Option<Range<usize>> {
    let start = match url.starts_with(b"//") {
        true => 2,
        // Nearly no target has a colon, which is found out faster.
        false => {
            memchr::memchr(b':', url).and_then(|from| Some(from + memchr::memmem::find(&url[from..], b"://")?))? + 3
        }
    };
    let length = memchr::memchr(b'/', &url[start..]).unwrap_or(url.len() - start);
    Some(start..start + length)
}
