//! `arachne export`: what a store holds, in the formats of others, on standard output.

use std::io::{self, IsTerminal as _, Write};

use anyhow::{Result, bail};
use arachne_export::stream::{self, ExportError, Reader, What};
use arachne_filter::{Predicate, Settings, parse, render};
use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_query::When;
use arachne_store::{CountMode, Store, StoreError, TimeRange, Watch};

use super::BadFilter;
use super::args::{ExportArgs, ExportFormat};
use super::backend::of;
use crate::interrupt::Interrupt;

/// What is exported, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The filter.
    pub filter: String,
    /// First instant.
    pub from: Option<String>,
    /// First instant behind.
    pub to: Option<String>,
    /// The session whose frames are wanted, with no regard to exchanges.
    pub session: Option<String>,
}

/// Answers.
///
/// # Errors
/// When the question is wrong, or cannot be answered, or standard output fails.
pub fn answer(args: &ExportArgs) -> Result<()> {
    let stdout = io::stdout();
    if args.format == ExportFormat::Pcapng && stdout.is_terminal() {
        bail!("a capture is not for a terminal: send it to a file, such as > s.pcapng");
    }
    let backend = of(args.data.data.as_deref(), Interrupt::on_signals()?)?;
    let mut out = io::BufWriter::with_capacity(1 << 16, stdout.lock());
    backend.export(&exported(args), args.format, &mut out)?;
    out.flush()?;
    Ok(())
}

/// Ids become terms of the filter, but for the frames of a session: those may be stored without its exchanges.
fn exported(args: &ExportArgs) -> Exported {
    let mut filters = vec![args.filter.clone()];
    let term = |field: &str, id: &String| render::term(ExchangeRow::TABLE, field, Value::Text(id));
    filters.extend(args.exchange.as_ref().and_then(|id| term("id", id)));
    let frames = args.format == ExportFormat::Pcapng;
    if !frames {
        filters.extend(args.session.as_ref().and_then(|id| term("tcp.session", id)));
    }
    filters.retain(|filter| !filter.trim().is_empty());
    Exported {
        filter: render::and(&filters),
        from: args.from.clone(),
        to: args.to.clone(),
        session: args.session.clone().filter(|_| frames),
    }
}

/// Writes it from a store.
///
/// # Errors
/// When the filter or a time is wrong, the store cannot answer, or `out` fails.
pub fn write(
    store: &dyn Store,
    watch: &dyn Watch,
    what: &Exported,
    format: ExportFormat,
    out: &mut dyn Write,
) -> Result<()> {
    let reader = Reader { store, watch };
    let selected = selected(what)?;
    let written = match (format, &what.session) {
        (ExportFormat::Pcapng, Some(session)) => stream::pcapng_of(reader, [session.clone()], selected.now, out),
        (ExportFormat::Pcapng, None) => stream::pcapng(reader, &selected, out),
        (ExportFormat::Har, _) => stream::har(reader, &selected, out),
        (ExportFormat::Ndjson, _) => stream::ndjson(reader, &selected, out),
        (ExportFormat::Csv, _) => stream::csv(reader, &selected, out),
        (ExportFormat::Curl, _) => stream::curl(reader, &selected, out),
    };
    match written {
        // Ctrl-C: what was written stays.
        Ok(()) | Err(ExportError::Store(StoreError::Stopped)) => Ok(()),
        Err(ExportError::Out(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    }
}

fn selected(what: &Exported) -> Result<What> {
    let now = arachne_telemetry::now();
    let instant = |text: &Option<String>| text.as_deref().map(When::parse).transpose();
    let from = instant(&what.from)?.map_or(i64::MIN, |when| when.resolve(now));
    let to = instant(&what.to)?.map_or(i64::MAX, |when| when.resolve(now));
    Ok(What { predicate: predicate(&what.filter)?, range: TimeRange { from, to }, mode: CountMode::Overlap, now })
}

fn predicate(filter: &str) -> Result<Predicate> {
    let parsed = parse(filter, ExchangeRow::TABLE, &Settings::default());
    parsed.predicate.ok_or_else(|| BadFilter(parsed.diagnostics).into())
}
