//! What a reader makes of files that were cut, flipped, forged or never logs.

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    Cause, Event, FRAME_HEADER_BYTES, FileHeader, FileKind, Finding, Frame, FrameError, FrameReader, HEADER_BYTES,
    NewFrame, PAYLOAD_BYTES_MAX,
};
use crate::disk::{Disk, MemoryDisk};

fn log(header: &FileHeader, payloads: &[Vec<u8>]) -> Vec<u8> {
    let mut out = header.encode().to_vec();
    for (sequence, payload) in (header.first..).zip(payloads) {
        NewFrame::new(3, 4, payload.clone()).expect("it is small").encode(sequence, header.salt, &mut out);
    }
    out
}

fn read(bytes: &[u8]) -> Result<(Vec<Frame>, Vec<Finding>), FrameError> {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::from_files([("f".to_owned(), bytes.to_vec())]));
    let (mut frames, mut findings) = (Vec::new(), Vec::new());
    for event in FrameReader::open(&*disk, "f", FileKind::Wal)? {
        match event? {
            Event::Frame(frame) => frames.push(frame),
            Event::Finding(finding) => findings.push(finding),
        }
    }
    Ok((frames, findings))
}

fn payloads() -> Vec<Vec<u8>> {
    (0..12u8).map(|n| vec![n; usize::from(n) * 23]).collect()
}

fn header() -> FileHeader {
    FileHeader::new(FileKind::Wal, 100, 0)
}

/// Where each frame of [`payloads`] ends.
fn ends() -> Vec<usize> {
    let sizes = payloads().into_iter().map(|payload| FRAME_HEADER_BYTES + payload.len());
    sizes
        .scan(HEADER_BYTES, |end, size| {
            Some({
                *end += size;
                *end
            })
        })
        .collect()
}

#[test]
fn what_was_written_is_read() {
    let (frames, findings) = read(&log(&header(), &payloads())).expect("it can be read");
    assert!(findings.is_empty());
    assert_eq!(frames.iter().map(|f| f.payload.clone()).collect::<Vec<_>>(), payloads());
    assert!(frames.iter().zip(100..).all(|(f, n)| (f.sequence, f.kind, f.flags) == (n, 3, 4)));
}

#[test]
fn a_flipped_bit_costs_the_frame_it_is_in() {
    let whole = log(&header(), &payloads());
    let (expected, _) = read(&whole).expect("it can be read");
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let (frames, findings) = read(&bytes).expect("damage is no error");
        assert_eq!(findings.len(), 1, "byte {at}: {findings:?}");
        let hit = ends().iter().position(|end| at < *end && at >= HEADER_BYTES);
        let left: Vec<_> =
            expected.iter().enumerate().filter(|(n, _)| Some(*n) != hit).map(|(_, f)| f.clone()).collect();
        assert_eq!(frames, left, "byte {at}");
        let Some(hit) = hit else {
            assert_eq!(findings[0].cause, Cause::HeaderCopy);
            continue;
        };
        // Only behind the last frame nothing tells how many there were.
        let in_payload = at >= ends()[hit] - payloads()[hit].len();
        let count = (hit + 1 < expected.len() || in_payload).then_some(1);
        assert_eq!(findings[0].cause, Cause::Damaged { first: 100 + hit as u64, count }, "byte {at}");
        assert_eq!((findings[0].path.as_str(), findings[0].offset), ("f", expected[hit].offset));
    }
}

#[test]
fn a_cut_is_a_torn_tail() {
    let whole = log(&header(), &payloads());
    for length in 0..whole.len() {
        let (frames, findings) = read(&whole[..length]).expect("a cut is no error");
        assert_eq!(frames.len(), ends().iter().filter(|end| **end <= length).count(), "{length} bytes");
        let clean = length == HEADER_BYTES || ends().contains(&length);
        assert_eq!(findings.len(), usize::from(!clean), "{length} bytes: {findings:?}");
        assert!(findings.iter().all(|f| f.cause == Cause::TornTail && !f.is_damage()), "{length} bytes");
        let zeros = [&whole[..length], &[0; 700]].concat();
        let (with_zeros, _) = read(&zeros).expect("zeros are no error");
        assert_eq!(with_zeros.len(), frames.len(), "{length} bytes and zeros");
    }
}

#[test]
fn zeros_at_the_end_are_a_torn_tail() {
    let bytes = [log(&header(), &payloads()), vec![0; 200_000]].concat();
    let (frames, findings) = read(&bytes).expect("zeros are no error");
    assert_eq!((frames.len(), findings[0].cause.clone()), (12, Cause::TornTail));
    assert_eq!(read(&[0; 4096]).expect("zeros are no error").1[0].cause, Cause::TornTail);
}

#[test]
fn a_frame_inside_a_payload_is_not_believed() {
    let stranger = FileHeader::new(FileKind::Wal, 100, 0);
    let forged = log(&stranger, &[b"forged".to_vec(), b"forged".to_vec()])[HEADER_BYTES..].to_vec();
    let mut bytes = log(&header(), &[forged.clone(), forged, b"true".to_vec()]);
    bytes[HEADER_BYTES + 5] ^= 1;
    let (frames, findings) = read(&bytes).expect("damage is no error");
    assert_eq!(frames.iter().map(|f| f.sequence).collect::<Vec<_>>(), [101, 102]);
    assert_eq!(frames[1].payload, b"true");
    assert_eq!(findings[0].cause, Cause::Damaged { first: 100, count: Some(1) });
}

#[test]
fn frames_out_of_their_order_are_not_believed() {
    let own = header();
    let mut bytes = own.encode().to_vec();
    let frame = NewFrame::new(0, 0, vec![7; 100]).expect("it is small");
    for sequence in [100, 100, 5, 1 << 40, 101, 102] {
        frame.encode(sequence, own.salt, &mut bytes);
    }
    let (frames, findings) = read(&bytes).expect("damage is no error");
    assert_eq!(frames.iter().map(|f| f.sequence).collect::<Vec<_>>(), [100, 101, 102]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].to_string(), "f: offset 256: 384 damaged bytes before frame 101, which is whole");
}

#[test]
fn damage_longer_than_what_is_looked_through_at_once() {
    let own = header();
    for distance in (65_400..65_700).step_by(7) {
        let mut bytes = log(&own, &[vec![1; distance], vec![2; 5]]);
        bytes[HEADER_BYTES] ^= 1;
        let (frames, _) = read(&bytes).expect("damage is no error");
        assert_eq!(frames.iter().map(|f| f.sequence).collect::<Vec<_>>(), [101], "{distance}");
    }
}

#[test]
fn a_newer_version_is_refused_by_its_number() {
    let mut bytes = log(&header(), &payloads());
    bytes[8] = 9;
    let checksum = crc32c::crc32c(&bytes[..60]);
    bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
    let refused = read(&bytes).expect_err("nobody knows version 9").to_string();
    assert!(refused.starts_with("f has format version 9, this program reads up to 1"), "{refused}");
}

#[test]
fn the_file_of_another_log_is_not_read() {
    let other = FileHeader::new(FileKind::Manifest, 1, 0);
    let (frames, findings) = read(&log(&other, &payloads())).expect("it can be opened");
    assert_eq!((frames.len(), &findings[0].cause), (0, &Cause::Header));
}

#[test]
fn payloads_have_a_limit() {
    assert!(NewFrame::new(0, 0, vec![0; PAYLOAD_BYTES_MAX]).is_ok());
    let refused = NewFrame::new(0, 0, vec![0; PAYLOAD_BYTES_MAX + 1]).expect_err("it is too large");
    assert_eq!(refused.bytes, PAYLOAD_BYTES_MAX + 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..400), headed in any::<bool>()) {
        let whole = if headed { [&header().encode()[..], &bytes].concat() } else { bytes };
        let (frames, findings) = read(&whole).expect("no bytes are an error");
        prop_assert!(frames.is_empty());
        let taken: u64 = findings.iter().map(|f| f.bytes).sum();
        prop_assert!(taken <= whole.len() as u64);
    }

    /// Whatever is cut out, put in or overwritten: what is read was written, in its order, each once.
    #[test]
    fn what_is_read_was_written(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..80, prop::collection::vec(any::<u8>(), 0..60)), 0..5),
    ) {
        let whole = log(&header(), &payloads());
        let mut bytes = whole.clone();
        for (at, length, replacement) in cuts {
            let at = HEADER_BYTES + at.index((bytes.len() - HEADER_BYTES).max(1));
            let at = at.min(bytes.len());
            let end = bytes.len().min(at + length);
            bytes.splice(at..end, replacement);
        }
        let (frames, _) = read(&bytes).expect("damage is no error");
        prop_assert!(frames.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
        for frame in frames {
            let n = usize::try_from(frame.sequence - 100).expect("it is small");
            prop_assert_eq!(&frame.payload, &payloads()[n]);
        }
    }
}
