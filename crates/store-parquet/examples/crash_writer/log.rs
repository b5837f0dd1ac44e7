//! How long a start takes with a long log.

use std::path::Path;
use std::time::{Duration, Instant};

use arachne_store::conformance::Random;
use arachne_store::{Rows, Store as _, Token};
use arachne_store_parquet::{EmbeddedStore, Settings};

use crate::rows;
use crate::work::settings;
use crate::{Failure, another};

/// The longest that a start may take.
const LONGEST: Duration = Duration::from_secs(10);
/// Batches of [`rows::batch`] that are appended as one.
const TOGETHER: u64 = 100;

/// Nothing is ever written as parts.
fn never() -> Settings {
    Settings { flush_rows: u64::MAX / 2, flush_bytes: u64::MAX / 2, ..settings() }
}

/// Writes a log of so many bytes, of large or of small rows, in another process, which dies, and opens it.
pub fn run(folder: &Path, bytes: u64, large: bool) -> Result<(), Failure> {
    let status = another(&format!("log {bytes} {large} {}", folder.display()))?.status()?;
    if status.code().is_some() {
        return Err(format!("the writer of the log ended by itself: {status}").into());
    }
    let began = Instant::now();
    let store = EmbeddedStore::open(folder, never())?;
    let took = began.elapsed();
    let facts = store.facts();
    let found: u64 = facts.tables.iter().map(|table| table.memory_rows).sum();
    let mebibytes = facts.wal_bytes >> 20;
    let kind = if large { "large" } else { "small" };
    println!("log of {mebibytes} MiB with {found} {kind} rows: start {} ms", took.as_millis());
    let written = std::fs::read_to_string(folder.join("written"))?;
    if written != found.to_string() || !facts.damage.is_empty() {
        return Err(format!("{written} rows were acknowledged, {found} are there: {:?}", facts.damage).into());
    }
    if took > LONGEST { Err(format!("the start took {took:?}, more than {LONGEST:?}").into()) } else { Ok(()) }
}

/// The process that writes the log and dies.
pub fn write(folder: &Path, bytes: u64, large: bool) -> Result<(), Failure> {
    let store = EmbeddedStore::open(folder, never())?;
    let (mut written, mut random) = (0, Random::new(1));
    for number in 0.. {
        let mut together = Rows::default();
        for sequence in number * TOGETHER..(number + 1) * TOGETHER {
            let mut rows = rows::batch(1, sequence);
            // Open ones would be replaced.
            rows.exchanges.retain(|row| !row.provisional);
            together.append(rows);
        }
        // A log is long by packets and bodies, and these are compressed already.
        if large {
            together.packets.iter_mut().for_each(|row| row.bytes = noise(&mut random, 1400));
            together.bodies.iter_mut().for_each(|row| row.bytes = noise(&mut random, 16_000));
        }
        written += together.len();
        store.append(&Token { sender: "log".to_owned(), sequence: number }, together)?;
        if number % 16 == 0 && store.facts().wal_bytes >= bytes {
            break;
        }
    }
    std::fs::write(folder.join("written"), written.to_string())?;
    std::process::abort()
}

fn noise(random: &mut Random, length: usize) -> Vec<u8> {
    (0..length.div_ceil(8)).flat_map(|_| random.bits().to_le_bytes()).collect()
}
