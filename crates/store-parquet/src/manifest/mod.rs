//! The manifest: which parts there are, and which batches and how much of the log are in them.
//!
//! Files `MANIFEST-<generation, 10 digits>.a` and `.b` of [`crate::frames`] in the root, **two copies** of the same
//! frames, each with its own salt. Each frame is an [`Edit`] in JSON with its `format` number; sequences count on from
//! generation to generation. A file begins with a snapshot, the edits that make the state out of nothing, up to the sequence
//! that is the `mark` of the file header.
//!
//! **Commit** appends one frame to `.a` and syncs, then to `.b` and syncs. The edit counts as a whole or not at all.
//!
//! **A new generation** is written when the edits of a file have outgrown its snapshot and [`Options::checkpoint_bytes`], and
//! for the first commit after a start or a failure (nobody appends to the files of another process, nor to a file that
//! failed): both copies as `.tmp`, each synced, both renamed, the directory synced; then the older one is removed. With the
//! first rename nobody appends to the older generation any more, since a reader takes the newest.
//!
//! **Reading** takes the newest generation with a whole snapshot, and of that the union of the valid frames of both
//! copies. So one damaged file of any kind loses nothing. When frames are lost in both, the edits before them count, and
//! those behind are named in [`Opened::unapplied`]: they may build on what is lost. A damaged copy goes to the quarantine
//! as soon as a new generation can be written, which is tried at once.
//!
//! **Files that no part has** are removed by [`Manifest::sweep`] only when the manifest was found intact; they are moved to
//! the quarantine otherwise, also where there was no manifest at all.
//!
//! An edit of a newer format, or with fields that this program does not know, is refused: going on would drop them.

mod load;
mod state;
mod sweep;

use std::io;
use std::sync::Arc;

pub use state::{Batch, EDIT_FORMAT, Edit, PartRecord, Quarantined, SenderBatches, State, sender_batches};
pub use sweep::Sweep;

use crate::disk::{Disk, WriteFile, quarantine};
use crate::frames::{FileHeader, FileKind, Finding, FrameError, NewFrame, SEQUENCE_MAX, TooLarge};

const PREFIX: &str = "MANIFEST-";
const COPIES: [&str; 2] = ["a", "b"];
const TEMPORARY: &str = ".tmp";

fn copy_path(generation: u64, copy: &str) -> String {
    format!("{PREFIX}{generation:010}.{copy}")
}

/// How a manifest is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The highest schema version that the caller understands.
    pub schema_version: u32,
    /// Edits up to this many bytes are never worth a new generation. 1 MiB.
    pub checkpoint_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { schema_version: u32::MAX, checkpoint_bytes: 1 << 20 }
    }
}

/// Why a manifest cannot be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A later release wrote a file.
    #[error("cannot read the manifest")]
    Frames(#[from] FrameError),
    /// The data directory cannot be listed.
    #[error("cannot list the data directory")]
    List(#[source] io::Error),
    /// A frame is whole and no edit.
    #[error("frame {sequence} of {path} is no edit: another program wrote it, or a later release without saying so")]
    Edit {
        /// The file.
        path: String,
        /// The frame.
        sequence: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A later release wrote an edit.
    #[error(
        "frame {sequence} of {path} has edit format {format}, this program reads up to {EDIT_FORMAT}: use the release \
         that wrote it, or a later one"
    )]
    NewerEdit {
        /// The file.
        path: String,
        /// The frame.
        sequence: u64,
        /// Its format.
        format: u32,
    },
    /// A later release wrote the store.
    #[error("the store has schema version {found}, this program knows up to {known}: use the release that wrote it")]
    NewerSchema {
        /// The store's.
        found: u32,
        /// The caller's.
        known: u32,
    },
    /// There are manifest files, and no snapshot in any.
    #[error(
        "no copy of the manifest can be read: {}; restore one of these files from a copy of the data directory",
        .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    Unreadable(Vec<Finding>),
}

/// Why an edit is not committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The edit removes a part that is not there. Nothing has happened.
    #[error("the edit removes {0}, which is no part")]
    NoSuchPart(String),
    /// The edit cannot be written as JSON. Nothing has happened.
    #[error("the edit cannot be encoded")]
    Encode(#[from] serde_json::Error),
    /// The edit is too large for one frame. Nothing has happened.
    #[error("the edit does not fit into one frame")]
    TooLarge(#[from] TooLarge),
    /// The disk failed. The edit may be there after a restart or not: keep its files, and commit it again, or call
    /// [`Manifest::settle`] until it succeeds; then it is not there.
    #[error("cannot {action} {path}; nothing is lost, and the edit may be tried again")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// What opening a manifest found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// There was none.
    pub fresh: bool,
    /// What is wrong with files.
    pub findings: Vec<Finding>,
    /// Names in edits that can be read but do not count, since some before them are lost: `+part`, `-part`, `batch name`.
    pub unapplied: Vec<String>,
    /// Whether after damage a new generation could be written.
    pub repaired: bool,
}

/// The manifest, open. One at a time; the lock of the data directory sees to that.
#[derive(Debug)]
pub struct Manifest<P> {
    disk: Arc<dyn Disk>,
    options: Options,
    state: State<P>,
    generation: u64,
    next_sequence: u64,
    intact: bool,
    /// `None` before the first commit and after a failure.
    active: Option<Active>,
    /// Files of older generations: path, and whether to quarantine instead of to remove.
    older: Vec<(String, bool)>,
}

/// The generation that grows, all of it durable.
#[derive(Debug)]
struct Active {
    copies: [Log; 2],
    snapshot_bytes: u64,
    edit_bytes: u64,
}

#[derive(Debug)]
struct Log {
    file: Box<dyn WriteFile>,
    salt: u64,
}

impl<P: PartRecord> Manifest<P> {
    /// Opens the manifest in the root of `disk`. Writes nothing unless there is damage, and opens where nothing can be written.
    ///
    /// # Errors
    /// [`ManifestError`]; damage is one only where no copy has a whole snapshot.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, Opened), ManifestError> {
        let (generations, generation, mut older) = files(&*disk)?;
        let mut opened = Opened { fresh: older.iter().all(|(path, _)| path.ends_with(TEMPORARY)), ..Opened::default() };
        let mut loaded = None;
        for generation in generations.iter().rev() {
            match load::load(&*disk, *generation, &options)? {
                Ok(found) => {
                    loaded = Some(found);
                    break;
                }
                Err(findings) => opened.findings.extend(findings),
            }
        }
        let mut state = State::default();
        let mut next_sequence = 1;
        let mut damaged: Vec<_> = opened.findings.iter().map(|finding| finding.path.clone()).collect();
        match loaded {
            Some(found) => {
                (state, next_sequence, opened.unapplied) = (found.state, found.next_sequence.max(1), found.unapplied);
                opened.findings.extend(found.findings);
                damaged.extend(found.damaged);
            }
            None if opened.fresh => {}
            None => return Err(ManifestError::Unreadable(opened.findings)),
        }
        older.iter_mut().for_each(|(path, kept)| *kept = damaged.contains(path));
        let intact = !opened.fresh && !opened.findings.iter().any(Finding::is_damage);
        let mut manifest = Self { disk, options, state, generation, next_sequence, intact, active: None, older };
        if !intact && !opened.fresh {
            opened.repaired = manifest.repair(&opened.findings).is_ok();
        }
        Ok((manifest, opened))
    }

    /// What is known.
    pub fn state(&self) -> &State<P> {
        &self.state
    }

    /// Whether the manifest was there and whole when it was opened.
    pub fn intact(&self) -> bool {
        self.intact
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// Makes a change durable, then visible in [`Self::state`]. Two syncs; more for a new generation.
    ///
    /// # Errors
    /// [`CommitError`]; the state is then as before.
    pub fn commit(&mut self, edit: Edit<P>) -> Result<(), CommitError> {
        if let Some(path) = edit.remove_parts.iter().find(|path| !self.state.parts.contains_key(*path)) {
            return Err(CommitError::NoSuchPart(path.clone()));
        }
        let frame = NewFrame::new(0, 0, serde_json::to_vec(&edit)?)?;
        let appended = self.active.as_mut().is_some_and(|active| active.append(self.next_sequence, &frame).is_ok());
        // A number is used up even where the frame is not known to be there.
        self.next_sequence += 1;
        if appended {
            self.state.apply(edit);
            // The edit is durable; a new generation that fails now is tried again with the next edit.
            if self.active.as_ref().is_some_and(|active| active.outgrown(&self.options)) {
                let _ = self.checkpoint(&self.state.clone());
            }
            return Ok(());
        }
        // The files failed, or there are none of ours yet: the edit goes into the snapshot of new ones.
        self.active = None;
        let mut next = self.state.clone();
        next.apply(edit);
        self.checkpoint(&next)?;
        self.state = next;
        Ok(())
    }

    /// Sees to it that edits whose commit failed are not there after a restart.
    ///
    /// # Errors
    /// [`CommitError::Io`]: they may still be.
    pub fn settle(&mut self) -> Result<(), CommitError> {
        if self.active.is_some() { Ok(()) } else { self.checkpoint(&self.state.clone()) }
    }

    /// Writes a new generation, so that there are two good copies again, and records what went to the quarantine.
    fn repair(&mut self, findings: &[Finding]) -> Result<(), CommitError> {
        let hurt: Vec<_> = self.older.iter().filter(|(_, kept)| *kept).map(|(path, _)| path.clone()).collect();
        self.checkpoint(&self.state.clone())?;
        let reason = |path: &String| {
            let own = findings.iter().filter(|finding| finding.path == *path);
            own.map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let files = hurt.into_iter().map(|path| Quarantined { reason: reason(&path), path, kept: None, part: None });
        self.commit(Edit { quarantine: files.collect(), ..Edit::default() })
    }

    /// Writes `state` as a new generation and goes on with that.
    fn checkpoint(&mut self, state: &State<P>) -> Result<(), CommitError> {
        let mut frames = Vec::new();
        for edit in state.snapshot() {
            frames.push(NewFrame::new(0, 0, serde_json::to_vec(&edit)?)?);
        }
        self.generation += 1;
        let first = self.next_sequence;
        let paths = COPIES.map(|copy| copy_path(self.generation, copy));
        let mut logs = Vec::new();
        for path in &paths {
            match write_copy(&*self.disk, path, first, &frames) {
                Ok(log) => logs.push(log),
                Err(error) => {
                    // Nobody reads them; a disk that is full needs the room.
                    paths.iter().for_each(|path| drop(self.disk.remove(&format!("{path}{TEMPORARY}"))));
                    return Err(error);
                }
            }
        }
        // From here on a reader may take the new generation, so that nothing more can go to the older one.
        self.active = None;
        self.next_sequence = first + frames.len() as u64;
        self.older.extend(paths.iter().map(|path| (path.clone(), false)));
        for path in &paths {
            let renamed = self.disk.rename(&format!("{path}{TEMPORARY}"), path);
            renamed.map_err(|source| io_error("rename", path, source))?;
        }
        self.disk.sync_dir("").map_err(|source| io_error("sync the directory of", &paths[0], source))?;
        let copies = <[Log; 2]>::try_from(logs).expect("one log was pushed for each of the two paths");
        let snapshot_bytes = frames.iter().map(|frame| frame.encoded_bytes() as u64).sum();
        self.active = Some(Active { copies, snapshot_bytes, edit_bytes: 0 });
        self.remove_older(&paths);
        Ok(())
    }

    /// Removes what is older than the current copies. What cannot be removed now is tried again later.
    fn remove_older(&mut self, current: &[String]) {
        let disk = &*self.disk;
        self.older.retain(|(path, kept)| {
            if current.contains(path) {
                return false;
            }
            let gone = if *kept { quarantine(disk, path).map(drop) } else { disk.remove(path) };
            gone.is_err_and(|error| error.kind() != io::ErrorKind::NotFound)
        });
        self.older.extend(current.iter().map(|path| (path.clone(), false)));
    }
}

impl Active {
    fn append(&mut self, sequence: u64, frame: &NewFrame) -> io::Result<()> {
        for log in &mut self.copies {
            let mut bytes = Vec::with_capacity(frame.encoded_bytes());
            frame.encode(sequence, log.salt, &mut bytes);
            log.file.write_all(&bytes)?;
            log.file.sync()?;
        }
        self.edit_bytes += frame.encoded_bytes() as u64;
        Ok(())
    }

    fn outgrown(&self, options: &Options) -> bool {
        self.edit_bytes > options.checkpoint_bytes.max(self.snapshot_bytes)
    }
}

fn write_copy(disk: &dyn Disk, path: &str, first: u64, frames: &[NewFrame]) -> Result<Log, CommitError> {
    let temporary = format!("{path}{TEMPORARY}");
    let failed = |action| move |source| io_error(action, path, source);
    let mut file = disk.create(&temporary).map_err(failed("create"))?;
    let header = FileHeader::new(FileKind::Manifest, first, first + frames.len() as u64 - 1);
    let mut bytes = header.encode().to_vec();
    for (sequence, frame) in (first..).zip(frames) {
        frame.encode(sequence, header.salt, &mut bytes);
    }
    file.write_all(&bytes).map_err(failed("write"))?;
    file.sync().map_err(failed("sync"))?;
    Ok(Log { file, salt: header.salt })
}

fn io_error(action: &'static str, path: &str, source: io::Error) -> CommitError {
    CommitError::Io { action, path: path.to_owned(), source }
}

/// Generations that have a copy, ascending; the highest number of any file; and all files.
#[expect(clippy::type_complexity, reason = "used in one place, named there")]
fn files(disk: &dyn Disk) -> Result<(Vec<u64>, u64, Vec<(String, bool)>), ManifestError> {
    let mut generations = Vec::new();
    let mut highest = 0;
    let mut paths = Vec::new();
    for entry in disk.list("").map_err(ManifestError::List)? {
        let Some((number, rest)) = entry.name.strip_prefix(PREFIX).and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Some(number) = number.parse().ok().filter(|number| *number <= SEQUENCE_MAX) else { continue };
        highest = highest.max(number);
        if COPIES.contains(&rest) {
            generations.push(number);
        }
        paths.push((entry.name.clone(), false));
    }
    generations.sort_unstable();
    generations.dedup();
    Ok((generations, highest, paths))
}

#[cfg(test)]
mod tests;
