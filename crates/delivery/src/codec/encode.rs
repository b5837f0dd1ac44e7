//! Rows to tables of columns.

use std::collections::HashMap;

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
    let mut texts = Texts::default();
    let columns = R::TABLE.columns.iter().enumerate().filter_map(|(index, column)| {
        let mut out = proto::Column { present: present(rows, index, column.nullable)?, ..Default::default() };
        let values = rows.iter().map(|row| row.value(index));
        match List::of(column.kind) {
            List::Integers => out.integers = integers(values),
            List::Flags => {
                out.flags = values.filter_map(|v| if let Value::Bool(v) = v { Some(v) } else { None }).collect()
            }
            List::Texts => (out.texts, out.text_at) = texts.collect(rows.len(), values),
            List::Bytes => {
                out.bytes =
                    values.filter_map(|v| if let Value::Bytes(v) = v { Some(v.to_vec()) } else { None }).collect();
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

/// Finds texts that were there before. Kept from column to column for its memory.
#[derive(Default)]
struct Texts<'a> {
    seen: HashMap<&'a str, u32, RandomState>,
}

impl<'a> Texts<'a> {
    fn collect(&mut self, rows: usize, values: impl Iterator<Item = Value<'a>>) -> (Vec<String>, Vec<u32>) {
        self.seen.clear();
        let mut texts = Vec::new();
        let mut places = Vec::with_capacity(rows);
        let mut last = ("", None);
        for value in values {
            let Value::Text(text) = value else { continue };
            let place = match last {
                // Most labels are those of the row before, which is cheaper to see than to hash.
                (before, Some(place)) if before == text => place,
                _ => *self.seen.entry(text).or_insert_with(|| {
                    texts.push(text.to_owned());
                    u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
                }),
            };
            last = (text, Some(place));
            places.push(place);
        }
        if texts.len() == places.len() {
            places.clear();
        }
        (texts, places)
    }
}
