//! gzip and zstd around a capture file: found by their magic numbers, one layer only.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest window that a zstd file may ask for, as a power of two: what `zstd --long` and level 22 write. It is the
/// memory that such a file costs.
const WINDOW_LOG_MAX: u32 = 27;

/// Packed bytes read at once.
const PACKED_BYTES: usize = 64 * 1024;

/// What a file is packed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// gzip, any number of members.
    Gzip,
    /// zstd, any number of frames.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

impl Compression {
    /// What a stream that starts with `first` is packed with.
    ///
    /// Sources: RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1 and 3.1.2 (skippable frames may come first).
    pub(crate) fn of(first: &[u8]) -> Self {
        match first {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }

    /// A reader of what `rest` unpacks to, where `first` has been read from it already.
    ///
    /// # Errors
    /// The decoder cannot be set up.
    pub(crate) fn unpack(self, first: Vec<u8>, rest: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let packed = Cursor::new(first).chain(rest);
        Ok(match self {
            Self::None => Box::new(packed),
            Self::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(PACKED_BYTES, packed)))
            }
            Self::Zstd => {
                let packed = BufReader::with_capacity(PACKED_BYTES, packed);
                let mut decoder = zstd::stream::read::Decoder::with_buffer(packed)?;
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Box::new(decoder)
            }
        })
    }
}

/// Counts the bytes that pass, for whoever holds the other handle of `count`.
pub(crate) struct Counted<R> {
    pub inner: R,
    pub count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
