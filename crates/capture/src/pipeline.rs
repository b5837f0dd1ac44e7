//! Packets of a source through the wire core into a sink, on one thread or several, with the same outcome.
//!
//! With several threads the caller's thread reads and decodes; workers carry shards; what they find comes back in
//! rounds and is handed over in the order of the packets that completed it. Each queue is bounded, a slow sink slows the
//! reading down.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use arachne_model::{Anomaly, AnomalySet, Exchange, Limits, TcpSession};
use arachne_wire::{BodyTap, Decoder, Engine, Frame, MessageHead, SHARDS, Segment, Shard, Sink, Summary, finish};

use crate::error::CaptureError;
use crate::packet::{Packet, PacketSource};

/// Makes the tap of a body, or none; called by every worker.
pub type TapFactory = Arc<dyn Fn(&MessageHead<'_>) -> Option<Box<dyn BodyTap>> + Send + Sync>;

/// A sink that is told when the source is about to wait.
pub trait PipelineSink: Sink {
    /// `bytes_read` of the source were read so far. What was found should go out now. `Break` ends the run.
    fn waiting(&mut self, bytes_read: u64) -> ControlFlow<()>;
}

/// How to run.
#[derive(Clone)]
pub struct PipelineOptions {
    /// All caps.
    pub limits: Limits,
    /// Threads in all, the reading one included; more than [`SHARDS`] and that one are of no use. Reassembled streams
    /// are only given on one thread.
    pub threads: usize,
    /// Taps for bodies.
    pub taps: Option<TapFactory>,
}

/// What a run gave beside the records.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Counts and flags.
    pub summary: Summary,
    /// What was wrong with the source, in order; a joined source goes on behind a damaged file.
    pub errors: Vec<CaptureError>,
}

/// Progress is told once in so many packets.
const PROGRESS_PACKETS: u64 = 4096;

/// Packets of a round and bytes of a batch: all rounds under way should stay in the caches.
const ROUND_PACKETS: usize = 4096;
const ROUND_BYTES: usize = 4 << 20;

/// Rounds under way between the reader and the sink.
const ROUNDS_MAX: usize = 4;

/// Reads `source` to its end, or until the sink breaks off.
pub fn run(source: &mut dyn PacketSource, options: &PipelineOptions, sink: &mut dyn PipelineSink) -> Outcome {
    let threads = if sink.wants_streams() { 1 } else { options.threads.clamp(1, SHARDS + 1) };
    // One of them reads and decodes frames.
    if threads == 1 { run_here(source, options, sink) } else { run_threads(source, options, threads - 1, sink) }
}

/// The flow tables are keyed with it: keys are chosen by strangers.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Takes frames one by one.
trait Intake {
    /// A packet.
    fn frame(&mut self, frame: &Frame<'_>);
    /// The source is about to wait, or some packets have passed.
    fn pause(&mut self, bytes_read: u64, waits: bool) -> ControlFlow<()>;
}

/// Feeds all packets of `source`; gives its faults and the flags of its packets.
fn feed(source: &mut dyn PacketSource, intake: &mut impl Intake) -> (Vec<CaptureError>, AnomalySet) {
    let (mut number, mut errors, mut anomalies) = (0, Vec::new(), AnomalySet::EMPTY);
    loop {
        let waits = !source.is_buffered();
        if (waits || number % PROGRESS_PACKETS == 0) && intake.pause(source.bytes_read(), waits).is_break() {
            break;
        }
        match source.next_packet() {
            Ok(None) => break,
            Ok(Some(packet)) => {
                number += 1;
                if packet.bad_timestamp {
                    anomalies.insert(Anomaly::BadTimestamp);
                }
                intake.frame(&frame(number, &packet));
            }
            Err(error) => errors.push(error),
        }
    }
    (errors, anomalies)
}

#[inline]
const fn frame<'a>(number: u64, packet: &Packet<'a>) -> Frame<'a> {
    Frame {
        number,
        at: packet.timestamp,
        link_type: packet.link_type,
        original_length: packet.original_length,
        data: packet.data,
    }
}

/// One thread: each record goes out as it is found.
struct Here<'a> {
    engine: Engine,
    sink: &'a mut dyn PipelineSink,
    taps: Option<TapFactory>,
}

impl Intake for Here<'_> {
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        self.engine.packet(frame, &mut Tapped { sink: self.sink, taps: self.taps.as_ref() });
    }

    fn pause(&mut self, bytes_read: u64, _waits: bool) -> ControlFlow<()> {
        self.sink.waiting(bytes_read)
    }
}

fn run_here(source: &mut dyn PacketSource, options: &PipelineOptions, sink: &mut dyn PipelineSink) -> Outcome {
    let engine = Engine::new(&options.limits, random_seed(), sink.wants_streams());
    let mut here = Here { engine, sink, taps: options.taps.clone() };
    let (errors, anomalies) = feed(source, &mut here);
    let Here { mut engine, sink, taps } = here;
    engine.finish(&mut Tapped { sink, taps: taps.as_ref() });
    let _ = sink.waiting(source.bytes_read());
    let mut summary = engine.summary();
    summary.anomalies.merge(anomalies);
    Outcome { summary, errors }
}

/// A sink whose bodies are tapped by a factory.
struct Tapped<'a> {
    sink: &'a mut dyn PipelineSink,
    taps: Option<&'a TapFactory>,
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
    fn body(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        self.taps.and_then(|taps| taps(head))
    }
}

/// A segment without its bytes, which lie in the batch.
struct Parked {
    segment: Segment<'static>,
    options: usize,
    start: usize,
    end: usize,
}

/// Segments for one worker, in order.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    segments: Vec<Parked>,
}

impl Batch {
    /// Empties it and keeps its memory for the next round.
    fn clear(mut self) -> Self {
        self.bytes.clear();
        self.segments.clear();
        self
    }

    fn push(&mut self, segment: &Segment<'_>) {
        let options = self.bytes.len();
        self.bytes.extend_from_slice(segment.options);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(segment.payload);
        let end = self.bytes.len();
        self.segments.push(Parked { segment: Segment { options: &[], payload: &[], ..*segment }, options, start, end });
    }

    fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.segments.iter().map(|parked| Segment {
            options: &self.bytes[parked.options..parked.start],
            payload: &self.bytes[parked.start..parked.end],
            ..parked.segment
        })
    }
}

/// What was found.
enum Record {
    Exchange(Box<Exchange>),
    Session(Box<TcpSession>),
}

/// Records with their place in the order of one thread: the packet in work, at the end the session.
type Found = Vec<(u64, Record)>;

/// Collects what one worker finds in a round.
struct Collector {
    place: u64,
    found: Found,
    taps: Option<TapFactory>,
}

impl Sink for Collector {
    fn exchange(&mut self, exchange: Exchange) {
        self.found.push((self.place, Record::Exchange(Box::new(exchange))));
    }
    fn session(&mut self, session: TcpSession) {
        self.found.push((self.place, Record::Session(Box::new(session))));
    }
    fn body(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        self.taps.as_ref().and_then(|taps| taps(head))
    }
}

/// The places of the end lie behind those of all packets.
const END: u64 = 1 << 63;

struct Worker {
    batches: SyncSender<Batch>,
    results: Receiver<(Found, Batch)>,
    batch: Batch,
    spare: Vec<Batch>,
}

/// Several threads: batches out, rounds of records back.
struct Spread<'a> {
    decoder: Decoder,
    workers: Vec<Worker>,
    sink: &'a mut dyn PipelineSink,
    packets: usize,
    under_way: usize,
}

impl Intake for Spread<'_> {
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) {
        let threads = self.workers.len();
        if let Some(segment) = self.decoder.decode(frame) {
            self.workers[segment.key.shard(SHARDS) % threads].batch.push(&segment);
        }
        self.packets += 1;
        if self.packets >= ROUND_PACKETS || self.workers.iter().any(|w| w.batch.bytes.len() >= ROUND_BYTES) {
            self.send();
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
    fn send(&mut self) {
        self.packets = 0;
        for worker in &mut self.workers {
            // A worker that is gone has panicked: the scope passes that on.
            let next = worker.spare.pop().unwrap_or_default();
            let _ = worker.batches.send(std::mem::replace(&mut worker.batch, next));
        }
        self.under_way += 1;
        self.collect(ROUNDS_MAX - 1);
    }

    /// Hands rounds over until at most `left` are under way.
    fn collect(&mut self, left: usize) {
        while self.under_way > left {
            self.under_way -= 1;
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let mut round = Found::new();
        for worker in &mut self.workers {
            let (found, batch) = worker.results.recv().unwrap_or_default();
            round.extend(found);
            worker.spare.push(batch.clear());
        }
        round.sort_by_key(|(place, _)| *place);
        for (_, record) in round {
            match record {
                Record::Exchange(exchange) => self.sink.exchange(*exchange),
                Record::Session(session) => self.sink.session(*session),
            }
        }
    }
}

fn run_threads(
    source: &mut dyn PacketSource,
    options: &PipelineOptions,
    workers: usize,
    sink: &mut dyn PipelineSink,
) -> Outcome {
    let seed = random_seed();
    std::thread::scope(|scope| {
        let (carriers, handles): (Vec<_>, Vec<_>) =
            (0..workers).map(|index| start_worker(scope, options, seed, index, workers)).unzip();
        let decoder = Decoder::new(&options.limits);
        let mut spread = Spread { decoder, workers: carriers, sink, packets: 0, under_way: 0 };
        let (errors, anomalies) = feed(source, &mut spread);
        spread.send();
        spread.collect(0);
        spread.decoder.finish();
        // Without senders the workers end their shards; what that gives is one more round.
        for worker in &mut spread.workers {
            worker.batches = sync_channel(0).0;
        }
        spread.hand_over();
        let _ = spread.sink.waiting(source.bytes_read());
        let mut summary = Summary::default();
        summary.add_decoder(&spread.decoder);
        summary.anomalies.merge(anomalies);
        for handle in handles {
            match handle.join() {
                Ok(shards) => shards.iter().for_each(|shard| summary.add(shard)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Outcome { summary, errors }
    })
}

fn start_worker<'scope>(
    scope: &'scope Scope<'scope, '_>,
    options: &PipelineOptions,
    seed: u64,
    index: usize,
    workers: usize,
) -> (Worker, std::thread::ScopedJoinHandle<'scope, Vec<Shard>>) {
    let (batches, inbox) = sync_channel::<Batch>(ROUNDS_MAX);
    let (outbox, results) = sync_channel(ROUNDS_MAX + 1);
    let own = (index..SHARDS).step_by(workers);
    let shards: Vec<Shard> = own.map(|_| Shard::new(&options.limits, seed, false)).collect();
    let collector = Collector { place: 0, found: Found::new(), taps: options.taps.clone() };
    let handle = scope.spawn(move || work(shards, workers, collector, &inbox, &outbox));
    (Worker { batches, results, batch: Batch::default(), spare: Vec::new() }, handle)
}

fn work(
    mut shards: Vec<Shard>,
    workers: usize,
    mut collector: Collector,
    inbox: &Receiver<Batch>,
    outbox: &SyncSender<(Found, Batch)>,
) -> Vec<Shard> {
    while let Ok(batch) = inbox.recv() {
        for segment in batch.segments() {
            collector.place = segment.number;
            shards[segment.key.shard(SHARDS) / workers].segment(&segment, &mut collector);
        }
        if outbox.send((std::mem::take(&mut collector.found), batch)).is_err() {
            break;
        }
    }
    finish(&mut shards, |shard, session, slot| {
        collector.place = END + session;
        shard.finish(slot, &mut collector);
    });
    // The receiver is gone only when the reading thread panicked.
    let _ = outbox.send((collector.found, Batch::default()));
    shards
}
