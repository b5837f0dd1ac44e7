//! `arachne query`: lists, histograms and tops on standard output.

use std::io::{self, IsTerminal as _, Write};

use anyhow::{Context as _, Result};
use arachne_filter::{Settings, parse};
use arachne_model::table::TABLES;
use arachne_query::{HistogramQuery, ListQuery, Mode, Rank, Scope, Span, TopQuery, When};
use serde_json::Value as Json;

use super::BadFilter;
use super::answer::{AnswerColumn, histogram_rows, list_columns, list_rows, top_rows};
use super::args::{AnswerFormat, CountBy, QueryArgs, RankBy};
use super::backend::{Backend, of};
use super::print::Printer;
use crate::interrupt::Interrupt;
use crate::output::human;
use crate::output::table::TableStyle;

/// Rows of a page that is asked for.
const PAGE_ROWS: u64 = 10_000;

/// What a table of exchanges shows unless columns are named.
const EXCHANGE_COLUMNS: [&str; 9] =
    ["start", "class", "status", "duration", "method", "service", "path", "anomalies", "id"];

/// Answers.
///
/// # Errors
/// When the question is wrong, or cannot be answered, or standard output fails.
pub fn answer(args: &QueryArgs) -> Result<()> {
    let backend = of(args.data.data.as_deref(), Interrupt::on_signals()?)?;
    let style = super::table_style(args.color);
    match (&args.histogram, args.by.is_empty()) {
        (Some(step), _) => {
            let query = histogram_query(args, step)?;
            let (columns, rows) = histogram_rows(&backend.histogram(&query)?);
            print_all(args.format, style, &columns, rows)
        }
        (None, false) => {
            let query = TopQuery {
                scope: scope(args)?,
                by: args.by.clone(),
                order: rank(args.rank),
                limit: usize::try_from(args.limit.min(1000)).unwrap_or(1000),
                quantiles: true,
                ..TopQuery::default()
            };
            let (columns, rows) = top_rows(&backend.top(&query)?);
            print_all(args.format, style, &columns, rows)
        }
        (None, true) => list(&*backend, args, style),
    }
}

fn print_all(format: AnswerFormat, style: TableStyle, columns: &[AnswerColumn], rows: Vec<Vec<Json>>) -> Result<()> {
    let mut printer = Printer::new(io::stdout().lock(), format, style, columns)?;
    rows.iter().try_for_each(|row| printer.row(row))?;
    printer.finish()?;
    Ok(())
}

/// Page after page until the limit.
fn list(backend: &dyn Backend, args: &QueryArgs, style: TableStyle) -> Result<()> {
    let (order, ascending) = args.order.strip_prefix('-').map_or((args.order.as_str(), false), |name| (name, true));
    let mut query = ListQuery {
        scope: scope(args)?,
        columns: columns(args),
        order: order.to_owned(),
        ascending,
        ..ListQuery::default()
    };
    let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let (mut left, mut out, mut printer) = (args.limit, Some(out), None);
    loop {
        query.limit = usize::try_from(left.min(PAGE_ROWS)).unwrap_or(1);
        let page = backend.list(&query)?;
        if let Some(out) = out.take() {
            printer = Some(Printer::new(out, args.format, style, &list_columns(&page))?);
        }
        let printer = printer.as_mut().context("the first page made it")?;
        for row in list_rows(&page) {
            printer.row(&row)?;
            left -= 1;
        }
        query.cursor = page["next"].as_str().map(str::to_owned);
        if left == 0 || query.cursor.is_none() {
            break;
        }
    }
    let more = query.cursor.is_some();
    let rows = printer.map(Printer::finish).transpose()?.unwrap_or(0);
    tell(args, rows, more)
}

/// People are told how many rows they see, and whether there are more.
fn tell(args: &QueryArgs, rows: u64, more: bool) -> Result<()> {
    if args.format == AnswerFormat::Table && io::stderr().is_terminal() {
        let more = if more { "; there are more: --limit" } else { "" };
        writeln!(io::stderr(), "{}{more}", human::counted(rows, "row"))?;
    }
    Ok(())
}

fn columns(args: &QueryArgs) -> Vec<String> {
    let people = args.format == AnswerFormat::Table && args.table == "exchanges";
    if args.columns.is_empty() && people { EXCHANGE_COLUMNS.map(str::to_owned).to_vec() } else { args.columns.clone() }
}

/// Mistakes in the filter are shown where they are, also when somebody else will answer.
fn check(args: &QueryArgs) -> Result<()> {
    let Some(table) = TABLES.iter().find(|table| table.name == args.table) else { return Ok(()) };
    let parsed = parse(&args.filter, table, &Settings::default());
    if parsed.predicate.is_some() { Ok(()) } else { Err(BadFilter(parsed.diagnostics).into()) }
}

fn scope(args: &QueryArgs) -> Result<Scope> {
    check(args)?;
    let mode = match args.count {
        CountBy::Overlap => Mode::Overlap,
        CountBy::Start => Mode::Start,
        CountBy::End => Mode::End,
    };
    let instant = |text: &Option<String>| text.as_deref().map(When::parse).transpose();
    Ok(Scope {
        table: args.table.clone(),
        filter: args.filter.clone(),
        from: instant(&args.from)?,
        to: instant(&args.to)?,
        mode,
        ..Scope::default()
    })
}

fn histogram_query(args: &QueryArgs, step: &str) -> Result<HistogramQuery> {
    anyhow::ensure!(args.by.len() <= 1, "--histogram splits bars by one field, not by {}", args.by.len());
    Ok(HistogramQuery {
        scope: scope(args)?,
        step: Some(Span::parse(step)?),
        by: args.by.first().cloned(),
        ..HistogramQuery::default()
    })
}

const fn rank(by: RankBy) -> Rank {
    match by {
        RankBy::Count => Rank::Count,
        RankBy::Duration => Rank::Duration,
        RankBy::Bytes => Rank::Bytes,
        RankBy::Errors => Rank::Errors,
        RankBy::ErrorShare => Rank::ErrorShare,
        RankBy::Max => Rank::Max,
        RankBy::P95 => Rank::P95,
    }
}
