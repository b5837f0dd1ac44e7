//! Ways a file can come in: packed, in pieces, over a pipe, several at once, while it grows.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::VecDeque;
use std::io::{self, Cursor, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arachne_capture::{CaptureReader, Compression, Follow, JoinedReader, PacketSource, ReadOptions, open};
use common::make::File;
use common::{packets_of, read_all};

fn small(times: &[u32]) -> File {
    let mut file = File::usual_pcap();
    for (n, time) in times.iter().enumerate() {
        file.record(*time, n as u32, 4, &[n as u8; 4]);
    }
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn reader(bytes: Vec<u8>) -> CaptureReader {
    CaptureReader::new(Cursor::new(bytes), &ReadOptions::default()).unwrap()
}

#[test]
fn packed_files_are_read_whatever_their_name() {
    let plain = small(&[1, 2, 3]).bytes;
    let members = [gzip(&plain[..30]), gzip(&plain[30..])].concat();
    let frames = [
        zstd::encode_all(&plain[..30], 1).unwrap(),
        b"\x50\x2a\x4d\x18\x02\x00\x00\x00no".to_vec(),
        zstd::encode_all(&plain[30..], 1).unwrap(),
    ]
    .concat();
    let expected = packets_of(&mut reader(plain)).0;
    for (packed, compression) in [(members, Compression::Gzip), (frames, Compression::Zstd)] {
        let mut reader = reader(packed.clone());
        assert_eq!(packets_of(&mut reader).0, expected);
        assert_eq!(reader.summary().compression, compression);
        assert_eq!(reader.bytes_read(), packed.len() as u64);
    }
}

#[test]
fn a_packed_file_that_is_cut_keeps_what_came_before() {
    let plain = small(&[1, 2, 3]).bytes;
    let cut_inside = gzip(&plain[..plain.len() - 2]);
    let outcome = read_all(cut_inside);
    assert_eq!(outcome.packets, 2);
    assert_eq!(
        outcome.error.unwrap(),
        "the file ends inside record 3 at offset 64 of the unpacked gzip data: 18 of 20 bytes are there"
    );
    for packed in [gzip(&plain), zstd::encode_all(&plain[..], 1).unwrap()] {
        let outcome = read_all(packed[..packed.len() - 1].to_vec());
        let error = outcome.error.unwrap();
        assert!(error.starts_with("cannot unpack the ") && error.contains("beyond offset "), "{error}");
    }
    let mut wrong_sum = gzip(&plain);
    let crc = wrong_sum.len() - 8;
    wrong_sum[crc] ^= 1;
    let outcome = read_all(wrong_sum);
    assert_eq!(outcome.packets, 3);
    assert_eq!(outcome.error.unwrap(), "cannot unpack the gzip data beyond offset 84 of the unpacked gzip data");
}

#[test]
fn a_second_layer_is_refused_by_name() {
    let plain = small(&[1]).bytes;
    let outcome = read_all(zstd::encode_all(&gzip(&plain)[..], 1).unwrap());
    assert_eq!(
        outcome.error.unwrap(),
        "not a capture file (gzip data inside zstd data, only one layer is unpacked), \
         offset 0 of the unpacked zstd data"
    );
}

/// Gives one piece per read and panics when it is asked although it has to be waited for.
struct Pipe(VecDeque<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let piece = self.0.pop_front().expect("nobody reads while a whole record is here");
        into[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

#[test]
fn each_packet_of_a_pipe_is_seen_at_once() {
    let file = small(&[1, 2]).bytes;
    let pieces = [&file[..24], &file[24..44], &file[44..]].map(<[u8]>::to_vec);
    let mut reader = CaptureReader::new(Pipe(pieces.into()), &ReadOptions::default()).unwrap();
    assert!(!reader.is_buffered());
    // Another read would panic.
    assert!(reader.next_packet().unwrap().is_some());
    assert!(!reader.is_buffered());
    assert!(reader.next_packet().unwrap().is_some());
}

#[test]
fn joined_files_come_in_order_of_time() {
    let files = [small(&[3, 4, 9]), small(&[1, 4, 5]), small(&[]), small(&[7])];
    let order = |joined: &mut JoinedReader| {
        let mut seen = Vec::new();
        while let Some(packet) = joined.next_packet().unwrap() {
            let seconds = packet.timestamp.0 / 1_000_000_000;
            seen.push((seconds, joined.file()));
        }
        seen
    };
    let expected = [(1, 1), (3, 0), (4, 0), (4, 1), (5, 1), (7, 3), (9, 0)];
    let mut joined = JoinedReader::new(files.iter().map(|file| reader(file.bytes.clone())).collect());
    assert_eq!(order(&mut joined), expected);

    let folder = std::env::temp_dir().join(format!("arachne-join-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let paths: Vec<_> = (0..files.len()).map(|n| folder.join(format!("{n}.pcap"))).collect();
    for (path, file) in paths.iter().zip(&files) {
        std::fs::write(path, &file.bytes).unwrap();
    }
    let mut joined = JoinedReader::open(paths, &ReadOptions::default());
    assert_eq!(order(&mut joined), expected);
    assert_eq!(joined.summaries().map(|s| s.unwrap().packets).collect::<Vec<_>>(), [3, 3, 0, 1]);
    assert_eq!(joined.bytes_read(), files.iter().map(|file| file.bytes.len() as u64).sum::<u64>());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_damaged_file_among_joined_ones_ends_alone() {
    let mut damaged = small(&[1, 2]);
    damaged.bytes.truncate(50);
    let mut joined = JoinedReader::new(vec![reader(damaged.bytes), reader(small(&[1, 2, 3]).bytes)]);
    let (mut packets, mut faults) = (0, Vec::new());
    loop {
        match joined.next_packet() {
            Ok(Some(_)) => packets += 1,
            Ok(None) => break,
            Err(error) => faults.push((error.to_string(), joined.file())),
        }
    }
    assert_eq!(packets, 4);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].1, 0);

    let missing = JoinedReader::open(["/nonexistent/a".into(), "/nonexistent/b".into()], &ReadOptions::default());
    let mut missing = missing;
    assert!(missing.next_packet().unwrap_err().to_string().starts_with("cannot open /nonexistent/a"));
    assert!(missing.next_packet().unwrap_err().to_string().starts_with("cannot open /nonexistent/b"));
    assert!(missing.next_packet().unwrap().is_none());
}

#[test]
fn a_growing_file_is_followed() {
    let path = std::env::temp_dir().join(format!("arachne-follow-{}.pcap", std::process::id()));
    let whole = small(&[1, 2, 3]).bytes;
    std::fs::write(&path, &whole[..50]).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (flag, target, rest) = (Arc::clone(&stop), path.clone(), whole[50..].to_vec());
    let mut rounds = 0;
    let follow = Follow::with_wait(std::fs::File::open(&path).unwrap(), stop, move || {
        rounds += 1;
        if rounds == 1 {
            std::fs::OpenOptions::new().append(true).open(&target).unwrap().write_all(&rest).unwrap();
        } else {
            flag.store(true, Ordering::Release);
        }
    });
    let (packets, fault) = packets_of(&mut CaptureReader::new(follow, &ReadOptions::default()).unwrap());
    assert_eq!((packets.len(), fault.is_some()), (3, false));
    let (packets, _) = packets_of(&mut open(&path, &ReadOptions::default()).unwrap());
    assert_eq!(packets.len(), 3);
    std::fs::remove_file(path).unwrap();
}
