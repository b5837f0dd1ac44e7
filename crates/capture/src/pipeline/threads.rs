//! Several threads: batches out, rounds of records back.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use arachne_model::{Exchange, Ledger, LinkType, TcpSession, UnixNanos};
use arachne_wire::{Belongs, BodyTap, Decoder, Frame, MessageHead, SHARDS, Segment, Shard, Sink, Summary, finish};

use super::batch::Batch;
use super::{FrameBytes, Intake, Outcome, PipelineOptions, PipelineSink, TapFactory, feed, random_seed};
use crate::packet::PacketSource;

/// Packets of a round and bytes of a batch: all rounds under way should stay in the caches.
const ROUND_PACKETS: usize = 4096;
const ROUND_BYTES: usize = 4 << 20;

/// Rounds under way between the reader and the sink.
const ROUNDS_MAX: usize = 4;

/// What was found.
enum Record {
    /// What a worker or the decoder counted in a minute.
    Minute(UnixNanos, Box<Ledger>),
    Exchange(Box<Exchange>),
    Session(Box<TcpSession>),
    Frame(Box<Taken>),
}

/// A frame of a session.
struct Taken {
    belongs: Belongs,
    number: u64,
    at: UnixNanos,
    link_type: LinkType,
    original_length: u32,
    bytes: Vec<u8>,
}

/// Records with their place in the order of one thread: the packet in work, at the end the session.
type Found = Vec<(u64, Record)>;

/// The places of the end lie behind those of all packets; that of the last minute behind all.
const END: u64 = 1 << 63;
const LAST: u64 = u64::MAX;

/// Collects what one worker finds in a round.
struct Collector {
    place: u64,
    found: Found,
    taps: Option<TapFactory>,
    frame: Option<Frame<'static>>,
    frame_bytes: Vec<u8>,
}

impl Collector {
    /// The frame in work.
    fn set_frame(&mut self, frame: Option<Frame<'_>>) {
        self.frame_bytes.clear();
        self.frame_bytes.extend_from_slice(frame.map_or(&[], |frame| frame.data));
        self.frame = frame.map(|frame| Frame { data: &[], ..frame });
    }
}

impl Sink for Collector {
    fn exchange(&mut self, exchange: Exchange) {
        self.found.push((self.place, Record::Exchange(Box::new(exchange))));
    }
    fn session(&mut self, session: TcpSession) {
        self.found.push((self.place, Record::Session(Box::new(session))));
    }
    fn segment(&mut self, belongs: Belongs, _segment: &Segment<'_>) {
        if let Some(Frame { number, at, link_type, original_length, .. }) = self.frame.take() {
            let bytes = self.frame_bytes.clone();
            let taken = Taken { belongs, number, at, link_type, original_length, bytes };
            self.found.push((self.place, Record::Frame(Box::new(taken))));
        }
    }
    fn body(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        self.taps.as_ref().and_then(|taps| taps(head))
    }
}

/// The last state of a ledger of which minutes are told.
#[derive(Default)]
struct Counted {
    before: Ledger,
}

impl Counted {
    fn close(&mut self, start: UnixNanos, now: Ledger) -> Record {
        let counts = now.since(&self.before);
        self.before = now;
        Record::Minute(start, Box::new(counts))
    }
}

struct Worker {
    batches: SyncSender<Batch>,
    results: Receiver<(Found, Batch)>,
    batch: Batch,
    spare: Vec<Batch>,
}

/// Spreads segments over workers and brings together what they find.
struct Spread<'a> {
    decoder: Decoder,
    workers: Vec<Worker>,
    sink: &'a mut dyn PipelineSink,
    wanted: FrameBytes,
    packets: usize,
    /// What the decoder counted, and that of each round under way.
    counted: Counted,
    own: Found,
    under_way: VecDeque<Found>,
}

impl Intake for Spread<'_> {
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        let threads = self.workers.len();
        if let Some(segment) = self.decoder.decode(frame) {
            let kept = (self.wanted != FrameBytes::None).then(|| self.wanted.cut(frame, &segment));
            self.workers[segment.key.shard(SHARDS) % threads].batch.push(&segment, kept.as_ref());
        }
        self.packets += 1;
        if self.packets >= ROUND_PACKETS || self.workers.iter().any(|w| w.batch.len() >= ROUND_BYTES) {
            self.send();
        }
    }

    fn minute(&mut self, start: UnixNanos, next: u64) {
        self.close_minute(start, next);
        for worker in &mut self.workers {
            worker.batch.mark(start, next);
        }
    }

    fn pause(&mut self, bytes_read: u64, waits: bool) -> ControlFlow<()> {
        if waits && self.packets > 0 {
            self.send();
            self.collect(0);
        }
        self.sink.waiting(bytes_read)
    }
}

impl Spread<'_> {
    fn close_minute(&mut self, start: UnixNanos, place: u64) {
        let now = Ledger { packets: self.decoder.packets.clone(), ..Ledger::default() };
        self.own.push((place, self.counted.close(start, now)));
    }

    fn send(&mut self) {
        self.packets = 0;
        for worker in &mut self.workers {
            // A worker that is gone has panicked: the scope passes that on.
            let next = worker.spare.pop().unwrap_or_default();
            let _ = worker.batches.send(std::mem::replace(&mut worker.batch, next));
        }
        self.under_way.push_back(std::mem::take(&mut self.own));
        self.collect(ROUNDS_MAX - 1);
    }

    /// Hands rounds over until at most `left` are under way.
    fn collect(&mut self, left: usize) {
        while self.under_way.len() > left {
            let own = self.under_way.pop_front().unwrap_or_default();
            self.hand_over(own);
        }
    }

    fn hand_over(&mut self, mut round: Found) {
        for worker in &mut self.workers {
            let (found, batch) = worker.results.recv().unwrap_or_default();
            round.extend(found);
            worker.spare.push(batch.clear());
        }
        // A minute ends before the packet that begins the next one; everybody counted a part of it.
        round.sort_by_key(|(place, record)| (*place, !matches!(record, Record::Minute(..))));
        let mut minute: Option<(u64, UnixNanos, Box<Ledger>)> = None;
        for (place, record) in round {
            if let Record::Minute(start, counts) = record {
                match &mut minute {
                    Some((of, _, sum)) if *of == place => sum.add(&counts),
                    other => {
                        tell(self.sink, other.take());
                        *other = Some((place, start, counts));
                    }
                }
                continue;
            }
            tell(self.sink, minute.take());
            match record {
                Record::Minute(..) => {}
                Record::Exchange(exchange) => self.sink.exchange(*exchange),
                Record::Session(session) => self.sink.session(*session),
                Record::Frame(taken) => taken.tell(self.sink),
            }
        }
        tell(self.sink, minute);
    }
}

fn tell(sink: &mut dyn PipelineSink, minute: Option<(u64, UnixNanos, Box<Ledger>)>) {
    if let Some((_, start, counts)) = minute {
        sink.minute(start, &counts);
    }
}

impl Taken {
    fn tell(&self, sink: &mut dyn PipelineSink) {
        let Self { belongs, number, at, link_type, original_length, bytes } = self;
        let frame =
            Frame { number: *number, at: *at, link_type: *link_type, original_length: *original_length, data: bytes };
        sink.frame(*belongs, &frame);
    }
}

/// Reads `source` here and carries shards on `workers` more threads.
pub fn run(
    source: &mut dyn PacketSource,
    options: &PipelineOptions,
    workers: usize,
    sink: &mut dyn PipelineSink,
) -> Outcome {
    let seed = random_seed();
    let (wanted, wants_minutes) = (sink.wants_frames(), sink.wants_minutes());
    std::thread::scope(|scope| {
        let (carriers, handles): (Vec<_>, Vec<_>) =
            (0..workers).map(|index| start_worker(scope, options, wanted, seed, index, workers)).unzip();
        let mut spread = Spread {
            decoder: Decoder::new(&options.limits),
            workers: carriers,
            sink,
            wanted,
            packets: 0,
            counted: Counted::default(),
            own: Found::new(),
            under_way: VecDeque::new(),
        };
        let fed = feed(source, wants_minutes, &mut spread);
        if let Some(start) = fed.minute {
            spread.workers.iter_mut().for_each(|worker| worker.batch.mark(start, LAST));
        }
        spread.send();
        spread.collect(0);
        spread.decoder.finish();
        // Without senders the workers end their shards; what that gives is one more round.
        for worker in &mut spread.workers {
            worker.batches = sync_channel(0).0;
        }
        if let Some(start) = fed.minute {
            spread.close_minute(start, LAST);
        }
        let own = std::mem::take(&mut spread.own);
        spread.hand_over(own);
        let _ = spread.sink.waiting(source.bytes_read());
        let mut summary = Summary::default();
        summary.add_decoder(&spread.decoder);
        summary.anomalies.merge(fed.anomalies);
        for handle in handles {
            match handle.join() {
                Ok(shards) => shards.iter().for_each(|shard| summary.add(shard)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Outcome { summary, errors: fed.errors }
    })
}

fn start_worker<'scope>(
    scope: &'scope Scope<'scope, '_>,
    options: &PipelineOptions,
    wanted: FrameBytes,
    seed: u64,
    index: usize,
    workers: usize,
) -> (Worker, std::thread::ScopedJoinHandle<'scope, Vec<Shard>>) {
    let (batches, inbox) = sync_channel::<Batch>(ROUNDS_MAX);
    let (outbox, results) = sync_channel(ROUNDS_MAX + 1);
    let shard = |_| {
        let mut shard = Shard::new(&options.limits, seed, false);
        shard.want_segments(wanted != FrameBytes::None);
        shard
    };
    let collector =
        Collector { place: 0, found: Found::new(), taps: options.taps.clone(), frame: None, frame_bytes: Vec::new() };
    let work = Work {
        shards: (index..SHARDS).step_by(workers).map(shard).collect(),
        workers,
        collector,
        counted: Counted::default(),
        last_minute: None,
    };
    let handle = scope.spawn(move || work.run(&inbox, &outbox));
    (Worker { batches, results, batch: Batch::default(), spare: Vec::new() }, handle)
}

/// What a worker does.
struct Work {
    shards: Vec<Shard>,
    workers: usize,
    collector: Collector,
    counted: Counted,
    last_minute: Option<UnixNanos>,
}

impl Work {
    fn run(mut self, inbox: &Receiver<Batch>, outbox: &SyncSender<(Found, Batch)>) -> Vec<Shard> {
        while let Ok(batch) = inbox.recv() {
            self.batch(&batch);
            if outbox.send((std::mem::take(&mut self.collector.found), batch)).is_err() {
                break;
            }
        }
        let collector = &mut self.collector;
        finish(&mut self.shards, |shard, session, slot| {
            collector.place = END + session;
            shard.finish(slot, collector);
        });
        if let Some(start) = self.last_minute {
            self.close_minute(start, LAST);
        }
        // The receiver is gone only when the reading thread panicked.
        let _ = outbox.send((self.collector.found, Batch::default()));
        self.shards
    }

    fn batch(&mut self, batch: &Batch) {
        let mut marks = batch.marks().iter().peekable();
        for (at, (segment, frame)) in batch.segments().enumerate() {
            while let Some(mark) = marks.next_if(|mark| mark.behind <= at) {
                self.close_minute(mark.start, mark.next);
            }
            self.collector.place = segment.number;
            self.collector.set_frame(frame);
            self.shards[segment.key.shard(SHARDS) / self.workers].segment(&segment, &mut self.collector);
        }
        for mark in marks {
            match mark.next {
                // It ends with the shards.
                LAST => self.last_minute = Some(mark.start),
                next => self.close_minute(mark.start, next),
            }
        }
    }

    fn close_minute(&mut self, start: UnixNanos, place: u64) {
        let mut now = Ledger::default();
        self.shards.iter().for_each(|shard| now.add(&shard.shared().ledger));
        self.collector.found.push((place, self.counted.close(start, now)));
    }
}
