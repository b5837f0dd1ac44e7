//! The splitter: walks along a line from text to text of the format.
//!
//! Where a value ends: in quotes at the next quote, which servers that escape never write within but behind a backslash;
//! a list of upstreams
//! at the first space that separates no entries; a value that may hold anything (a user, what a browser sent, everything
//! with `escape=none`) where the text behind it stands and the next value looks like one. When that is so in two places,
//! the line is refused as ambiguous.

use memchr::{memchr, memmem};

use super::format::{Field, Parts};
use super::request::Request;
use super::stamp::{Stamps, Style, starts_local};
use super::upstream::{list_end, status};
use super::{Escaping, Record, Refusal};
use crate::fixed;

/// How the end of a value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// At this byte, the first of the text behind it, which no such value holds.
    Byte(u8),
    /// The same, where values are so short that a call costs more than the search.
    Near(u8),
    /// At a quote that is not escaped by a backslash, as Apache and `escape=json` write one that was sent.
    BareQuote,
    /// Where a list of upstreams ends.
    List,
    /// Where the text behind and the next value fit: exactly one place before the next quote that was not sent, or
    /// anywhere where nothing is escaped.
    Only,
    /// With the line.
    Line,
}

#[derive(Clone, Debug)]
struct Step {
    field: Field,
    end: End,
    /// The text behind the value.
    text: Box<[u8]>,
    finder: memmem::Finder<'static>,
    next: Option<Field>,
    /// A space in it is one too many: nobody can tell which value it belongs to.
    word: bool,
}

/// Reads lines of one format.
#[derive(Clone, Debug)]
pub(super) struct Splitter {
    head: Box<[u8]>,
    steps: Box<[Step]>,
    escaping: Escaping,
    stamps: Stamps,
}

impl Splitter {
    pub(super) fn new(format: Parts) -> Self {
        let parts = &format.parts;
        let step = |at: usize| {
            let next = parts.get(at + 1);
            let text = next.map_or(&format.tail, |part| &part.before).clone();
            let next = next.map(|part| part.field);
            let end = end(parts[at].field, &parts[at].before, &text, next, format.escaping);
            let sealed = text.first().is_some_and(|first| is_never_written(*first, format.escaping));
            let word = !sealed && is_word(parts[at].field, &parts[at].before, &text, end);
            let finder = memmem::Finder::new(&text).into_owned();
            Step { field: parts[at].field, end, text, finder, next, word }
        };
        Self {
            head: parts.first().map(|part| part.before.clone()).unwrap_or_default(),
            steps: (0..parts.len()).map(step).collect(),
            escaping: format.escaping,
            stamps: Stamps::default(),
        }
    }

    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Result<Record<'a>, Refusal> {
        let mut record = Record { escaping: self.escaping, ..Record::default() };
        let mut rest = line.strip_prefix(self.head.as_ref()).ok_or(Refusal::Short)?;
        for step in &self.steps {
            let end = match step.find(rest, self.escaping) {
                // All but the end of the last text is there: what is counted of a line does not depend on it.
                Err(Refusal::Short) if step.next.is_none() && is_free(step.field) => {
                    record.cut = true;
                    set(&mut record, step.field, rest, &mut self.stamps).ok_or(Refusal::Shape(step.field))?;
                    return Ok(record);
                }
                found => found?,
            };
            let (value, behind) = rest.split_at(end);
            if step.word && memchr(b' ', value).is_some() {
                return Err(Refusal::Ambiguous(step.field));
            }
            rest = match behind_text(behind, &step.text) {
                Some(rest) => rest,
                None if behind.len() < step.text.len() => return Err(Refusal::Short),
                None => return Err(Refusal::Shape(step.field)),
            };
            set(&mut record, step.field, value, &mut self.stamps).ok_or(Refusal::Shape(step.field))?;
        }
        if rest.is_empty() { Ok(record) } else { Err(Refusal::Long) }
    }
}

/// What stands behind `text`, which is so short that a call to compare it costs more than comparing it.
#[inline]
fn behind_text<'a>(behind: &'a [u8], text: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = behind.split_at_checked(text.len())?;
    start.iter().zip(text).all(|(a, b)| a == b).then_some(rest)
}

/// The way to the end of a value, by what stands before and behind it.
fn end(field: Field, before: &[u8], text: &[u8], next: Option<Field>, escaping: Escaping) -> End {
    let Some(&first) = text.first() else { return End::Line };
    let quoted = is_quoted(before, text);
    match escaping {
        Escaping::Apache | Escaping::Json if quoted => return End::BareQuote,
        Escaping::Nginx if quoted => return End::Byte(b'"'),
        Escaping::None if quoted => return End::Only,
        _ => {}
    }
    if is_list(field) && first == b' ' {
        End::List
    } else if is_never_written(first, escaping) {
        if is_short(field) { End::Near(first) } else { End::Byte(first) }
    } else if is_free(field) && next.is_some_and(has_shape) {
        End::Only
    } else if is_short(field) {
        End::Near(first)
    } else {
        End::Byte(first)
    }
}

/// Whether no value holds this byte, since servers write it as an escape: a tab between values is the usual case.
/// Source: `ngx_http_log_escape` of nginx, and mod_log_config of Apache for "non-printable characters".
fn is_never_written(byte: u8, escaping: Escaping) -> bool {
    escaping != Escaping::None && byte.is_ascii_control()
}

fn is_short(field: Field) -> bool {
    use Field::{Bytes, Cache, Client, RequestMicros, RequestMillis, RequestTime, Status};
    matches!(field, Client | Status | Bytes | RequestTime | RequestMicros | RequestMillis | Cache)
}

fn is_quoted(before: &[u8], text: &[u8]) -> bool {
    before.last() == Some(&b'"') && text.first() == Some(&b'"')
}

/// Whether a value must hold no space although it does not end at one.
fn is_word(field: Field, before: &[u8], text: &[u8], end: End) -> bool {
    let ends_elsewhere =
        matches!(end, End::Line) && !is_free(field) || matches!(end, End::Byte(byte) | End::Near(byte) if byte != b' ');
    let is_time = matches!(field, Field::TimeLocal | Field::TimeIso | Field::TimeAny);
    ends_elsewhere && !is_time && !is_list(field) && !is_quoted(before, text)
}

fn is_list(field: Field) -> bool {
    use Field::{UpstreamAddr, UpstreamConnect, UpstreamHeader, UpstreamStatus, UpstreamTime};
    matches!(field, UpstreamTime | UpstreamConnect | UpstreamHeader | UpstreamStatus | UpstreamAddr)
}

/// Whether strangers choose what is in it.
fn is_free(field: Field) -> bool {
    use Field::{Host, Other, Referer, Request, Target, User, UserAgent};
    matches!(field, User | Request | Target | Referer | UserAgent | Host | Other)
}

impl Step {
    /// Where the value at the start of `rest` ends.
    #[inline]
    fn find(&self, rest: &[u8], escaping: Escaping) -> Result<usize, Refusal> {
        match self.end {
            End::Byte(byte) => memchr(byte, rest).ok_or(Refusal::Short),
            End::Near(byte) => rest.iter().position(|b| *b == byte).ok_or(Refusal::Short),
            End::Line => Ok(rest.len()),
            End::List => Ok(list_end(rest)),
            End::BareQuote => bare_quote(rest).ok_or(Refusal::Short),
            End::Only => self.only(rest, escaping),
        }
    }

    fn only(&self, rest: &[u8], escaping: Escaping) -> Result<usize, Refusal> {
        let last = self.next.is_none();
        let quote = match escaping {
            Escaping::None => None,
            Escaping::Nginx => memchr(b'"', rest),
            Escaping::Apache | Escaping::Json => bare_quote(rest),
        };
        // The text behind the value may be what holds the quote.
        let region = quote.map_or(rest, |at| &rest[..(at + self.text.len()).min(rest.len())]);
        let fits = |at: usize| {
            let behind = &rest[at + self.text.len()..];
            if last { behind.is_empty() } else { self.next.is_some_and(|next| looks_like(next, behind)) }
        };
        let mut found = self.finder.find_iter(region).filter(|&at| fits(at));
        match (found.next(), found.next()) {
            (Some(at), None) => Ok(at),
            (Some(_), Some(_)) => Err(Refusal::Ambiguous(self.field)),
            (None, _) if self.finder.find(rest).is_none() => Err(Refusal::Short),
            (None, _) => Err(Refusal::Shape(self.field)),
        }
    }
}

fn bare_quote(rest: &[u8]) -> Option<usize> {
    let escaped = |at: usize| rest[..at].iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
    memchr::memchr_iter(b'"', rest).find(|&at| !escaped(at))
}

/// Whether values of this kind can be told from others by how they start.
fn has_shape(field: Field) -> bool {
    use Field::{Bytes, RequestMicros, RequestMillis, RequestTime, Status, TimeEpoch, TimeIso, TimeLocal};
    matches!(field, TimeLocal | Status | Bytes | TimeIso | TimeEpoch | RequestTime | RequestMicros | RequestMillis)
}

/// Whether a value of this kind can start here.
fn looks_like(field: Field, text: &[u8]) -> bool {
    match field {
        Field::TimeLocal => starts_local(text),
        Field::Status => {
            text.len() >= 3 && status(&text[..3]).is_some() && !text.get(3).is_some_and(u8::is_ascii_digit)
        }
        field if has_shape(field) => text.first().is_some_and(|b| b.is_ascii_digit() || *b == b'-'),
        _ => true,
    }
}

/// Puts a value into the record; None when it is not what the field takes. `-` is no value, nor is an empty one where
/// absent values are written so.
#[inline]
pub(super) fn set<'a>(record: &mut Record<'a>, field: Field, value: &'a [u8], stamps: &mut Stamps) -> Option<()> {
    let known = match value {
        b"-" => None,
        b"" if matches!(record.escaping, Escaping::Json | Escaping::None) => None,
        _ => Some(value),
    };
    match field {
        Field::Client => record.client = known,
        Field::User => record.user = known,
        Field::TimeLocal => record.at = Some(stamps.read(value, Style::Local)?),
        Field::TimeIso => record.at = Some(stamps.read(value, Style::Iso)?),
        Field::TimeEpoch => record.at = Some(stamps.read(value, Style::Epoch)?),
        Field::TimeAny => record.at = Some(stamps.read(value, Style::Any)?),
        Field::Request => record.request = known.map_or_else(Request::default, Request::of),
        Field::Method => record.request.method = known,
        Field::Target => record.request.target = known,
        Field::Protocol => record.request.protocol = known,
        Field::Status => record.status = Some(known.map_or(Some(0), status)?),
        Field::Bytes => record.bytes = numbered(known, fixed::whole)?,
        Field::Referer => record.referer = known,
        Field::UserAgent => record.user_agent = known,
        Field::RequestTime => record.request_time = numbered(known, fixed::nanos)?,
        Field::RequestMicros => record.request_time = numbered(known, |text| fixed::whole(text)?.checked_mul(1_000))?,
        Field::RequestMillis => {
            record.request_time = numbered(known, |text| fixed::whole(text)?.checked_mul(1_000_000))?
        }
        Field::UpstreamTime => record.upstreams.times = known,
        Field::UpstreamConnect => record.upstreams.connects = known,
        Field::UpstreamHeader => record.upstreams.headers = known,
        Field::UpstreamStatus => record.upstreams.statuses = known,
        Field::UpstreamAddr => record.upstreams.addresses = known,
        Field::Cache => record.cache = known,
        Field::Host => record.host = known,
        Field::Id => record.id = known,
        Field::Other => {}
    }
    Some(())
}

/// None for what should be a number and is not; `Some(None)` for what is absent.
#[inline]
fn numbered<T>(known: Option<&[u8]>, read: impl Fn(&[u8]) -> Option<T>) -> Option<Option<T>> {
    match known {
        None => Some(None),
        Some(text) => read(text).map(Some),
    }
}
