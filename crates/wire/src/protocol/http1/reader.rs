//! One direction of HTTP/1.x: cuts the byte stream into heads, bodies, chunks and trailers, and finds the next message
//! again after a gap or broken framing.

use arachne_model::{Anomaly, AnomalySet, Limits, StartLine};
use memchr::memchr;

use super::framing::Length;
use super::head::{self, Head, Parsed, Role};
use super::{METHODS, is_version};

/// A chunk-size line longer than this is broken. Extensions are rare and short.
const CHUNK_LINE_MAX: usize = 4096;

/// A start line longer than this is not looked for after a loss of sync.
const RESYNC_LINE_MAX: usize = 8192;

/// A header name longer than this does not tell that the line before it is a request line.
const NAME_MAX: usize = 256;

/// Where a direction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Before or inside a head.
    Start,
    /// So many body bytes follow.
    Body(u64),
    /// The body ends with the connection.
    UntilClose,
    /// At or inside a chunk-size line.
    ChunkLine,
    /// So many bytes of the chunk follow.
    Chunk(u64),
    /// At the line end behind a chunk.
    ChunkEnd,
    /// Inside the trailers.
    Trailers,
    /// Sync is lost: lines are searched for a start line.
    Resync,
    /// Not HTTP any more.
    Opaque,
}

/// What a step found.
#[derive(Debug)]
pub enum Event<'a> {
    /// More bytes are needed.
    Nothing,
    /// A head. The reader waits for [`Reader::expect`].
    Head(Box<Head>),
    /// Body bytes after de-chunking; `last`: they end the message.
    Body {
        /// The bytes.
        bytes: &'a [u8],
        /// Whether the message is complete.
        last: bool,
    },
    /// Trailer lines with their empty line; the message is complete.
    Trailers(Vec<u8>),
    /// The framing broke inside a message.
    Broken,
    /// Bytes between messages that are no message.
    Garbage,
    /// Bytes of another protocol.
    Opaque(&'a [u8]),
}

/// The reader of one direction.
#[derive(Debug)]
pub struct Reader {
    /// Where it stands.
    pub state: State,
    /// Oddities since they were last taken.
    pub anomalies: AnomalySet,
    role: Role,
    buffer: Vec<u8>,
    scanned: usize,
    /// The message in progress was found by the search.
    found: bool,
    /// What is held is known to begin a message.
    sure: bool,
    /// One past the first line of what is held, 0 before it is there.
    line_end: usize,
    /// What is held is no HTTP/0.9 request.
    full: bool,
    at_line_start: bool,
    head_max: usize,
    fields_max: usize,
}

impl Reader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(role: Role, limits: &Limits) -> Self {
        Self {
            state: State::Start,
            anomalies: AnomalySet::EMPTY,
            role,
            buffer: Vec::new(),
            scanned: 0,
            found: false,
            sure: false,
            line_end: 0,
            full: false,
            at_line_start: true,
            head_max: limits.head_bytes_max,
            fields_max: limits.head_fields_max,
        }
    }

    /// Memory held.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether a start line or head is held in part.
    #[must_use]
    pub fn has_partial(&self) -> bool {
        !self.buffer.is_empty() && matches!(self.state, State::Start | State::Resync)
    }

    /// Bytes of a start line or head that are held.
    #[inline]
    #[must_use]
    pub fn partial_bytes(&self) -> usize {
        if self.has_partial() { self.buffer.len() } else { 0 }
    }

    /// Whether nothing of a message was seen since the last one.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.state == State::Start && self.buffer.is_empty()
    }

    /// How the body of the head that was just read ends. False: there is no body, the message is complete.
    pub fn expect(&mut self, length: Length) -> bool {
        self.state = match length {
            Length::Known(0) | Length::Unstated => State::Start,
            Length::Known(n) => State::Body(n),
            Length::Chunked => State::ChunkLine,
            Length::Unknowable => State::Resync,
        };
        self.at_line_start = true;
        !matches!(self.state, State::Start | State::Resync)
    }

    /// The partial head that is held, as far as it goes.
    pub fn take_partial(&mut self) -> Option<Box<Head>> {
        if self.state != State::Start || self.buffer.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.buffer);
        match head::parse(self.role, &bytes, self.fields_max, true) {
            Parsed::Done(head, _) => Some(head),
            Parsed::Partial => None,
        }
    }

    /// What is held, where it turns out to be no head.
    pub fn take_held(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// Sync is lost.
    pub fn lose_sync(&mut self) {
        self.buffer.clear();
        self.at_line_start = true;
        self.state = State::Resync;
    }

    /// Takes bytes from the front of `bytes`; gives how many and what they are.
    #[inline]
    pub fn step<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        match self.state {
            State::Start => self.start(bytes),
            State::Body(left) => {
                let (take, left) = split(left, bytes);
                self.state = if left == 0 { State::Start } else { State::Body(left) };
                (take, Event::Body { bytes: &bytes[..take], last: left == 0 })
            }
            State::UntilClose => (bytes.len(), Event::Body { bytes, last: false }),
            State::ChunkLine => self.chunk_line(bytes),
            State::Chunk(left) => {
                let (take, left) = split(left, bytes);
                self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                (take, Event::Body { bytes: &bytes[..take], last: false })
            }
            State::ChunkEnd => self.chunk_end(bytes),
            State::Trailers => self.trailers(bytes),
            State::Resync => self.resync(bytes),
            State::Opaque => (bytes.len(), Event::Opaque(bytes)),
        }
    }

    fn start<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        if !self.buffer.is_empty() {
            return self.start_buffered(bytes);
        }
        let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        if blank > 0 {
            return (blank, Event::Nothing);
        }
        let begins = begins(self.role, bytes);
        if begins == Some(false) {
            self.lose_sync();
            return (0, Event::Garbage);
        }
        match head::parse(self.role, bytes, self.fields_max, false) {
            Parsed::Done(head, length) if length <= self.head_max => (length, self.accept(head)),
            Parsed::Done(..) | Parsed::Partial => {
                let take = bytes.len().min(self.head_max);
                self.buffer.extend_from_slice(&bytes[..take]);
                self.look_anew();
                self.sure = begins.is_some();
                if self.buffer.len() >= self.head_max { (take, self.too_large()) } else { (take, Event::Nothing) }
            }
        }
    }

    /// Without a known method and a version only header lines tell that a request is meant.
    fn accept<'a>(&mut self, mut head: Box<Head>) -> Event<'a> {
        if let StartLine::Request { method, version, .. } = head.message.start_line {
            let known = METHODS.iter().any(|m| m.trim_ascii_end() == head.message.text(method));
            if std::mem::take(&mut self.found) && !known {
                // The end of what was lost may stand before the method.
                head.anomalies.insert(Anomaly::Ambiguous);
            }
            if !known && head.message.text(version).is_empty() {
                if head.message.fields.is_empty() {
                    self.lose_sync();
                    return Event::Garbage;
                }
                head.anomalies.insert(Anomaly::Ambiguous);
            }
        }
        Event::Head(head)
    }

    /// Nothing is known of what is held.
    fn look_anew(&mut self) {
        self.scanned = 0;
        self.sure = false;
        self.line_end = 0;
        self.full = false;
    }

    fn start_buffered<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        let before = self.buffer.len();
        let room = self.head_max.saturating_sub(before).min(bytes.len());
        self.buffer.extend_from_slice(&bytes[..room]);
        if !self.sure {
            let begins = begins(self.role, &self.buffer);
            if begins == Some(false) {
                // The search takes over with what was held before.
                self.buffer.truncate(before);
                self.state = State::Resync;
                return (0, Event::Garbage);
            }
            self.sure = begins.is_some();
        }
        let end = self.head_end().or_else(|| self.simple_end());
        self.scanned = self.buffer.len().saturating_sub(2);
        let parsed = end.map(|end| head::parse(self.role, &self.buffer[..end], self.fields_max, false));
        match parsed {
            Some(Parsed::Done(head, length)) if length < before => {
                // What was held holds the beginning of the next message too.
                self.buffer.truncate(before);
                self.buffer.drain(..length);
                self.look_anew();
                (0, self.accept(head))
            }
            Some(Parsed::Done(head, length)) => {
                self.buffer.clear();
                (length - before, self.accept(head))
            }
            _ if self.buffer.len() >= self.head_max => (room, self.too_large()),
            _ => (room, Event::Nothing),
        }
    }

    /// One past the empty line that ends the head, looked for behind what was looked at before.
    fn head_end(&self) -> Option<usize> {
        let mut at = self.scanned;
        loop {
            let lf = at + memchr(b'\n', self.buffer.get(at..)?)?;
            match self.buffer.get(lf + 1..)? {
                [b'\n', ..] => return Some(lf + 2),
                [b'\r', b'\n', ..] => return Some(lf + 3),
                _ => at = lf + 1,
            }
        }
    }

    /// The end of an HTTP/0.9 request, which is no empty line: anything behind its only line that is no header.
    ///
    /// Each byte is looked at once, however small the pieces.
    fn simple_end(&mut self) -> Option<usize> {
        if self.full || self.role != Role::Request || !self.buffer.starts_with(b"GET") {
            return None;
        }
        if self.line_end == 0 {
            self.line_end = self.scanned + memchr(b'\n', self.buffer.get(self.scanned..)?)? + 1;
            self.full = !is_simple_line(&self.buffer[..self.line_end]);
        }
        let behind = self.buffer.get(self.line_end.max(self.scanned)..)?;
        let byte = behind.iter().find(|b| !head::is_token(**b))?;
        self.full |= matches!(byte, b':' | b'\r' | b'\n');
        (!self.full).then_some(self.buffer.len())
    }

    /// Whether all that is held is the line of an HTTP/0.9 request, which only the answer completes.
    pub fn take_simple(&mut self) -> Option<Box<Head>> {
        let line = self.buffer.strip_suffix(b"\n")?;
        if self.state != State::Start || self.role != Role::Request || memchr(b'\n', line).is_some() {
            return None;
        }
        let bytes = std::mem::take(&mut self.buffer);
        match head::parse(self.role, &bytes, self.fields_max, true) {
            Parsed::Done(head, _) => Some(head),
            Parsed::Partial => None,
        }
    }

    /// The head is read as far as the limit; what follows is searched for the next message.
    fn too_large<'a>(&mut self) -> Event<'a> {
        let bytes = std::mem::take(&mut self.buffer);
        self.lose_sync();
        self.at_line_start = bytes.last() == Some(&b'\n');
        match head::parse(self.role, &bytes, self.fields_max, true) {
            Parsed::Done(mut head, _) => {
                head.anomalies.insert(Anomaly::HeaderTooLarge);
                head.framing.length = Length::Unknowable;
                Event::Head(head)
            }
            Parsed::Partial => Event::Garbage,
        }
    }

    fn chunk_line<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        let room = CHUNK_LINE_MAX.saturating_sub(self.buffer.len());
        let lf = memchr(b'\n', &bytes[..bytes.len().min(room + 1)]);
        let Some(lf) = lf else {
            if bytes.len() > room {
                let broken = self.broken_chunk(room + 1);
                self.at_line_start = false;
                return broken;
            }
            self.buffer.extend_from_slice(bytes);
            return (bytes.len(), Event::Nothing);
        };
        let size = if self.buffer.is_empty() {
            chunk_size(&bytes[..lf], &mut self.anomalies)
        } else {
            self.buffer.extend_from_slice(&bytes[..lf]);
            chunk_size(&self.buffer, &mut self.anomalies)
        };
        self.buffer.clear();
        match size {
            Some(0) => self.state = State::Trailers,
            Some(n) => self.state = State::Chunk(n),
            None => return self.broken_chunk(lf + 1),
        }
        (lf + 1, Event::Nothing)
    }

    fn broken_chunk<'a>(&mut self, consumed: usize) -> (usize, Event<'a>) {
        self.anomalies.insert(Anomaly::BadChunk);
        self.lose_sync();
        (consumed, Event::Broken)
    }

    fn chunk_end<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        let after_cr = !self.buffer.is_empty();
        match bytes[0] {
            b'\n' => {
                if !after_cr {
                    self.anomalies.insert(Anomaly::BareLf);
                }
                self.buffer.clear();
                self.state = State::ChunkLine;
                (1, Event::Nothing)
            }
            b'\r' if !after_cr => {
                self.buffer.push(b'\r');
                (1, Event::Nothing)
            }
            _ => self.broken_chunk(0),
        }
    }

    fn trailers<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        // Nearly always the empty line alone, at once.
        if self.buffer.is_empty() && bytes.starts_with(b"\r\n") {
            self.state = State::Start;
            return (2, Event::Body { bytes: &[], last: true });
        }
        for (at, byte) in bytes.iter().enumerate() {
            self.buffer.push(*byte);
            let done = *byte == b'\n' && {
                let line = &self.buffer[..self.buffer.len() - 1];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                line.is_empty() || line.ends_with(b"\n")
            };
            if done {
                self.state = State::Start;
                return (at + 1, Event::Trailers(std::mem::take(&mut self.buffer)));
            }
            if self.buffer.len() > self.head_max {
                self.anomalies.insert(Anomaly::HeaderTooLarge);
                return self.broken_chunk(at + 1);
            }
        }
        (bytes.len(), Event::Nothing)
    }

    /// Looks at each line start for a start line. A candidate that is not whole yet is kept.
    fn resync<'a>(&mut self, bytes: &'a [u8]) -> (usize, Event<'a>) {
        if self.buffer.is_empty() {
            let (at, found) = search(self.role, bytes, self.at_line_start);
            return match found {
                Found::Start => {
                    self.state = State::Start;
                    self.found = true;
                    (at, Event::Nothing)
                }
                Found::Maybe => {
                    self.buffer.extend_from_slice(&bytes[at..]);
                    (bytes.len(), Event::Nothing)
                }
                Found::No => {
                    self.at_line_start = bytes.last() == Some(&b'\n');
                    (bytes.len(), Event::Nothing)
                }
            };
        }
        // The candidate began in an earlier chunk: it is completed up to its line end and judged again.
        let take = memchr(b'\n', bytes).map_or(bytes.len(), |lf| lf + 1);
        self.buffer.extend_from_slice(&bytes[..take]);
        match search(self.role, &self.buffer, true) {
            (at, Found::Start) => {
                self.buffer.drain(..at);
                self.state = State::Start;
                self.found = true;
                self.look_anew();
            }
            (at, Found::Maybe) => drop(self.buffer.drain(..at)),
            (_, Found::No) => {
                self.at_line_start = self.buffer.last() == Some(&b'\n');
                self.buffer.clear();
            }
        }
        (take, Event::Nothing)
    }
}

/// Takes up to `left` of `bytes`: how many, and what is left then.
#[inline]
fn split(left: u64, bytes: &[u8]) -> (usize, u64) {
    let take = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (take, left - take as u64)
}

/// Hexadecimal digits, then nothing or an extension. Source: RFC 9112, section 7.1.
fn chunk_size(line: &[u8], anomalies: &mut AnomalySet) -> Option<u64> {
    let line = line.strip_suffix(b"\r").unwrap_or_else(|| {
        anomalies.insert(Anomaly::BareLf);
        line
    });
    let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    // Old senders pad the size with blanks: common and harmless.
    let behind = line[digits..].trim_ascii_start();
    if digits == 0 || digits > 16 || !(behind.is_empty() || behind[0] == b';') {
        return None;
    }
    let size = line[..digits]
        .iter()
        .try_fold(0_u64, |n, digit| Some(n.checked_mul(16)? + u64::from(char::from(*digit).to_digit(16)?)))?;
    (size < 1 << 60).then_some(size)
}

/// Whether a message may begin with `bytes`.
fn may_start(role: Role, bytes: &[u8]) -> bool {
    let may_be = |magic: &[u8]| bytes.starts_with(magic) || magic.starts_with(bytes);
    match role {
        Role::Response => may_be(b"HTTP/"),
        Role::Request => {
            let token = bytes.iter().take(super::METHOD_MAX + 1).take_while(|b| head::is_token(**b)).count();
            METHODS.iter().any(|m| may_be(m))
                || token > 0 && token <= super::METHOD_MAX && matches!(bytes.get(token), None | Some(b' ' | b'\t'))
        }
    }
}

/// Whether the line alone is a request of HTTP/0.9.
fn is_simple_line(line: &[u8]) -> bool {
    let Parsed::Done(head, _) = head::parse(Role::Request, line, 1, true) else { return false };
    matches!(head.message.start_line, StartLine::Request { method, version, .. }
        if head.message.text(method) == b"GET" && head.message.text(version).is_empty())
}

/// Whether a message begins with `bytes`; `None` while more bytes decide. More bytes never change an answer, so that any
/// chunking gives the same messages.
fn begins(role: Role, bytes: &[u8]) -> Option<bool> {
    match role {
        Role::Response => {
            let magic = b"HTTP/";
            let common = bytes.len().min(magic.len());
            if bytes[..common] != magic[..common] { Some(false) } else { (common == magic.len()).then_some(true) }
        }
        Role::Request => {
            let token = bytes.iter().take(super::METHOD_MAX + 1).take_while(|b| head::is_token(**b)).count();
            match bytes.get(token) {
                None if token <= super::METHOD_MAX => None,
                Some(b' ' | b'\t') if token > 0 && token <= super::METHOD_MAX => Some(true),
                _ => begins_garbled(bytes),
            }
        }
    }
}

/// Whether a request with a broken first line begins here: text, then a header line. Such a line is told by what
/// follows it, so it is looked at only where the connection is known to speak HTTP.
fn begins_garbled(bytes: &[u8]) -> Option<bool> {
    let text = |b: &u8| *b >= 0x20 || matches!(b, b'\t' | b'\r');
    let Some(lf) = memchr(b'\n', &bytes[..bytes.len().min(RESYNC_LINE_MAX + 1)]) else {
        return (bytes.len() > RESYNC_LINE_MAX || !bytes.iter().all(text)).then_some(false);
    };
    if !bytes[..lf].iter().all(text) {
        return Some(false);
    }
    let next = &bytes[lf + 1..];
    let name = next.iter().take(NAME_MAX + 1).take_while(|b| head::is_token(**b)).count();
    match next.get(name) {
        None if name <= NAME_MAX => None,
        byte => Some(name > 0 && byte == Some(&b':')),
    }
}

enum Found {
    Start,
    Maybe,
    No,
}

/// The first line of `bytes` that is a start line.
fn search(role: Role, bytes: &[u8], at_line_start: bool) -> (usize, Found) {
    let mut at = if at_line_start {
        0
    } else {
        match memchr(b'\n', bytes) {
            Some(lf) => lf + 1,
            None => return (0, Found::No),
        }
    };
    while at < bytes.len() {
        match start_line_at(role, &bytes[at..]) {
            Found::No => {}
            found => return (at, found),
        }
        match memchr(b'\n', &bytes[at..]) {
            Some(lf) => at += lf + 1,
            None => break,
        }
    }
    (at, Found::No)
}

fn start_line_at(role: Role, bytes: &[u8]) -> Found {
    if !may_start(role, bytes) {
        return Found::No;
    }
    let Some(lf) = memchr(b'\n', &bytes[..bytes.len().min(RESYNC_LINE_MAX)]) else {
        return if bytes.len() < RESYNC_LINE_MAX { Found::Maybe } else { Found::No };
    };
    let line = bytes[..lf].strip_suffix(b"\r").unwrap_or(&bytes[..lf]);
    let words = line.iter().filter(|b| **b == b' ').count();
    let good = match role {
        Role::Request => words == 2 && line.rsplit(|b| *b == b' ').next().is_some_and(is_version),
        Role::Response => {
            line.get(..8).is_some_and(is_version)
                && line.get(8) == Some(&b' ')
                && line.get(9..12).is_some_and(|status| status.iter().all(u8::is_ascii_digit))
        }
    };
    if good { Found::Start } else { Found::No }
}
