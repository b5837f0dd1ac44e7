//! What the server takes of others: filters of packets, SQL, imports.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arachne_capture::interface::filter::{Filter, FilterError};
use arachne_capture::rows::ServiceRule;
use arachne_config::PathRule;
use arachne_content::redact::Redactor;
use arachne_server::{
    BadCaptureFilter, CaptureFilter, ImportFailure, ImportJob, ImportStep, ImportWatch, Imported, Importer, SqlFailure,
    SqlRows, SqlRunner,
};
use arachne_sql::SqlError;
use arachne_store::{StoreError, Watch};
use arachne_store_parquet::EmbeddedStore;
use serde_json::Value as Json;

use super::Rules;
use crate::args::{ImportArgs, Messages};
use crate::import::one::{Done, Setting, import};
use crate::import::plan::Plan;
use crate::import::source;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::read::source::Source;

/// Judges filters of agents as agents do.
pub(super) struct Tcpdump;

impl CaptureFilter for Tcpdump {
    fn check(&self, text: &str) -> Result<(), BadCaptureFilter> {
        let bad = |FilterError { message, span, fix }| BadCaptureFilter { message, span, fix };
        Filter::parse(text).map(drop).map_err(bad)
    }
}

/// Runs SQL over the store.
pub(super) struct Sql(pub Arc<EmbeddedStore>);

impl SqlRunner for Sql {
    fn run(&self, statement: &str, watch: &dyn Watch, rows: &mut dyn SqlRows) -> Result<(), SqlFailure> {
        let limits = arachne_sql::Limits::default();
        arachne_sql::run(&self.0, statement, limits, watch, &mut Passed(rows)).map_err(|error| match error {
            SqlError::Statement(text) => SqlFailure::Statement(text),
            SqlError::Stopped => SqlFailure::Stopped,
            SqlError::Failed(text) => SqlFailure::Failed(text),
        })
    }
}

/// Hands rows on.
struct Passed<'a>(&'a mut dyn SqlRows);

impl arachne_sql::Rows for Passed<'_> {
    fn names(&mut self, names: &[String]) -> ControlFlow<()> {
        self.0.names(names)
    }

    fn row(&mut self, row: Vec<Json>) -> ControlFlow<()> {
        self.0.row(row)
    }
}

/// Imports captures that are uploaded.
pub(super) struct Captures {
    pub store: Arc<EmbeddedStore>,
    pub redactor: Redactor,
    pub services: Rules<ServiceRule>,
    pub paths: Rules<PathRule>,
}

/// The command line that an upload stands for.
fn arguments(job: &ImportJob<'_>) -> ImportArgs {
    let options = job.options;
    ImportArgs {
        no_packets: !options.packets,
        no_sessions: !options.sessions,
        no_bodies: !options.bodies,
        replace: options.replace,
        keep: Some(options.keep.clone()),
        tags: options.tags.split_whitespace().map(str::to_owned).collect(),
        ..ImportArgs::of(job.path)
    }
}

impl Importer for Captures {
    fn import(&self, job: ImportJob<'_>, watch: &dyn ImportWatch) -> Result<Imported, ImportFailure> {
        let args = ImportArgs { services: self.services.all(), paths: self.paths.all(), ..arguments(&job) };
        let wrong = |diagnostics: Vec<arachne_filter::Diagnostic>| {
            ImportFailure::Refused(diagnostics.into_iter().map(|d| d.message).collect::<Vec<_>>().join("; "))
        };
        let plan = Plan::of(&args).map_err(wrong)?;
        let interrupt = Interrupt::default();
        let mut sources = Source::list(&args.files, false);
        let source = sources.first_mut().ok_or_else(|| ImportFailure::Failed("no file".to_owned()))?;
        let total = std::fs::metadata(job.path).map_or(0, |facts| facts.len());
        std::thread::scope(|scope| {
            let (sender, steps) = std::sync::mpsc::channel();
            // Nobody listens once the import was given up.
            let told = move |bytes| sender.send(bytes).unwrap_or_default();
            let (setting, source) = (self.setting(&plan, &job, interrupt.clone()), source);
            let work = scope.spawn(move || one(&setting, source, Progress::told(Box::new(told))));
            // The channel closes with the work.
            for bytes in steps {
                let step = ImportStep { bytes, bytes_total: total, ..ImportStep::default() };
                if watch.progress(step).is_break() {
                    interrupt.set();
                }
            }
            work.join().unwrap_or_else(|_| Err(ImportFailure::Failed("the import panicked".to_owned())))
        })
    }
}

impl Captures {
    fn setting<'a>(&'a self, plan: &'a Plan, job: &ImportJob<'_>, interrupt: Interrupt) -> Setting<'a> {
        Setting {
            store: &*self.store,
            plan,
            redactor: self.redactor.clone(),
            replace: job.options.replace,
            keep_secrets: false,
            threads: None,
            moved_ns: 0,
            interrupt,
            label: Some(job.label.to_owned()),
        }
    }
}

fn one(setting: &Setting<'_>, source: &mut Source, progress: Progress) -> Result<Imported, ImportFailure> {
    let hash = source::identify(source, &setting.interrupt, &Progress::hidden()).map_err(|unknown| match unknown {
        source::Unknown::Interrupted => ImportFailure::Stopped,
        source::Unknown::Unreadable(note) => ImportFailure::Failed(note.notice.words()),
    })?;
    let (report, _, done) = import(setting, source, &hash, progress);
    // A file of ours has no name that people know: what is told is about its content alone.
    let notices: Vec<String> = report.notes.iter().map(|note| note.notice.words()).collect();
    match done {
        Ok(Done::Already(facts)) => Ok(Imported { facts, already: true, notices }),
        Ok(Done::Stored(facts)) => Ok(Imported { facts, already: false, notices }),
        Ok(Done::Unfinished) if setting.interrupt.is_set() => Err(ImportFailure::Stopped),
        Ok(Done::Unfinished) => Err(ImportFailure::Refused(notices.join("; "))),
        Err(StoreError::OtherOptions { existing, .. }) => Err(ImportFailure::OtherOptions(existing)),
        Err(StoreError::Full { .. }) => Err(ImportFailure::Full),
        Err(error) => Err(ImportFailure::Failed(arachne_telemetry::chain(&error).to_string())),
    }
}

impl ImportArgs {
    /// The command line with nothing but a file.
    fn of(file: &Path) -> Self {
        Self {
            files: vec![file.to_owned()],
            data: None,
            services: Vec::new(),
            paths: Vec::new(),
            no_packets: false,
            no_sessions: false,
            no_bodies: false,
            full_packets: false,
            keep: None,
            join: false,
            agent: "file".to_owned(),
            vantage: None,
            tags: Vec::new(),
            end_at: None,
            replace: false,
            decode: None,
            threads: None,
            keep_secrets: false,
            stats: false,
            messages: Messages::default(),
        }
    }
}
