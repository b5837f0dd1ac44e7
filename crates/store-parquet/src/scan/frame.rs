//! Some columns of some rows, and numbers computed from them.

use std::borrow::Cow;

use arachne_filter::{Class, Computed, Outcome, Thresholds};
use arachne_model::table::Table;
use arachne_store::Number;
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::Int64Type;

/// Some columns of some rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// The table.
    pub(super) table: &'static Table,
    /// Which columns `batch` has: indices of the table, ascending.
    pub(super) columns: &'a [usize],
    /// Their values.
    pub(super) batch: &'a RecordBatch,
}

/// A whole number for each row.
#[derive(Clone, Debug)]
pub(super) struct Numbers<'a> {
    /// The numbers; of no meaning where null.
    pub(super) values: Cow<'a, [i64]>,
    /// Which are null; `None` when none is.
    pub(super) nulls: Option<NullBuffer>,
}

impl Numbers<'_> {
    /// The number of a row.
    #[inline]
    pub(super) fn at(&self, row: usize) -> Option<i64> {
        self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)).then(|| self.values[row])
    }

    fn null(rows: usize) -> Self {
        Self { values: Cow::Owned(vec![0; rows]), nulls: Some(NullBuffer::new_null(rows)) }
    }
}

impl<'a> Frame<'a> {
    /// Rows.
    pub(super) fn rows(self) -> usize {
        self.batch.num_rows()
    }

    /// A column; `None` when it was not read or the table lacks it.
    pub(super) fn column(self, column: usize) -> Option<&'a ArrayRef> {
        let at = self.columns.binary_search(&column).ok()?;
        self.batch.columns().get(at)
    }

    fn named(self, name: &str) -> Option<usize> {
        self.table.column(name)
    }

    /// The numbers of a column; null in all rows when it holds none.
    pub(super) fn integers(self, column: usize) -> Numbers<'a> {
        match self.column(column).and_then(|array| array.as_primitive_opt::<Int64Type>()) {
            Some(array) => Numbers { values: Cow::Borrowed(array.values()), nulls: array.nulls().cloned() },
            None => Numbers::null(self.rows()),
        }
    }

    /// A number of each row.
    pub(super) fn numbers(self, number: Number) -> Numbers<'a> {
        let between = |from: Option<usize>, to: Option<usize>| match (from, to) {
            (Some(from), Some(to)) => difference(&self.integers(from), &self.integers(to)),
            _ => Numbers::null(self.rows()),
        };
        match number {
            Number::Column(column) => self.integers(column),
            Number::Computed(Computed::Duration) => between(Some(self.table.start), self.table.end),
            Number::Computed(Computed::Wait) => between(self.named("request.end"), self.named("response.start")),
            Number::Computed(Computed::Class(_)) => Numbers::null(self.rows()),
        }
    }

    /// The class of each row.
    pub(super) fn classes(self, thresholds: Thresholds) -> Vec<Class> {
        let [status, start, end, open] = Class::columns();
        let (status, start, end) = (self.integers(status), self.integers(start), self.integers(end));
        let open = self.column(open).and_then(|array| array.as_boolean_opt());
        let open = |row| open.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        let class =
            |row| Class::of(status.at(row), start.at(row).unwrap_or_default(), end.at(row), open(row), thresholds);
        (0..self.rows()).map(class).collect()
    }

    /// What came of each row.
    pub(super) fn outcomes(self) -> Vec<Outcome> {
        let integers = |name: &str| self.named(name).map_or(Numbers::null(self.rows()), |column| self.integers(column));
        let status = integers("http.response.status_code");
        let open = self.named("provisional").and_then(|column| self.column(column));
        let open = open.and_then(|array| array.as_boolean_opt()).filter(|flags| flags.has_true());
        let open = |row| open.is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        (0..self.rows()).map(|row| Outcome::of(status.at(row), open(row))).collect()
    }
}

/// Whether two dictionaries are the same memory. Batches of a row group share theirs, in arrays of their own.
pub(super) fn same_dictionary(a: &ArrayRef, b: &ArrayRef) -> bool {
    match (a.as_string_opt::<i32>(), b.as_string_opt::<i32>()) {
        (Some(a), Some(b)) => {
            std::ptr::eq(a.value_offsets(), b.value_offsets()) && std::ptr::eq(a.value_data(), b.value_data())
        }
        _ => false,
    }
}

/// `to - from`, never negative; null where either is.
fn difference<'a>(from: &Numbers<'_>, to: &Numbers<'_>) -> Numbers<'a> {
    let values = from.values.iter().zip(to.values.iter()).map(|(from, to)| to.saturating_sub(*from).max(0)).collect();
    Numbers { values: Cow::Owned(values), nulls: NullBuffer::union(from.nulls.as_ref(), to.nulls.as_ref()) }
}
