//! The process that dies: it writes, and says what was acknowledged.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arachne_model::table::STORED_COUNT;
use arachne_store::conformance::Random;
use arachne_store::{ImportStart, Store as _, StoreError};
use arachne_store_parquet::disk::{DirectoryLock, Disk, RealDisk};
use arachne_store_parquet::{EmbeddedStore, Retention, Settings};

use crate::Failure;
use crate::rows;

/// Where each sender and the importer go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// The batch of each sender.
    pub batches: [u64; rows::SENDERS.len()],
    /// The step of the importer.
    pub file: u64,
}

/// Small flushes, small batches of imports, small merges: much happens in a short life.
pub fn settings() -> Settings {
    let forever = Retention { max_age: None, max_bytes: None };
    Settings {
        retention: [forever; STORED_COUNT],
        flush_rows: 300,
        import_bytes: 64_000,
        merge_parts: 4,
        background: false,
        ..Settings::default()
    }
}

/// Writes until it is killed, from several threads.
pub fn write_forever(folder: &Path, seed: u64, next: Next) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let _lock = DirectoryLock::acquire(folder)?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(folder));
    #[cfg(feature = "crash-points")]
    let disk = Arc::new(arachne_store_parquet::disk::CrashDisk::from_environment(disk));
    let store = EmbeddedStore::open_on(disk, Settings { background: true, ..settings() })?;
    say("open")?;
    let store = &store;
    std::thread::scope(|scope| {
        let senders = next.batches.into_iter().enumerate();
        let mut threads: Vec<_> =
            senders.map(|(sender, sequence)| scope.spawn(move || send(store, sender, sequence))).collect();
        threads.push(scope.spawn(move || import(store, seed, next.file)));
        threads.push(scope.spawn(move || arrange(store, seed)));
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

fn say(line: &str) -> Result<(), Failure> {
    // One write a line: what was said is with the parent whatever happens then.
    Ok(std::io::stdout().lock().write_all(format!("{line}\n").as_bytes())?)
}

fn send(store: &EmbeddedStore, sender: usize, first: u64) -> Result<(), Failure> {
    for sequence in first.. {
        let token = rows::token(sender, sequence);
        say(&format!("try batch {sender} {sequence}"))?;
        store.append(&token, rows::batch(sender, sequence))?;
        say(&format!("ack batch {sender} {sequence}"))?;
        // An answer that was lost: the sender repeats what is there already.
        let repeated = sequence.saturating_sub(sequence % 5);
        if store.append(&rows::token(sender, repeated), rows::batch(sender, repeated))? {
            say(&format!("wrong: batch {repeated} of sender {sender} was taken twice"))?;
        }
    }
    Ok(())
}

fn import(store: &EmbeddedStore, seed: u64, first: u64) -> Result<(), Failure> {
    let mut random = Random::new(seed ^ 1);
    for step in first.. {
        let name = rows::file_name(step);
        say(&format!("try file {step}"))?;
        if let ImportStart::Wanted(mut import) = store.import(&name, true)? {
            let pieces = rows::file(step);
            // Interrupted without a crash, sometimes.
            if random.one_in(6) {
                pieces.iter().take(pieces.len() / 2).try_for_each(|rows| import.push(rows.clone()))?;
                drop(import);
            } else {
                pieces.into_iter().try_for_each(|rows| import.push(rows))?;
                import.finish()?;
            }
        }
        // Repeating costs nothing and changes nothing.
        if let ImportStart::Wanted(mut import) = store.import(&name, true)? {
            rows::file(step).into_iter().try_for_each(|rows| import.push(rows))?;
            import.finish()?;
        }
        say(&format!("ack file {step}"))?;
    }
    Ok(())
}

/// Flushes and merges more often than the thread behind would.
fn arrange(store: &EmbeddedStore, seed: u64) -> Result<(), Failure> {
    let mut random = Random::new(seed ^ 2);
    loop {
        std::thread::sleep(std::time::Duration::from_millis(random.below(30)));
        match if random.one_in(3) { store.merge() } else { store.flush() } {
            Err(error @ StoreError::Damaged { .. }) => say(&format!("wrong: {error}"))?,
            other => other?,
        }
    }
}
