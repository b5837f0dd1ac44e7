//! Makes a store of exchanges of realistic cardinality, and asks it questions with a clock: `make bench-store`.
//!
//! ```text
//! store_bench fill DATA ROWS             imports a day of ROWS exchanges into the folder DATA
//! store_bench ask DATA ROWS RUNS [NAME]  asks each question 1 + RUNS times, or one of them, for a profiler
//! store_bench ask-beside DATA ROWS RUNS  the same while one thread imports further exchanges, of the day after
//! ```
//!
//! Answers are one line of JSON on standard output.

mod questions;
mod rows;

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime};

use arachne_store::{ImportName, ImportStart, Rows, Store};
use arachne_store_parquet::{EmbeddedStore, Retention, Settings};
use serde_json::{Value as Json, json};

use crate::questions::Asking;
use crate::rows::{DAY, DAY_NS, Day};

type Failure = Box<dyn Error + Send + Sync>;

const SEED: u64 = 1;
const SOURCE: &str = "9f86d081884c7d659a2feaa0c55ad015";
/// Rows that are handed over at once.
const CHUNK: usize = 4_096;
const USAGE: &str = "usage: store_bench fill DATA ROWS | ask DATA ROWS RUNS [NAME] | ask-beside DATA ROWS RUNS";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (data, rows) = match *arguments {
        [_, data, rows, ..] => (data, rows.parse()?),
        _ => return Err(USAGE.into()),
    };
    // The day is long ago: nothing of it is to go.
    let retention = Settings::default().retention.map(|_| Retention { max_age: None, max_bytes: None });
    let began = Instant::now();
    let store = EmbeddedStore::open(Path::new(data), Settings { retention, ..Settings::default() })?;
    let opened = began.elapsed().as_secs_f64() * 1e3;
    let day = Day::new(SEED, rows, DAY, SOURCE);
    let mut answer = match *arguments {
        ["fill", ..] => fill(&store, &day)?,
        ["ask", _, _, runs] => ask(&store, &day, rows, runs.parse()?, None)?,
        ["ask", _, _, runs, only] => ask(&store, &day, rows, runs.parse()?, Some(only))?,
        ["ask-beside", _, _, runs] => ask_beside(&store, &day, rows, runs.parse()?)?,
        _ => return Err(USAGE.into()),
    };
    answer["open_ms"] = json!(opened);
    writeln!(std::io::stdout(), "{answer}")?;
    Ok(())
}

fn ask(store: &dyn Store, day: &Day, rows: u64, runs: usize, only: Option<&str>) -> Result<Json, Failure> {
    Ok(json!({"questions": Asking { store, runs, only }.all(day, rows)?}))
}

fn fill(store: &EmbeddedStore, day: &Day) -> Result<Json, Failure> {
    let began = Instant::now();
    let imported = import(store, SOURCE, day, &AtomicBool::new(false))?;
    let seconds = began.elapsed().as_secs_f64();
    // What the thread behind would do within minutes.
    store.merge()?;
    Ok(json!({"rows": imported, "seconds": seconds, "merged_seconds": began.elapsed().as_secs_f64()}))
}

/// Imports rows until there are no more, or until `stop`. How many it were.
fn import(store: &dyn Store, source: &str, day: &Day, stop: &AtomicBool) -> Result<u64, Failure> {
    let name = ImportName { source: source.to_owned(), options: "bench".to_owned(), label: "bench".to_owned() };
    let ImportStart::Wanted(mut import) = store.import(&name, false)? else { return Ok(0) };
    let mut imported = 0;
    let mut waiting = day.by_end().peekable();
    while waiting.peek().is_some() && !stop.load(Ordering::Relaxed) {
        let exchanges: Vec<_> = waiting.by_ref().take(CHUNK).collect();
        imported += exchanges.len() as u64;
        import.push(Rows { exchanges, ..Rows::default() })?;
    }
    import.finish()?;
    Ok(imported)
}

fn ask_beside(store: &dyn Store, day: &Day, rows: u64, runs: usize) -> Result<Json, Failure> {
    // Another source each time, since what is there is not imported again.
    let source = format!("{:032x}", SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos());
    let other = Day::new(SEED + 1, rows, DAY + DAY_NS, &source);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let began = Instant::now();
        let importing = scope.spawn(|| import(store, &source, &other, &stop));
        let answer = ask(store, day, rows, runs, None);
        let seconds = began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        let imported = importing.join().map_err(|_| "the import panicked")??;
        let mut answer = answer?;
        answer["beside"] = json!({"rows": imported, "seconds": seconds});
        Ok(answer)
    })
}
