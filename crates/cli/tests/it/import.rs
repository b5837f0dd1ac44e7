//! `arachne import`: from files to rows of a store, without secrets.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use arachne_cli::args::ImportArgs;
use arachne_cli::exit::ExitStatus;
use arachne_cli::import::{World, run_with};
use arachne_cli::interrupt::Interrupt;
use arachne_cli::read::console::Console;
use arachne_content::redact::{Key, Redactor, Rules};
use arachne_filter::Predicate;
use arachne_model::table::{TABLES, Table};
use arachne_store::{
    CountMode, GroupRequest, Groups, Import, ImportFacts, ImportName, ImportStart, ListRequest, MemoryStore, Number,
    Order, Page, Rows, Scalar, Selection, Store, StoreError, StoreFacts, TimeRange, Token, Unwatched, Watch,
};
use arachne_telemetry::{Flood, Format, LogLayer};
use clap::Parser;
use serde_json::Value;

use crate::support::{self, capture_files, exchange, pcap, read_file};

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: ImportArgs,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Imports `files` with the options in `words`; gives the exit code and standard error.
fn import_into(store: &dyn Store, files: &[&Path], words: &str, interrupt: &Interrupt) -> (ExitStatus, String) {
    let words = words.split_whitespace().map(std::ffi::OsString::from);
    let files = files.iter().map(|file| file.as_os_str().to_owned());
    let args = Line::try_parse_from(std::iter::once("import".into()).chain(words).chain(files)).unwrap().args;
    args.check().unwrap();
    let err = Shared::default();
    let world = World { stderr: Box::new(err.clone()), console: Console::default(), interrupt: interrupt.clone() };
    let redactor = Redactor::new(Key::new([9; 32]), Rules::default());
    let log = LogLayer::new(err.clone(), Format::Text, args.messages.verbosity(), Flood::Unlimited);
    let status = log.scope(|| run_with(&args, store, redactor, world));
    let text = String::from_utf8(err.0.lock().unwrap().clone()).unwrap();
    (status, text)
}

fn import(store: &dyn Store, file: &Path, words: &str) -> (ExitStatus, String) {
    import_into(store, &[file], words, &Interrupt::default())
}

/// A row by the names of its columns.
type Row = BTreeMap<&'static str, Scalar>;

fn rows_of(store: &dyn Store, table: &'static Table) -> Vec<Row> {
    let request = ListRequest {
        selection: Selection {
            table,
            range: TimeRange::ALL,
            mode: CountMode::Start,
            predicate: Arc::new(Predicate::All),
            now: i64::MAX,
            counted_only: false,
        },
        order: Order { by: Number::Column(table.start), descending: false },
        after: None,
        limit: 10_000_000,
        columns: (0..table.columns.len()).collect(),
    };
    let page = store.list(&request, &Unwatched).unwrap();
    let names = || table.columns.iter().map(|column| column.name);
    page.rows.into_iter().map(|row| names().zip(row).collect()).collect()
}

fn table(store: &dyn Store, name: &str) -> Vec<Row> {
    rows_of(store, TABLES.iter().find(|table| table.name == name).unwrap())
}

fn everything(store: &dyn Store) -> Vec<Vec<Row>> {
    TABLES.iter().map(|table| rows_of(store, table)).collect()
}

/// All bytes of all columns, one value behind the other.
fn all_bytes(store: &dyn Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in everything(store).iter().flatten().flat_map(BTreeMap::values) {
        match value {
            Scalar::Text(text) => bytes.extend_from_slice(text.as_bytes()),
            Scalar::Bytes(more) => bytes.extend_from_slice(more),
            _ => {}
        }
        bytes.push(b'\n');
    }
    bytes
}

fn contains(bytes: &[u8], part: &str) -> bool {
    memchr::memmem::find(bytes, part.as_bytes()).is_some()
}

fn int(row: &Row, column: &str) -> i64 {
    match &row[column] {
        Scalar::Int(number) => *number,
        other => panic!("{column} is {other:?}"),
    }
}

fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    match &row[column] {
        Scalar::Text(text) => text,
        _ => "",
    }
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

#[test]
fn secrets_stay_out_of_every_table() {
    let Some(hostile) = support::shared("hostile") else { return };
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(hostile.join("cases.json")).unwrap()).unwrap();
    let secret = cases["cases"].as_array().unwrap().iter().filter(|case| case["kind"] == "secret");
    let mut count = 0;
    for case in secret {
        let store = MemoryStore::new();
        let (status, err) = import(&store, &hostile.join(case["file"].as_str().unwrap()), "--stats -v");
        assert_eq!(status, ExitStatus::Done, "{err}");
        let bytes = [all_bytes(&store), err.into_bytes()].concat();
        let words = |key: &str| {
            let list = case["expect"][key].as_array().cloned().unwrap_or_default();
            list.into_iter().map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for marker in words("must_not_leave_host") {
            assert!(!contains(&bytes, &marker), "{}: {marker}", case["id"]);
        }
        for kept in words("must_keep") {
            assert!(contains(&bytes, &kept), "{}: {kept} is gone", case["id"]);
        }
        assert_eq!(table(&store, "exchanges").len(), 1, "{}", case["id"]);
        assert!(!table(&store, "packets").is_empty() && contains(&bytes, "[redacted:"), "{}", case["id"]);
        count += 1;
    }
    assert!(count >= 5, "{count} cases");
}

#[test]
fn every_capture_gives_the_exchanges_of_read() {
    let Some(captures) = support::shared("captures") else { return };
    let files = capture_files(&captures);
    for path in &files {
        let read = read_file(path, "--format ndjson --stats");
        let (one, two) = (MemoryStore::new(), MemoryStore::new());
        let (status, err) = import(&one, path, "--stats --decode auto");
        assert_eq!(i32::from(status.code()), read.code, "{}: {err}", path.display());
        if read.code == 6 && table(&one, "capture_quality").is_empty() {
            continue;
        }
        let mut expected: Vec<i64> =
            read.rows().iter().map(|row| row["http.response.status_code"].as_i64().unwrap_or(-1)).collect();
        let status_of = |row: &Row| if let Scalar::Int(n) = row["http.response.status_code"] { n } else { -1 };
        let mut stored: Vec<i64> = table(&one, "exchanges").iter().map(status_of).collect();
        expected.sort_unstable();
        stored.sort_unstable();
        assert_eq!(stored, expected, "{}", path.display());
        let stats: Value = serde_json::from_str(err.lines().last().unwrap()).unwrap();
        assert_eq!(stats["exchanges"], read.stats()["exchanges"], "{}", path.display());
        minutes_add_up(&one, &stats, path);
        frames_belong_to_sessions(&one, path);
        import(&two, path, "--threads 2 --decode auto");
        assert!(everything(&one) == everything(&two), "{}: threads change rows", path.display());
    }
    assert!(files.len() > 50);
}

/// Law 1 at rest, from the rows: the sums over all minutes are the counts of the run.
fn minutes_add_up(store: &dyn Store, stats: &Value, path: &Path) {
    let mut sums: BTreeMap<(String, String, String), i64> = BTreeMap::new();
    for row in table(store, "capture_quality") {
        let key = |column: &str| text(&row, column).to_owned();
        if key("count") != "in_flight" {
            *sums.entry((key("stage"), key("count"), key("reason"))).or_default() += int(&row, "value");
        }
    }
    for stage in ["packets", "segments", "bytes", "sessions", "exchanges"] {
        let sum = |count: &str, reason: &str| {
            sums.get(&(stage.to_owned(), count.to_owned(), reason.to_owned())).copied().unwrap_or_default()
        };
        let total = |key: &str| stats[stage][key].as_i64().unwrap();
        assert_eq!((sum("in", ""), sum("out", "")), (total("in"), total("out")), "{} {stage}", path.display());
        for (reason, count) in stats[stage]["dropped"].as_object().unwrap() {
            assert_eq!(sum("dropped", reason), count.as_i64().unwrap(), "{} {stage} {reason}", path.display());
        }
    }
}

fn frames_belong_to_sessions(store: &dyn Store, path: &Path) {
    let mut kept: BTreeMap<String, i64> = BTreeMap::new();
    for row in table(store, "packets") {
        *kept.entry(text(&row, "tcp.session").to_owned()).or_default() += 1;
    }
    for row in table(store, "tcp_sessions") {
        let count = kept.remove(text(&row, "id")).unwrap_or_default();
        assert_eq!(int(&row, "packets.kept"), count, "{}", path.display());
    }
    assert!(kept.is_empty(), "{}: frames without a session", path.display());
}

/// Two connections, the second with a failure, and a word in its body.
fn shop() -> Vec<u8> {
    let mut packets = exchange(5000, "/cart?id=1");
    let mut talk = arachne_testkit::Conversation::new("10.0.0.7:5001", "10.0.0.9:80");
    talk.wait(1_000_000_000).handshake();
    talk.client(b"GET /pay HTTP/1.1\r\nHost: shop\r\n\r\n");
    talk.server(b"HTTP/1.1 500 Oops\r\nContent-Length: 6\r\n\r\nburned").close();
    packets.extend_from_slice(talk.packets());
    pcap(&packets)
}

fn counts(store: &dyn Store) -> Vec<usize> {
    TABLES.iter().map(|table| rows_of(store, table).len()).collect()
}

#[test]
fn what_is_kept_is_what_was_asked_for() {
    let file = file(&shop());
    let check = |words: &str, expected: [usize; 4]| {
        let store = MemoryStore::new();
        let (status, err) = import(&store, file.path(), words);
        assert_eq!(status, ExitStatus::Done, "{err}");
        assert_eq!(counts(&store)[..4], expected, "{words}");
        store
    };
    let all = check("", [2, 2, 18, 2]);
    let payload =
        |row: &Row| matches!(&row["packet.bytes"], Scalar::Bytes(b) if contains(b, "HTTP/1.1") || b.len() < 54);
    assert!(!table(&all, "packets").iter().any(payload));
    check("--no-packets --no-sessions --no-bodies", [2, 0, 0, 0]);
    let full = check("--full-packets", [2, 2, 18, 2]);
    assert!(contains(&all_bytes(&full), "Content-Length: 6\r\n\r\nburned"));
    let some = check("--keep status:>=500 --tag a --tag b --agent web-3 --vantage server", [1, 2, 9, 1]);
    let row = &table(&some, "exchanges")[0];
    assert_eq!((text(row, "tags"), text(row, "agent"), text(row, "vantage")), ("a b", "web-3", "server"));
    assert_eq!(text(&table(&some, "bodies")[0], "exchange.id"), text(row, "id"));
    let dropped = |row: &&Row| text(row, "reason") == "not_kept";
    assert_eq!(table(&some, "capture_quality").iter().find(dropped).map(|row| int(row, "value")), Some(1));
    assert_eq!(table(&some, "tcp_sessions").iter().map(|row| int(row, "packets.kept")).sum::<i64>(), 9);
    assert_eq!(text(&table(&all, "hosts")[0], "host.name"), "shop");
}

#[test]
fn importing_twice_changes_nothing() {
    let (file, store) = (file(&shop()), MemoryStore::new());
    let (_, first) = import(&store, file.path(), "");
    assert!(
        first.contains("2 exchanges in 2 sessions") && first.contains("stored: 2 exchanges, 2 tcp_sessions"),
        "{first}"
    );
    let before = everything(&store);
    let copy = self::file(&shop());
    let (status, again) = import(&store, copy.path(), "");
    assert_eq!(status, ExitStatus::Done);
    assert!(again.contains("already imported") && again.contains("IMPORT-FILE-001"), "{again}");
    assert!(before == everything(&store));
    let (status, other) = import(&store, file.path(), "--no-bodies");
    assert_eq!(status, ExitStatus::Usage);
    assert!(other.contains("IMPORT-FILE-002") && other.contains("existing="), "{other}");
    assert!(before == everything(&store));
    assert_eq!(import(&store, file.path(), "--no-bodies --replace").0, ExitStatus::Done);
    assert_eq!(counts(&store)[..4], [2, 2, 18, 0]);
}

fn starts(store: &dyn Store, name: &str) -> Vec<i64> {
    let table = TABLES.iter().find(|table| table.name == name).unwrap();
    rows_of(store, table).iter().map(|row| int(row, table.columns[table.start].name)).collect()
}

#[test]
fn a_recording_moves_to_another_end() {
    const END: i64 = 1_795_255_200_000_000_000;
    let (file, there, moved) = (file(&shop()), MemoryStore::new(), MemoryStore::new());
    import(&there, file.path(), "");
    assert_eq!(import(&moved, file.path(), "--end-at 2026-11-21T10:00:00Z").0, ExitStatus::Done);
    let by = END - starts(&there, "packets").iter().max().unwrap();
    for name in ["exchanges", "tcp_sessions", "packets"] {
        let expected: Vec<i64> = starts(&there, name).iter().map(|start| start + by).collect();
        assert_eq!(starts(&moved, name), expected, "{name}");
    }
    for minute in starts(&moved, "capture_quality") {
        assert!(minute % 60_000_000_000 == 0 && (END - 120_000_000_000..=END).contains(&minute), "{minute}");
    }
    let (rows, before) = (table(&moved, "exchanges"), table(&there, "exchanges"));
    for (row, before) in rows.iter().zip(&before) {
        assert_eq!(int(row, "end") - int(row, "start"), int(before, "end") - int(before, "start"));
        assert!(row["wire.key"] == before["wire.key"] && row["source"] == before["source"]);
        assert!(row["id"] != before["id"], "an id begins with the time");
    }
    let bodies =
        |store: &dyn Store| table(store, "bodies").iter().map(|row| row["body.bytes"].clone()).collect::<Vec<_>>();
    assert!(bodies(&moved) == bodies(&there));
}

#[test]
fn another_end_is_another_option() {
    let (file, store) = (file(&shop()), MemoryStore::new());
    let repeat = |words: &str| import(&store, file.path(), words);
    assert_eq!(repeat("--end-at 1795255200").0, ExitStatus::Done);
    let (status, again) = repeat("--end-at 2026-11-21T10:00:00Z");
    assert!(status == ExitStatus::Done && again.contains("already imported"), "{again}");
    let (status, other) = repeat("--end-at now");
    assert!(status == ExitStatus::Usage && other.contains("moved by "), "{other}");
    let before = starts(&store, "packets");
    assert_eq!(repeat("--end-at 1795255201 --replace").0, ExitStatus::Done);
    let after: Vec<i64> = before.iter().map(|start| start + 1_000_000_000).collect();
    assert_eq!(starts(&store, "packets"), after);
    for wrong in ["2026-11-21", "yesterday", ""] {
        assert!(Line::try_parse_from(["import", "--end-at", wrong, "file"]).is_err(), "{wrong:?} is no instant");
    }
}

#[test]
fn a_set_moves_as_one() {
    let packets = exchange(5000, "/split");
    let halves = [file(&pcap(&packets[..4])), file(&pcap(&packets[4..]))];
    let paths = [halves[0].path(), halves[1].path()];
    let (there, moved) = (MemoryStore::new(), MemoryStore::new());
    import_into(&there, &paths, "--join", &Interrupt::default());
    import_into(&moved, &paths, "--join --end-at 1795255200", &Interrupt::default());
    let (before, after) = (starts(&there, "packets"), starts(&moved, "packets"));
    assert_eq!(after.iter().max(), Some(&1_795_255_200_000_000_000));
    assert_eq!(after[0] - before[0], after[7] - before[7]);
}

#[test]
fn files_move_together() {
    let packets = exchange(5000, "/first");
    let (first, second) = (file(&pcap(&packets[..4])), file(&pcap(&packets[4..])));
    let (there, moved) = (MemoryStore::new(), MemoryStore::new());
    let paths = [first.path(), second.path()];
    import_into(&there, &paths, "", &Interrupt::default());
    import_into(&moved, &paths, "--end-at 1795255200", &Interrupt::default());
    let (before, after) = (starts(&there, "packets"), starts(&moved, "packets"));
    let by = after[0] - before[0];
    assert_eq!(after, before.iter().map(|start| start + by).collect::<Vec<_>>());
    assert_eq!(after.iter().max(), Some(&1_795_255_200_000_000_000));
}

#[test]
fn a_set_is_one_source() {
    let packets = exchange(5000, "/split");
    let halves = [file(&pcap(&packets[..4])), file(&pcap(&packets[4..]))];
    let paths = [halves[0].path(), halves[1].path()];
    let (apart, joined) = (MemoryStore::new(), MemoryStore::new());
    import_into(&apart, &paths, "", &Interrupt::default());
    import_into(&joined, &paths, "--join", &Interrupt::default());
    assert_eq!((counts(&apart)[..2].to_vec(), counts(&joined)[..2].to_vec()), (vec![2, 2], vec![1, 1]));
    assert_eq!((apart.imports().len(), joined.imports().len()), (2, 1));
}

#[test]
fn a_damaged_file_is_kept_to_its_fault() {
    let good = shop();
    let store = MemoryStore::new();
    let damaged = file(&good[..good.len() - 100]);
    let (status, err) = import(&store, damaged.path(), "");
    assert_eq!(status, ExitStatus::Damaged, "{err}");
    assert_eq!(counts(&store)[0], 2);
    assert!(store.imports()[0].finished);
    let store = MemoryStore::new();
    let text = file(b"a text");
    assert_eq!(import(&store, text.path(), "").0, ExitStatus::Damaged);
    assert!(!store.imports().iter().any(|import| import.finished) && counts(&store).iter().all(|count| *count == 0));
    assert_eq!(import(&store, Path::new("/does/not/exist"), "").0, ExitStatus::Usage);
}

#[test]
fn an_interrupted_import_goes_on() {
    let (file, store, interrupt) = (file(&shop()), MemoryStore::new(), Interrupt::default());
    interrupt.set();
    let (status, err) = import_into(&store, &[file.path()], "", &interrupt);
    assert_eq!(status, ExitStatus::Unexpected);
    assert!(err.contains("IMPORT-MAIN-002"), "{err}");
    assert!(counts(&store).iter().all(|count| *count == 0));
    assert_eq!(import(&store, file.path(), "").0, ExitStatus::Done);
    assert_eq!(counts(&store)[0], 2);
}

#[test]
fn a_filter_with_a_mistake_is_refused_before_anything_is_read() {
    let store = MemoryStore::new();
    let (status, err) = import(&store, Path::new("/does/not/exist"), "--keep duration:>500");
    assert_eq!(status, ExitStatus::Usage);
    assert!(err.contains("IMPORT-MAIN-001") && err.contains("at="), "{err}");
    assert!(store.imports().is_empty());
}

/// A store whose disk is full.
#[derive(Debug)]
struct Full;

impl Import for Full {
    fn push(&mut self, _rows: Rows) -> Result<(), StoreError> {
        Err(StoreError::Full { what: "a part".into(), source: io::ErrorKind::StorageFull.into() })
    }
    fn finish(self: Box<Self>) -> Result<ImportFacts, StoreError> {
        Err(StoreError::Stopped)
    }
}

impl Store for Full {
    fn append(&self, _token: &Token, _rows: Rows) -> Result<bool, StoreError> {
        Err(StoreError::Stopped)
    }
    fn has(&self, _sender_end: &str, _sequence: u64) -> bool {
        false
    }
    fn import(&self, _name: &ImportName, _replace: bool) -> Result<ImportStart, StoreError> {
        Ok(ImportStart::Wanted(Box::new(Self)))
    }
    fn imports(&self) -> Vec<ImportFacts> {
        Vec::new()
    }
    fn list(&self, _request: &ListRequest, _watch: &dyn Watch) -> Result<Page, StoreError> {
        Ok(Page::default())
    }
    fn group(&self, _requests: &[GroupRequest], _watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        Ok(Vec::new())
    }
    fn facts(&self) -> StoreFacts {
        StoreFacts::default()
    }
    fn end_period(&self) {}
}

#[test]
fn a_full_disk_is_said() {
    let file = file(&shop());
    let (status, err) = import(&Full, file.path(), "");
    assert_eq!(status, ExitStatus::Unexpected);
    assert!(err.contains("IMPORT-STORE-002") && err.contains("no space to write a part"), "{err}");
}

/// The spool of an agent that has no server.
fn spool(folder: &Path) -> Vec<std::path::PathBuf> {
    use arachne_delivery::codec::Packer;
    use arachne_delivery::proto::Lane;
    use arachne_delivery::spool::{Counts, Directory, NewBatch, Spool, SpoolSettings, by_class};
    use arachne_model::table::{ExchangeRow, HostRow};
    let row = |end: Option<i64>| ExchangeRow {
        id: "x1".to_owned(),
        start: 1_795_255_200_000_000_000,
        end,
        source: "web-1".to_owned(),
        agent: "web-1".to_owned(),
        provisional: end.is_none(),
        counted: true,
        ..ExchangeRow::default()
    };
    let host = HostRow { first: 5, source: "web-1".to_owned(), address: "10.0.0.1".to_owned(), ..HostRow::default() };
    let mut spool = Spool::open(Box::new(Directory::open(folder).unwrap()), SpoolSettings::default(), 7).unwrap();
    let impossible = row(Some(9));
    for exchange in [row(None), row(Some(1_795_255_200_000_000_001)), impossible] {
        let rows = Rows { exchanges: vec![exchange], hosts: vec![host.clone()], ..Rows::default() };
        for (class, rows) in by_class(rows) {
            let payload = Packer::new().unwrap().pack_rows(&rows).unwrap();
            spool.append(Lane::Live, NewBatch { class, counts: Counts::of(&rows), closed: 1, payload }).unwrap();
        }
    }
    spool.sync().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "spool"));
    files.sort();
    files
}

/// An agent that delivered one batch and died.
#[test]
fn what_an_agent_delivered_before_its_spool_was_imported_is_left_out() {
    use arachne_delivery::proto::Lane;
    let folder = tempfile::tempdir().unwrap();
    let [facts, _] = &spool(folder.path())[..] else { panic!("two classes") };
    let mut file = arachne_delivery::spool::read_file(facts).unwrap();
    let batch = file.next_batch().unwrap().unwrap().unwrap();
    let (store, hosts) = (MemoryStore::new(), |store: &MemoryStore| table(store, "hosts").len());
    let token = |agent: &str, epoch| Token {
        sender: arachne_delivery::sender(agent, epoch, Lane::Live),
        sequence: batch.sequence,
    };
    let delivered = || arachne_delivery::codec::decode(batch.tables.clone(), &mut 0).unwrap();
    store.append(&token("web-1", batch.epoch), delivered()).unwrap();
    store.append(&token("web-2", batch.epoch + 1), Rows::default()).unwrap();
    let (status, err) = import(&store, facts, "");
    assert_eq!((status, hosts(&store)), (ExitStatus::Done, 3), "{err}");
    assert!(err.contains("1 batches are there already") || err.contains("READ-FILE-008"), "{err}");
}

#[test]
fn the_spool_of_an_agent_is_imported_once() {
    let folder = tempfile::tempdir().unwrap();
    let [facts, records] = &spool(folder.path())[..] else { panic!("two classes") };
    let store = MemoryStore::new();
    let (status, err) = import(&store, facts, "");
    assert_eq!(status, ExitStatus::Done, "{err}");
    let (status, err) = import(&store, records, "");
    assert_eq!(status, ExitStatus::Damaged, "{err}");
    assert!(err.contains("lies before its start") && err.contains("1 exchanges"), "{err}");
    let exchanges = table(&store, "exchanges");
    assert_eq!(exchanges.len(), 1, "neither the one that was open nor the one that cannot be");
    assert_eq!(text(&exchanges[0], "agent"), "web-1");
    assert_ne!(text(&exchanges[0], "source"), "web-1", "it is named by its content, as all imports are");
    assert_eq!(table(&store, "hosts").len(), 3);
    let before = everything(&store);
    for file in [facts, records] {
        let (_, err) = import(&store, file, "");
        assert!(err.contains("IMPORT-FILE-001"), "{err}");
    }
    assert!(everything(&store) == before);
}
