//! Redaction (law 8): secrets are replaced before anything is written.
//!
//! A pure function of the bytes, the rules and the installation's key: no I/O, no clock. A secret becomes
//! `[redacted:<16 hex digits>]`, the first 8 bytes of HMAC with SHA-256 over the decoded secret, so that equal secrets
//! still match within one installation and mean nothing outside it. What names the secret stays: schemes, user names,
//! the header and claims of a JWT, the names of cookies, parameters and fields. All other bytes stay as they were.
//!
//! Redacting twice changes nothing: the replacement is known by its form and left alone. A replacement can change how
//! broken text around it reads, so what was edited is read again until nothing changes, at most `ROUNDS` times. The
//! work is linear in the input; encodings inside encodings are followed `DEPTH` levels deep.
//!
//! Decisions:
//! - **Cut bodies.** A value that reaches the cut is replaced up to it. At a cut, seven and more digits of an issuer's
//!   range count as a card number, and `code` as an authorization code. A body must be one contiguous piece from its
//!   start: what follows a gap may be the second half of a secret, and the caller leaves it out.
//! - **Looks before claims.** Bodies are read as what they look like; `Content-Type` decides where looks do not.
//! - **Fail closed.** A body is withheld when it claims a readable form and is none, when it is still compressed, when
//!   it is UTF-16, or when it is binary of an unknown kind and names a secret: see [`Reason`].
//! - **Binary bodies** of media types pass but for what has a shape of its own: JWTs, private keys, tokens of known
//!   issuers, card numbers in ASCII.
//! - **Groups.** All under a secret name is secret (`"token": {...}`), but for user names, kinds and times; under
//!   `auth`, `session` and `card` the names inside decide.
//! - **Scripts and style sheets** are code of a site, seldom secrets of a user: there, only quoted literals beside a
//!   secret name go.
//! - A lone userinfo (`https://user@host`) stays, as user names do; `true`, `false` and `null` are no secrets.
//!
//! What it does not see: secrets without a telling name or shape, columns of CSV, values more than `DEPTH` encodings
//! deep, the fields of binary formats (those are withheld).
//!
//! Sources: RFC 9110 section 11, 6265, 6749, 7515, 7516, 7519, 7578, 7616, 7617, 8259; ISO/IEC 7812-1.

mod body;
mod cards;
mod cookies;
mod edits;
mod finder;
mod header;
mod json;
mod judge;
mod jwt;
mod live;
mod markup;
mod multipart;
mod names;
mod secret;
mod target;
mod text;
mod value;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _};
use sha2::Sha256;

use edits::Edits;
use finder::{Finder, Grams};
use header::{Way, Ways};
use judge::Names;
use names::Kind;
pub use secret::Marks;
use text::Piece;

/// The version of the built-in lists and of the code that reads by them. Higher after every change of either; stored
/// beside what was redacted.
pub const RULES_VERSION: u32 = 3;

/// Encodings inside encodings that are followed: a URL in a query in JSON in a form.
const DEPTH: u8 = 4;
/// Readings of what was edited. Sound text needs two: one that edits, one that finds nothing.
const ROUNDS: usize = 6;

/// The key of an installation: 32 random bytes. Never shown by `Debug`.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl Key {
    /// Takes the key's bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key")
    }
}

/// What an operator adds to the built-in lists. Names are compared without case and separators: `customer-id` is also
/// `CustomerID` and `customer_id`. In free text only the spelling given here is found, in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Names of headers whose values are secret.
    pub headers: Vec<String>,
    /// Names of query parameters, form fields, JSON and XML fields whose values are secret.
    pub fields: Vec<String>,
}

impl Rules {
    /// The version of the built-in lists: [`RULES_VERSION`].
    pub fn version(&self) -> u32 {
        RULES_VERSION
    }
}

/// Why a body is not shown at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is still compressed: nothing in it can be found.
    Encoded,
    /// It is UTF-16: names and values are not where a scanner of bytes sees them.
    Charset,
    /// It claims a form that can be read, and is not of that form.
    LostSync,
    /// It is binary of an unknown kind and holds names of secrets: where their values end cannot be known.
    UnreadableFields,
}

impl Reason {
    /// A stable word for counters and columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Encoded => "encoded",
            Self::Charset => "charset",
            Self::LostSync => "lost_sync",
            Self::UnreadableFields => "unreadable_fields",
        }
    }
}

/// A body after redaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// These bytes may be stored; borrowed when nothing changed.
    Kept(Cow<'a, [u8]>),
    /// Nothing of it may be stored.
    Withheld {
        /// Why.
        reason: Reason,
    },
}

/// Replaces secrets. Cheap to clone, shared by threads.
#[derive(Clone)]
pub struct Redactor(Arc<Core>);

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("version", &RULES_VERSION).finish_non_exhaustive()
    }
}

impl Redactor {
    /// Builds the tables. Takes some milliseconds: do it once.
    pub fn new(key: Key, rules: Rules) -> Self {
        let (finder, kinds) = text::finder(&rules.fields);
        let wide = !rules.fields.iter().all(|name| name.is_ascii());
        let mac = Hmac::new_from_slice(&key.0).expect("HMAC takes keys of any length");
        let names = Names::new(&rules.headers, &rules.fields);
        let ways = Ways::new(&names);
        let splits = names.splits(live::SEPARATORS);
        Self(Arc::new(Core { mac, names, ways, finder, splits, kinds, wide }))
    }

    /// Redacts the value of a header; `None` when it stays as it is.
    ///
    /// Credentials keep their scheme and user, cookies their names and attributes; values of URL headers are read as
    /// [`Self::target`] reads them, all others as [`Self::text`] does. `WWW-Authenticate` is never changed.
    pub fn header(&self, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        self.header_remembering(&mut Marks::none(), name, value)
    }

    /// As [`Self::header`]; faster for many, since what the same secrets became is remembered in `marks`.
    pub fn header_remembering(&self, marks: &mut Marks, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
        let way = self.0.ways.of(name, &self.0.names);
        if way == Way::Never || (way == Way::Free && self.0.is_quiet(value)) {
            return None;
        }
        if way == Way::Hidden(Kind::Cookie)
            && let Some(edited) = self.0.plain_cookies(value, marks)
        {
            return Some(edited);
        }
        settled(value, |value, edits| self.0.header(way, value, Scan::new(false), edits))
    }

    /// Redacts the headers of a message, one after another, as [`Self::header`] does: values that stay are borrowed.
    /// Takes memory only for those that change.
    pub fn headers<'a>(
        &self,
        headers: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    ) -> impl Iterator<Item = (&'a [u8], Cow<'a, [u8]>)> {
        headers
            .into_iter()
            .map(|(name, value)| (name, self.header(name, value).map_or(Cow::Borrowed(value), Cow::Owned)))
    }

    /// Redacts a request target or a URL; `None` when it stays as it is.
    ///
    /// The password of the userinfo goes, and the values of parameters with secret names in query, fragment and path,
    /// however their names are encoded, and tokens and card numbers anywhere.
    pub fn target(&self, target: &[u8]) -> Option<Vec<u8>> {
        settled(target, |target, edits| self.0.url(target, 0, Scan::new(false), edits))
    }

    /// Redacts a body after content decoding.
    ///
    /// `content_type` is the header's value, if there was one. `complete` is false when the body was cut at its end;
    /// `body` is its contiguous start in any case. Takes memory for the redacted body only when something changes.
    pub fn body<'a>(&self, content_type: Option<&[u8]>, body: &'a [u8], complete: bool) -> Body<'a> {
        let content_type = content_type.unwrap_or_default();
        let mut last = self.0.body(content_type, body, complete);
        for _ in 1..ROUNDS {
            let Body::Kept(Cow::Owned(bytes)) = &last else { break };
            last = match self.0.body(content_type, bytes, complete) {
                Body::Kept(Cow::Borrowed(_)) => break,
                Body::Kept(Cow::Owned(bytes)) => Body::Kept(Cow::Owned(bytes)),
                Body::Withheld { reason } => Body::Withheld { reason },
            };
        }
        last
    }

    /// Redacts free text, such as a log line; `None` when it stays as it is.
    pub fn text(&self, text: &[u8]) -> Option<Vec<u8>> {
        settled(text, |text, edits| self.0.document(text, 0, Scan::new(false), edits))
    }

    /// The text that replaces a secret: what to search for to find it.
    pub fn mark(&self, secret: &[u8]) -> String {
        String::from_utf8_lossy(&self.0.mark(secret)).into_owned()
    }
}

/// Edits a text until nothing changes; `None` when nothing did.
fn settled(text: &[u8], edit: impl Fn(&[u8], &mut Edits)) -> Option<Vec<u8>> {
    let once = |text: &[u8]| {
        let mut edits = Edits::default();
        edit(text, &mut edits);
        edits.apply(text)
    };
    let mut last = once(text)?;
    for _ in 1..ROUNDS {
        match once(&last) {
            Some(next) => last = next,
            None => break,
        }
    }
    Some(last)
}

/// What all scanners share.
struct Core {
    mac: Hmac<Sha256>,
    names: Names,
    ways: Ways,
    /// `None` when the configured names are too many to build it: then all free text is one secret.
    finder: Option<Finder>,
    /// Where a separator could be inside a short name.
    splits: Grams,
    kinds: Vec<Piece>,
    /// Configured names have letters of other scripts.
    wide: bool,
}

/// How a piece of text is read.
#[derive(Debug, Clone, Copy)]
struct Scan<'a> {
    /// The piece ends where its capture was cut.
    cut: bool,
    /// It is program code.
    code: bool,
    /// Encodings that may still be followed.
    depth: u8,
    /// The offsets in the edited text from which something could be found; `None` where that is not known.
    live: Option<&'a [usize]>,
}

impl Scan<'_> {
    fn new(cut: bool) -> Self {
        Self { cut, code: false, depth: DEPTH, live: None }
    }

    /// For a piece of this one: cut only when it ends where this one does.
    fn cut_if(self, at_end: bool) -> Self {
        Self { cut: self.cut && at_end, ..self }
    }

    /// One encoding deeper; `None` at the last one.
    fn inner(self) -> Option<Self> {
        Some(Self { depth: self.depth.checked_sub(1)?, ..self })
    }

    /// For a decoded text, whose offsets are others.
    fn decoded(self) -> Self {
        Self { live: None, ..self }
    }
}
