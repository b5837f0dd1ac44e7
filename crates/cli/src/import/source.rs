//! What is imported, by its content: hashes of files, and standard input in an unnamed file.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use arachne_capture::rows::{ContentHash, set_hash};

use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::read::live::Live;
use crate::read::source::{Input, Note, Source};

/// Bytes that are hashed between two looks at the interrupt. They stay in the second-level cache until then.
const CHUNK: usize = 128 << 10;

/// Why a source has no hash.
#[derive(Debug)]
pub enum Unknown {
    /// It cannot be read.
    Unreadable(Note),
    /// The run was asked to end.
    Interrupted,
}

/// Moves standard input into a temporary file without a name.
///
/// # Errors
/// See [`Unknown`].
pub fn spool(source: &mut Source, interrupt: &Interrupt) -> Result<(), Unknown> {
    for input in &mut source.inputs {
        if !input.is_regular() {
            let unreadable = |error: io::Error| Unknown::Unreadable(Note::cannot_open(input.name().as_ref(), &error));
            let file = spool_one(input, interrupt).map_err(unreadable)?;
            if interrupt.is_set() {
                return Err(Unknown::Interrupted);
            }
            *input = Input::Spooled { name: input.name(), file: Arc::new(file) };
        }
    }
    Ok(())
}

fn spool_one(input: &Input, interrupt: &Interrupt) -> io::Result<File> {
    let from = match input {
        Input::Stdin => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        Input::File(path) => File::open(path)?,
        Input::Spooled { file, .. } => file.try_clone()?,
    };
    let mut file = tempfile::tempfile()?;
    io::copy(&mut Live::new(from, interrupt.clone()), &mut file)?;
    file.flush()?;
    Ok(file)
}

/// The value of the column `source`: the hash of the only file, or of the hashes of all files in their order.
///
/// # Errors
/// See [`Unknown`].
pub fn identify(source: &Source, interrupt: &Interrupt, progress: &Progress) -> Result<String, Unknown> {
    let mut hashes = Vec::new();
    let mut done = 0;
    for input in &source.inputs {
        hashes.push(hash(input, interrupt, progress, &mut done)?);
    }
    Ok(set_hash(&hashes))
}

fn hash(input: &Input, interrupt: &Interrupt, progress: &Progress, done: &mut u64) -> Result<ContentHash, Unknown> {
    let unreadable = |error: io::Error| Unknown::Unreadable(Note::cannot_open(input.name().as_ref(), &error));
    let mut file = open(input).map_err(unreadable)?;
    let (mut hash, mut chunk) = (ContentHash::default(), vec![0; CHUNK]);
    loop {
        if interrupt.is_set() {
            return Err(Unknown::Interrupted);
        }
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hash),
            Ok(count) => {
                hash.update(&chunk[..count]);
                *done += count as u64;
                progress.at(*done);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
}

/// The file of an input that is one, from its beginning.
fn open(input: &Input) -> io::Result<File> {
    match input {
        Input::File(path) => File::open(path),
        Input::Spooled { file, .. } => {
            let mut file = file.try_clone()?;
            file.rewind()?;
            Ok(file)
        }
        Input::Stdin => Err(io::ErrorKind::NotSeekable.into()),
    }
}
