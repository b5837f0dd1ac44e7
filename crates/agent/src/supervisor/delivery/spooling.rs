//! The thread that writes the spool: whatever has come since the last fsync is made durable by the next one.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arachne_delivery::spool::{Finding, NewBatch, SpoolError};
use arachne_telemetry::{chain, codes, emit};
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::Shared;
use super::journal::Journal;

/// How often the durable cursor is moved, and losses are told.
const CURSOR: Duration = Duration::from_secs(1);
/// How long the thread waits for batches.
const WAIT: Duration = Duration::from_millis(20);

/// A batch, and up to where logs were read with it.
#[derive(Debug)]
pub struct Arrived {
    /// The batch.
    pub batch: NewBatch,
    /// Empty where it is of no log.
    pub note: Vec<u8>,
}

/// Starts it. It ends when no more batches can come, with all of them durable.
pub fn start(shared: Arc<Shared>, batches: Receiver<Arrived>, journal: Journal) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("spool".to_owned()).spawn(move || run(&shared, batches, journal))
}

fn run(shared: &Shared, mut batches: Receiver<Arrived>, mut journal: Journal) {
    let (mut looked, mut dropped) = (Instant::now(), 0);
    loop {
        let (came, over) = take(shared, &mut batches, &mut journal);
        if came {
            shared.changed.notify_one();
            complain(shared.courier().spool.sync().err());
        }
        if looked.elapsed() >= CURSOR || over {
            looked = Instant::now();
            let mut courier = shared.courier();
            if !came {
                // What waits in memory since the disk failed is tried again.
                complain(courier.spool.sync().err());
            }
            complain(courier.spool.keep_cursor().err());
            let now: u64 = courier.spool.figures().dropped.iter().sum();
            let findings = courier.spool.findings();
            drop(courier);
            findings.iter().for_each(tell);
            if now > dropped {
                emit!(codes::AGENT_SPOOL_001, records = now - dropped);
                dropped = now;
            }
        }
        if over {
            return;
        }
        if !came {
            thread::sleep(WAIT);
        }
    }
}

/// Spools all that waits; tells whether something came, and whether no more will.
fn take(shared: &Shared, batches: &mut Receiver<Arrived>, journal: &mut Journal) -> (bool, bool) {
    let mut came = false;
    loop {
        match batches.try_recv() {
            Ok(Arrived { batch, note }) => {
                came = true;
                let now = shared.now();
                let mut courier = shared.courier();
                if note.is_empty() {
                    courier.put(now, batch);
                    continue;
                }
                // Nobody sends it before it is durable: a power cut would have its lines read and sent once more.
                journal.intend(&courier.spool, courier.lane(now), &note);
                courier.put(now, batch);
                complain(courier.spool.sync().err());
            }
            Err(TryRecvError::Empty) => return (came, false),
            Err(TryRecvError::Disconnected) => return (came, true),
        }
    }
}

fn tell(finding: &Finding) {
    let records = finding.batch.map_or(0, |(_, counts)| counts.total());
    emit!(codes::AGENT_SPOOL_004, damage = %finding, records = records);
}

/// Tells of a disk that does not do what it should.
pub fn complain(error: Option<SpoolError>) {
    if let Some(error) = error {
        emit!(codes::AGENT_SPOOL_002, error = %chain(&error));
    }
}
