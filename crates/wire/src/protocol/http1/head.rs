//! The head of a message: start line and header lines, with a flag for every departure from the grammar.
//!
//! Source: RFC 9112, sections 2 to 5; RFC 9110, section 5.

use arachne_model::{Anomaly, AnomalySet, BodyFacts, Field, Message, Span, StartLine};
use memchr::memchr;

use super::framing::{Framing, Lines};

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A request.
    Request,
    /// A response.
    Response,
}

/// A head that was read.
#[derive(Debug)]
pub struct Head {
    /// The message, without body.
    pub message: Message,
    /// What it says of its body and of the connection.
    pub framing: Framing,
    /// Departures from the grammar.
    pub anomalies: AnomalySet,
}

/// The outcome of reading a head.
#[derive(Debug)]
pub enum Parsed {
    /// The end of the head is not there yet.
    Partial,
    /// The head and its length.
    Done(Box<Head>, usize),
}

/// Whether `byte` may stand in a token. Source: RFC 9110, section 5.6.2.
#[must_use]
pub fn is_token(byte: u8) -> bool {
    TOKEN[byte as usize]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0_u8;
    loop {
        let special = matches!(
            at,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        );
        table[at as usize] = at.is_ascii_alphanumeric() || special;
        if at == 255 {
            break table;
        }
        at += 1;
    }
};

/// A line without its end, and where the next begins.
struct Line {
    start: usize,
    end: usize,
    next: usize,
    bare: bool,
}

#[inline]
fn line(bytes: &[u8], start: usize) -> Option<Line> {
    let lf = start + memchr(b'\n', &bytes[start..])?;
    let bare = lf == start || bytes[lf - 1] != b'\r';
    Some(Line { start, end: if bare { lf } else { lf - 1 }, next: lf + 1, bare })
}

/// A head in the making.
#[derive(Default)]
struct Making {
    lines: Lines,
    anomalies: AnomalySet,
    fields: Vec<Field>,
    /// Continuation lines with the field that they continue.
    folded: Vec<(usize, Span)>,
    /// Where the next line begins.
    at: usize,
    crlf: u32,
    lf_alone: u32,
}

/// Reads a head at the front of `bytes`. With `cut`, what is there is all there will be: it is read as far as it goes.
/// At most `fields_max` lines are kept, the others still count for the framing. Linear in `bytes`.
#[must_use]
pub fn parse(role: Role, bytes: &[u8], fields_max: usize, cut: bool) -> Parsed {
    let Some(first) = line(bytes, 0) else {
        return if cut { start_line_alone(role, bytes) } else { Parsed::Partial };
    };
    let mut making = Making { fields: Vec::with_capacity(16), ..Making::default() };
    let start_line = start_line(role, bytes, &first, &mut making.anomalies);
    making.pass(&first);
    let whole = match is_simple(bytes, start_line, first.next) {
        None if !cut => return Parsed::Partial,
        Some(true) => true,
        None | Some(false) => making.header_lines(bytes, fields_max),
    };
    if whole || cut { making.finish(bytes, start_line, whole) } else { Parsed::Partial }
}

impl Making {
    /// Takes lines up to the empty one; false when that is not there.
    #[inline]
    fn header_lines(&mut self, bytes: &[u8], fields_max: usize) -> bool {
        loop {
            if let Some((field, next)) = plain_line(bytes, self.at) {
                self.keep(bytes, field, fields_max);
                self.at = next;
                self.crlf += 1;
                continue;
            }
            let Some(found) = line(bytes, self.at) else { return false };
            self.pass(&found);
            if found.start == found.end {
                return true;
            }
            if matches!(bytes[found.start], b' ' | b'\t') {
                self.fold(&found);
            } else {
                let field = header_line(bytes, &found, &mut self.anomalies);
                self.keep(bytes, field, fields_max);
            }
        }
    }

    fn pass(&mut self, line: &Line) {
        self.at = line.next;
        self.crlf += u32::from(!line.bare);
        self.lf_alone += u32::from(line.bare);
    }

    #[inline]
    fn keep(&mut self, bytes: &[u8], field: Field, fields_max: usize) {
        self.lines.take(bytes, field, &mut self.anomalies);
        if self.fields.len() < fields_max {
            self.fields.push(field);
        } else {
            self.anomalies.insert(Anomaly::TooManyHeaders);
        }
    }

    fn fold(&mut self, line: &Line) {
        self.anomalies.insert(Anomaly::ObsFold);
        match self.fields.len() {
            0 => self.anomalies.insert(Anomaly::BadHeader),
            n => self.folded.push((n - 1, span(line.start, line.end))),
        }
    }

    fn finish(mut self, bytes: &[u8], start_line: StartLine, whole: bool) -> Parsed {
        if self.lf_alone > 0 {
            self.anomalies.insert(Anomaly::BareLf);
        }
        control_bytes(&bytes[..self.at], self.crlf, self.lf_alone, &mut self.anomalies);
        let mut message = Message {
            head: bytes[..self.at].to_vec(),
            start_line,
            trailers_at: self.fields.len(),
            fields: self.fields,
            body: BodyFacts::default(),
            complete: false,
            wire_bytes: self.at as u64,
        };
        for (index, continued) in self.folded {
            unfold(&mut message, index, continued);
        }
        let framing = self.lines.decide(&message, whole, &mut self.anomalies);
        Parsed::Done(Box::new(Head { message, framing, anomalies: self.anomalies }), self.at)
    }
}

/// HTTP/0.9: GET without a version is the whole request, unless header lines follow. `None` when that is not there yet.
fn is_simple(bytes: &[u8], start_line: StartLine, at: usize) -> Option<bool> {
    let StartLine::Request { method, version, .. } = start_line else { return Some(false) };
    if version != Span::default() || bytes[..method.end as usize] != *b"GET" {
        return Some(false);
    }
    match bytes[at..].iter().find(|b| !is_token(**b)) {
        Some(b':' | b'\r' | b'\n') => Some(false),
        Some(_) => Some(true),
        None => None,
    }
}

/// The line that was cut, so that a method that was seen is not lost.
fn start_line_alone(role: Role, bytes: &[u8]) -> Parsed {
    let end = bytes.len();
    let space = bytes.iter().position(|b| *b == b' ');
    let start_line = match role {
        // A target that is cut is no target.
        Role::Request => StartLine::Request {
            method: space.map_or_else(Span::default, |at| span(0, at)),
            target: Span::default(),
            version: Span::default(),
        },
        Role::Response => {
            let mut anomalies = AnomalySet::EMPTY;
            response_line(bytes, &Line { start: 0, end, next: end, bare: true }, &mut anomalies)
        }
    };
    let message = Message {
        head: bytes.to_vec(),
        start_line,
        fields: Vec::new(),
        trailers_at: 0,
        body: BodyFacts::default(),
        complete: false,
        wire_bytes: end as u64,
    };
    Parsed::Done(Box::new(Head { message, framing: Framing::default(), anomalies: AnomalySet::EMPTY }), end)
}

/// Reads trailer lines at the front of `bytes` into `message`; gives their length once the empty line is there.
pub fn parse_trailers(
    bytes: &[u8],
    message: &mut Message,
    fields_max: usize,
    anomalies: &mut AnomalySet,
) -> Option<usize> {
    let mut at = 0;
    let mut fields = Vec::new();
    loop {
        let found = line(bytes, at)?;
        at = found.next;
        if found.bare {
            anomalies.insert(Anomaly::BareLf);
        }
        if found.start == found.end {
            break;
        }
        fields.push(header_line(bytes, &found, anomalies));
    }
    if fields.is_empty() {
        return Some(at);
    }
    let base = message.head.len();
    message.head.extend_from_slice(&bytes[..at]);
    for field in fields {
        if message.fields.len() >= fields_max {
            anomalies.insert(Anomaly::TooManyHeaders);
            break;
        }
        message.fields.push(Field { name: shift(field.name, base), value: shift(field.value, base) });
    }
    Some(at)
}

fn start_line(role: Role, bytes: &[u8], line: &Line, anomalies: &mut AnomalySet) -> StartLine {
    match role {
        Role::Request => request_line(bytes, line, anomalies),
        Role::Response => response_line(bytes, line, anomalies),
    }
}

/// `method SP target SP version`; blanks inside the target belong to it, flagged.
fn request_line(bytes: &[u8], line: &Line, anomalies: &mut AnomalySet) -> StartLine {
    let text = &bytes[line.start..line.end];
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    let Some(method_end) = text.iter().position(is_blank) else {
        anomalies.insert(Anomaly::BadMethod);
        return StartLine::Request { method: span(0, text.len()), target: Span::default(), version: Span::default() };
    };
    if method_end == 0 || !text[..method_end].iter().all(|b| is_token(*b)) {
        anomalies.insert(Anomaly::BadMethod);
    }
    let trimmed = text.trim_ascii_end().len();
    let target_start = method_end + text[method_end..].iter().take_while(|b| is_blank(b)).count();
    let last = text[..trimmed].iter().rposition(is_blank).unwrap_or(0);
    let odd_blanks = target_start != method_end + 1 || trimmed != text.len() || text[method_end] == b'\t';
    let version = &text[(last + 1).min(trimmed)..trimmed];
    if last <= method_end || last < target_start || !version.starts_with(b"HTTP/") && !super::is_version(version) {
        anomalies.insert(Anomaly::BadVersion);
        let target = span(target_start.min(trimmed), trimmed);
        return StartLine::Request { method: span(0, method_end), target, version: Span::default() };
    }
    if !matches!(version, b"HTTP/1.1" | b"HTTP/1.0") {
        anomalies.insert(Anomaly::BadVersion);
    }
    let target_end = target_start + text[target_start..last].trim_ascii_end().len();
    if odd_blanks || target_end != last || text[target_start..target_end].iter().any(is_blank) {
        anomalies.insert(Anomaly::Ambiguous);
    }
    StartLine::Request {
        method: span(0, method_end),
        target: span(target_start, target_end),
        version: span(last + 1, trimmed),
    }
}

/// `version SP status SP reason`.
fn response_line(bytes: &[u8], line: &Line, anomalies: &mut AnomalySet) -> StartLine {
    let text = &bytes[line.start..line.end];
    let version_end = text.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(text.len());
    if !matches!(&text[..version_end], b"HTTP/1.1" | b"HTTP/1.0") {
        anomalies.insert(Anomaly::BadVersion);
    }
    let rest = &text[version_end..];
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let digits = rest[blanks..].iter().take_while(|b| b.is_ascii_digit()).count();
    let status_end = version_end + blanks + digits;
    let number =
        (digits == 3).then(|| rest[blanks..blanks + 3].iter().fold(0_u16, |n, digit| n * 10 + u16::from(digit - b'0')));
    let clean = blanks == 1 && matches!(text.get(status_end), None | Some(b' '));
    if !clean || !matches!(number, Some(100..=599)) {
        anomalies.insert(Anomaly::BadStatus);
    }
    let reason = text.get(status_end + 1..).map_or_else(Span::default, |_| span(status_end + 1, text.len()));
    StartLine::Response { version: span(0, version_end), status: number.unwrap_or(0), reason }
}

/// `name: value` as nearly everybody sends it, and where the next line starts; `None` leaves the line to
/// [`header_line`].
#[inline]
fn plain_line(bytes: &[u8], at: usize) -> Option<(Field, usize)> {
    let rest = &bytes[at..];
    // A window of a known size has its loop unrolled without checks; nearly every name fits.
    let colon = match rest.first_chunk::<40>() {
        Some(window) => window.iter().position(|b| !is_token(*b))?,
        None => rest.iter().position(|b| !is_token(*b))?,
    };
    if colon == 0 || rest[colon] != b':' {
        return None;
    }
    let start = colon + 1 + usize::from(rest.get(colon + 1) == Some(&b' '));
    let lf = start + memchr(b'\n', rest.get(start..)?)?;
    let [first, .., last, b'\r'] = rest.get(start..lf)? else { return None };
    if first.is_ascii_whitespace() || last.is_ascii_whitespace() {
        return None;
    }
    Some((Field { name: span(at, at + colon), value: span(at + start, at + lf - 1) }, at + lf + 1))
}

/// `name: value`. A line without a colon is kept as a name with an empty value.
#[inline]
fn header_line(bytes: &[u8], line: &Line, anomalies: &mut AnomalySet) -> Field {
    let text = &bytes[line.start..line.end];
    let token = text.iter().position(|b| !is_token(*b)).unwrap_or(text.len());
    let colon = if text.get(token) == Some(&b':') && token > 0 {
        token
    } else {
        anomalies.insert(Anomaly::BadHeader);
        let Some(colon) = memchr(b':', text) else {
            return Field { name: span(line.start, line.end), value: span(line.end, line.end) };
        };
        // A blank before the colon: some strip it, some refuse it, some take another name (RFC 9112, section 5.1).
        anomalies.insert(Anomaly::Ambiguous);
        colon
    };
    let name = text[..colon].trim_ascii_end();
    let value = text[colon + 1..].trim_ascii();
    let value_start = if value.is_empty() {
        line.end
    } else {
        line.start + colon + 1 + text[colon + 1..].iter().take_while(|b| b.is_ascii_whitespace()).count()
    };
    Field { name: span(line.start, line.start + name.len()), value: span(value_start, value_start + value.len()) }
}

/// Joins a folded line to the value of a field by one space. Source: RFC 9112, section 5.2.
fn unfold(message: &mut Message, index: usize, continued: Span) {
    let Some(field) = message.fields.get(index).copied() else {
        return;
    };
    let tail = message.text(continued).trim_ascii().to_vec();
    // Values that were joined stand behind the head; a fold over many lines is moved there once.
    let at = message.head.len();
    let is_last = field.value.end as usize == at && field.value.start as usize >= message.trailing_start();
    let start = if is_last { field.value.start as usize } else { at };
    if !is_last {
        message.head.extend_from_within(field.value.start as usize..field.value.end as usize);
    }
    if message.head.len() > start && !tail.is_empty() {
        message.head.push(b' ');
    }
    message.head.extend_from_slice(&tail);
    if let Some(field) = message.fields.get_mut(index) {
        field.value = span(start, message.head.len());
    }
}

trait Trailing {
    fn trailing_start(&self) -> usize;
}

impl Trailing for Message {
    /// Where bytes behind the captured head begin.
    fn trailing_start(&self) -> usize {
        usize::try_from(self.wire_bytes).unwrap_or(usize::MAX)
    }
}

/// NUL, CR alone and other control bytes. `crlf` and `lf_alone` are the line ends of the head: nearly always these are
/// all control bytes there are, and one pass of one comparison, which the compiler turns into vector instructions, says
/// so.
#[inline]
fn control_bytes(head: &[u8], crlf: u32, lf_alone: u32, anomalies: &mut AnomalySet) {
    // Counters of one byte, which blocks of this size cannot overflow.
    let controls: u32 =
        head.chunks(240).map(|block| u32::from(block.iter().map(|b| u8::from(*b < 0x20)).sum::<u8>())).sum();
    if controls != 2 * crlf + lf_alone {
        odd_control_bytes(head, crlf, anomalies);
    }
}

#[cold]
fn odd_control_bytes(head: &[u8], crlf: u32, anomalies: &mut AnomalySet) {
    let count = |test: fn(&u8) -> bool| head.iter().filter(|b| test(b)).count();
    if count(|b| *b == b'\r') != crlf as usize {
        anomalies.insert(Anomaly::BareCr);
    }
    if memchr(0, head).is_some() {
        anomalies.insert(Anomaly::Nul);
    } else if count(|b| *b < 0x20 && !matches!(*b, b'\r' | b'\n' | b'\t')) > 0 {
        anomalies.insert(Anomaly::BadHeader);
    }
}

/// Heads are bounded by a limit far below 4 GiB.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "see above")]
const fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

fn shift(of: Span, by: usize) -> Span {
    span(of.start as usize + by, of.end as usize + by)
}
