//! One log, under one path, whatever files it was in: what is counted of it and what is kept.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use arachne_aggregate::Normaliser;
use arachne_aggregate::access::job::{Class, Job, Lines, Seen};
use arachne_aggregate::beacon::Beacons;
use arachne_aggregate::records::{EVENT_BYTES_MAX, Event, Joiner, Level, Miner};
use arachne_aggregate::rules::{LABEL_SETS_MAX, RuleLines, Rules};
use arachne_aggregate::series::OTHER;
use arachne_aggregate::windows::WIDTH;
use arachne_model::table::{LogRow, PointRow};

use super::metrics::{self, Points};
use super::record::{Place, Records, Told, level_name, request_level};
use super::sample::{Budget, Sampler};
use super::{LogSpec, What};
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
    Access(Box<Job>, Lines, Option<Box<Beacons>>),
    Rules { rules: Box<Rules>, any: bool, last: RuleLines, events: Box<Events> },
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

/// Lines since the last window that was closed.
#[derive(Default)]
struct Counted {
    lines: u64,
    bytes: u64,
    cut: u64,
    dropped: BTreeMap<&'static str, u64>,
    /// Records that were kept.
    rows: Vec<LogRow>,
}

/// See the module.
pub(super) struct Stream {
    path: String,
    own: Vec<(String, String)>,
    way: Way,
    sampler: Sampler,
    counted: Counted,
}

impl Stream {
    /// Of the log at `path`.
    pub(super) fn new(path: &str, spec: &LogSpec, shared: &Shared) -> Self {
        let seed = shared.seed;
        let way = match &spec.what {
            What::Access { format, settings } => {
                let job = Job::new(format, shared.normaliser.clone(), settings.clone(), seed);
                Way::Access(Box::new(job), Lines::default(), None)
            }
            What::Rules(specs) => {
                // They were compiled when the configuration was read.
                let rules = Rules::new(specs, LABEL_SETS_MAX, seed).or_else(|_| Rules::new(&[], LABEL_SETS_MAX, seed));
                let events =
                    Events { joiner: Joiner::default(), miner: Miner::new(seed), held: None, counts: BTreeMap::new() };
                Way::Rules {
                    rules: Box::new(rules.expect("no rule is no wrong rule")),
                    any: !specs.is_empty(),
                    last: RuleLines::default(),
                    events: Box::new(events),
                }
            }
        };
        let mut own = vec![("file".to_owned(), path.to_owned())];
        own.extend(spec.labels.iter().cloned());
        Self { path: path.to_owned(), own, way, sampler: Sampler::default(), counted: Counted::default() }
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
        let Self { path, own, way: Way::Access(job, _, beacons), sampler, counted } = self else { return };
        counted.lines += 1;
        counted.bytes += line.bytes.len() as u64 + 1;
        let service = own.iter().find(|(name, _)| name == "service").map(|(_, value)| value.as_str());
        let place = Place { path, service, offset: line.offset, arrived };
        // Why it is no request is among the counts of the job.
        let _ = job.push_seen(line.bytes, arrived, |seen| {
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
            let Some(weight) = (if error { Some(1) } else { sampler.keep(arrived) }) else { return };
            if shared.budget.take(line.bytes.len() as u64, arrived) {
                let row = shared.records.request(&place, line.bytes, &seen, weight);
                counted.rows.push(named(row, shared.seed, line.file));
            } else {
                *counted.dropped.entry(request_level(&seen)).or_default() += 1;
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
        let (Some(event), Way::Rules { rules, events, .. }) = (event, &mut self.way) else { return };
        let Some((file, mark, ..)) = events.held.take() else { return };
        self.counted.lines += event.lines;
        self.counted.bytes += event.text.len() as u64 + 1;
        for line in event.text.split(|b| *b == b'\n') {
            rules.push(line, arrived);
        }
        let told = Told::of(&event, &mut events.miner);
        let template = told.code.is_none().then_some(told.template);
        let kind = (told.level, told.code.clone(), template);
        let full = events.counts.len() >= EVENTS_MAX && !events.counts.contains_key(&kind);
        let kind = if full { (told.level, Some(OTHER.to_owned()), None) } else { kind };
        *events.counts.entry(kind).or_default() += 1;
        let weight = if told.is_error() { Some(1) } else { self.sampler.keep(arrived) };
        let Some(weight) = weight else { return };
        if shared.budget.take(event.text.len() as u64, arrived) {
            let Way::Rules { events, .. } = &self.way else { return };
            let row = shared.records.event(&self.place(mark.offset, arrived), &event, &told, &events.miner, weight);
            self.counted.rows.push(named(row, shared.seed, file));
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
    pub(super) fn take(&mut self, now: i64, out: &mut Vec<PointRow>) -> Vec<LogRow> {
        let start = now.div_euclid(WIDTH) * WIDTH;
        let mut points = Points { own: &self.own, out };
        match &mut self.way {
            Way::Access(job, last, beacons) => {
                if let Some(beacons) = beacons {
                    beacon::tell(beacons, start, &mut points);
                }
                for (start, window) in job.finish() {
                    window.series(&mut |series| points.series(&series, start));
                }
                let lines = job.lines();
                for (reason, count) in &lines.refused {
                    let before = last.refused.get(reason).copied().unwrap_or(0);
                    points.put(&metrics::UNMATCHED, &[reason], start, count - before);
                }
                points.put(&metrics::MISSED, &["late"], start, lines.missed.late - last.missed.late);
                points.put(&metrics::MISSED, &["ahead"], start, lines.missed.ahead - last.missed.ahead);
                *last = lines;
            }
            Way::Rules { rules, any, last, events } => {
                for (start, window) in rules.finish() {
                    window.series(&mut |series| points.series(&series, start));
                }
                let lines = rules.lines();
                if *any {
                    points.put(&metrics::UNMATCHED, &["no_rule"], start, lines.unmatched - last.unmatched);
                }
                points.put(&metrics::MISSED, &["late"], start, lines.missed.late - last.missed.late);
                points.put(&metrics::MISSED, &["ahead"], start, lines.missed.ahead - last.missed.ahead);
                *last = lines;
                events.take(start, &mut points);
            }
        }
        let counted = std::mem::take(&mut self.counted);
        points.put(&metrics::COUNTED, &[], start, counted.lines);
        points.put(&metrics::BYTES, &[], start, counted.bytes);
        points.put(&metrics::CUT, &[], start, counted.cut);
        for (level, count) in counted.dropped {
            points.put(&metrics::DROPPED, &[level], start, count);
        }
        counted.rows
    }

    /// Bytes that wait, and since when.
    pub(super) fn tell_behind(&self, now: i64, (bytes, changed): (u64, i64), out: &mut Vec<PointRow>) {
        let start = now.div_euclid(WIDTH) * WIDTH;
        let lag = if bytes > 0 { now.saturating_sub(changed).max(0).unsigned_abs() } else { 0 };
        let mut points = Points { own: &self.own, out };
        points.put(&metrics::BEHIND, &[], start, bytes);
        points.put(&metrics::LAG, &[], start, lag);
    }
}
