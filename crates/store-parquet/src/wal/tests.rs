//! What is acknowledged is found again: after flips, cuts, failures, power cuts, and from many threads.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{AppendError, Options, Recovery, Wal};
use crate::disk::{Disk, Fault, FaultDisk, MemoryDisk, Plan, TraceDisk};
use crate::frames::{Cause, NewFrame};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

/// Small files, so that a few frames fill several.
const OPTIONS: Options = Options { file_bytes_max: 600, window: std::time::Duration::ZERO, released: 0 };

fn open(disk: &Arc<dyn Disk>) -> (Wal, Recovery) {
    Wal::open(Arc::clone(disk), "wal", OPTIONS).expect("damage never keeps a log from opening")
}

fn memory(disk: &MemoryDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// The payload of frame `n` of a test: its number and some more, so that frames differ in length.
fn payload(n: u64) -> Vec<u8> {
    [&n.to_le_bytes()[..], &vec![n.to_le_bytes()[0]; usize::try_from(n % 7 * 31).expect("it is small")]].concat()
}

fn append(wal: &Wal, numbers: std::ops::Range<u64>) -> Result<std::ops::Range<u64>, AppendError> {
    wal.append(numbers.map(|n| NewFrame::new(1, 0, payload(n)).expect("it is small")).collect())
}

/// Sequence and number of each frame; a payload that was never written ends the test.
fn recovered(recovery: &Recovery, after: u64) -> BTreeMap<u64, u64> {
    let mut out = BTreeMap::new();
    for frame in recovery.replay(after) {
        let frame = frame.expect("the disk can be read");
        let n = u64::from_le_bytes(frame.payload[..8].try_into().expect("all payloads begin with their number"));
        assert_eq!(frame.payload, payload(n), "frame {}", frame.sequence);
        assert!(out.insert(frame.sequence, n).is_none(), "frame {} comes twice", frame.sequence);
    }
    out
}

/// A log of several files with frames 1 to 30, number = sequence.
fn sample() -> MemoryDisk {
    let disk = MemoryDisk::default();
    let (wal, _) = open(&memory(&disk));
    for n in (1..31).step_by(3) {
        assert_eq!(append(&wal, n..n + 3).expect("memory has room"), n..n + 3);
    }
    disk
}

#[test]
fn frames_come_back_in_their_order_from_a_mark() {
    let disk = sample();
    assert!(disk.files().len() > 3);
    let (wal, recovery) = open(&memory(&disk));
    assert!(recovery.findings.is_empty());
    assert_eq!((recovery.frames, recovery.last), (30, 30));
    assert_eq!(recovered(&recovery, 0), (1..31).map(|n| (n, n)).collect());
    assert_eq!(recovered(&recovery, 17), (18..31).map(|n| (n, n)).collect());
    assert_eq!(append(&wal, 31..33).expect("memory has room"), 31..33);
    assert_eq!(append(&wal, 0..0).expect("nothing always works"), 33..33);
}

#[test]
fn every_flipped_byte_costs_one_frame_and_is_named() {
    let files = sample().files();
    for (path, bytes) in &files {
        for at in 0..bytes.len() {
            let mut damaged = files.clone();
            damaged.get_mut(path).expect("it is one of them")[at] ^= 1 << (at % 8);
            let disk = memory(&MemoryDisk::from_files(damaged));
            let (wal, recovery) = open(&disk);
            let left = recovered(&recovery, 0);
            assert!(left.len() >= 29 && left.iter().all(|(sequence, n)| sequence == n), "{path} byte {at}");
            let finding = &recovery.findings[0];
            assert!(finding.path == *path && finding.is_damage(), "{path} byte {at}: {finding}");
            let offset = usize::try_from(finding.offset).expect("it is small");
            assert!((offset..offset + usize::try_from(finding.bytes).expect("it is small")).contains(&at));
            if let (Cause::Damaged { first, .. }, 29) = (&finding.cause, left.len()) {
                assert!(!left.contains_key(first), "{path} byte {at}: {finding}");
            }
            let sequence = append(&wal, 99..100).expect("memory has room").start;
            assert_eq!(recovered(&open(&disk).1, 30).get(&sequence).or(left.get(&sequence)), Some(&99));
        }
    }
}

#[test]
fn every_truncation_keeps_what_is_before_and_in_other_files() {
    let files = sample().files();
    let last = files.keys().next_back().expect("there are files").clone();
    for (path, bytes) in &files {
        for length in 0..bytes.len() {
            let mut damaged = files.clone();
            damaged.get_mut(path).expect("it is one of them").truncate(length);
            let (_, recovery) = open(&memory(&MemoryDisk::from_files(damaged)));
            let left = recovered(&recovery, 0);
            assert!(left.iter().all(|(sequence, n)| sequence == n), "{path} cut to {length}");
            let lost: Vec<u64> = (1..31).filter(|n| !left.contains_key(n)).collect();
            // The next file knows what was acknowledged; behind the last one nothing does.
            if let (Some(first), Some(end)) = (lost.first(), lost.last())
                && *path != last
            {
                let cause = Cause::Missing { first: *first, last: *end };
                assert!(recovery.findings.iter().any(|f| f.cause == cause), "{path} cut to {length}");
            }
        }
    }
}

#[test]
fn a_file_that_is_gone_is_missed() {
    let mut files = sample().files();
    let second = files.keys().nth(1).expect("there are several").clone();
    files.remove(&second);
    let (_, recovery) = open(&memory(&MemoryDisk::from_files(files)));
    let lost: Vec<u64> = (1..31).filter(|n| !recovered(&recovery, 0).contains_key(n)).collect();
    let expected = Cause::Missing { first: lost[0], last: lost[lost.len() - 1] };
    assert_eq!(recovery.findings.iter().map(|f| &f.cause).collect::<Vec<_>>(), [&expected]);
}

#[test]
fn a_copied_file_gives_no_frame_twice() {
    let mut files = sample().files();
    let (path, bytes) = files.iter().nth(1).map(|(p, b)| (p.clone(), b.clone())).expect("there are several");
    files.insert(path.replace(".wal", "0.wal").replacen("/0", "/", 1), bytes);
    let (_, recovery) = open(&memory(&MemoryDisk::from_files(files)));
    assert_eq!(recovered(&recovery, 0).len(), 30);
    assert!(matches!(recovery.findings[0].cause, Cause::Repeated { .. }), "{:?}", recovery.findings);
}

#[test]
fn a_torn_tail_is_cut_off_once() {
    let mut files = sample().files();
    let (path, bytes) = files.iter_mut().next_back().expect("there are files");
    let (path, length) = (path.clone(), bytes.len() - 3);
    bytes.truncate(length);
    let disk = memory(&MemoryDisk::from_files(files));
    let (_, first) = open(&disk);
    assert_eq!((first.findings.len(), &first.findings[0].path, &first.findings[0].cause), (1, &path, &Cause::TornTail));
    assert_eq!(disk.open(&path).and_then(|file| file.len()).expect("it is there"), first.findings[0].offset);
    assert!(open(&disk).1.findings.is_empty());
}

#[test]
fn only_what_is_released_goes_and_damage_goes_to_the_quarantine() {
    let mut files = sample().files();
    let paths: Vec<_> = files.keys().cloned().collect();
    *files.get_mut(&paths[1]).and_then(|bytes| bytes.last_mut()).expect("it has bytes") ^= 1;
    let disk = MemoryDisk::from_files(files);
    let (wal, _) = open(&memory(&disk));
    assert!(wal.release(1).expect("nothing is to do").is_empty());
    let released = wal.release(29).expect("files can be removed");
    assert_eq!(released.iter().map(|r| r.path.clone()).collect::<Vec<_>>(), paths[..paths.len() - 1]);
    let kept: Vec<_> = released.into_iter().filter_map(|r| r.quarantined).collect();
    assert_eq!(kept, [paths[1].replace("wal/", "quarantine/wal-")]);
    append(&wal, 31..32).expect("memory has room");
    assert_eq!(wal.release(31).expect("files can be removed").len(), 2, "the one that grows goes too");
    assert_eq!(disk.files().keys().cloned().collect::<Vec<_>>(), kept);
    let options = Options { released: 31, ..OPTIONS };
    let (wal, _) = Wal::open(memory(&disk), "wal", options).expect("it can be opened");
    assert_eq!(append(&wal, 0..1).expect("memory has room"), 32..33, "no number is given twice");
}

/// Appends until `count` were tried; returns what was acknowledged: sequence → number.
fn push(wal: &Wal, numbers: std::ops::Range<u64>, acked: &mut BTreeMap<u64, u64>) {
    for n in numbers {
        if let Ok(sequences) = append(wal, n..n + 1) {
            acked.insert(sequences.start, n);
        }
    }
}

fn contains(all: &BTreeMap<u64, u64>, some: &BTreeMap<u64, u64>) -> bool {
    some.iter().all(|(sequence, n)| all.get(sequence) == Some(n))
}

#[test]
fn any_failing_operation_loses_nothing_acknowledged() {
    let faults = [Fault::Fail(ENOSPC), Fault::Fail(EIO), Fault::Tear(ENOSPC), Fault::Tear(EIO), Fault::PowerOff];
    for (fault, times) in faults.into_iter().flat_map(|fault| [(fault, 1), (fault, 9)]) {
        for at in 0.. {
            let disk = MemoryDisk::default();
            let faulty = Arc::new(FaultDisk::faulty(memory(&disk), Some(Plan { at, times, fault })));
            let mut acked = BTreeMap::new();
            let dynamic: Arc<dyn Disk> = Arc::<FaultDisk>::clone(&faulty);
            let hit_at_start = match Wal::open(Arc::clone(&dynamic), "wal", OPTIONS) {
                Ok((wal, _)) => {
                    push(&wal, 0..30, &mut acked);
                    let stats = wal.stats();
                    assert_eq!((stats.appended, stats.acked), (30, acked.len() as u64), "{fault:?} at {at}");
                    assert_eq!(stats.failed, 30 - stats.acked);
                    let lost = if fault == Fault::PowerOff { 30 } else { times };
                    assert!(stats.failed <= lost, "{fault:?} at {at}: it goes on once the disk does");
                    false
                }
                Err(_) => true,
            };
            let (wal, recovery) = open(&memory(&disk));
            let found = recovered(&recovery, 0);
            assert!(contains(&found, &acked), "{fault:?} at {at}: {acked:?} not in {found:?}");
            assert!(found.values().all(|n| *n < 30));
            // A single failure leaves room for cutting off what was not acknowledged: nobody reads it from memory.
            assert!(times > 1 || fault == Fault::PowerOff || found == acked, "{fault:?} at {at}");
            // What was not acknowledged may be torn; nothing that was is missed or damaged.
            let missed = recovery.findings.iter().find(|f| f.is_damage());
            assert!(missed.is_none(), "{fault:?} at {at}: {missed:?}");
            push(&wal, 100..110, &mut acked);
            assert!(contains(&recovered(&open(&memory(&disk)).1, 0), &acked));
            if faulty.hits() == 0 && !hit_at_start {
                break;
            }
        }
    }
}

#[test]
fn a_full_disk_is_told_as_such_and_is_used_again_when_it_has_room() {
    let disk = MemoryDisk::default();
    let faulty = Arc::new(FaultDisk::faulty(memory(&disk), None));
    let (wal, _) = Wal::open(Arc::<FaultDisk>::clone(&faulty), "wal", OPTIONS).expect("nothing fails yet");
    append(&wal, 1..4).expect("nothing fails yet");
    faulty.plan(Some(Plan { at: 0, times: u64::MAX, fault: Fault::Tear(ENOSPC) }));
    for n in 0..20 {
        let error = append(&wal, n..n + 1).expect_err("the disk is full");
        assert!(error.is_disk_full(), "{error}");
        assert!(error.to_string().contains("is not acknowledged, send it again"), "{error}");
    }
    assert!(disk.files().len() < 4, "a full disk is not filled with files");
    faulty.plan(None);
    let sequences = append(&wal, 7..8).expect("the disk has room again");
    assert_eq!(recovered(&open(&memory(&disk)).1, 0).get(&sequences.start), Some(&7));
}

#[test]
fn power_cuts_lose_nothing_acknowledged_and_invent_nothing() {
    let seed = 0x0A12_C43E;
    let disk = Arc::new(TraceDisk::recording());
    let dynamic: Arc<dyn Disk> = Arc::<TraceDisk>::clone(&disk);
    let mut acked = Vec::new();
    let mut next = 0;
    let mut mark = 0;
    for round in 0..4 {
        let (wal, _) = Wal::open(Arc::clone(&dynamic), "wal", Options { released: mark, ..OPTIONS }).expect("it opens");
        for size in [1, 3, 1, 6, 2, 1] {
            let sequences = append(&wal, next..next + size).expect("memory has room");
            acked.extend(sequences.zip(next..).map(|(sequence, n)| (disk.operations(), sequence, n)));
            next += size;
        }
        if round % 2 == 1 {
            mark = acked[acked.len() - 9].1;
            wal.release(mark).expect("files can be removed");
        }
    }
    for image in disk.images(seed, 3000) {
        let done = image.operations;
        let (wal, recovery) = open(&memory(&image.disk));
        let found = recovered(&recovery, mark);
        for (at, sequence, n) in acked.iter().filter(|(_, sequence, _)| *sequence > mark) {
            assert!(*at > done || found.get(sequence) == Some(n), "seed {seed:#x}, frame {sequence} after {done}");
        }
        assert!(contains(&acked.iter().map(|(_, sequence, n)| (*sequence, *n)).collect(), &found));
        let sequence = append(&wal, 5..6).expect("memory has room").start;
        assert_eq!(recovered(&open(&memory(&image.disk)).1, 0).get(&sequence), Some(&5));
    }
}

#[test]
fn what_a_restart_reads_survives_a_power_cut() {
    for at in 4..20 {
        let disk = Arc::new(TraceDisk::recording());
        let dynamic: Arc<dyn Disk> = Arc::<TraceDisk>::clone(&disk);
        let dying = FaultDisk::faulty(Arc::clone(&dynamic), Some(Plan { at, times: 1, fault: Fault::PowerOff }));
        if let Ok((wal, _)) = Wal::open(Arc::new(dying), "wal", OPTIONS) {
            push(&wal, 0..9, &mut BTreeMap::new());
        }
        // The process has died, the system has not: frames that were written and not synced are read.
        let seen = recovered(&open(&dynamic).1, 0);
        let done = disk.operations();
        for image in disk.images(at, 200).filter(|image| image.operations == done) {
            assert_eq!(recovered(&open(&memory(&image.disk)).1, 0), seen, "seed {at}");
        }
    }
}

#[test]
fn many_threads_share_syncs_and_all_is_found() {
    const THREADS: u64 = 4;
    const EACH: u64 = 200;
    let directory = tempfile::tempdir().expect("there is a place for tests");
    let disk: Arc<dyn Disk> = Arc::new(crate::disk::RealDisk::new(directory.path()));
    let options = Options { file_bytes_max: 20_000, ..OPTIONS };
    let (wal, _) = Wal::open(Arc::clone(&disk), "wal", options).expect("it opens");
    let one = |thread: u64| {
        let mut acked = BTreeMap::new();
        push(&wal, thread * EACH..(thread + 1) * EACH, &mut acked);
        acked
    };
    let acked: BTreeMap<u64, u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || one(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no thread panics")).collect()
    });
    let stats = wal.stats();
    assert_eq!((stats.appended, stats.acked, stats.failed), (THREADS * EACH, THREADS * EACH, 0));
    assert!(stats.groups <= stats.acked && stats.syncs == stats.groups + stats.files_created);
    let (_, recovery) = open(&disk);
    assert!(recovery.findings.is_empty());
    assert_eq!(recovered(&recovery, 0), acked);
}
