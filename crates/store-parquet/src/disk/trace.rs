//! A disk that records what is done to it, and what a power cut may leave of that.
//!
//! The model is meaner than a journalling file system, so that what holds here holds there: until the file is synced,
//! each write may be kept, lost, or kept in some of its 512-byte sectors, in any combination (a sector that is lost
//! before one that is kept reads as zeros); until the directory is synced, each new name, rename and removal may be kept
//! or lost, in any combination. A rename is never half done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::hooked::{Hook, Hooked, Operation, Verdict};
use super::{MemoryDisk, parent};

/// What a disk keeps whole or not at all.
const SECTOR: usize = 512;

/// The hook of a [`TraceDisk`].
#[derive(Debug, Default)]
pub struct Trace {
    operations: Mutex<Vec<Operation>>,
}

impl Hook for Trace {
    fn before(&self, _: &Operation) -> Verdict {
        Verdict::Go
    }

    fn after(&self, operation: Operation) {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
    }
}

/// A disk that records every change.
pub type TraceDisk = Hooked<Trace>;

impl Hooked<Trace> {
    /// A new, empty disk that records.
    pub fn recording() -> Self {
        Self::new(Arc::new(MemoryDisk::default()), Arc::new(Trace::default()))
    }

    /// Changes so far. What was acknowledged at this count must be in every image of at least as many operations.
    pub fn operations(&self) -> usize {
        self.hook().operations.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// `count` images, chosen by `seed`, of what a power cut at any point may leave.
    pub fn images(&self, seed: u64, count: usize) -> Images {
        let operations = self.hook().operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Images { operations, random: Random(seed), left: count }
    }
}

/// What a power cut left.
#[derive(Debug)]
pub struct Image {
    /// How many operations had been made.
    pub operations: usize,
    /// The files.
    pub disk: MemoryDisk,
}

/// Images, one after the other.
#[derive(Debug)]
pub struct Images {
    operations: Vec<Operation>,
    random: Random,
    left: usize,
}

impl Iterator for Images {
    type Item = Image;

    fn next(&mut self) -> Option<Image> {
        self.left = self.left.checked_sub(1)?;
        // The last operations of a run are no more likely than any others.
        let operations = self.random.below(self.operations.len() + 1);
        let mut replay = Replay::default();
        self.operations[..operations].iter().for_each(|operation| replay.apply(operation));
        // All lost, all kept, and everything between.
        let mood = Mood { keep: [0, 100, 50, 90, 10][self.random.below(5)], tear: [0, 50][self.random.below(2)] };
        Some(Image { operations, disk: replay.cut(mood, &mut self.random) })
    }
}

/// How likely it is, in percent, that a change is kept, and that a write is torn.
#[derive(Clone, Copy, Debug)]
struct Mood {
    keep: usize,
    tear: usize,
}

/// A small generator (`SplitMix64`): the same seed gives the same images everywhere.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).unwrap_or_default()
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

#[derive(Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    length: usize,
    pending: Vec<Change>,
}

#[derive(Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// A change of names: one goes, one comes. A directory has no inode.
#[derive(Clone, Debug)]
struct NameChange {
    goes: Option<String>,
    comes: Option<(String, Option<usize>)>,
}

impl NameChange {
    /// The directory whose sync makes it durable: of a rename, the one that gets the name.
    fn directory(&self) -> &str {
        self.comes.as_ref().map(|(path, _)| path).or(self.goes.as_ref()).map_or("", |path| parent(path))
    }

    fn apply(&self, names: &mut BTreeMap<String, Option<usize>>) {
        if let Some(path) = &self.goes {
            names.remove(path);
        }
        if let Some((path, inode)) = &self.comes {
            names.insert(path.clone(), *inode);
        }
    }
}

#[derive(Debug, Default)]
struct Replay {
    inodes: Vec<Inode>,
    /// What the process sees.
    names: BTreeMap<String, Option<usize>>,
    /// The last file made under a name: a handle writes to it after a rename too.
    made: BTreeMap<String, usize>,
    durable: BTreeMap<String, Option<usize>>,
    pending: Vec<NameChange>,
}

impl Replay {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create(path) => {
                self.inodes.push(Inode::default());
                let inode = self.inodes.len() - 1;
                self.made.insert(path.clone(), inode);
                self.rename(None, Some((path.clone(), Some(inode))));
            }
            Operation::CreateDir(path) if self.names.contains_key(path) => {}
            Operation::CreateDir(path) => self.rename(None, Some((path.clone(), None))),
            Operation::Remove(path) => self.rename(Some(path.clone()), None),
            Operation::Rename(from, to) => {
                let inode = self.names.get(from).copied().flatten();
                self.rename(Some(from.clone()), Some((to.clone(), inode)));
            }
            Operation::Write(path, bytes) => {
                if let Some(inode) = self.inode(path) {
                    inode.pending.push(Change::Write(inode.length, bytes.clone()));
                    inode.length += bytes.len();
                }
            }
            Operation::Truncate(path, length) => {
                if let (Some(inode), Ok(length)) = (self.inode(path), usize::try_from(*length)) {
                    inode.pending.push(Change::Truncate(length));
                    inode.length = length;
                }
            }
            Operation::Sync(path) => {
                if let Some(inode) = self.inode(path) {
                    let pending = std::mem::take(&mut inode.pending);
                    pending.iter().for_each(|change| keep(&mut inode.durable, change));
                }
            }
            Operation::SyncDir(directory) => {
                let (now, later) =
                    std::mem::take(&mut self.pending).into_iter().partition(|c| c.directory() == directory);
                self.pending = later;
                let now: Vec<NameChange> = now;
                now.iter().for_each(|change| change.apply(&mut self.durable));
            }
        }
    }

    fn rename(&mut self, goes: Option<String>, comes: Option<(String, Option<usize>)>) {
        let change = NameChange { goes, comes };
        change.apply(&mut self.names);
        self.pending.push(change);
    }

    fn inode(&mut self, path: &str) -> Option<&mut Inode> {
        let named = self.names.get(path).copied().flatten();
        self.inodes.get_mut(named.or_else(|| self.made.get(path).copied())?)
    }

    /// What is left when the power goes now.
    fn cut(mut self, mood: Mood, random: &mut Random) -> MemoryDisk {
        for change in &self.pending {
            if random.percent(mood.keep) {
                change.apply(&mut self.durable);
            }
        }
        let contents: Vec<_> = self.inodes.into_iter().map(|inode| inode.cut(mood, random)).collect();
        let reachable = |path: &str| path.match_indices('/').all(|(end, _)| self.durable.contains_key(&path[..end]));
        let files = self.durable.iter().filter(|(path, _)| reachable(path));
        MemoryDisk::from_files(
            files.filter_map(|(path, inode)| inode.map(|inode| (path.clone(), contents[inode].clone()))),
        )
    }
}

impl Inode {
    fn cut(mut self, mood: Mood, random: &mut Random) -> Vec<u8> {
        for change in &self.pending {
            match change {
                Change::Write(offset, bytes) if random.percent(mood.tear) => {
                    tear(&mut self.durable, *offset, bytes, random);
                }
                change if random.percent(mood.keep) => keep(&mut self.durable, change),
                _ => {}
            }
        }
        self.durable
    }
}

fn keep(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Truncate(length) => content.resize(*length, 0),
        Change::Write(offset, bytes) => put(content, *offset, bytes),
    }
}

fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    content.resize(content.len().max(end), 0);
    content[offset..end].copy_from_slice(bytes);
}

/// Keeps some of the sectors that a write touches.
fn tear(content: &mut Vec<u8>, offset: usize, bytes: &[u8], random: &mut Random) {
    let mut from = 0;
    while from < bytes.len() {
        let to = bytes.len().min(from + SECTOR - (offset + from) % SECTOR);
        if random.percent(50) {
            put(content, offset + from, &bytes[from..to]);
        }
        from = to;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{MemoryDisk, TraceDisk};
    use crate::disk::Disk as _;

    fn all(disk: &TraceDisk) -> BTreeSet<Vec<(String, Vec<u8>)>> {
        disk.images(7, 2000).map(|image| image.disk.files().into_iter().collect()).collect()
    }

    fn file(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
        vec![(name.to_owned(), bytes.to_vec())]
    }

    #[test]
    fn what_is_synced_stays_and_what_is_not_may_go() {
        let disk = TraceDisk::recording();
        let mut a = disk.create("a").expect("it is new");
        disk.sync_dir("").expect("the root is there");
        a.write_all(b"1").and_then(|()| a.sync()).and_then(|()| a.write_all(b"2")).expect("memory takes it");
        disk.rename("a", "b").expect("it is there");
        let done = disk.operations();
        let last: BTreeSet<_> =
            disk.images(7, 2000).filter(|image| image.operations == done).map(|image| image.disk.files()).collect();
        let expected = [file("a", b"1"), file("a", b"12"), file("b", b"1"), file("b", b"12")];
        assert_eq!(last, expected.into_iter().map(|files| files.into_iter().collect()).collect());
        assert!(all(&disk).contains(&Vec::new()), "before the first sync of the directory there may be nothing");
    }

    #[test]
    fn a_write_may_keep_any_of_its_sectors() {
        let disk = TraceDisk::recording();
        let mut a = disk.create("a").expect("it is new");
        disk.sync_dir("").expect("the root is there");
        a.write_all(&[1; 100]).and_then(|()| a.sync()).and_then(|()| a.write_all(&[2; 600])).expect("memory takes it");
        let seen = all(&disk);
        let first = |length| [vec![1; 100], vec![2; length]].concat();
        for content in [first(0), first(412), first(600), [first(0), vec![0; 412], vec![2; 188]].concat()] {
            assert!(seen.contains(&file("a", &content)), "{} bytes", content.len());
        }
    }

    #[test]
    fn a_directory_that_is_lost_takes_its_files_along() {
        let disk = TraceDisk::recording();
        disk.create_dir("d").expect("it is new");
        let mut file = disk.create("d/a").expect("it is new");
        file.write_all(b"1").and_then(|()| file.sync()).expect("memory takes it");
        disk.sync_dir("d").expect("it is there");
        assert!(all(&disk).contains(&Vec::new()));
        disk.sync_dir("").expect("it is there");
        let done = disk.operations();
        assert!(disk.images(1, 500).filter(|i| i.operations == done).all(|i| i.disk.files().len() == 1));
    }

    #[test]
    fn images_can_be_written_to_a_directory() {
        let directory = tempfile::tempdir().expect("there is a place for tests");
        let disk = MemoryDisk::from_files([("a/b/c".to_owned(), b"x".to_vec())]);
        disk.write_to(directory.path()).expect("the place takes files");
        assert_eq!(std::fs::read(directory.path().join("a/b/c")).expect("it was written"), b"x");
    }
}
