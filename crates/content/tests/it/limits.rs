//! Bombs: small bodies that unpack to much.

use std::io::Write as _;
use std::time::{Duration, Instant};

use arachne_content::TapOptions;
use arachne_model::{Anomaly, TapFacts};

use crate::support::{all, facts_of, gzip, only, sha256, tap_for, text};

const MIB: u64 = 1 << 20;

/// `bytes` zeros through `encoder`, a mebibyte at a time.
fn zeros(encoder: &mut dyn std::io::Write, bytes: u64) {
    let block = vec![0; MIB as usize];
    for _ in 0..bytes / MIB {
        encoder.write_all(&block).unwrap();
    }
}

fn gzip_bomb(bytes: u64) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    zeros(&mut encoder, bytes);
    encoder.finish().unwrap()
}

fn brotli_bomb(bytes: u64) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    zeros(&mut encoder, bytes);
    encoder.into_inner()
}

fn zstd_bomb(bytes: u64) -> Vec<u8> {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    zeros(&mut encoder, bytes);
    encoder.finish().unwrap()
}

/// Runs a bomb in packets; time and memory must stay small.
fn defuse(header: &str, bomb: &[u8]) -> TapFacts {
    let started = Instant::now();
    let mut tap = tap_for(header, &all()).unwrap();
    let mut held_bytes_max = 0;
    for packet in bomb.chunks(1460) {
        tap.write(packet);
        held_bytes_max = held_bytes_max.max(tap.held_bytes());
    }
    let facts = tap.finish(true);
    assert!(started.elapsed() < Duration::from_secs(3), "{header}: {:?}", started.elapsed());
    // The window, the kept bytes and tables.
    assert!(held_bytes_max < 12 * MIB as usize, "{header}: {held_bytes_max} held");
    assert_eq!(facts.sha256, Some(sha256(bomb)), "the body as sent is measured to its end");
    facts
}

#[test]
fn bombs_end_at_the_ratio() {
    for (header, bomb) in
        [("gzip", gzip_bomb(256 * MIB)), ("br", brotli_bomb(1024 * MIB)), ("zstd", zstd_bomb(1024 * MIB))]
    {
        let facts = defuse(header, &bomb);
        assert_eq!(facts.anomalies, only(Anomaly::DecompressBomb), "{header}");
        let size = facts.decoded_size.unwrap();
        assert!((MIB..=10 * MIB).contains(&size), "{header}: {size}");
        assert_eq!(facts.kept.unwrap(), vec![0; MIB as usize]);
        assert!(facts.kept_cut);
    }
}

#[test]
fn a_ratio_is_fine_while_little_is_unpacked() {
    let bomb = gzip_bomb(MIB);
    let facts = defuse("gzip", &bomb);
    assert!(facts.anomalies.is_empty());
    assert_eq!(facts.decoded_size, Some(MIB));
}

#[test]
fn output_ends_at_the_limit_to_the_byte() {
    let content = text(300_000, 11);
    let raw = gzip(&content);
    let mut options = all();
    for (limit, size, bomb) in [(299_999, 299_999, true), (300_000, 300_000, false), (1000, 1000, true), (0, 0, true)] {
        options.limits.decoded_bytes_max = limit;
        let facts = facts_of("gzip", &raw, &options);
        let expected = if size == 0 { None } else { Some(size) };
        assert_eq!(facts.decoded_size, expected);
        assert_eq!(facts.anomalies.contains(Anomaly::DecompressBomb), bomb, "{limit}");
    }
}

#[test]
fn what_lies_between_two_layers_is_limited_too() {
    // 64 MiB of gzip members without content: nothing comes out at the end, but there is much to do.
    let empty = gzip(b"");
    let block = empty.repeat(MIB as usize / empty.len());
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(9));
    for _ in 0..64 {
        encoder.write_all(&block).unwrap();
    }
    let facts = defuse("gzip, gzip", &encoder.finish().unwrap());
    assert_eq!((facts.decoded_size, facts.anomalies), (None, only(Anomaly::DecompressBomb)));
}

#[test]
fn too_many_layers_are_not_decoded() {
    let nested = (0..5).fold(text(1000, 12), |body, _| gzip(&body));
    let facts = facts_of("gzip, gzip, gzip, gzip, gzip", &nested, &all());
    assert_eq!((facts.decoded_size, facts.anomalies), (None, only(Anomaly::DecompressError)));
    assert_eq!(facts.kept, Some(nested));
}

#[test]
fn a_brotli_window_is_counted_as_it_fills_and_ends_at_16_mib() {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 1, 24);
    zeros(&mut encoder, 40 * MIB);
    let raw = encoder.into_inner();
    let mut options = TapOptions { keep: false, ..all() };
    options.limits.decoded_bytes_max = u64::MAX;
    options.limits.ratio_max = u64::MAX;
    let mut tap = tap_for("br", &options).unwrap();
    tap.write(&raw[..20]);
    assert!(tap.held_bytes() < MIB as usize, "{}", tap.held_bytes());
    for packet in raw[20..].chunks(100) {
        tap.write(packet);
        assert!(tap.held_bytes() < 17 * MIB as usize, "{}", tap.held_bytes());
    }
    let facts = tap.finish(true);
    assert_eq!((facts.decoded_size, facts.anomalies.is_empty()), (Some(40 * MIB), true));
}

#[test]
fn after_the_limit_nothing_is_held_for_decoding() {
    let bomb = gzip_bomb(64 * MIB);
    let mut tap = tap_for("gzip", &all()).unwrap();
    tap.write(&bomb);
    assert!(tap.held_bytes() < 2 * MIB as usize);
}
