//! The folder `/proc` by descriptor: files of a process cost one short path look-up each, and no allocation.

use std::fmt::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, statat};
use rustix::io::Errno;

use crate::text::number;

/// Files of processes are shorter; `status` of a process in thousands of groups is cut behind what is needed.
const FILE_BYTES_MAX: usize = 16 << 10;

/// `/proc`, opened.
#[derive(Debug)]
pub(super) struct Folder {
    proc: OwnedFd,
    path: String,
    bytes: Box<[u8]>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc = openat(CWD, path, flags, Mode::empty());
        let proc = proc.map_err(|error| format!("cannot open {}: {error}", path.display()))?;
        Ok(Self { proc, path: String::new(), bytes: vec![0; FILE_BYTES_MAX].into_boxed_slice() })
    }

    /// The numbers that name entries of a folder: processes of "." and threads of "12/task".
    pub(super) fn numbers(&self, path: &str) -> Result<Vec<u32>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = Dir::new(openat(&self.proc, path, flags, Mode::empty())?)?;
        let id =
            |entry: rustix::fs::DirEntry| number(entry.file_name().to_bytes()).and_then(|id| u32::try_from(id).ok());
        Ok(dir.filter_map(|entry| entry.ok().and_then(id)).collect())
    }

    /// The bytes of a file of a process.
    pub(super) fn read(&mut self, process: u32, file: &str) -> Result<&[u8], Errno> {
        self.path.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.path, "{process}/{file}");
        let file = openat(&self.proc, self.path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut length = 0;
        loop {
            match rustix::io::read(&file, &mut self.bytes[length..]) {
                Ok(0) => return Ok(&self.bytes[..length]),
                // These files come whole where there is room for them.
                Ok(more) if length + more < FILE_BYTES_MAX / 2 => return Ok(&self.bytes[..length + more]),
                Ok(more) => length += more,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// How many files a process has open. The folder's size says it since Linux 6.2; before, `count` says whether to list it.
    pub(super) fn open_files(&mut self, process: u32, count: bool) -> Result<Option<u64>, Errno> {
        self.path.clear();
        let _ = write!(self.path, "{process}/fd");
        let size = statat(&self.proc, self.path.as_str(), rustix::fs::AtFlags::empty())?.st_size;
        match u64::try_from(size) {
            Ok(size) if size > 0 => Ok(Some(size)),
            _ if count => Ok(Some(self.numbers(&self.path)?.len() as u64)),
            _ => Ok(None),
        }
    }
}
