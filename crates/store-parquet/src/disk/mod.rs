//! All access to files, so that tests can break any of it.
//!
//! [`Disk`] is what the logs need of a file system, small and blocking. [`RealDisk`] is a directory; the disks of the
//! tests (feature `faults`) live in memory, fail on purpose, or record every operation so that what a power cut may
//! leave behind can be built. Paths are relative to the root, with `/` between names; nothing leads out of the root.
//!
//! What is durable: bytes after [`WriteFile::sync`] or [`Disk::sync_file`], names after [`Disk::sync_dir`] of the
//! directory that holds them. Nothing else is promised.

#[cfg(feature = "crash-points")]
mod crash;
#[cfg(any(test, feature = "faults"))]
mod fault;
#[cfg(any(test, feature = "faults", feature = "crash-points"))]
mod hooked;
mod lock;
#[cfg(any(test, feature = "faults"))]
mod memory;
mod real;
#[cfg(any(test, feature = "faults"))]
mod trace;

use std::fmt;
use std::io;

#[cfg(feature = "crash-points")]
pub use crash::{Crash, CrashDisk};
#[cfg(any(test, feature = "faults"))]
pub use fault::{Fault, FaultDisk, Faults, Plan};
#[cfg(any(test, feature = "faults", feature = "crash-points"))]
pub use hooked::{Hook, Hooked, Operation, Verdict};
pub use lock::{DirectoryLock, LockError};
#[cfg(any(test, feature = "faults"))]
pub use memory::MemoryDisk;
pub use real::RealDisk;
#[cfg(any(test, feature = "faults"))]
pub use trace::{Image, Images, Trace, TraceDisk};

/// The directory for what is damaged. Files are moved here, never deleted.
pub const QUARANTINE: &str = "quarantine";

/// A file that grows at its end.
pub trait WriteFile: Send + fmt::Debug {
    /// Appends all of `bytes`. After an error any part of them may be in the file.
    ///
    /// # Errors
    /// What the system says, as of every function here.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes all bytes and the length durable. After an error nothing is known about any byte written since the last
    /// success, and a further call proves nothing: the system may have forgotten the bytes that it could not write.
    ///
    /// # Errors
    /// What the system says.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file to read at any offset.
pub trait ReadFile: Send + Sync + fmt::Debug {
    /// Reads up to `buffer.len()` bytes from `offset`; 0 at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// The length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is no byte.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills as much of `buffer` as the file has from `offset`, and says how much.
    ///
    /// # Errors
    /// What the system says.
    fn read_full_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(offset.saturating_add(filled as u64), &mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name, without its directory.
    pub name: String,
    /// Whether it is a directory.
    pub directory: bool,
}

/// A file system below one root. All paths are relative; the empty path is the root itself.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Makes a new, empty file, readable by its owner only.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one; [`io::ErrorKind::InvalidInput`] for a path that leads out of
    /// the root, here and below.
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>>;

    /// Opens a file to read.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] and what else the system says, as of every function below.
    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>>;

    /// Cuts a file to `length` bytes. Durable after the next sync only.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&self, path: &str, length: u64) -> io::Result<()>;

    /// Makes the bytes of a file durable that somebody else wrote, such as a process that died.
    ///
    /// # Errors
    /// What the system says.
    fn sync_file(&self, path: &str) -> io::Result<()>;

    /// Gives a file another name, replacing what has it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// What is in a directory, by name.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, directory: &str) -> io::Result<Vec<Entry>>;

    /// Makes a directory in one that exists; fine when it is there.
    ///
    /// # Errors
    /// What the system says.
    fn create_dir(&self, directory: &str) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, directory: &str) -> io::Result<()>;
}

/// The directory of a path; empty for a name in the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// Makes a directory with all above it, durably.
///
/// # Errors
/// What the system says.
pub fn create_dir_durably(disk: &dyn Disk, directory: &str) -> io::Result<()> {
    for (end, _) in directory.match_indices('/').chain([(directory.len(), "")]) {
        disk.create_dir(&directory[..end])?;
        disk.sync_dir(parent(&directory[..end]))?;
    }
    Ok(())
}

/// Moves a file into [`QUARANTINE`], durably, under a name that nothing has there, and returns its new path.
///
/// # Errors
/// What the system says; the file is then still at its place.
pub fn quarantine(disk: &dyn Disk, path: &str) -> io::Result<String> {
    create_dir_durably(disk, QUARANTINE)?;
    let taken = disk.list(QUARANTINE)?;
    let base = path.replace('/', "-");
    let free = |name: &String| taken.iter().all(|entry| entry.name != *name);
    let names = std::iter::once(base.clone()).chain((1..=taken.len()).map(|n| format!("{base}.{n}")));
    let name = names.into_iter().find(free).expect("one name more than there are entries is tried");
    let target = format!("{QUARANTINE}/{name}");
    disk.rename(path, &target)?;
    disk.sync_dir(QUARANTINE)?;
    disk.sync_dir(parent(path))?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::{Disk, MemoryDisk, QUARANTINE, RealDisk, create_dir_durably, quarantine};

    fn put(disk: &dyn Disk, path: &str, bytes: &[u8]) {
        let mut file = disk.create(path).expect("the name is free");
        file.write_all(bytes).and_then(|()| file.sync()).expect("a disk with room takes it");
    }

    fn names(disk: &dyn Disk, directory: &str) -> Vec<String> {
        disk.list(directory).expect("the directory is there").into_iter().map(|entry| entry.name).collect()
    }

    /// What every disk must do alike.
    fn conforms(disk: &dyn Disk) {
        create_dir_durably(disk, "a/b").expect("directories can be made");
        create_dir_durably(disk, "a/b").expect("a second time too");
        put(disk, "a/b/one", b"0123456789");
        assert!(disk.create("a/b/one").is_err(), "a file is never overwritten");
        disk.truncate("a/b/one", 4).expect("the file is there");
        disk.sync_file("a/b/one").expect("the file is there");
        let file = disk.open("a/b/one").expect("the file is there");
        let mut buffer = [0; 8];
        assert_eq!(file.read_full_at(1, &mut buffer).expect("it can be read"), 3);
        assert_eq!((&buffer[..3], file.len().expect("it has a length")), (&b"123"[..], 4));
        put(disk, "a/b/two", b"2");
        disk.rename("a/b/two", "a/b/one").expect("a rename replaces");
        disk.sync_dir("a/b").expect("the directory is there");
        assert_eq!(names(disk, "a/b"), ["one"]);
        assert_eq!(names(disk, ""), ["a"]);
        assert!(disk.remove("a/b/two").is_err());
        for path in ["../x", "/x", "a/../../x", "a//b", "a/./b", ""] {
            assert!(disk.create(path).is_err(), "{path:?} is no place for a file");
            assert!(disk.open(path).is_err(), "{path:?} is no place for a file");
        }
    }

    #[test]
    fn a_directory_and_memory_do_alike() {
        let directory = tempfile::tempdir().expect("there is a place for tests");
        conforms(&RealDisk::new(directory.path()));
        conforms(&MemoryDisk::default());
    }

    #[test]
    fn the_quarantine_keeps_files_of_the_same_name() {
        let disk = MemoryDisk::default();
        disk.create_dir("wal").expect("it is new");
        for expected in ["wal-1", "wal-1.1", "wal-1.2"] {
            put(&disk, "wal/1", b"x");
            assert_eq!(quarantine(&disk, "wal/1").expect("there is room"), format!("{QUARANTINE}/{expected}"));
        }
        assert_eq!(names(&disk, QUARANTINE), ["wal-1", "wal-1.1", "wal-1.2"]);
    }
}
