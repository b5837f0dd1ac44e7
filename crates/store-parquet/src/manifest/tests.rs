//! What was committed is known after a restart, whatever happened to one of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Batch, CommitError, Edit, Manifest, ManifestError, Opened, Options, PartRecord, SenderBatches, State};
use crate::disk::{Disk, Fault, FaultDisk, MemoryDisk, Plan, TraceDisk};
use crate::frames::{FileHeader, FileKind, NewFrame};

const ENOSPC: i32 = 28;
const EIO: i32 = 5;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TestPart {
    path: String,
    rows: u64,
}

impl PartRecord for TestPart {
    fn path(&self) -> &str {
        &self.path
    }

    fn files(&self) -> Vec<&str> {
        vec![&self.path]
    }
}

type TestManifest = Manifest<TestPart>;

/// Generations of a few edits each.
const OPTIONS: Options = Options { schema_version: 3, checkpoint_bytes: 600 };

fn memory(disk: &MemoryDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

fn open(disk: &MemoryDisk) -> (TestManifest, Opened) {
    Manifest::open(memory(disk), OPTIONS).expect("one good copy is enough")
}

fn name(n: u64) -> String {
    format!("parts/{n}")
}

/// Edit `n` puts part `n`, removes the one of four before, notes a token and moves the mark.
fn edit(n: u64) -> Edit<TestPart> {
    let senders = vec![SenderBatches { sender: format!("{}", n % 3), sequences: vec![(n, n)] }];
    Edit {
        wal_released: Some(n * 10),
        remove_parts: n.checked_sub(4).map(name).into_iter().collect(),
        put_parts: vec![TestPart { path: name(n), rows: n }],
        senders,
        ..Edit::default()
    }
}

fn state_after(count: u64) -> State<TestPart> {
    let mut state = State::default();
    (0..count).for_each(|n| state.apply(edit(n)));
    state
}

/// A manifest with a snapshot and some edits behind it.
fn sample() -> (MemoryDisk, State<TestPart>) {
    let disk = MemoryDisk::default();
    let (mut manifest, opened) = open(&disk);
    assert!(opened.fresh && !manifest.intact());
    for n in 0..3 {
        manifest.commit(edit(n)).expect("memory has room");
    }
    let (mut manifest, opened) = open(&disk);
    assert_eq!(opened, Opened::default());
    for n in 3..6 {
        manifest.commit(edit(n)).expect("memory has room");
    }
    assert_eq!(manifest.state(), &state_after(6));
    (disk, state_after(6))
}

fn names(disk: &MemoryDisk) -> Vec<String> {
    disk.files().into_keys().collect()
}

#[test]
fn what_was_committed_is_there_in_two_copies() {
    let (disk, state) = sample();
    assert_eq!(names(&disk), ["MANIFEST-0000000002.a", "MANIFEST-0000000002.b"]);
    let (manifest, opened) = open(&disk);
    assert_eq!((manifest.state(), opened), (&state, Opened::default()));
    assert_eq!(state.parts.keys().cloned().collect::<Vec<_>>(), [2, 3, 4, 5].map(name));
    assert_eq!(state.senders.of("1").expect("two batches").ranges(), [(1, 1), (4, 4)]);
    assert_eq!(state.wal_released, 50);
}

#[test]
fn opening_writes_nothing() {
    let (disk, state) = sample();
    let full = Some(Plan { at: 0, times: u64::MAX, fault: Fault::Fail(ENOSPC) });
    let faulty = Arc::new(FaultDisk::faulty(memory(&disk), full));
    let manifest: Arc<dyn Disk> = Arc::<FaultDisk>::clone(&faulty);
    let (mut manifest, _) = TestManifest::open(manifest, OPTIONS).expect("reading needs no room");
    assert_eq!((manifest.state(), faulty.changes()), (&state, 0));
    let refused = manifest.commit(edit(6)).expect_err("the disk is full");
    assert!(matches!(refused, CommitError::Io { action: "create", .. }), "{refused}");
    assert_eq!(manifest.state(), &state);
    faulty.plan(None);
    manifest.commit(edit(6)).expect("the disk has room again");
    assert_eq!(open(&disk).0.state(), &state_after(7));
}

#[test]
fn any_damage_to_one_copy_loses_nothing_and_deletes_nothing() {
    let (sample, state) = sample();
    let files = sample.files();
    for (path, bytes) in &files {
        let flips =
            (0..bytes.len()).map(|at| [&bytes[..at], &[bytes[at] ^ (1 << (at % 8))], &bytes[at + 1..]].concat());
        let cuts = (0..bytes.len()).map(|length| bytes[..length].to_vec());
        for (case, damaged) in flips.chain(cuts).enumerate() {
            let flipped = damaged.len() == bytes.len();
            let mut files = files.clone();
            files.insert(path.clone(), damaged);
            files.insert("parts/x".to_owned(), b"orphan".to_vec());
            let disk = MemoryDisk::from_files(files);
            let (manifest, opened) = open(&disk);
            assert_eq!(manifest.state().parts, state.parts, "{path} case {case}");
            assert_eq!((manifest.state().batches.clone(), manifest.state().wal_released), (state.batches.clone(), 50));
            assert!(opened.unapplied.is_empty() && opened.findings.iter().all(|f| f.path == *path), "{opened:?}");
            assert!(!flipped || !opened.findings.is_empty(), "{path} case {case}");
            let swept = manifest.sweep("parts").expect("memory takes it");
            assert_eq!(swept.missing, state.parts.keys().cloned().collect::<Vec<_>>());
            // Nobody can tell a copy without its last frame from one whose last commit was cut short.
            if manifest.intact() {
                assert!(!flipped && swept.removed == ["parts/x"], "{path} case {case}");
                continue;
            }
            assert_eq!((opened.repaired, swept.removed.len(), swept.quarantined.len()), (true, 0, 1));
            assert!(names(&disk).contains(&format!("quarantine/{path}")), "{path} case {case}");
            assert!(manifest.state().quarantined[path].reason.contains(path));
            let (again, opened) = open(&disk);
            assert_eq!((opened, again.state()), (Opened::default(), manifest.state()), "{path} case {case}");
        }
    }
}

#[test]
fn a_copy_that_is_gone_is_made_again() {
    let (disk, state) = sample();
    disk.remove("MANIFEST-0000000002.a").expect("it is there");
    let (manifest, opened) = open(&disk);
    assert!(opened.repaired && opened.findings[0].to_string().contains("cannot be read"), "{opened:?}");
    assert_eq!(manifest.state().parts, state.parts);
    assert_eq!(names(&disk), ["MANIFEST-0000000003.a", "MANIFEST-0000000003.b"]);
}

#[test]
fn the_same_frame_damaged_in_both_copies_names_what_is_lost() {
    let (disk, _) = sample();
    let mut files = disk.files();
    for bytes in files.values_mut() {
        let at = bytes.windows(7).position(|w| w == b"parts/4").expect("edit 4 puts it");
        bytes[at] ^= 1;
    }
    let disk = MemoryDisk::from_files(files);
    let (manifest, opened) = open(&disk);
    assert_eq!(manifest.state().parts, state_after(4).parts);
    assert_eq!(opened.unapplied, ["-parts/1", "+parts/5", "batch 5 of 2"]);
    assert!(!manifest.intact());
}

#[test]
fn without_any_readable_copy_it_refuses() {
    let (disk, _) = sample();
    let files = disk.files().into_keys().map(|path| (path, vec![7; 500]));
    let refused = TestManifest::open(memory(&MemoryDisk::from_files(files)), OPTIONS).expect_err("nothing is left");
    let text = refused.to_string();
    assert!(text.contains("MANIFEST-0000000002.a") && text.contains("MANIFEST-0000000002.b"), "{text}");
    assert!(text.contains("restore one of these files"), "{text}");
}

#[test]
fn files_that_no_part_has_go_only_when_all_is_well() {
    for (fresh, with) in [(true, "quarantine/parts-t-x"), (false, "")] {
        let disk = if fresh { MemoryDisk::default() } else { sample().0 };
        disk.create_dir("parts").and_then(|()| disk.create_dir("parts/t")).expect("memory takes it");
        disk.create("parts/t/x").and_then(|_| disk.create("parts/5")).map(drop).expect("memory takes it");
        let swept = open(&disk).0.sweep("parts").expect("memory takes it");
        assert_eq!(swept.removed.len() + swept.quarantined.len(), if fresh { 2 } else { 1 });
        assert_eq!(names(&disk).contains(&with.to_owned()), fresh, "{swept:?}");
        assert_eq!(names(&disk).contains(&name(5)), !fresh);
    }
}

#[test]
fn a_large_state_takes_several_frames() {
    let disk = MemoryDisk::default();
    let (mut manifest, _) = open(&disk);
    let batch = |n| Batch { name: format!("import-{n}"), fingerprint: format!("{n:x}"), ..Batch::default() };
    let large = Edit { put_batches: (0..5000).map(batch).collect(), ..Edit::default() };
    manifest.commit(large).expect("memory has room");
    let (mut again, _) = open(&disk);
    assert_eq!(again.state(), manifest.state());
    assert_eq!(again.state().batches.len(), 5000, "imports are remembered for ever");
    again.commit(edit(0)).expect("memory has room");
    assert_eq!(open(&disk).0.state(), again.state());
}

#[test]
fn edits_that_remove_what_is_not_there_are_refused() {
    let (disk, state) = sample();
    let (mut manifest, _) = open(&disk);
    let refused = manifest.commit(Edit { remove_parts: vec![name(0)], ..Edit::default() });
    assert!(matches!(refused, Err(CommitError::NoSuchPart(path)) if path == name(0)));
    assert_eq!(manifest.state(), &state);
}

#[test]
fn batches_of_senders_are_known_from_format_one() {
    let header = FileHeader::new(FileKind::Manifest, 1, 1);
    let mut bytes = header.encode().to_vec();
    let edit = r#"{"format": 1, "put_batches": [{"name": "sender/7/agent/a/0/live", "passing": true}, {"name": "i"}]}"#;
    NewFrame::new(0, 0, edit.into()).expect("it is small").encode(1, header.salt, &mut bytes);
    let disk = MemoryDisk::from_files([("MANIFEST-0000000001.a".to_owned(), bytes)]);
    let (mut manifest, _) = open(&disk);
    assert_eq!(manifest.state().senders.of("agent/a/0/live").expect("it sent one").ranges(), [(7, 7)]);
    assert_eq!(manifest.state().batches.keys().collect::<Vec<_>>(), ["i"]);
    manifest.commit(Edit::default()).expect("memory has room");
    assert_eq!(open(&disk).0.state(), manifest.state());
}

#[test]
fn what_a_later_release_wrote_is_refused() {
    let disk = |edit: &str| {
        let header = FileHeader::new(FileKind::Manifest, 1, 1);
        let mut bytes = header.encode().to_vec();
        NewFrame::new(0, 0, edit.into()).expect("it is small").encode(1, header.salt, &mut bytes);
        MemoryDisk::from_files([("MANIFEST-0000000001.a".to_owned(), bytes)])
    };
    let open = |edit| TestManifest::open(memory(&disk(edit)), OPTIONS).map(drop).expect_err("it is from the future");
    assert!(matches!(open(r#"{"format": 3, "new": 1}"#), ManifestError::NewerEdit { format: 3, .. }));
    assert!(matches!(open(r#"{"format": 1, "new": 1}"#), ManifestError::Edit { sequence: 1, .. }));
    let newer = open(r#"{"format": 1, "schema_version": 4}"#);
    assert!(matches!(newer, ManifestError::NewerSchema { found: 4, known: 3 }), "{newer}");
}

/// Commits edits that put one part each; returns those that were acknowledged.
fn push(manifest: &mut TestManifest, numbers: std::ops::Range<u64>) -> BTreeMap<String, TestPart> {
    let mut acked = BTreeMap::new();
    for n in numbers {
        let part = TestPart { path: name(n), rows: n };
        if manifest.commit(Edit { put_parts: vec![part.clone()], ..Edit::default() }).is_ok() {
            acked.insert(part.path.clone(), part);
        }
    }
    acked
}

#[test]
fn any_failing_operation_loses_nothing_committed() {
    let faults = [Fault::Fail(ENOSPC), Fault::Fail(EIO), Fault::Tear(ENOSPC), Fault::Tear(EIO), Fault::PowerOff];
    for (fault, times) in faults.into_iter().flat_map(|fault| [1, 2, 5, 12].map(|times| (fault, times))) {
        for at in 0.. {
            let disk = MemoryDisk::default();
            let faulty = Arc::new(FaultDisk::faulty(memory(&disk), Some(Plan { at, times, fault })));
            let dynamic: Arc<dyn Disk> = Arc::<FaultDisk>::clone(&faulty);
            let (mut manifest, _) = TestManifest::open(dynamic, OPTIONS).expect("opening reads only");
            let acked = push(&mut manifest, 0..30);
            assert_eq!(manifest.state().parts, acked, "{fault:?} at {at}");
            faulty.plan(None);
            let settled = manifest.settle().is_ok();
            assert_eq!(settled, fault != Fault::PowerOff || faulty.hits() == 0, "{fault:?} at {at}");
            let (again, opened) = open(&disk);
            let found = &again.state().parts;
            assert!(acked.iter().all(|(path, part)| found.get(path) == Some(part)), "{fault:?} at {at}");
            assert!(!settled || *found == acked, "{fault:?} at {at}: settled means that the failed ones are not there");
            assert!(opened.fresh || again.intact(), "{fault:?} at {at}: {opened:?}");
            if faulty.hits() == 0 {
                break;
            }
        }
    }
}

#[test]
fn a_second_failure_right_after_the_first_loses_nothing_committed() {
    for (at, then) in (0..).flat_map(|at| (0..8).map(move |then| (at, then))) {
        let disk = MemoryDisk::default();
        let fault = Fault::Fail(EIO);
        let faulty = Arc::new(FaultDisk::faulty(memory(&disk), Some(Plan { at, times: 1, fault })));
        let dynamic: Arc<dyn Disk> = Arc::<FaultDisk>::clone(&faulty);
        let (mut manifest, _) = TestManifest::open(dynamic, OPTIONS).expect("opening reads only");
        let mut acked = BTreeMap::new();
        for n in 0..16 {
            acked.append(&mut push(&mut manifest, n..n + 1));
            if faulty.hits() == 1 {
                faulty.plan(Some(Plan { at: then, times: u64::MAX, fault }));
            }
        }
        let found = open(&disk).0.state().parts.clone();
        assert!(acked.iter().all(|(path, part)| found.get(path) == Some(part)), "at {at}, then {then}: {found:?}");
        if faulty.hits() == 0 {
            break;
        }
    }
}

#[test]
fn power_cuts_lose_nothing_committed_and_invent_nothing() {
    let seed = 0x3A_91FE;
    let disk = Arc::new(TraceDisk::recording());
    let mut acked = Vec::new();
    for round in 0..3 {
        let dynamic: Arc<dyn Disk> = Arc::<TraceDisk>::clone(&disk);
        let (mut manifest, _) = TestManifest::open(dynamic, OPTIONS).expect("it opens");
        for n in round * 12..(round + 1) * 12 {
            push(&mut manifest, n..n + 1);
            acked.push((disk.operations(), name(n)));
        }
    }
    let attempted: BTreeSet<_> = acked.iter().map(|(_, path)| path.clone()).collect();
    for image in disk.images(seed, 4000) {
        let (mut manifest, opened) = open(&image.disk);
        let found: BTreeSet<_> = manifest.state().parts.keys().cloned().collect();
        let must = acked.iter().filter(|(at, _)| *at <= image.operations).map(|(_, path)| path.clone());
        let must: BTreeSet<_> = must.collect();
        assert!(must.is_subset(&found), "seed {seed:#x}, after {} operations: {opened:?}", image.operations);
        assert!(found.is_subset(&attempted) && opened.unapplied.is_empty());
        assert_eq!(push(&mut manifest, 90..92).len(), 2);
        let (again, _) = open(&image.disk);
        assert_eq!(again.state(), manifest.state());
    }
}
