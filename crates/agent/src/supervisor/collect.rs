//! Keeps a collector process running as long as something is to be collected.

use std::time::{Duration, Instant};

use arachne_delivery::status::Collector;
use arachne_telemetry::{chain, codes, emit};
use tokio::sync::mpsc::Sender;

use super::child::{Child, Heard};
use crate::channel::{Collection, Order, Packed, Report, Said};
use crate::collect::ARGUMENT;

/// First wait before another start, doubled with each failure up to the longest.
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(30);
/// A process that says nothing for so long hangs: it reports every two seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How long it may take to end.
const END_MAX: Duration = Duration::from_secs(15);
/// A process that lived for so long was well.
const WELL: Duration = Duration::from_secs(60);

/// See the module.
pub struct Collecting {
    heard: Sender<(u64, Heard)>,
    child: Option<Child>,
    /// What the process was told.
    told: Option<Collection>,
    finishing: Option<Instant>,
    last_word: Instant,
    starts: u64,
    failures: u32,
    not_before: Option<Instant>,
    /// Up to where logs were read, as of the last batch.
    position: Vec<u8>,
    collectors: Vec<Collector>,
    why: Option<String>,
}

impl Collecting {
    /// What its processes say comes to `heard`; logs are read on at `position`.
    #[must_use]
    pub fn new(heard: Sender<(u64, Heard)>, position: Vec<u8>) -> Self {
        Self {
            heard,
            child: None,
            told: None,
            finishing: None,
            last_word: Instant::now(),
            starts: 0,
            failures: 0,
            not_before: None,
            position,
            collectors: Vec::new(),
            why: None,
        }
    }

    /// Starts or ends a process as `wanted` says; called often.
    pub fn tick(&mut self, wanted: Option<Collection>) {
        match (&mut self.child, wanted) {
            (None, Some(wanted)) if self.not_before.is_none_or(|at| Instant::now() >= at) => self.start(wanted),
            (Some(_), wanted) if wanted != self.told => self.finish(),
            _ => {}
        }
        let ends_too_late = self.finishing.is_some_and(|since| since.elapsed() >= END_MAX);
        if ends_too_late || self.last_word.elapsed() >= SILENCE_MAX {
            // Its last words are still heard; only then there may be another one.
            self.child.iter_mut().for_each(Child::kill);
        }
    }

    fn start(&mut self, wanted: Collection) {
        self.starts += 1;
        self.last_word = Instant::now();
        let order = Order::Collect(Box::new(Collection { position: self.position.clone(), ..wanted.clone() }));
        match Child::start(self.starts, ARGUMENT, self.heard.clone()) {
            Ok(mut child) => {
                // One that takes no order is gone, which is heard.
                let _ = child.order(&order);
                (self.child, self.told, self.finishing) = (Some(child), Some(wanted), None);
            }
            Err(error) => self.fail(chain(&error).to_string()),
        }
    }

    /// Hands over what was found, and ends.
    pub fn finish(&mut self) {
        if let Some(child) = self.child.as_mut().filter(|_| self.finishing.is_none()) {
            self.finishing = Some(Instant::now());
            let _ = child.order(&Order::Finish);
        }
    }

    /// Nobody listened to the process until now.
    pub fn excuse(&mut self) {
        self.last_word = Instant::now();
        self.finishing = self.finishing.map(|_| Instant::now());
    }

    /// Something was heard of process `number`: rows, if it was rows.
    pub fn hear(&mut self, number: u64, heard: Heard) -> Option<Packed> {
        if self.child.as_ref().is_none_or(|child| child.number != number) {
            return None;
        }
        self.last_word = Instant::now();
        match heard {
            Heard::Said(Said::Packed(packed)) => {
                if !packed.note.is_empty() {
                    self.position.clone_from(&packed.note);
                }
                return Some(packed);
            }
            Heard::Said(Said::Report(report)) => match *report {
                Report::Collectors(collectors) => (self.collectors, self.why) = (collectors, None),
                Report::Failed { why, .. } => self.why = Some(why),
                _ => {}
            },
            Heard::Gone(why) => self.gone(why),
        }
        None
    }

    fn gone(&mut self, why: Option<String>) {
        let Some(mut child) = self.child.take() else { return };
        let was_well = child.started.elapsed() >= WELL;
        self.failures = if was_well { 0 } else { self.failures };
        let ended = child.ended();
        drop(child);
        self.collectors.clear();
        if self.finishing.take().is_none() || why.is_some() {
            let why = self.why.take().or(why).or(ended);
            self.fail(why.unwrap_or_else(|| "it closed its channel".to_owned()));
        }
    }

    fn fail(&mut self, why: String) {
        emit!(codes::AGENT_COLLECT_001, error = why.as_str());
        self.why = Some(why);
        let wait = WAIT_FIRST.saturating_mul(1 << self.failures.min(16)).min(WAIT_MAX);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + wait);
    }

    /// Whether a process is there, an ending one too.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.child.is_some()
    }

    /// The number of the process, and starts after the first one.
    #[must_use]
    pub fn process(&self) -> Option<(u32, u64)> {
        self.child.as_ref().map(|child| (child.pid(), self.starts.saturating_sub(1)))
    }

    /// How its collectors are.
    #[must_use]
    pub fn collectors(&self) -> Vec<Collector> {
        let failed = self.why.as_ref().filter(|_| self.collectors.is_empty());
        let failed =
            failed.map(|why| Collector { name: "all".to_owned(), error: Some(why.clone()), ..Collector::default() });
        self.collectors.iter().cloned().chain(failed).collect()
    }
}
