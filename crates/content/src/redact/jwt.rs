//! JSON Web Tokens (RFC 7519): header and claims stay, the signature goes.
//!
//! Without its signature a token opens nothing, and its claims say who asked. Claims with secret names are replaced in
//! the decoded claims. An encrypted token (RFC 7516) has no readable claims: all behind its header goes.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};

use super::edits::Edits;
use super::secret::{MARK_BYTES, starts_with_mark};
use super::{Core, Scan};

/// Base64url as tokens use it; stray bits at a cut end are no error.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The shortest header that names an algorithm, in base64url.
const HEADER_BYTES_MIN: usize = 8;

/// The length of the run of base64url at the start of a text.
fn run(text: &[u8]) -> usize {
    let end = text.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    end.unwrap_or(text.len())
}

/// The end of a mark or of a run of base64url that starts at `start`.
fn part(text: &[u8], start: usize) -> usize {
    if starts_with_mark(&text[start..]) { start + MARK_BYTES } else { start + run(&text[start..]) }
}

fn decode(part: &[u8]) -> Option<Vec<u8>> {
    // A cut may leave one character too many: six bits are no byte.
    let whole = part.len() - usize::from(part.len() % 4 == 1);
    ENGINE.decode(&part[..whole]).ok()
}

impl Core {
    /// Edits the token that starts at `start` of a text, where one does; gives its end.
    ///
    /// `at` is the offset of the text in the edited one.
    pub(super) fn jwt(&self, text: &[u8], start: usize, at: usize, scan: Scan<'_>, edits: &mut Edits) -> Option<usize> {
        if !text[start..].starts_with(b"eyJ") {
            return None;
        }
        let header_end = part(text, start);
        if header_end - start < HEADER_BYTES_MIN || text.get(header_end) != Some(&b'.') {
            return None;
        }
        if !decode(&text[start..header_end]).is_some_and(|header| header.ends_with(b"}")) {
            return None;
        }
        let claims_start = header_end + 1;
        let claims_end = part(text, claims_start);
        if starts_with_mark(&text[claims_start..]) {
            return Some(claims_end);
        }
        let dotted = text.get(claims_end) == Some(&b'.');
        let signature_end = if dotted { part(text, claims_end + 1) } else { claims_end };
        let opaque = !text[claims_start..].starts_with(b"e") || text.get(signature_end) == Some(&b'.');
        if opaque || !self.claims(&text[claims_start..claims_end], at + claims_start, scan, edits) {
            return self.encrypted(text, start, claims_start, at, scan, edits);
        }
        if dotted && signature_end > claims_end + 1 && !starts_with_mark(&text[claims_end + 1..]) {
            let signature = &text[claims_end + 1..signature_end];
            edits.push(at + claims_end + 1..at + signature_end, self.mark(signature));
        }
        Some(signature_end)
    }

    /// Edits the claims; false when they cannot be read.
    fn claims(&self, raw: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) -> bool {
        let Some(claims) = decode(raw).filter(|claims| claims.starts_with(b"{")) else { return false };
        let Some(scan) = scan.inner() else { return false };
        let mut inner = Edits::default();
        self.json(&claims, 0, Scan { cut: true, ..scan.decoded() }, &mut inner);
        if let Some(claims) = inner.apply(&claims) {
            edits.push(at..at + raw.len(), ENGINE.encode(claims).into_bytes());
        }
        true
    }

    /// Hides all behind the header of what has the shape of a token and cannot be read.
    fn encrypted(
        &self,
        text: &[u8],
        header: usize,
        start: usize,
        at: usize,
        scan: Scan<'_>,
        edits: &mut Edits,
    ) -> Option<usize> {
        let mut end = part(text, start);
        let mut parts = 1;
        while parts < 4 && text.get(end) == Some(&b'.') {
            end = part(text, end + 1);
            parts += 1;
        }
        // "eyJhbGciOi.com" is a name; a token has three or five parts, unless it was cut.
        if parts < 2 && !(scan.cut && end == text.len()) {
            return None;
        }
        // Three parts without claims are no token: nothing of them is known to be harmless.
        let from = if parts == 4 { start } else { header };
        if end > from {
            edits.push(at + from..at + end, self.mark(&text[from..end]));
        }
        Some(end)
    }
}
