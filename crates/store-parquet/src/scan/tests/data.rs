//! Random rows, and snapshots of them with tiny row groups and pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use arachne_model::table::{ExchangeRow, Row as _, Table};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use proptest::prelude::*;

use crate::bloom::TextIndexBuilder;
use crate::columns;
use crate::disk::{Disk, MemoryDisk};
use crate::part::{DamageLog, Demoted, Part, PartMeta, Sidecar};
use crate::snapshot::TableSnapshot;

pub(super) const TABLE: &Table = ExchangeRow::TABLE;

pub(super) fn column(name: &str) -> usize {
    TABLE.column(name).expect("a column of exchanges")
}

/// Rows and how they are stored.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// All rows, as they should be seen.
    pub(super) rows: Vec<ExchangeRow>,
    /// Where each row is: the number of a part, or of a batch in memory behind them.
    places: Vec<usize>,
    parts: usize,
    /// Whether each row's part says that it does not count.
    demoted: Vec<bool>,
    group_rows: usize,
    page_rows: usize,
}

const PATHS: [&str; 6] = ["/shop/Checkout", "/shop/cart/17", "/", "/über/checkout", "/shop/\u{212a}art", ""];
const HEADERS: [&str; 4] =
    ["Host: a\nX-Tag: one\nx-tag: Two\n", "X-Tag:\nAccept: text/checkout\n", "", "no colon\nX-TAG:  padded\n"];

fn text<const N: usize>(texts: [&'static str; N]) -> impl Strategy<Value = Option<String>> {
    prop::option::of(prop::sample::select(texts.to_vec()).prop_map(str::to_owned))
}

prop_compose! {
    fn times()(
        start in 0_i64..50,
        end in prop_oneof![
            5 => (0_i64..8).prop_map(Some),
            2 => Just(Some(0)),
            2 => (0_i64..60).prop_map(Some),
            1 => (-5_i64..0).prop_map(Some),
            2 => Just(None),
        ],
        request_end in prop::option::of(-2_i64..5),
        response_start in prop::option::of(-2_i64..9),
    ) -> ExchangeRow {
        ExchangeRow {
            start,
            end: end.map(|long| start + long),
            request_end: request_end.map(|long| start + long),
            response_start: response_start.map(|long| start + long),
            ..ExchangeRow::default()
        }
    }
}

fn address() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["10.0.0.1", "10.1.0.1", "fd00::1", "?"])
}

prop_compose! {
    fn row()(
        times in times(),
        flags in any::<(bool, bool)>(),
        status in prop::option::of(prop::sample::select(vec![101_u16, 200, 404, 500, 503])),
        service in prop::sample::select(vec!["a", "b", "c:80"]),
        texts in (text(PATHS), text(["q=1", "page=checkout"]), text(HEADERS), text(HEADERS)),
        template in text(["/shop/*", "/"]),
        tags in text(["one", "one two", "twofold"]),
        trace in text(["t1", "t2", "t3"]),
        addresses in (address(), address()),
        numbers in (0_u64..4, -3_i64..3),
    ) -> ExchangeRow {
        ExchangeRow {
            provisional: flags.0,
            counted: flags.1,
            status,
            service: service.to_owned(),
            path: texts.0,
            query: texts.1,
            request_headers: texts.2,
            response_headers: texts.3,
            template,
            tags,
            trace_id: trace,
            client_address: addresses.0.to_owned(),
            origin: addresses.1.to_owned(),
            request_size: numbers.0,
            wire_key: numbers.1,
            ..times
        }
    }
}

pub(super) fn stored() -> impl Strategy<Value = Stored> {
    let row = (row(), 0_usize..8, any::<bool>());
    (prop::collection::vec(row, 0..60), 1_usize..5, 1_usize..9, 1_usize..4).prop_map(
        |(rows, parts, group_rows, page_rows)| {
            let places: Vec<usize> = rows.iter().map(|(_, place, _)| place % (parts + 2)).collect();
            let demoted: Vec<bool> =
                rows.iter().zip(&places).map(|((.., d), place)| *d && place % 2 == 1 && *place < parts).collect();
            let rows = rows.into_iter().zip(&demoted).enumerate().map(|(n, ((row, ..), demoted))| ExchangeRow {
                id: format!("{:026}", (n * 37) % 61),
                counted: row.counted && !demoted,
                ..row
            });
            Stored { rows: rows.collect(), places, parts, demoted, group_rows, page_rows }
        },
    )
}

impl Stored {
    /// The rows as a snapshot on a disk of its own.
    pub(super) fn snapshot(&self) -> TableSnapshot {
        let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
        let of = |place: usize| {
            let mut rows: Vec<(&ExchangeRow, bool)> = (0..self.rows.len())
                .filter(|n| self.places[*n] == place)
                .map(|n| (&self.rows[n], self.demoted[n]))
                .collect();
            rows.sort_by(|a, b| columns::compare(a.0, b.0));
            rows
        };
        let parts = (0..self.parts).map(|place| (place, of(place))).filter(|(_, rows)| !rows.is_empty());
        let parts = parts.map(|(place, rows)| self.part(&disk, place, &rows)).collect();
        let memory = (self.parts..self.parts + 2).map(of).filter(|rows| !rows.is_empty());
        let memory = memory.map(|rows| columns::batch(&rows.iter().map(|(row, _)| *row).collect::<Vec<_>>())).collect();
        TableSnapshot { parts, memory, ..TableSnapshot::empty(TABLE) }
    }

    /// A part; what it says does not count is written as if it did.
    fn part(&self, disk: &Arc<dyn Disk>, place: usize, rows: &[(&ExchangeRow, bool)]) -> Part {
        let written: Vec<ExchangeRow> = rows
            .iter()
            .map(|(row, demoted)| ExchangeRow { counted: row.counted || *demoted, ..(*row).clone() })
            .collect();
        let batch = columns::batch(&written.iter().collect::<Vec<_>>());
        let mut writer =
            ArrowWriter::try_new(Vec::new(), columns::schema(TABLE), Some(self.properties())).expect("a schema");
        writer.write(&batch).expect("memory takes it");
        let path = format!("{place}.parquet");
        let file = save(disk, &path, &writer.into_inner().expect("memory takes it"));
        let mut index = TextIndexBuilder::new(TABLE);
        index.add(&batch);
        let index = index.finish().filter(|_| place != 0).map(|bytes| save(disk, &format!("{place}.idx"), &bytes));
        let ends = written.iter().map(|row| row.end.unwrap_or(i64::MAX).max(row.start));
        let meta = PartMeta {
            rolled: false,
            table: TABLE.name.to_owned(),
            version: TABLE.version,
            path,
            bytes: file.bytes,
            checksum: file.checksum,
            rows: written.len() as u64,
            start_min: written.iter().map(|row| row.start).min().expect("there are rows"),
            start_max: written.iter().map(|row| row.start).max().expect("there are rows"),
            end_max: ends.max().expect("there are rows"),
            long: false,
            sources: Vec::new(),
            batch: None,
            index,
            demoted: None,
        };
        let positions = rows.iter().zip(0..).filter(|((_, demoted), _)| *demoted).map(|(_, position)| position);
        let demoted = Demoted::new(BTreeMap::from([("other".to_owned(), positions.collect())]));
        Part::new(Arc::clone(disk), TABLE, meta, Some(Arc::new(demoted)), Arc::new(DamageLog::default()))
    }

    fn properties(&self) -> WriterProperties {
        let builder = WriterProperties::builder()
            .set_max_row_group_row_count(Some(self.group_rows))
            .set_data_page_row_count_limit(self.page_rows)
            .set_write_batch_size(1)
            .set_statistics_enabled(EnabledStatistics::Page);
        let blooms = TABLE.blooms.iter().map(|bloom| ColumnPath::from(TABLE.columns[*bloom].sql));
        blooms.fold(builder, |builder, path| builder.set_column_bloom_filter_enabled(path, true)).build()
    }
}

/// Writes a file.
pub(super) fn save(disk: &Arc<dyn Disk>, path: &str, bytes: &[u8]) -> Sidecar {
    let mut file = disk.create(path).expect("memory takes it");
    file.write_all(bytes).expect("memory takes it");
    file.sync().expect("memory takes it");
    Sidecar { path: path.to_owned(), bytes: bytes.len() as u64, checksum: crc32c::crc32c(bytes) }
}
