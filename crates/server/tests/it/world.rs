//! A server on a store in memory with known rows, a fake of SQL and a fake of the import.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use arachne_delivery::instructions::Keys;
use arachne_model::table::{BodyRow, ExchangeRow, HostRow, PacketRow, QualityRow, SessionRow};
use arachne_server::{
    BadCaptureFilter, CaptureFilter, Config, Control, ImportFailure, ImportJob, ImportStep, ImportWatch, Imported,
    Importer, Parts, Route, Server, SqlFailure, SqlRows, SqlRunner, UiFile,
};
use arachne_store::{
    GroupRequest, Groups, ImportFacts, ImportName, ImportStart, ListRequest, MemoryStore, Page, Rows, Store,
    StoreError, StoreFacts, Token, Watch,
};
use serde_json::json;
use tempfile::TempDir;

use crate::client::{Answer, Call, post};

/// Nanoseconds of 2026-11-21T10:00:00Z.
pub const START: i64 = 1_795_255_200_000_000_000;
pub const SECOND: i64 = 1_000_000_000;
/// An attempt to be run by whoever shows it.
pub const EVIL: &str = "=cmd|' /C calc'!A0<script>globalThis.__pwned=1</script>\u{1b}[31m";

pub fn id(n: usize) -> String {
    format!("01KAH0000000000000000000{n:02}")
}

fn session(n: usize) -> String {
    format!("01KAS0000000000000000000{n:02}")
}

/// Ten exchanges a second apart, two sessions, the first with packets; bodies of the first exchange.
pub fn rows() -> Rows {
    let mut rows = Rows::default();
    for n in 0..10 {
        let start = START + i64::try_from(n).expect("few") * SECOND;
        rows.exchanges.push(ExchangeRow {
            id: id(n),
            start,
            end: Some(start + 20_000_000),
            request_end: Some(start + 1_000_000),
            response_start: Some(start + 15_000_000),
            counted: true,
            source: "s".to_owned(),
            session: session(n % 2),
            protocol: "http".to_owned(),
            client_address: "10.0.0.1".to_owned(),
            server_address: "10.0.0.2".to_owned(),
            server_port: 80,
            service: if n % 2 == 0 { "shop".to_owned() } else { EVIL.to_owned() },
            method: Some("GET".to_owned()),
            host: Some("shop".to_owned()),
            path: Some(format!("/cart/{n}")),
            status: Some(if n == 3 { 503 } else { 200 }),
            request_headers: Some("Host: shop\nX-Evil: ' ; rm -rf /\n".to_owned()),
            bodies: (n == 0).then(|| "request response".to_owned()),
            ..ExchangeRow::default()
        });
    }
    for n in 0..2 {
        rows.sessions.push(SessionRow {
            id: session(n),
            first: START,
            last: Some(START + 10 * SECOND),
            client_address: "10.0.0.1".to_owned(),
            server_address: "10.0.0.2".to_owned(),
            ..SessionRow::default()
        });
    }
    for number in 1..=3 {
        rows.packets.push(PacketRow {
            session: session(0),
            time: START + i64::try_from(number).expect("few"),
            number,
            direction: "client".to_owned(),
            link_type: 1,
            length: 60,
            bytes: vec![7; 60],
        });
    }
    for (direction, bytes) in [("request", b"<script>".to_vec()), ("response", vec![0xff; 5])] {
        let direction = direction.to_owned();
        let content_type = Some("text/html".to_owned());
        let body = BodyRow { exchange: id(0), time: START, direction, content_type, bytes, ..BodyRow::default() };
        rows.bodies.push(body);
    }
    rows.hosts.push(HostRow {
        address: "10.0.0.2".to_owned(),
        name: "shop".to_owned(),
        first: START,
        ..HostRow::default()
    });
    let (stage, count) = ("packets".to_owned(), "in".to_owned());
    rows.quality.push(QualityRow { minute: START, stage, count, value: 3, ..QualityRow::default() });
    rows
}

/// A store whose questions wait for ever, until their watch stops them.
#[derive(Debug, Default)]
pub struct Stuck {
    inner: MemoryStore,
    /// Questions that began, and questions that were stopped.
    pub seen: Mutex<(u64, u64)>,
    pub changed: Condvar,
    pub calls: AtomicU64,
}

impl Stuck {
    fn wait(&self, watch: &dyn Watch) -> StoreError {
        self.seen.lock().expect("no panic").0 += 1;
        self.changed.notify_all();
        while watch.progress(1, 2).is_continue() {
            self.calls.fetch_add(1, Ordering::Relaxed);
            std::thread::yield_now();
        }
        self.seen.lock().expect("no panic").1 += 1;
        self.changed.notify_all();
        StoreError::Stopped
    }

    /// Waits until as many questions began and were stopped.
    pub fn until(&self, began: u64, stopped: u64) {
        let seen = self.seen.lock().expect("no panic");
        let wait = self.changed.wait_while(seen, |seen| seen.0 < began || seen.1 < stopped);
        drop(wait.expect("no panic"));
    }
}

impl Store for Stuck {
    fn append(&self, token: &Token, rows: Rows) -> Result<bool, StoreError> {
        self.inner.append(token, rows)
    }

    fn has(&self, sender_end: &str, sequence: u64) -> bool {
        self.inner.has(sender_end, sequence)
    }

    fn import(&self, name: &ImportName, replace: bool) -> Result<ImportStart, StoreError> {
        self.inner.import(name, replace)
    }

    fn imports(&self) -> Vec<ImportFacts> {
        self.inner.imports()
    }

    fn list(&self, _: &ListRequest, watch: &dyn Watch) -> Result<Page, StoreError> {
        Err(self.wait(watch))
    }

    fn group(&self, _: &[GroupRequest], watch: &dyn Watch) -> Result<Vec<Groups>, StoreError> {
        Err(self.wait(watch))
    }

    fn facts(&self) -> StoreFacts {
        self.inner.facts()
    }

    fn end_period(&self) {
        self.inner.end_period();
    }
}

/// Answers every statement with its length; `boom` fails inside, `wrong` is wrong.
struct Sql;

impl SqlRunner for Sql {
    fn run(&self, statement: &str, _: &dyn Watch, rows: &mut dyn SqlRows) -> Result<(), SqlFailure> {
        match statement {
            "wrong" => return Err(SqlFailure::Statement("no such column: x".to_owned())),
            "boom" => return Err(SqlFailure::Failed("/srv/secret/part-1.parquet: bad page".to_owned())),
            _ => {}
        }
        let _ = rows.names(&["length".to_owned()]);
        let _ = rows.row(vec![json!(statement.len())]);
        Ok(())
    }
}

/// Knows every filter but those with `porf`.
struct Picky;

impl CaptureFilter for Picky {
    fn check(&self, text: &str) -> Result<(), BadCaptureFilter> {
        let bad = |at: usize| BadCaptureFilter { message: "no keyword".to_owned(), span: at..at + 4, fix: None };
        text.find("porf").map_or(Ok(()), |at| Err(bad(at)))
    }
}

/// Takes any file; labels `slow` wait until they are stopped, `bad` is refused.
struct Take;

impl Importer for Take {
    fn import(&self, job: ImportJob<'_>, watch: &dyn ImportWatch) -> Result<Imported, ImportFailure> {
        let bytes = std::fs::metadata(job.path).map_err(|e| ImportFailure::Failed(e.to_string()))?.len();
        let step = ImportStep { bytes, bytes_total: bytes, packets: 1, exchanges: 1 };
        loop {
            if watch.progress(step) == ControlFlow::Break(()) {
                return Err(ImportFailure::Stopped);
            }
            if job.label != "slow" {
                break;
            }
            std::thread::yield_now();
        }
        match job.label {
            "bad" => return Err(ImportFailure::Refused("record 2: it is longer than the file".to_owned())),
            "broken" => return Err(ImportFailure::Failed("/srv/secret: no rights".to_owned())),
            _ => {}
        }
        let name = ImportName { source: "abc".to_owned(), options: "v1".to_owned(), label: job.label.to_owned() };
        let facts = ImportFacts { name, batches: 1, finished: true, rows: [1, 0, 0, 0, 0, 0, 0, 0] };
        Ok(Imported { facts, already: false, notices: Vec::new() })
    }
}

/// A web UI: a file, a script in all codings, the page.
pub const UI: [UiFile; 3] = [
    UiFile { path: "icon.svg", raw: b"<svg/>", br: None, gz: None, etag: "W/\"1\"" },
    UiFile { path: "assets/app-1.js", raw: b"console.log(1)", br: Some(b"brotli"), gz: Some(b"gzip"), etag: "W/\"2\"" },
    UiFile { path: "index.html", raw: b"<!doctype html>", br: Some(b"<br>"), gz: None, etag: "W/\"3\"" },
];

/// A running server; it ends when it is dropped.
pub struct World {
    pub address: SocketAddr,
    pub data: PathBuf,
    pub token: String,
    pub pin: String,
    pub routes: Vec<Route>,
    pub control: Control,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let store = MemoryStore::new();
        let token = Token { sender: "test".to_owned(), sequence: 1 };
        assert!(store.append(&token, rows()).expect("memory takes all"));
        Self::on(Arc::new(store), change)
    }

    pub fn on(store: Arc<dyn Store>, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::new(folder.path().to_owned());
        config.access.listen.set_port(0);
        // Rows are known.
        config.access.own_series = false;
        change(&mut config);
        let keys = Keys { redaction: "5ec2e7".to_owned() };
        let parts = Parts {
            store,
            sql: Some(Arc::new(Sql)),
            importer: Arc::new(Take),
            ui: UI.to_vec(),
            capture_filter: Some(Arc::new(Picky)),
            keys: Some(keys),
            beacons: Some(Arc::new(Told::default())),
        };
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let (ready, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                let server = Server::bind(config, parts).await.expect("a free port");
                let address = server.address().expect("an address");
                let token = server.fresh_token().expect("the first start makes one").to_owned();
                let pin = server.pin().unwrap_or_default();
                let told = (address, token, pin, server.routes(), server.control().clone());
                ready.send(told).expect("the test waits");
                server.run(async { drop(ended.await) }).await;
            });
        });
        let (address, token, pin, routes, control) = told.recv().expect("the server starts");
        let data = folder.path().to_owned();
        Self { address, data, token, pin, routes, control, end: Some(end), thread: Some(thread), _folder: folder }
    }

    pub fn send(&self, call: &Call) -> Answer {
        call.send(self.address)
    }

    /// Adds an agent; its key as the value of a header.
    pub fn add_agent(&self, name: &str) -> String {
        let added = self.send(&post("/api/v1/agents", &json!({"name": name}))).ok().json();
        format!("Bearer {}", added["key"].as_str().expect("a key"))
    }

    /// Writes a token with these lines of JSON beside its hash into the file, and gives it.
    pub fn add_token(&self, more: &str) -> String {
        use sha2::Digest as _;
        let digits: String = format!("{:064x}", self.data.as_os_str().len() + more.len());
        let token = format!("arc_{digits}{:08x}", crc32c::crc32c(digits.as_bytes()));
        let hash: String = sha2::Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = self.data.join("auth.json");
        let text = std::fs::read_to_string(&file).expect("it is there");
        let mut content: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        let entry = format!("{{\"name\":\"{}\",\"sha256\":\"{hash}\",{more}}}", more.len());
        let tokens = content["tokens"].as_array_mut().expect("a list");
        tokens.push(serde_json::from_str(&entry).expect("it is JSON"));
        std::fs::write(&file, content.to_string()).expect("it can be written");
        // A change counts by its time: let it be another one, however fast the test is.
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(tokens_len(&content));
        std::fs::File::options().write(true).open(&file).and_then(|f| f.set_modified(at)).expect("a time");
        token
    }
}

fn tokens_len(content: &serde_json::Value) -> u64 {
    content["tokens"].as_array().map_or(0, |all| all.len() as u64)
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server ends in order");
        }
    }
}

/// The fake of the import.
pub fn take() -> impl Importer {
    Take
}

/// Beacons that came, and how many were too many.
#[derive(Debug, Default)]
pub struct Told(Mutex<Vec<String>>);

impl arachne_server::Beacons for Told {
    fn take(&self, query: &[u8], user_agent: &[u8], _: i64) -> Result<(), String> {
        if query.is_empty() {
            return Err("it says nothing".to_owned());
        }
        let told = format!("{} {}", String::from_utf8_lossy(query), String::from_utf8_lossy(user_agent));
        self.0.lock().expect("no panic").push(told);
        Ok(())
    }

    fn refuse(&self) {
        self.0.lock().expect("no panic").push("refused".to_owned());
    }

    fn go_by(&self, normaliser: arachne_aggregate::Normaliser) {
        self.0.lock().expect("no panic").push(format!("goes by {}", normaliser.version()));
    }

    fn rows(&self, now: i64) -> Rows {
        let told = std::mem::take(&mut *self.0.lock().expect("no panic"));
        let row = |(at, message): (usize, String)| arachne_model::table::LogRow {
            id: format!("01KAB{now:018X}{at:03}"),
            start: now,
            agent: "~server".to_owned(),
            message,
            ..arachne_model::table::LogRow::default()
        };
        Rows { logs: told.into_iter().enumerate().map(row).collect(), ..Rows::default() }
    }
}
