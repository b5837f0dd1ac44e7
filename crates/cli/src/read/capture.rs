//! The reader of capture files: the pipeline of the capture crate with the taps of the content crate.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arachne_capture::{
    CaptureError, CaptureReader as FileReader, FileSummary, Follow, JoinedReader, PacketSource, PipelineOptions,
    ReadOptions, TapFactory,
};
use arachne_content::TapOptions;
use arachne_model::{DropReason, Limits};
use arachne_wire::{SHARDS, Summary};

use super::sink::ReadSink;
use super::source::{BodyWishes, Input, Source, SourceFailure, SourceOptions, SourceReader, SourceReport};

/// Files below this are read on one thread: starting more costs more than it brings.
const THREADS_FROM_BYTES: u64 = 64 << 20;

/// Reads capture files with the pipeline of the capture crate.
#[derive(Debug)]
pub struct CaptureReader;

impl SourceReader for CaptureReader {
    fn read(&mut self, source: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
        let read_options = ReadOptions { limits: Limits::default(), keep_secrets: options.keep_secrets };
        match open(source, options, &read_options) {
            Ok(Opened::One(mut reader)) => {
                let mut report = run(&mut *reader, source, options, sink);
                report.notes.extend(file_notes(reader.summary()));
                report
            }
            Ok(Opened::Joined(mut reader)) => {
                let mut report = run(&mut *reader, source, options, sink);
                report.notes.extend(reader.summaries().flatten().flat_map(file_notes));
                report
            }
            Err(failure) => SourceReport { failure: Some(failure), ..SourceReport::default() },
        }
    }
}

enum Opened {
    One(Box<FileReader>),
    Joined(Box<JoinedReader>),
}

fn open(source: &Source, options: &SourceOptions, read_options: &ReadOptions) -> Result<Opened, SourceFailure> {
    match source.inputs.as_slice() {
        [input] => open_one(source, input, options, read_options),
        inputs => {
            let path = |input: &Input| match input {
                Input::File(path) => Ok(path.clone()),
                Input::Stdin => Err(SourceFailure {
                    status: crate::exit::ExitStatus::Usage,
                    error: anyhow::anyhow!("--join reads files, not standard input"),
                }),
            };
            let paths: Vec<PathBuf> = inputs.iter().map(path).collect::<Result<_, _>>()?;
            Ok(Opened::Joined(Box::new(JoinedReader::open(paths, read_options))))
        }
    }
}

fn open_one(
    source: &Source,
    input: &Input,
    options: &SourceOptions,
    read_options: &ReadOptions,
) -> Result<Opened, SourceFailure> {
    let input: Box<dyn Read + Send> = match input {
        Input::Stdin => Box::new(stdin()),
        Input::File(path) => {
            let file = File::open(path).map_err(|error| source.cannot_open(path, error))?;
            // Ends with the process: Ctrl-C is how a follower is stopped.
            if options.follow { Box::new(Follow::new(file, Arc::new(AtomicBool::new(false)))) } else { Box::new(file) }
        }
    };
    let reader = FileReader::new(input, read_options).map_err(failure)?;
    Ok(Opened::One(Box::new(reader)))
}

fn run(packets: &mut dyn PacketSource, source: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
    let pipeline =
        PipelineOptions { limits: Limits::default(), threads: threads(source, options), taps: taps(options.bodies) };
    let outcome = arachne_capture::run(packets, &pipeline, sink);
    let summary = outcome.summary;
    let notes = notes(&summary);
    SourceReport {
        anomalies: summary.anomalies,
        held_bytes_max: summary.held_bytes_max as u64,
        ledger: summary.ledger,
        bytes_read: packets.bytes_read(),
        notes,
        failure: outcome.errors.into_iter().next().map(failure),
    }
}

fn threads(source: &Source, options: &SourceOptions) -> usize {
    if let Some(threads) = options.threads {
        return threads.get();
    }
    let bytes = source.total_bytes().ok().flatten().unwrap_or(0);
    if options.follow || bytes < THREADS_FROM_BYTES {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, |n| n.get().min(SHARDS))
}

fn taps(wishes: BodyWishes) -> Option<TapFactory> {
    let BodyWishes { decode, hash, keep } = wishes;
    let options = TapOptions { decode, hash, keep, limits: Limits::default() };
    wishes.any().then(|| -> TapFactory { Arc::new(move |head| arachne_content::tap(head, &options)) })
}

fn failure(error: CaptureError) -> SourceFailure {
    SourceFailure::damaged(anyhow::Error::new(error))
}

/// What the user should know of the packets.
fn notes(summary: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    let unread = summary.ledger.packets.dropped(DropReason::LinkTypeUnread);
    if unread > 0 {
        notes.push(format!("{unread} packets of link types that are not read"));
    }
    if summary.truncated_packets > 0 {
        notes.push(format!("{} packets were cut by the snap length", summary.truncated_packets));
    }
    if summary.offloaded_sides > 0 {
        notes.push(format!(
            "{} sides of connections have only wrong checksums: taken for checksum offload",
            summary.offloaded_sides
        ));
    }
    let duplicates = summary.ledger.segments.dropped(DropReason::Duplicate);
    if duplicates > 0 {
        notes.push(format!("{duplicates} packets were captured twice and count once"));
    }
    notes
}

/// What the user should know of the file.
fn file_notes(summary: &FileSummary) -> Vec<String> {
    summary.warnings.clone()
}
