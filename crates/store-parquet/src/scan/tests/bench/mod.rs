//! Times questions over many rows: not a test, it checks nothing.
//!
//! Runs only when `ARACHNE_SCAN_BENCH` names a folder, in which parts with `ARACHNE_SCAN_ROWS` (10 million) exchanges are
//! kept from run to run: `ARACHNE_SCAN_BENCH=… cargo test --release -p arachne-store-parquet --lib scan::tests::bench --
//! --nocapture`. `ARACHNE_SCAN_ONLY` chooses questions by a part of their name, `ARACHNE_SCAN_THREADS` (2) says on how many
//! threads.

mod rows;

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arachne_filter::{Computed, Field, IntRange, Predicate, Test, TextTest, Thresholds};
use arachne_model::table::ExchangeRow;
use arachne_store::{
    Buckets, CountMode, GroupRequest, Key, ListRequest, Measure, Number, Order, Scanned, Selection, TimeRange,
    Unwatched,
};

use self::rows::{DAY, DAY_NS};
use super::data::{TABLE, column};
use crate::bloom::TextIndexBuilder;
use crate::columns;
use crate::disk::{Disk, RealDisk};
use crate::part::write::{PartWriter, write_sidecar};
use crate::part::{Part, PartMeta};
use crate::scan::{ScanOptions, group, list};
use crate::snapshot::TableSnapshot;

/// Rows of a part.
const PART: u64 = 131_072;
/// Items that last longer have parts of their own.
const LONG_NS: i64 = 300_000_000_000;
const HOUR: i64 = 3_600_000_000_000;

fn say(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The parts in a folder, made when they are not there yet.
fn parts(folder: &Path, count: u64) -> Vec<PartMeta> {
    let list = folder.join("parts.json");
    if let Ok(text) = std::fs::read(&list) {
        return serde_json::from_slice(&text).expect("it was written here");
    }
    std::fs::create_dir_all(folder).expect("a folder that can be written");
    let (next, all) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(part) = Some(next.fetch_add(1, Relaxed)).filter(|part| part * PART < count) {
                    let made = make(folder, part, count);
                    all.lock().expect("nobody panics").extend(made);
                }
            });
        }
    });
    let mut all = all.into_inner().expect("nobody panics");
    all.sort_by_key(|part| part.start_min);
    std::fs::write(list, serde_json::to_vec(&all).expect("numbers and text")).expect("a folder that can be written");
    let bytes = |of: fn(&PartMeta) -> u64| all.iter().map(of).sum::<u64>() as f64 / count as f64;
    let (rows, indexes) = (bytes(|part| part.bytes), bytes(|part| part.bytes_all() - part.bytes));
    say(&format!("made in {:?}; bytes per row: {rows:.1}, of text filters {indexes:.1}", began.elapsed()));
    all
}

fn make(folder: &Path, part: u64, count: u64) -> Vec<PartMeta> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let mut rows: Vec<ExchangeRow> =
        (part * PART..((part + 1) * PART).min(count)).map(|n| rows::row(n, count)).collect();
    rows.sort_by(columns::compare);
    let long = |row: &&ExchangeRow| row.end.is_some_and(|end| end - row.start > LONG_NS);
    let (long, short): (Vec<_>, Vec<_>) = rows.iter().partition(long);
    let kinds = [("short", short), ("long", long)].into_iter().filter(|(_, rows)| !rows.is_empty());
    let written = kinds.map(|(kind, rows)| {
        let mut writer =
            PartWriter::create(&disk, TABLE, &format!("{part:03}-{kind}.parquet"), rows.len()).expect("room");
        let mut index = TextIndexBuilder::new(TABLE);
        for rows in rows.chunks(16_384) {
            let batch = columns::batch(rows);
            writer.write(&batch).expect("room");
            index.add(&batch);
        }
        let index = index.finish().expect("exchanges have texts");
        let index = write_sidecar(&*disk, &format!("{part:03}-{kind}.idx"), &index).expect("room");
        PartMeta { index: Some(index), long: kind == "long", ..writer.finish().expect("room") }
    });
    written.collect()
}

struct Bench {
    snapshot: TableSnapshot,
    options: ScanOptions,
    only: String,
}

impl Bench {
    fn time(&self, name: &str, answer: impl Fn() -> (usize, Scanned)) {
        if !name.contains(&self.only) {
            return;
        }
        let mut times: Vec<_> = (0..5)
            .map(|_| {
                let began = Instant::now();
                let answer = answer();
                (began.elapsed().as_secs_f64() * 1e3, answer)
            })
            .collect();
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (results, scanned) = times[0].1;
        let (best, median) = (times[0].0, times[2].0);
        say(&format!(
            "{name:32} best {best:8.2} ms, median {median:8.2} ms: {results} results of {} rows",
            scanned.rows
        ));
    }

    fn group(&self, name: &str, selection: Selection, keys: Vec<Key>, measure: Measure) {
        let request = GroupRequest { selection, keys, measures: vec![Measure::Count, measure], groups_max: 1_000_000 };
        self.time(name, || {
            let answer = group(&[(&self.snapshot, &request)], &Unwatched, &self.options).expect("nothing is damaged");
            (answer[0].groups.len(), answer[0].scanned)
        });
    }

    fn list(&self, name: &str, predicate: Predicate, by: Number) {
        let columns = ["start", "id", "http.request.method", "url.path", "http.response.status_code", "service"];
        let request = ListRequest {
            selection: over(DAY - DAY_NS, DAY + 2 * DAY_NS, predicate),
            order: Order { by, descending: true },
            after: None,
            limit: 100,
            columns: columns.map(column).into(),
        };
        self.time(name, || {
            let page = list(&self.snapshot, &request, &Unwatched, &self.options).expect("nothing is damaged");
            (page.rows.len(), page.scanned)
        });
    }
}

fn over(from: i64, to: i64, predicate: Predicate) -> Selection {
    Selection {
        table: TABLE,
        range: TimeRange { from, to },
        mode: CountMode::Overlap,
        predicate: Arc::new(predicate),
        now: DAY + 2 * DAY_NS,
        counted_only: true,
    }
}

fn contains(field: Field, text: &str) -> Predicate {
    Predicate::Is(field, Test::Text(TextTest::Contains(text.to_owned())))
}

fn is(name: &str, text: &str) -> Predicate {
    Predicate::Is(Field::Column(column(name)), Test::Text(TextTest::OneOf(vec![text.to_owned()])))
}

#[test]
fn questions() {
    let Some(folder) = std::env::var_os("ARACHNE_SCAN_BENCH") else {
        return say("skipped: ARACHNE_SCAN_BENCH names no folder");
    };
    let count = setting("ARACHNE_SCAN_ROWS", 10_000_000);
    let folder = Path::new(&folder);
    let metas = parts(folder, count);
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    let part = |meta| Part::new(Arc::clone(&disk), TABLE, meta, None, Arc::default());
    let parts: Vec<Part> = metas.into_iter().map(part).collect();
    for part in &parts {
        drop((part.open().expect("nothing is damaged"), part.index().expect("nothing is damaged")));
    }
    let threads = usize::try_from(setting("ARACHNE_SCAN_THREADS", 2)).ok().and_then(NonZeroUsize::new);
    let bench = Bench {
        snapshot: TableSnapshot { parts, ..TableSnapshot::empty(TABLE) },
        options: ScanOptions { threads: threads.expect("at least one thread") },
        only: std::env::var("ARACHNE_SCAN_ONLY").unwrap_or_default(),
    };
    groups(&bench);
    lists(&bench, &rows::row(count / 3, count));
}

fn groups(bench: &Bench) {
    let duration = Measure::Sum(Number::Computed(Computed::Duration));
    let class = Key::Class(Thresholds::default());
    let day = Key::Buckets(Buckets { origin: DAY, step: DAY_NS / 300, count: 300 });
    let hour = Key::Buckets(Buckets { origin: DAY + HOUR, step: HOUR / 300, count: 300 });
    bench.group(
        "histogram, 24 h by class",
        over(DAY, DAY + DAY_NS, Predicate::All),
        vec![day, class.clone()],
        Measure::Count,
    );
    bench.group(
        "histogram, 1 h by class",
        over(DAY + HOUR, DAY + 2 * HOUR, Predicate::All),
        vec![hour, class],
        Measure::Count,
    );
    let template = vec![Key::Column(column("url.template"))];
    bench.group("templates by time, 6 h", over(DAY + 6 * HOUR, DAY + 12 * HOUR, Predicate::All), template, duration);
    let minutes = Buckets { origin: DAY, step: HOUR / 60, count: 60 };
    let keys = vec![Key::Column(column("service")), Key::Bucket(minutes)];
    let histogram = Measure::Histogram(Number::Computed(Computed::Duration));
    bench.group("quantiles, service by minute", over(DAY, DAY + HOUR, Predicate::All), keys, histogram);
}

fn lists(bench: &Bench, row: &ExchangeRow) {
    let start = Number::Column(column("start"));
    let path = || Field::Column(column("url.path"));
    let errors = IntRange { from: 500, to: i64::MAX };
    let errors = Predicate::Is(Field::Column(column("http.response.status_code")), Test::Int(vec![errors]));
    let known = |text: &Option<String>| text.clone().expect("every row has it");
    bench.list("newest 100 of all", Predicate::All, start);
    bench.list("newest 100, status and word", errors.clone().and(contains(path(), "checkout")), start);
    bench.list("newest 100, status and number", errors.and(contains(path(), "/12")), start);
    bench.list("slowest 100 of all", Predicate::All, Number::Computed(Computed::Duration));
    bench.list("rare word in any text", contains(Field::AnyText, "zebra crossing"), start);
    bench.list("rare path", contains(path(), &known(&row.path)), start);
    bench.list("by id", is("id", &row.id), start);
    bench.list("by request id", is("request.id", &known(&row.request_id)), start);
}
