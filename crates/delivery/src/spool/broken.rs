//! A folder in memory that fails, fills up, dies and forgets, for tests.
//!
//! The model is meaner than a journalling file system: until a file is synced, each write may be kept, lost, or kept in some
//! of its 512-byte sectors; until the names are synced, each new or removed name may be kept or lost.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Folder;
use crate::random::Random;

const SECTOR: usize = 512;

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// It fails; half of a write is there.
    Error,
    /// It and all behind it fail: the process is dead. Half of a write is there.
    Kill,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<(usize, Option<Vec<u8>>)>,
}

#[derive(Debug, Default)]
struct State {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable: BTreeMap<String, usize>,
    pending: Vec<(String, Option<usize>)>,
    operations: u64,
    fail: Option<(u64, Fail)>,
    dead: bool,
    room: Option<u64>,
}

/// The folder. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Broken(Arc<Mutex<State>>);

impl Broken {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails at the operation with this number from now, 0 for the next.
    pub fn fail_in(&self, operations: u64, how: Fail) {
        let mut state = self.state();
        state.fail = Some((state.operations + operations, how));
    }

    /// Bytes that fit, or no limit.
    pub fn set_room(&self, bytes: Option<u64>) {
        self.state().room = bytes;
    }

    /// Changes so far.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// What another process finds after this one died.
    pub fn after_kill(&self) -> Self {
        let state = self.state();
        Self::of(state.names.iter().map(|(name, inode)| (name.clone(), state.inodes[*inode].bytes.clone())))
    }

    /// What is found after the power went, chosen by `random`.
    pub fn after_power_cut(&self, random: &mut Random) -> Self {
        let state = self.state();
        let mood = [0, 100, 50][usize::try_from(random.below(3)).expect("it is small")];
        let mut names = state.durable.clone();
        for (name, inode) in &state.pending {
            if random.percent(mood) {
                match inode {
                    Some(inode) => drop(names.insert(name.clone(), *inode)),
                    None => drop(names.remove(name)),
                }
            }
        }
        let files: Vec<_> =
            names.iter().map(|(name, at)| (name.clone(), state.inodes[*at].cut(mood, random))).collect();
        Self::of(files)
    }

    /// A folder with these files.
    pub fn of(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut state = State::default();
        for (name, bytes) in files {
            state.names.insert(name, state.inodes.len());
            state.inodes.push(Inode { durable: bytes.clone(), bytes, pending: Vec::new() });
        }
        state.durable = state.names.clone();
        Self(Arc::new(Mutex::new(state)))
    }

    /// All files.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        state.names.iter().map(|(name, inode)| (name.clone(), state.inodes[*inode].bytes.clone())).collect()
    }
}

impl Inode {
    fn cut(&self, mood: u64, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        for (at, change) in &self.pending {
            match change {
                None if random.percent(mood) => bytes.truncate(*at),
                Some(written) => {
                    for (index, sector) in written.chunks(SECTOR).enumerate() {
                        if random.percent(mood) {
                            put(&mut bytes, at + index * SECTOR, sector);
                        }
                    }
                }
                None => {}
            }
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    bytes.resize(bytes.len().max(at + new.len()), 0);
    bytes[at..at + new.len()].copy_from_slice(new);
}

impl State {
    fn inode(&mut self, name: &str) -> io::Result<&mut Inode> {
        let at = *self.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(&mut self.inodes[at])
    }

    /// Counts a change and says what becomes of it.
    fn change(&mut self) -> io::Result<()> {
        let now = self.operations;
        self.operations += 1;
        let failed = || io::Error::other("the test wants it");
        if self.dead {
            return Err(failed());
        }
        match self.fail {
            Some((at, how)) if at == now => {
                self.dead = how == Fail::Kill;
                Err(failed())
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, name: &str, at: usize, bytes: &[u8]) -> io::Result<()> {
        let inode = self.inode(name)?;
        put(&mut inode.bytes, at, bytes);
        inode.pending.push((at, Some(bytes.to_vec())));
        Ok(())
    }
}

impl Folder for Broken {
    fn list(&mut self) -> io::Result<Vec<(String, u64)>> {
        let state = self.state();
        Ok(state.names.iter().map(|(name, inode)| (name.clone(), state.inodes[*inode].bytes.len() as u64)).collect())
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.names.insert(name.to_owned(), inode);
        state.pending.push((name.to_owned(), Some(inode)));
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let at = usize::try_from(offset).expect("files of tests are small");
        let was_dead = state.dead;
        if let Err(error) = state.change() {
            if !was_dead {
                state.write(name, at, &bytes[..bytes.len() / 2])?;
            }
            return Err(error);
        }
        let length = state.inode(name)?.bytes.len();
        let grows = (at + bytes.len()).saturating_sub(length) as u64;
        let used = || state.names.values().map(|inode| state.inodes[*inode].bytes.len() as u64).sum::<u64>();
        if grows > 0 && state.room.is_some_and(|room| used() + grows > room) {
            state.write(name, at, &bytes[..bytes.len() / 3])?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.write(name, at, bytes)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let length = usize::try_from(length).expect("files of tests are small");
        let inode = state.inode(name)?;
        inode.bytes.truncate(length);
        inode.pending.push((length, None));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let inode = state.inode(name)?;
        for (at, change) in std::mem::take(&mut inode.pending) {
            match change {
                Some(bytes) => put(&mut inode.durable, at, &bytes),
                None => inode.durable.truncate(at),
            }
        }
        Ok(())
    }

    fn sync_names(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.durable = state.names.clone();
        state.pending.clear();
        Ok(())
    }

    fn read_at(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        if state.dead {
            return Err(io::Error::other("the test wants it"));
        }
        let bytes = &state.inode(name)?.bytes;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes[from..bytes.len().min(from.saturating_add(length))].to_vec())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.pending.push((name.to_owned(), None));
        Ok(())
    }
}
