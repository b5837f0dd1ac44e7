//! A file system that becomes full: writing refuses, reading goes on, and with room everything goes on by itself.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use arachne_store::{ImportStart, Store, StoreError};
use arachne_store_parquet::EmbeddedStore;

use crate::Failure;
use crate::rows;
use crate::verify::Expected;
use crate::work::{Next, settings};

/// Times that the file system is filled and emptied.
const ROUNDS: u64 = 4;
/// Batches of each sender, and files, that are written when there is room.
const TIMES: u64 = 3;
/// Attempts until it must be full.
const MOST: u64 = 2_000;

/// Fills the file system of `folder`, with one large file or (`inodes`) many empty ones, and empties it again.
pub fn run(folder: &Path, inodes: bool) -> Result<(), Failure> {
    let (filler, data) = (folder.join("filler"), folder.join("data"));
    std::fs::create_dir_all(&filler)?;
    let mut store = EmbeddedStore::open(&data, settings())?;
    let (mut next, mut expected, mut refused) = (Next::default(), Expected::default(), [0; 3]);
    for round in 0..ROUNDS {
        let at = |what: &str| format!("round {round}, {what}");
        // So that there is something to flush.
        if let Some(full) = write(&store, &mut next, TIMES)? {
            return Err(format!("{}: refused: {full}", at("with room")).into());
        }
        fill(&filler, inodes)?;
        until_refused(&store, &mut next, &mut refused).map_err(|e| format!("{}: {e}", at("without room")))?;
        if !store.facts().full {
            return Err(at("without room: it does not say so").into());
        }
        check(&mut expected, &store, next).map_err(|e| format!("{}: {e}", at("without room")))?;
        if round == ROUNDS / 2 {
            drop(store);
            store = EmbeddedStore::open(&data, settings())
                .map_err(|e| format!("{}: {e}: {e:?}", at("a start without room")))?;
            check(&mut expected, &store, next).map_err(|e| format!("{}: {e}", at("a start without room")))?;
        }
        empty(&filler)?;
        with_room(&store, &mut next).map_err(|e| format!("{}: {e}", at("with room again")))?;
        check(&mut expected, &store, next).map_err(|e| format!("{}: {e}", at("with room again")))?;
    }
    drop(store);
    let store = EmbeddedStore::open(&data, settings())?;
    check(&mut expected, &store, next)?;
    let rows: u64 = store.facts().tables.iter().map(|table| table.rows).sum();
    let [appends, imports, flushes] = refused;
    println!(
        "no {}: {ROUNDS} times; refused {appends} appends, {imports} imports, {flushes} flushes and merges; {rows} rows in \
         the end, lost 0, duplicates 0, wrong 0",
        if inodes { "inodes" } else { "bytes" },
    );
    Ok(())
}

/// Everything works, without a restart.
fn with_room(store: &EmbeddedStore, next: &mut Next) -> Result<(), Failure> {
    if let Some(full) = write(store, next, TIMES)? {
        return Err(format!("refused: {full}: {full:?}").into());
    }
    store.flush()?;
    store.merge()?;
    if store.facts().full { Err("it says that there is no room".into()) } else { Ok(()) }
}

/// Nothing that was acknowledged is lost, nothing is there that was not written, nothing was damaged.
fn check(expected: &mut Expected, store: &EmbeddedStore, acked: Next) -> Result<(), Failure> {
    // What was refused may be there in part only where it was an import.
    let tried = Next { batches: acked.batches.map(|next| next + 1), file: acked.file + 1 };
    let wrong = expected.compare(store, acked, tried)?;
    let facts = store.facts();
    if wrong.is_nothing() && facts.damage.is_empty() && facts.quarantined.is_empty() {
        return Ok(());
    }
    Err(format!("{wrong:?}, damage {:?}, set aside {:?}", facts.damage, facts.quarantined).into())
}

/// Takes refusals for lack of room as such, and nothing else.
fn refused<T>(outcome: Result<T, StoreError>) -> Result<Option<StoreError>, Failure> {
    match outcome {
        Ok(_) => Ok(None),
        Err(full @ StoreError::Full { .. }) => Ok(Some(full)),
        Err(other) => Err(format!("{other}: {other:?}").into()),
    }
}

/// Writes some batches and files; the error when there was no room.
fn write(store: &EmbeddedStore, next: &mut Next, times: u64) -> Result<Option<StoreError>, Failure> {
    for _ in 0..times {
        for sender in 0..rows::SENDERS.len() {
            if let Some(full) = append(store, next, sender)? {
                return Ok(Some(full));
            }
        }
        if let Some(full) = file(store, next)? {
            return Ok(Some(full));
        }
    }
    Ok(None)
}

fn append(store: &EmbeddedStore, next: &mut Next, sender: usize) -> Result<Option<StoreError>, Failure> {
    let sequence = next.batches[sender];
    let full = refused(store.append(&rows::token(sender, sequence), rows::batch(sender, sequence)))?;
    next.batches[sender] += u64::from(full.is_none());
    Ok(full)
}

fn file(store: &EmbeddedStore, next: &mut Next) -> Result<Option<StoreError>, Failure> {
    let import = |step| match store.import(&rows::file_name(step), true)? {
        ImportStart::Finished(_) => Ok(()),
        ImportStart::Wanted(mut import) => {
            rows::file(step).into_iter().try_for_each(|rows| import.push(rows))?;
            import.finish().map(|_| ())
        }
    };
    let full = refused(import(next.file))?;
    next.file += u64::from(full.is_none());
    Ok(full)
}

/// Writes until every kind of write was refused for lack of room.
fn until_refused(store: &EmbeddedStore, next: &mut Next, sums: &mut [u64; 3]) -> Result<(), Failure> {
    let mut times = [0_u64; 3];
    for _ in 0..MOST {
        times[0] += u64::from(append(store, next, 0)?.is_some());
        times[1] += u64::from(file(store, next)?.is_some());
        times[2] += u64::from(refused(store.flush())?.is_some());
        times[2] += u64::from(refused(store.merge())?.is_some());
        // Without inodes the log goes on in the file that it has.
        if times[1] >= 3 && times[2] >= 3 {
            sums.iter_mut().zip(times).for_each(|(sum, times)| *sum += times);
            return Ok(());
        }
    }
    Err(format!("there is room for everything: {times:?}").into())
}

fn fill(filler: &Path, inodes: bool) -> Result<(), Failure> {
    for number in 0.. {
        let Ok(mut file) = File::create(filler.join(number.to_string())) else { return Ok(()) };
        // Ever smaller writes, until not a byte fits.
        for size in (0..=16).rev().map(|power| vec![1; 1 << power]) {
            while !inodes && file.write_all(&size).is_ok() {}
        }
        if !inodes {
            return Ok(file.sync_all()?);
        }
    }
    Ok(())
}

fn empty(filler: &Path) -> Result<(), Failure> {
    for entry in std::fs::read_dir(filler)? {
        std::fs::remove_file(entry?.path())?;
    }
    // Blocks of removed files come back with the next commit of the journal.
    Ok(File::open(filler)?.sync_all()?)
}
