//! A disk that asks before each change and tells after it.

use std::io;
use std::sync::Arc;

use super::{Disk, Entry, ReadFile, WriteFile};

/// A change to a disk. Reads change nothing and are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new file.
    Create(String),
    /// Bytes at the end of the file that was created as this path.
    Write(String, Vec<u8>),
    /// A file's bytes made durable.
    Sync(String),
    /// A file cut to a length.
    Truncate(String, u64),
    /// A new name for a file: from, to.
    Rename(String, String),
    /// A file removed.
    Remove(String),
    /// A new directory.
    CreateDir(String),
    /// A directory's names made durable.
    SyncDir(String),
}

/// What is to become of a change.
#[derive(Debug)]
pub enum Verdict {
    /// It happens.
    Go,
    /// It does not happen.
    Fail(io::Error),
    /// A write that stops half-way; any other change does not happen.
    Tear(io::Error),
}

/// Decides about changes and hears of them.
pub trait Hook: Send + Sync + std::fmt::Debug {
    /// Called before each change.
    fn before(&self, operation: &Operation) -> Verdict;

    /// Called after each change that was made.
    fn after(&self, operation: Operation);

    /// Called before each read.
    ///
    /// # Errors
    /// What the reader shall see.
    fn read(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk with a hook.
#[derive(Debug)]
pub struct Hooked<H> {
    disk: Arc<dyn Disk>,
    hook: Arc<H>,
}

impl<H: Hook + 'static> Hooked<H> {
    /// `disk` with `hook`.
    pub fn new(disk: Arc<dyn Disk>, hook: Arc<H>) -> Self {
        Self { disk, hook }
    }

    /// The hook.
    pub fn hook(&self) -> &H {
        &self.hook
    }

    fn change<T>(&self, operation: Operation, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        guarded(&*self.hook, operation, act)
    }
}

/// A change that happens as a whole or not at all.
fn guarded<T>(hook: &dyn Hook, operation: Operation, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match hook.before(&operation) {
        Verdict::Go => {
            let result = act()?;
            hook.after(operation);
            Ok(result)
        }
        Verdict::Fail(error) | Verdict::Tear(error) => Err(error),
    }
}

#[derive(Debug)]
struct HookedFile {
    path: String,
    file: Box<dyn WriteFile>,
    hook: Arc<dyn Hook>,
}

impl WriteFile for HookedFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let operation = Operation::Write(self.path.clone(), bytes.to_vec());
        match self.hook.before(&operation) {
            Verdict::Go => {
                self.file.write_all(bytes)?;
                self.hook.after(operation);
                Ok(())
            }
            Verdict::Fail(error) => Err(error),
            Verdict::Tear(error) => {
                let half = &bytes[..bytes.len() / 2];
                self.file.write_all(half)?;
                self.hook.after(Operation::Write(self.path.clone(), half.to_vec()));
                Err(error)
            }
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let file = &mut self.file;
        guarded(&*self.hook, Operation::Sync(self.path.clone()), || file.sync())
    }
}

#[derive(Debug)]
struct HookedRead {
    file: Box<dyn ReadFile>,
    hook: Arc<dyn Hook>,
}

impl ReadFile for HookedRead {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.hook.read()?;
        self.file.read_at(offset, buffer)
    }

    fn len(&self) -> io::Result<u64> {
        self.hook.read()?;
        self.file.len()
    }
}

impl<H: Hook + 'static> Disk for Hooked<H> {
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteFile>> {
        let file = self.change(Operation::Create(path.to_owned()), || self.disk.create(path))?;
        let hook: Arc<dyn Hook> = Arc::<H>::clone(&self.hook);
        Ok(Box::new(HookedFile { path: path.to_owned(), file, hook }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn ReadFile>> {
        self.hook.read()?;
        let hook: Arc<dyn Hook> = Arc::<H>::clone(&self.hook);
        Ok(Box::new(HookedRead { file: self.disk.open(path)?, hook }))
    }

    fn truncate(&self, path: &str, length: u64) -> io::Result<()> {
        self.change(Operation::Truncate(path.to_owned(), length), || self.disk.truncate(path, length))
    }

    fn sync_file(&self, path: &str) -> io::Result<()> {
        self.change(Operation::Sync(path.to_owned()), || self.disk.sync_file(path))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(Operation::Rename(from.to_owned(), to.to_owned()), || self.disk.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(Operation::Remove(path.to_owned()), || self.disk.remove(path))
    }

    fn list(&self, directory: &str) -> io::Result<Vec<Entry>> {
        self.hook.read()?;
        self.disk.list(directory)
    }

    fn create_dir(&self, directory: &str) -> io::Result<()> {
        self.change(Operation::CreateDir(directory.to_owned()), || self.disk.create_dir(directory))
    }

    fn sync_dir(&self, directory: &str) -> io::Result<()> {
        self.change(Operation::SyncDir(directory.to_owned()), || self.disk.sync_dir(directory))
    }
}
