//! What the documentation of requests says, as plain loops.

use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_store::{CountMode, ListRequest, Number, Order, Page, Scalar, Selection, Cursor};

use super::data::TABLE;

/// The rows of a selection.
pub(super) fn selected<'r>(rows: &'r [ExchangeRow], selection: &Selection) -> Vec<&'r ExchangeRow> {
    let counts = |row: &&ExchangeRow| !selection.counted_only || row.counted;
    let passing = rows.iter().filter(|row| in_range(row, selection) && selection.predicate.matches(*row));
    passing.filter(counts).collect()
}

fn in_range(row: &ExchangeRow, selection: &Selection) -> bool {
    let range = selection.range;
    let inside = |at: i64| range.from <= at && at < range.to;
    match selection.mode {
        CountMode::Start => inside(row.start),
        CountMode::End => row.end.is_some_and(inside),
        CountMode::Overlap => {
            let end = end(row, selection);
            let meets = if end == row.start { inside(row.start) } else { row.start < range.to && end > range.from };
            meets && range.from < range.to
        }
    }
}

/// Where a row ends: now while it is open, never before its start.
pub(super) fn end(row: &ExchangeRow, selection: &Selection) -> i64 {
    row.end.unwrap_or(selection.now).max(row.start)
}

pub(super) fn number(row: &ExchangeRow, number: Number) -> Option<i64> {
    let int = |value: Value<'_>| if let Value::Int(number) = value { Some(number) } else { None };
    match number {
        Number::Column(column) => int(row.value(column)),
        Number::Computed(computed) => computed.with(row, int),
    }
}

fn key(row: &ExchangeRow) -> Vec<Scalar> {
    TABLE.order.iter().map(|column| row.value(*column).into()).collect()
}

pub(super) fn list(rows: &[ExchangeRow], request: &ListRequest) -> Page {
    let Order { by, descending } = request.order;
    let rank = |row: &ExchangeRow| (number(row, by), key(row));
    let mut found = selected(rows, &request.selection);
    found.sort_by_key(|row| rank(row));
    if descending {
        found.reverse();
    }
    if let Some(after) = &request.after {
        let after = (after.number, after.key.clone());
        found.retain(|row| if descending { rank(row) < after } else { rank(row) > after });
    }
    let more = found.len() > request.limit;
    found.truncate(request.limit);
    let next = found.last().filter(|_| more).map(|row| Cursor { number: number(row, by), key: key(row) });
    let values = |row: &ExchangeRow| request.columns.iter().map(|column| row.value(*column).into()).collect();
    Page { rows: found.into_iter().map(values).collect(), next, ..Page::default() }
}
