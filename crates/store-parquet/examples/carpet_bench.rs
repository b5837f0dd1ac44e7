//! The overview's questions with a clock, over a store full of points: `make bench-carpet`.
//!
//! ```text
//! carpet_bench fill DATA HOURS SERIES WIDTH   points of SERIES series over HOURS, one each WIDTH seconds, into the folder DATA
//! carpet_bench ask DATA HOURS STEP RUNS       asks 40 panels in one batch, by steps of STEP seconds: RUNS times of a store that was just
//!                                             opened, then as often again, then as often over a range that moves on by a step
//! ```
//!
//! A quarter of the series are histograms. Answers are a line of a table on standard output.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use arachne_aggregate::histogram::Histogram;
use arachne_model::table::PointRow;
use arachne_query::{Aggregate, Panel, PanelAnswer, Queries, SeriesQuery, Span, When};
use arachne_store::{ImportName, ImportStart, Rows, Store as _, Unwatched};
use arachne_store_parquet::{EmbeddedStore, Settings};

/// As the program has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

const SECOND: i64 = 1_000_000_000;
/// Where the range ends: 2026-11-22T10:00:00Z.
const END: i64 = 1_795_341_600 * SECOND;
const PANELS: u64 = 40;
/// Rows that are handed over at once.
const CHUNK: usize = 16_384;
const USAGE: &str = "usage: carpet_bench fill DATA HOURS SERIES WIDTH | ask DATA HOURS STEP RUNS";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, data, hours, a, b] = arguments.as_slice() else { return Err(USAGE.into()) };
    let hours: i64 = hours.parse()?;
    let line = match command.as_str() {
        "fill" => fill(data, hours, a.parse()?, b.parse()?)?,
        "ask" => ask(data, hours, a.parse()?, b.parse()?)?,
        _ => return Err(USAGE.into()),
    };
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// Four kinds of panels.
fn kind(panel: u64) -> &'static str {
    ["counter", "gauge", "histogram", "counter"][(panel % 4) as usize]
}

/// The point of a series at an instant: numbers that look alike and differ.
fn point(series: u64, start: i64, width: i64) -> PointRow {
    let panel = series % PANELS;
    let mixed = (series ^ (start.unsigned_abs() / 7)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let value = mixed.cast_signed();
    let mut row = PointRow {
        start,
        width: width * SECOND,
        agent: format!("web-{}", series / PANELS % 4),
        name: format!("carpet.{panel:02}"),
        kind: kind(panel).to_owned(),
        unit: "ns".to_owned(),
        labels: format!("class: {}\ntemplate: /page/{{id}}/{}\n", series / PANELS % 5, series / PANELS),
        count: 10,
        sum: value,
        ..PointRow::default()
    };
    match row.kind.as_str() {
        "gauge" => (row.min, row.max, row.last) = (Some(value), Some(value), Some(value)),
        "histogram" => {
            let mut histogram = Histogram::default();
            (0..10).for_each(|n| histogram.record((mixed >> n) * 1000 + 1));
            row.sketch = histogram.to_bytes();
        }
        _ => {}
    }
    row
}

fn fill(data: &str, hours: i64, series: u64, width: i64) -> Result<String, Failure> {
    let store = EmbeddedStore::open(Path::new(data), Settings { background: false, ..Settings::default() })?;
    let began = Instant::now();
    let text = |text: &str| text.to_owned();
    let name = ImportName { source: text("carpet"), options: text("bench"), label: text("bench") };
    let ImportStart::Wanted(mut import) = store.import(&name, false)? else {
        return Err("it is filled already".into());
    };
    let mut points = Vec::with_capacity(CHUNK);
    let windows = hours * 3600 / width;
    for window in 0..windows {
        for series in 0..series {
            points.push(point(series, END - (windows - window) * width * SECOND, width));
            if points.len() == CHUNK {
                import.push(Rows {
                    points: std::mem::replace(&mut points, Vec::with_capacity(CHUNK)),
                    ..Rows::default()
                })?;
            }
        }
    }
    import.push(Rows { points, ..Rows::default() })?;
    import.finish()?;
    let imported = began.elapsed();
    store.roll_up()?;
    let rolled = began.elapsed() - imported;
    store.merge()?;
    let facts = store.facts();
    let bytes: Vec<String> =
        facts.tables.iter().filter(|t| t.rows > 0).map(|t| format!("{} rows {} B", t.rows, t.bytes)).collect();
    let (imported, rolled) = (imported.as_secs_f64(), rolled.as_secs_f64());
    Ok(format!("import {imported:.1} s, roll-up {rolled:.1} s, points | minutes | hours: {}", bytes.join(" | ")))
}

/// The panels of an overview that ends then.
fn panels(hours: i64, step: i64, end: i64) -> Vec<Panel> {
    let panel = |panel: u64| {
        let aggregate = match kind(panel) {
            "gauge" => Aggregate::Level,
            "histogram" => Aggregate::Quantile(0.95),
            _ => Aggregate::Rate,
        };
        Panel::Series(SeriesQuery {
            metric: format!("carpet.{panel:02}"),
            aggregate: Some(aggregate),
            from: Some(When::At(end - hours * 3600 * SECOND)),
            to: Some(When::At(end)),
            step: Some(Span(step * SECOND)),
            by: if panel % 8 < 4 { vec!["class".to_owned()] } else { Vec::new() },
            ..SeriesQuery::default()
        })
    };
    (0..PANELS).map(panel).collect()
}

fn ask(data: &str, hours: i64, step: i64, runs: usize) -> Result<String, Failure> {
    let opened = || EmbeddedStore::open(Path::new(data), Settings { background: false, ..Settings::default() });
    let mut told = Vec::new();
    for kind in ["first", "again", "moving on"] {
        let (mut store, mut times, mut rows) = (opened()?, Vec::new(), 0);
        once(&store, hours, step, END)?;
        for run in (0..runs as i64).rev() {
            if kind == "first" {
                drop(store);
                store = opened()?;
            }
            let end = if kind == "moving on" { END - run * step * SECOND } else { END };
            let began = Instant::now();
            rows = once(&store, hours, step, end)?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let (median, worst) = (times.get(times.len() / 2), times.last());
        let (median, worst) = median.zip(worst).ok_or("RUNS is at least 1")?;
        told.push(format!("{kind} median {median:.0} ms, worst {worst:.0} ms, {rows} rows"));
    }
    Ok(format!("{hours} h by {step} s: {}", told.join("; ")))
}

/// Asks all panels; gives the rows that were looked at.
fn once(store: &EmbeddedStore, hours: i64, step: i64, end: i64) -> Result<u64, Failure> {
    let panels = panels(hours, step, end);
    let (mut answered, mut rows, mut failed) = (0, 0, None);
    Queries::new(store, end, &Unwatched).batch(&panels, &mut |_, answer| match answer {
        Ok(PanelAnswer::Series(answer)) => {
            answered += usize::from(!answer.series.is_empty());
            rows += answer.scanned.rows;
        }
        Ok(_) => {}
        Err(error) => failed = Some(error),
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None if answered == panels.len() => Ok(rows),
        None => Err(format!("{answered} of {} panels have series", panels.len()).into()),
    }
}
