//! Taps on bodies as web servers send them: bytes of decoded output per second.
#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::io::Write as _;

use arachne_content::{TapOptions, tap};
use arachne_model::{BodyFacts, Field, Limits, Message, Span, StartLine};
use arachne_wire::sink::{Direction, MessageHead};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Text that compresses about five to one, as HTML and JSON do.
fn text(bytes: usize) -> Vec<u8> {
    let words = ["exchange ", "<div class=\"row\">", "session", "</div>\n", "\"price\": ", "0.", "time ", "is "];
    let mut seed = 7_u32;
    let mut out = Vec::with_capacity(bytes + 32);
    while out.len() < bytes {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        for turn in 0..4 {
            out.extend_from_slice(words[(seed >> (8 + turn * 3)) as usize & 7].as_bytes());
        }
        out.extend_from_slice(((seed >> 12) & 0xff).to_string().as_bytes());
    }
    out.truncate(bytes);
    out
}

fn encode(name: &str, content: &[u8]) -> Vec<u8> {
    match name {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
            encoder.write_all(content).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(content).unwrap();
            encoder.into_inner()
        }
        "zstd" => zstd::encode_all(content, 3).unwrap(),
        _ => content.to_vec(),
    }
}

fn message(encoding: &str) -> Message {
    let head = format!("Content-Encoding{encoding}").into_bytes();
    let field = Field { name: Span { start: 0, end: 16 }, value: Span { start: 16, end: head.len() as u32 } };
    Message {
        head,
        start_line: StartLine::Response { version: Span::default(), status: 200, reason: Span::default() },
        fields: vec![field],
        trailers_at: 1,
        body: BodyFacts::default(),
        complete: false,
        wire_bytes: 0,
    }
}

fn decode(criterion: &mut Criterion) {
    let plain = TapOptions { decode: true, hash: false, keep: false, limits: Limits::default() };
    let all = TapOptions { hash: true, keep: true, ..plain.clone() };
    for (size, label) in [(2_000, "2kB"), (30_000, "30kB"), (1_000_000, "1MB")] {
        let mut group = criterion.benchmark_group(format!("decode {label}"));
        group.throughput(Throughput::Bytes(size as u64)).sample_size(20);
        let content = text(size);
        for name in ["gzip", "deflate", "br", "zstd"] {
            let (raw, message) = (encode(name, &content), message(name));
            for (what, options) in [("count", &plain), ("hash and keep", &all)] {
                group.bench_function(BenchmarkId::new(name, what), |bencher| {
                    bencher.iter(|| {
                        let head = MessageHead { direction: Direction::Response, message: &message };
                        let mut tap = tap(&head, options).unwrap();
                        for packet in raw.chunks(1448) {
                            tap.write(packet);
                            black_box(tap.held_bytes());
                        }
                        let facts = tap.finish(true);
                        assert_eq!(facts.decoded_size, Some(size as u64));
                    });
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
