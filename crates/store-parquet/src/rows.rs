//! Rows of all tables as batches, and batches as a frame of the log.
//!
//! A frame's payload is the length of a JSON header (u32, little-endian), the header, and one Arrow IPC stream (LZ4) for each
//! table that the header lists, in its order.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::io::Cursor;

use arachne_model::table::{ExchangeRow, PointRow, Row, STORED, STORED_COUNT, TABLE_COUNT, TABLES, Table};
use arachne_store::{Rows, StoreError, Token};
use arrow::array::{AsArray as _, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::row::{RowConverter, Rows as SortKeys, SortField};
use serde::{Deserialize, Serialize};

use crate::columns;

/// Tables that are sent.
pub(crate) const SENT: usize = TABLE_COUNT;

/// Tables that are kept: those that are sent come first.
pub(crate) const COUNT: usize = STORED_COUNT;

/// A batch of each table.
pub(crate) type Batches = [Option<RecordBatch>; SENT];

/// The place of a table in all arrays by table.
pub(crate) fn place(table: &Table) -> usize {
    STORED.iter().position(|known| known.name == table.name).unwrap_or_default()
}

/// The place of the points.
pub(crate) fn points() -> usize {
    place(PointRow::TABLE)
}

/// Rows in the order of their table; `None` for none.
pub(crate) fn sorted<R: Row>(rows: &[R]) -> Option<RecordBatch> {
    in_order(rows.iter().collect())
}

/// As [`sorted`], for rows that lie apart.
pub(crate) fn in_order<R: Row>(mut rows: Vec<&R>) -> Option<RecordBatch> {
    rows.sort_by(|a, b| columns::compare(*a, *b));
    (!rows.is_empty()).then(|| columns::batch(&rows))
}

/// All rows but provisional exchanges, which are given apart; without those that have ended in the same batch.
pub(crate) fn split(mut rows: Rows) -> (Batches, Vec<ExchangeRow>) {
    let (mut open, done) =
        std::mem::take(&mut rows.exchanges).into_iter().partition::<Vec<_>, _>(|row| row.provisional);
    if !open.is_empty() {
        let ended: HashSet<&str> = done.iter().map(|row| &*row.id).collect();
        open.retain(|row| !ended.contains(&*row.id));
    }
    let batches = [
        sorted(&done),
        sorted(&rows.sessions),
        sorted(&rows.packets),
        sorted(&rows.bodies),
        sorted(&rows.quality),
        sorted(&rows.hosts),
        sorted(&rows.points),
        sorted(&rows.logs),
    ];
    (batches, open)
}

/// What sorts rows of a table.
pub(crate) fn keys(table: &'static Table, batch: &RecordBatch) -> Result<SortKeys, ArrowError> {
    converter(table)?.convert_columns(&table.order.iter().map(|&c| batch.column(c).clone()).collect::<Vec<_>>())
}

/// The converter of a table's order columns; keys of one converter can be compared with each other.
pub(crate) fn converter(table: &'static Table) -> Result<RowConverter, ArrowError> {
    let schema = columns::schema(table);
    RowConverter::new(table.order.iter().map(|&c| SortField::new(schema.field(c).data_type().clone())).collect())
}

/// Several batches as one, in the table's order; equal rows stay in the order of the batches.
pub(crate) fn merge(table: &'static Table, batches: &[RecordBatch]) -> Result<RecordBatch, ArrowError> {
    if let [one] = batches {
        return Ok(one.clone());
    }
    let all = concat_batches(&columns::schema(table), batches)?;
    take_record_batch(&all, &UInt32Array::from(order(table, &all)?))
}

/// The rows of a batch in the table's order; equal rows stay in theirs.
pub(crate) fn order(table: &'static Table, batch: &RecordBatch) -> Result<Vec<u32>, ArrowError> {
    let rows = 0..u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
    let Some(firsts) = batch.column(table.order[0]).as_primitive_opt::<Int64Type>() else {
        let keys = keys(table, batch)?;
        let mut order: Vec<u32> = rows.collect();
        order.sort_by(|&a, &b| keys.row(a as usize).cmp(&keys.row(b as usize)));
        return Ok(order);
    };
    // Most tables begin with an instant, which nearly always decides. It is never null.
    let cell = |column: usize, row: u32| columns::cell(batch.column(column), row as usize);
    let compare = |a: u32, b: u32| {
        let mut others = table.order[1..].iter().map(|&c| columns::compare_values(cell(c, a), cell(c, b)));
        others.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let mut order: Vec<(i64, u32)> = firsts.values().iter().copied().zip(rows).collect();
    order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| compare(a.1, b.1)));
    Ok(order.into_iter().map(|(_, row)| row).collect())
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sender: Option<String>,
    #[serde(default)]
    sequence: u64,
    tables: Vec<TableHeader>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TableHeader {
    table: String,
    version: u16,
    rows: usize,
    bytes: usize,
}

/// A frame, read.
#[derive(Debug, Default)]
pub(crate) struct FrameRows {
    /// The sender's name of it; none for rows that the engine carried on.
    pub token: Option<Token>,
    /// Its rows by table. Provisional exchanges are among them.
    pub batches: Batches,
}

/// Rows as a payload.
pub(crate) fn encode(token: Option<&Token>, batches: &Batches) -> Result<Vec<u8>, ArrowError> {
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut streams = Vec::new();
    let mut tables = Vec::new();
    for (table, batch) in TABLES.iter().zip(batches) {
        let Some(batch) = batch else { continue };
        let before = streams.len();
        let mut writer = StreamWriter::try_new_with_options(&mut streams, &batch.schema(), options.clone())?;
        writer.write(batch)?;
        writer.finish()?;
        drop(writer);
        let bytes = streams.len() - before;
        tables.push(TableHeader {
            table: table.name.to_owned(),
            version: table.version,
            rows: batch.num_rows(),
            bytes,
        });
    }
    let header = Header {
        sender: token.map(|token| token.sender.clone()),
        sequence: token.map(|token| token.sequence).unwrap_or_default(),
        tables,
    };
    let header = serde_json::to_vec(&header).map_err(|e| ArrowError::ExternalError(e.into()))?;
    let length = u32::try_from(header.len()).map_err(|e| ArrowError::ExternalError(e.into()))?;
    Ok([&length.to_le_bytes()[..], &header, &streams].concat())
}

/// A payload as rows.
///
/// # Errors
/// What is wrong with it; [`StoreError::Newer`] when a later release wrote it.
pub(crate) fn decode(payload: &[u8]) -> Result<FrameRows, StoreError> {
    let bad = |why: String| StoreError::Refused(why);
    let cut = || bad("the frame is cut".to_owned());
    let (length, rest) = payload.split_first_chunk::<4>().ok_or_else(cut)?;
    let (header, mut streams) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
    let header: Header = serde_json::from_slice(header).map_err(|e| bad(e.to_string()))?;
    let mut batches = Batches::default();
    for one in header.tables {
        let Some(at) = TABLES.iter().position(|t| t.name == one.table).filter(|at| one.version <= TABLES[*at].version)
        else {
            return Err(StoreError::Newer { found: u32::from(one.version), known: 1 });
        };
        let (stream, rest) = streams.split_at_checked(one.bytes).ok_or_else(cut)?;
        streams = rest;
        let table = TABLES[at];
        let read =
            StreamReader::try_new(Cursor::new(stream), None).and_then(|reader| reader.collect::<Result<Vec<_>, _>>());
        let read = read.map_err(|e| bad(e.to_string()))?;
        let all: Vec<usize> = (0..table.columns.len()).collect();
        let adapted: Vec<_> = read.iter().map(|batch| columns::adapt(table, batch, &all)).collect();
        let merged = merge(table, &adapted).map_err(|e| bad(e.to_string()))?;
        batches[at] = Some(merged).filter(|batch| batch.num_rows() > 0);
    }
    let token = header.sender.map(|sender| Token { sender, sequence: header.sequence });
    Ok(FrameRows { token, batches })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arachne_model::table::{HostRow, QualityRow};

    #[test]
    fn a_frame_gives_back_its_rows() {
        let exchange = |start| ExchangeRow { start, id: format!("x{start}"), ..ExchangeRow::default() };
        let rows = Rows {
            exchanges: vec![exchange(3), exchange(1)],
            quality: vec![QualityRow { value: 7, ..QualityRow::default() }],
            ..Rows::default()
        };
        let token = Token { sender: "a".to_owned(), sequence: 9 };
        let (batches, open) = split(rows);
        assert!(open.is_empty());
        let payload = encode(Some(&token), &batches).expect("it fits");
        let read = decode(&payload).expect("it was just written");
        assert_eq!((read.token, &read.batches), (Some(token), &batches));
        assert_eq!(columns::row::<ExchangeRow>(read.batches[0].as_ref().expect("there are two"), 0), exchange(1));
        for length in 0..payload.len() {
            drop(decode(&payload[..length]));
        }
    }

    #[test]
    fn merging_keeps_order() {
        let host = |first, address: &str| HostRow { first, address: address.to_owned(), ..HostRow::default() };
        let one = sorted(&[host(3, "b"), host(1, "z"), host(1, "a")]).expect("three");
        let two = sorted(&[host(2, "q"), host(1, "b")]).expect("two");
        let merged = merge(HostRow::TABLE, &[one, two]).expect("of one table");
        let rows: Vec<_> = (0..5).map(|n| columns::row::<HostRow>(&merged, n)).map(|h| (h.first, h.address)).collect();
        let expected = [(1, "a"), (1, "b"), (1, "z"), (2, "q"), (3, "b")];
        assert_eq!(rows, expected.map(|(first, address)| (first, address.to_owned())));
    }
}
