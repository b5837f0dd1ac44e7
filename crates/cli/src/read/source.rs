//! What is read, and the narrow way to whoever reads it.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arachne_model::{AnomalySet, Ledger};

use super::notice::Notice;
use super::sink::ReadSink;
use crate::interrupt::Interrupt;

/// One place that bytes of a capture come from.
#[derive(Clone, Debug)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
    /// What came through a pipe, in a file without a name.
    Spooled {
        /// What people call it: `-` for standard input.
        name: String,
        /// The file, at any position.
        file: Arc<File>,
    },
}

/// One capture: a flow table of its own. Several inputs are one capture with `--join`.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its inputs, at least one, as given.
    pub inputs: Vec<Input>,
    name: Vec<u8>,
}

impl Source {
    /// The sources of a command line.
    #[must_use]
    pub fn list(files: &[PathBuf], join: bool) -> Vec<Self> {
        let inputs = |paths: &[PathBuf]| paths.iter().map(|path| Input::of(path)).collect();
        if join {
            let name = files.first().map_or(b"-".as_slice(), |f| f.as_os_str().as_encoded_bytes());
            return vec![Self { inputs: inputs(files), name: name.to_vec() }];
        }
        let one = |path: &PathBuf| Self {
            inputs: inputs(std::slice::from_ref(path)),
            name: path.as_os_str().as_encoded_bytes().to_vec(),
        };
        files.iter().map(one).collect()
    }

    /// The path as given, `-` for standard input, the first one of a joined set.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The size of all inputs in bytes as stored; `None` where it is not known (a pipe).
    ///
    /// # Errors
    /// An input that does not exist or is a directory.
    pub fn total_bytes(&self) -> Result<Option<u64>, Note> {
        let mut total = Some(0_u64);
        for input in &self.inputs {
            let path = PathBuf::from(input.name());
            let facts = match input {
                Input::Stdin => {
                    total = None;
                    continue;
                }
                Input::File(path) => std::fs::metadata(path),
                Input::Spooled { file, .. } => file.metadata(),
            };
            let facts = facts.map_err(|error| Note::cannot_open(&path, &error))?;
            if facts.is_dir() {
                return Err(Note::cannot_open(&path, &io::ErrorKind::IsADirectory.into()));
            }
            total = total.filter(|_| facts.is_file()).map(|t| t.saturating_add(facts.len()));
        }
        Ok(total)
    }

    /// Whether an interrupt has to reach the input itself: it may be silent for as long as it likes.
    #[must_use]
    pub fn is_live(&self, follow: bool) -> bool {
        follow || self.inputs.iter().any(|input| !input.is_regular())
    }
}

impl Input {
    fn of(path: &Path) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path.to_owned()) }
    }

    /// Its name for people: the path as given, `-` for standard input.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::File(path) => name_of(path),
            Self::Spooled { name, .. } => name.clone(),
        }
    }

    /// Whether it is a plain file, which never makes anybody wait.
    #[must_use]
    pub fn is_regular(&self) -> bool {
        match self {
            Self::Stdin => false,
            Self::File(path) => path.metadata().is_ok_and(|facts| facts.is_file()),
            Self::Spooled { .. } => true,
        }
    }
}

fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Something the user should know, and the file it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The path as given, `-` for standard input.
    pub file: String,
    /// What it is.
    pub notice: Notice,
}

impl Note {
    /// `path` does not open.
    #[must_use]
    pub fn cannot_open(path: &Path, error: &io::Error) -> Self {
        Self { file: name_of(path), notice: Notice::cannot_open(error) }
    }

    /// Says it.
    pub fn emit(&self) {
        self.notice.emit(&self.file);
    }
}

/// What the reader of a source has to know beside the source.
#[derive(Clone, Debug, Default)]
pub struct SourceOptions {
    /// Threads that parse; `None` leaves the choice to the reader. Never changes the output.
    pub threads: Option<NonZeroUsize>,
    /// Whether to wait for more at the end of the file.
    pub follow: bool,
    /// Whether embedded TLS secrets are used instead of skipped.
    pub keep_secrets: bool,
    /// What is wanted of bodies.
    pub bodies: BodyWishes,
    /// By how many nanoseconds all packets are moved in time.
    pub moved_ns: i64,
    /// Asks to end before the input does.
    pub interrupt: Interrupt,
}

/// What is wanted of bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyWishes {
    /// Content codings are undone.
    pub decode: bool,
    /// SHA-256 before and after decoding.
    pub hash: bool,
    /// Decoded bytes are kept up to the cap.
    pub keep: bool,
}

impl BodyWishes {
    /// Whether a tap is needed at all.
    #[must_use]
    pub const fn any(self) -> bool {
        self.decode || self.hash || self.keep
    }
}

/// What reading a source gave beside the records; also filled when it failed in the middle.
#[derive(Debug, Default)]
pub struct SourceReport {
    /// The counts of all stages.
    pub ledger: Ledger,
    /// Flags of the source itself; those of exchanges and sessions are collected by the sink.
    pub anomalies: AnomalySet,
    /// The most bytes held at a time by flow table, reassembly and parsers.
    pub held_bytes_max: u64,
    /// Bytes of the inputs that were read, as stored.
    pub bytes_read: u64,
    /// Names of addresses that the capture holds.
    pub names: Vec<(IpAddr, String)>,
    /// What the user should know: skipped secrets, lost bytes, and last why the end was not reached.
    pub notes: Vec<Note>,
}

/// Reads captures: bytes to records.
pub trait SourceReader {
    /// Reads `source` to its end and hands all records to `sink`, in the order of the packets that completed them.
    ///
    /// Calls [`ReadSink::progress`] after each chunk, before it waits for more, and stops where that says so. Damage ends
    /// the reading, not the report: everything before it was handed over.
    fn read(&mut self, source: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport;
}

impl<R: SourceReader> SourceReader for &mut R {
    fn read(&mut self, source: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
        (**self).read(source, options, sink)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Input, Source};
    use crate::exit::ExitStatus;

    #[test]
    fn sources_of_a_command_line() {
        let files = ["a", "-", "b"].map(PathBuf::from);
        let apart = Source::list(&files, false);
        assert_eq!(apart.iter().map(Source::name).collect::<Vec<_>>(), [b"a", b"-", b"b"]);
        assert!(matches!(apart[1].inputs.as_slice(), [Input::Stdin]));
        let joined = Source::list(&files, true);
        assert_eq!((joined.len(), joined[0].inputs.len()), (1, 3));
    }

    #[test]
    fn sizes_and_missing_files() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("a.pcap");
        std::fs::write(&file, [0; 10]).expect("writable");
        let total = |files: &[PathBuf]| Source::list(files, true)[0].total_bytes().map_err(|note| note.notice.status());
        assert_eq!(total(&[file.clone(), file.clone()]), Ok(Some(20)));
        assert_eq!(total(&[file.clone(), "-".into(), file]), Ok(None));
        assert_eq!(total(&[dir.path().join("missing")]), Err(ExitStatus::Usage));
        assert_eq!(total(&[dir.path().to_owned()]), Err(ExitStatus::Usage));
    }
}
