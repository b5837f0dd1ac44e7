//! `arachne read`: each source in turn through the parser into the chosen output.
//!
//! A source that fails does not stop the others; the exit code tells the gravest outcome. When the reader of standard
//! output goes away the run ends quietly with success.

mod capture;
pub mod console;
pub mod sink;
pub mod source;

use std::io::Write;
use std::time::Instant;

use arachne_model::{AnomalySet, Ledger};

use crate::args::{Decode, Format, ReadArgs};
use crate::diagnostics::{Diagnostics, Level};
use crate::exit::ExitStatus;
use crate::output::har::Har;
use crate::output::ndjson::Ndjson;
use crate::output::sessions::{SessionNdjson, SessionTable};
use crate::output::stats::push_stats;
use crate::output::summary::summary;
use crate::output::table::{Table, TableStyle};
use crate::output::{Output, SourceLabel};
use crate::progress::Progress;
use crate::stream_files::StreamFiles;
use crate::stream_hashes::StreamHashes;

use console::Console;
use sink::{ReadSink, Stop};
use source::{BodyWishes, Source, SourceFailure, SourceOptions, SourceReader, SourceReport};

/// Runs the command on the process's own standard streams.
#[must_use]
pub fn run(args: &ReadArgs) -> ExitStatus {
    let mut diagnostics = Diagnostics::new(Box::new(std::io::stderr()), args.log_format, args.verbosity());
    let console = Console::detect();
    run_with(args, &mut capture::CaptureReader, Box::new(std::io::stdout()), console, &mut diagnostics)
}

/// Runs the command with everything outside given: for tests.
pub fn run_with(
    args: &ReadArgs,
    reader: &mut impl SourceReader,
    stdout: Box<dyn Write + Send>,
    console: Console,
    diagnostics: &mut Diagnostics,
) -> ExitStatus {
    if let Err(text) = args.check() {
        diagnostics.say(Level::Error, text);
        return ExitStatus::Usage;
    }
    let mut sink = match build_sink(args, stdout, console) {
        Ok(sink) => sink,
        Err(error) => {
            diagnostics.error(&error);
            let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            let refused = kind == Some(std::io::ErrorKind::PermissionDenied);
            return if refused { ExitStatus::NotPermitted } else { ExitStatus::Unexpected };
        }
    };
    let started = Instant::now();
    let mut run =
        Run { args, console, diagnostics, totals: Totals::default(), status: ExitStatus::Done, opened: false };
    run.read_all(reader, &mut sink);
    run.finish(sink, started)
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
    diagnostics: &'a mut Diagnostics,
    totals: Totals,
    status: ExitStatus,
    /// Whether there was a source at all: a summary of nothing would only hide the error.
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
            self.add(source, report);
            if sink.stopped() {
                return;
            }
        }
    }

    fn read_one(&mut self, reader: &mut impl SourceReader, source: &Source, sink: &mut ReadSink) -> SourceReport {
        let total = match source.total_bytes() {
            Ok(total) => {
                self.opened = true;
                total
            }
            Err(failure) => return SourceReport { failure: Some(failure), ..SourceReport::default() },
        };
        sink.set_progress(Progress::new(total.filter(|_| !self.args.follow), self.console.bar));
        let options = SourceOptions {
            threads: self.args.threads,
            follow: self.args.follow,
            keep_secrets: self.args.keep_secrets,
            bodies: body_wishes(self.args),
        };
        reader.read(source, &options, sink)
    }

    fn add(&mut self, source: &Source, report: SourceReport) {
        self.totals.ledger.add(&report.ledger);
        self.totals.anomalies.merge(report.anomalies);
        self.totals.held_bytes_max = self.totals.held_bytes_max.max(report.held_bytes_max);
        self.totals.bytes = self.totals.bytes.saturating_add(report.bytes_read);
        let name = String::from_utf8_lossy(source.name()).into_owned();
        for note in report.notes {
            self.diagnostics.say(Level::Info, &format!("{name}: {note}"));
        }
        if let Some(SourceFailure { status, error }) = report.failure {
            self.diagnostics.error(&error.context(name));
            self.status = self.status.and(status);
        }
    }

    fn finish(mut self, sink: ReadSink, started: Instant) -> ExitStatus {
        let outcome = sink.finish();
        match outcome.stop {
            Some(Stop::ReaderGone) => return ExitStatus::Done,
            Some(Stop::Failed(error)) => {
                self.diagnostics.error(&error);
                self.status = ExitStatus::Unexpected;
            }
            // Only a run to the end has to balance: a stopped one left records on the way.
            None => self.check_ledger(),
        }
        self.totals.anomalies.merge(outcome.anomalies);
        let totals = &self.totals;
        let all = self.diagnostics.shows(Level::Detail);
        let text = summary(&totals.ledger, totals.bytes, started.elapsed(), all);
        if self.opened {
            self.diagnostics.say(Level::Info, &text);
        }
        if self.args.stats {
            let mut line = Vec::new();
            let hashes = outcome.hashes.as_ref();
            push_stats(&mut line, &totals.ledger, totals.anomalies, totals.held_bytes_max, hashes);
            self.diagnostics.raw(&line);
        }
        self.status
    }

    /// Law 1: what came in went somewhere. Anything else is a fault of ours that must not pass in silence.
    fn check_ledger(&mut self) {
        if let Err(imbalance) = self.totals.ledger.check() {
            let error = anyhow::Error::new(imbalance).context("the counts do not add up, please report this");
            self.diagnostics.error(&error);
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
