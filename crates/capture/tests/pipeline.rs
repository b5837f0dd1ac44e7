//! What the pipeline tells beside records: minutes and frames, the same on any number of threads.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;
use std::ops::ControlFlow;

use arachne_capture::{CaptureReader, FrameBytes, Outcome, PipelineOptions, PipelineSink, ReadOptions, run};
use arachne_model::{Exchange, Ledger, Limits, TcpSession, UnixNanos};
use arachne_testkit::{Conversation, capture};
use arachne_wire::{Belongs, Frame, Sink};

/// Everything that is told, in order.
#[derive(Default)]
struct Told {
    wanted: FrameBytes,
    lines: Vec<String>,
    minutes: Vec<(i64, Ledger)>,
    frames: Vec<(Belongs, u64, Vec<u8>)>,
}

impl Sink for Told {
    fn exchange(&mut self, exchange: Exchange) {
        assert!(exchange.session_start <= exchange.start);
        self.lines.push(format!("exchange {:?} of {}", exchange.start, exchange.session));
    }
    fn session(&mut self, session: TcpSession) {
        self.lines.push(format!("session {} {:?}", session.number, session.first));
    }
}

impl PipelineSink for Told {
    fn waiting(&mut self, _bytes_read: u64) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn wants_frames(&self) -> FrameBytes {
        self.wanted
    }
    fn frame(&mut self, belongs: Belongs, frame: &Frame<'_>) {
        self.lines.push(format!("frame {} {belongs:?}", frame.number));
        self.frames.push((belongs, frame.number, frame.data.to_vec()));
    }
    fn wants_minutes(&self) -> bool {
        true
    }
    fn minute(&mut self, start: UnixNanos, counts: &Ledger) {
        self.lines.push(format!("minute {start:?} {counts:?}"));
        self.minutes.push((start.0, counts.clone()));
    }
}

/// Connections over ten minutes, one that is left open.
fn packets() -> Vec<u8> {
    let mut packets = Vec::new();
    for port in 0..40_u16 {
        let mut talk = Conversation::new(&format!("10.0.0.7:{}", 50_000 + port), "10.0.0.9:80");
        talk.wait(i64::from(port) * 14_000_000_000).handshake();
        for n in 0..3 {
            talk.client(format!("GET /{n} HTTP/1.1\r\nHost: shop\r\nX: S3CR3T\r\n\r\n").as_bytes())
                .wait(31_000_000_000)
                .server(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nS3CR3T");
        }
        if port != 7 {
            talk.close();
        }
        packets.extend_from_slice(talk.packets());
    }
    packets.sort_by_key(|packet| packet.at);
    capture::pcap(1, &packets)
}

fn told(bytes: &[u8], threads: usize, wanted: FrameBytes) -> (Told, Outcome) {
    let mut source = CaptureReader::new(Box::new(Cursor::new(bytes.to_vec())), &ReadOptions::default()).unwrap();
    let mut told = Told { wanted, ..Told::default() };
    let options = PipelineOptions { limits: Limits::default(), threads, taps: None };
    let outcome = run(&mut source, &options, &mut told);
    (told, outcome)
}

#[test]
fn minutes_add_up_and_balance() {
    let (told, outcome) = told(&packets(), 1, FrameBytes::None);
    assert!(told.frames.is_empty());
    assert!(told.minutes.len() >= 10, "{}", told.minutes.len());
    assert!(told.minutes.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let mut sum = Ledger::default();
    let mut before = Ledger::default();
    for (start, counts) in &told.minutes {
        assert_eq!(start % 60_000_000_000, 0);
        for ((name, now), (_, then)) in counts.stages().into_iter().zip(before.stages()) {
            let left = now.output + now.dropped_total() + now.in_flight;
            assert_eq!(now.input + then.in_flight, left, "{name} in the minute of {start}");
        }
        sum.add(counts);
        before = counts.clone();
    }
    for ((name, all), (_, total)) in sum.stages().into_iter().zip(outcome.summary.ledger.stages()) {
        assert_eq!((all.input, all.output), (total.input, total.output), "{name}");
        assert_eq!(all.reasons().collect::<Vec<_>>(), total.reasons().collect::<Vec<_>>(), "{name}");
    }
    assert_eq!(outcome.summary.ledger.exchanges.output, 120);
}

#[test]
fn the_same_is_told_on_any_number_of_threads() {
    let bytes = packets();
    for wanted in [FrameBytes::None, FrameBytes::Headers, FrameBytes::Whole] {
        let (one, _) = told(&bytes, 1, wanted);
        for threads in [2, 3, 9] {
            let (many, _) = told(&bytes, threads, wanted);
            assert_eq!(one.lines, many.lines, "{threads} threads");
            assert_eq!(one.frames, many.frames);
        }
    }
}

#[test]
fn frames_have_their_session_and_no_payload_unless_asked() {
    let (headers, outcome) = told(&packets(), 1, FrameBytes::Headers);
    assert_eq!(headers.frames.len() as u64, outcome.summary.ledger.packets.output);
    for (belongs, number, data) in &headers.frames {
        assert_eq!(data.len(), 14 + 20 + usize::from(data[46] >> 4) * 4, "{number}");
        let from_port = u16::from_be_bytes([data[34], data[35]]);
        assert_eq!(belongs.from_client, from_port != 80, "{number}");
    }
    let has_secret = |told: &Told| told.frames.iter().any(|(.., data)| data.windows(6).any(|w| w == b"S3CR3T"));
    assert!(!has_secret(&headers));
    assert!(has_secret(&told(&packets(), 1, FrameBytes::Whole).0));
}
