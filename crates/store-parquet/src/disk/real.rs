//! A directory of the file system as a disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::{Disk, Entry, ReadFile, WriteFile};

/// The files below one directory.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The disk whose root is `root`, which must exist.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a path of this disk is in the file system.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for an absolute path, an empty part, `.` or `..`.
    pub fn locate(&self, path: &str) -> io::Result<PathBuf> {
        check(path)?;
        Ok(self.root.join(path))
    }

    fn directory(&self, path: &str) -> io::Result<PathBuf> {
        if path.is_empty() { Ok(self.root.clone()) } else { self.locate(path) }
    }
}

/// Refuses what could lead out of the root.
pub(super) fn check(path: &str) -> io::Result<()> {
    let fine = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains('\0');
    if path.split('/').all(fine) {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} is no path inside the data directory")))
}

#[derive(Debug)]
struct Handle(File);

impl WriteFile for Handle {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl ReadFile for Handle {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let mut options = OpenOptions::new();
        Ok(Box::new(Handle(options.append(true).create_new(true).mode(0o600).open(self.locate(path)?)?)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        Ok(Box::new(Handle(File::open(self.locate(path)?)?)))
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.locate(path)?)?.set_len(length)
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        OpenOptions::new().write(true).open(self.locate(path)?)?.sync_data()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.locate(from)?, self.locate(to)?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.locate(path)?)
    }

    fn list(&self, directory: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.directory(directory)?)? {
            let entry = entry?;
            // A name that is not UTF-8 is not one of ours; its exact spelling does not matter.
            let name = entry.file_name().to_string_lossy().into_owned();
            entries.push(Entry { name, directory: entry.file_type()?.is_dir() });
        }
        entries.sort();
        Ok(entries)
    }

    fn create_dir(&self, directory: &str) -> io::Result<()> {
        let path = self.locate(directory)?;
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        File::open(self.directory(directory)?)?.sync_all()
    }
}
