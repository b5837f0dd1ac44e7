//! One process per data directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// The name of the lock file. Its content is the process id of the last holder, for messages only.
const NAME: &str = "LOCK";

/// Why a data directory cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process has it.
    #[error(
        "the data directory {} is in use by {holder}; stop that process, let it do the work, or choose another \
         directory",
        .directory.display()
    )]
    Held {
        /// The data directory.
        directory: PathBuf,
        /// `process N`, or `another process` when its id cannot be read.
        holder: String,
    },
    /// The lock file cannot be opened, locked or written.
    #[error("cannot lock the data directory {}", .directory.display())]
    Io {
        /// The data directory.
        directory: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The exclusive right to a data directory, for as long as this lives. The system gives it back when the process ends
/// in whatever way; a `LOCK` file that is left behind holds nobody up.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock of `directory`, at once or not at all.
    ///
    /// # Errors
    /// [`LockError::Held`] names the holder.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { directory: directory.to_owned(), source };
        let path = directory.join(NAME);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held { directory: directory.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The id is help for people: a full disk must not keep anybody from reading.
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        drop(written);
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(id) if read.is_ok() => format!("process {id}"),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{DirectoryLock, LockError, NAME};

    #[test]
    fn the_second_is_told_who_has_it() {
        let directory = tempfile::tempdir().expect("there is a place for tests");
        std::fs::write(directory.path().join(NAME), "999999999 and more").expect("the place takes files");
        let held = DirectoryLock::acquire(directory.path()).expect("a file left behind locks nothing");
        let refused = DirectoryLock::acquire(directory.path()).expect_err("it is held");
        assert!(matches!(&refused, LockError::Held { holder, .. }
            if *holder == format!("process {}", std::process::id())));
        std::fs::write(directory.path().join(NAME), [0xff; 40]).expect("the place takes files");
        let refused = DirectoryLock::acquire(directory.path()).expect_err("it is held").to_string();
        assert!(refused.contains("in use by another process"), "{refused}");
        drop(held);
        DirectoryLock::acquire(directory.path()).expect("it was given back");
    }
}
