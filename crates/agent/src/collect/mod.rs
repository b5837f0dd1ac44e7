//! The collector process: reads what the host tells of itself, with reading rights and no others, until it is told to end.
//!
//! It is started by the supervisor as the capture process is, and speaks the same language. Each collector has a thread and its own
//! schedule; a slow one delays nobody. A supervisor that does not listen makes them wait: files of logs are the buffer.

mod batch;
mod readers;
mod secret;
mod specs;

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arachne_delivery::status::Collector as CollectorStatus;
use arachne_telemetry::chain;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::channel::{ChannelError, Collection, Order, Reader, Report, Said, next_order};
use crate::edge::outlet::Outlet;
use crate::sandbox;
pub use specs::specs;

/// The first argument of a program that is to be the collector process.
pub const ARGUMENT: &str = "collector-process";
/// How often it is told how collectors are.
const TELL: Duration = Duration::from_secs(2);
/// How often an end is looked for.
const LOOK: Duration = Duration::from_millis(50);

/// What the threads share.
#[derive(Default)]
struct Shared {
    outlet: Outlet,
    ends: AtomicBool,
    statuses: Mutex<Vec<CollectorStatus>>,
}

impl Shared {
    fn ends(&self) -> bool {
        self.ends.load(Ordering::Acquire)
    }

    /// How a collector is now.
    fn tell(&self, status: CollectorStatus) {
        let mut all = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|known| known.name == status.name) {
            Some(known) => *known = status,
            None => all.push(status),
        }
    }

    fn told(&self) -> Vec<CollectorStatus> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Why it ends early.
#[derive(Debug, thiserror::Error)]
enum CollectError {
    #[error("the collector process is started by the agent, not by hand: run `arachne-agent`")]
    NoChannel(#[source] io::Error),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("the first order does not say what to collect")]
    NoCollection,
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    #[error(transparent)]
    Plan(#[from] crate::edge::plan::PlanError),
    #[error(transparent)]
    Pack(#[from] arachne_delivery::codec::CodecError),
    #[error("{0}")]
    Logs(String),
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    #[error("the thread of a collector has died: {0}")]
    Died(String),
}

/// Whether this process was started as the collector process.
#[must_use]
pub fn is_asked_for() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT)
}

/// Runs it. The supervisor learns why it fails.
#[must_use]
pub fn run() -> ExitCode {
    crate::be_called(c"arachne-collect");
    // Whoever ends the agent may signal all its processes: this one hands over first, and ends by the word of its supervisor.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let done = socket.map_err(CollectError::NoChannel).and_then(|socket| {
        socket.local_addr().map_err(CollectError::NoChannel)?;
        collect(&socket).inspect_err(|error| {
            // It was told in its place.
            if matches!(error, CollectError::Died(_)) {
                return;
            }
            let report = Report::Failed { why: chain(error).to_string(), no_right: false };
            let _ = Said::Report(Box::new(report)).send(&mut &socket);
        })
    });
    ExitCode::from(u8::from(done.is_err()))
}

fn collect(socket: &UnixStream) -> Result<(), CollectError> {
    let mut orders = Reader::new(socket.try_clone().map_err(CollectError::NoChannel)?);
    let Some(Order::Collect(collection)) = next_order(&mut orders)? else { return Err(CollectError::NoCollection) };
    sandbox::enter_reading()?;
    let shared = Arc::new(Shared::default());
    let mut into = socket.try_clone().map_err(CollectError::NoChannel)?;
    let said = Arc::clone(&shared);
    let writer = spawn("writer", move || {
        while let Some(said_now) = said.outlet.take() {
            if said_now.send(&mut into).is_err() {
                // The supervisor is gone.
                said.ends.store(true, Ordering::Release);
                return said.outlet.close();
            }
        }
    })?;
    let heard = Arc::clone(&shared);
    // It ends with the process.
    spawn("orders", move || {
        while let Ok(Some(order)) = next_order(&mut orders) {
            if order == Order::Finish {
                break;
            }
        }
        heard.ends.store(true, Ordering::Release);
    })?;
    let threads = start(&collection, &shared)?;
    let done = tell_until_the_end(&shared, threads);
    if let Err(error) = &done {
        shared.outlet.tell(Report::Failed { why: chain(error).to_string(), no_right: false });
    }
    shared.outlet.tell(Report::Finished);
    shared.outlet.close();
    let _ = writer.join();
    done
}

/// Tells how collectors are, until the end. A thread that dies ends all of them, with what they have: the process is started anew, and
/// told why.
fn tell_until_the_end(shared: &Shared, threads: Vec<JoinHandle<()>>) -> Result<(), CollectError> {
    let mut waited = TELL;
    while !shared.ends() {
        if waited >= TELL {
            waited = Duration::ZERO;
            shared.outlet.tell(Report::Collectors(shared.told()));
        }
        if threads.iter().any(JoinHandle::is_finished) {
            shared.ends.store(true, Ordering::Release);
        }
        thread::sleep(LOOK);
        waited += LOOK;
    }
    let ended =
        threads.into_iter().map(|thread| (thread.thread().name().unwrap_or_default().to_owned(), thread.join()));
    let died: Vec<String> = ended.filter(|(_, joined)| joined.is_err()).map(|(name, _)| name).collect();
    if died.is_empty() { Ok(()) } else { Err(CollectError::Died(died.join(", "))) }
}

fn start(collection: &Collection, shared: &Arc<Shared>) -> Result<Vec<JoinHandle<()>>, CollectError> {
    let mut threads = Vec::new();
    for wanted in readers::collectors(&collection.config, &collection.secret_files) {
        let batches = batch::Batches::new(&collection.agent)?;
        let shared = Arc::clone(shared);
        let name = wanted.thread().to_owned();
        threads.push(spawn(&name, move || readers::read(&wanted, batches, &shared))?);
    }
    if collection.config.nginx || !collection.config.logs.is_empty() {
        let logs = readers::LogReader::new(collection)?;
        let shared = Arc::clone(shared);
        threads.push(spawn("logs", move || logs.run(&shared))?);
    }
    Ok(threads)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, CollectError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(CollectError::Thread)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{LOOK, Shared, spawn, tell_until_the_end};

    #[test]
    fn a_collector_that_dies_ends_all_and_is_named() {
        let shared = Arc::new(Shared::default());
        let other = Arc::clone(&shared);
        let lives = spawn("lives", move || {
            while !other.ends() {
                std::thread::sleep(LOOK);
            }
        });
        let dies = spawn("dies", || std::panic::resume_unwind(Box::new("odd")));
        let threads = vec![lives.expect("a thread"), dies.expect("a thread")];
        let told = tell_until_the_end(&shared, threads).expect_err("one died").to_string();
        assert_eq!(told, "the thread of a collector has died: dies");
    }
}
