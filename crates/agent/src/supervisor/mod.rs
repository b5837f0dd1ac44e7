//! The supervisor: keeps the capture process running as it is told, spools what it finds, and talks to the server.
//!
//! It never looks into a packet or a row. One loop decides everything (`Supervisor`); files and network are in
//! `delivery`, the process in `capture`.

mod beside;
mod capture;
mod child;
mod collect;
mod delivery;
mod host;
mod kept;
mod losses;
mod names;
mod patience;
mod positions;
mod resolver;
mod status;
mod wanted;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arachne_delivery::client::Told;
use arachne_delivery::instructions::{AgentConfig, Collect, Paths, Preview};
use arachne_delivery::status::{BreakerState, Pressure, PreviewResult};
use arachne_model::table::{HostRow, QualityRow, Rows};
use arachne_telemetry::{codes, emit};
use tokio::sync::mpsc::{Receiver, channel};

use crate::args::AgentArgs;
use crate::channel::{Collection, HostInterface, Packed, Setup};
use crate::edge::pressure;
use crate::edge::worker::unix_now;
use beside::Beside;
use capture::{Capture, Outcome};
use child::Heard;
use collect::Collecting;
pub use delivery::DeliveryError;
use delivery::{Delivered, Delivery};
use kept::Kept;
use losses::Losses;
use names::{Found, Names};
use positions::Positions;
use status::{Identity, Parts};
use wanted::{Change, Wanted};

/// How often the loop looks round when nothing happens.
const LOOK: Duration = Duration::from_millis(100);
/// How often the host's interfaces are looked at, and the status is made.
const OFTEN: Duration = Duration::from_secs(2);
/// What is heard and waits for the spool.
const HEARD: usize = 8;
/// A loop that took so long for a turn did not listen meanwhile: a disk may keep it waiting.
const STALL: Duration = Duration::from_secs(1);
/// How often it is noted that something is captured.
const NOTE: Duration = Duration::from_secs(10);
/// How long the server's first word is waited for before capture begins under the host's name.
const FIRST_WORD: Duration = Duration::from_secs(3);
/// How long an agent that was asked to end may take.
const DRAIN: Duration = Duration::from_secs(9);
/// The newest version of a configuration that nobody has chosen.
const UNCHOSEN: u64 = 1;

/// Why the agent ends early.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The way to the server, or the spool.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The right to capture is missing, and there is no server to tell it.
    #[error("{0}")]
    NoRight(String),
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Arguments(String),
    /// The system refuses.
    #[error("the system does not let the agent start")]
    System(#[source] io::Error),
}

impl AgentError {
    /// The exit code of the program.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(_) | Self::Delivery(DeliveryError::Link(_)) => 2,
            Self::NoRight(_) => 4,
            Self::Delivery(DeliveryError::Spool { .. } | DeliveryError::Kept { .. }) => 6,
            _ => 1,
        }
    }
}

/// See the module.
struct Supervisor {
    args: AgentArgs,
    identity: Identity,
    kept: Kept,
    positions: Positions,
    names: Names,
    /// The installation's key of redaction. Never written anywhere.
    key: Option<String>,
    /// What the server learned about paths.
    paths: Paths,
    wanted: Wanted,
    interfaces: Vec<HostInterface>,
    /// Where the server is on the network.
    servers: Vec<SocketAddr>,
    capture: Capture,
    collecting: Collecting,
    delivery: Delivery,
    /// A batch for which the spool had no room yet.
    pending: Option<Packed>,
    preview: Option<PreviewResult>,
    losses: Losses,
    beside: Beside,
    level: Pressure,
    looked: Instant,
    turned: Instant,
    /// When it was last noted that something is captured.
    noted: Option<Instant>,
    begun: Instant,
    ending: Option<Instant>,
}

/// What is heard of the processes.
struct Ears {
    captured: Receiver<(u64, Heard)>,
    collected: Receiver<(u64, Heard)>,
}

/// Runs the agent until `stop` is set.
///
/// # Errors
/// It cannot start.
pub async fn run(args: AgentArgs, stop: Arc<AtomicBool>) -> Result<(), AgentError> {
    let (heard_sender, heard) = channel(HEARD);
    let (collected_sender, collected) = channel(HEARD);
    let mut heard = Ears { captured: heard, collected };
    let mut kept = Kept::load(&args.spool)?;
    let name = args.name.clone().or_else(|| kept.agent.clone()).unwrap_or_else(host::name);
    let config = kept.config.take().filter(|config| config.version > UNCHOSEN);
    let damaged = kept.damaged.take();
    let config = match &damaged {
        None => config.unwrap_or_else(|| args.config()),
        Some(why) if args.server.is_none() => {
            return Err(DeliveryError::Kept { file: kept::file(&args.spool), why: why.clone() }.into());
        }
        // It may have been told to capture less, or nothing: nothing, until the server says what.
        Some(_) => AgentConfig { capture: false, collect: Collect::nothing(), ..AgentConfig::default() },
    };
    kept.agent = Some(name);
    let interfaces = host::interfaces(&[]);
    let mut wanted = Wanted::new(config.clone());
    if let Some(why) = damaged {
        let file = kept::file(&args.spool);
        emit!(codes::AGENT_CONFIG_004, file = %file.display(), error = why.as_str());
        wanted.misread(
            0,
            format!("{} is damaged ({why}): nothing is captured until the server says what", file.display()),
        );
    }
    wanted.check(&interfaces).map_err(AgentError::Arguments)?;
    let (delivery, mut instructions) = Delivery::start(&args, &config).await?;
    let now = Instant::now();
    let mut supervisor = Supervisor {
        identity: Identity { host: host::name(), started: unix_now() },
        key: None,
        paths: Paths::default(),
        positions: Positions::load(&args.spool),
        names: Names::start(&args),
        wanted,
        interfaces,
        servers: delivery.servers(),
        capture: Capture::new(heard_sender),
        collecting: Collecting::new(collected_sender, delivery.position()),
        delivery,
        pending: None,
        preview: None,
        losses: Losses::new(now),
        beside: Beside::new(now),
        level: Pressure::None,
        looked: now,
        turned: now,
        noted: None,
        begun: now,
        ending: None,
        kept,
        args,
    };
    emit!(codes::AGENT_MAIN_002, version = env!("CARGO_PKG_VERSION"), spool = %supervisor.args.spool.display());
    supervisor.mark_crash();
    supervisor.tell_status();
    while !supervisor.is_over() {
        if stop.load(Ordering::Acquire) {
            supervisor.end();
        }
        supervisor.turn(&mut heard, &mut instructions).await;
        if let Some(why) = supervisor.capture.lacks_right().filter(|_| supervisor.args.server.is_none()) {
            return Err(AgentError::NoRight(why.to_owned()));
        }
        if supervisor.delivery.is_broken() {
            return Err(AgentError::System(io::Error::other(
                "the thread that writes the spool has died: start it again",
            )));
        }
    }
    let deadline = supervisor.deadline();
    let waiting = supervisor.delivery.finish(deadline).await;
    if !supervisor.capture.is_alive() {
        kept::forget_capturing(&supervisor.args.spool);
    }
    emit!(codes::AGENT_MAIN_003, waiting = waiting);
    Ok(())
}

impl Supervisor {
    /// Takes what happens next.
    async fn turn(&mut self, ears: &mut Ears, instructions: &mut Receiver<Told>) {
        // While a batch waits nothing more is heard: the capture process waits too, and gives way.
        let listens = self.pending.is_none();
        tokio::select! {
            Some((number, heard)) = ears.captured.recv(), if listens => {
                let outcome = self.capture.hear(number, heard);
                self.take(outcome);
            }
            Some((number, heard)) = ears.collected.recv(), if listens => {
                if let Some(packed) = self.collecting.hear(number, heard) {
                    self.pending = self.delivery.offer(packed).err();
                }
            }
            room = self.delivery.room(), if !listens => if room {
                if let Some(packed) = self.pending.take() {
                    self.pending = self.delivery.offer(packed).err();
                }
            } else {
                self.pending = None;
            },
            Some(told) = instructions.recv() => self.instruct(told),
            Some(found) = self.names.found() => self.name(found),
            () = tokio::time::sleep(LOOK) => {}
        }
        self.look();
    }

    fn look(&mut self) {
        let stood_still = self.turned.elapsed() > STALL;
        self.turned = Instant::now();
        if self.pending.is_some() || stood_still {
            self.capture.excuse();
            self.collecting.excuse();
        }
        let collection = self.collection_if_wanted();
        self.collecting.tick(collection);
        let wanted = self.setup_if_wanted();
        let outcome = self.capture.tick(wanted.as_ref());
        self.take(outcome);
        self.note_capturing(wanted.is_some());
        if self.looked.elapsed() >= OFTEN {
            self.looked = Instant::now();
            self.look_at_network();
            self.tell_status();
        }
    }

    /// The server's first word is waited for: it may tell another name.
    fn waits(&self) -> bool {
        self.args.server.is_some() && self.delivery.has_no_word() && self.begun.elapsed() < FIRST_WORD
    }

    /// What is to be collected now, if anything.
    fn collection_if_wanted(&self) -> Option<Collection> {
        let config = self.wanted.config();
        let wanted = self.ending.is_none() && !self.waits() && config.collect.is_anything();
        wanted.then(|| Collection {
            agent: self.kept.agent.clone().unwrap_or_default(),
            config: config.collect.clone(),
            secrets: config.redaction.names.clone(),
            key: self.key.clone(),
            nginx: self.args.nginx_conf.clone(),
            secret_files: self.args.secrets.clone(),
            position: Vec::new(),
            paths: self.paths.clone(),
        })
    }

    /// What is to be captured now, if anything.
    fn setup_if_wanted(&self) -> Option<Setup> {
        let wanted = self.ending.is_none() && !self.waits() && self.wanted.captures(unix_now());
        wanted.then(|| self.setup())
    }

    fn setup(&self) -> Setup {
        Setup {
            agent: self.kept.agent.clone().unwrap_or_default(),
            config: self.wanted.config().clone(),
            key: self.key.clone(),
            interfaces: self.interfaces.clone(),
            servers: self.servers.clone(),
            user: self.args.user,
            tell_addresses: self.args.look_up_names,
            positions: self.positions.told(),
            paths: self.paths.clone(),
            waits: false,
            looks: false,
        }
    }

    fn take(&mut self, outcome: Option<Outcome>) {
        match outcome {
            None => {}
            Some(Outcome::Packed(packed)) => {
                // Before the rows are kept: a crash in between costs these, which is told, and shows none twice.
                self.positions.note(packed.position.as_deref(), &self.args.spool);
                self.pending = self.delivery.offer(packed).err();
            }
            Some(Outcome::Applied(version)) => {
                if version != self.wanted.state().applied {
                    emit!(codes::AGENT_CONFIG_002, version = version);
                }
                self.wanted.applied(version);
                self.keep();
            }
            Some(Outcome::Refused(version, why)) => {
                emit!(codes::AGENT_CONFIG_001, version = version, error = why.as_str());
                self.wanted.refused(version, why);
                // The limits of the spool too.
                self.delivery.configure(self.wanted.config());
            }
            Some(Outcome::Preview(result)) => self.preview = Some(result),
            Some(Outcome::Addresses(addresses)) => self.names.ask(&addresses, Instant::now()),
            Some(Outcome::Unaccounted(since)) => {
                let lost = i64::try_from(since.elapsed().as_nanos()).unwrap_or(i64::MAX);
                self.mark_unaccounted(unix_now().saturating_sub(lost), "process_died");
            }
        }
    }

    fn instruct(&mut self, told: Told) {
        let Told { instructions, unknown, misread, .. } = told;
        let mut news = false;
        if !instructions.agent.is_empty() && self.kept.agent.as_ref() != Some(&instructions.agent) {
            self.kept.agent = Some(instructions.agent);
            // Rows of one process have one name: another one takes its place.
            self.keep();
        }
        if let Some(keys) = instructions.keys
            && self.key.as_ref() != Some(&keys.redaction)
        {
            self.key = Some(keys.redaction);
            news = true;
        }
        if let Some(paths) = instructions.paths.filter(|paths| *paths != self.paths) {
            // The collector process is told by starting anew, which loses no line.
            self.paths = paths;
            news = true;
        }
        if let Some(misread) = misread {
            emit!(codes::AGENT_CONFIG_001, version = misread.version, error = misread.why.as_str());
            self.wanted.misread(misread.version, misread.why);
        }
        let configured = instructions.config.is_some_and(|config| self.configure(config, unknown));
        if news && !configured {
            self.capture.send(&self.setup());
        }
        if let Some(preview) =
            instructions.preview.filter(|preview| self.preview.as_ref().is_none_or(|last| last.id != preview.id))
        {
            self.look_what_passes(preview);
        }
    }

    /// Goes by another configuration, if it can be; whether the capture process was given another setup.
    fn configure(&mut self, mut config: AgentConfig, unknown: Vec<String>) -> bool {
        if !unknown.is_empty() {
            emit!(codes::AGENT_CONFIG_003, version = config.version, settings = unknown.join(", ").as_str());
        }
        self.wanted.goes_without(unknown);
        if config.version <= UNCHOSEN {
            self.args.over(&mut config);
        }
        let (version, applied) = (config.version, self.wanted.state().applied);
        let change = self.wanted.receive(config, &self.interfaces);
        if let Some(why) = &self.wanted.state().error {
            emit!(codes::AGENT_CONFIG_001, version = version, error = why.as_str());
            return false;
        }
        let wanted = self.wanted.config();
        self.delivery.configure(wanted);
        match change {
            // The capture process is followed by another one, see [`Capture`].
            Change::None | Change::Replace => {}
            Change::Send => self.capture.send(&self.setup()),
        }
        if self.wanted.state().applied != applied {
            emit!(codes::AGENT_CONFIG_002, version = version);
            self.keep();
        }
        self.tell_status();
        change == Change::Send
    }

    fn look_what_passes(&mut self, preview: Preview) {
        let id = preview.id.clone();
        let refused = self.capture.preview(preview, self.setup()).err();
        self.preview = Some(PreviewResult { id, done: refused.is_some(), error: refused, ..PreviewResult::default() });
    }

    fn look_at_network(&mut self) {
        let (found, servers) = (host::interfaces(&self.interfaces), self.delivery.servers());
        if found != self.interfaces || servers != self.servers {
            (self.interfaces, self.servers) = (found, servers);
            self.capture.send(&self.setup());
        }
    }

    fn tell_status(&mut self) {
        let delivered = self.delivery.delivered();
        self.tell_losses(&delivered);
        let parts = Parts {
            identity: &self.identity,
            wanted: &self.wanted,
            capture: &self.capture,
            collecting: &self.collecting,
            interfaces: &self.interfaces,
            delivered: &delivered,
            names: self.names.breaker(),
            preview: self.preview.as_ref(),
            paths: self.paths.version,
        };
        let status = status::status(&parts);
        if status.pressure != self.level {
            if status.pressure == Pressure::None {
                emit!(codes::AGENT_LOAD_002);
            } else if status.pressure > self.level {
                emit!(codes::AGENT_LOAD_001, level = pressure::name(status.pressure));
            }
            self.level = status.pressure;
        }
        if self.wanted.config().limits.cpu_percent > 0
            && let Some(cores) = self.beside.cores(&status.processes, Instant::now())
        {
            self.capture.beside(cores);
        }
        self.delivery.tell(status);
    }

    fn tell_losses(&mut self, delivered: &Delivered) {
        let agent = self.kept.agent.clone().unwrap_or_default();
        let away = delivered.breaker.state != BreakerState::Closed;
        let quality = self.losses.rows(&delivered.records, away, Instant::now(), unix_now(), &agent);
        if !quality.is_empty() {
            self.delivery.put_rows(&Rows { quality, ..Rows::default() });
        }
    }

    /// Notes while something is captured, so that the next start knows what it missed when this one ends without a word.
    fn note_capturing(&mut self, wanted: bool) {
        if self.capture.is_ready() {
            if self.noted.is_none_or(|at| at.elapsed() >= NOTE) {
                self.noted = Some(Instant::now());
                kept::note_capturing(&self.args.spool);
            }
        } else if !wanted && !self.capture.is_alive() && self.noted.take().is_some() {
            kept::forget_capturing(&self.args.spool);
        }
    }

    /// The agent before this one did not end by itself, or its host did not.
    fn mark_crash(&mut self) {
        if let Some(since) = kept::last_capturing(&self.args.spool) {
            self.mark_unaccounted(since, "agent_died");
            kept::forget_capturing(&self.args.spool);
        }
    }

    /// What was captured between `begun` and now is not known: told by a row of the capture quality.
    fn mark_unaccounted(&mut self, begun: i64, why: &str) {
        let (agent, now) = (self.kept.agent.as_deref().unwrap_or_default(), unix_now());
        // A clock that was set back meanwhile has it begin at no time that is yet to come.
        let begun = begun.min(now);
        let lost = now.saturating_sub(begun).unsigned_abs();
        let row = QualityRow::of_agent(begun, agent, ("capture", "unaccounted", Some(why), lost));
        self.delivery.put_rows(&Rows { quality: vec![row], ..Rows::default() });
    }

    /// Names were looked up: rows like those of names that pass by.
    fn name(&mut self, found: Vec<Found>) {
        let source = self.kept.agent.clone().unwrap_or_default();
        let rows = found.into_iter().filter_map(|found| self.names.learn(found, Instant::now()));
        let hosts: Vec<_> = rows.map(|row| HostRow { source: source.clone(), ..row }).collect();
        if !hosts.is_empty() {
            self.delivery.put_rows(&Rows { hosts, ..Rows::default() });
        }
    }

    fn keep(&mut self) {
        self.kept.config = Some(self.wanted.in_force().clone());
        self.kept.store(&self.args.spool);
    }

    fn end(&mut self) {
        if self.ending.is_none() {
            self.ending = Some(Instant::now());
            self.capture.finish();
            self.collecting.finish();
        }
    }

    fn deadline(&self) -> Instant {
        self.ending.unwrap_or_else(Instant::now) + DRAIN
    }

    /// Everything that was captured is spooled, or there is no more time.
    fn is_over(&self) -> bool {
        self.ending.is_some_and(|_| {
            Instant::now() >= self.deadline()
                || (!self.capture.is_alive() && !self.collecting.is_alive() && self.pending.is_none())
        })
    }
}

/// The flag that SIGTERM and Ctrl-C set; a second one ends the process at once.
///
/// # Errors
/// The system refuses to tell of them.
pub fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Sets the flag when standard input ends, as that of a child does when its parent is gone.
///
/// # Errors
/// There is no thread left.
pub fn stop_with_parent(stop: &Arc<AtomicBool>) -> io::Result<()> {
    let stop = Arc::clone(stop);
    std::thread::Builder::new().name("parent".to_owned()).spawn(move || {
        // Whatever it is, there is nothing more to come.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    })?;
    Ok(())
}
