//! Real and hostile captures with random damage: no panic, no hang, no packet unaccounted, memory within its limits.
//!
//! `MUTATIONS` sets how many, `MUTATION_SEED` where to begin (both decimal); without them a run ends after 20 000 or ten
//! seconds. A failing case names its seed: `MUTATIONS=1 MUTATION_SEED=n` repeats it.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use arachne_capture::{CaptureReader, ReadOptions};
use arachne_content::{TapOptions, tap};
use arachne_model::{Exchange, Limits, LinkType, TcpSession, UnixNanos};
use arachne_testkit::Random;
use arachne_testkit::mutate::mutate;
use arachne_wire::{BodyTap, Engine, Frame, MessageHead, SHARDS, Sink};

use crate::support::audit;

/// Files are mutated up to here; what is longer adds time and no kind of input.
const FILE_BYTES_MAX: usize = 24 * 1024;

/// Packets of one file that are played at a time.
const PACKETS_MAX: usize = 60;

/// One case may take so long; the slowest unpack bombs to their limits.
const CASE_MAX: Duration = Duration::from_secs(5);

/// A pristine packet.
struct Sample {
    at: UnixNanos,
    link_type: LinkType,
    original_length: u32,
    data: Vec<u8>,
}

struct Corpus {
    files: Vec<(PathBuf, Vec<u8>)>,
    packets: Vec<Vec<Sample>>,
}

/// Decodes bodies as the product does and throws the results away.
struct Devour {
    options: TapOptions,
    exchanges: u64,
}

impl Sink for Devour {
    fn exchange(&mut self, exchange: Exchange) {
        self.exchanges += 1;
        for message in [&exchange.request, &exchange.response].into_iter().flatten() {
            message.headers().chain(message.trailers()).for_each(|pair| _ = std::hint::black_box(pair));
        }
    }
    fn session(&mut self, _session: TcpSession) {}
    fn stream(&mut self, _session: u64, _from_client: bool, _offset: u64, _bytes: &[u8]) {}
    fn body(&mut self, head: &MessageHead<'_>) -> Option<Box<dyn BodyTap>> {
        tap(head, &self.options)
    }
}

/// One of the two damages: the file as bytes, or its packets one by one.
fn play(corpus: &Corpus, seed: u64) -> u64 {
    let mut random = Random::new(seed);
    let limits = limits(&mut random);
    let options = TapOptions { decode: true, hash: random.one_in(4), keep: random.one_in(4), limits: limits.clone() };
    let mut run = Run {
        engine: Engine::new(&limits, seed, random.one_in(4)),
        sink: Devour { options, exchanges: 0 },
        number: 0,
        audit_every: 1 + random.below(16) as u64,
    };
    if random.one_in(3) {
        play_file(corpus, &mut random, &mut run)
    } else {
        play_packets(corpus, &mut random, &mut run)
    }
    run.engine.finish(&mut run.sink);
    audit(&run.engine);
    let summary = run.engine.summary();
    assert_eq!(run.engine.audit(), (0, 0));
    assert!(summary.ledger.stages().iter().all(|(_, counts)| counts.in_flight == 0));
    assert_eq!(summary.ledger.exchanges.output, run.sink.exchanges);
    // The last packet may lie over a limit until room is made.
    let slack = SHARDS * (limits.gap_bytes_max + 2 * limits.body_bytes_max + 512 * 1024);
    assert!(summary.held_bytes_max <= limits.held_bytes_max + slack, "{} held", summary.held_bytes_max);
    run.number
}

/// The usual limits, or ones so small that all of them are met.
fn limits(random: &mut Random) -> Limits {
    let usual = Limits::default();
    if random.one_in(2) {
        return usual;
    }
    Limits {
        held_bytes_max: SHARDS * (1 << (10 + random.below(10))),
        gap_bytes_max: 1 << (8 + random.below(10)),
        gap_segments_max: 1 + random.below(30),
        gap_packets_max: 1 + u32::try_from(random.below(10)).unwrap(),
        recent_bytes_max: 64 << random.below(5),
        nesting_max: 6 + u32::try_from(random.below(10)).unwrap(),
        fragment_datagrams_max: 1 + random.below(8),
        fragment_bytes_max: 1 << (6 + random.below(10)),
        head_bytes_max: 1 << (5 + random.below(10)),
        head_fields_max: 1 + random.below(10),
        pending_exchanges_max: 1 + random.below(4),
        interim_max: random.below(3),
        body_bytes_max: 1 << random.below(12),
        open_bodies_max: random.below(4),
        detect_bytes_max: 16 << random.below(8),
        ..usual
    }
}

struct Run {
    engine: Engine,
    sink: Devour,
    number: u64,
    audit_every: u64,
}

impl Run {
    fn packet(&mut self, at: UnixNanos, link_type: LinkType, original_length: u32, data: &[u8]) {
        self.number += 1;
        self.engine.packet(&Frame { number: self.number, at, link_type, original_length, data }, &mut self.sink);
        if self.number.is_multiple_of(self.audit_every) {
            audit(&self.engine);
        }
    }
}

fn play_file(corpus: &Corpus, random: &mut Random, run: &mut Run) {
    let mut bytes = corpus.files[random.below(corpus.files.len())].1.clone();
    let changes = 1 + random.below(8);
    mutate(&mut bytes, changes, random);
    let Ok(mut reader) = CaptureReader::new(Cursor::new(bytes), &ReadOptions::default()) else { return };
    while let Ok(Some(packet)) = reader.next_packet() {
        run.packet(packet.timestamp, packet.link_type, packet.original_length, packet.data);
        // A packed file that was damaged may become a long one.
        if run.number > 20_000 {
            break;
        }
    }
}

fn play_packets(corpus: &Corpus, random: &mut Random, run: &mut Run) {
    let samples = &corpus.packets[random.below(corpus.packets.len())];
    let from = random.below(samples.len().saturating_sub(PACKETS_MAX) + 1);
    let share = 1 + random.below(12);
    for sample in &samples[from..(from + PACKETS_MAX).min(samples.len())] {
        let copies = if random.one_in(20) { 1 + random.below(2) } else { 1 };
        if random.one_in(20) {
            continue;
        }
        let (mut data, mut at, mut original_length) = (sample.data.clone(), sample.at, sample.original_length);
        if random.one_in(share) {
            let changes = 1 + random.below(4);
            mutate(&mut data, changes, random);
        }
        if random.one_in(60) {
            data.truncate(random.below(data.len() + 1));
        }
        if random.one_in(100) {
            at = UnixNanos(random.bits().cast_signed());
        }
        if random.one_in(100) {
            original_length = u32::try_from(random.below(1 << 17)).unwrap();
        }
        for _ in 0..copies {
            run.packet(at, sample.link_type, original_length, &data);
        }
    }
}

fn corpus(root: &Path) -> Corpus {
    let mut corpus = Corpus { files: Vec::new(), packets: Vec::new() };
    let kinds = ["captures", "hostile/pcap", "hostile/pcapng", "hostile/tcp", "hostile/http", "hostile/compress"];
    let mut folders: Vec<PathBuf> = kinds.iter().map(|kind| root.join(kind)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(mut bytes) = std::fs::read(&path) {
                corpus.packets.extend(samples(&bytes));
                bytes.truncate(FILE_BYTES_MAX);
                corpus.files.push((path, bytes));
            }
        }
    }
    corpus
}

fn samples(bytes: &[u8]) -> Option<Vec<Sample>> {
    let mut reader = CaptureReader::new(Cursor::new(bytes.to_vec()), &ReadOptions::default()).ok()?;
    let mut samples = Vec::new();
    while let Ok(Some(packet)) = reader.next_packet() {
        samples.push(Sample {
            at: packet.timestamp,
            link_type: packet.link_type,
            original_length: packet.original_length,
            data: packet.data.to_vec(),
        });
        if samples.len() >= 2000 {
            break;
        }
    }
    (!samples.is_empty()).then_some(samples)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn mutations() {
    let root = std::env::var_os("ARACHNE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let corpus = corpus(&root);
    if corpus.files.is_empty() {
        eprintln!("skipped: no captures under ARACHNE_SHARED");
        return;
    }
    let (wanted, first) = (number("MUTATIONS"), number("MUTATION_SEED").unwrap_or(1));
    let (begin, mut packets, mut done) = (Instant::now(), 0, 0);
    while done < wanted.unwrap_or(20_000) && (wanted.is_some() || begin.elapsed() < Duration::from_secs(10)) {
        let (seed, start) = (first + done, Instant::now());
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play(&corpus, seed)));
        let Ok(count) = played else { panic!("MUTATION_SEED={seed} failed") };
        assert!(start.elapsed() < CASE_MAX, "MUTATION_SEED={seed} took {:?}", start.elapsed());
        packets += count;
        done += 1;
        if done % 100_000 == 0 {
            eprintln!("{done} mutations, {packets} packets, {:?}", begin.elapsed());
        }
    }
    eprintln!("{done} mutations, {packets} packets, {:?}", begin.elapsed());
}
