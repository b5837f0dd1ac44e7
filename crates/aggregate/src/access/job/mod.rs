//! The access job: an access log as series, 10 s after 10 s.
//!
//! Each request counts once in each breakdown: by class of its request time and of its upstream time, by template, by
//! status within its template, by method, by cache status; each server that was asked counts once per attempt. Sums over
//! any label equal the totals. Templates have series of their own while they are among the heaviest by requests, by
//! upstream time or by errors (`members`); all others are `~other`, with a bound on what may hide there.

mod bots;
mod candidates;
mod class;
mod client;
mod memo;
mod window;

use std::collections::BTreeMap;

use arachne_model::Thresholds;
pub use class::{CLASSES, Class};
pub use window::{Requests, Server, Window};

use super::{Format, LINE_BYTES_MAX, Reader, Record, Refusal};
use crate::Normaliser;
use crate::members::Members;
use crate::windows::{Missed, Windows};
pub(crate) use bots::Bots;
use candidates::{Candidates, server};
use class::{apart, of_time};
use client::client;
use memo::Memo;
use window::One;

/// Paths whose templates are remembered: of a busy site 64 % of the requests find theirs among 1 024, 79 % among 4 096.
const PATHS_PLACES: usize = 4096;

/// What can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where classes begin.
    pub thresholds: Thresholds,
    /// Templates whose requests wait for events: their times are no measure of speed.
    pub long_polls: Vec<String>,
    /// Templates with series of their own, at most.
    pub templates_max: usize,
    /// How many of the heaviest earn a place, by each of requests, upstream time and errors.
    pub top: usize,
    /// Errors within a window below which no template earns a place by them.
    pub errors_min: u64,
    /// Upstream servers with series of their own, at most.
    pub servers_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            thresholds: Thresholds::default(),
            long_polls: Vec::new(),
            templates_max: 256,
            top: 50,
            errors_min: 5,
            servers_max: 128,
        }
    }
}

/// What became of the lines: all = counted + refused + missed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// All.
    pub all: u64,
    /// Those that are requests in a window.
    pub counted: u64,
    /// Those that are no records, by [`Refusal::reason`].
    pub refused: BTreeMap<&'static str, u64>,
    /// Those that were longer than [`LINE_BYTES_MAX`] and cut there before they were read.
    pub cut: u64,
    /// Those of no open window.
    pub missed: Missed,
}

/// A request that was counted.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What its line says.
    pub record: &'a Record<'a>,
    /// The template of its path.
    pub template: &'a str,
    /// What it counts as.
    pub class: Class,
    /// What it counts as by the time of its upstreams; None where none was asked.
    pub upstream_class: Option<Class>,
}

/// Reads one access log.
#[derive(Clone, Debug)]
pub struct Job {
    reader: Reader,
    normaliser: Normaliser,
    settings: Settings,
    bots: Bots,
    templates: Members,
    servers: Members,
    candidates: Candidates,
    windows: Windows<Window>,
    lines: Lines,
    /// The slots of the templates of paths, as long as no slot changes hands.
    paths: Memo<Option<usize>>,
    /// Room for a template.
    template: String,
}

impl Job {
    /// A job for a file of this format. `seed` should be random: it keeps strangers from choosing what collides.
    #[must_use]
    pub fn new(format: &Format, normaliser: Normaliser, settings: Settings, seed: u64) -> Self {
        Self {
            reader: Reader::new(format),
            normaliser,
            bots: Bots::new(seed),
            templates: Members::new(settings.templates_max, seed),
            servers: Members::new(settings.servers_max, seed),
            candidates: Candidates::new(settings.top * 2),
            windows: Windows::default(),
            lines: Lines::default(),
            paths: Memo::new(PATHS_PLACES, seed),
            template: String::new(),
            settings,
        }
    }

    /// Counts a line without its line feed; `arrived` (nanoseconds since the Unix epoch) is its time where it has none.
    ///
    /// # Errors
    /// Why it is no record; it is counted so.
    pub fn push(&mut self, line: &[u8], arrived: i64) -> Result<(), Refusal> {
        self.push_seen(line, arrived, |_| {})
    }

    /// The same; `seen` is shown what the line says, where that is a request.
    ///
    /// # Errors
    /// Why it is no record; it is counted so.
    pub fn push_seen(&mut self, line: &[u8], arrived: i64, seen: impl FnOnce(Seen<'_>)) -> Result<(), Refusal> {
        let record = self.read(line)?;
        self.count(&record, arrived, seen);
        Ok(())
    }

    /// What a line says: among the lines of this job, in no window yet. See [`Self::count`].
    ///
    /// # Errors
    /// Why it is no record; it is counted so.
    pub fn read<'a>(&mut self, line: &'a [u8]) -> Result<Record<'a>, Refusal> {
        self.lines.all += 1;
        self.lines.cut += u64::from(line.len() > LINE_BYTES_MAX);
        let read = self.reader.read(&line[..line.len().min(LINE_BYTES_MAX)]);
        if let Err(refusal) = &read {
            *self.lines.refused.entry(refusal.reason()).or_default() += 1;
        }
        read
    }

    /// Counts what this job, or another one of the same file, has read; see [`Self::push_seen`].
    pub fn count(&mut self, record: &Record<'_>, arrived: i64, seen: impl FnOnce(Seen<'_>)) {
        let before = self.windows.newest();
        let number = self.windows.enter(record.at.unwrap_or(arrived), arrived, Window::default);
        if let Some(before) = before.filter(|before| Some(*before) != self.windows.newest()) {
            self.rank(before);
        }
        let Some(window) = number.and_then(|number| self.windows.held(number)) else { return };
        self.lines.counted += 1;
        let path = record.request.path().unwrap_or(b"-");
        let slot = self.paths.get_or(path, || {
            template(&self.normaliser, record, path, &mut self.template);
            self.templates.slot(&self.template)
        });
        let name = match slot {
            Some(slot) => self.templates.name(slot).as_ref(),
            None => {
                template(&self.normaliser, record, path, &mut self.template);
                self.template.as_str()
            }
        };
        let one = judge(record, name, &self.settings, &mut self.bots);
        seen(Seen { record, template: name, class: one.class, upstream_class: one.upstream_class });
        window.add_request(slot, record.request.method, record.cache, &one);
        for attempt in record.upstreams.attempts() {
            let server = server(attempt.address);
            let slot = server.and_then(|server| self.servers.slot(server));
            if let (None, Some(server)) = (slot, server) {
                self.candidates.add_server(server);
            }
            window.add_attempt(slot, attempt.nanos);
        }
        if slot.is_none() {
            self.candidates.add(&self.template, &one);
        }
    }

    /// At the end of a window, which may be closed by now: who earned a place in it.
    fn rank(&mut self, number: i64) {
        let candidates = std::mem::replace(&mut self.candidates, Candidates::new(self.settings.top * 2));
        let Some(window) = self.windows.held(number) else { return };
        window.bound(candidates.heaviest());
        let earners = candidates.earners(&window.templates, &self.templates, &self.settings);
        let servers = self.servers.keep(number, &window.servers, candidates.servers());
        let templates: Vec<_> = earners.iter().filter_map(|name| self.templates.earn(name, number)).collect();
        if !templates.is_empty() {
            self.paths.forget();
        }
        for window in self.windows.held_mut() {
            templates.iter().for_each(|(slot, name)| window.templates.leave(*slot, name));
            servers.iter().for_each(|(slot, name)| window.servers.leave(*slot, name));
        }
    }

    /// The windows that are complete, each with its start in nanoseconds since the Unix epoch. To be asked now and then:
    /// they are kept until they are taken.
    pub fn take_closed(&mut self) -> Vec<(i64, Window)> {
        let mut closed = self.windows.take_closed();
        for (_, window) in &mut closed {
            window.templates.settle(|slot| self.templates.name(slot));
            window.servers.settle(|slot| self.servers.name(slot));
        }
        closed
    }

    /// Closes all windows and gives those that were not taken: at the end of the log.
    pub fn finish(&mut self) -> Vec<(i64, Window)> {
        if let Some(newest) = self.windows.newest() {
            self.rank(newest);
        }
        self.windows.close();
        self.take_closed()
    }

    /// What became of the lines.
    #[must_use]
    pub fn lines(&self) -> Lines {
        Lines { missed: self.windows.missed(), ..self.lines.clone() }
    }
}

/// The template of a path; `-`, which no path is, stands for what is no request.
fn template(normaliser: &Normaliser, record: &Record<'_>, path: &[u8], out: &mut String) {
    if path == b"-" {
        out.clear();
        out.push('-');
        return;
    }
    match std::str::from_utf8(path) {
        Ok(path) if memchr::memchr(b'\\', path.as_bytes()).is_none() => normaliser.normalise(path, out),
        _ => normaliser.normalise(&String::from_utf8_lossy(&record.escaping.decode(path)), out),
    }
}

/// What is counted of a record.
fn judge(record: &Record<'_>, template: &str, settings: &Settings, bots: &mut Bots) -> One {
    let long_poll = settings.long_polls.iter().any(|long| long == template);
    let bot = record.user_agent.is_some_and(|agent| bots.is_bot(agent));
    let apart = apart(record.status, record.request.method == Some(b"CONNECT"), long_poll, bot);
    let upstream_time = record.upstreams.nanos();
    let class = |nanos| apart.unwrap_or_else(|| of_time(settings.thresholds, nanos));
    One {
        class: class(record.request_time),
        upstream_class: record.upstreams.any().then(|| class(upstream_time)),
        status: record.status.unwrap_or(0),
        bytes: record.bytes.unwrap_or(0),
        request_time: record.request_time,
        upstream_time,
        client: record.client.and_then(client),
    }
}

#[cfg(test)]
mod tests;
