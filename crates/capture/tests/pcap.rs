//! pcap files of a few bytes: dialects, versions, odd records.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Cursor;

use arachne_capture::{ByteOrder, CaptureReader, Format, ReadOptions};
use common::make::File;
use common::{Owned, read_all, read_from};

fn read(file: &File) -> (Vec<Owned>, Option<String>) {
    read_from(Cursor::new(file.bytes.clone()), &ReadOptions::default())
}

fn packet(at: i64, original: u32, data: &[u8]) -> Owned {
    Owned { at, bad: false, link: 1, original, data: data.to_vec() }
}

#[test]
fn both_resolutions_in_both_orders() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for (magic, nanos) in [(0xa1b2_c3d4, 5_000), (0xa1b2_3c4d, 5)] {
            let mut file = File::pcap(order, magic, (2, 4), 0, 1);
            file.record(2, 5, 9, b"abc").record(4_294_967_295, 0, 0, b"");
            let expected = [packet(2_000_000_000 + nanos, 9, b"abc"), packet(4_294_967_295_000_000_000, 0, b"")];
            assert_eq!(read(&file), (expected.to_vec(), None));
        }
    }
}

#[test]
fn the_modified_variant_has_longer_headers() {
    let mut file = File::pcap(ByteOrder::Little, 0xa1b2_cd34, (2, 4), 96, 1);
    for n in 0..2 {
        file.words(&[1_700_000_000 + n, 1, 3, 60]).words(&[2, 0x0008]).raw(b"abc");
    }
    let at = |n: i64| 1_700_000_000_000_001_000 + n * 1_000_000_000;
    assert_eq!(read(&file), (vec![packet(at(0), 60, b"abc"), packet(at(1), 60, b"abc")], None));
}

#[test]
fn variants_with_the_usual_magic_are_refused_by_name() {
    let mut file = File::usual_pcap();
    for n in 0..2 {
        file.words(&[1_700_000_000 + n, 1, 3, 60, 77]).raw(b"abc");
    }
    let (packets, error) = read(&file);
    // The first packet is out before the second tells.
    assert_eq!(packets.len(), 1);
    assert_eq!(error.unwrap(), "Nokia's variant of pcap (20-byte record headers) is not read, offset 43");
}

#[test]
fn headers_that_are_refused_say_why() {
    let little = ByteOrder::Little;
    let cases = [
        (File::pcap(little, 0xa1b2_c3d4, (9, 9), 0, 1), "pcap version 9.9 is not read, 2.4 was expected, offset 4"),
        (
            File::pcap(little, 0xa1b2_c3d4, (2, 2), 0, 6),
            "pcap version 2.2, as AIX writes it with its own link types and times, is not read, offset 4",
        ),
        (File::pcap(little, 0xa1b2_c3d4, (2, 4), 0, 4095), "link type 4095 does not exist, offset 20"),
        (File::pcap(little, 0xa12b_3c4d, (2, 4), 0, 1), "Navtel's variant of pcap is not read, offset 0"),
        (File::pcap(little, 0x1c00_01ac, (2, 4), 0, 1), "IXIA's hardware variant of pcap (lcap) is not read, offset 0"),
    ];
    for (file, expected) in cases {
        assert_eq!(read(&file), (vec![], Some(expected.to_owned())));
    }
    let cut = File { order: little, bytes: File::usual_pcap().bytes[..10].to_vec() };
    let expected = "not a capture file (it ends inside the file header), offset 10";
    assert_eq!(read(&cut), (vec![], Some(expected.to_owned())));
}

#[test]
fn check_sequence_bits_are_no_part_of_the_link_type() {
    let mut file = File::pcap(ByteOrder::Little, 0xa1b2_c3d4, (2, 4), 0, 0x2400_0001);
    file.record(1, 0, 3, b"abc");
    let outcome = read_all(file.bytes);
    assert_eq!((outcome.packets, outcome.error), (1, None));
    assert_eq!(outcome.summary.unwrap().warnings, ["each frame ends with 4 bytes of check sequence"]);
}

#[test]
fn a_fraction_of_a_second_or_more_is_clamped_and_flagged() {
    let mut file = File::usual_pcap();
    file.record(5, 1_000_000, 1, b"a").record(5, u32::MAX, 1, b"b").record(5, 999_999, 1, b"c");
    let (packets, _) = read(&file);
    let times: Vec<_> = packets.iter().map(|p| (p.at, p.bad)).collect();
    assert_eq!(times, [(5_999_999_000, true), (5_999_999_000, true), (5_999_999_000, false)]);
}

#[test]
fn lengths_of_version_2_3_are_put_right() {
    let mut file = File::pcap(ByteOrder::Big, 0xa1b2_c3d4, (2, 3), 0, 1);
    file.words(&[1, 0, 60, 3]).raw(b"abc").words(&[1, 0, 3, 60]).raw(b"def");
    let expected = vec![packet(1_000_000_000, 60, b"abc"), packet(1_000_000_000, 60, b"def")];
    assert_eq!(read(&file), (expected, None));
}

#[test]
fn records_over_the_snap_length_are_read_with_one_warning() {
    let mut file = File::pcap(ByteOrder::Little, 0xa1b2_c3d4, (2, 4), 2, 1);
    file.record(1, 0, 3, b"abc").record(1, 0, 3, b"abc");
    let outcome = read_all(file.bytes);
    assert_eq!((outcome.packets, outcome.error), (2, None));
    let warning = "record 1 has 3 bytes, more than the snap length of 2 in the file header";
    assert_eq!(outcome.summary.unwrap().warnings, [warning]);
}

#[test]
fn what_came_before_a_fault_is_kept() {
    let mut good = File::usual_pcap();
    good.record(1, 0, 3, b"abc");
    let with = |more: &[u8]| read(&File { order: good.order, bytes: [&good.bytes, more].concat() });
    let kept = vec![packet(1_000_000_000, 3, b"abc")];
    let (packets, error) = with(&[0; 15]);
    assert_eq!(packets, kept);
    assert_eq!(error.unwrap(), "the file ends inside record 2 at offset 43: 15 of 16 bytes are there");
    let (packets, error) = with(&[1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 9]);
    assert_eq!(packets, kept);
    assert_eq!(error.unwrap(), "the file ends inside record 2 at offset 43: 17 of 20 bytes are there");
    let (packets, error) = with(&[0xff; 40]);
    assert_eq!(packets, kept);
    assert_eq!(error.unwrap(), "record 2 at offset 43 is damaged: it claims 4294967295 bytes, the limit is 16777216");
}

#[test]
fn the_summary_tells_what_the_file_is() {
    let mut file = File::pcap(ByteOrder::Big, 0xa1b2_3c4d, (2, 4), 0, 113);
    file.record(1, 0, 3, b"abc");
    let mut reader = CaptureReader::new(Cursor::new(file.bytes.clone()), &ReadOptions::default()).unwrap();
    assert!(reader.is_buffered());
    assert!(reader.next_packet().unwrap().is_some());
    assert!(!reader.is_buffered());
    assert!(reader.next_packet().unwrap().is_none());
    assert!(reader.next_packet().unwrap().is_none());
    let summary = reader.summary();
    assert_eq!(summary.format, Format::Pcap { order: ByteOrder::Big, version: (2, 4), modified: false });
    assert_eq!(summary.resolution.unwrap().to_string(), "nanoseconds");
    assert_eq!((summary.packets, summary.packet_bytes, summary.interfaces), (1, 3, 1));
    assert_eq!(reader.bytes_read(), file.bytes.len() as u64);
}
