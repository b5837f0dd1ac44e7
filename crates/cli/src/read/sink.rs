//! Takes what the engine finds: records to the output, bytes of streams to hashes and files.

use std::io::{self, Write};
use std::ops::ControlFlow;

use arachne_capture::PipelineSink;
use arachne_model::{Anomaly, AnomalySet, Exchange, TcpSession};
use arachne_wire::Sink;

use super::findings::GivenUp;
use crate::interrupt::Interrupt;
use crate::output::{Output, SourceLabel};
use crate::progress::Progress;
use crate::stream_files::StreamFiles;
use crate::stream_hashes::StreamHashes;
use arachne_capture::rows::all_anomalies;

/// Output is written when this much has come together, and whenever the reader has to wait.
const BUFFER_BYTES: usize = 128 * 1024;

/// A sink that knows what was given up.
pub trait SourceSink: PipelineSink {
    /// What was given up for the sake of memory since the source began.
    fn given_up(&self) -> GivenUp;
}

/// Why the run should end before the input does.
#[derive(Debug)]
pub enum Stop {
    /// Nobody reads standard output any more: quiet success.
    ReaderGone,
    /// Output could not be written.
    Failed(anyhow::Error),
}

/// What is left when all sources were read.
#[derive(Debug)]
pub struct Outcome {
    /// Flags of all exchanges and sessions.
    pub anomalies: AnomalySet,
    /// Stream hashes, in order, where they were asked for.
    pub hashes: Option<StreamHashes>,
    /// Why the run ended early.
    pub stop: Option<Stop>,
}

/// The sink of `arachne read`; see the module. Keeps nothing of a record but its flags.
pub struct ReadSink {
    output: Box<dyn Output>,
    stdout: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    hashes: Option<StreamHashes>,
    files: Option<StreamFiles>,
    progress: Progress,
    anomalies: AnomalySet,
    given_up: GivenUp,
    interrupt: Interrupt,
    stop: Option<Stop>,
}

impl std::fmt::Debug for ReadSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReadSink")
            .field("buffered", &self.buffer.len())
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl ReadSink {
    /// A sink that writes `output` to `stdout`.
    #[must_use]
    pub fn new(output: Box<dyn Output>, stdout: Box<dyn Write + Send>) -> Self {
        Self {
            output,
            stdout,
            buffer: Vec::with_capacity(2 * BUFFER_BYTES),
            hashes: None,
            files: None,
            progress: Progress::hidden(),
            anomalies: AnomalySet::EMPTY,
            given_up: GivenUp::default(),
            interrupt: Interrupt::default(),
            stop: None,
        }
    }

    /// Streams are hashed.
    pub fn set_stream_hashes(&mut self, hashes: StreamHashes) {
        self.hashes = Some(hashes);
    }

    /// Streams are written to files.
    pub fn set_stream_files(&mut self, files: StreamFiles) {
        self.files = Some(files);
    }

    /// The bar of the source that is read now.
    pub fn set_progress(&mut self, progress: Progress) {
        self.progress = progress;
    }

    /// What ends the source that is read now before its end; one that is never set where the input itself ends then.
    pub fn set_interrupt(&mut self, interrupt: Interrupt) {
        self.interrupt = interrupt;
    }

    /// Call after each chunk of input, before waiting for more: `bytes_read` of the source were read so far, as stored.
    /// What was found is written out. `Break` means that nobody wants the rest.
    pub fn progress(&mut self, bytes_read: u64) -> ControlFlow<()> {
        self.progress.at(bytes_read);
        self.write_out();
        let over = self.stopped() || self.interrupt.is_set();
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Whether output has failed, so that reading on makes no sense.
    #[must_use]
    pub const fn stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// Records of another source follow.
    pub fn begin_source(&mut self, label: &SourceLabel<'_>) {
        self.output.begin_source(label, &mut self.buffer);
        self.given_up = GivenUp::default();
        if let Some(hashes) = &mut self.hashes {
            hashes.begin_source(label);
        }
        if let Some(files) = &mut self.files {
            let begun = files.begin_source(label.among_many.then_some(label.number));
            self.note(begun);
        }
    }

    /// The source has ended: its rows are written before anything is said about it.
    pub fn end_source(&mut self) {
        self.progress.finish();
        self.progress = Progress::hidden();
        self.write_out();
    }

    /// Ends the output.
    #[must_use]
    pub fn finish(mut self) -> Outcome {
        self.output.finish(&mut self.buffer);
        if let Some(files) = &mut self.files {
            let finished = files.finish();
            self.note(finished);
        }
        self.write_out();
        if let Some(hashes) = &mut self.hashes {
            hashes.sort();
        }
        Outcome { anomalies: self.anomalies, hashes: self.hashes, stop: self.stop }
    }

    fn write_if_full(&mut self) {
        if self.buffer.len() >= BUFFER_BYTES {
            self.write_out();
        }
    }

    fn write_out(&mut self) {
        if !self.buffer.is_empty() && !self.stopped() {
            let written = self.stdout.write_all(&self.buffer).and_then(|()| self.stdout.flush());
            self.stop = written.err().map(Stop::of);
        }
        self.buffer.clear();
    }

    /// Remembers the first failure of a stream file.
    fn note(&mut self, result: anyhow::Result<()>) {
        if let (Err(error), None) = (result, &self.stop) {
            self.stop = Some(Stop::Failed(error));
        }
    }
}

impl Stop {
    fn of(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ReaderGone;
        }
        Self::Failed(anyhow::Error::new(error).context("cannot write to standard output"))
    }
}

impl Sink for ReadSink {
    fn exchange(&mut self, exchange: Exchange) {
        let anomalies = all_anomalies(&exchange);
        self.given_up.exchanges += u64::from(anomalies.contains(Anomaly::Memcap));
        self.anomalies.merge(anomalies);
        self.output.exchange(&exchange, &mut self.buffer);
        self.write_if_full();
    }

    fn session(&mut self, session: TcpSession) {
        self.given_up.session(&session);
        self.anomalies.merge(session.anomalies);
        self.output.session(&session, &mut self.buffer);
        self.write_if_full();
        if let Some(hashes) = &mut self.hashes {
            hashes.close(&session);
        }
        if let Some(files) = &mut self.files {
            let closed = files.close(session.number);
            self.note(closed);
        }
    }

    fn wants_streams(&self) -> bool {
        self.hashes.is_some() || self.files.is_some()
    }

    fn stream(&mut self, session: u64, from_client: bool, _offset: u64, bytes: &[u8]) {
        if let Some(hashes) = &mut self.hashes {
            hashes.write(session, from_client, bytes);
        }
        if let Some(files) = &mut self.files
            && self.stop.is_none()
        {
            let written = files.write(session, from_client, bytes);
            self.note(written);
        }
    }

    fn stream_gap(&mut self, session: u64, from_client: bool, offset: u64, length: u64) {
        if let Some(hashes) = &mut self.hashes {
            hashes.gap(session, from_client, offset, length);
        }
    }
}

impl SourceSink for ReadSink {
    fn given_up(&self) -> GivenUp {
        self.given_up
    }
}

impl PipelineSink for ReadSink {
    fn waiting(&mut self, bytes_read: u64) -> ControlFlow<()> {
        self.progress(bytes_read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use arachne_wire::Sink as _;

    use super::{BUFFER_BYTES, ReadSink};
    use crate::fixtures::{exchange, request};
    use crate::output::ndjson::Ndjson;

    #[derive(Clone, Default)]
    struct Writes(Arc<Mutex<Vec<usize>>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").push(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const fn assert_send<T: Send>(value: T) -> T {
        value
    }

    #[test]
    fn rows_leave_when_the_reader_waits_or_the_buffer_is_full() {
        let writes = Writes::default();
        let mut sink = assert_send(ReadSink::new(Box::new(Ndjson::default()), Box::new(writes.clone())));
        let row = || exchange(Some(request("GET", "/", &[])), None);
        let seen = || writes.0.lock().expect("no writer panics").clone();
        sink.exchange(row());
        assert!(seen().is_empty());
        assert!(sink.progress(10).is_continue());
        assert_eq!(seen().len(), 1);
        for _ in 0..1000 {
            sink.exchange(row());
        }
        assert!(seen().iter().all(|bytes| *bytes < BUFFER_BYTES + 1024), "{:?}", seen());
        assert!(sink.buffer.len() < BUFFER_BYTES && seen().len() > 1);
    }
}
