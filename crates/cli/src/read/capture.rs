//! The reader of capture files: where the parsing pipeline is plugged in.

use super::sink::ReadSink;
use super::source::{BodyWishes, Source, SourceFailure, SourceOptions, SourceReader, SourceReport, TapFactory};
use crate::exit::ExitStatus;

/// Reads capture files with the pipeline of the capture crate.
#[derive(Debug)]
pub struct CaptureReader;

impl SourceReader for CaptureReader {
    fn read(&mut self, _source: &Source, _options: &SourceOptions, _sink: &mut ReadSink) -> SourceReport {
        let error = anyhow::anyhow!("reading captures is not wired yet");
        let failure = Some(SourceFailure { status: ExitStatus::Unexpected, error });
        SourceReport { failure, ..SourceReport::default() }
    }

    fn taps(&self, _wishes: BodyWishes) -> Option<TapFactory> {
        None
    }
}
