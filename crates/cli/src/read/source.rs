//! What is read, and the narrow way to whoever reads it.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use arachne_model::{AnomalySet, Ledger};

use super::sink::ReadSink;
use crate::exit::ExitStatus;

/// One place that bytes of a capture come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
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
    pub fn total_bytes(&self) -> Result<Option<u64>, SourceFailure> {
        let mut total = Some(0_u64);
        for input in &self.inputs {
            let Input::File(path) = input else {
                total = None;
                continue;
            };
            let facts = std::fs::metadata(path).map_err(|error| self.cannot_open(path, error))?;
            if facts.is_dir() {
                return Err(self.cannot_open(path, io::ErrorKind::IsADirectory.into()));
            }
            total = total.filter(|_| facts.is_file()).map(|t| t.saturating_add(facts.len()));
        }
        Ok(total)
    }

    /// The failure to open `path`, one of the inputs: missing files and directories are wrong usage. The name of the
    /// source stands before every message, so the path is told only where the source has several.
    #[must_use]
    pub fn cannot_open(&self, path: &Path, error: io::Error) -> SourceFailure {
        let status = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => ExitStatus::Usage,
            io::ErrorKind::PermissionDenied => ExitStatus::NotPermitted,
            _ => ExitStatus::Unexpected,
        };
        let tried = match self.inputs.len() {
            0 | 1 => "cannot open".to_owned(),
            _ => format!("cannot open {}", path.display()),
        };
        SourceFailure { status, error: anyhow::Error::new(error).context(tried) }
    }
}

impl Input {
    fn of(path: &Path) -> Self {
        if path.as_os_str() == "-" { Self::Stdin } else { Self::File(path.to_owned()) }
    }
}

/// What the reader of a source has to know beside the source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceOptions {
    /// Threads that parse; `None` leaves the choice to the reader. Never changes the output.
    pub threads: Option<NonZeroUsize>,
    /// Whether to wait for more at the end of the file.
    pub follow: bool,
    /// Whether embedded TLS secrets are used instead of skipped.
    pub keep_secrets: bool,
    /// What is wanted of bodies.
    pub bodies: BodyWishes,
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

/// Why a source was not read to its end.
#[derive(Debug)]
pub struct SourceFailure {
    /// The exit code it asks for.
    pub status: ExitStatus,
    /// What was tried and why it failed, without the name of the source; a damaged file says `offset N`.
    pub error: anyhow::Error,
}

impl SourceFailure {
    /// A file that is damaged or refused; what came before the fault was handed over.
    #[must_use]
    pub const fn damaged(error: anyhow::Error) -> Self {
        Self { status: ExitStatus::Damaged, error }
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
    /// What the user should know: skipped secrets, a clock that steps back.
    pub notes: Vec<String>,
    /// Why the end was not reached.
    pub failure: Option<SourceFailure>,
}

/// Reads captures: bytes to records.
pub trait SourceReader {
    /// Reads `source` to its end and hands all records to `sink`, in the order of the packets that completed them.
    ///
    /// Calls [`ReadSink::progress`] after each chunk, before it waits for more, and stops where that says so. Damage ends
    /// the reading, not the report: everything before it was handed over.
    fn read(&mut self, source: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport;
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
        assert_eq!(apart[1].inputs, [Input::Stdin]);
        let joined = Source::list(&files, true);
        assert_eq!((joined.len(), joined[0].inputs.len()), (1, 3));
    }

    #[test]
    fn sizes_and_missing_files() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("a.pcap");
        std::fs::write(&file, [0; 10]).expect("writable");
        let total = |files: &[PathBuf]| Source::list(files, true)[0].total_bytes().map_err(|f| f.status);
        assert_eq!(total(&[file.clone(), file.clone()]), Ok(Some(20)));
        assert_eq!(total(&[file.clone(), "-".into(), file]), Ok(None));
        assert_eq!(total(&[dir.path().join("missing")]), Err(ExitStatus::Usage));
        assert_eq!(total(&[dir.path().to_owned()]), Err(ExitStatus::Usage));
    }
}
