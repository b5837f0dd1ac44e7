//! The reader of capture files: the pipeline of the capture crate with the taps of the content crate.

use std::fs::File;
use std::io::{self, Read, Seek as _, stdin};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::Arc;

use arachne_capture::{
    CaptureError, CaptureReader as FileReader, Follow, JoinedReader, Moved, Outcome, PacketSource, PipelineOptions,
    ReadOptions, TapFactory, latest_time,
};
use arachne_content::TapOptions;
use arachne_model::{Limits, UnixNanos};

use super::findings::{of_file, of_packets};
use super::joined::Joined;
use super::live::Live;
use super::notice::Notice;
use super::sink::{ReadSink, SourceSink};
use super::source::{BodyWishes, Input, Note, Source, SourceOptions, SourceReader, SourceReport};
use crate::interrupt::Interrupt;

/// Reads capture files with the pipeline of the capture crate.
#[derive(Debug)]
pub struct CaptureReader;

impl SourceReader for CaptureReader {
    fn read(&mut self, source: &Source, options: &SourceOptions, sink: &mut ReadSink) -> SourceReport {
        read_into(source, options, sink)
    }
}

/// Reads `source` into any sink, as [`SourceReader::read`] does.
pub fn read_into(source: &Source, options: &SourceOptions, sink: &mut dyn SourceSink) -> SourceReport {
    let read_options = ReadOptions { limits: Limits::default(), keep_secrets: options.keep_secrets };
    let by_ns = options.moved_ns;
    match source.inputs.as_slice() {
        [input] => match open(input, options, &read_options) {
            Ok(reader) => read_one(reader, by_ns, input, options, sink),
            Err(notice) => {
                let notes = vec![Note { file: input.name(), notice }];
                SourceReport { notes, ..SourceReport::default() }
            }
        },
        inputs => read_joined(inputs, by_ns, &read_options, options, sink),
    }
}

fn open(input: &Input, options: &SourceOptions, read_options: &ReadOptions) -> Result<FileReader, Notice> {
    let bytes = bytes_of(input, options).map_err(|error| Notice::cannot_open(&error))?;
    FileReader::new(bytes, read_options).map_err(|error| Notice::of(&error))
}

fn bytes_of(input: &Input, options: &SourceOptions) -> io::Result<Box<dyn Read + Send>> {
    let interrupt = options.interrupt.clone();
    Ok(match input {
        // Past the buffer of the standard library, which would hide bytes from whoever waits for them.
        Input::Spooled { file, .. } => {
            let mut file = file.try_clone()?;
            file.rewind()?;
            Box::new(file)
        }
        Input::Stdin => Box::new(Live::new(File::from(stdin().as_fd().try_clone_to_owned()?), interrupt)),
        Input::File(path) => {
            let file = File::open(path)?;
            match (options.follow, input.is_regular()) {
                (true, true) => Box::new(Follow::new(file, interrupt.flag())),
                (false, true) => Box::new(file),
                (_, false) => Box::new(Live::new(file, interrupt)),
            }
        }
    })
}

fn join(inputs: &[Input], read_options: &ReadOptions) -> JoinedReader {
    // Standard input has no place in a joined set: refused with the command line.
    let path = |input: &Input| match input {
        Input::File(path) => path.clone(),
        Input::Stdin | Input::Spooled { .. } => PathBuf::from("-"),
    };
    JoinedReader::open(inputs.iter().map(path), read_options)
}

/// The time of the last packet of `source`, which is read for it.
pub fn latest(source: &Source, interrupt: &Interrupt) -> Option<UnixNanos> {
    let options = SourceOptions { interrupt: interrupt.clone(), ..SourceOptions::default() };
    let read_options = ReadOptions { limits: Limits::default(), keep_secrets: false };
    let stopped = || interrupt.is_set();
    match source.inputs.as_slice() {
        [input] => open(input, &options, &read_options).ok().and_then(|mut reader| latest_time(&mut reader, stopped)),
        inputs => latest_time(&mut join(inputs, &read_options), stopped),
    }
}

fn read_one(
    mut reader: FileReader,
    by_ns: i64,
    input: &Input,
    options: &SourceOptions,
    sink: &mut dyn SourceSink,
) -> SourceReport {
    let outcome = run(&mut reader, by_ns, options, sink);
    let mut notes = of_file(reader.summary(), options.keep_secrets);
    notes.extend(of_packets(&outcome.summary, sink.given_up(), reader.summary().link_types.iter()));
    notes.extend(faults(&outcome, &options.interrupt));
    let file = input.name();
    let notes = notes.into_iter().map(|notice| Note { file: file.clone(), notice }).collect();
    let names = reader.summary().names.iter().cloned().collect();
    report(&outcome, reader.bytes_read(), names, notes)
}

fn read_joined(
    inputs: &[Input],
    by_ns: i64,
    read_options: &ReadOptions,
    options: &SourceOptions,
    sink: &mut dyn SourceSink,
) -> SourceReport {
    let mut joined = Joined::new(join(inputs, read_options));
    let outcome = run(&mut joined, by_ns, options, sink);
    let bytes_read = joined.bytes_read();
    let (reader, fault_files) = joined.finish();
    let name = |at: usize| inputs.get(at).map(Input::name).unwrap_or_default();
    let mut notes = Vec::new();
    for (at, summary) in reader.summaries().enumerate() {
        let found = summary.map(|summary| of_file(summary, options.keep_secrets)).unwrap_or_default();
        notes.extend(found.into_iter().map(|notice| Note { file: name(at), notice }));
    }
    // What the packets tell is told of the set, by the name of its first file.
    let link_types = reader.summaries().flatten().flat_map(|summary| &summary.link_types);
    let found = of_packets(&outcome.summary, sink.given_up(), link_types);
    notes.extend(found.into_iter().map(|notice| Note { file: name(0), notice }));
    let faults = faults(&outcome, &options.interrupt).zip(fault_files);
    notes.extend(faults.map(|(notice, at)| Note { file: name(at), notice }));
    let names = reader.summaries().flatten().flat_map(|summary| summary.names.iter().cloned()).collect();
    report(&outcome, bytes_read, names, notes)
}

fn run(packets: &mut dyn PacketSource, by_ns: i64, options: &SourceOptions, sink: &mut dyn SourceSink) -> Outcome {
    let pipeline = PipelineOptions {
        limits: Limits::default(),
        threads: options.threads.map_or(1, NonZeroUsize::get),
        taps: taps(options.bodies),
    };
    match by_ns {
        0 => arachne_capture::run(packets, &pipeline, sink),
        by_ns => arachne_capture::run(&mut Moved::new(packets, by_ns), &pipeline, sink),
    }
}

/// What was wrong with files, in order. One that was interrupted may well end in the middle of a record.
fn faults<'a>(outcome: &'a Outcome, interrupt: &Interrupt) -> impl Iterator<Item = Notice> + 'a {
    let interrupted = interrupt.is_set();
    let cut = |error: &CaptureError| match error {
        CaptureError::Cut { .. } => true,
        CaptureError::Unpack { source, .. } => source.kind() == io::ErrorKind::UnexpectedEof,
        _ => false,
    };
    outcome.errors.iter().filter(move |error| !(interrupted && cut(error))).map(Notice::of)
}

fn report(outcome: &Outcome, bytes_read: u64, names: Vec<(IpAddr, String)>, notes: Vec<Note>) -> SourceReport {
    SourceReport {
        anomalies: outcome.summary.anomalies,
        held_bytes_max: outcome.summary.held_bytes_max as u64,
        ledger: outcome.summary.ledger.clone(),
        bytes_read,
        names,
        notes,
    }
}

fn taps(wishes: BodyWishes) -> Option<TapFactory> {
    let BodyWishes { decode, hash, keep } = wishes;
    let options = TapOptions { decode, hash, keep, limits: Limits::default() };
    wishes.any().then(|| -> TapFactory { Arc::new(move |head| arachne_content::tap(head, &options)) })
}
