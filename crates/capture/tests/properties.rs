//! Properties: no bytes make it panic or hold more than its limits, any chunking gives the same packets.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{self, Cursor, Read};

use arachne_capture::{ByteOrder, CaptureReader, ReadOptions};
use arachne_model::Limits;
use common::make::{File, done};
use common::{packets_of, read_from};
use proptest::prelude::*;

/// Gives at most as many bytes per read as the list says, over and over.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.turn % self.sizes.len()].min(into.len());
        self.turn += 1;
        self.bytes.read(&mut into[..size])
    }
}

fn options() -> ReadOptions {
    // Low limits, so that they are met.
    ReadOptions {
        limits: Limits { record_bytes_max: 4096, interfaces_max: 8, ..Limits::default() },
        keep_secrets: true,
    }
}

fn order() -> impl Strategy<Value = ByteOrder> {
    prop_oneof![Just(ByteOrder::Little), Just(ByteOrder::Big)]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..200)
}

prop_compose! {
    fn pcap()(
        order in order(),
        magic in prop_oneof![Just(0xa1b2_c3d4_u32), Just(0xa1b2_3c4d), Just(0xa1b2_cd34)],
        records in proptest::collection::vec((prop_oneof![any::<u32>(), Just(1_700_000_000)], any::<u32>(), any::<u32>(), payload()), 0..20),
    ) -> Vec<u8> {
        let mut file = File::pcap(order, magic, (2, 4), 0, 1);
        for (seconds, fraction, original, data) in records {
            file.record(seconds, fraction, original, &data);
        }
        file.bytes
    }
}

prop_compose! {
    fn pcapng()(
        order in order(),
        resolution in any::<u8>(),
        offset in any::<u64>(),
        blocks in proptest::collection::vec((0_u8..12, any::<u64>(), payload()), 0..20),
    ) -> Vec<u8> {
        let mut file = File::new(order);
        let offset = file.long(offset);
        file.section().interface(1, 0, &[(9, &[resolution]), (14, &offset)]);
        for (kind, ticks, data) in blocks {
            match kind {
                0..8 => done(file.enhanced(0, ticks, &data, &[(1, b"comment"), (4, &offset)])),
                8 => done(file.section().interface(101, 0, &[])),
                9 => done(file.block(5, |body| done(body.words(&[0, 0, 0]).options(&[(5, &offset), (7, &offset)])))),
                10 => done(file.block(10, |body| done(body.words(&[1, data.len() as u32]).raw(&data)))),
                _ => done(file.block(4, |body| done(body.half(1).half(data.len() as u16).raw(&data).pad().word(0)))),
            }
        }
        file.bytes
    }
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![pcap(), pcapng()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(
        start in prop_oneof![
            Just(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00".to_vec()),
            Just(b"\xa1\xb2\x3c\x4d\x00\x02\x00\x04".to_vec()),
            Just(b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0".to_vec()),
            Just(b"\x1f\x8b\x08".to_vec()),
            Just(b"\x28\xb5\x2f\xfd".to_vec()),
            Just(vec![]),
        ],
        rest in proptest::collection::vec(any::<u8>(), 0..500),
    ) {
        let bytes = [start, rest].concat();
        let length = bytes.len();
        let (packets, _) = read_from(Cursor::new(bytes), &options());
        prop_assert!(packets.len() <= length / 16 + 1 || length > 500);
    }

    #[test]
    fn any_chunking_gives_the_same_packets(
        bytes in file(),
        sizes in proptest::collection::vec(1_usize..64, 1..20),
        cut in any::<prop::sample::Index>(),
    ) {
        for bytes in [bytes[..cut.index(bytes.len() + 1)].to_vec(), bytes] {
            let whole = read_from(Cursor::new(bytes.clone()), &options());
            let pieces = Pieces { bytes: Cursor::new(bytes), sizes: sizes.clone(), turn: 0 };
            prop_assert_eq!(read_from(pieces, &options()), whole);
        }
    }

    #[test]
    fn mutations_never_panic_and_stay_in_bounds(
        mut bytes in file(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let total = bytes.len();
        let Ok(mut reader) = CaptureReader::new(Cursor::new(bytes), &options()) else { return Ok(()) };
        let (packets, _) = packets_of(&mut reader);
        prop_assert!(packets.iter().all(|packet| packet.data.len() <= 4096));
        prop_assert!(packets.iter().map(|packet| packet.data.len()).sum::<usize>() <= total);
        // The buffer for one read, eight interfaces, and secrets up to the limit.
        prop_assert!(reader.held_bytes() <= (256 + 16) * 1024);
    }
}
