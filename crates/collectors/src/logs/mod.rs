//! Logs as series and records: what the configuration names, and what nginx writes.
//!
//! [`Logs`] follows files (`tail`), gives each line to the job of its log ([`LogSpec`]) and hands over what was counted together with
//! the positions up to which that is ([`Taken`]): who makes both durable at once loses no line and counts none twice, whenever it
//! is killed. The files are the buffer. Secrets are replaced before a line is kept.

mod exemplar;
mod health;
pub(crate) mod metrics;
pub mod nginx;
pub(crate) mod record;
pub(crate) mod sample;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::Settings;
use arachne_aggregate::rules::RuleSpec;
use arachne_aggregate::windows::WIDTH;
use arachne_content::redact::Redactor;
use arachne_model::table::{LogRow, PointRow};

use crate::Missing;
use crate::tail::{Mark, Position, Positions, Tailer};
pub use metrics::{METRICS, SAYS};
use record::Records;
use sample::Budget;
use stream::{Shared, Stream};

/// Bytes that are read before what was counted is handed over: it bounds windows that are open, however old the lines are.
const BYTES_MAX: usize = 4 << 20;
/// Bytes that are read in one go.
const GO: usize = 1 << 20;
/// How long after the end of a window it is handed over: servers write their logs a moment later.
const AFTER: i64 = 1_500_000_000;
/// Rows that are handed over together, about.
const ROWS_MAX: usize = 16_384;
/// Bytes per second of records that are kept.
const KEPT_PER_SECOND: u64 = 128 << 10;
/// Logs. Policy: those that come later are not read, and that is told.
const STREAMS_MAX: usize = 1024;
/// What is wrong with lines of logs is told so often; of more only how many there are.
const WRONG_MAX: usize = 32;

/// What becomes of the lines of a log.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// They are requests.
    Access {
        /// How they are written.
        format: Box<Format>,
        /// What is counted.
        settings: Settings,
        /// Hosts that are services of their own, where lines say which was asked; in lower case, without ports. Strangers choose what
        /// they ask for, so that others are of the log's own service.
        hosts: Vec<String>,
    },
    /// They are what rules say; each also counts by level, code and template.
    Rules(Vec<RuleSpec>),
    /// They are requests, of which rules say more.
    Both {
        /// How they are written.
        format: Box<Format>,
        /// What is counted.
        settings: Settings,
        /// As above.
        hosts: Vec<String>,
        /// What else is.
        rules: Vec<RuleSpec>,
    },
}

/// Logs of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSpec {
    /// Which files: a path, maybe with wildcards.
    pub pattern: String,
    /// Labels of all that is counted there, `service` among them.
    pub labels: Vec<(String, String)>,
    /// What becomes of lines.
    pub what: What,
}

/// What was counted, and up to where.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Taken {
    /// Points.
    pub points: Vec<PointRow>,
    /// Records; `id` is a text that no other record has.
    pub records: Vec<LogRow>,
    /// Everything before these is in what was handed over so far.
    pub positions: Positions,
}

/// One pattern.
struct Log {
    spec: LogSpec,
    tailer: Tailer,
    streams: BTreeMap<String, Stream>,
    /// What `positions` was when windows were taken last.
    durable: Vec<Position>,
    told: crate::tail::Happened,
}

/// See the module.
pub struct Logs {
    logs: Vec<Log>,
    shared: Shared,
    /// Positions of patterns that are none of these now.
    others: Positions,
    window: i64,
    read: usize,
    refused_streams: u64,
}

impl Logs {
    /// Follows nothing yet. `before` is what was durable last; `seed` is random.
    #[must_use]
    pub fn new(redactor: Redactor, normaliser: Normaliser, before: Positions, seed: u64) -> Self {
        let records = Records::new(redactor);
        let shared = Shared { records, budget: Budget::new(KEPT_PER_SECOND), normaliser, seed };
        Self { logs: Vec::new(), shared, others: before, window: i64::MIN, read: 0, refused_streams: 0 }
    }

    /// Follows these from now on. One that is there already goes on; what was counted of one that is not any more is handed over
    /// first: see [`Self::take`].
    pub fn follow(&mut self, specs: Vec<LogSpec>) {
        let mut before = std::mem::take(&mut self.logs);
        for spec in merged(specs) {
            let known = before.iter().position(|log| log.spec == spec);
            let log = known.map(|at| before.swap_remove(at)).unwrap_or_else(|| self.begin(spec));
            self.logs.push(log);
        }
        // That patterns are known is to be durable before lines are.
        self.window = i64::MIN;
        for gone in before {
            let durable = gone.durable;
            self.others.files.retain(|file| file.pattern != gone.spec.pattern);
            self.others.files.extend(durable);
        }
        // A file that several patterns find is read by the first of them: by one that names it, if there is one.
        self.logs.sort_by_key(|log| !log.tailer.is_exact());
        self.hand_on();
    }

    /// Gives files to the pattern that reads them from now on, with how far others read them.
    fn hand_on(&mut self) {
        for at in 0..self.logs.len() {
            let (earlier, rest) = self.logs.split_at_mut(at);
            let paths: BTreeSet<_> = rest[0].durable.iter().map(|file| file.path.clone()).collect();
            for path in paths {
                if let Some(owner) = earlier.iter_mut().find(|log| log.tailer.claims(Path::new(&path))) {
                    owner.adopt(&path, rest[0].leave(&path));
                }
            }
        }
        let claims = |file: &Position, log: &Log| log.tailer.claims(Path::new(&file.path));
        let others = std::mem::take(&mut self.others.files);
        let (mut mine, others): (Vec<_>, Vec<_>) =
            others.into_iter().partition(|file| self.logs.iter().any(|log| claims(file, log)));
        self.others.files = others;
        mine.sort_by(|a, b| a.path.cmp(&b.path));
        for files in mine.chunk_by(|a, b| a.path == b.path) {
            if let Some(owner) = self.logs.iter_mut().find(|log| claims(&files[0], log)) {
                owner.adopt(&files[0].path, files.to_vec());
            }
        }
    }

    fn begin(&mut self, spec: LogSpec) -> Log {
        let tailer = Tailer::new(&spec.pattern, &self.others);
        let (mine, others) = std::mem::take(&mut self.others.files)
            .into_iter()
            .partition(|file: &Position| file.pattern == spec.pattern);
        self.others.files = others;
        if !self.others.patterns.contains(&spec.pattern) {
            self.others.patterns.push(spec.pattern.clone());
        }
        Log { spec, tailer, streams: BTreeMap::new(), durable: mine, told: crate::tail::Happened::default() }
    }

    /// Reads what is there, some of it. `now` is in nanoseconds since the Unix epoch. Whether there may be more.
    pub fn poll(&mut self, now: i64) -> bool {
        let mut all = 0;
        for at in 0..self.logs.len() {
            let (earlier, rest) = self.logs.split_at_mut(at);
            let log = &mut rest[0];
            let taken = |path: &Path, key| earlier.iter().any(|other| other.tailer.holds(path, key));
            let (shared, streams, spec, refused) =
                (&mut self.shared, &mut log.streams, &log.spec, &mut self.refused_streams);
            all += log.tailer.poll(now, GO, &taken, &mut |line| {
                if !streams.contains_key(line.path) && streams.len() >= STREAMS_MAX {
                    *refused += 1;
                    return;
                }
                let stream = match streams.get_mut(line.path) {
                    Some(stream) => stream,
                    None => {
                        let new = Stream::new(line.path, spec, shared);
                        streams.entry(line.path.to_owned()).or_insert(new)
                    }
                };
                stream.line(&line, now, shared);
            });
            for stream in log.streams.values_mut() {
                let is_final = stream.held().is_some_and(|(file, _)| log.tailer.is_final(file));
                stream.settle(now, is_final, &mut self.shared);
            }
        }
        self.read += all;
        all > 0
    }

    /// Whether it is time to hand over what was counted.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        self.read >= BYTES_MAX || (now - AFTER).div_euclid(WIDTH) != self.window
    }

    /// All that was counted, in parts that are to be made durable one after the other. At the `end` events that may go on are
    /// complete too.
    pub fn take(&mut self, now: i64, end: bool) -> Vec<Taken> {
        let due = (now - AFTER).div_euclid(WIDTH) != self.window;
        (self.window, self.read) = ((now - AFTER).div_euclid(WIDTH), 0);
        let (mut parts, mut points, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..self.logs.len() {
            let log = &mut self.logs[at];
            for stream in log.streams.values_mut() {
                stream.settle(now, end, &mut self.shared);
                if stream.has_news() {
                    records.append(&mut stream.take(now, &mut self.shared.budget, &mut points));
                }
            }
            if due || end {
                log.tell(now, &mut points);
            }
            log.durable = log.positions();
            if points.len() + records.len() >= ROWS_MAX {
                parts.push(self.part(std::mem::take(&mut points), std::mem::take(&mut records)));
            }
        }
        if !points.is_empty() || !records.is_empty() {
            parts.push(self.part(points, records));
        }
        parts
    }

    fn part(&self, points: Vec<PointRow>, records: Vec<LogRow>) -> Taken {
        let files = self.logs.iter().flat_map(|log| &log.durable).chain(&self.others.files).cloned().collect();
        let looked = self.logs.iter().map(|log| log.tailer.looked_at()).max().unwrap_or(self.others.looked);
        let positions = Positions { patterns: self.others.patterns.clone(), files, looked };
        Taken { points, records, positions }
    }

    /// What cannot be read, and what is read and says nothing: each with what to do about it.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        let trouble = self.logs.iter().flat_map(|log| log.tailer.trouble());
        let missing = |(path, why): (&std::path::PathBuf, &String)| Missing {
            what: format!("the lines of {}", path.display()),
            why: why.clone(),
            fix: "let the agent read it: make its user a member of the file's group (often adm), or run it as root"
                .to_owned(),
        };
        let mut all: Vec<_> = trouble.map(missing).collect();
        if self.refused_streams > 0 {
            all.push(Missing {
                what: format!("{} lines of further logs", self.refused_streams),
                why: format!("one pattern finds more than {STREAMS_MAX} logs"),
                fix: "name fewer files".to_owned(),
            });
        }
        let mut wrong: Vec<_> =
            self.logs.iter().flat_map(|log| log.streams.values().flat_map(Stream::missing)).collect();
        let more = wrong.len().saturating_sub(WRONG_MAX);
        wrong.truncate(WRONG_MAX);
        all.append(&mut wrong);
        if more > 0 {
            all.push(Missing {
                what: format!("{more} further things of logs"),
                why: "they are like those above".to_owned(),
                fix: "see to those above first".to_owned(),
            });
        }
        all
    }

    /// How many logs are read.
    #[must_use]
    pub fn count(&self) -> usize {
        self.logs.iter().map(|log| log.streams.len()).sum()
    }
}

impl Log {
    /// Leaves a file, and what is held of it, to another pattern: how far it was read.
    fn leave(&mut self, path: &str) -> Vec<Position> {
        self.tailer.disown(path);
        self.streams.remove(path);
        let (left, durable) = std::mem::take(&mut self.durable).into_iter().partition(|file| file.path == path);
        self.durable = durable;
        left
    }

    /// Reads a file on that another pattern read; one that was read here already is known better here.
    fn adopt(&mut self, path: &str, files: Vec<Position>) {
        if self.durable.iter().any(|file| file.path == path) {
            return;
        }
        for file in files {
            let file = Position { pattern: self.spec.pattern.clone(), ..file };
            self.tailer.adopt(file.clone());
            self.durable.push(file);
        }
    }

    /// Positions without the events that are held.
    fn positions(&self) -> Vec<Position> {
        let held: BTreeMap<u64, Mark> = self.streams.values().filter_map(Stream::held).collect();
        self.tailer.positions(&held)
    }

    fn tell(&mut self, now: i64, out: &mut Vec<PointRow>) {
        let behind: HashMap<&str, (u64, Option<i64>)> = self.tailer.behind().into_iter().collect();
        for (path, stream) in &mut self.streams {
            stream.tell_behind(now, behind.get(path.as_str()).copied().unwrap_or_default(), out);
        }
        let happened = self.tailer.happened();
        let own = [("file".to_owned(), self.spec.pattern.clone())];
        let start = now.div_euclid(WIDTH) * WIDTH;
        let mut points = metrics::Points { own: &own, out };
        points.put(&metrics::FILES, &[], start, self.tailer.count());
        points.put(&metrics::ROTATED, &[], start, happened.rotated - self.told.rotated);
        points.put(&metrics::EMPTIED, &[], start, happened.emptied - self.told.emptied);
        self.told = happened;
    }
}

/// One for each pattern: rules of the same files are read together, with their requests. Policy: of two formats the first counts,
/// and so does the first of two values of a label.
fn merged(specs: Vec<LogSpec>) -> Vec<LogSpec> {
    let mut all: Vec<LogSpec> = Vec::new();
    for spec in specs {
        let Some(known) = all.iter_mut().find(|other| other.pattern == spec.pattern) else {
            all.push(spec);
            continue;
        };
        let further = spec.labels.into_iter().filter(|(name, _)| known.labels.iter().all(|(other, _)| other != name));
        known.labels.extend(further.collect::<Vec<_>>());
        let before = std::mem::replace(&mut known.what, What::Rules(Vec::new()));
        known.what = before.and(spec.what);
    }
    all
}

/// How requests are written, what is counted of them, and hosts that are services.
type Requests = (Box<Format>, Settings, Vec<String>);

impl What {
    fn and(self, more: Self) -> Self {
        let (requests, mut rules) = self.parts();
        let (others, more) = more.parts();
        rules.extend(more);
        match requests.or(others) {
            None => Self::Rules(rules),
            Some((format, settings, hosts)) if rules.is_empty() => Self::Access { format, settings, hosts },
            Some((format, settings, hosts)) => Self::Both { format, settings, hosts, rules },
        }
    }

    fn parts(self) -> (Option<Requests>, Vec<RuleSpec>) {
        match self {
            Self::Access { format, settings, hosts } => (Some((format, settings, hosts)), Vec::new()),
            Self::Rules(rules) => (None, rules),
            Self::Both { format, settings, hosts, rules } => (Some((format, settings, hosts)), rules),
        }
    }
}
