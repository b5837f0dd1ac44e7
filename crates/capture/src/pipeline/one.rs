//! One thread: each record goes out as it is found.

use std::ops::ControlFlow;

use arachne_model::{Exchange, Ledger, TcpSession, UnixNanos};
use arachne_wire::{Belongs, BodyTap, Engine, Frame, MessageHead, Segment, Sink};

use super::{FrameBytes, Intake, Outcome, PipelineOptions, PipelineSink, TapFactory, feed, random_seed};
use crate::packet::PacketSource;

struct Here<'a> {
    engine: Engine,
    sink: &'a mut dyn PipelineSink,
    taps: Option<TapFactory>,
    wanted: FrameBytes,
    /// The counts at the end of the minute before.
    before: Ledger,
}

impl Here<'_> {
    fn close_minute(&mut self, start: UnixNanos) {
        let now = self.engine.summary().ledger;
        self.sink.minute(start, &now.since(&self.before));
        self.before = now;
    }
}

impl Intake for Here<'_> {
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        let kept = (self.wanted != FrameBytes::None).then_some((frame, self.wanted));
        self.engine.packet(frame, &mut Tapped { sink: self.sink, taps: self.taps.as_ref(), frame: kept });
    }

    fn minute(&mut self, start: UnixNanos, _next: u64) {
        self.close_minute(start);
    }

    fn pause(&mut self, bytes_read: u64, _waits: bool) -> ControlFlow<()> {
        self.sink.waiting(bytes_read)
    }
}

/// Reads `source` on this thread.
pub fn run(source: &mut dyn PacketSource, options: &PipelineOptions, sink: &mut dyn PipelineSink) -> Outcome {
    let wanted = sink.wants_frames();
    let mut engine = Engine::new(&options.limits, random_seed(), sink.wants_streams());
    engine.want_segments(wanted != FrameBytes::None);
    let wants_minutes = sink.wants_minutes();
    let mut here = Here { engine, sink, taps: options.taps.clone(), wanted, before: Ledger::default() };
    let fed = feed(source, wants_minutes, &mut here);
    here.engine.finish(&mut Tapped { sink: here.sink, taps: here.taps.as_ref(), frame: None });
    if let Some(start) = fed.minute {
        here.close_minute(start);
    }
    let _ = here.sink.waiting(source.bytes_read());
    let mut summary = here.engine.summary();
    summary.anomalies.merge(fed.anomalies);
    Outcome { summary, errors: fed.errors }
}

/// A sink whose bodies are tapped by a factory, and that gets the frame in work.
struct Tapped<'a> {
    sink: &'a mut dyn PipelineSink,
    taps: Option<&'a TapFactory>,
    frame: Option<(&'a Frame<'a>, FrameBytes)>,
}

impl Sink for Tapped<'_> {
    fn exchange(&mut self, exchange: Exchange) {
        self.sink.exchange(exchange);
    }
    fn session(&mut self, session: TcpSession) {
        self.sink.session(session);
    }
    fn stream(&mut self, session: u64, from_client: bool, offset: u64, bytes: &[u8]) {
        self.sink.stream(session, from_client, offset, bytes);
    }
    fn stream_gap(&mut self, session: u64, from_client: bool, offset: u64, length: u64) {
        self.sink.stream_gap(session, from_client, offset, length);
    }
    fn segment(&mut self, belongs: Belongs, segment: &Segment<'_>) {
        if let Some((frame, wanted)) = self.frame {
            self.sink.frame(belongs, &wanted.cut(frame, segment));
        }
    }
    fn body(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        self.taps.and_then(|taps| taps(head))
    }
}
