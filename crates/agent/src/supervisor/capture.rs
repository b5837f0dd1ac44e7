//! Keeps a capture process running as long as one is wanted, and adds up what all of them counted.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use arachne_delivery::instructions::Preview;
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

/// See the module.
pub struct Capture {
    heard: Sender<(u64, Heard)>,
    child: Option<Child>,
    patience: Patience,
    ready: bool,
    /// It could not start, and said so.
    refused: bool,
    starts: u64,
    failures: u32,
    not_before: Option<Instant>,
    /// What the processes before counted.
    before: Counters,
    counters: Counters,
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
            child: None,
            patience: Patience::new(Instant::now()),
            ready: false,
            refused: false,
            starts: 0,
            failures: 0,
            not_before: None,
            before: Counters::default(),
            counters: Counters::default(),
            landlock: String::new(),
            why: None,
            no_right: false,
        }
    }

    /// Starts or ends a process as `wanted` says; called often. What is lost by one that hangs is told.
    pub fn tick(&mut self, wanted: Option<&Setup>) -> Option<Outcome> {
        match (&self.child, wanted) {
            (None, Some(setup)) if self.not_before.is_none_or(|at| Instant::now() >= at) => self.start(setup),
            (Some(_), None) => self.finish(),
            _ => {}
        }
        let hangs = self.child.is_some() && self.patience.is_over(Instant::now());
        hangs.then(|| self.lose("it hangs".to_owned())).flatten()
    }

    fn start(&mut self, setup: &Setup) {
        self.starts += 1;
        (self.patience, self.refused) = (Patience::new(Instant::now()), false);
        let started =
            Child::start(self.starts, ARGUMENT, self.heard.clone()).map_err(|error| chain(&error).to_string());
        match started {
            Ok(mut child) => {
                // One that takes no order is gone, which is heard.
                let _ = child.order(&Order::Setup(Box::new(setup.clone())));
                self.child = Some(child);
            }
            Err(why) => self.fail(why, false),
        }
    }

    /// Hands over what was found, and ends.
    pub fn finish(&mut self) {
        if let Some(child) = self.child.as_mut().filter(|_| self.patience.finishing.is_none()) {
            self.patience.finishing = Some(Instant::now());
            let _ = child.order(&Order::Finish);
        }
    }

    /// Another setup for the process that runs, if one does.
    pub fn send(&mut self, setup: &Setup) {
        self.order(&Order::Setup(Box::new(setup.clone())));
    }

    /// Asks what a filter would catch; `false` when there is no process that could look.
    pub fn preview(&mut self, preview: Preview) -> bool {
        self.ready && self.order(&Order::Preview(preview))
    }

    fn order(&mut self, order: &Order) -> bool {
        self.child
            .as_mut()
            .filter(|_| self.patience.finishing.is_none())
            .is_some_and(|child| child.order(order).is_ok())
    }

    /// Whether a process captures.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether a process is there, ending ones too.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.child.is_some()
    }

    /// Nobody listened to the process until now.
    pub fn excuse(&mut self) {
        self.patience.excuse(Instant::now());
    }

    /// Something was heard of process `number`.
    pub fn hear(&mut self, number: u64, heard: Heard) -> Option<Outcome> {
        if self.child.as_ref().is_none_or(|child| child.number != number) {
            // Of one that was given up; its rows are good all the same.
            return match heard {
                Heard::Said(Said::Packed(packed)) => Some(Outcome::Packed(packed)),
                _ => None,
            };
        }
        self.patience.last_word = Instant::now();
        match heard {
            Heard::Said(Said::Packed(packed)) => Some(Outcome::Packed(packed)),
            Heard::Said(Said::Report(report)) => self.report(*report),
            Heard::Gone(why) => self.gone(why),
        }
    }

    fn report(&mut self, report: Report) -> Option<Outcome> {
        match report {
            Report::Ready { landlock } => {
                emit!(codes::AGENT_CAPTURE_001, landlock = landlock.as_str(), pid = self.pid().unwrap_or(0));
                (self.landlock, self.ready) = (landlock, true);
                (self.why, self.no_right) = (None, false);
                None
            }
            Report::Failed { why, no_right } => {
                self.fail(why, no_right);
                None
            }
            Report::Applied { version } => Some(Outcome::Applied(version)),
            Report::Refused { version, why } => Some(Outcome::Refused(version, why)),
            Report::Counters(counters) => {
                self.why.clone_from(&counters.failed);
                self.counters = *counters;
                None
            }
            Report::Preview(result) => Some(Outcome::Preview(*result)),
            Report::Addresses(addresses) => Some(Outcome::Addresses(addresses)),
            // Only tests ask for it, without a supervisor; and what other processes tell.
            Report::Probed(_) | Report::Collectors(_) => None,
            Report::Finished => {
                self.patience.finishing.get_or_insert_with(Instant::now);
                None
            }
        }
    }

    /// It could not start, and said why.
    fn fail(&mut self, why: String, no_right: bool) {
        if self.why.as_ref() != Some(&why) {
            emit!(codes::AGENT_CAPTURE_002, error = why.as_str());
        }
        (self.why, self.no_right, self.refused) = (Some(why), no_right, true);
        self.wait();
    }

    fn wait(&mut self) {
        let wait = WAIT_FIRST.saturating_mul(1 << self.failures.min(16)).min(WAIT_MAX);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + wait);
    }

    fn gone(&mut self, why: Option<String>) -> Option<Outcome> {
        if self.patience.finishing.is_some() && why.is_none() {
            self.forget();
            return None;
        }
        if self.refused {
            // It said why.
            self.forget();
            return None;
        }
        let ended = self.child.as_mut().and_then(|child| {
            // The end of the channel comes a moment before that of the process.
            std::thread::sleep(Duration::from_millis(20));
            child.ended()
        });
        self.lose(why.or(ended).unwrap_or_else(|| "it closed its channel".to_owned()))
    }

    /// It is lost with what it had in memory.
    fn lose(&mut self, why: String) -> Option<Outcome> {
        emit!(codes::AGENT_CAPTURE_003, error = why.as_str());
        let last_word = self.patience.last_word;
        let since = last_word.checked_sub(Duration::from_secs(1)).unwrap_or(last_word);
        let was_ready = self.ready;
        if self.child.as_ref().is_some_and(|child| child.started.elapsed() >= WELL) {
            self.failures = 0;
        }
        self.why = Some(format!("the capture process ended ({why}) and is started again"));
        self.wait();
        self.forget();
        was_ready.then_some(Outcome::Unaccounted(since))
    }

    fn forget(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill();
        }
        self.patience.finishing = None;
        self.ready = false;
        let counters = std::mem::take(&mut self.counters);
        self.before.settle(counters);
    }

    /// Counts of all processes so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = self.before.clone();
        all.add(&self.counters);
        all
    }

    /// The number of the process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::pid)
    }

    /// Starts after the first one.
    #[must_use]
    pub const fn restarts(&self) -> u64 {
        self.starts.saturating_sub(1)
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
        let state = match (wanted, self.ready, &self.why) {
            (false, ..) => State::Stopped,
            (true, true, None) => State::Capturing,
            (true, _, Some(_)) if self.no_right => State::NoRight,
            (true, _, Some(_)) => State::Failed,
            (true, false, None) => State::Starting,
        };
        (state, self.why.clone().filter(|_| wanted))
    }
}
