//! Several files read as one, such as a set that the capturing program rotated.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;

use arachne_model::UnixNanos;

use crate::error::CaptureError;
use crate::packet::{Found, Packet, PacketSource};
use crate::reader::{CaptureReader, ReadOptions, open};
use crate::summary::FileSummary;

enum State {
    /// Not needed yet; its first packet is known to be later.
    Waiting(PathBuf),
    Open(Box<CaptureReader>),
    /// What is left when it is closed.
    Closed(Option<Box<FileSummary>>),
}

struct File {
    state: State,
    /// The packet that is next.
    head: Option<Found>,
    /// Bytes read by readers that are closed.
    bytes_read: u64,
}

/// Merges the packets of several files by time: the earliest of the next packets comes first, at equal times that of
/// the file that was named first. The order inside a file is kept, also where its time steps back.
///
/// A damaged file ends alone: its error comes once from [`Self::next_packet`], [`Self::file`] tells which it was, and
/// the others go on.
pub struct JoinedReader {
    files: Vec<File>,
    /// Time of the next packet (or the first, for files that wait) and file.
    queue: BinaryHeap<Reverse<(UnixNanos, usize)>>,
    /// The file whose packet was handed out and has to move on.
    used: Option<usize>,
    /// The file of the last packet or error.
    file: usize,
    options: ReadOptions,
}

impl JoinedReader {
    /// Merges readers, all of which stay open until their end.
    #[must_use]
    pub fn new(readers: Vec<CaptureReader>) -> Self {
        let states = readers.into_iter().map(|reader| (State::Open(Box::new(reader)), UnixNanos(i64::MIN)));
        Self::with_states(states, ReadOptions::default())
    }

    /// Merges files. Looks at the first packet of each and opens it for good only when its time has come, so that a
    /// long rotated set costs the memory and the descriptors of those that overlap.
    ///
    /// Files that cannot be opened or hold no packet report so at the first packets.
    #[must_use]
    pub fn open(paths: impl IntoIterator<Item = PathBuf>, options: &ReadOptions) -> Self {
        let states = paths.into_iter().map(|path| {
            let first = first_timestamp(&path, options);
            (State::Waiting(path), first)
        });
        Self::with_states(states, options.clone())
    }

    fn with_states(states: impl Iterator<Item = (State, UnixNanos)>, options: ReadOptions) -> Self {
        let (mut files, mut queue) = (Vec::new(), BinaryHeap::new());
        for (number, (state, first)) in states.enumerate() {
            files.push(File { state, head: None, bytes_read: 0 });
            queue.push(Reverse((first, number)));
        }
        Self { files, queue, used: None, file: 0, options }
    }

    /// The next packet in time, or `None` at the end of all files.
    ///
    /// # Errors
    /// What is wrong with one of the files, once for each; ask on until `None`.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if let Some(file) = self.used.take() {
            self.advance(file)?;
        }
        while let Some(Reverse((_, file))) = self.queue.pop() {
            if self.files[file].head.is_some() {
                self.used = Some(file);
                break;
            }
            self.begin(file)?;
        }
        Ok(self.used.and_then(|file| self.take(file)))
    }

    /// The number of the file that the last packet or error came from, in the order in which they were given, from 0.
    #[must_use]
    pub const fn file(&self) -> usize {
        self.file
    }

    /// What each file turned out to hold so far; `None` for files that are not open yet or could not be opened.
    pub fn summaries(&self) -> impl Iterator<Item = Option<&FileSummary>> {
        self.files.iter().map(|file| match &file.state {
            State::Waiting(_) => None,
            State::Open(reader) => Some(reader.summary()),
            State::Closed(summary) => summary.as_deref(),
        })
    }

    fn take(&mut self, file: usize) -> Option<Packet<'_>> {
        self.file = file;
        let entry = &mut self.files[file];
        let found = entry.head.take()?;
        match &entry.state {
            State::Open(reader) => Some(reader.packet(&found)),
            State::Waiting(_) | State::Closed(_) => None,
        }
    }

    /// Opens a file whose time has come and looks for its next packet.
    fn begin(&mut self, file: usize) -> Result<(), CaptureError> {
        if let State::Waiting(path) = &self.files[file].state {
            let opened = open(path, &self.options);
            self.files[file].state = match opened {
                Ok(reader) => State::Open(Box::new(reader)),
                Err(error) => {
                    self.file = file;
                    self.files[file].state = State::Closed(None);
                    return Err(error);
                }
            };
        }
        self.advance(file)
    }

    fn advance(&mut self, file: usize) -> Result<(), CaptureError> {
        let entry = &mut self.files[file];
        let State::Open(reader) = &mut entry.state else { return Ok(()) };
        let found = reader.advance();
        if let Ok(Some(found)) = found {
            entry.head = Some(found);
            self.queue.push(Reverse((found.timestamp, file)));
            return Ok(());
        }
        entry.bytes_read = reader.bytes_read();
        entry.state = State::Closed(Some(Box::new(reader.summary().clone())));
        found.map(|_| ()).inspect_err(|_| self.file = file)
    }
}

impl PacketSource for JoinedReader {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        Self::next_packet(self)
    }

    fn is_buffered(&self) -> bool {
        let buffered = |file: &File| match &file.state {
            State::Open(reader) => reader.is_buffered(),
            State::Waiting(_) | State::Closed(_) => false,
        };
        self.used.map_or(!self.queue.is_empty(), |file| buffered(&self.files[file]))
    }

    fn bytes_read(&self) -> u64 {
        let bytes = |file: &File| match &file.state {
            State::Open(reader) => reader.bytes_read(),
            State::Waiting(_) | State::Closed(_) => file.bytes_read,
        };
        self.files.iter().map(bytes).sum()
    }
}

/// The time of the first packet. The earliest of all for a file without one, or with a fault: that is reported when
/// the file is opened for good, which is then at once.
fn first_timestamp(path: &std::path::Path, options: &ReadOptions) -> UnixNanos {
    let first = open(path, options).and_then(|mut reader| reader.advance());
    first.ok().flatten().map_or(UnixNanos(i64::MIN), |found| found.timestamp)
}
