//! Which row of an exchange counts when several sources saw it.
//!
//! Rows of different sources with one wire key that start near each other ([`TWINS_APART_MAX`]) are twins. Of two twins one beats
//! the other: the vantage nearest to the server, then the smaller source. A row counts when no twin
//! beats it. Each pair is compared when the later of the two comes, whichever that is, and who beats a row is kept by
//! source; so the outcome depends neither on the order of imports nor on what was there in between.
//!
//! When a source is removed, what it beat counts again. Retention leaves it: twins are of one age.

pub(crate) mod arrivals;
pub(crate) mod keys;
pub(crate) mod memory;
pub(crate) mod met;
mod rivals;

use std::collections::{BTreeMap, HashSet};

use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_store::{StoreError, TWINS_APART_MAX};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

use self::arrivals::Facts;
use self::rivals::{Rank, Ranks, Rivals};
use crate::columns::cell;
use crate::part::{Demoted, Part};

const COLUMNS: [&str; 4] = ["wire_key", "start", "vantage", "source"];

/// New rows that do not count, by the path of their part.
pub(crate) type Changes = BTreeMap<String, Demoted>;

fn columns_of() -> [usize; 4] {
    COLUMNS.map(|name| ExchangeRow::TABLE.column(name).expect("a column of the table"))
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> &str {
    match cell(batch.column(column), row) {
        Value::Text(text) => text,
        _ => "",
    }
}

/// Smaller is nearer to the server.
fn vantage_rank(vantage: &str) -> u8 {
    match vantage {
        "server" => 0,
        "between" => 1,
        "client" => 2,
        _ => 3,
    }
}

/// Compares the rows of new parts with each other and with those of `others`, and returns what does not count now of both,
/// with what did not count before.
///
/// Parts that cannot be read are passed over; their rows are lost to questions as well.
pub(crate) fn resolve(new: &[Part], others: &[Part]) -> Result<Changes, StoreError> {
    let met: Vec<&Part> = others.iter().filter(|other| new.iter().any(|new| may_meet(new, other))).collect();
    let several = new.iter().any(|part| part.meta.sources.len() > 1)
        || new.iter().any(|a| new.iter().any(|b| a.meta.path < b.meta.path && may_meet(a, b)));
    if met.is_empty() && !several {
        return Ok(Changes::new());
    }
    let parts: Vec<&Part> = new.iter().chain(met).collect();
    let (mut gathered, mut fresh) = (Gathered::default(), None);
    for (index, part) in parts.iter().enumerate() {
        if index == new.len() {
            fresh = Some(gathered.rows.iter().map(|row| row.key).collect());
        }
        match gathered.add(part, index, fresh.as_ref()) {
            Err(StoreError::Damaged { .. }) => gathered.rows.retain(|row| row.part != index),
            other => other?,
        }
    }
    Ok(changes(&parts, gathered.beaten(parts.len())))
}

/// Whether rows of the two can be twins.
fn may_meet(a: &Part, b: &Part) -> bool {
    let near = a.meta.start_min.saturating_sub(TWINS_APART_MAX) <= b.meta.start_max
        && b.meta.start_min.saturating_sub(TWINS_APART_MAX) <= a.meta.start_max;
    let alone = |part: &Part| (part.meta.sources.len() == 1).then(|| part.meta.sources[0].source.clone());
    near && (alone(a).is_none() || alone(a) != alone(b)) && a.meta.path != b.meta.path
}

/// A row of a part.
#[derive(Clone, Copy, Debug)]
struct Row {
    key: i64,
    start: i64,
    rank: u32,
    position: u32,
    part: usize,
}

/// By part and source, which of its rows that source beats.
type Beaten = Vec<BTreeMap<String, Vec<u32>>>;

/// Rows of new parts, and those of others with their wire keys.
#[derive(Debug, Default)]
struct Gathered {
    rows: Vec<Row>,
    ranks: Ranks,
}

impl Gathered {
    /// Adds the rows of a part that have one of `keys`; without these, all.
    fn add(&mut self, part: &Part, index: usize, keys: Option<&HashSet<i64>>) -> Result<(), StoreError> {
        let columns = columns_of();
        if let Some(keys) = keys
            && !has_any(part, columns[0], keys)?
        {
            return Ok(());
        }
        let mut position = 0;
        for batch in part.open()?.batches(&columns, 8192)? {
            let facts = Facts(batch?);
            for (row, (&key, &start)) in facts.keys().iter().zip(facts.starts()).enumerate() {
                if keys.is_none_or(|keys| keys.contains(&key)) {
                    let rank = self.ranks.number(facts.rank(row));
                    self.rows.push(Row { key, start, rank, position, part: index });
                }
                position += 1;
            }
        }
        Ok(())
    }

    /// Which of them do not count.
    fn beaten(mut self, parts: usize) -> Beaten {
        let mut beaten = vec![BTreeMap::<String, Vec<u32>>::new(); parts];
        self.rows.sort_unstable_by_key(|row| row.key);
        for same in self.rows.chunk_by(|a, b| a.key == b.key).filter(|same| same.len() > 1) {
            let rank = |row: &Row| -> Rank<'_> { self.ranks.rank(row.rank) };
            let rivals = Rivals::of(same.iter().map(|row| (rank(row), row.start)));
            for row in same {
                for ((_, source), _) in rivals.beating(rank(row), row.start) {
                    beaten[row.part].entry(source.to_owned()).or_default().push(row.position);
                }
            }
        }
        beaten
    }
}

fn has_any(part: &Part, key: usize, keys: &HashSet<i64>) -> Result<bool, StoreError> {
    for batch in part.open()?.batches(&[key], 65_536)? {
        if batch?.column(0).as_primitive::<Int64Type>().values().iter().any(|key| keys.contains(key)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What does not count in each part that has changed.
fn changes(parts: &[&Part], beaten: Beaten) -> Changes {
    let changed = parts.iter().zip(beaten).filter(|(_, beaten)| !beaten.is_empty());
    changed
        .filter_map(|(part, beaten)| {
            let before = part.demoted.as_deref().cloned().unwrap_or_default();
            let after = before.clone().with(beaten);
            (after != before).then(|| (part.meta.path.clone(), after))
        })
        .collect()
}
