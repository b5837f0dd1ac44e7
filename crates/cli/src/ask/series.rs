//! `arachne series`: a metric over time on standard output.

use std::io;

use anyhow::{Context as _, Result};
use arachne_filter::{Settings, parse};
use arachne_model::table::{PointRow, Row as _};
use arachne_query::{Aggregate, Compare, SeriesQuery, Span, When};

use super::BadFilter;
use super::answer::series_rows;
use super::args::{CompareWith, SeriesArgs};
use super::backend::of;
use super::print::Printer;
use crate::interrupt::Interrupt;

/// Answers.
///
/// # Errors
/// When the question is wrong, or cannot be answered, or standard output fails.
pub fn answer(args: &SeriesArgs) -> Result<()> {
    let query = query(args)?;
    let backend = of(args.data.data.as_deref(), Interrupt::on_signals()?)?;
    let (columns, rows) = series_rows(&backend.series(&query)?);
    let mut printer = Printer::new(io::stdout().lock(), args.format, super::table_style(args.color), &columns)?;
    rows.iter().try_for_each(|row| printer.row(row))?;
    printer.finish()?;
    Ok(())
}

fn query(args: &SeriesArgs) -> Result<SeriesQuery> {
    let parsed = parse(&args.filter, PointRow::TABLE, &Settings::default());
    if parsed.predicate.is_none() {
        return Err(BadFilter(parsed.diagnostics).into());
    }
    let instant = |text: &Option<String>| text.as_deref().map(When::parse).transpose();
    let aggregate = args.aggregate.as_deref().map(|name| {
        Aggregate::parse(name).with_context(|| {
            format!("{name} is none of rate, sum, count, avg, min, max, last, level, distinct, and no percentile such as p95")
        })
    });
    Ok(SeriesQuery {
        metric: args.metric.clone(),
        filter: args.filter.clone(),
        aggregate: aggregate.transpose()?,
        from: instant(&args.from)?,
        to: instant(&args.to)?,
        step: args.step.as_deref().map(Span::parse).transpose()?,
        by: args.by.clone(),
        top: args.top,
        compare: args.compare.map(|compare| match compare {
            CompareWith::Previous => Compare::Previous,
            CompareWith::Yesterday => Compare::Yesterday,
            CompareWith::Week => Compare::Week,
        }),
        zone: args.zone.clone(),
        ..SeriesQuery::default()
    })
}
