//! Tables as Arrow: schemas, rows into columns and back.
//!
//! The kinds of a table's columns decide the types: numbers are `Int64`, flags `Boolean`, labels, words and addresses
//! `Dictionary(Int32, Utf8)`, other text `Utf8`, bytes `Binary`. Fields have the SQL names, and the column's index + 1 as
//! Parquet field id.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arachne_model::table::{Kind, Row, STORED, Table, Value};
use arrow::array::{
    Array, ArrayBuilder as _, ArrayRef, AsArray as _, BinaryBuilder, BooleanBuilder, Int64Array, Int64Builder,
    RecordBatch, StringBuilder, StringDictionaryBuilder, new_null_array,
};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, SchemaRef};

use crate::repeated::Repeated;

/// The metadata key by which Parquet gets a field's id.
const FIELD_ID: &str = "PARQUET:field_id";

static SCHEMAS: LazyLock<Vec<SchemaRef>> = LazyLock::new(|| STORED.iter().map(|table| make_schema(table)).collect());

/// The Arrow schema of a table.
#[must_use]
pub fn schema(table: &'static Table) -> SchemaRef {
    let known = STORED.iter().position(|known| std::ptr::eq(*known, table) || known.name == table.name);
    known.and_then(|index| SCHEMAS.get(index).cloned()).unwrap_or_else(|| make_schema(table))
}

fn make_schema(table: &Table) -> SchemaRef {
    let fields = table.columns.iter().enumerate().map(|(index, column)| {
        let id = HashMap::from([(FIELD_ID.to_owned(), (index + 1).to_string())]);
        Field::new(column.sql, data_type(column.kind), column.nullable).with_metadata(id)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The Arrow type of a kind.
#[must_use]
pub fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash => DataType::Int64,
        Kind::Flag => DataType::Boolean,
        Kind::Label | Kind::Words | Kind::Address | Kind::Labels => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        Kind::Text | Kind::Id | Kind::Headers => DataType::Utf8,
        Kind::Bytes => DataType::Binary,
    }
}

/// Rows as columns, in the order given. All text and bytes together must be shorter than 2 GiB in each column.
#[must_use]
pub fn batch<R: Row>(rows: &[&R]) -> RecordBatch {
    let mut columns = Columns::new(R::TABLE, rows.len());
    columns.append::<R>(rows);
    columns.finish()
}

/// Rows that are near the processor while one column after another looks at them.
const NEAR: usize = 128;

/// Columns of a table that grow by rows.
pub(crate) struct Columns {
    table: &'static Table,
    columns: Vec<Growing>,
    rows: usize,
}

/// A column that grows.
enum Growing {
    Integers(Int64Builder),
    Flags(BooleanBuilder),
    Words(StringDictionaryBuilder<Int32Type>),
    Texts(StringBuilder),
    Blobs(BinaryBuilder),
    Repeated(Repeated),
}

impl Columns {
    /// For about `rows` rows.
    pub fn new(table: &'static Table, rows: usize) -> Self {
        let columns = table.columns.iter().map(|column| Growing::new(column.kind, rows, rows * 16)).collect();
        Self { table, columns, rows: 0 }
    }

    /// As [`Self::new`]; equal bytes, such as bodies that are served to many, are held once. See [`crate::repeated::plain`].
    pub fn repeating(table: &'static Table) -> Self {
        let mut new = Self::new(table, 0);
        for (growing, column) in new.columns.iter_mut().zip(table.columns) {
            if column.kind == Kind::Bytes && !column.nullable {
                *growing = Growing::Repeated(Repeated::default());
            }
        }
        new
    }

    /// Adds rows.
    pub fn append<R: Row>(&mut self, rows: &[impl Borrow<R>]) {
        for near in rows.chunks(NEAR) {
            for (index, (growing, column)) in self.columns.iter_mut().zip(self.table.columns).enumerate() {
                growing.append(near.iter().map(|row| row.borrow().value(index)), column.nullable);
            }
        }
        self.rows += rows.len();
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// All rows, in the order in which they came. What comes next is expected to be about as large.
    pub fn finish(&mut self) -> RecordBatch {
        let columns: Vec<_> = self.columns.iter_mut().map(Growing::finish).collect();
        self.rows = 0;
        let mut fields = schema(self.table).fields().to_vec();
        for (field, array) in fields.iter_mut().zip(&columns) {
            if array.data_type() != field.data_type() {
                *field = Arc::new(field.as_ref().clone().with_data_type(array.data_type().clone()));
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .expect("each column was made by its field, a value per row")
    }
}

impl Growing {
    /// For about so many rows with so many bytes of text.
    fn new(kind: Kind, rows: usize, bytes: usize) -> Self {
        match data_type(kind) {
            DataType::Int64 => Self::Integers(Int64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Flags(BooleanBuilder::with_capacity(rows)),
            DataType::Dictionary(..) => Self::Words(StringDictionaryBuilder::with_capacity(rows, 64, 1024)),
            DataType::Utf8 => Self::Texts(StringBuilder::with_capacity(rows, bytes)),
            _ => Self::Blobs(BinaryBuilder::with_capacity(rows, bytes)),
        }
    }

    /// Adds values. What does not fit the column is its null, or its default where it has none.
    fn append<'a>(&mut self, values: impl Iterator<Item = Value<'a>>, nullable: bool) {
        match self {
            Self::Integers(builder) => values.for_each(|value| match value {
                Value::Int(number) => builder.append_value(number),
                _ => builder.append_option((!nullable).then_some(0)),
            }),
            Self::Flags(builder) => values.for_each(|value| match value {
                Value::Bool(flag) => builder.append_value(flag),
                _ => builder.append_option((!nullable).then_some(false)),
            }),
            Self::Words(builder) => append_words(builder, values.map(|value| text(value, nullable))),
            Self::Texts(builder) => values.for_each(|value| builder.append_option(text(value, nullable))),
            Self::Blobs(builder) => values.for_each(|value| match value {
                Value::Bytes(bytes) => builder.append_value(bytes),
                _ => builder.append_option((!nullable).then_some([])),
            }),
            Self::Repeated(repeated) => values.for_each(|value| match value {
                Value::Bytes(bytes) => repeated.push(bytes),
                _ => repeated.push(&[]),
            }),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        // A vector that grows is copied each time, so the next one is given the room of this one and a little more.
        let room = |used: usize| used + used / 16;
        match self {
            Self::Integers(builder) => {
                let next = Int64Builder::with_capacity(room(builder.len()));
                Arc::new(std::mem::replace(builder, next).finish())
            }
            Self::Flags(builder) => Arc::new(builder.finish()),
            Self::Words(builder) => Arc::new(builder.finish()),
            Self::Texts(builder) => {
                let next = StringBuilder::with_capacity(room(builder.len()), room(builder.values_slice().len()));
                Arc::new(std::mem::replace(builder, next).finish())
            }
            Self::Blobs(builder) => {
                let next = BinaryBuilder::with_capacity(room(builder.len()), room(builder.values_slice().len()));
                Arc::new(std::mem::replace(builder, next).finish())
            }
            Self::Repeated(repeated) => repeated.finish(),
        }
    }
}

/// The text of a value; `None` for null where null is allowed.
fn text(value: Value<'_>, nullable: bool) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ if nullable => None,
        _ => Some(""),
    }
}

/// Equal neighbours are hashed once: labels come in runs.
fn append_words<'a>(
    builder: &mut StringDictionaryBuilder<Int32Type>,
    mut values: impl Iterator<Item = Option<&'a str>>,
) {
    let mut add = |value: Option<&str>, count: usize| match value {
        Some(text) => builder.append_values(text, count),
        None => builder.append_nulls(count),
    };
    let Some(mut last) = values.next() else { return };
    let mut count = 1;
    for value in values {
        if value == last {
            count += 1;
        } else {
            add(std::mem::replace(&mut last, value), std::mem::replace(&mut count, 1));
        }
    }
    add(last, count);
}

/// The value of an array of one of the types above; null for any other type.
#[must_use]
pub fn cell(array: &dyn Array, row: usize) -> Value<'_> {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row)),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row)),
        DataType::Dictionary(..) => {
            let Some(words) = array.as_dictionary_opt::<Int32Type>() else { return Value::Null };
            let key = usize::try_from(words.keys().value(row)).unwrap_or(usize::MAX);
            words
                .values()
                .as_string_opt::<i32>()
                .filter(|w| key < w.len())
                .map_or(Value::Null, |w| Value::Text(w.value(key)))
        }
        _ => Value::Null,
    }
}

/// A row of a batch that has all columns of its table.
#[must_use]
pub fn row<R: Row>(batch: &RecordBatch, index: usize) -> R {
    let mut row = R::default();
    for (column, array) in batch.columns().iter().enumerate() {
        row.set(column, cell(array, index));
    }
    row
}

/// Brings what was read into the wanted columns of `table`, in this order. What was written before a column existed gets
/// null there, or the column's default where it is never null.
#[must_use]
pub fn adapt(table: &'static Table, read: &RecordBatch, wanted: &[usize]) -> RecordBatch {
    let schema = schema(table);
    let columns = wanted.iter().map(|&index| {
        let field = schema.field(index);
        let there = read.column_by_name(field.name()).filter(|array| array.data_type() == field.data_type());
        there.map_or_else(|| absent(field, read.num_rows()), Arc::clone)
    });
    let columns = columns.collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(read.num_rows()));
    let wanted = Arc::new(schema.project(wanted).expect("columns of the table"));
    RecordBatch::try_new_with_options(wanted, columns, &options).expect("each column has the type of its field")
}

fn absent(field: &Field, rows: usize) -> ArrayRef {
    if field.is_nullable() {
        return new_null_array(field.data_type(), rows);
    }
    match field.data_type() {
        DataType::Int64 => Arc::new(Int64Array::from_value(0, rows)),
        DataType::Boolean => Arc::new(arrow::array::BooleanArray::from(vec![false; rows])),
        DataType::Utf8 => Arc::new(arrow::array::StringArray::from_iter_values(std::iter::repeat_n("", rows))),
        DataType::Dictionary(..) => {
            let mut builder = StringDictionaryBuilder::<Int32Type>::new();
            builder.append_values("", rows);
            Arc::new(builder.finish())
        }
        _ => Arc::new(arrow::array::BinaryArray::from_iter_values(std::iter::repeat_n([], rows))),
    }
}

/// Compares two rows by the order columns of their table.
pub fn compare<R: Row>(a: &R, b: &R) -> Ordering {
    let columns = R::TABLE.order.iter();
    columns.map(|&c| compare_values(a.value(c), b.value(c))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Compares two values of one column: nulls first, text and bytes by their bytes.
pub fn compare_values(a: Value<'_>, b: Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(&b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(&b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        _ => Ordering::Greater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arachne_model::table::{BodyRow, ExchangeRow, HostRow, PacketRow, QualityRow, SessionRow};

    /// Rows with every value that a column of each kind can have.
    fn rows<R: Row>() -> Vec<R> {
        let fill = |n: i64, text: &str, bytes: &[u8]| {
            let mut row = R::default();
            for (index, column) in R::TABLE.columns.iter().enumerate() {
                let value = match data_type(column.kind) {
                    DataType::Int64 => Value::Int(n),
                    DataType::Boolean => Value::Bool(n % 2 == 1),
                    DataType::Binary => Value::Bytes(bytes),
                    _ => Value::Text(text),
                };
                row.set(index, value);
            }
            row
        };
        vec![R::default(), fill(7, "a", b"\xff"), fill(7, "a", b""), fill(8, "\u{1f577}\0\n", b"\0"), R::default()]
    }

    fn check<R: Row + PartialEq + std::fmt::Debug>() {
        let rows = rows::<R>();
        let batch = batch(&rows.iter().collect::<Vec<_>>());
        assert_eq!(batch.schema(), schema(R::TABLE));
        for (index, expected) in rows.iter().enumerate() {
            assert_eq!(row::<R>(&batch, index), *expected, "{}", R::TABLE.name);
        }
        let nothing = batch.project(&[]).expect("no column is always there");
        let all: Vec<usize> = (0..R::TABLE.columns.len()).collect();
        let adapted = adapt(R::TABLE, &nothing, &all);
        assert_eq!(row::<R>(&adapted, 1), R::default(), "what is not there has its default");
        assert_eq!(adapt(R::TABLE, &batch, &[1, 0]).column(1), batch.column(0));
    }

    #[test]
    fn rows_come_back_as_they_were() {
        check::<ExchangeRow>();
        check::<SessionRow>();
        check::<PacketRow>();
        check::<BodyRow>();
        check::<QualityRow>();
        check::<HostRow>();
    }

    #[test]
    fn order_is_that_of_the_table() {
        let at = |start, id: &str| ExchangeRow { start, id: id.to_owned(), ..ExchangeRow::default() };
        assert_eq!(compare(&at(1, "b"), &at(2, "a")), Ordering::Less);
        assert_eq!(compare(&at(1, "b"), &at(1, "a")), Ordering::Greater);
        assert_eq!(compare(&at(1, "b"), &at(1, "b")), Ordering::Equal);
        assert_eq!(compare_values(Value::Null, Value::Int(i64::MIN)), Ordering::Less);
    }
}
