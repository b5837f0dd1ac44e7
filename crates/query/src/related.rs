//! One row by its id, and what belongs to it: its session, packets and bodies.

use arachne_filter::render;
use arachne_model::table::{ExchangeRow, PacketRow, Row as _, SessionRow, Table, Value};
use arachne_store::{CountMode, TimeRange};
use serde::{Deserialize, Serialize};

use crate::Queries;
use crate::cell::Cell;
use crate::error::QueryError;
use crate::limits::PAGE_ROWS;
use crate::list::{ColumnFacts, ListAnswer};

/// What there is beside a row: links go only to what exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Related {
    /// The id of its TCP session, if that is stored.
    pub session: Option<String>,
    /// Whether packets of it are stored.
    pub packets: bool,
    /// Which bodies are stored: request, response.
    pub bodies: Vec<String>,
    /// The filter of its exchanges, for a session that has any.
    pub exchanges: Option<String>,
}

/// A row with all its columns.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Item {
    /// What the values are.
    pub columns: Vec<ColumnFacts>,
    /// The values.
    pub row: Vec<Cell>,
    /// What there is beside it.
    pub related: Related,
}

impl Item {
    /// The value of the column called `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Cell> {
        let at = self.columns.iter().position(|column| column.name == name)?;
        self.row.get(at)
    }

    fn text(&self, name: &str) -> Option<&str> {
        if let Some(Cell::Text(text)) = self.value(name) { Some(text) } else { None }
    }

    fn instant(&self, name: &str) -> Option<i64> {
        if let Some(Cell::Instant(at)) = self.value(name) { Some(at.0) } else { None }
    }

    /// From its first to its last instant; to the end of time while it is open.
    fn range(&self) -> TimeRange {
        let to = self.instant("end").map_or(i64::MAX, |end| end.saturating_add(1));
        TimeRange { from: self.instant("start").unwrap_or(i64::MIN), to }
    }
}

/// A page of the frames of an exchange or a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PageOf {
    /// The id of the exchange or the session.
    pub id: String,
    /// At most so many.
    pub limit: usize,
    /// Where to go on: `next` of the page before.
    pub cursor: Option<String>,
}

impl Default for PageOf {
    fn default() -> Self {
        Self { id: String::new(), limit: PAGE_ROWS, cursor: None }
    }
}

impl Queries<'_> {
    /// The exchange with this id, with all columns, and what there is beside it.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub fn exchange(&self, id: &str) -> Result<Option<Item>, QueryError> {
        let Some(mut item) = self.item(ExchangeRow::TABLE, id)? else { return Ok(None) };
        let session = item.text("tcp.session").unwrap_or_default().to_owned();
        item.related = Related {
            packets: self.has_packets(&session, item.range())?,
            bodies: item.text("bodies").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
            session: self.exists(SessionRow::TABLE, &session)?.then_some(session),
            exchanges: None,
        };
        Ok(Some(item))
    }

    /// The TCP session with this id, with all columns, and what there is beside it.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub fn session(&self, id: &str) -> Result<Option<Item>, QueryError> {
        let Some(mut item) = self.item(SessionRow::TABLE, id)? else { return Ok(None) };
        let found = self.rows_with(ExchangeRow::TABLE, "tcp.session", id, item.range(), &["id".into()], (1, None))?;
        let filter = || render::term(ExchangeRow::TABLE, "tcp.session", Value::Text(id));
        item.related = Related {
            packets: self.has_packets(id, item.range())?,
            exchanges: if found.rows.is_empty() { None } else { filter() },
            ..Related::default()
        };
        Ok(Some(item))
    }

    /// The frames of an exchange's session from its first to its last instant, in the order of time; `None` when there is
    /// no such exchange.
    ///
    /// # Errors
    /// When the question is not in order, or the store cannot answer.
    pub fn packets_of_exchange(&self, page: &PageOf) -> Result<Option<ListAnswer>, QueryError> {
        let Some(item) = self.item(ExchangeRow::TABLE, &page.id)? else { return Ok(None) };
        let session = item.text("tcp.session").unwrap_or_default();
        self.packets(session, item.range(), page).map(Some)
    }

    /// The frames of a session, in the order of time.
    ///
    /// # Errors
    /// When the question is not in order, or the store cannot answer.
    pub fn packets_of_session(&self, page: &PageOf) -> Result<ListAnswer, QueryError> {
        let known = self.item(SessionRow::TABLE, &page.id)?;
        let range = known.map_or(TimeRange::ALL, |item| item.range());
        self.packets(&page.id, range, page)
    }

    fn packets(&self, session: &str, range: TimeRange, page: &PageOf) -> Result<ListAnswer, QueryError> {
        let columns = names(PacketRow::TABLE);
        let cursor = (page.limit, page.cursor.as_deref());
        self.rows_with(PacketRow::TABLE, "tcp.session", session, range, &columns, cursor)
    }

    fn has_packets(&self, session: &str, range: TimeRange) -> Result<bool, QueryError> {
        let columns = ["packet.number".to_owned()];
        let found = self.rows_with(PacketRow::TABLE, "tcp.session", session, range, &columns, (1, None))?;
        Ok(!found.rows.is_empty())
    }

    fn exists(&self, table: &'static Table, id: &str) -> Result<bool, QueryError> {
        Ok(!self.found(table, id, &["id".to_owned()])?.rows.is_empty())
    }

    fn item(&self, table: &'static Table, id: &str) -> Result<Option<Item>, QueryError> {
        let found = self.found(table, id, &names(table))?;
        let columns = found.columns;
        Ok(found.rows.into_iter().next().map(|row| Item { columns, row, related: Related::default() }))
    }

    /// Looks where the id says that its row starts, then everywhere.
    fn found(&self, table: &'static Table, id: &str, columns: &[String]) -> Result<ListAnswer, QueryError> {
        if let Some(range) = written(id) {
            let found = self.rows_with(table, "id", id, range, columns, (1, None))?;
            if !found.rows.is_empty() {
                return Ok(found);
            }
        }
        self.rows_with(table, "id", id, TimeRange::ALL, columns, (1, None))
    }

    /// The rows of a table, twins included, whose `column` is `value`, in ascending order of start.
    fn rows_with(
        &self,
        table: &'static Table,
        column: &str,
        value: &str,
        range: TimeRange,
        columns: &[String],
        page: (usize, Option<&str>),
    ) -> Result<ListAnswer, QueryError> {
        let mut resolved = self.exactly(table, column, value)?;
        resolved.selection.range = range;
        resolved.selection.mode = CountMode::Start;
        self.page(&resolved, columns, &format!("{} {column} {value}", table.name), page)
    }
}

/// All columns.
fn names(table: &Table) -> Vec<String> {
    table.columns.iter().map(|column| column.name.to_owned()).collect()
}

/// The millisecond that an id begins with: ten characters of Crockford's base32 are two zero bits and 48 of time.
fn written(id: &str) -> Option<TimeRange> {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = id.as_bytes().get(..10).filter(|_| id.len() == 26)?;
    let millis = time.iter().try_fold(0_i64, |sum, byte| {
        let digit = DIGITS.iter().position(|d| d == byte)?;
        Some(sum << 5 | i64::try_from(digit).ok()?)
    })?;
    let from = millis.checked_mul(1_000_000)?;
    Some(TimeRange { from, to: from.checked_add(1_000_000)? })
}
