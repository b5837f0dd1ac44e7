//! `arachne import`: capture files into a store. Each source in turn: its content names it, its records become rows without
//! secrets, its rows become durable before it counts as imported.

pub mod key;
mod later;
pub mod one;
pub mod plan;
mod remote;
pub mod sink;
pub mod source;
pub mod spool;
pub mod summary;

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use arachne_content::redact::{Redactor, Rules};
use arachne_model::{AnomalySet, DropReason, Ledger};
use arachne_store::{Store, StoreError};
use arachne_store_parquet::EmbeddedStore;
use arachne_telemetry::{Flood, chain, codes, emit, init};

use crate::args::{ImportArgs, LogFormat};
use crate::ask::holder::{self, Opened};
use crate::exit::ExitStatus;
use crate::interrupt::Interrupt;
use crate::output::stats::push_stats;
use crate::output::summary::Run as RunSummary;
use crate::progress::Progress;
use crate::read::console::Console;
use crate::read::source::{Note, Source, SourceReport};
use arachne_capture::rows::Tally;
use one::{Done, Setting};
use plan::Plan;
use source::Unknown;
use summary::Stored;

/// Runs the command on the process's own standard error and signals.
pub fn run(args: &ImportArgs) -> ExitStatus {
    let _log = init(args.messages.format(), args.messages.verbosity(), Flood::Unlimited);
    let interrupt = Interrupt::on_signals().unwrap_or_default();
    let console = Console::detect();
    let bar = console.bar;
    let world = World { stderr: Box::new(std::io::stderr()), console, interrupt: interrupt.clone() };
    let done = open(args).and_then(|opened| match opened {
        Into::Here(store, redactor) => Ok(run_with(args, &store, redactor, world)),
        Into::Served(socket) => remote::run(args, &socket, bar, &interrupt),
    });
    done.unwrap_or_else(|error| {
        emit!(codes::IMPORT_STORE_001, error = format!("{error:#}"));
        status_of(error.downcast_ref::<StoreError>())
    })
}

/// Where rows go.
enum Into {
    /// Into the store, which this process holds now, without secrets.
    Here(EmbeddedStore, Redactor),
    /// To the server that holds it, through its socket.
    Served(PathBuf),
}

fn open(args: &ImportArgs) -> anyhow::Result<Into> {
    let data = crate::store::data_dir(args.data.as_deref())?;
    crate::store::make_dir(&data)?;
    // Whoever holds the store is alone with the key.
    Ok(match holder::open(&data, holder::brief())? {
        Opened::Here(store) => Into::Here(store, Redactor::new(key::key(&data)?, Rules::default())),
        Opened::Served(socket) => Into::Served(socket),
    })
}

/// What a run touches outside of itself, beside its sources, the store and the log.
pub struct World {
    /// Takes the summary and the stats line.
    pub stderr: Box<dyn Write + Send>,
    /// What the terminals are like.
    pub console: Console,
    /// Asks the run to end.
    pub interrupt: Interrupt,
}

/// Runs the command with everything outside given.
pub fn run_with(args: &ImportArgs, store: &dyn Store, redactor: Redactor, world: World) -> ExitStatus {
    let plan = match Plan::of(args) {
        Ok(plan) => plan,
        Err(diagnostics) => {
            for diagnostic in diagnostics {
                let at = format!("{}..{}", diagnostic.span.start, diagnostic.span.end);
                emit!(codes::IMPORT_MAIN_001, at, error = diagnostic.message);
            }
            return ExitStatus::Usage;
        }
    };
    let setting = Setting {
        store,
        plan: &plan,
        redactor,
        replace: args.replace,
        keep_secrets: args.keep_secrets,
        threads: args.threads,
        moved_ns: 0,
        interrupt: world.interrupt.clone(),
        label: None,
    };
    let bytes_before = bytes_of(store);
    let started = Instant::now();
    let mut run = Run { args, setting, console: world.console, totals: Totals::default(), status: ExitStatus::Done };
    run.all();
    run.totals.stored.bytes = bytes_of(store).saturating_sub(bytes_before);
    run.finish(started, world.stderr)
}

/// Bytes of a store on disk.
fn bytes_of(store: &dyn Store) -> u64 {
    let facts = store.facts();
    facts.tables.iter().map(|table| table.bytes).sum::<u64>().saturating_add(facts.wal_bytes)
}

/// The exit code that an error of the store asks for.
fn status_of(error: Option<&StoreError>) -> ExitStatus {
    match error {
        Some(StoreError::OtherOptions { .. }) => ExitStatus::Usage,
        Some(StoreError::Newer { .. }) => ExitStatus::BadConfiguration,
        Some(StoreError::Io { source, .. }) if source.kind() == std::io::ErrorKind::PermissionDenied => {
            ExitStatus::NotPermitted
        }
        _ => ExitStatus::Unexpected,
    }
}

/// What all sources together gave.
#[derive(Default)]
struct Totals {
    ledger: Ledger,
    anomalies: AnomalySet,
    held_bytes_max: u64,
    bytes: u64,
    stored: Stored,
}

impl Totals {
    /// Whether there is anything to sum up: packets that were read, or rows of a spool.
    fn has_something(&self) -> bool {
        self.ledger.packets.input > 0 || self.stored.rows.iter().any(|rows| *rows > 0)
    }
}

struct Run<'a> {
    args: &'a ImportArgs,
    setting: Setting<'a>,
    console: Console,
    totals: Totals,
    status: ExitStatus,
}

impl Run<'_> {
    fn all(&mut self) {
        let mut sources = Source::list(&self.args.files, self.args.join);
        if let Some(end) = self.args.end_at {
            // Standard input can be read twice only as a file.
            sources.retain_mut(|source| match source::spool(source, &self.setting.interrupt) {
                Err(Unknown::Unreadable(note)) => {
                    self.unreadable(&note);
                    false
                }
                _ => true,
            });
            self.setting.moved_ns = later::distance(&sources, end, &self.setting.interrupt);
        }
        for mut source in sources {
            let goes_on = self.one(&mut source);
            if self.setting.interrupt.is_set() {
                emit!(codes::IMPORT_MAIN_002);
                self.status = self.status.and(ExitStatus::Unexpected);
                return;
            }
            if !goes_on {
                return;
            }
        }
    }

    fn unreadable(&mut self, note: &Note) {
        note.emit();
        self.status = self.status.and(note.notice.status());
    }

    /// Imports one source; `false` when the store takes no more.
    fn one(&mut self, source: &mut Source) -> bool {
        let hash = match self.identify(source) {
            Ok(hash) => hash,
            Err(Unknown::Interrupted) => return false,
            Err(Unknown::Unreadable(note)) => {
                self.unreadable(&note);
                return true;
            }
        };
        let file = String::from_utf8_lossy(source.name()).into_owned();
        let progress = Progress::new(source.total_bytes().ok().flatten(), self.console.bar);
        let (report, tally, done) = one::import(&self.setting, source, &hash, progress);
        self.add(report, tally);
        match done {
            Ok(Done::Unfinished) => {}
            Ok(Done::Already(facts)) => {
                self.totals.stored.already += 1;
                let exchanges = facts.rows[0];
                emit!(codes::IMPORT_FILE_001, exchanges, file);
            }
            Ok(Done::Stored(facts)) => {
                for (sum, rows) in self.totals.stored.rows.iter_mut().zip(facts.rows) {
                    *sum += rows;
                }
            }
            Err(error) => return self.refused(&error, &file),
        }
        true
    }

    fn identify(&self, source: &mut Source) -> Result<String, Unknown> {
        source::spool(source, &self.setting.interrupt)?;
        let total = source.total_bytes().map_err(Unknown::Unreadable)?;
        let progress = Progress::new(total, self.console.bar);
        let hash = source::identify(source, &self.setting.interrupt, &progress);
        progress.finish();
        hash
    }

    /// Whether other sources may fare better.
    fn refused(&mut self, error: &StoreError, file: &str) -> bool {
        self.status = self.status.and(status_of(Some(error)));
        let other_options = matches!(error, StoreError::OtherOptions { .. });
        match error {
            StoreError::OtherOptions { existing, .. } => emit!(codes::IMPORT_FILE_002, existing, file),
            error => emit!(codes::IMPORT_STORE_002, error = %chain(error), file),
        }
        other_options
    }

    fn add(&mut self, report: SourceReport, tally: Tally) {
        let totals = &mut self.totals;
        let mut ledger = report.ledger;
        let not_kept = tally.not_kept.min(ledger.exchanges.output);
        ledger.exchanges.output -= not_kept;
        ledger.exchanges.drop(DropReason::NotKept, not_kept);
        totals.ledger.add(&ledger);
        totals.anomalies.merge(report.anomalies);
        totals.anomalies.merge(tally.anomalies);
        totals.held_bytes_max = totals.held_bytes_max.max(report.held_bytes_max);
        totals.bytes = totals.bytes.saturating_add(report.bytes_read);
        totals.stored.frames_given_up += tally.frames_given_up;
        for note in report.notes {
            note.emit();
            self.status = self.status.and(note.notice.status());
        }
    }

    fn finish(mut self, started: Instant, mut stderr: Box<dyn Write + Send>) -> ExitStatus {
        if let Err(imbalance) = self.totals.ledger.check() {
            emit!(codes::READ_MAIN_001, error = %chain(&imbalance));
            self.status = self.status.and(ExitStatus::Unexpected);
        }
        let totals = &self.totals;
        let mut last = Vec::new();
        if let (Some(all), true) = (self.args.messages.summary(), totals.has_something()) {
            let summary = RunSummary { ledger: &totals.ledger, bytes: totals.bytes, took: started.elapsed() };
            match self.args.messages.log_format {
                LogFormat::Text => {
                    last.extend_from_slice(summary.text(all).as_bytes());
                    last.extend_from_slice(totals.stored.text().as_bytes());
                }
                LogFormat::Json => {
                    summary.push_json(&mut last);
                    totals.stored.push_json(&mut last);
                }
            }
        }
        if self.args.stats {
            push_stats(&mut last, &totals.ledger, totals.anomalies, totals.held_bytes_max, None);
        }
        // Where standard error is gone there is nobody left to tell: no failure of the work.
        let _ = stderr.write_all(&last).and_then(|()| stderr.flush());
        self.status
    }
}
