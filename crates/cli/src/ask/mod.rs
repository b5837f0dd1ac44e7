//! The commands that ask a store: `query`, `series`, `sql`, `export`.
//!
//! Where no server holds the data folder, the store is opened here; where one does, the same questions go to it through the
//! socket in that folder.

pub(crate) mod answer;
pub mod args;
pub mod backend;
mod export;
pub mod holder;
pub(crate) mod print;
mod query;
mod remote;
mod series;
mod sql;

use std::io::{self, ErrorKind, Write as _};

use anyhow::Error;
use arachne_filter::Diagnostic;
use arachne_query::QueryError;
use arachne_store::StoreError;
use arachne_telemetry::{Flood, Format, Verbosity, codes, emit, init};

use crate::args::Color;
use crate::exit::ExitStatus;
use crate::output::table::TableStyle;
use crate::read::console::Console;
use crate::visible::visible;

/// Runs `arachne query`.
#[must_use]
pub fn query(args: &args::QueryArgs) -> ExitStatus {
    run(|| query::answer(args), &args.filter)
}

/// Runs `arachne series`.
#[must_use]
pub fn series(args: &args::SeriesArgs) -> ExitStatus {
    run(|| series::answer(args), &args.filter)
}

/// Runs `arachne sql`.
#[must_use]
pub fn sql(args: &args::SqlArgs) -> ExitStatus {
    run(|| sql::answer(args), "")
}

/// Runs `arachne export`.
#[must_use]
pub fn export(args: &args::ExportArgs) -> ExitStatus {
    run(|| export::answer(args), &args.filter)
}

/// Does what asks a store or a server, with no filter.
pub(crate) fn asked(work: impl FnOnce() -> anyhow::Result<()>) -> ExitStatus {
    run(work, "")
}

fn run(work: impl FnOnce() -> anyhow::Result<()>, filter: &str) -> ExitStatus {
    let _log = init(Format::Text, Verbosity::Normal, Flood::Unlimited);
    work().map_or_else(|error| failed(&error, filter), |()| ExitStatus::Done)
}

/// A question that is not in order, with the filter it was asked with.
#[derive(Debug, thiserror::Error)]
#[error("the filter has a mistake")]
struct BadFilter(Vec<Diagnostic>);

/// Says on standard error what is wrong, and how the process ends for it.
fn failed(error: &Error, filter: &str) -> ExitStatus {
    let kind = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    if kind == Some(ErrorKind::BrokenPipe) {
        return ExitStatus::Done;
    }
    let diagnostics = match (error.downcast_ref(), error.downcast_ref::<BadFilter>()) {
        (Some(QueryError::BadFilter { diagnostics }), _) | (_, Some(BadFilter(diagnostics))) => diagnostics.as_slice(),
        _ => &[],
    };
    if !diagnostics.is_empty() {
        let text: String = diagnostics.iter().map(|diagnostic| shown(diagnostic, filter)).collect();
        // Where standard error is gone there is nobody left to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
        return ExitStatus::Usage;
    }
    emit!(codes::ASK_MAIN_001, error = format!("{error:#}"));
    match error.downcast_ref::<StoreError>() {
        Some(StoreError::Damaged { .. } | StoreError::Newer { .. }) => ExitStatus::Damaged,
        Some(StoreError::Locked { .. }) => ExitStatus::PeerUnreachable,
        _ if kind == Some(ErrorKind::PermissionDenied) => ExitStatus::NotPermitted,
        _ => ExitStatus::Usage,
    }
}

/// A mistake under the text that has it, with what may be written instead.
fn shown(diagnostic: &Diagnostic, filter: &str) -> String {
    let before = filter.get(..diagnostic.span.start).unwrap_or_default();
    let wrong = filter.get(diagnostic.span.clone()).unwrap_or_default();
    let column = visible(before.as_bytes()).chars().count();
    let carets = "^".repeat(visible(wrong.as_bytes()).chars().count().max(1));
    let mut text = format!(
        "error: {}\n  {}\n  {}{carets}\n",
        visible(diagnostic.message.as_bytes()),
        visible(filter.as_bytes()),
        " ".repeat(column)
    );
    for fix in &diagnostic.fixes {
        text.push_str(&format!("  help: {}\n", visible(fix.label.as_bytes())));
    }
    text
}

/// How tables look on this standard output.
pub(crate) fn table_style(color: Color) -> TableStyle {
    let console = Console::detect();
    TableStyle { width: console.width, color: console.color(color) }
}
