//! Tables of columns to rows. Everything is checked before it is used; nothing is taken that was not measured.

use arachne_model::table::{
    BodyRow, Column, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, Row, Rows, SessionRow, Value,
};

use super::{BATCH_ROWS_MAX, CodecError, List, Misfit};
use crate::{BATCH_UNPACKED_MAX, proto};

/// The rows of `tables`. Values in tables and columns that are not known here are left out and added to `unknown`; columns
/// that are missing are null, or the default where there is no null.
///
/// # Errors
/// [`CodecError`]: nothing of the batch is used then. Memory is bounded by [`BATCH_ROWS_MAX`] rows and
/// [`BATCH_UNPACKED_MAX`] bytes of text in them.
pub fn decode(tables: Vec<proto::Table>, unknown: &mut u64) -> Result<Rows, CodecError> {
    let mut rows = Rows::default();
    let mut reader = Reader { rows_left: BATCH_ROWS_MAX, bytes_left: BATCH_UNPACKED_MAX, unknown: 0 };
    for table in tables {
        match table.name.as_str() {
            name if name == ExchangeRow::TABLE.name => reader.table(table, &mut rows.exchanges)?,
            name if name == SessionRow::TABLE.name => reader.table(table, &mut rows.sessions)?,
            name if name == PacketRow::TABLE.name => reader.table(table, &mut rows.packets)?,
            name if name == BodyRow::TABLE.name => reader.table(table, &mut rows.bodies)?,
            name if name == QualityRow::TABLE.name => reader.table(table, &mut rows.quality)?,
            name if name == HostRow::TABLE.name => reader.table(table, &mut rows.hosts)?,
            name if name == PointRow::TABLE.name => reader.table(table, &mut rows.points)?,
            name if name == LogRow::TABLE.name => reader.table(table, &mut rows.logs)?,
            _ => table.columns.iter().for_each(|column| reader.skip(column)),
        }
    }
    *unknown += reader.unknown;
    Ok(rows)
}

/// What may still be taken.
struct Reader {
    rows_left: usize,
    bytes_left: usize,
    unknown: u64,
}

impl Reader {
    fn table<R: Row>(&mut self, table: proto::Table, out: &mut Vec<R>) -> Result<(), CodecError> {
        if !out.is_empty() {
            return Err(CodecError::TableTwice { table: R::TABLE.name });
        }
        let rows = usize::try_from(table.rows).unwrap_or(usize::MAX);
        self.rows_left = self.rows_left.checked_sub(rows).ok_or(CodecError::Rows)?;
        out.resize(rows, R::default());
        let mut seen = vec![false; R::TABLE.columns.len()];
        for column in &table.columns {
            let Some(index) = R::TABLE.columns.iter().position(|known| known.name == column.name) else {
                self.skip(column);
                continue;
            };
            let known = &R::TABLE.columns[index];
            self.charge(column)?;
            let twice = std::mem::replace(&mut seen[index], true);
            let filled = if twice { Err(Misfit::Twice) } else { Present::new(column, rows) };
            let filled = filled.and_then(|present| fill(out, index, known, column, &present));
            filled.map_err(|misfit| CodecError::Column { table: R::TABLE.name, column: known.name, misfit })?;
        }
        Ok(())
    }

    /// Takes what the texts and bytes of a column will need in rows: a long one may be named by many of them.
    fn charge(&mut self, column: &proto::Column) -> Result<(), CodecError> {
        let needed = if column.places.is_empty() {
            let texts: usize = column.texts.iter().map(String::len).sum();
            let bytes: usize = column.bytes.iter().map(Vec::len).sum();
            texts.saturating_add(bytes)
        } else {
            let length = |at: &u32| {
                named(&column.texts, *at).map_or(0, String::len) + named(&column.bytes, *at).map_or(0, Vec::len)
            };
            column.places.iter().map(length).fold(0, usize::saturating_add)
        };
        self.bytes_left =
            self.bytes_left.checked_sub(needed).ok_or(CodecError::Unpacked { max: BATCH_UNPACKED_MAX })?;
        Ok(())
    }

    /// Counts the values of a column that is not known here. What they are cannot be told: it may be a list of later days.
    fn skip(&mut self, column: &proto::Column) {
        let named =
            if column.places.is_empty() { column.texts.len() + column.bytes.len() } else { column.places.len() };
        let values = column.integers.len() + column.flags.len() + named;
        self.unknown = self.unknown.saturating_add(values as u64);
    }
}

fn named<T>(list: &[T], at: u32) -> Option<&T> {
    list.get(usize::try_from(at).ok()?)
}

/// Which rows have a value.
enum Present<'a> {
    All(usize),
    Bits { bits: &'a [u8], rows: usize, set: usize },
}

impl<'a> Present<'a> {
    fn new(column: &'a proto::Column, rows: usize) -> Result<Self, Misfit> {
        let bits = &column.present[..];
        if bits.is_empty() {
            return Ok(Self::All(rows));
        }
        if bits.len() != rows.div_ceil(8) {
            return Err(Misfit::PresentLength { bytes: bits.len(), rows });
        }
        let behind = rows % 8;
        if behind != 0 && bits.last().is_some_and(|last| last >> behind != 0) {
            return Err(Misfit::PresentBits);
        }
        let set = bits.iter().map(|byte| byte.count_ones() as usize).sum();
        Ok(Self::Bits { bits, rows, set })
    }

    const fn count(&self) -> usize {
        match self {
            Self::All(rows) => *rows,
            Self::Bits { set, .. } => *set,
        }
    }

    /// The rows that have a value, ascending.
    fn rows(&self) -> impl Iterator<Item = usize> + '_ {
        let (bits, rows) = match self {
            Self::All(rows) => (None, *rows),
            Self::Bits { bits, rows, .. } => (Some(*bits), *rows),
        };
        (0..rows).filter(move |row| bits.is_none_or(|bits| bits[row / 8] >> (row % 8) & 1 == 1))
    }
}

/// Sets column `index` of all rows that have a value.
fn fill<R: Row>(
    rows: &mut [R],
    index: usize,
    known: &Column,
    column: &proto::Column,
    present: &Present<'_>,
) -> Result<(), Misfit> {
    let list = List::of(known.kind);
    let own = column.places.is_empty();
    if !own && !matches!(list, List::Texts | List::Bytes) {
        return Err(Misfit::Type);
    }
    let entries = |of: List, distinct: usize| if own || of != list { distinct } else { column.places.len() };
    let lists = [
        (List::Integers, column.integers.len()),
        (List::Flags, column.flags.len()),
        (List::Texts, entries(List::Texts, column.texts.len())),
        (List::Bytes, entries(List::Bytes, column.bytes.len())),
    ];
    for (of, values) in lists {
        if of != list && values > 0 {
            return Err(Misfit::Type);
        }
        if of == list && values != present.count() {
            return Err(Misfit::Count { values, rows: present.count() });
        }
    }
    let mut number = 0_i64;
    for (at, row) in present.rows().enumerate() {
        let value = match list {
            List::Integers => {
                number = number.wrapping_add(column.integers[at]);
                Value::Int(number)
            }
            List::Flags => Value::Bool(column.flags[at]),
            List::Texts if own => Value::Text(&column.texts[at]),
            List::Texts => Value::Text(placed(&column.texts, column.places[at])?),
            List::Bytes if own => Value::Bytes(&column.bytes[at]),
            List::Bytes => Value::Bytes(placed(&column.bytes, column.places[at])?),
        };
        if !rows[row].set(index, value) {
            return Err(Misfit::Value { row, value: number });
        }
    }
    Ok(())
}

fn placed<T>(list: &[T], at: u32) -> Result<&T, Misfit> {
    named(list, at).ok_or(Misfit::Place { index: at, values: list.len() })
}
