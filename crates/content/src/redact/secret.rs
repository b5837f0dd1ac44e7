//! The one form in which a secret is shown, and what becomes of a value that is known to be one.

use std::fmt;
use std::ops::Range;

use hmac::Mac as _;

use super::edits::{Coding, Edits, Layer};
use super::names::Kind;
use super::{Core, Scan};

const OPEN: &[u8] = b"[redacted:";
const DIGITS: usize = 16;

/// The length of a mark.
pub(super) const MARK_BYTES: usize = OPEN.len() + DIGITS + 1;

/// Whether a text starts with a mark.
pub(super) fn starts_with_mark(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(OPEN) else { return false };
    rest.len() > DIGITS && rest[DIGITS] == b']' && rest[..DIGITS].iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether the whole text is a mark.
pub(super) fn is_mark(text: &[u8]) -> bool {
    text.len() == MARK_BYTES && starts_with_mark(text)
}

/// Whether nothing but marks and punctuation is left: there is nothing to hide any more.
fn is_hidden(value: &[u8]) -> bool {
    let (mut at, mut marks) = (0, 0);
    while at < value.len() {
        match value[at] {
            b'[' if starts_with_mark(&value[at..]) => {
                marks += 1;
                at += MARK_BYTES;
            }
            byte if byte.is_ascii_punctuation() || byte.is_ascii_whitespace() => at += 1,
            _ => return false,
        }
    }
    marks > 0
}

/// Whether what stands before a place opens a mark: its digits are nobody's card.
pub(super) fn opens_mark(before: &[u8]) -> bool {
    before.ends_with(OPEN)
}

/// `true`, `false` and `null` are flags, not secrets.
pub(super) fn is_literal(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"true") || value.eq_ignore_ascii_case(b"false") || value.eq_ignore_ascii_case(b"null")
}

impl Core {
    /// `[redacted:<16 hex digits>]`: the first 8 bytes of HMAC with SHA-256 under the installation's key.
    pub(super) fn mark(&self, secret: &[u8]) -> Vec<u8> {
        let mut mark = Vec::with_capacity(MARK_BYTES);
        self.push_mark(secret, &mut mark);
        mark
    }

    /// Appends the mark of a secret.
    pub(super) fn push_mark(&self, secret: &[u8], out: &mut Vec<u8>) {
        let digest = self.mac.clone().chain_update(secret).finalize().into_bytes();
        out.extend_from_slice(OPEN);
        for byte in digest.iter().take(DIGITS / 2) {
            for nibble in [byte >> 4, byte & 15] {
                out.push(b"0123456789abcdef"[usize::from(nibble)]);
            }
        }
        out.push(b']');
    }

    /// Hides the value beside a name of some kind. `at` is the offset of the value in the edited text.
    pub(super) fn hide(&self, kind: Kind, value: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        match kind {
            Kind::Plain | Kind::Kept => {}
            Kind::Weak | Kind::Secret => self.hide_token(value, at, scan, edits),
            Kind::Authorization => self.credentials(value, at, scan, edits),
            Kind::Cookie => self.cookies(value, at, scan, edits),
            Kind::SetCookie => self.set_cookie(value, at, scan, edits),
        }
    }

    /// Hides a value that is encoded in its surroundings: the digest is over the decoded value, so that the same
    /// password matches in a form, in JSON and in a header.
    pub(super) fn hide_encoded(
        &self,
        kind: Kind,
        coding: Coding,
        raw: &[u8],
        at: usize,
        scan: Scan<'_>,
        edits: &mut Edits,
    ) {
        let Some(layer) = Layer::decode(coding, raw) else { return self.hide(kind, raw, at, scan, edits) };
        let mut inner = Edits::default();
        self.hide(kind, &layer.bytes, 0, scan.decoded(), &mut inner);
        layer.carry(inner, at, edits);
    }

    /// Hides one token: a JWT keeps its header and claims, all else becomes a mark.
    pub(super) fn hide_token(&self, value: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        let token = trim(value);
        if token.is_empty() || is_hidden(&value[token.clone()]) || is_literal(&value[token.clone()]) {
            return;
        }
        let before = edits.len();
        let (start, token) = (at + token.start, &value[token]);
        if self.jwt(token, 0, start, scan, edits) != Some(token.len()) {
            edits.truncate(before);
            edits.push(start..start + token.len(), self.mark(token));
        }
    }
}

/// Remembers the marks of short secrets: values such as `dark` come with every request. Each has one place, by its ends,
/// which the next one there takes. To be used with one [`super::Redactor`] only.
#[derive(Clone)]
pub struct Marks(Vec<Known>);

#[derive(Clone, Default)]
struct Known {
    secret: [u8; SHORT],
    length: usize,
    mark: [u8; MARK_BYTES],
}

/// Secrets that are remembered, a power of two, and the longest of them.
const REMEMBERED: u64 = 256;
const SHORT: usize = 32;

impl Default for Marks {
    fn default() -> Self {
        Self((0..REMEMBERED).map(|_| Known::default()).collect())
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks")
    }
}

impl Marks {
    /// Remembers nothing.
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// Appends the mark of a secret, which `make` makes where it is not known.
    pub(super) fn push(&mut self, secret: &[u8], out: &mut Vec<u8>, make: impl FnOnce(&mut Vec<u8>)) {
        let mut padded = [0; SHORT];
        let Some(place) = padded.get_mut(..secret.len()) else { return make(out) };
        place.copy_from_slice(secret);
        let sum = padded.chunks_exact(8).fold(secret.len() as u64, |sum, word| {
            word.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
                ^ sum.wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        let place = usize::try_from(sum.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).unwrap_or(0);
        let Some(known) = self.0.get_mut(place) else { return make(out) };
        if secret.is_empty() || known.length != secret.len() || known.secret != padded {
            let start = out.len();
            make(out);
            known.mark.copy_from_slice(&out[start..]);
            (known.secret, known.length) = (padded, secret.len());
        } else {
            out.extend_from_slice(&known.mark);
        }
    }
}

/// The range of a value without white space around it.
pub(super) fn trim(value: &[u8]) -> Range<usize> {
    let start = value.len() - value.trim_ascii_start().len();
    start..start + value[start..].trim_ascii_end().len()
}
