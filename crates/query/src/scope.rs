//! Which rows a question is about.

use std::sync::Arc;

use arachne_filter::{Predicate, Settings, Thresholds};
use arachne_model::table::{PointRow, ROLLED, Row as _, STORED, TABLES, Table};
use arachne_store::{CountMode, Selection, TimeRange};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::error::QueryError;
use crate::time::{Instant, When};

/// How an item belongs to a range of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Mode {
    /// It lasts at some instant of the range.
    #[default]
    Overlap,
    /// It starts inside.
    Start,
    /// It ends inside.
    End,
}

impl From<Mode> for CountMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Overlap => Self::Overlap,
            Mode::Start => Self::Start,
            Mode::End => Self::End,
        }
    }
}

/// Which rows a question is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scope {
    /// The table: `exchanges` unless given.
    pub table: String,
    /// The filter; empty for everything.
    pub filter: String,
    /// A filter that was read before: what it passes must pass `filter` too.
    #[serde(skip)]
    pub predicate: Option<Arc<Predicate>>,
    /// The first instant inside; where the table begins unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub from: Option<When>,
    /// The first instant behind; where the table ends unless given.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub to: Option<When>,
    /// How rows belong to the range.
    pub mode: Mode,
    /// Count twins too: rows of exchanges that another row counts for.
    pub twins: bool,
    /// Answered below is fast, in nanoseconds.
    pub fast_ns: i64,
    /// Answered from here on is slow, in nanoseconds.
    pub slow_ns: i64,
}

impl Default for Scope {
    fn default() -> Self {
        let Thresholds { fast_ns, slow_ns } = Thresholds::default();
        Self {
            table: TABLES[0].name.to_owned(),
            filter: String::new(),
            predicate: None,
            from: None,
            to: None,
            mode: Mode::default(),
            twins: false,
            fast_ns,
            slow_ns,
        }
    }
}

/// A scope that was read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub table: &'static Table,
    pub selection: Selection,
    pub settings: Settings,
    pub mode: Mode,
    /// The page's filter as text, which drills are added to.
    pub text: String,
}

impl Resolved {
    /// The same with a narrower filter.
    pub fn and(&self, predicate: Predicate) -> Self {
        let mut narrowed = self.clone();
        let both = (*self.selection.predicate).clone().and(predicate);
        narrowed.selection.predicate = Arc::new(both);
        narrowed
    }

    /// The same rows at another time.
    pub fn during(&self, range: TimeRange) -> Self {
        let mut moved = self.clone();
        moved.selection.range = range;
        moved
    }

    /// The predicate of a filter text about the same table.
    pub fn parse(&self, filter: &str) -> Result<Predicate, QueryError> {
        parse(filter, self.table, &self.settings)
    }
}

impl Queries<'_> {
    /// The rows of a scope as a store selects them, for whoever streams them.
    ///
    /// # Errors
    /// When the scope is not in order.
    pub fn selection(&self, scope: &Scope) -> Result<Selection, QueryError> {
        self.resolve(scope).map(|resolved| resolved.selection)
    }

    /// Reads and checks a scope. Where it has no range, that of the table is taken, so that buckets can be made.
    pub(crate) fn resolve(&self, scope: &Scope) -> Result<Resolved, QueryError> {
        let table = table(&scope.table)?;
        let Scope { fast_ns, slow_ns, .. } = *scope;
        if fast_ns < 0 || fast_ns > slow_ns {
            return Err(QueryError::BadThresholds { fast_ns, slow_ns });
        }
        let settings = Settings { thresholds: Thresholds { fast_ns, slow_ns } };
        let written = parse(&scope.filter, table, &settings)?;
        let predicate = scope.predicate.as_deref().map_or(written.clone(), |read| written.and(read.clone()));
        let selection = Selection {
            table,
            range: self.range(table, scope.from, scope.to)?,
            mode: scope.mode.into(),
            predicate: Arc::new(predicate),
            now: self.now,
            counted_only: !scope.twins,
        };
        Ok(Resolved { table, selection, settings, mode: scope.mode, text: scope.filter.clone() })
    }

    /// All rows of a table that pass, twins included.
    pub(crate) fn resolved(&self, table: &'static Table, predicate: Predicate) -> Resolved {
        let selection = Selection {
            table,
            range: TimeRange::ALL,
            mode: CountMode::Start,
            predicate: Arc::new(predicate),
            now: self.now,
            counted_only: false,
        };
        Resolved { table, selection, settings: Settings::default(), mode: Mode::Start, text: String::new() }
    }

    /// A range, its missing ends taken from what the table holds.
    pub(crate) fn range(&self, table: &Table, from: Option<When>, to: Option<When>) -> Result<TimeRange, QueryError> {
        let held = || {
            let facts = self.store.facts();
            // What points were rolled up into outlives them.
            let rolled = ROLLED.iter().filter(|_| table.name == PointRow::TABLE.name).map(|table| table.name);
            let names: Vec<&str> = std::iter::once(table.name).chain(rolled).collect();
            let of = STORED.iter().zip(&facts.tables).filter(|(table, _)| names.contains(&table.name));
            of.filter_map(|(_, facts)| facts.range).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        };
        let held = if from.is_none() || to.is_none() { held() } else { None };
        let (first, last) = held.unwrap_or((self.now, self.now));
        let from = from.map_or(first, |from| from.resolve(self.now));
        let given = to.map(|to| to.resolve(self.now));
        let to = given.unwrap_or_else(|| last.max(from).saturating_add(1));
        if from < to {
            return Ok(TimeRange { from, to });
        }
        Err(QueryError::EmptyRange { from: Instant(from).to_string(), to: Instant(to).to_string() })
    }
}

fn table(name: &str) -> Result<&'static Table, QueryError> {
    TABLES.iter().copied().find(|table| table.name == name).ok_or_else(|| QueryError::UnknownTable {
        name: name.to_owned(),
        known: TABLES.iter().map(|table| table.name).collect::<Vec<_>>().join(", "),
    })
}

fn parse(filter: &str, table: &'static Table, settings: &Settings) -> Result<Predicate, QueryError> {
    let parsed = arachne_filter::parse(filter, table, settings);
    parsed.predicate.ok_or(QueryError::BadFilter { diagnostics: parsed.diagnostics })
}
