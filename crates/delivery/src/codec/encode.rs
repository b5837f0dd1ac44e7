//! Rows to tables of columns.

use std::collections::HashMap;
use std::hash::Hash;

use arachne_model::table::{Row, Rows, Value};
use foldhash::fast::RandomState;

use super::List;
use crate::proto;

/// The rows by column; tables without rows and columns without values are left out.
///
/// Of rows of one agent, which are alike, a row costs about a microsecond.
#[must_use]
pub fn encode(rows: &Rows) -> Vec<proto::Table> {
    let tables = [
        table(&rows.exchanges),
        table(&rows.sessions),
        table(&rows.packets),
        table(&rows.bodies),
        table(&rows.quality),
        table(&rows.hosts),
    ];
    tables.into_iter().flatten().collect()
}

fn table<R: Row>(rows: &[R]) -> Option<proto::Table> {
    if rows.is_empty() {
        return None;
    }
    let (mut texts, mut bytes) = (Distinct::default(), Distinct::default());
    let columns = R::TABLE.columns.iter().enumerate().filter_map(|(index, column)| {
        let mut out = proto::Column { present: present(rows, index, column.nullable)?, ..Default::default() };
        let values = rows.iter().map(|row| row.value(index));
        match List::of(column.kind) {
            List::Integers => out.integers = integers(values),
            List::Flags => {
                out.flags = values.filter_map(|v| if let Value::Bool(v) = v { Some(v) } else { None }).collect()
            }
            List::Texts => {
                let values = values.filter_map(|v| if let Value::Text(v) = v { Some(v) } else { None });
                (out.texts, out.places) = texts.collect(rows.len(), values);
            }
            // Bodies, of which many are what others got too.
            List::Bytes => {
                let values = values.filter_map(|v| if let Value::Bytes(v) = v { Some(v) } else { None });
                (out.bytes, out.places) = bytes.collect(rows.len(), values);
            }
        }
        column.name.clone_into(&mut out.name);
        Some(out)
    });
    let columns = columns.collect();
    Some(proto::Table { name: R::TABLE.name.to_owned(), rows: u32::try_from(rows.len()).unwrap_or(u32::MAX), columns })
}

/// The bits of [`proto::Column::present`]; `None` when all rows are null.
fn present<R: Row>(rows: &[R], index: usize, nullable: bool) -> Option<Vec<u8>> {
    if !nullable {
        return Some(Vec::new());
    }
    let mut bits = vec![0_u8; rows.len().div_ceil(8)];
    let mut set = 0;
    for (at, row) in rows.iter().enumerate() {
        let there = row.value(index) != Value::Null;
        bits[at / 8] |= u8::from(there) << (at % 8);
        set += usize::from(there);
    }
    if set == rows.len() {
        bits.clear();
    }
    (set > 0).then_some(bits)
}

fn integers<'a>(values: impl Iterator<Item = Value<'a>>) -> Vec<i64> {
    let mut before = 0_i64;
    let differences = values.filter_map(|value| {
        let Value::Int(number) = value else { return None };
        let difference = number.wrapping_sub(before);
        before = number;
        Some(difference)
    });
    differences.collect()
}

/// Finds values that were there before. Kept from column to column for its memory.
struct Distinct<'a, T: ?Sized> {
    seen: HashMap<&'a T, u32, RandomState>,
}

impl<T: ?Sized> Default for Distinct<'_, T> {
    fn default() -> Self {
        Self { seen: HashMap::default() }
    }
}

impl<'a, T: ?Sized + Eq + Hash + ToOwned> Distinct<'a, T> {
    fn collect(&mut self, rows: usize, values: impl Iterator<Item = &'a T>) -> (Vec<T::Owned>, Vec<u32>) {
        self.seen.clear();
        let mut distinct = Vec::new();
        let mut places = Vec::with_capacity(rows);
        let mut last: Option<(&T, u32)> = None;
        for value in values {
            let place = match last {
                // Most labels are those of the row before, which is cheaper to see than to hash.
                Some((before, place)) if before == value => place,
                _ => *self.seen.entry(value).or_insert_with(|| {
                    distinct.push(value.to_owned());
                    u32::try_from(distinct.len() - 1).unwrap_or(u32::MAX)
                }),
            };
            last = Some((value, place));
            places.push(place);
        }
        if distinct.len() == places.len() {
            places.clear();
        }
        (distinct, places)
    }
}
