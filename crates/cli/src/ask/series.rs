//! `arachne series`: a metric over time on standard output.

use std::io;

use anyhow::{Context as _, Result, bail};
use arachne_filter::{Settings, parse};
use arachne_model::table::{PointRow, Row as _};
use arachne_query::{Aggregate, Compare, Operator, SeriesQuery, SeriesWith, Span, When};

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
    check(&args.filter)?;
    let instant = |text: &Option<String>| text.as_deref().map(When::parse).transpose();
    Ok(SeriesQuery {
        metric: args.metric.clone(),
        filter: args.filter.clone(),
        aggregate: args.aggregate.as_deref().map(aggregate).transpose()?,
        with: with(args)?,
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

fn check(filter: &str) -> Result<()> {
    let parsed = parse(filter, PointRow::TABLE, &Settings::default());
    if parsed.predicate.is_none() { Err(BadFilter(parsed.diagnostics).into()) } else { Ok(()) }
}

fn aggregate(name: &str) -> Result<Aggregate> {
    Aggregate::parse(name).with_context(|| {
        format!(
            "{name} is none of rate, sum, count, avg, min, max, last, level, distinct, and no percentile such as p95"
        )
    })
}

/// The second metric.
fn with(args: &SeriesArgs) -> Result<Option<SeriesWith>> {
    let Some([operator, metric]) = args.with.as_deref() else { return Ok(None) };
    let operator = match operator.as_str() {
        "divide" => Operator::Divide,
        "subtract" => Operator::Subtract,
        "add" => Operator::Add,
        "multiply" => Operator::Multiply,
        other => bail!("--with {other}: it is none of divide, subtract, add and multiply"),
    };
    let filter = args.with_filter.clone().unwrap_or_default();
    check(&filter)?;
    let aggregate = args.with_aggregate.as_deref().map(aggregate).transpose()?;
    Ok(Some(SeriesWith { operator, metric: metric.clone(), filter, aggregate }))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: SeriesArgs,
    }

    #[test]
    fn a_second_metric_is_put_to_the_first() {
        let of = |line: &str| query(&Line::try_parse_from(format!("series {line}").split(' '))?.args);
        let both = of("a agent:w --with divide b --with-filter label.x:1 --with-aggregate sum").expect("in order").with;
        let expected = SeriesWith {
            operator: Operator::Divide,
            metric: "b".to_owned(),
            filter: "label.x:1".to_owned(),
            aggregate: Some(Aggregate::Sum),
        };
        assert_eq!(both, Some(expected));
        assert_eq!(of("a").expect("in order").with, None);
        for wrong in ["a --with divide", "a --with by b", "a --with add b --with-filter (", "a --with-filter x:1"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
