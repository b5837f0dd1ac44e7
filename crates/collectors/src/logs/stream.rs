//! One log, under one path, whatever files it was in: what is counted of it and what is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::Format;
use arachne_aggregate::access::job::{Class, Job, Lines, Seen, Settings};
use arachne_aggregate::beacon::Beacons;
use arachne_aggregate::records::{EVENT_BYTES_MAX, Event, Joiner, Level, Miner};
use arachne_aggregate::rules::{LABEL_SETS_MAX, RuleLines, RuleSpec, Rules};
use arachne_aggregate::series::OTHER;
use arachne_aggregate::windows::{Missed, WIDTH};
use arachne_model::table::{LogRow, PointRow};

use super::exemplar::Slowest;
use super::health::{Health, Tally};
use super::metrics::{self, Points};
use super::record::{Place, Records, RuleLabels, Told, level_name, request_level};
use super::sample::{Budget, Sampler};
use super::{LogSpec, What};
use crate::Missing;
use crate::beacon;
use crate::tail::{Line, Mark};

/// An event to which nothing was added for so long is complete.
const EVENT_QUIET: Duration = Duration::from_secs(1);
/// Events that are counted apart in a window; all others are `~other`.
const EVENTS_MAX: usize = 500;

/// What is shared by the streams of a collector.
pub(super) struct Shared {
    pub records: Records,
    pub budget: Budget,
    /// Makes templates of paths.
    pub normaliser: Normaliser,
    pub seed: u64,
}

/// A record under a name that no other has: the seed is of this process alone.
fn named(mut row: LogRow, seed: u64, file: u64) -> LogRow {
    row.id = format!("{seed:x} {file:x} {:x} {}", row.offset, row.file);
    row
}

/// Where nginx takes beacons: what stands behind it in the log of requests is one, as in `GET /stat?v=1&p=index&dns=18 HTTP/1.1`.
const BEACONS: &[u8] = b"/stat?";

enum Way {
    Access(Box<Access>),
    Rules { rules: Ruled, any: bool, last: RuleLines, events: Box<Events> },
}

/// Lines as requests.
struct Access {
    /// Reads all lines, and counts those of no site.
    job: Job,
    last: Lines,
    beacons: Option<Box<Beacons>>,
    /// Of lines that say more than their format does.
    rules: Option<Ruled>,
    /// What further jobs are made of.
    kind: (Format, Settings),
    /// By the host that was asked; None until somebody asks for it.
    sites: BTreeMap<String, Option<Box<Requests>>>,
}

/// Requests for one host, which is a service of its own.
struct Requests {
    own: Vec<(String, String)>,
    job: Job,
    last: Missed,
}

impl Requests {
    /// Of a host in a log whose labels are `own`.
    fn new(host: &str, own: &[(String, String)], job: Job) -> Self {
        let is_site = |name: &str| name == "service" || name == "server";
        let mut labels: Vec<_> = own.iter().filter(|(name, _)| !is_site(name)).cloned().collect();
        labels.extend(["service", "server"].map(|name| (name.to_owned(), host.to_owned())));
        Self { own: labels, job, last: Missed::default() }
    }
}

/// What a site is called that clients asked for: in any case, and perhaps with a port.
fn site_name(host: &[u8]) -> Option<String> {
    let host = std::str::from_utf8(host).ok()?.to_ascii_lowercase();
    Some(host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned())
}

/// Tells how many lines more are in no window.
fn tell_missed(points: &mut Points<'_>, start: i64, now: Missed, last: &mut Missed) {
    points.put(&metrics::MISSED, &["late"], start, now.late - last.late);
    points.put(&metrics::MISSED, &["ahead"], start, now.ahead - last.ahead);
    *last = now;
}

/// Lines as events of any application.
struct Events {
    joiner: Joiner,
    miner: Miner,
    /// The event that is held: its file, its place, its bytes, and when its last line came.
    held: Option<(u64, Mark, usize, Instant)>,
    counts: BTreeMap<Kind, u64>,
}

impl Events {
    fn take(&mut self, start: i64, points: &mut Points<'_>) {
        for ((level, code, template), count) in std::mem::take(&mut self.counts) {
            let level = level.map_or("", level_name);
            let template = template.map_or("", |template| self.miner.text(template));
            points.put(&metrics::EVENTS, &[code.as_deref().unwrap_or(""), level, template], start, count);
        }
    }
}

/// The query of a beacon, where a request is one. A site may have a page of that name, whose requests are none.
fn beacon(seen: &Seen<'_>) -> Option<Vec<u8>> {
    let target = seen.record.request.target.filter(|target| target.starts_with(BEACONS))?;
    let query = seen.record.text(target).get(BEACONS.len()..)?.to_vec();
    query.split(|byte| *byte == b'&').any(|pair| pair == b"v=1").then_some(query)
}

/// Level, code, template where there is no code.
type Kind = (Option<Level>, Option<String>, Option<usize>);

/// Rules, and which of their metrics are times.
struct Ruled {
    rules: Box<Rules>,
    times: BTreeSet<String>,
}

impl Ruled {
    fn new(specs: &[RuleSpec], seed: u64) -> Self {
        // They were compiled when the configuration was read.
        let rules = Rules::new(specs, LABEL_SETS_MAX, seed).or_else(|_| Rules::new(&[], LABEL_SETS_MAX, seed));
        let metrics = specs.iter().flat_map(|spec| &spec.metrics);
        Self {
            rules: Box::new(rules.expect("no rule is no wrong rule")),
            times: metrics.filter(|metric| metric.is_time()).map(|metric| metric.name.clone()).collect(),
        }
    }

    /// Tells the windows that ended.
    fn tell(&mut self, points: &mut Points<'_>) {
        let Self { rules, times } = self;
        for (start, window) in rules.finish() {
            window.series(&mut |series| {
                points.valued(&series, if times.contains(series.name) { "ns" } else { "1e-9" }, start);
            });
        }
    }
}

/// Tells what of rules found no place since this was told last.
fn tell_limits(rules: &Rules, told: &mut Vec<u64>, health: &mut Health, start: i64, points: &mut Points<'_>) {
    let metrics = rules.report().into_iter().flat_map(|rule| rule.metrics);
    for (at, (described, _, _, limited)) in metrics.enumerate() {
        if told.len() <= at {
            told.push(0);
        }
        let Some(limited) = limited else { continue };
        points.put(&metrics::LIMITED, &[&limited.label, &described.name], start, limited.values - told[at]);
        told[at] = limited.values;
        health.limited(&described.name, limited);
    }
}

/// Lines since the last window that was closed.
#[derive(Default)]
struct Counted {
    lines: u64,
    bytes: u64,
    cut: u64,
    dropped: BTreeMap<&'static str, u64>,
    /// Records that were kept.
    rows: Vec<LogRow>,
    /// Which lines were the slowest.
    slowest: Slowest,
}

/// See the module.
pub(super) struct Stream {
    path: String,
    own: Vec<(String, String)>,
    way: Way,
    sampler: Sampler,
    counted: Counted,
    health: Health,
    /// Values without a place that were told, by metric of its rules.
    limits: Vec<u64>,
}

impl Stream {
    /// Of the log at `path`.
    pub(super) fn new(path: &str, spec: &LogSpec, shared: &Shared) -> Self {
        let seed = shared.seed;
        let requests = |format: &Format, settings: &Settings, hosts: &[String], rules| {
            let job = Job::new(format, shared.normaliser.clone(), settings.clone(), seed);
            let service = spec.labels.iter().find(|(name, _)| name == "service").map(|(_, value)| value);
            let sites = hosts.iter().filter(|host| Some(*host) != service).map(|host| (host.clone(), None)).collect();
            let (last, kind) = (Lines::default(), (format.clone(), settings.clone()));
            Way::Access(Box::new(Access { job, last, beacons: None, rules, kind, sites }))
        };
        let way = match &spec.what {
            What::Access { format, settings, hosts } => requests(format, settings, hosts, None),
            What::Both { format, settings, hosts, rules: specs } => {
                requests(format, settings, hosts, Some(Ruled::new(specs, seed)))
            }
            What::Rules(specs) => {
                let events =
                    Events { joiner: Joiner::default(), miner: Miner::new(seed), held: None, counts: BTreeMap::new() };
                Way::Rules {
                    rules: Ruled::new(specs, seed),
                    any: !specs.is_empty(),
                    last: RuleLines::default(),
                    events: Box::new(events),
                }
            }
        };
        let mut own = vec![("file".to_owned(), path.to_owned())];
        own.extend(spec.labels.iter().cloned());
        Self {
            path: path.to_owned(),
            own,
            way,
            sampler: Sampler::default(),
            counted: Counted::default(),
            health: Health::default(),
            limits: Vec::new(),
        }
    }

    fn place(&self, offset: u64, arrived: i64) -> Place<'_> {
        let service = self.own.iter().find(|(name, _)| name == "service").map(|(_, value)| value.as_str());
        Place { path: &self.path, service, offset, arrived }
    }

    /// A line came.
    pub(super) fn line(&mut self, line: &Line<'_>, arrived: i64, shared: &mut Shared) {
        self.counted.cut += u64::from(line.cut);
        match &self.way {
            Way::Access(..) => self.request(line, arrived, shared),
            Way::Rules { .. } => self.event_line(line, arrived, shared),
        }
    }

    fn request(&mut self, line: &Line<'_>, arrived: i64, shared: &mut Shared) {
        let Self { path, own, way: Way::Access(access), sampler, counted, .. } = self else { return };
        counted.lines += 1;
        counted.bytes += line.bytes.len() as u64 + 1;
        let Access { job, beacons, rules, kind: (format, settings), sites, .. } = &mut **access;
        if let Some(Ruled { rules, .. }) = rules {
            rules.push(line.bytes, arrived);
        }
        // Why it is no request is among the counts of the job.
        let Ok(record) = job.read(line.bytes) else { return };
        let name = record.host.filter(|_| !sites.is_empty()).and_then(site_name);
        let site = match &name {
            Some(name) => sites.get_mut(name).map(|site| (name, site)),
            None => None,
        };
        let (own, job) = match site {
            Some((name, site)) => {
                let begin = || Job::new(format, shared.normaliser.clone(), settings.clone(), shared.seed);
                let site = site.get_or_insert_with(|| Box::new(Requests::new(name, own, begin())));
                (&site.own, &mut site.job)
            }
            None => (&*own, job),
        };
        let service = own.iter().find(|(name, _)| name == "service").map(|(_, value)| value.as_str());
        let place = Place { path, service, offset: line.offset, arrived };
        job.count(&record, arrived, |seen| {
            if let Some(query) = beacon(&seen) {
                let beacons =
                    beacons.get_or_insert_with(|| Box::new(Beacons::new(shared.normaliser.clone(), shared.seed)));
                let user_agent = seen.record.text(seen.record.user_agent.unwrap_or_default());
                let at = seen.record.at.unwrap_or(arrived);
                // Why it does not count is among the outcomes.
                let Ok(beacon) = beacons.push(&query, &user_agent, at, arrived) else { return };
                let Some(weight) = beacon::weight(&beacon, sampler, arrived) else { return };
                if shared.budget.take(line.bytes.len() as u64, arrived) {
                    let place = Place { service: Some("browser"), ..place };
                    let row = shared.records.beacon(&place, at, &query, &beacon, weight);
                    counted.rows.push(named(row, shared.seed, line.file));
                } else {
                    *counted.dropped.entry("info").or_default() += 1;
                }
                return;
            }
            let error = seen.class == Class::Error;
            let time = record.request_time.filter(|_| seen.class.is_timed());
            let slowest = counted.slowest.beaten(time.map(|time| ((seen.class as usize, 0), time)));
            let weight = if error { Some(1) } else { sampler.keep(arrived) };
            let row = |weight| named(shared.records.request(&place, line.bytes, &seen, weight), shared.seed, line.file);
            match weight {
                Some(weight) if shared.budget.take(line.bytes.len() as u64, arrived) => {
                    counted.slowest.kept(&slowest, counted.rows.len());
                    counted.rows.push(row(weight));
                }
                Some(_) => *counted.dropped.entry(request_level(&seen)).or_default() += 1,
                None if slowest.is_empty() => {}
                None => counted.slowest.left(&slowest, row(1)),
            }
        });
    }

    fn event_line(&mut self, line: &Line<'_>, arrived: i64, shared: &mut Shared) {
        let Way::Rules { events, .. } = &mut self.way else { return };
        // What would be cut off would never be counted.
        let full = events.held.is_some_and(|(_, _, bytes, _)| bytes + line.bytes.len() >= EVENT_BYTES_MAX);
        let full = if full { events.joiner.flush() } else { None };
        self.complete(full, arrived, shared);
        let Way::Rules { events, .. } = &mut self.way else { return };
        let complete = events.joiner.push(line.bytes);
        let is_new = complete.is_some() || events.held.is_none();
        self.complete(complete, arrived, shared);
        let Way::Rules { events, .. } = &mut self.way else { return };
        let bytes = line.bytes.len() + 1;
        events.held = match events.held.take().filter(|_| !is_new) {
            Some((file, mark, before, _)) => Some((file, mark, before + bytes, Instant::now())),
            None => Some((line.file, line.mark(), bytes, Instant::now())),
        };
    }

    /// An event has all its lines: only now they count, so that a place before it is one before all of it.
    fn complete(&mut self, event: Option<Event>, arrived: i64, shared: &mut Shared) {
        let (Some(event), Way::Rules { rules: Ruled { rules, .. }, events, .. }) = (event, &mut self.way) else {
            return;
        };
        let Some((file, mark, ..)) = events.held.take() else { return };
        self.counted.lines += event.lines;
        self.counted.bytes += event.text.len() as u64 + 1;
        let mut slowest = Vec::new();
        for line in event.text.split(|b| *b == b'\n') {
            rules.push(line, arrived);
            slowest.append(&mut self.counted.slowest.beaten(rules.times().iter().copied()));
        }
        let told = Told::of(&event, &mut events.miner);
        let template = told.code.is_none().then_some(told.template);
        let kind = (told.level, told.code.clone(), template);
        let full = events.counts.len() >= EVENTS_MAX && !events.counts.contains_key(&kind);
        let kind = if full { (told.level, Some(OTHER.to_owned()), None) } else { kind };
        *events.counts.entry(kind).or_default() += 1;
        let weight = if told.is_error() { Some(1) } else { self.sampler.keep(arrived) };
        if weight.is_none() && slowest.is_empty() {
            return;
        }
        if weight.is_none() || shared.budget.take(event.text.len() as u64, arrived) {
            let mut labels = RuleLabels::default();
            for line in event.text.split(|b| *b == b'\n') {
                rules.labels(line, &mut |name, value| labels.add(name, value));
            }
            let Way::Rules { events, .. } = &self.way else { return };
            let place = self.place(mark.offset, arrived);
            let row = shared.records.event(&place, &event, (&told, &events.miner), labels, weight.unwrap_or(1));
            let row = named(row, shared.seed, file);
            if weight.is_some() {
                self.counted.slowest.kept(&slowest, self.counted.rows.len());
                self.counted.rows.push(row);
            } else {
                self.counted.slowest.left(&slowest, row);
            }
        } else {
            *self.counted.dropped.entry(told.level.map_or("", level_name)).or_default() += 1;
        }
    }

    /// An event that is held is complete when nothing was added to it for a while, or `now`.
    pub(super) fn settle(&mut self, arrived: i64, now: bool, shared: &mut Shared) {
        let Way::Rules { events, .. } = &mut self.way else { return };
        let due = events.held.is_some_and(|(.., last)| now || last.elapsed() >= EVENT_QUIET);
        let event = if due { events.joiner.flush() } else { None };
        self.complete(event, arrived, shared);
    }

    /// The place before the event that is held.
    pub(super) fn held(&self) -> Option<(u64, Mark)> {
        match &self.way {
            Way::Rules { events, .. } => events.held.map(|(file, mark, ..)| (file, mark)),
            Way::Access(..) => None,
        }
    }

    /// Whether anything was counted since windows were taken.
    pub(super) fn has_news(&self) -> bool {
        self.counted.lines > 0
    }

    /// All that was counted since this was asked last, as points, and the records; what is held is not among it.
    pub(super) fn take(&mut self, now: i64, budget: &mut Budget, out: &mut Vec<PointRow>) -> Vec<LogRow> {
        let start = now.div_euclid(WIDTH) * WIDTH;
        let mut points = Points { own: &self.own, out };
        let mut tally = Tally { cut: self.counted.cut, ..Tally::default() };
        match &mut self.way {
            Way::Access(access) => {
                let Access { job, last, beacons, rules, sites, .. } = &mut **access;
                if let Some(beacons) = beacons {
                    beacon::tell(beacons, start, &mut points);
                }
                for (start, window) in job.finish() {
                    window.series(&mut |series| points.series(&series, start));
                }
                // A line that no rule matches is a request all the same.
                if let Some(rules) = rules {
                    rules.tell(&mut points);
                    tell_limits(&rules.rules, &mut self.limits, &mut self.health, start, &mut points);
                }
                let lines = job.lines();
                for (reason, count) in &lines.refused {
                    let before = last.refused.get(reason).copied().unwrap_or(0);
                    points.put(&metrics::UNMATCHED, &[reason], start, count - before);
                    tally.unmatched += if *reason == "blank" { 0 } else { count - before };
                }
                // Requests of sites are counted elsewhere, and late ones nowhere: they were read as what they are.
                let blank = |lines: &Lines| lines.refused.get("blank").copied().unwrap_or(0);
                tally.lines = (lines.all - blank(&lines)) - (last.all - blank(last));
                tell_missed(&mut points, start, lines.missed, &mut last.missed);
                *last = lines;
                for site in sites.values_mut().flatten() {
                    let mut points = Points { own: &site.own, out: &mut *points.out };
                    for (start, window) in site.job.finish() {
                        window.series(&mut |series| points.series(&series, start));
                    }
                    tell_missed(&mut points, start, site.job.lines().missed, &mut site.last);
                }
            }
            Way::Rules { rules, any, last, events } => {
                rules.tell(&mut points);
                let lines = rules.rules.lines();
                if *any {
                    tally.unmatched = lines.unmatched - last.unmatched;
                    tally.lines = self.counted.lines;
                    points.put(&metrics::UNMATCHED, &["no_rule"], start, tally.unmatched);
                }
                tell_missed(&mut points, start, lines.missed, &mut last.missed);
                *last = lines;
                tell_limits(&rules.rules, &mut self.limits, &mut self.health, start, &mut points);
                events.take(start, &mut points);
            }
        }
        self.health.add(now, tally);
        let mut counted = std::mem::take(&mut self.counted);
        self.sampler.pay(counted.slowest.take(&mut counted.rows, budget, now));
        points.put(&metrics::COUNTED, &[], start, counted.lines);
        points.put(&metrics::BYTES, &[], start, counted.bytes);
        points.put(&metrics::CUT, &[], start, counted.cut);
        for (level, count) in counted.dropped {
            points.put(&metrics::DROPPED, &[level], start, count);
        }
        counted.rows
    }

    /// Bytes that wait, and since when.
    pub(super) fn tell_behind(&mut self, now: i64, (bytes, since): (u64, Option<i64>), out: &mut Vec<PointRow>) {
        let start = now.div_euclid(WIDTH) * WIDTH;
        let lag = since.map_or(0, |since| now.saturating_sub(since).max(0));
        self.health.waits(lag);
        let mut points = Points { own: &self.own, out };
        points.put(&metrics::BEHIND, &[], start, bytes);
        points.put(&metrics::LAG, &[], start, lag.unsigned_abs());
    }

    /// What of it is of no use, and what to do about it.
    pub(super) fn missing(&self) -> Vec<Missing> {
        self.health.missing(&self.path, matches!(self.way, Way::Access(..)))
    }
}
