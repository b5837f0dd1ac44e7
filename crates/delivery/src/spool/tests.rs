//! The spool on disks that fail, fill up, die and forget at every operation.

use std::collections::BTreeSet;

use super::broken::{Broken, Fail};
use super::{Class, Counts, Directory, Fault, Figures, NewBatch, Settled, Spool, SpoolError, SpoolSettings};
use crate::codec::{Head, Packer};
use crate::proto::Lane;
use crate::random::Random;

const SMALL: SpoolSettings = SpoolSettings { cap_bytes: 200 << 10, memory_bytes: 10 << 10 };

fn batch(class: Class, number: u32, bytes: usize) -> NewBatch {
    let mut counts = Counts::default();
    counts.0[class.index()] = 1;
    let payload: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(bytes).collect();
    NewBatch { class, counts, closed: i64::from(number), payload }
}

fn number(payload: &[u8]) -> u32 {
    u32::from_le_bytes(*payload.first_chunk().expect("all are longer"))
}

fn open(folder: &Broken, epoch: u64) -> Spool {
    Spool::open(Box::new(folder.clone()), SMALL, epoch).expect("the spool opens, whatever happened")
}

/// Delivers all of a lane.
fn drain(spool: &mut Spool, lane: Lane) -> Vec<(Head, u32)> {
    let mut out = Vec::new();
    while let Some((waiting, payload)) = spool.read(lane).expect("the disk can be read") {
        out.push((waiting.head, number(&payload)));
        assert!(spool.settle(&waiting.head, Settled::Delivered));
    }
    out
}

fn balanced(figures: &Figures) {
    for class in 0..3 {
        let out = figures.delivered[class] + figures.refused[class] + figures.dropped[class] + figures.damaged[class];
        assert_eq!(figures.recovered[class] + figures.appended[class], out + figures.waiting[class], "{figures:?}");
    }
}

#[test]
fn batches_come_back_in_order_and_files_go() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    for number in 0..100 {
        let class = Class::ALL[number as usize % 3];
        spool.append(Lane::Live, batch(class, number, 1500)).expect("there is room");
        spool.append(Lane::Backlog, batch(class, number + 1000, 10)).expect("there is room");
    }
    spool.sync().expect("the disk works");
    let live = drain(&mut spool, Lane::Live);
    assert_eq!(live.iter().map(|(_, n)| *n).collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    let sequences: Vec<_> = live.iter().map(|(head, _)| (head.epoch, head.sequence)).collect();
    assert_eq!(sequences, (1..=100).map(|n| (7, n)).collect::<Vec<_>>());
    assert_eq!(drain(&mut spool, Lane::Backlog).len(), 100);
    let figures = spool.figures();
    balanced(&figures);
    assert_eq!((figures.delivered_batches, figures.waiting), (200, [0; 3]));
    assert!(folder.files().len() <= 7, "what is settled is removed: {:?}", folder.files().keys());
    drop(spool);
    let mut spool = open(&folder.after_kill(), 8);
    spool.keep_cursor().expect("the disk works");
    assert_eq!(spool.epoch(), 7, "the name of a spool stays");
}

#[test]
fn a_crash_without_a_cursor_repeats_and_never_reuses_a_sequence() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    let first = spool.append(Lane::Live, batch(Class::Records, 1, 10)).expect("there is room");
    spool.sync().expect("the disk works");
    assert!(spool.settle(&first, Settled::Delivered));
    let mut spool = open(&folder.after_kill(), 8);
    assert_eq!(spool.front(Lane::Live).map(|w| w.head), Some(first), "it is sent again under the same name");
    let next = spool.append(Lane::Live, batch(Class::Records, 2, 10)).expect("there is room");
    assert!(next.sequence > first.sequence && next.epoch == first.epoch);
    assert_eq!(drain(&mut spool, Lane::Live).len(), 2);
}

#[test]
fn a_cursor_that_has_not_moved_is_not_written_again() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    let cursor = || folder.files()["cursor"].clone();
    let first = cursor();
    spool.keep_cursor().expect("the disk works");
    assert_eq!(cursor(), first, "nothing was delivered since");
    let head = spool.append(Lane::Live, batch(Class::Records, 1, 10)).expect("there is room");
    assert!(spool.settle(&head, Settled::Delivered));
    spool.keep_cursor().expect("the disk works");
    let moved = cursor();
    assert_ne!(moved, first);
    spool.keep_cursor().expect("the disk works");
    assert_eq!(cursor(), moved);
}

#[test]
fn what_is_dropped_for_room_is_the_oldest_of_the_least_class() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    let mut appended = 0_u32;
    let mut fill = |spool: &mut Spool, class, count| {
        for _ in 0..count {
            appended += 1;
            let _ = spool.append(Lane::Backlog, batch(class, appended, 2000));
        }
        spool.sync().expect("the disk works");
        let figures = spool.figures();
        balanced(&figures);
        assert!(figures.disk_bytes <= SMALL.cap_bytes);
        figures
    };
    assert_eq!(fill(&mut spool, Class::Facts, 20).dropped, [0; 3]);
    assert_eq!(fill(&mut spool, Class::Bulk, 40).dropped, [0; 3]);
    let figures = fill(&mut spool, Class::Records, 60);
    assert!(figures.dropped[0] > 0 && figures.dropped[1] == 0 && figures.dropped[2] == 0, "{figures:?}");
    let figures = fill(&mut spool, Class::Records, 60);
    assert!(figures.dropped[0] == 40 && figures.dropped[1] > 0 && figures.dropped[2] == 0, "{figures:?}");
    let figures = fill(&mut spool, Class::Bulk, 5);
    assert!(figures.dropped[0] >= 40 && figures.dropped[2] == 0, "packets never push out what is worth more");
    assert_eq!(figures.dropped, figures.dropped_ever);
    let spool = open(&folder.after_kill(), 8);
    assert_eq!(spool.figures().dropped_ever, figures.dropped, "what was dropped is known for ever");
    assert_eq!(spool.figures().waiting, figures.waiting);
}

#[test]
fn a_full_disk_leaves_batches_in_memory_until_there_is_room() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    spool.append(Lane::Live, batch(Class::Records, 0, 1000)).expect("there is room");
    spool.sync().expect("the disk works");
    folder.set_room(Some(4000));
    for number in 1..40 {
        let class = if number % 2 == 0 { Class::Facts } else { Class::Bulk };
        spool.append(Lane::Live, batch(class, number, 1000));
        assert_eq!(spool.sync().is_ok(), spool.figures().memory_bytes == 0);
        balanced(&spool.figures());
        assert!(spool.figures().memory_bytes <= SMALL.memory_bytes);
    }
    let figures = spool.figures();
    assert!(figures.dropped[0] > figures.dropped[2], "{figures:?}");
    folder.set_room(None);
    spool.sync().expect("there is room again");
    assert_eq!(spool.figures().memory_bytes, 0);
    let mut other = open(&folder.after_power_cut(&mut Random(1)), 8);
    assert_eq!(other.figures().waiting, spool.figures().waiting);
    let numbers: Vec<_> = drain(&mut other, Lane::Live).iter().map(|(_, n)| *n).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
}

/// A run that appends, syncs, delivers and drops; returns the batches that were promised, and those that ended.
fn run(spool: &mut Spool, seed: u64) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let mut random = Random(seed);
    let (mut promised, mut ended, mut pending) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for number in 0..30 {
        let lane = if random.percent(50) { Lane::Live } else { Lane::Backlog };
        let class = Class::ALL[usize::try_from(random.below(3)).expect("it is small")];
        if spool.append(lane, batch(class, number, 600)).is_some() {
            pending.insert(number);
        }
        if random.percent(40) && spool.sync().is_ok() {
            promised.append(&mut pending);
        }
        if random.percent(30)
            && let Ok(Some((waiting, payload))) = spool.read(lane)
        {
            ended.insert(self::number(&payload));
            spool.settle(&waiting.head, Settled::Delivered);
        }
        if random.percent(10) {
            let _ = spool.keep_cursor();
        }
        balanced(&spool.figures());
    }
    (promised, ended)
}

/// Every operation fails once, or is the last; what was promised is there again after a kill and after a power cut.
#[test]
fn every_operation_may_fail_or_be_the_last() {
    for how in [Fail::Error, Fail::Kill] {
        let mut at = 0;
        loop {
            let folder = Broken::default();
            folder.fail_in(at, how);
            let roomy = SpoolSettings { memory_bytes: 1 << 20, ..SMALL };
            let Ok(mut spool) = Spool::open(Box::new(folder.clone()), roomy, 7) else {
                at += 1;
                continue;
            };
            let (promised, ended) = run(&mut spool, at);
            assert_eq!(spool.figures().dropped, [0; 3], "nothing is dropped while there is room");
            let mut random = Random(at);
            for (what, image) in [("kill", folder.after_kill()), ("power cut", folder.after_power_cut(&mut random))] {
                let mut other = open(&image, 8);
                balanced(&other.figures());
                let found: Vec<_> =
                    [Lane::Live, Lane::Backlog].into_iter().flat_map(|lane| drain(&mut other, lane)).collect();
                assert!(
                    found.iter().map(|(head, _)| (head.epoch, head.lane, head.sequence)).collect::<BTreeSet<_>>().len()
                        == found.len()
                );
                let mut there: BTreeSet<u32> = found.iter().map(|(_, number)| *number).collect();
                there.append(&mut ended.clone());
                assert!(there.is_superset(&promised), "{what} at {at}, {how:?}: {:?}", promised.difference(&there));
            }
            if at > folder.operations() {
                break;
            }
            at += 1;
        }
        assert!(at > 60, "there are many operations");
    }
}

/// Each byte of a spool is changed once: what is served is right, and what is not is named.
#[test]
fn every_flipped_byte_is_found() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    for number in 0..6 {
        spool.append(Lane::Live, batch(Class::Records, number, 40)).expect("there is room");
    }
    spool.sync().expect("the disk works");
    let files = folder.files();
    for (name, bytes) in &files {
        for at in 0..bytes.len() {
            let mut changed = files.clone();
            changed.get_mut(name).expect("it is there")[at] ^= 0x10;
            let mut spool = open(&Broken::of(changed), 8);
            let found: Vec<u32> = drain(&mut spool, Lane::Live).iter().map(|(_, n)| *n).collect();
            let findings = spool.findings();
            assert!(found.len() >= 5 && found.is_sorted(), "{name} at {at}: {found:?}");
            assert_eq!(
                found.len() < 6,
                findings.iter().any(|f| f.what != Fault::FileHead),
                "{name} at {at}: {findings:?}"
            );
            assert!(findings.iter().all(|f| f.file == *name && f.offset <= at as u64));
        }
        for length in 0..bytes.len() {
            let mut changed = files.clone();
            changed.get_mut(name).expect("it is there").truncate(length);
            let found = drain(&mut open(&Broken::of(changed), 8), Lane::Live);
            assert!(found.iter().enumerate().all(|(at, (_, number))| at == *number as usize), "{name} cut at {length}");
        }
    }
}

#[test]
fn a_newer_format_is_refused() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    spool.append(Lane::Live, batch(Class::Records, 1, 40)).expect("there is room");
    let mut files = folder.files();
    let (name, bytes) = files.iter_mut().find(|(name, _)| name.starts_with("live")).expect("it is there");
    let newer = super::frame::FileHead { version: 2, ..super::frame::FileHead::read(bytes).expect("it is whole") };
    bytes[..super::frame::FILE_HEAD_LEN].copy_from_slice(&newer.bytes());
    let name = name.clone();
    let refused = Spool::open(Box::new(Broken::of(files)), SMALL, 8).expect_err("it is refused");
    assert!(matches!(&refused, SpoolError::Newer { file, version: 2 } if *file == name), "{refused}");
}

#[test]
fn refused_batches_are_set_aside_and_counted() {
    let folder = Broken::default();
    let mut spool = open(&folder, 7);
    let head = spool.append(Lane::Live, batch(Class::Bulk, 1, 40)).expect("there is room");
    assert!(!spool.settle(&Head { sequence: 9, ..head }, Settled::Refused), "it is not the next");
    assert!(spool.settle(&head, Settled::Refused));
    assert_eq!(spool.figures().refused, [1, 0, 0]);
    assert!(folder.files().contains_key("refused.spool"));
    let spool = open(&folder.after_kill(), 8);
    assert_eq!(spool.figures().waiting[0], 1, "its end was not durable");
}

#[test]
fn a_real_folder_is_held_by_one_and_its_files_are_read_for_an_import() {
    let folder = tempfile::tempdir().expect("there is a place for tests");
    let rows = arachne_model::table::Rows { hosts: vec![Default::default(); 3], ..Default::default() };
    let counts = Counts::of(&rows);
    let payload = Packer::new().expect("there is memory").pack_rows(&rows).expect("it is small");
    let directory = Directory::open(folder.path()).expect("it can be made");
    let held = Directory::open(folder.path()).expect_err("another has it");
    assert_eq!(held.kind(), std::io::ErrorKind::WouldBlock);
    let mut spool = Spool::open(Box::new(directory), SpoolSettings::default(), 7).expect("it is empty");
    let new = NewBatch { class: Class::Facts, counts, closed: 5, payload };
    for _ in 0..2 {
        spool.append(Lane::Live, new.clone()).expect("there is room");
    }
    spool.sync().expect("the disk works");
    drop(spool);
    let path = folder.path().join("live-facts-0000000000000001.spool");
    let mut file = super::read_file(&path).expect("it is a spool file");
    for sequence in 1..=2 {
        let batch = file.next_batch().expect("it can be read").expect("there is one").expect("it is whole");
        assert_eq!((batch.epoch, batch.sequence, batch.closed), (7, sequence, 5));
        assert_eq!(crate::codec::decode(batch.tables, &mut 0).expect("it fits"), rows);
    }
    assert!(file.next_batch().expect("it can be read").is_none() && file.findings().is_empty());
}

/// Offsets as docs/delivery.md gives them.
#[test]
fn the_format_is_what_the_page_says() {
    let folder = Broken::default();
    let mut spool = open(&folder, 0x0102);
    let new = NewBatch { closed: -2, ..batch(Class::Records, 9, 5) };
    spool.append(Lane::Backlog, new).expect("there is room");
    let bytes = &folder.files()["backlog-records-0000000000000001.spool"];
    let number =
        |at: usize, length: usize| bytes[at..at + length].iter().rev().fold(0_u64, |n, b| n << 8 | u64::from(*b));
    assert_eq!((&bytes[..8], number(8, 4), &bytes[12..16]), (&b"ARASPOOL"[..], 1, &[1, 1, 0, 0][..]));
    assert_eq!((number(16, 8), number(24, 8)), (0x0102, 1));
    assert_eq!(number(32, 4), u64::from(crc32c::crc32c(&bytes[..32])));
    assert_eq!((&bytes[36..40], number(40, 4), number(44, 8), number(52, 8)), (&b"AraF"[..], 5, 0x0102, 1));
    assert_eq!((number(60, 8).cast_signed(), &bytes[68..72]), (-2, &[1, 1, 0, 0][..]));
    assert_eq!((number(72, 4), number(76, 4), number(80, 4)), (0, 1, 0));
    assert_eq!(number(36 + 68, 4), u64::from(crc32c::crc32c(&[9, 0, 0, 0, 9])));
    assert_eq!(number(36 + 72, 4), u64::from(crc32c::crc32c(&bytes[36..36 + 72])));
    assert_eq!(&bytes[36 + 76..], [9, 0, 0, 0, 9]);
    let slots = &folder.files()["cursor"];
    assert_eq!((slots.len(), &slots[512..520], slots[520]), (1024, &b"ARACURS1"[..], 1));
}
