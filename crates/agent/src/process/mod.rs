//! The capture process: opens sockets and files, gives up all rights, then reads packets until it is told to end.
//!
//! It is started by the supervisor with one end of a socket pair as its standard input, and says nothing to anybody else.

mod govern;
mod meter;
mod open;
mod preview;
mod probe;

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use arachne_telemetry::{Flood, Format, Verbosity, chain, codes, emit, init};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::channel::{ChannelError, Order, Reader, Report, Said, Setup, next_order};
use crate::edge::outlet::Outlet;
use crate::edge::plan::{self, Plan};
use crate::edge::relay::Relay;
use crate::edge::thread::{Shared, Task, Thread};
use crate::edge::worker::{KernelCounts, Worker};
use crate::sandbox;
use govern::Governing;
use open::{OpenError, Opened};
use preview::Previews;

/// The first argument of a program that is to be the capture process.
pub const ARGUMENT: &str = "capture-process";

/// How often one that waits looks for the answers of previews.
const LOOK: Duration = Duration::from_millis(100);
/// Orders that wait.
const ORDERS: usize = 16;

/// Whether this process was started as the capture process.
#[must_use]
pub fn is_asked_for() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == ARGUMENT)
}

/// Why it ends early.
#[derive(Debug, thiserror::Error)]
enum ProcessError {
    #[error("the capture process is started by the agent, not by hand: run `arachne-agent`")]
    NoChannel(#[source] io::Error),
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("the first order is no setup")]
    NoSetup,
    #[error(transparent)]
    Plan(#[from] plan::PlanError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Sandbox(#[from] sandbox::SandboxError),
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    #[error(transparent)]
    Pack(#[from] arachne_delivery::codec::CodecError),
    #[error("a capture thread has died")]
    Died,
}

impl ProcessError {
    const fn is_right_missing(&self) -> bool {
        matches!(self, Self::Open(OpenError::Live(arachne_capture::interface::LiveError::NotPermitted { .. })))
    }
}

/// Runs it. The supervisor learns why it fails.
#[must_use]
pub fn run() -> ExitCode {
    crate::be_called(c"arachne-capture");
    // Whoever ends the agent may signal all its processes: this one hands over first, and ends by the word of its supervisor.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let _ = signal_hook::flag::register(signal, Arc::default());
    }
    let socket = match io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from) {
        Ok(socket) if socket.local_addr().is_ok() => socket,
        Ok(_) => return refuse(&ProcessError::NoChannel(io::ErrorKind::NotConnected.into())),
        Err(error) => return refuse(&ProcessError::NoChannel(error)),
    };
    match capture(&socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let no_right = error.is_right_missing();
            let report = Report::Failed { why: chain(&error).to_string(), no_right };
            let _ = Said::Report(Box::new(report)).send(&mut &socket);
            ExitCode::from(if no_right { 4 } else { 1 })
        }
    }
}

/// Somebody started it by hand.
fn refuse(error: &ProcessError) -> ExitCode {
    let _log = init(Format::Text, Verbosity::Normal, Flood::Limited);
    emit!(codes::AGENT_MAIN_001, error = %chain(error));
    ExitCode::from(2)
}

fn capture(socket: &UnixStream) -> Result<(), ProcessError> {
    let mut reader = Reader::new(socket.try_clone().map_err(ProcessError::NoChannel)?);
    let Some(Order::Setup(setup)) = next_order(&mut reader)? else { return Err(ProcessError::NoSetup) };
    let own_key = plan::key(None)?;
    let first = Plan::of(&setup, &own_key, 1)?;
    let opened = Opened::of(&setup)?;
    let task = Task { plan: Arc::new(first), program: Arc::clone(&opened.program) };
    let landlock = sandbox::enter(setup.user)?;

    let shared = Arc::new(Shared::new(task, opened.sources.len(), Arc::clone(&opened.stop)));
    let writer = start_writer(socket, &shared)?;
    shared.outlet.tell(Report::Ready { landlock });
    let orders = start_reader(reader)?;
    let mut changes = Vec::new();
    let mut previews = Previews::new(opened.spare);
    let waits = setup.waits || setup.looks;
    let from = if waits { wait(&orders, &mut changes, &mut previews, &setup, &shared.outlet) } else { Some(i64::MIN) };
    let Some(from) = from else { return Ok(()) };
    let threads = start_threads(opened.sources, &setup, &shared, from)?;
    shared.outlet.tell(Report::Applied { version: setup.config.version });
    let ring_bytes = opened.ring_bytes;
    let mut governing = Governing::new(*setup, own_key, Arc::clone(&shared), ring_bytes, previews, opened.memory);
    changes.into_iter().for_each(|setup| governing.change(setup));
    let all_alive = governing.run(&orders, &threads);
    let died = threads.into_iter().map(thread::JoinHandle::join).filter(Result::is_err).count();
    governing.tell_counters();
    shared.outlet.tell(Report::Finished);
    shared.outlet.close();
    let _ = writer.join();
    if all_alive && died == 0 { Ok(()) } else { Err(ProcessError::Died) }
}

/// Waits for the order to begin, and gives the instant from which on packets are this process's; `None` where it is not to begin.
/// Packets wait in the rings, and setups in `changes`: the last one counts. Filters are tried meanwhile, where that is asked.
fn wait(
    orders: &Receiver<Order>,
    changes: &mut Vec<Setup>,
    previews: &mut Previews,
    setup: &Setup,
    outlet: &Outlet,
) -> Option<i64> {
    loop {
        let result = match orders.recv_timeout(LOOK) {
            Ok(Order::Begin { at }) => return Some(at),
            Ok(Order::Setup(setup)) => {
                *changes = vec![*setup];
                None
            }
            Ok(Order::Preview(preview)) => previews.start(preview, setup),
            Ok(Order::Finish | Order::HandOver) | Err(RecvTimeoutError::Disconnected) => return None,
            Ok(Order::Collect(_) | Order::Probe | Order::Beside { .. }) => None,
            Err(RecvTimeoutError::Timeout) => previews.poll(),
        };
        if let Some(result) = result {
            outlet.tell(Report::Preview(Box::new(result)));
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<thread::JoinHandle<()>, ProcessError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(ProcessError::Thread)
}

fn start_threads(
    sources: Vec<crate::edge::thread::Source>,
    setup: &Setup,
    shared: &Arc<Shared>,
    from: i64,
) -> Result<Vec<thread::JoinHandle<()>>, ProcessError> {
    let limits = plan::limits(&setup.config)?;
    let (task, count) = (shared.task(), sources.len() as u64);
    let mut threads = Vec::new();
    for (number, source) in sources.into_iter().enumerate() {
        let worker = Worker::new(&task.plan, &limits, number as u64, count)?;
        let (relay, kernel) = (Relay::new(from), KernelCounts::default());
        let thread = Thread { number, source, worker, relay, kernel, shared: Arc::clone(shared) };
        threads.push(spawn("capture", move || thread.run())?);
    }
    Ok(threads)
}

/// Says what there is to say, in its order. A supervisor that is gone ends everything.
fn start_writer(socket: &UnixStream, shared: &Arc<Shared>) -> Result<thread::JoinHandle<()>, ProcessError> {
    let mut socket = socket.try_clone().map_err(ProcessError::NoChannel)?;
    let shared = Arc::clone(shared);
    spawn("writer", move || say(&mut socket, &shared.outlet))
}

fn say(socket: &mut UnixStream, outlet: &Outlet) {
    while let Some(said) = outlet.take() {
        if said.send(socket).is_err() {
            outlet.close();
            return;
        }
    }
}

/// Orders come until the supervisor is gone, which is an order to end.
fn start_reader(mut reader: Reader<UnixStream>) -> Result<Receiver<Order>, ProcessError> {
    let (sender, receiver): (mpsc::SyncSender<Order>, _) = sync_channel(ORDERS);
    spawn("orders", move || {
        while let Ok(Some(order)) = next_order(&mut reader) {
            if sender.send(order).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}
