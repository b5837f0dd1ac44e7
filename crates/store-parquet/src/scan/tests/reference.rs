//! What requests mean, as plain loops over the functions for a single row.

use arachne_model::table::{ExchangeRow, Row as _};
use arachne_store::{Cursor, ListRequest, Order, Page, Scalar, Selection};

use super::data::TABLE;

/// The rows of a selection.
pub(super) fn selected<'r>(rows: &'r [ExchangeRow], selection: &Selection) -> Vec<&'r ExchangeRow> {
    rows.iter().filter(|row| selection.selects(*row)).collect()
}

fn key(row: &ExchangeRow) -> Vec<Scalar> {
    TABLE.order.iter().map(|column| row.value(*column).into()).collect()
}

pub(super) fn list(rows: &[ExchangeRow], request: &ListRequest) -> Page {
    let Order { by, descending } = request.order;
    let rank = |row: &ExchangeRow| (by.of(row), key(row));
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
    let next = found.last().filter(|_| more).map(|row| Cursor { number: by.of(*row), key: key(row) });
    let values = |row: &ExchangeRow| request.columns.iter().map(|column| row.value(*column).into()).collect();
    Page { rows: found.into_iter().map(values).collect(), next, ..Page::default() }
}
