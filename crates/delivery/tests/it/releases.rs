//! What agents of earlier versions left in their spools is delivered by this one, under its old names. A folder of
//! `tests/releases` for each version; that of a new version is made by `UPDATE_GOLDEN=1`, and never changed again.

use std::fs;
use std::path::{Path, PathBuf};

use arachne_delivery::PROTOCOL_VERSION;
use arachne_delivery::codec::{Packer, address, decode, unpack};
use arachne_delivery::proto::Lane;
use arachne_delivery::spool::{Class, Counts, Directory, NewBatch, Settled, Spool, SpoolSettings};
use arachne_model::table::{ExchangeRow, Rows};

const SETTINGS: SpoolSettings = SpoolSettings { cap_bytes: 1 << 20, memory_bytes: 1 << 20 };
/// Names the spools of the folders.
const EPOCH: u64 = 0x1234_5678_9abc_def0;
/// Batches of each lane.
const BATCHES: usize = 3;

fn open(folder: &Path, epoch: u64) -> Spool {
    let directory = Directory::open(folder).expect("it is there");
    Spool::open(Box::new(directory), SETTINGS, epoch).expect("any version that was released is read")
}

fn path(lane: Lane, number: usize) -> String {
    format!("/{}/{number}?ü", lane.index())
}

fn make(folder: &Path) {
    let mut spool = open(folder, EPOCH);
    let mut packer = Packer::new().expect("there is memory");
    for number in 0..BATCHES {
        for lane in Lane::ALL {
            let row = ExchangeRow { path: Some(path(lane, number)), status: Some(204), ..ExchangeRow::default() };
            let rows = Rows { exchanges: vec![row], ..Rows::default() };
            let payload = packer.pack_rows(&rows).expect("it is small");
            let batch = NewBatch { class: Class::Records, counts: Counts::of(&rows), closed: 7, payload };
            spool.append(lane, batch).expect("there is room");
        }
    }
    spool.sync().expect("there is room");
    spool.keep_cursor().expect("there is room");
}

/// A copy of a folder's files, since a spool changes what it is opened on.
fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("there is a place for tests");
    for entry in fs::read_dir(from).expect("it was listed").flatten().filter(|entry| entry.file_name() != "lock") {
        fs::copy(entry.path(), to.path().join(entry.file_name())).expect("there is room");
    }
    to
}

#[test]
fn spools_of_all_versions_are_delivered() {
    let releases = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/releases"));
    let own = releases.join(format!("v{PROTOCOL_VERSION}"));
    if !own.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(&own).expect("the sources can be written");
        make(&own);
    }
    assert!(own.exists(), "this version has no folder in {}: run with UPDATE_GOLDEN=1", releases.display());
    for release in fs::read_dir(&releases).expect("it is there").flatten() {
        let folder = copy(&release.path());
        let mut spool = open(folder.path(), 99);
        assert_eq!(spool.epoch(), EPOCH, "a new program goes on with the old name");
        for lane in Lane::ALL {
            for number in 0..BATCHES {
                let (waiting, payload) = spool.read(lane).expect("it is whole").expect("it waits");
                let bytes = address(&waiting.head, &payload).expect("there is memory");
                let batch = unpack(&bytes).expect("a server takes it");
                assert_eq!((batch.epoch, batch.lane(), batch.sequence), (EPOCH, lane, waiting.head.sequence));
                let rows = decode(batch.tables, &mut 0).expect("it fits");
                assert_eq!(
                    rows.exchanges[0].path.as_deref(),
                    Some(&*path(lane, number)),
                    "{}",
                    release.path().display()
                );
                assert!(spool.settle(&waiting.head, Settled::Delivered));
            }
            assert!(spool.read(lane).expect("it is whole").is_none());
        }
    }
}
