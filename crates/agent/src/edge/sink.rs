//! Takes what the engine of a thread finds: rows of what is kept, bodies as far as the load allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arachne_capture::FrameBytes;
use arachne_capture::rows::Collector;
use arachne_content::TapOptions;
use arachne_delivery::status::Pressure;
use arachne_model::{Exchange, TapFacts, TcpSession};
use arachne_wire::{Belongs, BodyTap, Frame, MessageHead, Segment, Sink};

use super::peers::Peers;

/// Bytes of a body that are kept while bytes of bodies give way.
const SHORT_BODY_BYTES: usize = 4096;

/// Bodies since the start. Each is counted where it happens, so that they balance only when none is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyCounts {
    /// Bodies that were to be kept, counted when their heads came.
    pub wanted: u64,
    /// Of those: left out under load.
    pub refused: u64,
    /// Of those: kept to their first bytes only under load.
    pub shortened: u64,
    /// Of those: left out since too many were open.
    pub given_up: u64,
    /// Bodies that are on their way, counted by what takes their bytes.
    pub open: u64,
    /// Bodies that have ended, counted by what took their bytes.
    pub ended: u64,
}

/// What the taps of a thread count.
#[derive(Debug, Default)]
struct Taps {
    open: AtomicU64,
    ended: AtomicU64,
    given_up: AtomicU64,
}

/// Counts a tap for as long as it lives.
struct Counted {
    /// None once it was finished.
    tap: Option<Box<dyn BodyTap>>,
    taps: Arc<Taps>,
}

impl Counted {
    fn around(tap: Box<dyn BodyTap>, taps: &Arc<Taps>) -> Box<dyn BodyTap> {
        taps.open.fetch_add(1, Ordering::Relaxed);
        Box::new(Self { tap: Some(tap), taps: Arc::clone(taps) })
    }
}

impl Drop for Counted {
    /// Who wanted a tap may find that too many are open, and drop it as it is.
    fn drop(&mut self) {
        self.taps.open.fetch_sub(1, Ordering::Relaxed);
        let end = if self.tap.is_some() { &self.taps.given_up } else { &self.taps.ended };
        end.fetch_add(1, Ordering::Relaxed);
    }
}

impl BodyTap for Counted {
    fn write(&mut self, bytes: &[u8]) {
        self.tap.iter_mut().for_each(|tap| tap.write(bytes));
    }

    fn gap(&mut self, missing: u64) {
        self.tap.iter_mut().for_each(|tap| tap.gap(missing));
    }

    fn held_bytes(&self) -> usize {
        self.tap.as_ref().map_or(0, |tap| tap.held_bytes())
    }

    fn finish(mut self: Box<Self>, complete: bool) -> TapFacts {
        self.tap.take().map(|tap| tap.finish(complete)).unwrap_or_default()
    }
}

/// The sink of a capture thread.
pub struct EdgeSink {
    /// Rows of what was found.
    pub collector: Collector,
    /// What is asked of bodies.
    pub taps: TapOptions,
    /// What gives way now.
    pub level: Pressure,
    bodies: BodyCounts,
    counted: Arc<Taps>,
    /// Who talks.
    pub peers: Peers,
    /// Exchanges that were found, the open ones apart.
    pub exchanges: u64,
    /// Sessions that were found.
    pub sessions: u64,
}

impl EdgeSink {
    /// Rows go to `collector`.
    #[must_use]
    pub fn new(collector: Collector, taps: TapOptions, peers: Peers) -> Self {
        let (bodies, counted) = (BodyCounts::default(), Arc::default());
        Self { collector, taps, level: Pressure::None, bodies, counted, peers, exchanges: 0, sessions: 0 }
    }

    /// What became of bodies.
    #[must_use]
    pub fn bodies(&self) -> BodyCounts {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Taps { open, ended, given_up } = &*self.counted;
        BodyCounts { open: count(open), ended: count(ended), given_up: count(given_up), ..self.bodies }
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
        let tap = if self.level < Pressure::BodyBytes {
            arachne_content::tap(head, &self.taps)
        } else {
            self.bodies.shortened += 1;
            let mut short = self.taps.clone();
            short.limits.body_bytes_max = short.limits.body_bytes_max.min(SHORT_BODY_BYTES);
            arachne_content::tap(head, &short)
        };
        tap.map(|tap| Counted::around(tap, &self.counted))
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
        if exchange.network == 0 {
            self.sink.peers.seen(exchange.client.address);
            self.sink.peers.seen(exchange.server.address);
        }
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
