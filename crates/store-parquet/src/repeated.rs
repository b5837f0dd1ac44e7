//! Bytes of which many are equal, such as bodies that are served to many, each held once while they wait for more.

use std::sync::Arc;

use arachne_model::table::Table;
use arrow::array::{
    Array as _, ArrayBuilder as _, ArrayRef, AsArray as _, BinaryBuilder, DictionaryArray, Int32Builder, RecordBatch,
};
use arrow::compute::take;
use arrow::datatypes::{Field, Int32Type};
use arrow::error::ArrowError;

use crate::columns;

/// Rows of [`columns::Columns::repeating`] in the schema of their table: each has its own bytes.
///
/// # Errors
/// When there are more than 2 GiB.
pub(crate) fn plain(table: &'static Table, rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let plain = |(array, field): (&ArrayRef, &Arc<Field>)| match array.as_dictionary_opt::<Int32Type>() {
        Some(repeated) if array.data_type() != field.data_type() => take(repeated.values(), repeated.keys(), None),
        _ => Ok(Arc::clone(array)),
    };
    let schema = columns::schema(table);
    let columns = rows.columns().iter().zip(schema.fields()).map(plain).collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}

/// Bytes of which many are equal: each has one place, by its ends and length, which the next one there takes. Who chooses
/// them can make them be held twice, and no more.
pub(crate) struct Repeated {
    values: BinaryBuilder,
    keys: Int32Builder,
    places: Vec<Option<i32>>,
}

/// Bytes that are known again; a power of two.
const REPEATED: usize = 4096;

impl Default for Repeated {
    fn default() -> Self {
        Self { values: BinaryBuilder::new(), keys: Int32Builder::new(), places: vec![None; REPEATED] }
    }
}

impl Repeated {
    /// Adds a value.
    pub fn push(&mut self, bytes: &[u8]) {
        let place = &mut self.places[place(bytes)];
        let known = place.filter(|key| value_of(&self.values, *key) == Some(bytes));
        let key = known.unwrap_or_else(|| {
            let key = i32::try_from(self.values.len()).expect("values are far fewer than 2^31, each takes memory");
            self.values.append_value(bytes);
            key
        });
        *place = Some(key);
        self.keys.append_value(key);
    }

    /// All values, in the order in which they came: a dictionary.
    pub fn finish(&mut self) -> ArrayRef {
        let Self { mut values, mut keys, .. } = std::mem::take(self);
        let array = DictionaryArray::<Int32Type>::try_new(keys.finish(), Arc::new(values.finish()));
        Arc::new(array.expect("a key is the place of a value"))
    }
}

fn value_of(values: &BinaryBuilder, key: i32) -> Option<&[u8]> {
    let (key, offsets) = (usize::try_from(key).ok()?, values.offsets_slice());
    let end = offsets.get(key + 1).map_or(values.values_slice().len(), |end| usize::try_from(*end).unwrap_or(0));
    values.values_slice().get(usize::try_from(*offsets.get(key)?).ok()?..end)
}

fn place(bytes: &[u8]) -> usize {
    arachne_model::place(bytes) as usize % REPEATED
}

#[cfg(test)]
mod tests {
    use arachne_model::table::{BodyRow, Row as _};
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::Int32Type;

    use super::{REPEATED, plain};
    use crate::columns::{self, Columns};

    #[test]
    fn rows_come_back_as_they_went_in() {
        let body = |bytes: Vec<u8>| BodyRow { bytes, ..BodyRow::default() };
        let alike = |middle: u8| [vec![1; 100], vec![middle; 8], vec![1; 20]].concat();
        let rows: Vec<_> = (0..3 * REPEATED).map(|n| body(format!("body {}", n % 7).into_bytes())).collect();
        let odd = [vec![], alike(2), alike(3), alike(2), vec![0], vec![]].map(body);
        let rows = [&rows[..], &odd[..]].concat();
        let mut columns = Columns::repeating(BodyRow::TABLE);
        for _ in 0..2 {
            columns.append::<BodyRow>(&rows);
            let held = columns.finish();
            let bytes = BodyRow::TABLE.column("body.bytes").expect("a column of the table");
            let distinct = held.column(bytes).as_dictionary::<Int32Type>().values().len();
            assert!((11..=14).contains(&distinct), "{distinct} of {}", rows.len());
            let plain = plain(BodyRow::TABLE, held).expect("it is small");
            assert_eq!(plain, columns::batch(&rows.iter().collect::<Vec<_>>()));
        }
    }
}
