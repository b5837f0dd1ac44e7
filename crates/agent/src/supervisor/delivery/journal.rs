//! How far logs were read, durable together with the batch that was made of them.
//!
//! ```text
//! batch with positions ─► journal: "batch n takes us from there to here" (fsync) ─► spool: batch n (fsync)
//! ```
//!
//! At a start the spool knows whether it has had batch n: if so, reading goes on where it ends, else where it began. So no line is
//! lost and none counts twice, whenever the agent is killed. A journal that is damaged is told, and the one before it is used.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use arachne_delivery::proto::Lane;
use arachne_delivery::spool::Spool;
use arachne_telemetry::{codes, emit};
use prost::Message as _;

const FILE: &str = "log-positions";
/// The one before, and one that is written.
const BEFORE: &str = "log-positions.before";
const DRAFT: &str = "log-positions.new";
/// Bytes of a journal: positions of a few thousand files.
const BYTES_MAX: u64 = 16 << 20;

/// What the file holds.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Entry {
    /// The name of the batch.
    #[prost(fixed64, tag = "1")]
    epoch: u64,
    #[prost(int32, tag = "2")]
    lane: i32,
    #[prost(uint64, tag = "3")]
    sequence: u64,
    /// Positions before it and behind it.
    #[prost(bytes = "vec", tag = "4")]
    from: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    to: Vec<u8>,
}

impl Entry {
    /// Where reading goes on, as the spool knows.
    fn settle(self, spool: &Spool) -> Vec<u8> {
        let lane = Lane::try_from(self.lane).unwrap_or(Lane::Live);
        if spool.has_had(self.epoch, lane, self.sequence) { self.to } else { self.from }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    /// Behind the last batch.
    at: Vec<u8>,
}

impl Journal {
    /// What is in `folder`, which goes with `spool`.
    #[must_use]
    pub fn open(folder: &Path, spool: &Spool) -> Self {
        let read = |name: &str| load(&folder.join(name));
        let entry = read(FILE).or_else(|| read(BEFORE)).unwrap_or_default();
        let journal = Self { folder: folder.to_owned(), at: entry.settle(spool) };
        // From now on it does not depend on that batch any more.
        let settled = Entry { from: journal.at.clone(), to: journal.at.clone(), ..Entry::default() };
        if !journal.at.is_empty() {
            complain(journal.write(&settled));
        }
        journal
    }

    /// Where reading goes on.
    #[must_use]
    pub fn position(&self) -> &[u8] {
        &self.at
    }

    /// The next batch of a lane takes reading to `to`: durable when this returns, where the disk takes it.
    pub fn intend(&mut self, spool: &Spool, lane: Lane, to: &[u8]) {
        let (epoch, sequence) = (spool.epoch(), spool.next_sequence(lane));
        let from = std::mem::replace(&mut self.at, to.to_owned());
        complain(self.write(&Entry { epoch, lane: lane.into(), sequence, from, to: to.to_owned() }));
    }

    fn write(&self, entry: &Entry) -> io::Result<()> {
        let mut bytes = entry.encode_to_vec();
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        let path = |name: &str| self.folder.join(name);
        let draft = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path(DRAFT));
        draft.and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()))?;
        match fs::rename(path(FILE), path(BEFORE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::rename(path(DRAFT), path(FILE))?,
        }
        File::open(&self.folder)?.sync_all()
    }
}

/// A whole entry; None where there is none, told where it is damaged.
fn load(path: &Path) -> Option<Entry> {
    let damaged = |why: String| {
        emit!(codes::AGENT_LOGS_001, file = %path.display(), error = why.as_str());
        None
    };
    let bytes = match fs::metadata(path)
        .and_then(|found| if found.len() > BYTES_MAX { Ok(Vec::new()) } else { fs::read(path) })
    {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => return damaged(error.to_string()),
    };
    let whole = bytes.split_last_chunk::<4>().filter(|(body, crc)| crc32c::crc32c(body) == u32::from_le_bytes(**crc));
    match whole.map(|(body, _)| Entry::decode(body)) {
        Some(Ok(entry)) => Some(entry),
        _ => damaged("it was not written whole, or was changed".to_owned()),
    }
}

fn complain(written: io::Result<()>) {
    if let Err(error) = written {
        emit!(codes::AGENT_SPOOL_002, error = %arachne_telemetry::chain(&error));
    }
}

#[cfg(test)]
mod tests {
    use arachne_delivery::spool::{Class, Counts, Directory, NewBatch, SpoolSettings};
    use arachne_telemetry::count_of;

    use super::*;

    fn spool(folder: &Path) -> Spool {
        let directory = Directory::open(&folder.join("spool")).expect("room");
        Spool::open(Box::new(directory), SpoolSettings::default(), 7).expect("sound")
    }

    fn batch() -> NewBatch {
        NewBatch { class: Class::Facts, counts: Counts([1; 8]), closed: 1, payload: vec![1, 2, 3] }
    }

    #[test]
    fn killed_between_any_two_steps_positions_go_with_the_batch() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut expected: Vec<u8> = Vec::new();
        for round in 1..=20_u8 {
            let mut now = spool(folder.path());
            let mut journal = Journal::open(folder.path(), &now);
            assert_eq!(journal.position(), expected, "round {round}");
            if round % 4 == 0 {
                continue;
            }
            journal.intend(&now, Lane::Live, &[round]);
            if round % 4 == 1 {
                continue;
            }
            let head = now.append(Lane::Live, batch()).expect("there is room");
            now.sync().expect("written");
            expected = vec![round];
            if round % 4 == 3 {
                assert!(now.front(Lane::Live).is_some());
                while let Some(front) = now.front(Lane::Live).map(|front| front.head) {
                    now.settle(&front, arachne_delivery::spool::Settled::Delivered);
                    if front == head {
                        break;
                    }
                }
                now.keep_cursor().expect("written");
            }
        }
    }

    #[test]
    fn a_damaged_one_is_told_and_the_one_before_is_used() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mut spool = spool(folder.path());
        let mut journal = Journal::open(folder.path(), &spool);
        for to in [b"one", b"two"] {
            journal.intend(&spool, Lane::Live, to);
            spool.append(Lane::Live, batch()).expect("there is room");
        }
        let file = folder.path().join(FILE);
        let mut bytes = fs::read(&file).expect("it was written");
        bytes.truncate(bytes.len() / 2);
        fs::write(&file, bytes).expect("writable");
        let before = count_of(&codes::AGENT_LOGS_001);
        assert_eq!(Journal::open(folder.path(), &spool).position(), b"one");
        assert!(count_of(&codes::AGENT_LOGS_001) > before);
        fs::write(&file, b"").expect("writable");
        fs::write(folder.path().join(BEFORE), b"nonsense").expect("writable");
        assert_eq!(Journal::open(folder.path(), &spool).position(), b"");
    }
}
