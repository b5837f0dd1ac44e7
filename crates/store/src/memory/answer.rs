//! Lists and groups by plain loops.

use std::collections::BTreeMap;

use arachne_aggregate::histogram::Histogram;
use arachne_filter::Outcome;
use arachne_model::table::{Row, Value};

use super::tables::Kept;
use crate::evaluate::{outcome, times};
use crate::request::Selection;
use crate::request::{
    Cursor, Group, GroupRequest, Groups, ListRequest, Means, Measure, Measured, Page, Scalar, Scanned,
};
use crate::store::{StoreError, Watch};

/// Rows between two calls of [`Watch::progress`].
const WATCHED: usize = 1024;

/// The rows that are selected.
fn selected<'a, R: Row>(
    table: &'a [Kept<R>],
    selection: &Selection,
    watch: &dyn Watch,
) -> Result<(Vec<&'a R>, Scanned), StoreError> {
    let total = table.len() as u64;
    let mut rows = Vec::new();
    for (chunk, kept) in table.chunks(WATCHED).enumerate() {
        if watch.progress((chunk * WATCHED) as u64, total).is_break() {
            return Err(StoreError::Stopped);
        }
        rows.extend(kept.iter().map(|kept| &kept.row).filter(|row| selection.selects(*row)));
    }
    if watch.progress(total, total).is_break() {
        return Err(StoreError::Stopped);
    }
    Ok((rows, Scanned { rows: total, ..Scanned::default() }))
}

pub fn list<R: Row>(table: &[Kept<R>], request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
    let (rows, scanned) = selected(table, &request.selection, watch)?;
    let cursor = |row: &R| Cursor {
        number: request.order.by.of(row),
        key: R::TABLE.order.iter().map(|&column| row.value(column).into()).collect(),
    };
    let mut placed: Vec<(Cursor, &R)> = rows.into_iter().map(|row| (cursor(row), row)).collect();
    let place = |cursor: &Cursor| (cursor.number, cursor.key.clone());
    placed.sort_by_cached_key(|(cursor, _)| place(cursor));
    if request.order.descending {
        placed.reverse();
    }
    if let Some(after) = &request.after {
        let behind = |cursor: &Cursor| match request.order.descending {
            true => place(cursor) < place(after),
            false => place(cursor) > place(after),
        };
        placed.retain(|(cursor, _)| behind(cursor));
    }
    let more = placed.len() > request.limit;
    placed.truncate(request.limit);
    let next = placed.last().filter(|_| more).map(|(cursor, _)| cursor.clone());
    let wanted = |row: &R| request.columns.iter().map(|&column| row.value(column).into()).collect();
    Ok(Page { rows: placed.iter().map(|(_, row)| wanted(row)).collect(), next, scanned })
}

pub fn group<R: Row>(table: &[Kept<R>], request: &GroupRequest, watch: &dyn Watch) -> Result<Groups, StoreError> {
    let (rows, scanned) = selected(table, &request.selection, watch)?;
    let empty = || request.measures.iter().copied().map(nothing).collect::<Vec<_>>();
    let mut groups: BTreeMap<Vec<Scalar>, Vec<Running>> = BTreeMap::new();
    let mut rest: Option<Vec<Running>> = None;
    if request.keys.is_empty() && request.groups_max > 0 {
        groups.insert(Vec::new(), empty());
    }
    for row in rows {
        let key: Vec<Scalar> = request.keys.iter().map(|key| key.of(row, &request.selection)).collect();
        let room = groups.len() < request.groups_max;
        let measured = match groups.get_mut(&key) {
            Some(measured) => measured,
            None if room => groups.entry(key).or_insert_with(empty),
            None => rest.get_or_insert_with(empty),
        };
        for (measure, measured) in request.measures.iter().zip(measured) {
            add(*measure, measured, row);
        }
    }
    let done = |running: Vec<Running>| running.into_iter().map(Running::done).collect();
    let series = |running: &Vec<Running>| running.iter().map(|running| running.series.len()).max().unwrap_or(0);
    if request.whole && groups.values().map(series).sum::<usize>() > request.groups_max {
        rest.get_or_insert_with(empty);
    }
    if request.whole && rest.is_some() {
        groups.clear();
    }
    let groups = groups.into_iter().map(|(key, measures)| Group { key, measures: done(measures) }).collect();
    Ok(Groups { groups, rest: rest.map(done), scanned })
}

/// A measured value under way.
struct Running {
    measured: Measured,
    /// The start and number of the newest row, where that is what is measured.
    newest: Option<(i64, i64)>,
    /// Sum and count of each series, where these are.
    series: BTreeMap<[Scalar; 2], (i128, i128)>,
}

impl Running {
    fn done(self) -> Measured {
        let mean = |(sum, count): &(i128, i128)| (*count > 0).then(|| *sum as f64 / *count as f64);
        match self.measured {
            Measured::Mean(_) => Measured::Mean(self.series.values().filter_map(mean).reduce(|all, mean| all + mean)),
            measured => measured,
        }
    }
}

/// The measured value of no rows.
fn nothing(measure: Measure) -> Running {
    let measured = match measure {
        Measure::Count => Measured::Int(0),
        Measure::Sum(_) => Measured::Sum(0),
        Measure::Outcomes => Measured::Outcomes([0; Outcome::COUNT]),
        Measure::Min(_) | Measure::Max(_) | Measure::Last(_) => Measured::Extreme(None),
        Measure::Sketch(_) => Measured::Sketch(Box::default()),
        Measure::Histogram(_) => Measured::Histogram(Box::new(Histogram::new())),
        Measure::Means(_) => Measured::Mean(None),
    };
    Running { measured, newest: None, series: BTreeMap::new() }
}

fn add<R: Row>(measure: Measure, running: &mut Running, row: &R) {
    let Running { measured, newest, series } = running;
    let of = match measure {
        Measure::Count | Measure::Outcomes => Some(1),
        Measure::Sum(number)
        | Measure::Min(number)
        | Measure::Max(number)
        | Measure::Last(number)
        | Measure::Histogram(number) => number.of(row),
        Measure::Sketch(column) => {
            if let (Measured::Sketch(sketch), Value::Bytes(bytes)) = (measured, row.value(column)) {
                sketch.add(bytes);
            }
            return;
        }
        Measure::Means(Means { sum, count, of }) => {
            let number = |column| if let Value::Int(number) = row.value(column) { i128::from(number) } else { 0 };
            let (sums, counts) = series.entry(of.map(|column| row.value(column).into())).or_default();
            (*sums, *counts) = (*sums + number(sum), *counts + number(count));
            return;
        }
    };
    let Some(number) = of else { return };
    match (measure, measured) {
        (Measure::Last(_), Measured::Extreme(extreme)) => {
            *newest = (*newest).max(Some((times(row).0, number)));
            *extreme = newest.map(|(_, number)| number);
        }
        (Measure::Min(_), Measured::Extreme(extreme)) => *extreme = Some(extreme.map_or(number, |e| e.min(number))),
        (_, Measured::Extreme(extreme)) => *extreme = Some(extreme.map_or(number, |e| e.max(number))),
        (_, Measured::Outcomes(counts)) => counts[outcome(row) as usize] += 1,
        (_, Measured::Int(count)) => *count = count.saturating_add(number),
        (_, Measured::Sum(sum)) => *sum = sum.saturating_add(number.into()),
        (_, Measured::Histogram(histogram)) => histogram.record(u64::try_from(number).unwrap_or(0)),
        (_, Measured::Sketch(_) | Measured::Mean(_)) => {}
    }
}
