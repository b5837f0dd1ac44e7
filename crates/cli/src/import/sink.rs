//! Takes what the engine finds: records become rows, rows go to the store in chunks that hang on the records alone, so that
//! the same capture gives the same chunks on any number of threads.

use std::net::IpAddr;
use std::ops::ControlFlow;

use arachne_capture::rows::{Collector, RowMaker, Tally};
use arachne_capture::{FrameBytes, PipelineSink};
use arachne_model::{Anomaly, Exchange, Ledger, TcpSession, UnixNanos};
use arachne_store::{Import, ImportFacts, StoreError};
use arachne_wire::{Belongs, Frame, Sink};

use super::plan::Plan;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::read::findings::GivenUp;
use crate::read::sink::SourceSink;
use arachne_capture::rows::all_anomalies;

/// Rows and bytes after which rows go to the store: so few that they are still near the processor then.
const CHUNK_ROWS: usize = 128;
const CHUNK_BYTES: usize = 4 << 20;

/// The sink of `arachne import`.
pub struct ImportSink {
    collector: Collector,
    import: Box<dyn Import>,
    progress: Progress,
    interrupt: Interrupt,
    given_up: GivenUp,
    /// The run was asked to end: what is found from now on is only what was open then.
    stopped: bool,
    failed: Option<StoreError>,
}

impl ImportSink {
    /// Rows of `maker` go to `import`.
    #[must_use]
    pub fn new(
        maker: RowMaker,
        plan: &Plan,
        import: Box<dyn Import>,
        progress: Progress,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            collector: Collector::new(maker, plan.choice()),
            import,
            progress,
            interrupt,
            given_up: GivenUp::default(),
            stopped: false,
            failed: None,
        }
    }

    /// What was left out so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.collector.tally()
    }

    /// Whether the run ended before the source did.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.stopped || self.failed.is_some()
    }

    /// Everything was found: names, the last rows, and the mark that the import is whole.
    ///
    /// # Errors
    /// The store refused rows, now or before.
    pub fn finish<'n>(
        mut self,
        names: impl IntoIterator<Item = &'n (IpAddr, String)>,
    ) -> Result<ImportFacts, StoreError> {
        self.progress.finish();
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut rows = self.collector.take();
        rows.hosts = self.collector.maker.finish(names);
        self.import.push(rows)?;
        self.import.finish()
    }

    /// The source ended early: what was committed stays, the rest is forgotten.
    ///
    /// # Errors
    /// The store refused rows before.
    pub fn give_up(self) -> Result<(), StoreError> {
        self.progress.finish();
        self.failed.map_or(Ok(()), Err)
    }

    fn push_if_full(&mut self) {
        if self.collector.rows().len() < CHUNK_ROWS && self.collector.bytes() < CHUNK_BYTES {
            return;
        }
        let rows = self.collector.take();
        if let Err(error) = self.import.add(&rows) {
            self.failed = Some(error);
        }
        self.collector.maker.reuse(rows.exchanges);
    }
}

impl Sink for ImportSink {
    fn exchange(&mut self, exchange: Exchange) {
        if self.is_over() {
            return;
        }
        self.given_up.exchanges += u64::from(all_anomalies(&exchange).contains(Anomaly::Memcap));
        if self.collector.exchange(exchange) {
            self.push_if_full();
        }
    }

    fn session(&mut self, session: TcpSession) {
        if self.is_over() {
            return;
        }
        self.given_up.session(&session);
        if self.collector.session(&session) {
            self.push_if_full();
        }
    }
}

impl PipelineSink for ImportSink {
    fn waiting(&mut self, bytes_read: u64) -> ControlFlow<()> {
        self.progress.at(bytes_read);
        self.stopped |= self.interrupt.is_set();
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn wants_frames(&self) -> FrameBytes {
        self.collector.choice().frames
    }

    fn frame(&mut self, belongs: Belongs, frame: &Frame<'_>) {
        if self.is_over() {
            return;
        }
        if self.collector.frame(belongs, frame) {
            self.push_if_full();
        }
    }

    fn wants_minutes(&self) -> bool {
        true
    }

    fn minute(&mut self, start: UnixNanos, counts: &Ledger) {
        if !self.is_over() {
            self.collector.minute(start, counts);
        }
    }
}

impl SourceSink for ImportSink {
    fn given_up(&self) -> GivenUp {
        self.given_up
    }
}
