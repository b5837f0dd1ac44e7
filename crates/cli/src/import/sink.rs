//! Takes what the engine finds: records become rows, rows go to the store in chunks that hang on the records alone, so that
//! the same capture gives the same chunks on any number of threads.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use arachne_capture::rows::RowMaker;
use arachne_capture::{FrameBytes, PipelineSink};
use arachne_model::table::{ExchangeRow, PacketRow};
use arachne_model::{Anomaly, AnomalySet, Exchange, Ledger, TcpSession, UnixNanos};
use arachne_store::{Import, ImportFacts, Rows, StoreError};
use arachne_wire::{Belongs, Frame, Sink};

use super::plan::Plan;
use crate::interrupt::Interrupt;
use crate::output::all_anomalies;
use crate::progress::Progress;
use crate::read::findings::GivenUp;
use crate::read::sink::SourceSink;

/// Rows and bytes after which rows go to the store: so few that they are still near the processor then.
const CHUNK_ROWS: usize = 128;
const CHUNK_BYTES: usize = 4 << 20;

/// What is known of the frames of a session that lives.
#[derive(Default)]
struct SessionFrames {
    /// Frames that are kept.
    kept: u64,
    /// It is certain that they are kept.
    wanted: bool,
    /// They wait for an exchange that is kept.
    waiting: Vec<PacketRow>,
}

/// What was left out or is odd, over a source.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Exchanges that the filter left out.
    pub not_kept: u64,
    /// Frames for which there was no room while it was not known whether they are kept.
    pub frames_given_up: u64,
    /// Flags of all records.
    pub anomalies: AnomalySet,
}

/// The sink of `arachne import`.
pub struct ImportSink<'a> {
    maker: RowMaker,
    plan: &'a Plan,
    import: Box<dyn Import>,
    rows: Rows,
    bytes: usize,
    sessions: HashMap<u64, SessionFrames>,
    waiting_bytes: usize,
    progress: Progress,
    interrupt: Interrupt,
    given_up: GivenUp,
    tally: Tally,
    /// The run was asked to end: what is found from now on is only what was open then.
    stopped: bool,
    failed: Option<StoreError>,
}

impl<'a> ImportSink<'a> {
    /// Rows of `maker` go to `import`.
    #[must_use]
    pub fn new(
        maker: RowMaker,
        plan: &'a Plan,
        import: Box<dyn Import>,
        progress: Progress,
        interrupt: Interrupt,
    ) -> Self {
        Self {
            maker,
            plan,
            import,
            rows: Rows::default(),
            bytes: 0,
            sessions: HashMap::new(),
            waiting_bytes: 0,
            progress,
            interrupt,
            given_up: GivenUp::default(),
            tally: Tally::default(),
            stopped: false,
            failed: None,
        }
    }

    /// What was left out so far.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
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
        self.rows.hosts = self.maker.finish(names);
        self.import.push(self.rows)?;
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
        if self.rows.len() < CHUNK_ROWS && self.bytes < CHUNK_BYTES {
            return;
        }
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows);
        if let Err(error) = self.import.add(&rows) {
            self.failed = Some(error);
        }
        self.maker.reuse(rows.exchanges);
    }

    fn keep(&mut self, row: ExchangeRow, exchange: &mut Exchange) {
        if self.plan.bodies && row.bodies.is_some() {
            for body in self.maker.bodies(&row, exchange) {
                self.bytes += body.bytes.len();
                self.rows.bodies.push(body);
            }
        }
        if self.plan.is_selective() && self.plan.frames != FrameBytes::None {
            let frames = self.sessions.entry(exchange.session).or_default();
            frames.wanted = true;
            for frame in std::mem::take(&mut frames.waiting) {
                frames.kept += 1;
                self.waiting_bytes -= cost(&frame);
                self.bytes += frame.bytes.len();
                self.rows.packets.push(frame);
            }
        }
        let lines = [&row.request_headers, &row.response_headers, &row.path, &row.query];
        self.bytes += lines.into_iter().flatten().map(String::len).sum::<usize>();
        self.rows.exchanges.push(row);
    }
}

/// What a frame that waits costs.
const fn cost(frame: &PacketRow) -> usize {
    frame.bytes.len() + size_of::<PacketRow>() + 32
}

impl Sink for ImportSink<'_> {
    fn exchange(&mut self, mut exchange: Exchange) {
        if self.is_over() {
            return;
        }
        let anomalies = all_anomalies(&exchange);
        self.given_up.exchanges += u64::from(anomalies.contains(Anomaly::Memcap));
        self.tally.anomalies.merge(anomalies);
        let row = self.maker.exchange(&exchange);
        let kept = self.plan.keeps(&row);
        self.maker.settle(&exchange, &row, kept);
        if kept {
            self.keep(row, &mut exchange);
            self.push_if_full();
        } else {
            self.tally.not_kept += 1;
        }
    }

    fn session(&mut self, session: TcpSession) {
        if self.is_over() {
            return;
        }
        self.given_up.session(&session);
        self.tally.anomalies.merge(session.anomalies);
        let frames = self.sessions.remove(&session.number).unwrap_or_default();
        self.waiting_bytes -= frames.waiting.iter().map(cost).sum::<usize>();
        let row = self.maker.session(&session, frames.kept);
        if self.plan.sessions {
            self.rows.sessions.push(row);
            self.push_if_full();
        }
    }
}

impl PipelineSink for ImportSink<'_> {
    fn waiting(&mut self, bytes_read: u64) -> ControlFlow<()> {
        self.progress.at(bytes_read);
        self.stopped |= self.interrupt.is_set();
        if self.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn wants_frames(&self) -> FrameBytes {
        self.plan.frames
    }

    fn frame(&mut self, belongs: Belongs, frame: &Frame<'_>) {
        if self.is_over() {
            return;
        }
        let selective = self.plan.is_selective();
        let row = self.maker.frame(belongs, frame);
        let frames = self.sessions.entry(belongs.session).or_default();
        if frames.wanted || !selective {
            frames.kept += 1;
            self.bytes += row.bytes.len();
            self.rows.packets.push(row);
            self.push_if_full();
        } else if self.waiting_bytes + cost(&row) <= self.plan.limits.undecided_frames_max {
            self.waiting_bytes += cost(&row);
            frames.waiting.push(row);
        } else {
            self.tally.frames_given_up += 1;
        }
    }

    fn wants_minutes(&self) -> bool {
        true
    }

    fn minute(&mut self, start: UnixNanos, counts: &Ledger) {
        if !self.is_over() {
            self.rows.quality.extend(self.maker.minute(start, counts));
        }
    }
}

impl SourceSink for ImportSink<'_> {
    fn given_up(&self) -> GivenUp {
        self.given_up
    }
}
