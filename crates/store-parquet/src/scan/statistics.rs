//! Bounds of columns from what a Parquet file says of its row groups and pages.

use std::ops::Range;

use parquet::data_type::ByteArray;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;

use super::bounds::{Bounds, Nulls, Span, verdict};
use super::node::{Leaf, Node};
use crate::part::Readable;

/// Bounds of a column of the table in a row group.
pub(super) fn group_bounds(part: &Readable<'_>, group: usize, column: usize) -> Bounds {
    if corrected(part, column) {
        return Bounds::default();
    }
    let meta = part.metadata.metadata().row_group(group);
    part.leaf(column).map_or_else(Bounds::default, |leaf| chunk_bounds(meta, leaf))
}

/// Whether the file's flags are not what counts any more.
fn corrected(part: &Readable<'_>, column: usize) -> bool {
    part.part.is_corrected() && part.part.table.column("counted") == Some(column)
}

fn chunk_bounds(group: &RowGroupMetaData, leaf: usize) -> Bounds {
    let Some(statistics) = group.column(leaf).statistics() else { return Bounds::default() };
    let rows = u64::try_from(group.num_rows()).unwrap_or(u64::MAX);
    let nulls = match statistics.null_count_opt() {
        Some(0) => Nulls::None,
        Some(nulls) if nulls == rows => Nulls::All,
        _ => Nulls::Maybe,
    };
    let text = |bytes: &ByteArray| Box::from(bytes.data());
    let range = match statistics {
        Statistics::Int64(s) => s.min_opt().zip(s.max_opt()).map(|(low, high)| Span::Int(*low, *high)),
        Statistics::Boolean(s) => s.min_opt().zip(s.max_opt()).map(|(low, high)| Span::Flag(*low, *high)),
        Statistics::ByteArray(s) => s.min_opt().zip(s.max_opt()).map(|(low, high)| Span::Text(text(low), text(high))),
        _ => None,
    };
    Bounds { range, nulls }
}

/// The pages of a column: their rows in the row group, and their bounds. Empty when the file does not say.
pub(super) fn pages(part: &Readable<'_>, group: usize, column: usize) -> Vec<(Range<usize>, Bounds)> {
    let metadata = part.metadata.metadata();
    let (Some(leaf), false) = (part.leaf(column), corrected(part, column)) else { return Vec::new() };
    let offsets = metadata.offset_index().and_then(|index| index.get(group)?.get(leaf));
    let index = metadata.column_index().and_then(|index| index.get(group)?.get(leaf));
    let (Some(offsets), Some(index)) = (offsets, index) else { return Vec::new() };
    let rows = usize::try_from(metadata.row_group(group).num_rows()).unwrap_or_default();
    let place = |row: i64| usize::try_from(row).unwrap_or_default().min(rows);
    let firsts: Vec<usize> = offsets.page_locations().iter().map(|page| place(page.first_row_index)).collect();
    let ends = firsts.iter().skip(1).copied().chain([rows]);
    let ranges = firsts.iter().zip(ends).map(|(from, to)| *from..to.max(*from));
    ranges.enumerate().map(|(page, rows)| (rows, page_bounds(index, page))).collect()
}

fn page_bounds(index: &ColumnIndexMetaData, page: usize) -> Bounds {
    if matches!(index, ColumnIndexMetaData::NONE) || page as u64 >= index.num_pages() {
        return Bounds::default();
    }
    let nulls = match index.null_count(page) {
        _ if index.is_null_page(page) => Nulls::All,
        Some(0) => Nulls::None,
        _ => Nulls::Maybe,
    };
    let range = match index {
        ColumnIndexMetaData::INT64(i) => i.min_value(page).zip(i.max_value(page)).map(|(l, h)| Span::Int(*l, *h)),
        ColumnIndexMetaData::BOOLEAN(i) => i.min_value(page).zip(i.max_value(page)).map(|(l, h)| Span::Flag(*l, *h)),
        ColumnIndexMetaData::BYTE_ARRAY(i) => {
            i.min_value(page).zip(i.max_value(page)).map(|(l, h)| Span::Text(l.into(), h.into()))
        }
        _ => None,
    };
    Bounds { range, nulls }
}

/// The rows of `window` in a row group that may pass, as ranges, by the bounds of pages.
pub(super) fn open_rows(part: &Readable<'_>, group: usize, node: &Node, window: Range<usize>) -> Vec<Range<usize>> {
    let mut open = vec![window];
    for conjunct in node.conjuncts() {
        if let Node::Leaf(leaf) = conjunct {
            for column in leaf.subject.columns(part.part.table) {
                close_pages(part, group, leaf, column, &mut open);
            }
        }
    }
    open
}

fn close_pages(part: &Readable<'_>, group: usize, leaf: &Leaf, column: usize, open: &mut Vec<Range<usize>>) {
    let table = part.part.table;
    for (rows, page) in pages(part, group, column) {
        let bounds = |asked: usize| if asked == column { page.clone() } else { group_bounds(part, group, asked) };
        if !rows.is_empty() && verdict(table, leaf, &bounds) == Some(false) {
            close(open, &rows);
        }
    }
}

/// Takes `rows` out of `open`.
fn close(open: &mut Vec<Range<usize>>, rows: &Range<usize>) {
    let cut = |range: &Range<usize>| [range.start..range.end.min(rows.start), range.start.max(rows.end)..range.end];
    *open = open.iter().flat_map(cut).filter(|range| !range.is_empty()).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_taken_out() {
        let after = |rows: Range<usize>| {
            let mut open = vec![0..10, 20..30];
            close(&mut open, &rows);
            open
        };
        assert_eq!(after(5..25), [0..5, 25..30]);
        assert_eq!(after(2..4), [0..2, 4..10, 20..30]);
        assert_eq!(after(10..20), [0..10, 20..30]);
        assert!(after(0..30).is_empty());
    }
}
