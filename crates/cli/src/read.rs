//! `arachne read`: each source in turn through the parser into the chosen output.
//!
//! A source that fails does not stop the others; the exit code tells the gravest outcome. When the reader of standard
//! output goes away the run ends quietly with success.

pub mod capture;
pub mod console;
pub mod findings;
mod joined;
pub mod live;
pub mod notice;
pub mod sink;
pub mod source;

use std::io::Write;
use std::time::Instant;

use arachne_model::{AnomalySet, Ledger};
use arachne_telemetry::{Flood, chain, codes, emit, init};

use crate::args::{Decode, Format, LogFormat, ReadArgs};
use crate::exit::ExitStatus;
use crate::interrupt::Interrupt;
use crate::output::har::Har;
use crate::output::ndjson::Ndjson;
use crate::output::sessions::{SessionNdjson, SessionTable};
use crate::output::stats::push_stats;
use crate::output::summary::Run as RunSummary;
use crate::output::table::{Table, TableStyle};
use crate::output::{Output, SourceLabel};
use crate::progress::Progress;
use crate::stream_files::StreamFiles;
use crate::stream_hashes::StreamHashes;

use console::Console;
use sink::{ReadSink, Stop};
use source::{BodyWishes, Source, SourceOptions, SourceReader, SourceReport};

/// Runs the command on the process's own standard streams and signals.
#[must_use]
pub fn run(args: &ReadArgs) -> ExitStatus {
    // Each file has a few things to say at most, and all of them matter: no limit. A second output is no fault.
    let _log = init(args.messages.format(), args.messages.verbosity(), Flood::Unlimited);
    // Without it Ctrl-C ends the process at once, as it does everywhere.
    let interrupt = Interrupt::on_signals().unwrap_or_default();
    let world = World {
        stdout: Box::new(std::io::stdout()),
        stderr: Box::new(std::io::stderr()),
        console: Console::detect(),
        interrupt,
    };
    run_with(args, &mut capture::CaptureReader, world)
}

/// What a run touches outside of itself, beside its sources and the log.
pub struct World {
    /// Takes the data.
    pub stdout: Box<dyn Write + Send>,
    /// Takes the summary and the stats line.
    pub stderr: Box<dyn Write + Send>,
    /// What the terminals are like.
    pub console: Console,
    /// Asks the run to end.
    pub interrupt: Interrupt,
}

/// Runs the command with everything outside given: for tests.
pub fn run_with(args: &ReadArgs, reader: &mut impl SourceReader, world: World) -> ExitStatus {
    let World { stdout, stderr, console, interrupt } = world;
    let mut sink = match build_sink(args, stdout, console) {
        Ok(sink) => sink,
        Err(error) => return output_failed(&error),
    };
    let started = Instant::now();
    let totals = Totals::default();
    let mut run = Run { args, console, stderr, interrupt, totals, status: ExitStatus::Done, opened: false };
    run.read_all(reader, &mut sink);
    run.finish(sink, started)
}

/// Says that output cannot be written, and how the process ends for it.
fn output_failed(error: &anyhow::Error) -> ExitStatus {
    emit!(codes::READ_MAIN_002, error = format!("{error:#}"));
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    let refused = kind == Some(std::io::ErrorKind::PermissionDenied);
    if refused { ExitStatus::NotPermitted } else { ExitStatus::Unexpected }
}

/// What all sources together gave.
#[derive(Debug, Default)]
struct Totals {
    ledger: Ledger,
    anomalies: AnomalySet,
    held_bytes_max: u64,
    bytes: u64,
}

struct Run<'a> {
    args: &'a ReadArgs,
    console: Console,
    stderr: Box<dyn Write + Send>,
    interrupt: Interrupt,
    totals: Totals,
    status: ExitStatus,
    /// Whether any source was read at all: a summary of nothing would only hide the error.
    opened: bool,
}

impl Run<'_> {
    fn read_all(&mut self, reader: &mut impl SourceReader, sink: &mut ReadSink) {
        let sources = Source::list(&self.args.files, self.args.join);
        for (at, source) in sources.iter().enumerate() {
            let label = SourceLabel { name: source.name(), number: at + 1, among_many: sources.len() > 1 };
            sink.begin_source(&label);
            let report = self.read_one(reader, source, sink);
            sink.end_source();
            self.add(report);
            if sink.stopped() || self.interrupt.is_set() {
                return;
            }
        }
    }

    fn read_one(&mut self, reader: &mut impl SourceReader, source: &Source, sink: &mut ReadSink) -> SourceReport {
        let total = match source.total_bytes() {
            Ok(total) => total,
            Err(note) => return SourceReport { notes: vec![note], ..SourceReport::default() },
        };
        sink.set_progress(Progress::new(total.filter(|_| !self.args.follow), self.console.bar));
        // Only the input itself knows what is still on its way through a pipe.
        let live = source.is_live(self.args.follow);
        sink.set_interrupt(if live { Interrupt::default() } else { self.interrupt.clone() });
        let options = SourceOptions {
            threads: self.args.threads,
            follow: self.args.follow,
            keep_secrets: self.args.keep_secrets,
            bodies: body_wishes(self.args),
            moved_ns: 0,
            interrupt: self.interrupt.clone(),
        };
        reader.read(source, &options, sink)
    }

    fn add(&mut self, report: SourceReport) {
        self.totals.ledger.add(&report.ledger);
        self.totals.anomalies.merge(report.anomalies);
        self.totals.held_bytes_max = self.totals.held_bytes_max.max(report.held_bytes_max);
        self.totals.bytes = self.totals.bytes.saturating_add(report.bytes_read);
        let failed = report.notes.iter().any(|note| note.notice.status() != ExitStatus::Done);
        self.opened |= !failed || report.ledger.packets.input > 0;
        for note in report.notes {
            note.emit();
            self.status = self.status.and(note.notice.status());
        }
    }

    fn finish(mut self, sink: ReadSink, started: Instant) -> ExitStatus {
        let outcome = sink.finish();
        match &outcome.stop {
            Some(Stop::ReaderGone) => return ExitStatus::Done,
            Some(Stop::Failed(error)) => self.status = self.status.and(output_failed(error)),
            // Only a run to the end has to balance: a stopped one left records on the way.
            None => self.check_ledger(),
        }
        if self.interrupt.is_set() {
            emit!(codes::READ_MAIN_003);
        }
        self.totals.anomalies.merge(outcome.anomalies);
        let totals = &self.totals;
        let mut last = Vec::new();
        if let (Some(all), true) = (self.args.messages.summary(), self.opened) {
            let summary = RunSummary { ledger: &totals.ledger, bytes: totals.bytes, took: started.elapsed() };
            match self.args.messages.log_format {
                LogFormat::Text => last.extend_from_slice(summary.text(all).as_bytes()),
                LogFormat::Json => summary.push_json(&mut last),
            }
        }
        if self.args.stats {
            let hashes = outcome.hashes.as_ref();
            push_stats(&mut last, &totals.ledger, totals.anomalies, totals.held_bytes_max, hashes);
        }
        // Where standard error is gone there is nobody left to tell: no failure of the work.
        let _ = self.stderr.write_all(&last).and_then(|()| self.stderr.flush());
        self.status
    }

    /// Law 1: what came in went somewhere. Anything else is a fault of ours that must not pass in silence.
    fn check_ledger(&mut self) {
        if let Err(imbalance) = self.totals.ledger.check() {
            emit!(codes::READ_MAIN_001, error = %chain(&imbalance));
            self.status = self.status.and(ExitStatus::Unexpected);
        }
    }
}

fn body_wishes(args: &ReadArgs) -> BodyWishes {
    let keep = args.format == Format::Har && !args.sessions;
    BodyWishes { decode: args.decode == Decode::Auto, hash: args.stream_hashes, keep }
}

fn build_sink(args: &ReadArgs, stdout: Box<dyn Write + Send>, console: Console) -> anyhow::Result<ReadSink> {
    let mut sink = ReadSink::new(build_output(args, console), stdout);
    if args.stream_hashes && args.stats {
        sink.set_stream_hashes(StreamHashes::default());
    }
    if let Some(dir) = &args.streams {
        sink.set_stream_files(StreamFiles::create(dir)?);
    }
    Ok(sink)
}

fn build_output(args: &ReadArgs, console: Console) -> Box<dyn Output> {
    let style = TableStyle { width: console.width, color: console.color(args.color) };
    match (args.format, args.sessions) {
        (Format::Table, false) => Box::new(Table::new(style, args.headers)),
        (Format::Table, true) => Box::new(SessionTable::new(style)),
        (Format::Ndjson, false) => Box::new(Ndjson::new(args.headers, args.stream_hashes)),
        (Format::Ndjson, true) => Box::new(SessionNdjson::default()),
        (Format::Har, _) => Box::new(Har::default()),
    }
}
