//! Keeps a capture process running as long as one is wanted, and adds up what all of them counted.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use arachne_delivery::instructions::{AgentConfig, Preview};
use arachne_delivery::status::{PreviewResult, State};
use arachne_telemetry::{chain, codes, emit};
use tokio::sync::mpsc::Sender;

use super::child::{Child, Heard};
use super::patience::Patience;
use crate::channel::{Counters, Order, Packed, Report, Said, Setup};
use crate::process::ARGUMENT;

/// First wait before another start, doubled with each failure up to the longest.
const WAIT_FIRST: Duration = Duration::from_millis(500);
/// Longest wait before another start.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A process that lived for so long was well.
const WELL: Duration = Duration::from_secs(60);

/// Why rows are missing of a process that was asked to end, where it did so too early.
const CUT_SHORT: &str = "it ended before it had handed over what it had";
/// A process that only looks may take so long.
const LOOK_MAX: Duration = Duration::from_secs(90);

/// What comes of what was heard.
#[derive(Debug)]
pub enum Outcome {
    /// Rows to deliver.
    Packed(Packed),
    /// A configuration is in force.
    Applied(u64),
    /// A configuration is not in force, and why.
    Refused(u64, String),
    /// What a filter would catch.
    Preview(PreviewResult),
    /// Addresses of those that talk.
    Addresses(Vec<IpAddr>),
    /// What was captured since this instant (by this process's clock) is lost in part.
    Unaccounted(Instant),
}

/// Which process.
#[derive(Clone, Copy, Debug)]
enum Who {
    Now,
    Coming,
    Leaving,
    Looking,
}

/// What a process cannot change while it runs: another one takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shape {
    /// Rows of one process have one name.
    agent: String,
    threads: u32,
    ring_bytes: u64,
    files: Vec<String>,
}

impl Shape {
    fn of(setup: &Setup) -> Self {
        let AgentConfig { limits, files, .. } = &setup.config;
        let (threads, ring_bytes) = (limits.threads, limits.ring_bytes);
        Self { agent: setup.agent.clone(), threads, ring_bytes, files: files.clone() }
    }
}

/// A process, and what is known of it.
struct Process {
    child: Child,
    shape: Shape,
    /// Of the configuration that it was started with.
    version: u64,
    patience: Patience,
    /// It has its sockets, and no rights.
    ready: bool,
    /// It reads nothing before it is told.
    waits: bool,
    /// It could not start, and said so.
    refused: bool,
    /// All that it found was handed over: its last word.
    finished: bool,
    counters: Counters,
}

impl Process {
    fn order(&mut self, order: &Order) -> bool {
        self.patience.finishing.is_none() && self.child.order(order).is_ok()
    }

    fn finish(&mut self) {
        if self.patience.finishing.is_none() {
            // One that takes no order is gone, which is heard.
            let _ = self.child.order(&Order::Finish);
            self.patience.finishing = Some(Instant::now());
        }
    }

    /// From now on it reads what was captured at `at` and later.
    fn begin(&mut self, at: i64) {
        self.waits = !self.order(&Order::Begin { at });
    }

    /// Since when it may have had something in memory that it has not told.
    fn untold_since(&self) -> Instant {
        self.patience.last_word.checked_sub(Duration::from_secs(1)).unwrap_or(self.patience.last_word)
    }
}

/// See the module.
///
/// A process whose [`Shape`] is no longer the wanted one is followed by another, and no packet is lost or counted twice: the next one
/// opens its sockets and reads nothing (`coming`); then the one that captures names an instant, and is `leaving`: what was captured
/// before is its own, all later packets are the other's, in whose ring they wait.
pub struct Capture {
    heard: Sender<(u64, Heard)>,
    now: Option<Process>,
    coming: Option<Process>,
    leaving: Option<Process>,
    /// One that only looks what a filter would catch, and for whom.
    looking: Option<(Process, Preview)>,
    starts: u64,
    /// Of those: to look only.
    looks: u64,
    failures: u32,
    not_before: Option<Instant>,
    /// What the processes before counted.
    before: Counters,
    /// Since when nobody captures, though it is wanted.
    gap: Option<Instant>,
    landlock: String,
    why: Option<String>,
    no_right: bool,
}

impl Capture {
    /// What its processes say comes to `heard`.
    #[must_use]
    pub fn new(heard: Sender<(u64, Heard)>) -> Self {
        Self {
            heard,
            now: None,
            coming: None,
            leaving: None,
            looking: None,
            starts: 0,
            looks: 0,
            failures: 0,
            not_before: None,
            before: Counters::default(),
            gap: None,
            landlock: String::new(),
            why: None,
            no_right: false,
        }
    }

    /// Starts or ends processes as `wanted` says; called often. What is lost by one that hangs is told.
    pub fn tick(&mut self, wanted: Option<&Setup>) -> Option<Outcome> {
        let now = Instant::now();
        let may_start = self.not_before.is_none_or(|at| now >= at);
        let mut outcome = None;
        match (&mut self.now, wanted) {
            (None, Some(setup)) if may_start => match self.start(setup.clone(), false) {
                Ok(process) => self.now = Some(process),
                Err(why) => self.fail(why, false),
            },
            (Some(_), None) => self.finish(),
            (None, None) => outcome = self.gap.take().map(Outcome::Unaccounted),
            (Some(process), Some(setup)) if process.shape != Shape::of(setup) => {
                outcome = self.follow(setup, may_start)
            }
            _ => {}
        }
        outcome.or_else(|| self.look_for_hanging(now))
    }

    fn look_for_hanging(&mut self, now: Instant) -> Option<Outcome> {
        let hangs = |process: &Option<Process>| process.as_ref().is_some_and(|one| one.patience.is_over(now));
        if hangs(&self.coming) {
            return self.give_up_coming("it hangs".to_owned());
        }
        // Longer than the longest look; it says nothing meanwhile.
        if self.looking.as_ref().is_some_and(|(process, _)| process.child.started.elapsed() > LOOK_MAX) {
            return self.cannot_look("it hangs".to_owned());
        }
        if hangs(&self.leaving) {
            return self.left(Some("it hangs".to_owned()));
        }
        hangs(&self.now).then(|| self.lose("it hangs".to_owned())).flatten()
    }

    /// A process of another shape is wanted.
    fn follow(&mut self, setup: &Setup, may_start: bool) -> Option<Outcome> {
        let process = self.now.as_mut()?;
        let of_files = !process.shape.files.is_empty() || !setup.config.files.is_empty();
        if !process.ready || process.waits || of_files {
            // Nothing is read yet, or what is read waits: of a file, the next one knows where this one ended.
            process.finish();
            return None;
        }
        if self.coming.as_ref().is_some_and(|coming| !coming.ready && coming.shape != Shape::of(setup)) {
            // Nobody wants it any more, and it has read nothing.
            self.coming = None;
        }
        let is_free = self.coming.is_none() && self.leaving.is_none() && process.patience.finishing.is_none();
        if is_free && may_start {
            match self.start(setup.clone(), true) {
                Ok(coming) => self.coming = Some(coming),
                Err(why) => {
                    self.wait();
                    return Some(Outcome::Refused(setup.config.version, why));
                }
            }
        }
        None
    }

    fn start(&mut self, setup: Setup, waits: bool) -> Result<Process, String> {
        self.starts += 1;
        let (shape, version) = (Shape::of(&setup), setup.config.version);
        let child =
            Child::start(self.starts, ARGUMENT, self.heard.clone()).map_err(|error| chain(&error).to_string())?;
        let mut process = Process {
            child,
            shape,
            version,
            patience: Patience::new(Instant::now()),
            ready: false,
            waits,
            refused: false,
            finished: false,
            counters: Counters::default(),
        };
        // One that takes no order is gone, which is heard.
        process.order(&Order::Setup(Box::new(Setup { waits, ..setup })));
        Ok(process)
    }

    /// Hands over what was found, and ends.
    pub fn finish(&mut self) {
        // It has read nothing.
        self.coming = None;
        self.now.iter_mut().for_each(Process::finish);
    }

    /// Another setup for the processes that run, if they can go on by it.
    pub fn send(&mut self, setup: &Setup) {
        let shape = Shape::of(setup);
        for process in self.now.iter_mut().chain(&mut self.coming).filter(|process| process.shape == shape) {
            process.order(&Order::Setup(Box::new(setup.clone())));
        }
    }

    /// Tells what the agent's other processes take of the CPU, in cores.
    pub fn beside(&mut self, cores: f64) {
        // One that takes no order is gone, which is heard.
        self.now.iter_mut().filter(|process| process.ready).for_each(|process| {
            process.order(&Order::Beside { cores });
        });
    }

    /// Asks what a filter would catch. Where no interface is captured, a process is started for it, which only looks.
    ///
    /// # Errors
    /// Why nobody can look.
    pub fn preview(&mut self, preview: Preview, setup: Setup) -> Result<(), String> {
        let able = |process: &&mut Process| process.ready && process.shape.files.is_empty();
        if let Some(process) = self.now.as_mut().filter(able)
            && process.order(&Order::Preview(preview.clone()))
        {
            return Ok(());
        }
        if self.looking.is_some() {
            return Err("another preview is running: ask again later".to_owned());
        }
        let looks = self.start(Setup { looks: true, ..setup }, false)?;
        self.looks += 1;
        self.looking = Some((looks, preview));
        Ok(())
    }

    fn looking_reports(&mut self, report: Report) -> Option<Outcome> {
        let (process, preview) = self.looking.as_mut()?;
        match report {
            Report::Ready { .. } => {
                process.order(&Order::Preview(preview.clone()));
                None
            }
            Report::Preview(result) => {
                if result.done {
                    self.looking = None;
                }
                Some(Outcome::Preview(*result))
            }
            Report::Failed { why, .. } => self.cannot_look(why),
            _ => None,
        }
    }

    fn cannot_look(&mut self, why: String) -> Option<Outcome> {
        let (_, Preview { id, .. }) = self.looking.take()?;
        Some(Outcome::Preview(PreviewResult { id, done: true, error: Some(why), ..PreviewResult::default() }))
    }

    /// Whether a process captures.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.now.as_ref().is_some_and(|process| process.ready)
    }

    /// Whether a process is there, ending ones too.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.now.is_some() || self.leaving.is_some()
    }

    /// Nobody listened to the processes until now.
    pub fn excuse(&mut self) {
        let all = self.now.iter_mut().chain(&mut self.coming).chain(&mut self.leaving);
        all.for_each(|process| process.patience.excuse(Instant::now()));
    }

    /// Something was heard of process `number`.
    pub fn hear(&mut self, number: u64, heard: Heard) -> Option<Outcome> {
        let heard = match heard {
            // Also of one that was given up; its rows are good all the same.
            Heard::Said(Said::Packed(packed)) => {
                self.heard_of(number);
                return Some(Outcome::Packed(packed));
            }
            Heard::Said(Said::Report(report)) => Ok(*report),
            Heard::Gone(why) => Err(why),
        };
        let who = self.heard_of(number)?;
        match (who, heard) {
            (Who::Now, Ok(report)) => self.report(report),
            (Who::Now, Err(why)) => self.gone(why),
            (Who::Coming, Ok(report)) => self.coming_reports(report),
            (Who::Coming, Err(why)) => {
                self.give_up_coming(why.unwrap_or_else(|| "the process ended before it captured".to_owned()))
            }
            (Who::Looking, Ok(report)) => self.looking_reports(report),
            (Who::Looking, Err(why)) => {
                self.cannot_look(why.unwrap_or_else(|| "the process that looked ended".to_owned()))
            }
            (Who::Leaving, Ok(report)) => self.leaving_reports(report),
            (Who::Leaving, Err(why)) => self.left(why),
        }
    }

    /// Whose word it is, which is noted.
    fn heard_of(&mut self, number: u64) -> Option<Who> {
        let mut all = [
            (Who::Now, self.now.as_mut()),
            (Who::Coming, self.coming.as_mut()),
            (Who::Leaving, self.leaving.as_mut()),
            (Who::Looking, self.looking.as_mut().map(|(process, _)| process)),
        ];
        let (who, process) = all.iter_mut().find_map(|(who, process)| {
            process.as_mut().filter(|process| process.child.number == number).map(|process| (*who, process))
        })?;
        process.patience.last_word = Instant::now();
        Some(who)
    }

    fn report(&mut self, report: Report) -> Option<Outcome> {
        match report {
            Report::Ready { landlock } => {
                self.is_there(landlock);
                (self.why, self.no_right) = (None, false);
                if let Some(process) = self.now.as_mut() {
                    process.ready = true;
                    if process.waits {
                        // The one before it is gone.
                        process.begin(i64::MIN);
                    }
                }
                self.gap.take().map(Outcome::Unaccounted)
            }
            Report::Failed { why, no_right } => {
                let version = self.now.as_mut().map(|process| {
                    process.refused = true;
                    process.version
                });
                let waits_for = no_right || self.now.as_ref().is_some_and(|process| !process.shape.files.is_empty());
                self.fail(why.clone(), no_right);
                // A right may be given, a file may come; anything else does not change by itself.
                version.filter(|_| !waits_for).map(|version| Outcome::Refused(version, why))
            }
            Report::Applied { version } => Some(Outcome::Applied(version)),
            Report::Refused { version, why } => Some(Outcome::Refused(version, why)),
            Report::Counters(counters) => {
                self.why.clone_from(&counters.failed);
                self.now.iter_mut().for_each(|process| process.counters.clone_from(&counters));
                None
            }
            Report::Preview(result) => Some(Outcome::Preview(*result)),
            Report::Addresses(addresses) => Some(Outcome::Addresses(addresses)),
            Report::HandsOver { at } => {
                self.take_over(at);
                None
            }
            // Only tests ask for it, without a supervisor; and what other processes tell.
            Report::Probed(_) | Report::Collectors(_) => None,
            Report::Finished => {
                self.now.iter_mut().for_each(|process| {
                    process.finished = true;
                    process.patience.finishing.get_or_insert_with(Instant::now);
                });
                None
            }
        }
    }

    fn is_there(&mut self, landlock: String) {
        let pid = self.coming.as_ref().or(self.now.as_ref()).map_or(0, |process| process.child.pid());
        emit!(codes::AGENT_CAPTURE_001, landlock = landlock.as_str(), pid = pid);
        self.landlock = landlock;
    }

    fn coming_reports(&mut self, report: Report) -> Option<Outcome> {
        match report {
            Report::Ready { landlock } => {
                self.is_there(landlock);
                self.coming.iter_mut().for_each(|process| process.ready = true);
                // One that takes no order is gone, which is heard.
                self.now.iter_mut().for_each(|process| {
                    process.order(&Order::HandOver);
                });
                None
            }
            Report::Failed { why, .. } => self.give_up_coming(why),
            _ => None,
        }
    }

    /// The one that captures goes on, and its configuration stays.
    fn give_up_coming(&mut self, why: String) -> Option<Outcome> {
        let coming = self.coming.take()?;
        self.wait();
        Some(Outcome::Refused(coming.version, why))
    }

    /// What was captured at `at` and later is of the next process.
    fn take_over(&mut self, at: i64) {
        let Some(mut coming) = self.coming.take() else {
            self.gap = Some(Instant::now());
            return;
        };
        coming.begin(at);
        self.leaving = self.now.replace(coming);
        self.leaving.iter_mut().for_each(|process| process.patience.finishing = Some(Instant::now()));
    }

    fn leaving_reports(&mut self, report: Report) -> Option<Outcome> {
        match report {
            Report::Counters(counters) => {
                self.leaving.iter_mut().for_each(|process| process.counters.clone_from(&counters));
                None
            }
            Report::Addresses(addresses) => Some(Outcome::Addresses(addresses)),
            Report::Finished => {
                self.leaving.iter_mut().for_each(|process| process.finished = true);
                None
            }
            _ => None,
        }
    }

    /// The one that hands over is gone, by itself or not.
    fn left(&mut self, why: Option<String>) -> Option<Outcome> {
        let process = self.leaving.take()?;
        let (since, finished) = (process.untold_since(), process.finished);
        self.forget(process);
        let why = why.or_else(|| (!finished).then(|| CUT_SHORT.to_owned()))?;
        emit!(codes::AGENT_CAPTURE_003, error = why.as_str());
        Some(Outcome::Unaccounted(since))
    }

    /// It could not start, and said why.
    fn fail(&mut self, why: String, no_right: bool) {
        if self.why.as_ref() != Some(&why) {
            emit!(codes::AGENT_CAPTURE_002, error = why.as_str());
        }
        (self.why, self.no_right) = (Some(why), no_right);
        self.wait();
    }

    fn wait(&mut self) {
        let wait = WAIT_FIRST.saturating_mul(1 << self.failures.min(16)).min(WAIT_MAX);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + wait);
    }

    fn gone(&mut self, why: Option<String>) -> Option<Outcome> {
        let process = self.now.as_mut()?;
        let held_nothing = process.finished || process.waits || !process.ready;
        let by_itself = process.patience.finishing.is_some() && why.is_none() && held_nothing;
        if by_itself || process.refused {
            // It said why.
            self.next();
            return None;
        }
        // The end of the channel comes a moment before that of the process.
        std::thread::sleep(Duration::from_millis(20));
        let ended = process.child.ended();
        self.lose(why.or(ended).unwrap_or_else(|| "it closed its channel".to_owned()))
    }

    /// It is lost with what it had in memory.
    fn lose(&mut self, why: String) -> Option<Outcome> {
        emit!(codes::AGENT_CAPTURE_003, error = why.as_str());
        let process = self.now.as_ref()?;
        let (since, captured) = (process.untold_since(), process.ready && !process.waits);
        if process.child.started.elapsed() >= WELL {
            self.failures = 0;
        }
        self.why = Some(format!("the capture process ended ({why}) and is started again"));
        self.wait();
        self.gap = captured.then(Instant::now).or(self.gap);
        self.next();
        captured.then_some(Outcome::Unaccounted(since))
    }

    /// The one that captured is no more; one that was coming takes its place, with all that is in its ring.
    fn next(&mut self) {
        if let Some(gone) = std::mem::replace(&mut self.now, self.coming.take()) {
            self.forget(gone);
        }
        if let Some(process) = self.now.as_mut().filter(|process| process.ready) {
            process.begin(i64::MIN);
            (self.why, self.gap) = (None, None);
        }
    }

    fn forget(&mut self, mut process: Process) {
        process.child.kill();
        self.before.settle(process.counters);
    }

    /// Counts of all processes so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = self.before.clone();
        for process in self.leaving.iter().chain(&self.now) {
            all.add(&process.counters);
        }
        all
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.now.as_ref().map(|process| process.child.pid())
    }

    /// Starts after the first one.
    #[must_use]
    pub const fn restarts(&self) -> u64 {
        (self.starts - self.looks).saturating_sub(1)
    }

    /// What landlock does for it.
    #[must_use]
    pub fn landlock(&self) -> &str {
        &self.landlock
    }

    /// Why nothing can be captured, where the right is missing.
    #[must_use]
    pub fn lacks_right(&self) -> Option<&str> {
        self.why.as_deref().filter(|_| self.no_right)
    }

    /// What it does, where it is `wanted`, and why it does not.
    #[must_use]
    pub fn state(&self, wanted: bool) -> (State, Option<String>) {
        let state = match (wanted, self.is_ready(), &self.why) {
            (false, ..) => State::Stopped,
            (true, true, None) => State::Capturing,
            (true, _, Some(_)) if self.no_right => State::NoRight,
            (true, _, Some(_)) => State::Failed,
            (true, false, None) => State::Starting,
        };
        (state, self.why.clone().filter(|_| wanted))
    }
}
