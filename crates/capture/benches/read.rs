//! Packets per second of reading from memory: pcap and pcapng, small packets and large ones.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use arachne_capture::{CaptureReader, ReadOptions};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const PACKETS: u32 = 200_000;

/// A shared slice that can be read many times without being copied first.
#[derive(Clone)]
struct Bytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn words(file: &mut Vec<u8>, words: &[u32]) {
    file.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

fn pcap(length: u32) -> Vec<u8> {
    let mut file = Vec::new();
    words(&mut file, &[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
    for n in 0..PACKETS {
        words(&mut file, &[1_700_000_000 + n / 1000, n % 1000, length, length]);
        file.resize(file.len() + length as usize, 7);
    }
    file
}

fn pcapng(length: u32) -> Vec<u8> {
    let mut file = Vec::new();
    words(&mut file, &[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
    words(&mut file, &[1, 20, 1, 262_144, 20]);
    let block = 32 + length.next_multiple_of(4);
    for n in 0..PACKETS {
        words(&mut file, &[6, block, 0, 395_812, n, length, length]);
        file.resize(file.len() + length.next_multiple_of(4) as usize, 7);
        words(&mut file, &[block]);
    }
    file
}

fn read(file: &Bytes) -> u64 {
    let mut reader = CaptureReader::new(Cursor::new(file.clone()), &ReadOptions::default()).unwrap();
    let mut bytes = 0;
    while let Some(packet) = reader.next_packet().unwrap() {
        bytes += black_box(packet).data.len() as u64;
    }
    bytes
}

fn reading(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(u64::from(PACKETS)));
    for length in [64, 864] {
        let (pcap, pcapng) = (Bytes(Arc::new(pcap(length))), Bytes(Arc::new(pcapng(length))));
        group.bench_function(format!("pcap/{length}"), |b| b.iter(|| read(&pcap)));
        group.bench_function(format!("pcapng/{length}"), |b| b.iter(|| read(&pcapng)));
    }
    group.finish();
}

criterion_group!(benches, reading);
criterion_main!(benches);
