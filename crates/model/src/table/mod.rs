//! The tables that are stored: their columns, and rows as typed structs.
//!
//! A column is declared once, in the struct of its row; schemas of engines, JSON, CSV, SQL names and the field catalogue
//! follow from it. A column's name is an OpenTelemetry name where there is one; its SQL name has underscores for dots.

mod exchanges;
mod facts;
mod layers;
mod rows;
mod sessions;

pub use exchanges::ExchangeRow;
pub use facts::{BodyRow, HostRow, PacketRow, QualityRow};
pub use layers::{LogRow, PointRow};
pub use rows::Rows;
pub use sessions::SessionRow;

/// What the numbers or bytes of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Nanoseconds since the Unix epoch, UTC ([`Value::Int`]).
    Instant,
    /// Nanoseconds, never negative ([`Value::Int`]).
    Duration,
    /// Bytes ([`Value::Int`]).
    Size,
    /// A count or a code ([`Value::Int`]).
    Integer,
    /// A hash: only equality means something ([`Value::Int`]).
    Hash,
    /// [`Value::Bool`].
    Flag,
    /// Text with few distinct values, stored with a dictionary ([`Value::Text`]).
    Label,
    /// Words of a small vocabulary, separated by single blanks, stored with a dictionary ([`Value::Text`]).
    Words,
    /// An IP address in its shortest text form, stored with a dictionary ([`Value::Text`]).
    Address,
    /// Text with many distinct values ([`Value::Text`]).
    Text,
    /// An id or a foreign random id: exact look-ups only ([`Value::Text`]).
    Id,
    /// Header lines, each `name: value` and a line feed, in order ([`Value::Text`]).
    Headers,
    /// Lines as those of [`Kind::Headers`] with few distinct values, stored with a dictionary ([`Value::Text`]).
    Labels,
    /// Bytes ([`Value::Bytes`]).
    Bytes,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name with dots.
    pub name: &'static str,
    /// Its name in SQL: underscores for dots.
    pub sql: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means, for people.
    pub doc: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name in SQL.
    pub name: &'static str,
    /// Version of its columns; grows when columns are added.
    pub version: u16,
    /// Its columns. Their order never changes; new ones come last.
    pub columns: &'static [Column],
    /// Rows of a part are in ascending order of these columns (indices).
    pub order: &'static [usize],
    /// The column with the instant at which a row begins.
    pub start: usize,
    /// The column with the instant at which it ends, null while it is open; `None` where rows are instants.
    pub end: Option<usize>,
    /// The column that names a row.
    pub id: Option<usize>,
    /// Columns that are looked up by equality and get a bloom filter.
    pub blooms: &'static [usize],
    /// Columns whose tokens are looked up by free text.
    pub texts: &'static [usize],
}

impl Table {
    /// The index of the column called `name`, in its dotted or its SQL form.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name || c.sql == name)
    }
}

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// Of the kinds that are numbers.
    Int(i64),
    /// Of [`Kind::Flag`].
    Bool(bool),
    /// Of the kinds that are text.
    Text(&'a str),
    /// Of [`Kind::Bytes`].
    Bytes(&'a [u8]),
}

/// A row of a table.
pub trait Row: Clone + Default + Send + Sync + 'static {
    /// Its table.
    const TABLE: &'static Table;

    /// The value of the column with this index; [`Value::Null`] for an index that the table does not have.
    fn value(&self, column: usize) -> Value<'_>;

    /// Sets the column with this index; `false` when there is no such column or the value does not fit it, and nothing
    /// has changed then. A null in a column that is never null sets its default.
    fn set(&mut self, column: usize, value: Value<'_>) -> bool;

    /// Bytes of all texts and bytes of the row together.
    fn text_bytes(&self) -> usize;
}

/// A type of a field of a row.
pub trait Cell {
    /// Whether it can be null.
    const NULLABLE: bool;
    /// The field as a value.
    fn get(&self) -> Value<'_>;
    /// Sets the field; `false` when the value does not fit.
    fn put(&mut self, value: Value<'_>) -> bool;
    /// Bytes of a text or of bytes; 0 for all else.
    #[inline]
    fn text_bytes(&self) -> usize {
        match self.get() {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 0,
        }
    }
}

macro_rules! integer_cells {
    ($($type:ty),*) => {$(
        impl Cell for $type {
            const NULLABLE: bool = false;
            #[inline]
            fn get(&self) -> Value<'_> {
                Value::Int(i64::try_from(*self).unwrap_or(i64::MAX))
            }
            fn put(&mut self, value: Value<'_>) -> bool {
                let number = match value {
                    Value::Int(number) => Self::try_from(number).ok(),
                    Value::Null => Some(0),
                    _ => None,
                };
                number.map(|n| *self = n).is_some()
            }
        }
    )*};
}
integer_cells!(i64, u64, u32, u16);

impl Cell for bool {
    const NULLABLE: bool = false;
    #[inline]
    fn get(&self) -> Value<'_> {
        Value::Bool(*self)
    }
    fn put(&mut self, value: Value<'_>) -> bool {
        let flag = match value {
            Value::Bool(flag) => Some(flag),
            Value::Null => Some(false),
            _ => None,
        };
        flag.map(|f| *self = f).is_some()
    }
}

impl Cell for String {
    const NULLABLE: bool = false;
    #[inline]
    fn get(&self) -> Value<'_> {
        Value::Text(self)
    }
    fn put(&mut self, value: Value<'_>) -> bool {
        let text = match value {
            Value::Text(text) => Some(text),
            Value::Null => Some(""),
            _ => None,
        };
        text.map(|t| t.clone_into(self)).is_some()
    }
}

impl Cell for Vec<u8> {
    const NULLABLE: bool = false;
    #[inline]
    fn get(&self) -> Value<'_> {
        Value::Bytes(self)
    }
    fn put(&mut self, value: Value<'_>) -> bool {
        let bytes = match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Null => Some(&[][..]),
            _ => None,
        };
        bytes.map(|b| b.clone_into(self)).is_some()
    }
}

impl<T: Cell + Default> Cell for Option<T> {
    const NULLABLE: bool = true;
    #[inline]
    fn get(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Cell::get)
    }
    fn put(&mut self, value: Value<'_>) -> bool {
        if value == Value::Null {
            *self = None;
            return true;
        }
        let mut inner = T::default();
        let fits = inner.put(value);
        if fits {
            *self = Some(inner);
        }
        fits
    }
}

/// Declares a row and its table. Column names in the clauses are those of fields.
macro_rules! table {
    (
        $(#[$row_doc:meta])*
        $row:ident as $table:literal version $version:literal;
        order $order:ident $(, $orders:ident)*;
        start $start:ident;
        $(end $end:ident;)?
        $(id $id:ident;)?
        blooms $($bloom:ident),*;
        texts $($text:ident),*;
        $($field:ident: $type:ty = $kind:ident $name:literal $sql:literal $doc:literal;)*
    ) => {
        $(#[$row_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $row {
            $(#[doc = $doc] pub $field: $type,)*
        }

        const _: () = {
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            #[repr(usize)]
            enum Index { $($field,)* }

            const TABLE: $crate::table::Table = $crate::table::Table {
                name: $table,
                version: $version,
                columns: &[$($crate::table::Column {
                    name: $name,
                    sql: $sql,
                    kind: $crate::table::Kind::$kind,
                    nullable: <$type as $crate::table::Cell>::NULLABLE,
                    doc: $doc,
                },)*],
                order: &[Index::$order as usize $(, Index::$orders as usize)*],
                start: Index::$start as usize,
                end: table!(@optional $(Index::$end as usize)?),
                id: table!(@optional $(Index::$id as usize)?),
                blooms: &[$(Index::$bloom as usize),*],
                texts: &[$(Index::$text as usize),*],
            };

            impl $crate::table::Row for $row {
                const TABLE: &'static $crate::table::Table = &TABLE;

                #[inline]
                fn value(&self, column: usize) -> $crate::table::Value<'_> {
                    $(if column == Index::$field as usize { return $crate::table::Cell::get(&self.$field); })*
                    $crate::table::Value::Null
                }

                fn set(&mut self, column: usize, value: $crate::table::Value<'_>) -> bool {
                    $(if column == Index::$field as usize {
                        return $crate::table::Cell::put(&mut self.$field, value);
                    })*
                    false
                }

                fn text_bytes(&self) -> usize {
                    0 $(+ $crate::table::Cell::text_bytes(&self.$field))*
                }
            }
        };
    };
    (@optional $value:expr) => { Some($value) };
    (@optional) => { None };
}
use table;

/// All tables, in the order in which they are listed to people; later ones come last, since rows are counted by place.
pub const TABLES: &[&Table] = &[
    ExchangeRow::TABLE,
    SessionRow::TABLE,
    PacketRow::TABLE,
    BodyRow::TABLE,
    QualityRow::TABLE,
    HostRow::TABLE,
    PointRow::TABLE,
    LogRow::TABLE,
];

/// How many there are: the length of whatever is kept by table.
pub const TABLE_COUNT: usize = TABLES.len();

/// The points of a minute as one row, with the columns of `points`: counts, sums and sketches added up, the smallest, the largest
/// and the newest reading. `start` is that of the newest point in it. Stores make it of `points`; nobody sends it.
const POINTS_1M: &Table = &Table { name: "points_1m", ..*PointRow::TABLE };

/// The same of an hour.
const POINTS_1H: &Table = &Table { name: "points_1h", ..*PointRow::TABLE };

/// Tables that a store makes of `points` by itself, the narrowest windows first.
pub const ROLLED: [&Table; 2] = [POINTS_1M, POINTS_1H];

/// How wide the windows of each of [`ROLLED`] are, in nanoseconds; each is a multiple of the one before. They begin at multiples
/// of it.
pub const ROLLED_STEPS: [i64; ROLLED.len()] = [60 * 1_000_000_000, 3600 * 1_000_000_000];

/// Tables that a store keeps: [`TABLES`], then those of [`ROLLED`].
pub const STORED: &[&Table] = &{
    let mut all = [TABLES[0]; STORED_COUNT];
    let mut at = 0;
    while at < STORED_COUNT {
        all[at] = if at < TABLE_COUNT { TABLES[at] } else { ROLLED[at - TABLE_COUNT] };
        at += 1;
    }
    all
};

/// How many tables a store keeps.
pub const STORED_COUNT: usize = TABLE_COUNT + ROLLED.len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_sql_follows_them() {
        for table in TABLES {
            for (index, column) in table.columns.iter().enumerate() {
                assert_eq!(column.sql, column.name.replace(['.', '-'], "_"), "{}", table.name);
                assert_eq!(table.column(column.name), Some(index), "{} is there twice", column.name);
            }
            assert_eq!(table.columns[table.start].kind, Kind::Instant, "{}", table.name);
        }
    }

    #[test]
    fn every_column_gives_back_what_was_set() {
        fn check<R: Row + PartialEq + std::fmt::Debug>() {
            for (index, column) in R::TABLE.columns.iter().enumerate() {
                let value = match column.kind {
                    Kind::Flag => Value::Bool(true),
                    Kind::Bytes => Value::Bytes(b"x"),
                    Kind::Instant | Kind::Duration | Kind::Size | Kind::Integer | Kind::Hash => Value::Int(7),
                    _ => Value::Text("x"),
                };
                let mut row = R::default();
                assert!(row.set(index, value), "{} refuses {value:?}", column.name);
                assert_eq!(row.value(index), value, "{}", column.name);
                let text = matches!(value, Value::Text(_) | Value::Bytes(_));
                assert_eq!(row.text_bytes(), usize::from(text), "{}", column.name);
                assert!(row.set(index, Value::Null));
                assert_eq!(row.value(index) == Value::Null, column.nullable, "{}", column.name);
                assert_eq!(row, R::default(), "{} touches another column", column.name);
            }
            assert!(!R::default().set(R::TABLE.columns.len(), Value::Int(1)));
            assert_eq!(R::default().value(R::TABLE.columns.len()), Value::Null);
        }
        check::<ExchangeRow>();
        check::<SessionRow>();
        check::<PacketRow>();
        check::<BodyRow>();
        check::<QualityRow>();
        check::<HostRow>();
        check::<PointRow>();
        check::<LogRow>();
    }

    #[test]
    fn roll_ups_have_the_columns_of_points_and_windows_that_fit_into_each_other() {
        let names: Vec<_> = STORED[TABLE_COUNT..].iter().map(|table| table.name).collect();
        assert_eq!((&STORED[..TABLE_COUNT], names), (TABLES, vec!["points_1m", "points_1h"]));
        assert!(ROLLED.iter().all(|table| table.columns == PointRow::TABLE.columns));
        assert!(ROLLED_STEPS.windows(2).all(|pair| pair[1] % pair[0] == 0));
    }

    #[test]
    fn what_does_not_fit_changes_nothing() {
        let mut row = ExchangeRow::default();
        let port = ExchangeRow::TABLE.column("client.port").expect("a column");
        assert!(!row.set(port, Value::Int(70_000)));
        assert!(!row.set(port, Value::Text("80")));
        assert_eq!(row, ExchangeRow::default());
    }
}
