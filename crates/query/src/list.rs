//! Lists of rows, page by page, and one row by its id.

use arachne_filter::catalogue::lookup;
use arachne_filter::{Class, Computed, Field, Predicate, Test, TextTest};
use arachne_model::table::{Kind, Table};
use arachne_store::{GroupRequest, ListRequest, Measure, Measured, Number, Order, Page, Scalar, Scanned};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::cell::Cell;
use crate::cursor;
use crate::error::{QueryError, at_most};
use crate::fields::{entry, number};
use crate::limits::{PAGE_ROWS, PAGE_ROWS_MAX};
use crate::object::object;
use crate::plan::Plan;
use crate::scope::{Resolved, Scope};

/// Whether all rows of a list are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Total {
    /// No.
    #[default]
    None,
    /// Yes, which looks at every row that the range may have.
    Exact,
    /// Yes. In a batch the rows come first, and the number as a second answer of the same panel, of the kind `total`.
    Later,
}

/// A page of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListQuery {
    /// Which rows.
    #[serde(deserialize_with = "object")]
    pub scope: Scope,
    /// Fields to show, by name or alias; all but headers and bytes when empty.
    pub columns: Vec<String>,
    /// The number that rows are ordered by, by name or alias; nulls are smallest.
    pub order: String,
    /// Smallest first.
    pub ascending: bool,
    /// At most so many rows.
    pub limit: usize,
    /// Where to go on: `next` of the page before.
    pub cursor: Option<String>,
    /// Whether all rows are counted.
    pub count: Total,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            scope: Scope::default(),
            columns: Vec::new(),
            order: "start".to_owned(),
            ascending: false,
            limit: PAGE_ROWS,
            cursor: None,
            count: Total::None,
        }
    }
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ColumnFacts {
    /// The name with dots.
    pub name: String,
    /// As it was asked for.
    pub label: String,
    /// What its values are: instant, duration (ns), size (bytes), integer, hash, flag, label, words, address, text, id,
    /// headers, bytes (base64).
    pub kind: &'static str,
}

/// What an answer cost, and how whole it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cost {
    /// Rows looked at.
    pub rows: u64,
    /// Rows skipped unseen.
    pub skipped: u64,
    /// Rows that should be there and cannot be read.
    pub lost: u64,
}

impl From<Scanned> for Cost {
    fn from(scanned: Scanned) -> Self {
        Self { rows: scanned.rows, skipped: scanned.skipped, lost: scanned.lost }
    }
}

/// Rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListAnswer {
    /// What the values of a row are.
    pub columns: Vec<ColumnFacts>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Where the next page goes on; `None` when this was the last.
    pub next: Option<String>,
    /// All rows of the list, if they were to be counted.
    pub total: Option<u64>,
    /// What it cost.
    pub scanned: Cost,
}

/// How many rows a list has, which was to be counted later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListTotal {
    /// All rows of the list.
    pub total: u64,
}

/// Where the value of a column comes from.
enum Source {
    /// The value at this place of the fetched row.
    Fetched(usize),
    /// `later - earlier`, never negative.
    Difference { earlier: usize, later: usize },
    /// The class from status, start, end and provisional.
    Class([usize; 4]),
}

/// Columns of an answer, and the columns to fetch for them.
struct Columns {
    facts: Vec<(ColumnFacts, Kind, Source)>,
    fetched: Vec<usize>,
}

impl Queries<'_> {
    /// A page of rows.
    ///
    /// # Errors
    /// When the question is not in order, or the store cannot answer.
    pub fn list(&self, query: &ListQuery) -> Result<ListAnswer, QueryError> {
        let resolved = self.resolve(&query.scope)?;
        let columns = Columns::new(resolved.table, &query.columns)?;
        let order = Order { by: number(resolved.table, "order", &query.order)?.0, descending: !query.ascending };
        let list = identity(query);
        let after = query.cursor.as_deref().map(|text| cursor::decode(text, &list)).transpose()?;
        at_most("limit", "rows of a page", query.limit, PAGE_ROWS_MAX)?;
        let total = if query.count == Total::None { None } else { Some(self.run(counting(&resolved))?.total) };
        let fetched = columns.fetched.clone();
        let request = ListRequest {
            selection: resolved.selection.clone(),
            order,
            after,
            limit: query.limit.max(1),
            columns: fetched,
        };
        let page = self.store.list(&request, self.watch)?;
        let next = page.next.as_ref().map(|next| cursor::encode(next, &list));
        Ok(ListAnswer { next, total, ..columns.answer(page, &resolved) })
    }

    /// How many rows a list has.
    pub(crate) fn plan_total(&self, query: &ListQuery) -> Result<Plan<ListTotal>, QueryError> {
        self.resolve(&query.scope).map(|resolved| counting(&resolved))
    }

    /// A page of rows in ascending order of start; `list` tells lists apart, `page` is the limit and the cursor.
    pub(crate) fn page(
        &self,
        resolved: &Resolved,
        columns: &[String],
        list: &str,
        page: (usize, Option<&str>),
    ) -> Result<ListAnswer, QueryError> {
        let columns = Columns::new(resolved.table, columns)?;
        at_most("limit", "rows of a page", page.0, PAGE_ROWS_MAX)?;
        let request = ListRequest {
            selection: resolved.selection.clone(),
            order: Order { by: Number::Column(resolved.table.start), descending: false },
            after: page.1.map(|text| cursor::decode(text, list)).transpose()?,
            limit: page.0.max(1),
            columns: columns.fetched.clone(),
        };
        let page = self.store.list(&request, self.watch)?;
        let next = page.next.as_ref().map(|next| cursor::encode(next, list));
        Ok(ListAnswer { next, ..columns.answer(page, resolved) })
    }

    /// The rows of a table, twins included, whose `column` is `value`.
    pub(crate) fn exactly(&self, table: &'static Table, column: &str, value: &str) -> Result<Resolved, QueryError> {
        let field = entry(table, "id", column)?.field;
        let predicate = Predicate::Is(field, Test::Text(TextTest::OneOf(vec![value.to_owned()])));
        Ok(self.resolved(table, predicate))
    }
}

/// Counts the rows that are selected.
fn counting(resolved: &Resolved) -> Plan<ListTotal> {
    let (selection, measures) = (resolved.selection.clone(), vec![Measure::Count]);
    let request = GroupRequest { selection, keys: Vec::new(), measures, groups_max: 1, whole: false };
    Plan::new(vec![request], |groups| {
        let counts = groups.iter().flat_map(|groups| &groups.groups).flat_map(|group| &group.measures);
        let count =
            |measured: &Measured| if let Measured::Int(n) = measured { u64::try_from(*n).unwrap_or(0) } else { 0 };
        Ok(ListTotal { total: counts.map(count).sum() })
    })
}

/// What a cursor belongs to: the rows and their order, not how they are shown.
fn identity(query: &ListQuery) -> String {
    let ListQuery { scope, order, ascending, .. } = query;
    format!("{} {:?} {order} {ascending} {} {}", scope.table, scope.mode, scope.twins, scope.filter)
}

impl Columns {
    fn new(table: &'static Table, names: &[String]) -> Result<Self, QueryError> {
        at_most("columns", "columns", names.len(), 2 * table.columns.len() + 8)?;
        let mut columns = Self { facts: Vec::new(), fetched: Vec::new() };
        for name in names {
            columns.push(table, name)?;
        }
        if names.is_empty() {
            let light = |kind| !matches!(kind, Kind::Headers | Kind::Bytes);
            for column in table.columns.iter().filter(|column| light(column.kind)) {
                columns.push(table, column.name)?;
            }
            for name in ["duration", "wait", "class"].into_iter().filter(|name| lookup(table, name).is_some()) {
                columns.push(table, name)?;
            }
        }
        Ok(columns)
    }

    fn push(&mut self, table: &'static Table, name: &str) -> Result<(), QueryError> {
        let part = "columns";
        let entry = entry(table, part, name)?;
        let mut at = |name: &str| table.column(name).map_or(0, |column| self.fetch(column));
        let unfit = |reason| QueryError::UnfitField { part, name: name.to_owned(), reason };
        let source = match entry.field {
            Field::Column(column) => Source::Fetched(self.fetch(column)),
            Field::Computed(Computed::Wait) => {
                Source::Difference { earlier: at("request.end"), later: at("response.start") }
            }
            Field::Computed(Computed::Duration) => {
                let earlier = self.fetch(table.start);
                Source::Difference { earlier, later: table.end.map_or(earlier, |end| self.fetch(end)) }
            }
            Field::Computed(Computed::Class(_)) => Source::Class(Class::columns().map(|column| self.fetch(column))),
            Field::Header(..) => return Err(unfit("lists have http.request.headers and http.response.headers")),
            Field::AnyText => return Err(unfit("free text looks at several fields; name them")),
        };
        let facts = ColumnFacts { name: entry.name.into_owned(), label: name.to_owned(), kind: kind_name(entry.kind) };
        self.facts.push((facts, entry.kind, source));
        Ok(())
    }

    /// The place of a column in the fetched rows.
    fn fetch(&mut self, column: usize) -> usize {
        self.fetched.iter().position(|c| *c == column).unwrap_or_else(|| {
            self.fetched.push(column);
            self.fetched.len() - 1
        })
    }

    fn answer(self, page: Page, resolved: &Resolved) -> ListAnswer {
        let cell = |row: &[Scalar], kind: Kind, source: &Source| match source {
            Source::Fetched(at) => Cell::new(row.get(*at).cloned().unwrap_or(Scalar::Null), kind),
            Source::Difference { earlier, later } => match (row.get(*earlier), row.get(*later)) {
                (Some(Scalar::Int(from)), Some(Scalar::Int(to))) => Cell::Number(to.saturating_sub(*from).max(0)),
                _ => Cell::Null,
            },
            Source::Class(places) => {
                let null = Scalar::Null;
                let [status, start, end, open] = places.map(|at| row.get(at).unwrap_or(&null).as_value());
                Cell::Text(Class::of_values(status, start, end, open, resolved.settings.thresholds).name().to_owned())
            }
        };
        let shown = |row: Vec<Scalar>| self.facts.iter().map(|(_, kind, source)| cell(&row, *kind, source)).collect();
        let rows = page.rows.into_iter().map(shown).collect();
        let columns = self.facts.iter().map(|(facts, _, _)| facts.clone()).collect();
        ListAnswer { columns, rows, next: None, total: None, scanned: page.scanned.into() }
    }
}

/// The stable name of a kind.
pub(crate) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Instant => "instant",
        Kind::Duration => "duration",
        Kind::Size => "size",
        Kind::Integer => "integer",
        Kind::Hash => "hash",
        Kind::Flag => "flag",
        Kind::Label => "label",
        Kind::Words => "words",
        Kind::Address => "address",
        Kind::Text => "text",
        Kind::Id => "id",
        Kind::Headers | Kind::Labels => "headers",
        Kind::Bytes => "bytes",
    }
}
