//! All access to the files of a spool, so that tests can break any of it.
//!
//! What is durable: bytes after [`Folder::sync`], names after [`Folder::sync_names`]. Nothing else is promised.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The files of one flat folder. Names have no slash. Errors are what the system says.
#[expect(clippy::missing_errors_doc, reason = "all are what the system says")]
pub trait Folder: Send + fmt::Debug {
    /// Names and lengths of all files.
    fn list(&mut self) -> io::Result<Vec<(String, u64)>>;
    /// Makes a new, empty file, readable by its owner only; fails when there is one.
    fn create(&mut self, name: &str) -> io::Result<()>;
    /// Writes all of `bytes` at `offset`. After an error any part of them may be in the file.
    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts a file to `length` bytes.
    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()>;
    /// Makes all bytes and the length of a file durable. After an error nothing is known about any byte written since the
    /// last success, and a further call proves nothing.
    fn sync(&mut self, name: &str) -> io::Result<()>;
    /// Makes the names of all files durable.
    fn sync_names(&mut self) -> io::Result<()>;
    /// Reads up to `length` bytes from `offset`; fewer at the end.
    fn read_at(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>>;
    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// A directory of the file system, held by one process.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
    /// Files that were written to; the handle that wrote must be the one that syncs, or an error may be lost.
    open: BTreeMap<String, File>,
    _lock: File,
}

impl Directory {
    /// Opens `root`, makes it when it is missing, and locks it against other processes.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process holds it; else what the system says.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(root.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { root: root.to_owned(), open: BTreeMap::new(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("another process uses the spool {}: stop it, or name another folder", root.display()),
            )),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn handle(&mut self, name: &str) -> io::Result<&File> {
        if !self.open.contains_key(name) {
            let file = OpenOptions::new().write(true).open(self.root.join(name))?;
            self.open.insert(name.to_owned(), file);
        }
        self.open.get(name).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Folder for Directory {
    fn list(&mut self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_file() {
                // A name that is not UTF-8 is none of ours; its exact spelling does not matter.
                files.push((entry.file_name().to_string_lossy().into_owned(), about.len()));
            }
        }
        files.sort();
        Ok(files)
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.root.join(name))?;
        self.open.insert(name.to_owned(), file);
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.handle(name)?.write_all_at(bytes, offset)
    }

    fn truncate(&mut self, name: &str, length: u64) -> io::Result<()> {
        self.handle(name)?.set_len(length)
    }

    fn sync(&mut self, name: &str) -> io::Result<()> {
        self.handle(name)?.sync_data()
    }

    fn sync_names(&mut self) -> io::Result<()> {
        File::open(&self.root)?.sync_all()
    }

    fn read_at(&mut self, name: &str, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        read_file_at(&File::open(self.root.join(name))?, offset, length)
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.open.remove(name);
        fs::remove_file(self.root.join(name))
    }
}

/// Up to `length` bytes of a file from `offset`. Takes no memory for bytes that are not there.
pub(super) fn read_file_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let there = file.metadata()?.len().saturating_sub(offset);
    let mut bytes = vec![0; length.min(usize::try_from(there).unwrap_or(usize::MAX))];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
