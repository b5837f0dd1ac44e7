//! Bodies: what they are, by what they look like and by what they claim, and which scanner reads them.
//!
//! Looks decide first, since senders claim the wrong thing every day (JSON under a form's type). A claim decides what
//! happens when the looks deny it: a body that claims a readable form and cannot be read is withheld.

use std::borrow::Cow;

use super::edits::Edits;
use super::{Body, Core, Reason, Scan};

/// The forms that bodies have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Pairs,
    Multipart,
    Markup,
    Code,
    Text,
    /// Pictures, sound, fonts, archives: no fields in them.
    Media,
    Unknown,
}

impl Form {
    /// The form that a `Content-Type` claims.
    pub(super) fn declared(content_type: &[u8]) -> Self {
        let essence = content_type.split(|&byte| byte == b';').next().unwrap_or_default();
        let essence = essence.trim_ascii().to_ascii_lowercase();
        let has = |word: &str| memchr::memmem::find(&essence, word.as_bytes()).is_some();
        let any = |words: &[&str]| words.iter().any(|word| has(word));
        match () {
            () if has("json") => Self::Json,
            () if has("x-www-form-urlencoded") => Self::Pairs,
            () if essence.starts_with(b"multipart/") => Self::Multipart,
            () if any(&["xml", "html"]) => Self::Markup,
            () if any(&["javascript", "ecmascript", "text/css"]) => Self::Code,
            () if essence.starts_with(b"text/") || any(&["yaml", "toml", "graphql"]) => Self::Text,
            () if any(&["image/", "audio/", "video/", "font/", "/pdf", "/zip", "gzip", "zstd", "wasm", "font-"]) => {
                Self::Media
            }
            () => Self::Unknown,
        }
    }

    /// The form that text looks like, where it looks like one.
    fn seen(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii();
        match text.first()? {
            b'{' | b'[' | b'"' => Some(Self::Json),
            b'<' => Some(Self::Markup),
            b'-' if has_part(text) => Some(Self::Multipart),
            b')' if text.starts_with(b")]}'") => Some(Self::Json),
            _ => {
                let equals = memchr::memchr(b'=', text)?;
                (!text.iter().any(u8::is_ascii_whitespace) && text[..equals].iter().all(|&byte| in_name(byte)))
                    .then_some(Self::Pairs)
            }
        }
    }
}

/// Whether a text starts with a delimiter line and the head of a part.
fn has_part(text: &[u8]) -> bool {
    let head = &text[..text.len().min(256)];
    text.starts_with(b"--") && memchr::memmem::find(&head.to_ascii_lowercase(), b"\ncontent-").is_some()
}

/// Bytes in the names of a form's fields as they are sent.
fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"%_-.+[]*$~!:".contains(&byte)
}

impl Core {
    /// Redacts a body; see [`Redactor::body`](super::Redactor::body).
    pub(super) fn body<'a>(&self, content_type: &[u8], body: &'a [u8], complete: bool) -> Body<'a> {
        let scan = Scan::new(!complete);
        let declared = Form::declared(content_type);
        let mut edits = Edits::default();
        let refused = match is_text(body) {
            false => self.binary(declared, body, scan, &mut edits),
            true => self.textual(declared, body, scan, &mut edits),
        };
        match refused {
            Some(reason) => Body::Withheld { reason },
            None => Body::Kept(edits.apply(body).map_or(Cow::Borrowed(body), Cow::Owned)),
        }
    }

    /// Bytes that are no text: only what has a shape can be found in them.
    fn binary(&self, declared: Form, body: &[u8], scan: Scan<'_>, edits: &mut Edits) -> Option<Reason> {
        let sealed = [&[0x1f, 0x8b][..], &[0x28, 0xb5, 0x2f, 0xfd]].iter().any(|magic| body.starts_with(magic));
        match declared {
            Form::Media => {}
            _ if sealed => return Some(Reason::Encoded),
            _ if is_utf16(body) => return Some(Reason::Charset),
            Form::Unknown if self.names_a_secret(body) => return Some(Reason::UnreadableFields),
            // The fields and files of a form may be anything.
            Form::Multipart if self.multipart(body, 0, scan, edits) => return None,
            Form::Unknown => {}
            _ => return Some(Reason::LostSync),
        }
        self.shapes(body, 0, scan, edits);
        None
    }

    fn textual(&self, declared: Form, body: &[u8], scan: Scan<'_>, edits: &mut Edits) -> Option<Reason> {
        let live = self.live(body, scan);
        // At a cut, a value may be secret by a name that was cut off.
        if live.is_empty() && !scan.cut {
            return None;
        }
        self.by_form(declared, body, Scan { live: Some(&live), ..scan }, edits)
    }

    /// Reads a text as the form that it looks like, else as the one that it claims.
    pub(super) fn by_form(&self, declared: Form, body: &[u8], scan: Scan<'_>, edits: &mut Edits) -> Option<Reason> {
        let seen = Form::seen(body);
        let read = match seen {
            Some(Form::Json) => self.json(body, 0, scan, edits),
            Some(Form::Multipart) => self.multipart(body, 0, scan, edits),
            Some(Form::Markup) => {
                self.markup(body, 0, scan, edits);
                true
            }
            Some(Form::Pairs) => {
                self.parameters(trim_line_end(body), 0, scan, edits);
                true
            }
            _ => false,
        };
        if read {
            return None;
        }
        edits.truncate(0);
        match declared {
            Form::Pairs => self.parameters(trim_line_end(body), 0, scan, edits),
            Form::Markup => self.markup(body, 0, scan, edits),
            Form::Json | Form::Multipart if self.names_a_secret(body) => return Some(Reason::LostSync),
            _ => self.free(body, 0, Scan { code: declared == Form::Code, ..scan }, edits),
        }
        None
    }

    /// Edits what has a shape of its own in bytes that are not read as text.
    pub(super) fn shapes(&self, bytes: &[u8], at: usize, scan: Scan<'_>, edits: &mut Edits) {
        // Names announce nothing where quotes and colons are chance: only quoted values count, as in code.
        self.free(bytes, at, Scan { code: true, depth: 0, ..scan }, edits);
    }
}

/// A form ends without the line end that tools add; in a value it would be part of the secret.
fn trim_line_end(body: &[u8]) -> &[u8] {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    body.strip_suffix(b"\r").unwrap_or(body)
}

/// Text has few control characters: one in 32 bytes at most.
fn is_text(body: &[u8]) -> bool {
    let control = |byte: &u8| *byte < 0x20 && !matches!(*byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b | 0x1e);
    // Bytes count bytes, 255 at a time: the machine does many of them at once.
    let count = |block: &[u8]| block.iter().fold(0_u8, |sum, byte| sum + u8::from(control(byte)));
    let controls: usize = body.chunks(255).map(|block| usize::from(count(block))).sum();
    controls * 32 <= body.len()
}

/// A byte order mark, or ASCII with every other byte zero.
fn is_utf16(body: &[u8]) -> bool {
    let wide = matches!(body, [b' '..=b'~', 0, b' '..=b'~', 0, ..] | [0, b' '..=b'~', 0, b' '..=b'~', ..]);
    wide || body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff])
}
