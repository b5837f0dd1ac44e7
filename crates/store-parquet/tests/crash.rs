//! The process dies at every disk operation, before, within and after it; what it had acknowledged is found.
//!
//! Runs with the feature `crash-points`: the test starts itself as the process that dies.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arachne_store_parquet::disk::{CrashDisk, DirectoryLock, Disk, RealDisk};
use arachne_store_parquet::frames::NewFrame;
use arachne_store_parquet::manifest::{self, Edit, Manifest, PartRecord};
use arachne_store_parquet::wal::{self, Wal};
use serde::{Deserialize, Serialize};

/// Tells the started process where its store is.
const STORE: &str = "ARACHNE_CRASH_TEST_STORE";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    path: String,
}

impl PartRecord for Part {
    fn path(&self) -> &str {
        &self.path
    }

    fn files(&self) -> Vec<&str> {
        vec![&self.path]
    }
}

fn open(disk: Arc<dyn Disk>) -> (Wal, wal::Recovery, Manifest<Part>) {
    let options = manifest::Options { checkpoint_bytes: 300, ..manifest::Options::default() };
    let (manifest, opened) = Manifest::open(Arc::clone(&disk), options).expect("a crash damages nothing");
    assert!(opened.findings.iter().all(|finding| !finding.is_damage()), "{opened:?}");
    let options =
        wal::Options { file_bytes_max: 400, released: manifest.state().wal_released, ..wal::Options::default() };
    let (wal, recovery) = Wal::open(disk, "wal", options).expect("a crash damages nothing");
    assert!(recovery.findings.iter().all(|finding| !finding.is_damage()), "{:?}", recovery.findings);
    (wal, recovery, manifest)
}

/// What the process does that dies: appends, and now and then commits what it appended as a part.
#[test]
fn the_process_that_dies() {
    let Some(store) = std::env::var_os(STORE) else { return };
    let _lock = DirectoryLock::acquire(Path::new(&store)).expect("a dead process holds no lock");
    let mut acked = std::fs::File::options().append(true).create(true).open(Path::new(&store).join("acked"));
    let acked = acked.as_mut().expect("the place takes files");
    let (wal, _, mut manifest) = open(Arc::new(CrashDisk::from_environment(Arc::new(RealDisk::new(&store)))));
    for round in 0..4 {
        let mut last = 0;
        for _ in 0..4 {
            let frame = NewFrame::new(1, 0, vec![7; 60]).expect("it is small");
            last = wal.append(vec![frame]).expect("the disk has room").start;
            writeln!(acked, "{last}").expect("the disk has room");
        }
        if round % 2 == 0 {
            let put_parts = vec![Part { path: format!("parts/{last}") }];
            let edit = Edit { put_parts, wal_released: Some(last), ..Edit::default() };
            manifest.commit(edit).expect("the disk has room");
            wal.release(last).expect("files can be removed");
        }
    }
    writeln!(acked, "end").expect("the disk has room");
}

#[test]
fn nothing_acknowledged_is_lost_wherever_it_dies() {
    let myself = std::env::current_exe().expect("a running test has a file");
    for at in 0.. {
        let directory = tempfile::tempdir().expect("there is a place for tests");
        let status = Command::new(&myself)
            .args(["--exact", "the_process_that_dies"])
            .env(STORE, directory.path())
            .env("ARACHNE_CRASH_AT", at.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it can be started");
        let acked = std::fs::read_to_string(directory.path().join("acked")).expect("the process made it");
        let _lock = DirectoryLock::acquire(directory.path()).expect("a dead process holds no lock");
        let (_, recovery, manifest) = open(Arc::new(RealDisk::new(directory.path())));
        let mark = manifest.state().wal_released;
        let found: Vec<u64> =
            recovery.replay(mark).map(|frame| frame.expect("the disk can be read").sequence).collect();
        for sequence in acked.lines().filter_map(|line| line.parse::<u64>().ok()) {
            assert!(sequence <= mark || found.contains(&sequence), "{sequence} is lost, died at {at}");
        }
        if acked.ends_with("end\n") {
            assert!(status.success() && at > 100, "died at {at}: {status}");
            break;
        }
        assert!(!status.success(), "died at {at}");
    }
}
