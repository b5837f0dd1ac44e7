//! Takes what the engine of a thread finds: rows of what is kept, bodies as far as the load allows.

use arachne_capture::FrameBytes;
use arachne_capture::rows::Collector;
use arachne_content::TapOptions;
use arachne_delivery::status::Pressure;
use arachne_model::{Exchange, TcpSession};
use arachne_wire::{Belongs, BodyTap, Frame, MessageHead, Segment, Sink};

/// Bytes of a body that are kept while bytes of bodies give way.
const SHORT_BODY_BYTES: usize = 4096;

/// Bodies since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyCounts {
    /// Bodies that were to be kept.
    pub wanted: u64,
    /// Of those: left out under load.
    pub refused: u64,
    /// Of those: kept to their first bytes only under load.
    pub shortened: u64,
}

/// The sink of a capture thread.
pub struct EdgeSink {
    /// Rows of what was found.
    pub collector: Collector,
    /// What is asked of bodies.
    pub taps: TapOptions,
    /// What gives way now.
    pub level: Pressure,
    /// What became of bodies.
    pub bodies: BodyCounts,
    /// Exchanges that were found, the open ones apart.
    pub exchanges: u64,
    /// Sessions that were found.
    pub sessions: u64,
}

impl EdgeSink {
    /// Rows go to `collector`.
    #[must_use]
    pub fn new(collector: Collector, taps: TapOptions) -> Self {
        Self { collector, taps, level: Pressure::None, bodies: BodyCounts::default(), exchanges: 0, sessions: 0 }
    }

    fn tap(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        if !self.taps.keep {
            return arachne_content::tap(head, &self.taps);
        }
        self.bodies.wanted += 1;
        if self.level >= Pressure::Bodies {
            self.bodies.refused += 1;
            return None;
        }
        if self.level < Pressure::BodyBytes {
            return arachne_content::tap(head, &self.taps);
        }
        self.bodies.shortened += 1;
        let mut short = self.taps.clone();
        short.limits.body_bytes_max = short.limits.body_bytes_max.min(SHORT_BODY_BYTES);
        arachne_content::tap(head, &short)
    }
}

/// The sink while a frame is in work.
pub struct Working<'a> {
    /// The sink of the thread.
    pub sink: &'a mut EdgeSink,
    /// The frame; none at the end and between frames.
    pub frame: Option<&'a Frame<'a>>,
}

impl Sink for Working<'_> {
    fn exchange(&mut self, exchange: Exchange) {
        self.sink.exchanges += 1;
        self.sink.collector.exchange(exchange);
    }

    fn session(&mut self, session: TcpSession) {
        self.sink.sessions += 1;
        self.sink.collector.session(&session);
    }

    fn segment(&mut self, belongs: Belongs, segment: &Segment<'_>) {
        let wanted = self.sink.collector.choice().frames;
        if let Some(frame) = self.frame.filter(|_| wanted != FrameBytes::None) {
            self.sink.collector.frame(belongs, &wanted.cut(frame, segment));
        }
    }

    fn body(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        self.sink.tap(head)
    }
}
