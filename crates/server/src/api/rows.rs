//! Rows as typed structs, straight from the store, page by page.

use std::ops::ControlFlow;
use std::sync::Arc;

use arachne_filter::{Field, Predicate, Test, TextTest};
use arachne_model::table::{PacketRow, Row, Table};
use arachne_query::Scope;
use arachne_store::{Cursor, ListRequest, Number, Order, Scalar, Selection, TimeRange};

use crate::app::App;
use crate::problem::Problem;
use crate::running::Work;
use crate::work::queries;

/// The rows of `table`, twins included, whose `column` is `value`.
pub(crate) fn exactly(app: &App, watch: &Work, table: &Table, column: &str, value: &str) -> Result<Selection, Problem> {
    selected(app, watch, &scope(table, column, value))
}

fn scope(table: &Table, column: &str, value: &str) -> Scope {
    let field = Field::Column(table.column(column).unwrap_or_default());
    let predicate = Predicate::Is(field, Test::Text(TextTest::OneOf(vec![value.to_owned()])));
    Scope { table: table.name.to_owned(), twins: true, predicate: Some(Arc::new(predicate)), ..Scope::default() }
}

/// The rows of a scope at any time.
fn selected(app: &App, watch: &Work, scope: &Scope) -> Result<Selection, Problem> {
    let selection = queries(app, watch).selection(scope)?;
    Ok(Selection { range: TimeRange::ALL, ..selection })
}

/// Rows of a page: few where one may have a megabyte.
fn page_rows(table: &Table) -> usize {
    match table.name {
        "bodies" => 2,
        "packets" => 256,
        _ => 1000,
    }
}

/// Gives the values of `columns` of all rows, from the oldest on, at most `limit`.
pub(crate) fn each(
    app: &App,
    watch: &Work,
    selection: &Selection,
    columns: &[usize],
    limit: u64,
    mut give: impl FnMut(Vec<Scalar>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let go_on = |values| give(values).map(ControlFlow::Continue);
    until(app, watch, selection, columns, limit, go_on).map(|_: ControlFlow<()>| ())
}

/// As [`each`], until `give` has enough; whether it had.
fn until(
    app: &App,
    watch: &Work,
    selection: &Selection,
    columns: &[usize],
    limit: u64,
    mut give: impl FnMut(Vec<Scalar>) -> Result<ControlFlow<()>, Problem>,
) -> Result<ControlFlow<()>, Problem> {
    let table = selection.table;
    let order = Order { by: Number::Column(table.start), descending: false };
    let mut left = limit;
    let mut after: Option<Cursor> = None;
    while left > 0 {
        let request = ListRequest {
            selection: selection.clone(),
            order,
            after: after.take(),
            limit: page_rows(table).min(usize::try_from(left).unwrap_or(usize::MAX)),
            columns: columns.to_vec(),
        };
        let page = app.parts.store.list(&request, watch)?;
        left = left.saturating_sub(page.rows.len() as u64);
        for values in page.rows {
            if give(values)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn all_columns<R: Row>() -> Vec<usize> {
    (0..R::TABLE.columns.len()).collect()
}

fn row<R: Row>(values: &[Scalar]) -> R {
    let mut row = R::default();
    for (column, value) in values.iter().enumerate() {
        // A value that does not fit stays the default: the store checked its columns when it opened.
        row.set(column, value.as_value());
    }
    row
}

/// Gives all rows as structs, from the oldest on, at most `limit`.
pub(crate) fn each_row<R: Row>(
    app: &App,
    watch: &Work,
    selection: &Selection,
    limit: u64,
    mut give: impl FnMut(R) -> Result<(), Problem>,
) -> Result<(), Problem> {
    each(app, watch, selection, &all_columns::<R>(), limit, |values| give(row(&values)))
}

/// Gives all rows as structs, from the oldest on, until `give` has enough; whether it had.
pub(crate) fn each_row_until<R: Row>(
    app: &App,
    watch: &Work,
    selection: &Selection,
    mut give: impl FnMut(R) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Problem> {
    until(app, watch, selection, &all_columns::<R>(), u64::MAX, |values| Ok(give(row(&values))))
}

/// The rows whose `column` is `value`, at most `limit`.
pub(crate) fn with<R: Row>(app: &App, watch: &Work, column: &str, value: &str, limit: u64) -> Result<Vec<R>, Problem> {
    collected(app, watch, &exactly(app, watch, R::TABLE, column, value)?, limit)
}

fn collected<R: Row>(app: &App, watch: &Work, selection: &Selection, limit: u64) -> Result<Vec<R>, Problem> {
    let mut rows = Vec::new();
    each_row(app, watch, selection, limit, |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// The frame of a session with this number in the source.
pub(crate) fn frame(app: &App, watch: &Work, session: &str, number: u64) -> Result<Option<PacketRow>, Problem> {
    let filter = format!("packet.number:{number}");
    let scope = Scope { filter, ..scope(PacketRow::TABLE, "tcp.session", session) };
    Ok(collected(app, watch, &selected(app, watch, &scope)?, 1)?.pop())
}
