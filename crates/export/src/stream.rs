//! Rows of a store, page by page, into a format: memory is bounded whatever is exported.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use arachne_filter::{Field, Predicate, Test, TextTest};
use arachne_model::table::{BodyRow, ExchangeRow, HostRow, Kind, PacketRow, Row};
use arachne_store::{CountMode, ListRequest, Number, Order, Selection, Store, StoreError, TimeRange, Watch};

use crate::{csv, curl, har, json, pcapng};

/// Rows of a page; those with bytes are fewer.
const PAGE_ROWS: usize = 2000;
const BYTES_PAGE_ROWS: usize = 200;

/// TCP sessions of one capture.
const SESSIONS_MAX: usize = 10_000;

/// Why an export ended early. What was written before stays.
#[derive(Debug)]
pub enum ExportError {
    /// The store could not answer, or was stopped.
    Store(StoreError),
    /// The output failed.
    Out(io::Error),
    /// It asks for more sessions than one capture may hold.
    TooManySessions {
        /// How many it may.
        max: usize,
    },
}

impl std::fmt::Display for ExportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(_) => write!(f, "cannot read the store"),
            Self::Out(_) => write!(f, "cannot write the export"),
            Self::TooManySessions { max } => write!(f, "the range has more than {max} TCP sessions: narrow it"),
        }
    }
}

impl std::error::Error for ExportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            Self::Out(error) => Some(error),
            Self::TooManySessions { .. } => None,
        }
    }
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        Self::Out(error)
    }
}

/// What is exported of the table `exchanges`.
#[derive(Clone, Debug)]
pub struct What {
    /// Which exchanges.
    pub predicate: Predicate,
    /// When.
    pub range: TimeRange,
    /// How they belong to the range.
    pub mode: CountMode,
    /// Open ones last until this instant.
    pub now: i64,
}

/// Reads rows of a store.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// Follows and stops.
    pub watch: &'a dyn Watch,
}

impl Reader<'_> {
    /// Gives the exchanges in ascending order of their start.
    ///
    /// # Errors
    /// When the store cannot answer, or `each` fails.
    pub fn exchanges(
        &self,
        what: &What,
        each: impl FnMut(ExchangeRow) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.rows(what, Arc::new(what.predicate.clone()), PAGE_ROWS, each)
    }

    /// The bodies that are kept of an exchange.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub fn bodies(&self, exchange: &ExchangeRow, now: i64) -> Result<Vec<BodyRow>, ExportError> {
        if exchange.bodies.is_none() {
            return Ok(Vec::new());
        }
        let mut bodies = Vec::new();
        let what = everything(now);
        self.rows(&what, is::<BodyRow>("exchange.id", [exchange.id.clone()]), BYTES_PAGE_ROWS, |row| {
            bodies.push(row);
            Ok(())
        })?;
        Ok(bodies)
    }

    /// The frames of sessions, in the order of time.
    ///
    /// # Errors
    /// When the store cannot answer, or `each` fails.
    pub fn packets(
        &self,
        sessions: impl IntoIterator<Item = String>,
        now: i64,
        each: impl FnMut(PacketRow) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        self.rows(&everything(now), is::<PacketRow>("tcp.session", sessions), BYTES_PAGE_ROWS, each)
    }

    /// Names of addresses, one for each.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub fn names(&self, now: i64) -> Result<Vec<(IpAddr, String)>, ExportError> {
        let mut names = std::collections::BTreeMap::new();
        self.rows(&everything(now), Arc::new(Predicate::All), PAGE_ROWS, |row: HostRow| {
            if let Ok(address) = row.address.parse() {
                names.insert(address, row.name);
            }
            Ok(())
        })?;
        Ok(names.into_iter().collect())
    }

    fn rows<R: Row>(
        &self,
        what: &What,
        predicate: Arc<Predicate>,
        page_rows: usize,
        mut each: impl FnMut(R) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let table = R::TABLE;
        let What { range, mode, now, .. } = *what;
        let selection = Selection { table, range, mode, predicate, now, counted_only: false };
        let order = Order { by: Number::Column(table.start), descending: false };
        let columns = (0..table.columns.len()).collect();
        let mut request = ListRequest { selection, order, after: None, limit: page_rows, columns };
        loop {
            let page = self.store.list(&request, self.watch)?;
            for values in &page.rows {
                let mut row = R::default();
                for (column, value) in values.iter().enumerate() {
                    // A value of the column's own kind fits.
                    row.set(column, value.as_value());
                }
                each(row)?;
            }
            request.after = page.next;
            if request.after.is_none() {
                return Ok(());
            }
        }
    }
}

fn everything(now: i64) -> What {
    What { predicate: Predicate::All, range: TimeRange::ALL, mode: CountMode::Start, now }
}

/// The column called `name` has one of these values.
fn is<R: Row>(name: &str, values: impl IntoIterator<Item = String>) -> Arc<Predicate> {
    let column = R::TABLE.column(name).expect("a column of the table");
    let test = Test::Text(TextTest::OneOf(values.into_iter().collect()));
    Arc::new(Predicate::Is(Field::Column(column), test))
}

/// Exchanges as ndjson: all columns, by their names with dots.
///
/// # Errors
/// See [`ExportError`].
pub fn ndjson(reader: Reader<'_>, what: &What, out: &mut dyn Write) -> Result<(), ExportError> {
    let (names, kinds) = columns();
    reader.exchanges(what, |row| Ok(json::write_row(out, &names, &cells(&kinds, &row))?))
}

/// Exchanges as CSV: all columns, by their names with dots.
///
/// # Errors
/// See [`ExportError`].
pub fn csv(reader: Reader<'_>, what: &What, out: &mut dyn Write) -> Result<(), ExportError> {
    let (names, kinds) = columns();
    csv::write_header(out, &names)?;
    reader.exchanges(what, |row| Ok(csv::write_row(out, &cells(&kinds, &row))?))
}

/// Exchanges with their bodies as HTTP Archive.
///
/// # Errors
/// See [`ExportError`].
pub fn har(reader: Reader<'_>, what: &What, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut archive = har::Writer::new(out)?;
    reader.exchanges(what, |row| Ok(archive.entry(&row, &reader.bodies(&row, what.now)?)?))?;
    archive.finish()?;
    Ok(())
}

/// A cURL command for each request, one after the other.
///
/// # Errors
/// See [`ExportError`].
pub fn curl(reader: Reader<'_>, what: &What, out: &mut dyn Write) -> Result<(), ExportError> {
    reader.exchanges(what, |row| {
        if row.method.is_some() {
            let bodies = reader.bodies(&row, what.now)?;
            let body = bodies.iter().find(|body| body.direction == "request");
            writeln!(out, "{}", curl::command(&row, body))?;
        }
        Ok(())
    })
}

/// The frames of the exchanges' TCP sessions, in the order of time, with the names of addresses.
///
/// # Errors
/// See [`ExportError`].
pub fn pcapng(reader: Reader<'_>, what: &What, out: &mut dyn Write) -> Result<(), ExportError> {
    let mut sessions = BTreeSet::new();
    reader.exchanges(what, |row| {
        sessions.insert(row.session);
        if sessions.len() > SESSIONS_MAX { Err(ExportError::TooManySessions { max: SESSIONS_MAX }) } else { Ok(()) }
    })?;
    pcapng_of(reader, sessions, what.now, out)
}

/// The frames of TCP sessions, in the order of time, with the names of addresses.
///
/// # Errors
/// See [`ExportError`].
pub fn pcapng_of(
    reader: Reader<'_>,
    sessions: impl IntoIterator<Item = String>,
    now: i64,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let mut capture = pcapng::Writer::new(out, &reader.names(now)?)?;
    reader.packets(sessions, now, |packet| Ok(capture.packet(&packet)?))?;
    capture.finish()?;
    Ok(())
}

fn columns() -> (Vec<String>, Vec<Kind>) {
    ExchangeRow::TABLE.columns.iter().map(|column| (column.name.to_owned(), column.kind)).unzip()
}

fn cells(kinds: &[Kind], row: &ExchangeRow) -> Vec<serde_json::Value> {
    kinds.iter().enumerate().map(|(column, kind)| json::cell(*kind, row.value(column))).collect()
}

#[cfg(test)]
mod tests {
    use arachne_store::{MemoryStore, Rows, Token, Unwatched};

    use super::*;

    fn store() -> MemoryStore {
        let exchange = |id: &str, start| ExchangeRow {
            id: id.to_owned(),
            session: format!("s{id}"),
            start,
            end: Some(start + 1),
            method: Some("GET".to_owned()),
            counted: true,
            bodies: (id == "a").then(|| "response".to_owned()),
            ..ExchangeRow::default()
        };
        let packet = |session: &str, time| PacketRow { session: session.to_owned(), time, ..PacketRow::default() };
        let body = BodyRow { exchange: "a".to_owned(), direction: "response".to_owned(), ..BodyRow::default() };
        let rows = Rows {
            exchanges: vec![exchange("b", 20), exchange("a", 10)],
            packets: vec![packet("sb", 21), packet("sa", 11), packet("sb", 20)],
            bodies: vec![BodyRow { bytes: b"hello".to_vec(), ..body }],
            ..Rows::default()
        };
        let store = MemoryStore::default();
        store.append(&Token { sender: "test".to_owned(), sequence: 1 }, rows).expect("memory takes rows");
        store
    }

    fn export(write: impl Fn(Reader<'_>, &What, &mut dyn Write) -> Result<(), ExportError>) -> Vec<u8> {
        let (store, mut out) = (store(), Vec::new());
        let reader = Reader { store: &store, watch: &Unwatched };
        write(reader, &everything(100), &mut out).expect("a Vec takes every byte");
        out
    }

    #[test]
    fn rows_come_in_the_order_of_time() {
        let text = String::from_utf8(export(ndjson)).expect("JSON");
        let ids: Vec<_> = text.lines().map(|line| line.get(..9)).collect();
        assert_eq!(ids, [Some("{\"id\":\"a\""), Some("{\"id\":\"b\"")]);
        assert_eq!(String::from_utf8(export(csv)).expect("CSV").lines().count(), 3);
        assert_eq!(String::from_utf8(export(curl)).expect("text").lines().count(), 2);
    }

    #[test]
    fn bodies_and_frames_belong_to_their_exchanges() {
        let archive: serde_json::Value = serde_json::from_slice(&export(har)).expect("JSON");
        assert_eq!(archive["log"]["entries"][0]["response"]["content"]["text"], "hello");
        let all = export(pcapng).len();
        let (store, mut out) = (store(), Vec::new());
        let reader = Reader { store: &store, watch: &Unwatched };
        pcapng_of(reader, ["sb".to_owned()], 100, &mut out).expect("a Vec takes every byte");
        // One frame without bytes less: its block has 32 bytes.
        assert_eq!(all, out.len() + 32);
    }
}
