//! CPU time of an import by stage, on one thread: `import_bench CAPTURE STAGE [bodies]`.
//!
//! Stages, each with those before it: `read` parses (with `bodies` it also undoes their codings), `rows` makes rows and drops
//! them, `store` hands them to a store in a temporary folder, durably.
//!
//! The answer is one line of JSON on standard output. CPU time is that of all threads, from `/proc`.

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arachne_aggregate::template::Normaliser;
use arachne_capture::rows::{RowMaker, RowOptions};
use arachne_capture::{PipelineOptions, PipelineSink, ReadOptions, TapFactory};
use arachne_content::TapOptions;
use arachne_content::redact::{Key, Redactor, Rules};
use arachne_model::{Exchange, Ledger, Limits, TcpSession, UnixNanos};
use arachne_store::{Import, ImportName, ImportStart, Rows, Store as _};
use arachne_store_parquet::{EmbeddedStore, Retention, Settings};
use arachne_wire::Sink;
use serde_json::json;

type Failure = Box<dyn Error + Send + Sync>;

const SOURCE: &str = "9f86d081884c7d659a2feaa0c55ad015";
/// Rows that are handed over at once, as `arachne import` does.
const CHUNK: usize = 4_096;
const USAGE: &str = "usage: import_bench CAPTURE read|rows|store [bodies]";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (capture, stage, bodies) = match *arguments {
        [capture, stage] => (capture, stage, false),
        [capture, stage, "bodies"] => (capture, stage, true),
        _ => return Err(USAGE.into()),
    };
    let folder = tempfile::tempdir()?;
    let store = match stage {
        "read" | "rows" => None,
        "store" => Some(EmbeddedStore::open(folder.path(), settings())?),
        _ => return Err(USAGE.into()),
    };
    let mut sink = Measured::new(stage != "read", bodies, store.as_ref().map(begin).transpose()?);
    let began = cpu_seconds()?;
    let packets = read(Path::new(capture), bodies, stage != "read", &mut sink)?;
    sink.finish()?;
    let seconds = cpu_seconds()? - began;
    let line = json!({
        "stage": stage, "bodies": bodies, "cpu_s": seconds, "packets": packets, "exchanges": sink.exchanges,
        "us_per_exchange": seconds * 1e6 / sink.exchanges.max(1) as f64,
        "packets_per_cpu_s": packets as f64 / seconds,
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// Nothing is to go, however old the capture is, and nothing runs beside the import.
fn settings() -> Settings {
    let retention = Settings::default().retention.map(|_| Retention { max_age: None, max_bytes: None });
    Settings { retention, background: false, ..Settings::default() }
}

fn begin(store: &EmbeddedStore) -> Result<Box<dyn Import>, Failure> {
    let name = ImportName { source: SOURCE.to_owned(), options: String::new(), label: String::new() };
    match store.import(&name, false)? {
        ImportStart::Wanted(import) => Ok(import),
        ImportStart::Finished(_) => Err("a new store has imports".into()),
    }
}

/// Parses the capture into `sink`; the number of its packets.
fn read(capture: &Path, bodies: bool, keep: bool, sink: &mut Measured) -> Result<u64, Failure> {
    let mut reader = arachne_capture::open(capture, &ReadOptions::default())?;
    let taps = TapOptions { decode: true, hash: false, keep, limits: Limits::default() };
    let taps = bodies.then(|| -> TapFactory { Arc::new(move |head| arachne_content::tap(head, &taps)) });
    let options = PipelineOptions { limits: Limits::default(), threads: 1, taps };
    let outcome = arachne_capture::run(&mut reader, &options, sink);
    Ok(outcome.summary.ledger.packets.input)
}

/// CPU seconds of all threads that live.
fn cpu_seconds() -> Result<f64, Failure> {
    let mut nanoseconds = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// Makes rows as `arachne import` does.
struct Measured {
    maker: Option<RowMaker>,
    bodies: bool,
    import: Option<Box<dyn Import>>,
    rows: Rows,
    exchanges: u64,
    failed: Option<Failure>,
}

impl Measured {
    fn new(rows: bool, bodies: bool, import: Option<Box<dyn Import>>) -> Self {
        let options = RowOptions { source: SOURCE.to_owned(), agent: "bench".to_owned(), ..RowOptions::default() };
        let redactor = Redactor::new(Key::new([7; 32]), Rules::default());
        let maker = rows.then(|| RowMaker::new(options, redactor, Normaliser::default()));
        Self { maker, bodies, import, rows: Rows::default(), exchanges: 0, failed: None }
    }

    fn push(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        if let Some(Err(error)) = self.import.as_mut().map(|import| import.push(rows)) {
            self.failed = Some(error.into());
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some(maker) = self.maker.take() {
            self.rows.hosts = maker.finish([]);
        }
        self.push();
        if let Some(import) = self.import.take() {
            import.finish()?;
        }
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl Sink for Measured {
    fn exchange(&mut self, mut exchange: Exchange) {
        self.exchanges += 1;
        let Some(maker) = &mut self.maker else { return };
        let row = maker.exchange(&exchange);
        maker.settle(&exchange, &row, true);
        if self.bodies && row.bodies.is_some() {
            self.rows.bodies.extend(maker.bodies(&row, &mut exchange));
        }
        self.rows.exchanges.push(row);
        if self.rows.len() >= CHUNK {
            self.push();
        }
    }

    fn session(&mut self, session: TcpSession) {
        if let Some(maker) = &mut self.maker {
            self.rows.sessions.push(maker.session(&session, 0));
        }
    }
}

impl PipelineSink for Measured {
    fn waiting(&mut self, _bytes_read: u64) -> ControlFlow<()> {
        if self.failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn wants_minutes(&self) -> bool {
        self.maker.is_some()
    }

    fn minute(&mut self, start: UnixNanos, counts: &Ledger) {
        if let Some(maker) = &mut self.maker {
            self.rows.quality.extend(maker.minute(start, counts));
        }
    }
}
