//! One file that is read: its bytes become lines.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use flate2::read::MultiGzDecoder;

use super::position::{HEAD_BYTES, Mark, Position, TAIL_BYTES};

/// Opens what is to be a file: a named pipe that nobody writes to, or a device, is refused and does not hold up anybody.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // Has no meaning for files.
    let at_once = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(at_once).open(path)?;
    let found = file.metadata()?;
    if found.is_file() { Ok((file, found)) } else { Err(io::Error::other("it is no regular file")) }
}

/// Longer lines are cut here; the rest of them is skipped, and they are counted.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// Bytes before the end of a file in which its last line begins, when reading starts there.
const LAST_LINE: u64 = 64 << 10;

/// A line without its end.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Its bytes, at most [`LINE_BYTES_MAX`].
    pub bytes: &'a [u8],
    /// The file: see [`super::Tailer::positions`].
    pub file: u64,
    /// The path under which the file is known.
    pub path: &'a str,
    /// Bytes of the file before it.
    pub offset: u64,
    /// Whether its rest was skipped.
    pub cut: bool,
    before: (&'a [u8], &'a [u8]),
}

impl Line<'_> {
    /// The place before this line.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark::behind(self.offset, self.before.0, self.before.1)
    }
}

/// Takes lines.
pub(super) type Take<'a> = &'a mut dyn FnMut(Line<'_>);

#[derive(Debug)]
enum Bytes {
    Plain(File),
    Packed(Box<MultiGzDecoder<BufReader<File>>>),
}

/// What a file is called by the file system, and how it looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub device: u64,
    pub inode: u64,
    pub length: u64,
    modified: (i64, i64),
    pub links: u64,
}

impl Facts {
    pub fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            links: found.nlink(),
        }
    }

    pub const fn key(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Nanoseconds since the Unix epoch of its last change.
    pub const fn modified(&self) -> i64 {
        self.modified.0.saturating_mul(1_000_000_000).saturating_add(self.modified.1)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Source {
    pub number: u64,
    /// The path under which it is known, and where it is now.
    pub label: String,
    pub path: PathBuf,
    bytes: Bytes,
    pub facts: Facts,
    /// How it looked when it was last compared.
    compared: Option<Facts>,
    /// Bytes that became lines, with those before them.
    offset: u64,
    tail: Vec<u8>,
    /// The beginning of a line that has no end yet, and how many bytes of it were skipped.
    held: Vec<u8>,
    skipped: u64,
    head: Vec<u8>,
    /// The last bytes that were read.
    recent: Vec<u8>,
    /// How long it was once, and when: see [`Self::aim`].
    goal: (u64, i64),
    /// Since when nothing came.
    pub quiet: Option<Instant>,
    pub at_end: bool,
    /// It is not what stands under its path any more.
    pub rotated: bool,
    /// It is a copy of another one, and read only when that one is emptied.
    pub waits: bool,
}

impl Source {
    /// A file that is read from its start.
    pub fn open(path: &Path, number: u64, label: String) -> io::Result<Self> {
        let (file, found) = open_regular(path)?;
        let facts = Facts::of(&found);
        let bytes = if is_packed(&file) {
            Bytes::Packed(Box::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Bytes::Plain(file)
        };
        Ok(Self {
            number,
            label,
            path: path.to_owned(),
            bytes,
            facts,
            compared: None,
            offset: 0,
            tail: Vec::new(),
            held: Vec::new(),
            skipped: 0,
            head: Vec::new(),
            recent: Vec::new(),
            goal: (0, 0),
            quiet: None,
            at_end: false,
            rotated: false,
            waits: false,
        })
    }

    pub const fn is_packed(&self) -> bool {
        matches!(self.bytes, Bytes::Packed(_))
    }

    /// Goes on where `position` says, if that is of this content. A packed file is unpacked up to there, and must be opened anew
    /// when that fails.
    pub fn resume(&mut self, position: &Position) -> bool {
        match &mut self.bytes {
            Bytes::Plain(file) => {
                let is_same = position.offset <= self.facts.length && position.is_of(file);
                is_same && self.skip_to(position.offset)
            }
            Bytes::Packed(_) => self.unpack_to(position),
        }
    }

    /// Goes on at a place, with the bytes before it from the file.
    fn skip_to(&mut self, offset: u64) -> bool {
        let Bytes::Plain(file) = &self.bytes else { return false };
        let read = |from: u64, length: u64| {
            let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
            file.read_exact_at(&mut bytes, from).ok().map(|()| bytes)
        };
        let tail = offset.min(TAIL_BYTES as u64);
        let (Some(head), Some(tail)) = (read(0, offset.min(HEAD_BYTES as u64)), read(offset - tail, tail)) else {
            return false;
        };
        (self.head, self.recent, self.tail, self.offset) = (head, tail.clone(), tail, offset);
        true
    }

    fn unpack_to(&mut self, position: &Position) -> bool {
        let mut left = position.offset;
        let mut chunk = vec![0; CHUNK];
        while left > 0 {
            let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            match self.fill(&mut chunk[..want]) {
                Ok(read) if read > 0 => {
                    self.remember(&chunk[..read]);
                    left -= read as u64;
                }
                _ => return false,
            }
        }
        self.offset = position.offset;
        self.tail.clone_from(&self.recent);
        let told = self.position();
        (told.tail_crc, told.tail_bytes) == (position.tail_crc, position.tail_bytes)
            && self.head.get(..position.head_bytes as usize).map(crc32c::crc32c) == Some(position.head_crc)
    }

    /// Goes on behind the last whole line that is there.
    pub fn begin_at_end(&mut self) {
        let Bytes::Plain(file) = &self.bytes else { return };
        let from = self.facts.length.saturating_sub(LAST_LINE);
        let mut bytes = vec![0; usize::try_from(self.facts.length - from).unwrap_or(0)];
        if file.read_exact_at(&mut bytes, from).is_ok() {
            let end = memchr::memrchr(b'\n', &bytes).map_or(self.facts.length, |at| from + at as u64 + 1);
            let start = if end == self.facts.length && bytes.last() != Some(&b'\n') && from == 0 { 0 } else { end };
            self.skip_to(start);
        }
    }

    /// How far it was read: everything before became lines.
    pub fn position(&self) -> Position {
        self.position_at(Mark::behind(self.offset, &self.tail, &[]))
    }

    /// How far it was read, were it up to `mark` only.
    pub fn position_at(&self, mark: Mark) -> Position {
        let head = &self.head[..self.head.len().min(usize::try_from(mark.offset).unwrap_or(HEAD_BYTES))];
        Position {
            path: self.label.clone(),
            device: self.facts.device,
            inode: self.facts.inode,
            offset: mark.offset,
            // At most HEAD_BYTES.
            head_bytes: head.len() as u32,
            head_crc: crc32c::crc32c(head),
            tail_bytes: mark.tail_bytes,
            tail_crc: mark.tail_crc,
            ended: self.is_packed() && self.at_end,
            pattern: String::new(),
        }
    }

    const fn read_up_to(&self) -> u64 {
        self.offset + self.held.len() as u64 + self.skipped
    }

    /// Bytes that are there and were not read.
    pub const fn behind(&self) -> u64 {
        match self.bytes {
            Bytes::Plain(_) => self.facts.length.saturating_sub(self.offset),
            Bytes::Packed(_) => 0,
        }
    }

    /// Notes how long it is now, once all is read that was there when this was noted last.
    pub const fn aim(&mut self, now: i64) {
        if self.read_up_to() >= self.goal.0 {
            self.goal = (self.facts.length, now);
        }
    }

    /// Since when bytes wait that were not read: not before they were there, and known only as often as reading catches up.
    pub const fn waits_since(&self) -> Option<i64> {
        match self.bytes {
            Bytes::Plain(_) if self.read_up_to() < self.goal.0 => Some(self.goal.1),
            _ => None,
        }
    }

    /// Looks at the file itself. `true` when it is not the one any more that was read: emptied, or written anew.
    pub fn look(&mut self) -> bool {
        let Bytes::Plain(file) = &self.bytes else { return false };
        let Ok(found) = file.metadata() else { return false };
        self.facts = Facts::of(&found);
        let read = self.read_up_to();
        if self.facts.length < read {
            return true;
        }
        let unchanged = self.compared == Some(self.facts) && self.facts.length == read;
        self.compared = Some(self.facts);
        let is_same = || holds(file, read - self.recent.len() as u64, &self.recent) && holds(file, 0, &self.head);
        !unchanged && !is_same()
    }

    /// Begins anew at the start: the file was emptied.
    pub fn restart(&mut self) {
        (self.offset, self.skipped, self.compared, self.goal) = (0, 0, None, (0, 0));
        self.held.clear();
        self.tail.clear();
        self.head.clear();
        self.recent.clear();
    }

    fn fill(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let at = self.read_up_to();
        match &mut self.bytes {
            Bytes::Plain(file) => file.read_at(into, at),
            Bytes::Packed(decoder) => decoder.read(into),
        }
    }

    /// Reads up to about `budget` bytes; gives how many.
    ///
    /// # Errors
    /// The system, or a packed file that is damaged: what came before is fine.
    pub fn read(&mut self, budget: usize, take: Take<'_>) -> io::Result<usize> {
        let (mut all, mut chunk) = (0, vec![0; CHUNK]);
        while all < budget {
            let read = match self.fill(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.at_end = true;
                    return Err(error);
                }
            };
            self.at_end = read == 0;
            if read == 0 {
                self.quiet.get_or_insert_with(Instant::now);
                break;
            }
            self.quiet = None;
            self.eat(&chunk[..read], take);
            all += read;
        }
        Ok(all)
    }

    fn eat(&mut self, bytes: &[u8], take: Take<'_>) {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', bytes) {
            self.line(&bytes[start..end], &bytes[..start], take);
            self.offset += 1;
            start = end + 1;
        }
        if start > 0 {
            self.tail = last_of(&self.recent, &bytes[..start]);
        }
        self.hold(&bytes[start..]);
        self.remember(bytes);
    }

    /// A line ends with `rest`, which stands behind `before` in its chunk.
    fn line(&mut self, rest: &[u8], before: &[u8], take: Take<'_>) {
        let began_here = self.held.is_empty() && self.skipped == 0;
        let length = self.held.len() as u64 + self.skipped + rest.len() as u64;
        if !began_here {
            self.hold(rest);
        }
        let bytes = if began_here { &rest[..rest.len().min(LINE_BYTES_MAX)] } else { &self.held };
        let cut = length > LINE_BYTES_MAX as u64;
        take(Line {
            bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
            file: self.number,
            path: &self.label,
            offset: self.offset,
            cut,
            before: if began_here { (&self.recent, before) } else { (&self.tail, &[]) },
        });
        self.offset += length;
        (self.skipped, _) = (0, self.held.clear());
    }

    fn hold(&mut self, bytes: &[u8]) {
        let room = LINE_BYTES_MAX.saturating_sub(self.held.len()).min(bytes.len());
        self.held.extend_from_slice(&bytes[..room]);
        self.skipped += (bytes.len() - room) as u64;
    }

    fn remember(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.recent = last_of(&self.recent, bytes);
    }

    /// A last line that has no end becomes one: nothing more comes.
    pub fn finish_line(&mut self, take: Take<'_>) {
        if !self.held.is_empty() {
            // All of it is held: it is no part of a chunk.
            self.line(&[], &[], take);
            self.tail.clone_from(&self.recent);
        }
    }
}

/// The last bytes of both together.
fn last_of(before: &[u8], more: &[u8]) -> Vec<u8> {
    let more = &more[more.len().saturating_sub(TAIL_BYTES)..];
    [&before[before.len().saturating_sub(TAIL_BYTES - more.len())..], more].concat()
}

/// Whether a file has these bytes there.
fn holds(file: &File, offset: u64, bytes: &[u8]) -> bool {
    let mut found = vec![0; bytes.len()];
    file.read_exact_at(&mut found, offset).is_ok() && found == bytes
}

fn is_packed(file: &File) -> bool {
    let mut magic = [0; 2];
    file.read_exact_at(&mut magic, 0).is_ok() && magic == [0x1f, 0x8b]
}
