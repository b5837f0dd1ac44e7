//! One source into a store.

use std::num::NonZeroUsize;

use arachne_capture::rows::{RowMaker, Tally};
use arachne_content::redact::Redactor;
use arachne_store::{ImportFacts, ImportName, ImportStart, Store, StoreError};

use super::plan::Plan;
use super::sink::ImportSink;
use super::spool;
use crate::exit::ExitStatus;
use crate::interrupt::Interrupt;
use crate::progress::Progress;
use crate::read::capture::read_into;
use crate::read::source::{BodyWishes, Source, SourceOptions, SourceReport};

/// What an import needs beside its source; the same for all sources of a run.
pub struct Setting<'a> {
    /// Takes the rows.
    pub store: &'a dyn Store,
    /// What is kept.
    pub plan: &'a Plan,
    /// Replaces secrets.
    pub redactor: Redactor,
    /// Takes the place of other options.
    pub replace: bool,
    /// Uses embedded TLS secrets.
    pub keep_secrets: bool,
    /// Threads that parse.
    pub threads: Option<NonZeroUsize>,
    /// By how many nanoseconds everything is moved in time.
    pub moved_ns: i64,
    /// Asks to end.
    pub interrupt: Interrupt,
    /// What the source is called, for people; the names of its files when nothing is said.
    pub label: Option<String>,
}

/// How an import ended.
pub enum Done {
    /// It was there before, whole.
    Already(ImportFacts),
    /// It is there now.
    Stored(ImportFacts),
    /// Its source was no capture or could not be read, or the run was interrupted: a repeat goes on.
    Unfinished,
}

/// Imports `source`, whose content is named `hash`. The report tells of the source, also when the store fails.
///
/// # Errors
/// The store refused it.
pub fn import(
    setting: &Setting<'_>,
    source: &Source,
    hash: &str,
    progress: Progress,
) -> (SourceReport, Tally, Result<Done, StoreError>) {
    let names = || source.inputs.iter().map(|input| input.name()).collect::<Vec<_>>().join(" ");
    let label = setting.label.clone().unwrap_or_else(names);
    let spooled = spool::path_of(source);
    let mut options = if spooled.is_some() { spool::OPTIONS.to_owned() } else { setting.plan.options() };
    if setting.moved_ns != 0 {
        options.push_str(&format!(", moved by {} ns", setting.moved_ns));
    }
    let name = ImportName { source: hash.to_owned(), options, label };
    let begun = match setting.store.import(&name, setting.replace) {
        Ok(ImportStart::Wanted(begun)) => begun,
        Ok(ImportStart::Finished(facts)) => {
            return (SourceReport::default(), Tally::default(), Ok(Done::Already(facts)));
        }
        Err(error) => return (SourceReport::default(), Tally::default(), Err(error)),
    };
    if let Some(path) = spooled {
        let from = spool::From { path, hash, store: setting.store, moved_ns: setting.moved_ns };
        return spool::import(&from, begun, &setting.interrupt);
    }
    let maker = RowMaker::new(setting.plan.row_options(hash), setting.redactor.clone(), setting.plan.normaliser());
    let mut sink = ImportSink::new(maker, setting.plan, begun, progress, setting.interrupt.clone());
    let options = SourceOptions {
        threads: setting.threads,
        follow: false,
        keep_secrets: setting.keep_secrets,
        bodies: BodyWishes { decode: setting.plan.decode, hash: false, keep: setting.plan.bodies },
        moved_ns: setting.moved_ns,
        interrupt: setting.interrupt.clone(),
    };
    let report = read_into(source, &options, &mut sink);
    let tally = sink.tally();
    let done = if sink.is_over() || !is_whole(&report) {
        sink.give_up().map(|()| Done::Unfinished)
    } else {
        sink.finish(&report.names).map(Done::Stored)
    };
    (report, tally, done)
}

/// Whether the source gave all it will ever give: to its end, or to where it is damaged. One that was refused at once, or
/// that the system stopped giving, is asked again another time.
fn is_whole(report: &SourceReport) -> bool {
    let worst = report.notes.iter().map(|note| note.notice.status()).fold(ExitStatus::Done, ExitStatus::and);
    match worst {
        ExitStatus::Done => true,
        ExitStatus::Damaged => report.ledger.packets.input > 0,
        _ => false,
    }
}
