//! Several files read as one, remembering which of them each fault belongs to.

use arachne_capture::{CaptureError, JoinedReader, Packet, PacketSource};

/// A joined reader and the files of its faults.
pub struct Joined {
    reader: JoinedReader,
    /// The last answer was a fault, whose file is still to be asked for.
    failed: bool,
    faults: Vec<usize>,
}

impl Joined {
    /// Reads `reader`.
    pub const fn new(reader: JoinedReader) -> Self {
        Self { reader, failed: false, faults: Vec::new() }
    }

    /// The reader, and for each fault in order the number of its file.
    pub fn finish(mut self) -> (JoinedReader, Vec<usize>) {
        self.note();
        (self.reader, self.faults)
    }

    fn note(&mut self) {
        if std::mem::take(&mut self.failed) {
            self.faults.push(self.reader.file());
        }
    }
}

impl PacketSource for Joined {
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        self.note();
        let next = self.reader.next_packet();
        self.failed = next.is_err();
        next
    }

    fn is_buffered(&self) -> bool {
        PacketSource::is_buffered(&self.reader)
    }

    fn bytes_read(&self) -> u64 {
        PacketSource::bytes_read(&self.reader)
    }
}
