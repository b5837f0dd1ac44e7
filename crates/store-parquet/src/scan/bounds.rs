//! What the bounds of columns say about a leaf: that all rows pass, that none does, or nothing.

use arachne_filter::{Computed, Test, TextTest};
use arachne_model::table::Table;

use super::node::{Leaf, Overlap, Subject};

/// Smallest and largest value of a column in some rows, where known; they may lie further out than any value.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    /// Of all values that are not null.
    pub(super) range: Option<Span>,
    /// How many are null.
    pub(super) nulls: Nulls,
}

/// From the smallest to the largest value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// Of a column of integers.
    Int(i64, i64),
    /// Of a column of flags.
    Flag(bool, bool),
    /// Of a column of text: bytes, maybe cut (the last one upwards).
    Text(Box<[u8]>, Box<[u8]>),
}

/// How many values are null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Nulls {
    /// None.
    None,
    /// All.
    All,
    /// Not known, or some.
    #[default]
    Maybe,
}

impl Bounds {
    /// Integers without nulls.
    pub(super) const fn integers(from: i64, to: i64, nulls: Nulls) -> Self {
        Self { range: Some(Span::Int(from, to)), nulls }
    }

    const fn span(&self) -> Option<(i64, i64)> {
        match self.range {
            Some(Span::Int(from, to)) => Some((from, to)),
            _ => None,
        }
    }
}

/// What the columns' bounds say about a leaf in all rows; `None` when they do not say it.
pub(super) fn verdict(table: &Table, leaf: &Leaf, bounds: &dyn Fn(usize) -> Bounds) -> Option<bool> {
    match &leaf.subject {
        Subject::Column(column) => tested(&leaf.test, &bounds(*column)),
        Subject::Header(column, _) => (bounds(*column).nulls == Nulls::All).then_some(false),
        Subject::Computed(Computed::Duration) => {
            let end = table.end.map_or_else(Bounds::default, bounds);
            tested(&leaf.test, &between(&bounds(table.start), &end))
        }
        Subject::Computed(Computed::Wait) => {
            let named = |name: &str| table.column(name).map_or_else(Bounds::default, bounds);
            tested(&leaf.test, &between(&named("request.end"), &named("response.start")))
        }
        Subject::Computed(Computed::Class(_)) => None,
        Subject::Overlap(overlap) => overlaps(*overlap, &bounds(table.start), &bounds(table.end?)),
    }
}

fn tested(test: &Test, bounds: &Bounds) -> Option<bool> {
    if bounds.nulls == Nulls::All {
        return Some(false);
    }
    let whole = bounds.nulls == Nulls::None;
    match (test, &bounds.range) {
        (Test::Exists, _) => whole.then_some(true),
        (Test::Int(ranges), Some(Span::Int(low, high))) => {
            if ranges.iter().all(|range| range.to < *low || *high < range.from) {
                return Some(false);
            }
            (whole && ranges.iter().any(|range| range.from <= *low && *high <= range.to)).then_some(true)
        }
        (Test::Flag(wanted), Some(Span::Flag(low, high))) if low == high => {
            if low == wanted {
                whole.then_some(true)
            } else {
                Some(false)
            }
        }
        (Test::Text(TextTest::OneOf(texts)), Some(Span::Text(low, high))) => {
            let outside = |text: &String| text.as_bytes() < &**low || &**high < text.as_bytes();
            texts.iter().all(outside).then_some(false)
        }
        _ => None,
    }
}

/// Bounds of `to - from`, never negative.
pub(super) fn between(from: &Bounds, to: &Bounds) -> Bounds {
    let nulls = match (from.nulls, to.nulls) {
        (Nulls::All, _) | (_, Nulls::All) => Nulls::All,
        (Nulls::None, Nulls::None) => Nulls::None,
        _ => Nulls::Maybe,
    };
    let range = from.span().zip(to.span()).map(|((from_low, from_high), (to_low, to_high))| {
        Span::Int(to_low.saturating_sub(from_high).max(0), to_high.saturating_sub(from_low).max(0))
    });
    Bounds { range, nulls }
}

/// See [`Overlap::meets`]: false when even the longest item misses the range, true when even the shortest meets it.
fn overlaps(overlap: Overlap, start: &Bounds, end: &Bounds) -> Option<bool> {
    let (start_low, start_high) = start.span()?;
    let ends = match (end.nulls, end.span()) {
        (Nulls::All, _) => Some((overlap.now, overlap.now)),
        (Nulls::None, span) => span,
        (Nulls::Maybe, span) => span.map(|(low, high)| (low.min(overlap.now), high.max(overlap.now))),
    };
    let (end_low, end_high) = ends.unwrap_or((i64::MIN, i64::MAX));
    let (from, to) = (overlap.range.from, overlap.range.to);
    if start_low >= to || (end_high <= from && start_high < from) {
        return Some(false);
    }
    (start_high < to && (end_low > from || start_low >= from)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arachne_store::TimeRange;

    #[test]
    fn overlap_is_known_at_its_edges() {
        let overlap = Overlap { range: TimeRange { from: 10, to: 20 }, now: 100 };
        let say = |start: (i64, i64), end: (i64, i64), nulls| {
            let start = Bounds::integers(start.0, start.1, Nulls::None);
            overlaps(overlap, &start, &Bounds::integers(end.0, end.1, nulls))
        };
        assert_eq!(say((0, 5), (1, 9), Nulls::None), Some(false));
        assert_eq!(say((0, 5), (1, 10), Nulls::None), Some(false), "an end is not inside");
        assert_eq!(say((0, 10), (1, 10), Nulls::None), None, "an item without length at 10 is");
        assert_eq!(say((0, 5), (1, 9), Nulls::Maybe), None, "an open one lasts until now");
        assert_eq!(say((20, 25), (21, 30), Nulls::None), Some(false));
        assert_eq!(say((10, 19), (10, 30), Nulls::None), Some(true));
        assert_eq!(say((0, 19), (11, 30), Nulls::None), Some(true));
        assert_eq!(say((0, 19), (10, 30), Nulls::None), None);
    }

    #[test]
    fn a_text_outside_the_bounds_is_nowhere() {
        let bounds =
            Bounds { range: Some(Span::Text(b"b".as_slice().into(), b"d".as_slice().into())), nulls: Nulls::None };
        let one_of = |text: &str| tested(&Test::Text(TextTest::OneOf(vec![text.to_owned()])), &bounds);
        assert_eq!([one_of("a"), one_of("b"), one_of("c"), one_of("da")], [Some(false), None, None, Some(false)]);
    }
}
