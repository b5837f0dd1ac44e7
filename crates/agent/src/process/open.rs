//! What needs rights: sockets and files, opened before the rights go.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arachne_capture::interface::filter::Program;
use arachne_capture::interface::{LiveCapture, LiveError, LiveOptions, open};

use crate::channel::Setup;
use crate::edge::file::{FileError, FileSource};
use crate::edge::thread::Source;
use crate::scope::{self, ScopeError};

/// Ring for looking what a filter would catch.
const SPARE_BYTES: usize = 512 << 10;

/// Why nothing can be captured.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The filter or the interfaces.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The sockets.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What was opened.
pub struct Opened {
    /// One for each thread.
    pub sources: Vec<Source>,
    /// What the kernel passes.
    pub program: Arc<Program>,
    /// Bytes of all rings.
    pub ring_bytes: u64,
    /// A small ring that passes nothing, for previews.
    pub spare: Option<LiveCapture>,
    /// `/proc/self/statm`: how much memory there is in use.
    pub memory: Option<File>,
    /// Ends waiting.
    pub stop: Arc<AtomicBool>,
}

impl Opened {
    /// Opens what `setup` asks for.
    ///
    /// # Errors
    /// What is missing.
    pub fn of(setup: &Setup) -> Result<Self, OpenError> {
        let (config, stop) = (&setup.config, Arc::new(AtomicBool::new(false)));
        let memory = File::open("/proc/self/statm").ok();
        if !config.files.is_empty() && !setup.looks {
            let file = |path: &String| FileSource::open(Path::new(path), Arc::clone(&stop), &setup.positions);
            let files = config.files.iter().map(file).collect::<Result<Vec<_>, _>>()?;
            let sources = files.into_iter().map(|file| Source::File(Box::new(file))).collect();
            let program = Arc::new(Program::everything());
            return Ok(Self { sources, program, ring_bytes: 0, spare: None, memory, stop });
        }
        let program = scope::program(setup)?;
        let options = LiveOptions {
            threads: config.limits.threads.max(1) as usize,
            ring_bytes: usize::try_from(config.limits.ring_bytes).unwrap_or(usize::MAX),
            retire: Duration::from_millis(50),
            ..LiveOptions::default()
        };
        let captures = if setup.looks { Vec::new() } else { open(&options, &program)? };
        let spare = LiveOptions { threads: 1, ring_bytes: SPARE_BYTES, ..options };
        let spare = open(&spare, &Program::nothing())?.pop();
        let ring_bytes = captures.iter().chain(&spare).map(|capture| capture.ring_bytes() as u64).sum();
        let sources = captures.into_iter().map(Source::Live).collect();
        Ok(Self { sources, program: Arc::new(program), ring_bytes, spare, memory, stop })
    }
}
