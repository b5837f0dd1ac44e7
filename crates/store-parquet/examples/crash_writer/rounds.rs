//! Rounds of killing and looking.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use arachne_store::Store as _;
use arachne_store::conformance::Random;
use arachne_store_parquet::EmbeddedStore;

use crate::verify::{Expected, Said, hear};
use crate::work::{Next, settings};
use crate::{Failure, another};

/// A writer that does not die by itself is killed after so long.
const LONGEST: Duration = Duration::from_secs(20);

/// How a writer dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// So long after it was started.
    AfterStart(Duration),
    /// So long after it has opened the store.
    AfterOpen(Duration),
    /// At an operation of the disk, see the feature `crash-points`.
    At(u64),
}

impl Death {
    fn choose(round: u64, random: &mut Random) -> Self {
        let upto = |random: &mut Random, millis| Duration::from_millis(random.below(millis));
        match round % 4 {
            3 if !cfg!(feature = "crash-points") => Self::AfterOpen(upto(random, 50)),
            // A third of them while the store is opened.
            3 if random.one_in(3) => Self::At(random.below(100)),
            3 => Self::At(random.below(5000)),
            2 => Self::AfterStart(upto(random, 500)),
            _ => Self::AfterOpen(upto(random, 700)),
        }
    }
}

/// Sums over all rounds.
#[derive(Debug, Default)]
struct Sums {
    acked_batches: u64,
    acked_files: u64,
    killed: u64,
    died: u64,
    slowest: Duration,
    rows: u64,
}

/// Kills `rounds` writers. A folder is used for `per_folder` of them.
pub fn run(work: &Path, rounds: u64, seed: u64, per_folder: u64) -> Result<(), Failure> {
    let mut random = Random::new(seed);
    let mut sums = Sums::default();
    let mut round = 0;
    for number in 0.. {
        if round == rounds {
            break;
        }
        let folder = work.join(format!("store-{number}"));
        let (mut said, mut expected) = (Said::default(), Expected::default());
        for _ in 0..per_folder.min(rounds - round) {
            let death = Death::choose(round, &mut random);
            let place = format!("round {round}, seed {seed}, {death:?}, folder {}", folder.display());
            die(&folder, seed ^ round, &mut said, death, &mut sums).map_err(|e| format!("{place}: {e}"))?;
            look(&folder, &mut expected, said, round, &mut sums).map_err(|e| format!("{place}: {e}"))?;
            round += 1;
        }
        sums.acked_batches += said.acked.batches.iter().sum::<u64>();
        sums.acked_files += said.acked.file;
        eprintln!("round {round}: {sums:?}");
        std::fs::remove_dir_all(&folder)?;
    }
    println!(
        "rounds {rounds} (seed {seed}, {} killed, {} died at an operation of the disk): acknowledged {} batches and {} files, \
         {} rows in the end; lost 0, duplicates 0, wrong 0; slowest start {} ms",
        sums.killed,
        sums.died,
        sums.acked_batches,
        sums.acked_files,
        sums.rows,
        sums.slowest.as_millis()
    );
    Ok(())
}

/// Starts a writer and sees it die.
fn die(folder: &Path, seed: u64, said: &mut Said, death: Death, sums: &mut Sums) -> Result<(), Failure> {
    let Next { batches: [a, b, c], file } = said.acked;
    let mut command = another(&format!("write {seed} {a} {b} {c} {file} {}", folder.display()))?;
    command.stdout(Stdio::piped());
    if let Death::At(at) = death {
        command.env("ARACHNE_CRASH_AT", at.to_string());
    }
    let mut child = command.spawn()?;
    let began = Instant::now();
    let lines = lines(&mut child)?;
    let mut until = match death {
        Death::AfterStart(time) => Some(began + time),
        Death::AfterOpen(_) | Death::At(_) => None,
    };
    loop {
        let wait = until.unwrap_or(began + LONGEST).saturating_duration_since(Instant::now());
        match lines.recv_timeout(wait) {
            Ok(line) => {
                if let (Death::AfterOpen(time), "open") = (death, &*line) {
                    until = Some(Instant::now() + time);
                }
                hear(said, &line)?;
            }
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait()?;
                // Aborted where it was told to; anything else is an error of its own.
                if !matches!(death, Death::At(_)) || status.code().is_some() {
                    return Err(format!("the writer ended by itself: {status}").into());
                }
                sums.died += 1;
                return Ok(());
            }
        }
    }
    child.kill()?;
    child.wait()?;
    sums.killed += 1;
    // What it had said before is still in the pipe.
    lines.iter().try_for_each(|line| hear(said, &line))
}

fn lines(child: &mut Child) -> Result<Receiver<String>, Failure> {
    let (sender, lines) = channel();
    let output = child.stdout.take().ok_or("it has an output")?;
    // Half a line at the end said nothing.
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        while output.read_line(&mut line).is_ok_and(|length| length > 0) && line.ends_with('\n') {
            if sender.send(line.trim_end().to_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    Ok(lines)
}

/// Opens what is there and compares it with what must be.
fn look(folder: &Path, expected: &mut Expected, said: Said, round: u64, sums: &mut Sums) -> Result<(), Failure> {
    let began = Instant::now();
    let store = EmbeddedStore::open(folder, settings())?;
    sums.slowest = sums.slowest.max(began.elapsed());
    if round % 2 == 1 {
        store.flush()?;
    }
    let wrong = expected.compare(&store, said.acked, said.tried)?;
    let facts = store.facts();
    if !wrong.is_nothing() || !facts.damage.is_empty() || !facts.quarantined.is_empty() {
        return Err(format!("{wrong:?}, damage {:?}, set aside {:?}", facts.damage, facts.quarantined).into());
    }
    sums.rows = facts.tables.iter().map(|table| table.rows).sum();
    Ok(())
}
