//! pcapng files of a few blocks: sections, interfaces, clocks, every block type, damage.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Cursor;

use arachne_capture::{ByteOrder, CaptureReader, ReadOptions, Secret};
use arachne_model::Limits;
use common::make::{File, done};
use common::{Owned, packets_of, read_all, read_from};

fn start(order: ByteOrder) -> File {
    let mut file = File::new(order);
    file.section().interface(1, 0, &[]);
    file
}

fn read(file: &File) -> (Vec<Owned>, Option<String>) {
    read_from(Cursor::new(file.bytes.clone()), &ReadOptions::default())
}

fn fault(file: &File) -> String {
    read(file).1.unwrap()
}

#[test]
fn sections_have_their_own_order_and_interfaces() {
    let mut file = start(ByteOrder::Little);
    file.enhanced(0, 1_000_001, b"abc", &[]);
    file.order = ByteOrder::Big;
    file.section().interface(101, 0, &[(9, &[9])]).enhanced(0, 7, b"defgh", &[]);
    let packet =
        |at, link, data: &[u8]| Owned { at, bad: false, link, original: data.len() as u32, data: data.to_vec() };
    assert_eq!(read(&file), (vec![packet(1_000_001_000, 1, b"abc"), packet(7, 101, b"defgh")], None));
    let summary = read_all(file.bytes).summary.unwrap();
    assert_eq!((summary.sections, summary.interfaces), (2, 2));
}

#[test]
fn clocks_are_those_of_the_interface() {
    let mut file = File::new(ByteOrder::Big);
    let offset = file.long(100);
    file.section();
    file.interface(1, 0, &[(9, &[0x8a])]).interface(1, 0, &[(9, &[3]), (14, &offset)]).interface(1, 0, &[(9, &[0xff])]);
    file.enhanced(0, 1024, b"a", &[]).enhanced(1, 1_500, b"b", &[]).enhanced(2, 5, b"c", &[]);
    let times: Vec<_> = read(&file).0.iter().map(|p| (p.at, p.bad)).collect();
    assert_eq!(times, [(1_000_000_000, false), (101_500_000_000, false), (0, true)]);
}

#[test]
fn simple_packets_are_cut_and_have_the_time_before() {
    let mut file = File::new(ByteOrder::Little);
    file.section().interface(1, 3, &[]).enhanced(0, 9, b"x", &[]);
    file.block(3, |body| {
        body.word(60).raw(b"abc");
    });
    let (packets, error) = read(&file);
    assert_eq!(error, None);
    let simple = Owned { at: 9_000, bad: true, link: 1, original: 60, data: b"abc".to_vec() };
    assert_eq!(packets[1], simple);
}

#[test]
fn obsolete_packets_are_read_with_their_drops() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        let mut file = start(order);
        file.block(2, |body| {
            body.half(0).half(7).words(&[0, 9, 3, 60]).raw(b"abc");
        });
        file.block(2, |body| {
            body.half(0).half(u16::MAX).words(&[0, 9, 0, 0]);
        });
        let outcome = read_all(file.bytes);
        assert_eq!((outcome.packets, outcome.error), (2, None));
        assert_eq!(outcome.summary.unwrap().dropped_between, 7);
    }
}

#[test]
fn blocks_beside_packets_are_counted() {
    let mut file = start(ByteOrder::Little);
    let counter = |n: u64| n.to_le_bytes();
    file.enhanced(0, 1, b"a", &[(1, b"note"), (4, &counter(3))]);
    for dropped in [5, 8] {
        file.block(5, |body| {
            body.words(&[0, 0, 0]).options(&[(4, &counter(100)), (5, &counter(dropped)), (7, &counter(1))]);
        });
    }
    file.block(4, |body| {
        body.half(1).half(9).raw(b"\x0a\0\0\x01host\0").pad().word(0).options(&[(1, b"names")]);
    });
    for kind in [0x0bad, 9, 9, 0x8000_0001] {
        file.block(kind, |body| {
            body.raw(b"whatever");
        });
    }
    let outcome = read_all(file.bytes);
    assert_eq!((outcome.packets, outcome.error), (1, None));
    let summary = outcome.summary.unwrap();
    let statistics = summary.statistics;
    assert_eq!((statistics.blocks, statistics.received, statistics.dropped()), (2, 100, 9));
    assert_eq!((summary.dropped_between, summary.name_records, summary.comments), (3, 1, 2));
    let skipped: Vec<_> = summary.skipped.iter().map(|s| (s.kind.unwrap(), s.count, s.name())).collect();
    assert_eq!(skipped, [(0x0bad, 1, Some("custom")), (9, 2, Some("systemd journal")), (0x8000_0001, 1, None)]);
    assert!(summary.warnings.is_empty(), "{:?}", summary.warnings);
}

#[test]
fn secrets_are_kept_only_when_asked_for() {
    let mut file = start(ByteOrder::Little);
    file.block(10, |body| {
        body.words(&[Secret::TLS_KEY_LOG, 5]).raw(b"12345");
    });
    file.block(10, |body| {
        body.words(&[Secret::TLS_KEY_LOG, 500]).raw(b"12345");
    });
    for keep_secrets in [false, true] {
        let options = ReadOptions { keep_secrets, ..ReadOptions::default() };
        let mut reader = CaptureReader::new(Cursor::new(file.bytes.clone()), &options).unwrap();
        assert!(packets_of(&mut reader).1.is_none());
        assert_eq!(reader.summary().secrets_blocks, 2);
        assert_eq!(reader.summary().warnings.len(), 1);
        let secret = Secret { kind: Secret::TLS_KEY_LOG, data: b"12345".to_vec() };
        assert_eq!(reader.secrets(), vec![secret; usize::from(keep_secrets)]);
    }
}

#[test]
fn options_that_lie_are_ignored_with_a_warning() {
    let mut file = File::new(ByteOrder::Little);
    file.section().block(1, |body| {
        body.half(1).half(0).word(0).half(9).half(60_000).raw(&[9, 0, 0, 0]);
    });
    file.enhanced(0, 1, b"a", &[]);
    let outcome = read_all(file.bytes);
    assert_eq!((outcome.packets, outcome.error), (1, None));
    assert_eq!(outcome.summary.unwrap().warnings.len(), 1);
}

#[test]
fn damaged_blocks_say_where_and_why() {
    const HERE: u64 = 48;
    let with = |fill: &dyn Fn(&mut File)| {
        let mut file = start(ByteOrder::Little);
        assert_eq!(file.bytes.len() as u64, HERE);
        fill(&mut file);
        fault(&file)
    };
    let raw = |words: &[u32]| with(&|file| done(file.words(words)));
    let cases = [
        (raw(&[7, 0, 0]), "a block of type 0x7 at offset 48 is damaged: its length of 0 bytes is less than 12"),
        (raw(&[7, 14, 0]), "a block of type 0x7 at offset 48 is damaged: its length of 14 bytes is no multiple of 4"),
        (
            raw(&[7, 0xffff_fff0, 0]),
            "a block of type 0x7 at offset 48 is damaged: it claims 4294967280 bytes, the limit is 16777216",
        ),
        (raw(&[7, 16, 0, 20]), "a block of type 0x7 at offset 48 is damaged: its length is 16 in front but 20 behind"),
        (raw(&[7, 32, 0, 20]), "the file ends inside a block of type 0x7 at offset 48: 16 of 32 bytes are there"),
        (
            raw(&[0x0a0d_0d0a, 28, 5, 0]),
            "a block of type 0xa0d0d0a at offset 48 is damaged: \
             the byte-order magic of the section is neither 1a2b3c4d nor 4d3c2b1a",
        ),
        (
            with(&|file| done(file.enhanced(7, 0, b"", &[]))),
            "a block of type 0x6 at offset 48 is damaged: \
             a packet of interface 7, but the section has 1, numbered from 0",
        ),
        (
            with(&|file| done(file.block(6, |body| done(body.words(&[0, 0, 0, 5, 5, 0]))))),
            "a block of type 0x6 at offset 48 is damaged: it claims 5 bytes of packet but has room for 4",
        ),
        (
            with(&|file| done(file.block(6, |body| done(body.word(0))))),
            "a block of type 0x6 at offset 48 is damaged: a packet block needs 32 bytes",
        ),
        (with(&|file| done(file.interface(4095, 0, &[]))), "link type 4095 does not exist, offset 48"),
        (
            with(&|file| done(file.section().enhanced(0, 0, b"", &[]))),
            "a block of type 0x6 at offset 76 is damaged: a packet before any interface description",
        ),
        (
            with(&|file| {
                done(file.block(0x0a0d_0d0a, |body| done(body.words(&[0x1a2b_3c4d, 9, u32::MAX, u32::MAX]))));
            }),
            "pcapng version 9.0 is not read, 1.0 was expected, offset 48",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}

#[test]
fn interfaces_are_limited() {
    let limits = Limits { interfaces_max: 2, ..Limits::default() };
    let mut file = start(ByteOrder::Little);
    file.interface(1, 0, &[]).interface(1, 0, &[]);
    let options = ReadOptions { limits, keep_secrets: false };
    let (_, error) = read_from(Cursor::new(file.bytes), &options);
    assert_eq!(error.unwrap(), "more interfaces than the limit of 2, offset 68");
}
