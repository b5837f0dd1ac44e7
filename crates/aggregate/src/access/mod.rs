//! Lines of access logs as records: a reader compiled from the format in which the server writes, one per file.
//!
//! - [`Format`]: nginx `log_format` text (any escaping), Apache and lighttpd directives, JSON lines, HAProxy's HTTP log.
//! - [`Reader`]: reads one line after another; [`Record`] borrows from the line.
//! - [`Refusal`]: why a line is no record. A line that can be read in two ways is refused, never guessed.
//!
//! It works on bytes, so a line with bytes that are no UTF-8 is as good as any. It does not know what is counted: see `job`.
//! Source: nginx 1.22 `ngx_http_log_module.c` (escaping, `-` for absent values), HAProxy 2.6 manual section 8.2.3.

mod format;
mod haproxy;
pub mod job;
mod json;
mod request;
mod split;
mod stamp;
mod text;
mod upstream;

pub use format::{Field, Format, FormatError};
pub use request::Request;
pub use text::Escaping;
pub use upstream::{Attempt, Upstreams};

use haproxy::Haproxy;
use json::JsonLines;
use split::Splitter;

/// Longer lines are cut here before they are read, and counted as cut.
pub const LINE_BYTES_MAX: usize = 64 << 10;

/// What one line says. Texts are slices of the line as it stands there, still escaped: see [`Record::text`].
///
/// None means that the format has no such variable or that the server had no value for it (`-`); an empty slice is a
/// value that was there and empty, which JSON lines cannot tell from an absent one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// How texts are escaped.
    pub escaping: Escaping,
    /// Nanoseconds since the Unix epoch, as exact as the format writes them; None where it has no time.
    pub at: Option<i64>,
    /// Who asked.
    pub client: Option<&'a [u8]>,
    /// Who they say they are.
    pub user: Option<&'a [u8]>,
    /// The request line, in its parts as far as it has them.
    pub request: Request<'a>,
    /// The status sent; 0 where there was no answer: nginx writes 000, HAProxy -1, Apache `-`.
    pub status: Option<u16>,
    /// Bytes sent; of the body where the format says so.
    pub bytes: Option<u64>,
    /// The Referer.
    pub referer: Option<&'a [u8]>,
    /// The User-Agent.
    pub user_agent: Option<&'a [u8]>,
    /// Nanoseconds from the first byte of the request to the last of the answer.
    pub request_time: Option<u64>,
    /// Which upstreams were asked and how long each took.
    pub upstreams: Upstreams<'a>,
    /// `HIT`, `MISS`, …
    pub cache: Option<&'a [u8]>,
    /// The host that was asked for, or the server that answered.
    pub host: Option<&'a [u8]>,
    /// The identifier of the request.
    pub id: Option<&'a [u8]>,
    /// The line ends within its last text, which is only a beginning then; all else is whole.
    pub cut: bool,
}

impl<'a> Record<'a> {
    /// A text of this record without its escapes.
    #[must_use]
    pub fn text(&self, raw: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        self.escaping.decode(raw)
    }

    /// Request time less upstream time; never below zero, which nginx's cached clock makes of short ones. None unless both
    /// are known.
    #[must_use]
    pub fn outside_upstream(&self) -> Option<u64> {
        Some(self.request_time?.saturating_sub(self.upstreams.nanos()?))
    }
}

/// Why a line is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Nothing but white space.
    Blank,
    /// It ends before the format does.
    Short,
    /// It goes on behind the end of the format.
    Long,
    /// It does not have this value where the format has it.
    Shape(Field),
    /// This value can end in more than one place.
    Ambiguous(Field),
    /// It is no JSON object.
    NoJson,
    /// A JSON object with none of the keys that are looked for, or a line of another kind.
    Foreign,
}

impl Refusal {
    /// The reason in one word, as a label.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Blank => "blank",
            Self::Short => "short",
            Self::Long => "long",
            Self::Shape(_) => "shape",
            Self::Ambiguous(_) => "ambiguous",
            Self::NoJson => "no_json",
            Self::Foreign => "foreign",
        }
    }

    /// The value that is not as expected.
    #[must_use]
    pub const fn field(self) -> Option<Field> {
        match self {
            Self::Shape(field) | Self::Ambiguous(field) => Some(field),
            _ => None,
        }
    }
}

/// Reads the lines of one file.
#[derive(Clone, Debug)]
pub struct Reader {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Split(Splitter),
    Json(JsonLines),
    Haproxy(Haproxy),
}

impl Reader {
    /// The reader of a format.
    #[must_use]
    pub fn new(format: &Format) -> Self {
        let kind = match format {
            Format::Split(parts) => Kind::Split(Splitter::new(parts.clone())),
            Format::Json(names) => Kind::Json(JsonLines::new(names.clone())),
            Format::Haproxy => Kind::Haproxy(Haproxy::default()),
        };
        Self { kind }
    }

    /// Reads a line without its line feed. Allocates nothing.
    ///
    /// # Errors
    /// The [`Refusal`] of a line that is no record of this format, or could be more than one.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Result<Record<'a>, Refusal> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.iter().all(u8::is_ascii_whitespace) {
            return Err(Refusal::Blank);
        }
        match &mut self.kind {
            Kind::Split(splitter) => splitter.read(line),
            Kind::Json(json) => json.read(line),
            Kind::Haproxy(haproxy) => haproxy.read(line),
        }
    }
}

#[cfg(test)]
mod tests;
