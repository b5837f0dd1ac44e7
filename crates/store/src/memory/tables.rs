//! The rows of a store in memory.

use std::collections::HashMap;

use arachne_model::table::{
    BodyRow, ExchangeRow, HostRow, LogRow, PacketRow, PointRow, QualityRow, Row, SessionRow, TABLE_COUNT, Table,
};

use super::answer;
use crate::evaluate::times;
use crate::open::{SILENT_PERIODS, given_up};
use crate::request::{GroupRequest, Groups, ListRequest, Page};
use crate::store::{ImportName, Rows, StoreError, TWINS_APART_MAX, TableFacts, Watch};

/// A row with the source of the import that it came by.
#[derive(Debug)]
pub struct Kept<R> {
    pub row: R,
    import: Option<String>,
    /// Periods that ended since it was told of.
    silent: u16,
    /// It came open, and nothing more came.
    given_up: bool,
}

/// All rows, by table, in the order in which they came.
#[derive(Debug, Default)]
pub struct Tables {
    exchanges: Vec<Kept<ExchangeRow>>,
    sessions: Vec<Kept<SessionRow>>,
    packets: Vec<Kept<PacketRow>>,
    bodies: Vec<Kept<BodyRow>>,
    quality: Vec<Kept<QualityRow>>,
    hosts: Vec<Kept<HostRow>>,
    points: Vec<Kept<PointRow>>,
    logs: Vec<Kept<LogRow>>,
}

/// Does the same with each table, in the order of `TABLES`.
macro_rules! each {
    ($macro:ident) => {
        [
            $macro!(exchanges),
            $macro!(sessions),
            $macro!(packets),
            $macro!(bodies),
            $macro!(quality),
            $macro!(hosts),
            $macro!(points),
            $macro!(logs),
        ]
    };
}

/// A row that may replace an earlier one.
trait Revised: Row {
    /// Its id, and whether it is still open; `None` for rows that are never replaced.
    fn revision(&self) -> Option<(&str, bool)> {
        None
    }
}

impl Revised for ExchangeRow {
    fn revision(&self) -> Option<(&str, bool)> {
        Some((&self.id, self.provisional))
    }
}
impl Revised for SessionRow {
    fn revision(&self) -> Option<(&str, bool)> {
        Some((&self.id, self.last.is_none()))
    }
}
impl Revised for PacketRow {}
impl Revised for BodyRow {}
impl Revised for QualityRow {}
impl Revised for HostRow {}
impl Revised for PointRow {}
impl Revised for LogRow {}

impl Tables {
    /// Adds rows, which came by `import` or were appended.
    pub fn take(&mut self, rows: Rows, import: Option<&ImportName>) {
        let import = import.map(|name| name.source.as_str());
        macro_rules! add {
            ($table:ident) => {
                add(&mut self.$table, rows.$table, import)
            };
        }
        each!(add);
        self.count_twins();
    }

    /// Drops the rows that came by imports of `source`.
    pub fn forget(&mut self, source: &str) {
        macro_rules! drop_rows {
            ($table:ident) => {
                self.$table.retain(|kept| kept.import.as_deref() != Some(source))
            };
        }
        each!(drop_rows);
        self.count_twins();
    }

    /// Rows of different sources with one wire key that start near each other are twins. Of two twins the one
    /// nearest to the server beats the other; where that leaves both, the one of the smaller source. A row counts when no
    /// twin beats it, so the order in which rows came does not matter.
    fn count_twins(&mut self) {
        let mut same_key: HashMap<i64, Vec<usize>> = HashMap::new();
        for (index, kept) in self.exchanges.iter().enumerate() {
            same_key.entry(kept.row.wire_key).or_default().push(index);
        }
        for indices in same_key.values() {
            for &index in indices {
                let row = &self.exchanges[index].row;
                let beaten = indices.iter().any(|&other| beats(&self.exchanges[other].row, row));
                self.exchanges[index].row.counted = !beaten;
            }
        }
    }

    /// Open exchanges of which nothing was told in a whole period are given up.
    pub fn end_period(&mut self) {
        for kept in &mut self.exchanges {
            kept.silent = kept.silent.saturating_add(1);
            if kept.row.provisional && kept.silent >= SILENT_PERIODS {
                kept.row = given_up(&kept.row);
                kept.given_up = true;
            }
        }
    }

    /// Exchanges that are given up.
    pub fn given_up(&self) -> u64 {
        self.exchanges.iter().filter(|kept| kept.given_up).count() as u64
    }

    pub fn list(&self, request: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        macro_rules! list {
            ($table:ident) => {
                if answers(&self.$table, request.selection.table) {
                    return answer::list(&self.$table, request, watch);
                }
            };
        }
        each!(list);
        Err(unknown(request.selection.table))
    }

    pub fn group(&self, request: &GroupRequest, watch: &dyn Watch) -> Result<Groups, StoreError> {
        macro_rules! group {
            ($table:ident) => {
                if answers(&self.$table, request.selection.table) {
                    return answer::group(&self.$table, request, watch);
                }
            };
        }
        each!(group);
        Err(unknown(request.selection.table))
    }

    pub fn facts(&self) -> Vec<TableFacts> {
        macro_rules! facts {
            ($table:ident) => {
                facts(&self.$table)
            };
        }
        each!(facts).into()
    }
}

fn answers<R: Row>(_: &[Kept<R>], table: &Table) -> bool {
    R::TABLE.name == table.name
}

fn unknown(table: &Table) -> StoreError {
    StoreError::Refused(format!("there is no table {}", table.name))
}

/// Adds rows; each replaces the open row of its id, and an open one never replaces a closed one.
fn add<R: Revised>(table: &mut Vec<Kept<R>>, rows: Vec<R>, import: Option<&str>) {
    let known = table.iter().enumerate();
    let mut by_id: HashMap<String, usize> =
        known.filter_map(|(index, kept)| Some((kept.row.revision()?.0.to_owned(), index))).collect();
    for row in rows {
        let revision = row.revision().map(|(id, open)| (id.to_owned(), open));
        let there = revision.as_ref().and_then(|(id, _)| by_id.get(id).copied());
        let may_change = |kept: &Kept<R>| kept.given_up || kept.row.revision().is_some_and(|(_, open)| open);
        let there_open = there.map(|index| may_change(&table[index]));
        let kept = Kept { row, import: import.map(str::to_owned), silent: 0, given_up: false };
        match (there, there_open, revision) {
            (Some(index), Some(true), _) => table[index] = kept,
            (Some(_), Some(false), Some((_, true))) => {}
            (_, _, revision) => {
                by_id.extend(revision.map(|(id, _)| (id, table.len())));
                table.push(kept);
            }
        }
    }
}

/// Whether two rows of one wire key are twins of which `one` counts.
fn beats(one: &ExchangeRow, other: &ExchangeRow) -> bool {
    let near = one.start.abs_diff(other.start) <= TWINS_APART_MAX.unsigned_abs();
    let twins = one.source != other.source && near;
    twins && rank(one) < rank(other)
}

/// Smaller counts before larger.
fn rank(row: &ExchangeRow) -> (u8, &str) {
    let vantage = match row.vantage.as_deref() {
        Some("server") => 0,
        Some("between") => 1,
        Some("client") => 2,
        _ => 3,
    };
    (vantage, &row.source)
}

fn facts<R: Row>(table: &[Kept<R>]) -> TableFacts {
    let spans = || table.iter().map(|kept| times(&kept.row));
    let range = spans().map(|(start, _)| start).min().zip(spans().map(|(start, end)| end.unwrap_or(start)).max());
    let rows = table.len() as u64;
    TableFacts { rows, memory_rows: rows, range, ..TableFacts::default() }
}

/// Rows by table, in the order of `TABLES`.
pub fn lengths(rows: &Rows) -> [u64; TABLE_COUNT] {
    macro_rules! length {
        ($table:ident) => {
            rows.$table.len() as u64
        };
    }
    each!(length)
}

/// Drops from `rows`, before which `seen` rows came, those that are among the first `there` ones of their table.
pub fn skip(rows: &mut Rows, seen: &mut [u64; TABLE_COUNT], there: [u64; TABLE_COUNT]) {
    let mut tables = seen.iter_mut().zip(there);
    macro_rules! drop_known {
        ($table:ident) => {
            if let Some((seen, there)) = tables.next() {
                let length = rows.$table.len() as u64;
                let known = there.saturating_sub(*seen).min(length);
                *seen += length;
                rows.$table.drain(..usize::try_from(known).unwrap_or(usize::MAX));
            }
        };
    }
    each!(drop_known);
}
