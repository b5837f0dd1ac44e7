//! Which row of an exchange counts when several sources saw it.
//!
//! Rows of different sources with one wire key that start near each other ([`TWINS_APART_MAX`]) are twins. Of two twins one beats
//! the other: the vantage nearest to the server, then the smaller source, then the smaller id. A row counts when no twin
//! beats it. Each pair is compared when the later of the two comes, whichever that is, and who beats a row is kept by
//! source; so the outcome depends neither on the order of imports nor on what was there in between.
//!
//! When a source is removed, what it beat counts again. Retention leaves it: twins are of one age.

pub(crate) mod memory;
pub(crate) mod met;

use std::collections::{BTreeMap, HashMap};

use arachne_model::table::{ExchangeRow, Row as _, Value};
use arachne_store::{StoreError, TWINS_APART_MAX};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::columns::cell;
use crate::part::{Demoted, Part};

const COLUMNS: [&str; 5] = ["wire_key", "start", "vantage", "source", "id"];

/// New rows that do not count, by the path of their part.
pub(crate) type Changes = BTreeMap<String, Demoted>;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Twin {
    part: usize,
    position: u32,
    start: i64,
    rank: (u8, String, String),
}

impl Twin {
    fn source(&self) -> &str {
        &self.rank.1
    }

    fn is_twin(&self, other: &Self) -> bool {
        self.source() != other.source() && self.start.abs_diff(other.start) <= TWINS_APART_MAX.unsigned_abs()
    }

    fn of(batch: &RecordBatch, row: usize, part: usize, position: u32) -> Self {
        let text = |column| text(batch, column, row);
        let vantage = vantage_rank(text(2));
        let start = batch.column(1).as_primitive::<Int64Type>().value(row);
        Self { part, position, start, rank: (vantage, text(3).to_owned(), text(4).to_owned()) }
    }
}

fn columns_of() -> [usize; 5] {
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
    let mut known = Known::default();
    let mut beaten: Vec<BTreeMap<String, Vec<u32>>> = vec![BTreeMap::new(); parts.len()];
    for (index, part) in parts.iter().enumerate() {
        let fresh = index < new.len();
        match compare(part, index, fresh, &mut known, &mut beaten) {
            Err(StoreError::Damaged { .. }) => {}
            other => other?,
        }
    }
    Ok(changes(&parts, beaten))
}

/// Rows of new parts, by wire key.
type Known = HashMap<i64, Vec<Twin>>;

/// Whether rows of the two can be twins.
fn may_meet(a: &Part, b: &Part) -> bool {
    let near = a.meta.start_min.saturating_sub(TWINS_APART_MAX) <= b.meta.start_max
        && b.meta.start_min.saturating_sub(TWINS_APART_MAX) <= a.meta.start_max;
    let alone = |part: &Part| (part.meta.sources.len() == 1).then(|| part.meta.sources[0].source.clone());
    near && (alone(a).is_none() || alone(a) != alone(b)) && a.meta.path != b.meta.path
}

fn compare(
    part: &Part,
    index: usize,
    fresh: bool,
    known: &mut Known,
    beaten: &mut [BTreeMap<String, Vec<u32>>],
) -> Result<(), StoreError> {
    let columns = columns_of();
    if !fresh && !has_any(part, columns[0], known)? {
        return Ok(());
    }
    let mut position = 0;
    for batch in part.open()?.batches(&columns, 8192)? {
        let batch = batch?;
        let keys = batch.column(0).as_primitive::<Int64Type>().values().clone();
        for (row, key) in keys.iter().enumerate() {
            let met = known.get(key);
            if fresh || met.is_some() {
                let twin = Twin::of(&batch, row, index, position);
                for other in met.into_iter().flatten().filter(|other| other.is_twin(&twin)) {
                    let (winner, loser) = if other.rank < twin.rank { (other, &twin) } else { (&twin, other) };
                    beaten[loser.part].entry(winner.source().to_owned()).or_default().push(loser.position);
                }
                if fresh {
                    known.entry(*key).or_default().push(twin);
                }
            }
            position += 1;
        }
    }
    Ok(())
}

fn has_any(part: &Part, key: usize, known: &Known) -> Result<bool, StoreError> {
    for batch in part.open()?.batches(&[key], 65_536)? {
        if batch?.column(0).as_primitive::<Int64Type>().values().iter().any(|key| known.contains_key(key)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What does not count in each part that has changed.
fn changes(parts: &[&Part], beaten: Vec<BTreeMap<String, Vec<u32>>>) -> Changes {
    let changed = parts.iter().zip(beaten).filter(|(_, beaten)| !beaten.is_empty());
    changed
        .filter_map(|(part, beaten)| {
            let before = part.demoted.as_deref().cloned().unwrap_or_default();
            let after = before.clone().with(beaten);
            (after != before).then(|| (part.meta.path.clone(), after))
        })
        .collect()
}
