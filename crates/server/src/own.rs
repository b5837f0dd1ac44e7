//! The server's own figures as points of series, so that they are asked for and drawn as all others are.
//!
//! Every ten seconds what `/metrics` tells, and what agents told of themselves, becomes points of metrics `arachne.*`. How many there
//! are follows from routes, tables and agents, never from how many there were before: it does not feed itself. Bounded:
//! [`POINTS_MAX`] in a window; what goes beyond is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use arachne_aggregate::Histogram;
use arachne_collectors::{Labels, Metric, Point, own};
use arachne_delivery::status::{Breaker, BreakerState, Status};
use arachne_model::table::{PointRow, Rows, STORED};
use arachne_store::{StoreFacts, Token};

use crate::agents::counts::Delivered;
use crate::app::App;

/// Width of a window in nanoseconds.
pub(crate) const WINDOW: i64 = 10_000_000_000;
/// Who measured what the server counts. No agent is called so.
const SERVER: &str = "~server";
/// Points of a window, and points that wait for a store which does not take them. Policy: what comes then is not kept.
const POINTS_MAX: usize = 20_000;

/// What is known of the windows before, and whether there are any.
#[derive(Debug)]
pub(crate) struct Own {
    on: AtomicBool,
    /// Names this start: its batches are no repetition of those of another one.
    sender: String,
    sequence: AtomicU64,
    state: Mutex<State>,
    /// What callers told since the last window, by route.
    calls: Mutex<BTreeMap<String, Histogram>>,
}

/// Whose counter, its name and its labels.
type Key = (String, &'static str, String);

#[derive(Debug, Default)]
struct State {
    /// The end of the last window.
    end: Option<i64>,
    /// How far counters were.
    totals: BTreeMap<Key, u64>,
    /// When each agent that is known was started, by its own clock.
    agents: BTreeMap<String, i64>,
    omitted: u64,
    waiting: Vec<PointRow>,
    /// Counters went on without being looked at.
    stale: bool,
}

impl Own {
    pub fn new(on: bool) -> Self {
        let sender = format!("server/own/{:016x}", arachne_telemetry::now());
        Self {
            on: AtomicBool::new(on),
            sender,
            sequence: AtomicU64::new(0),
            state: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// Whether figures are kept from now on.
    pub fn set(&self, on: bool) {
        self.on.store(on, Ordering::Release);
    }

    /// Takes what a caller told: routes of ours, with how long calls took in nanoseconds.
    pub fn called(&self, calls: Vec<(String, u64)>) {
        if self.on.load(Ordering::Acquire) {
            let mut all = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.into_iter().for_each(|(route, time)| all.entry(route).or_default().record(time));
        }
    }

    /// Makes points of the window that ends with the last whole ten seconds before `now`, and stores them. Blocks. What the
    /// store does not take waits for the next time.
    pub fn keep(&self, app: &App, now: i64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.on.load(Ordering::Acquire) {
            (state.stale, state.end) = (true, None);
            return;
        }
        let points = state.window(now).map(|(start, end)| {
            let mut points = Points::new(&mut state, start, end);
            points.server(app);
            let calls = std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner));
            calls.iter().for_each(|(route, times)| points.histogram(&own::CALL_TIME, &[route], times));
            for (agent, delivered) in app.agents.counts.all() {
                points.delivered(&agent, &delivered);
            }
            for (agent, status) in app.agents.heard(now) {
                points.agent(&agent, &status);
            }
            points.end()
        });
        let mut rows = std::mem::take(&mut state.waiting);
        rows.extend(points.unwrap_or_default());
        if std::mem::take(&mut state.stale) || rows.is_empty() {
            return;
        }
        let over = rows.len().saturating_sub(POINTS_MAX);
        state.omitted += over as u64;
        rows.truncate(POINTS_MAX);
        let token = Token { sender: self.sender.clone(), sequence: self.sequence.fetch_add(1, Ordering::Relaxed) + 1 };
        if app.parts.store.append(&token, Rows { points: rows.clone(), ..Rows::default() }).is_err() {
            // That the store cannot write is told where it is looked after.
            state.waiting = rows;
        }
    }
}

impl State {
    /// The window that is over at `now`; `None` when it was told already. A clock that went back begins anew.
    fn window(&mut self, now: i64) -> Option<(i64, i64)> {
        let end = now.div_euclid(WINDOW).saturating_mul(WINDOW);
        let before = self.end.replace(end);
        match before {
            Some(before) if before == end => None,
            Some(before) if before < end => Some((before, end)),
            _ => Some((end.saturating_sub(WINDOW), end)),
        }
    }
}

/// Whether the growth of a counter that was not seen before is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    /// It began with 0 since the last window.
    Here,
    /// It may have counted for long.
    Elsewhere,
}

/// Points of a window under way.
struct Points<'a> {
    state: &'a mut State,
    start: i64,
    width: i64,
    rows: Vec<PointRow>,
    /// Counters that were looked at.
    seen: BTreeMap<Key, u64>,
    /// Who told all there is.
    whose: BTreeSet<String>,
    agent: String,
    begins: Begins,
}

impl<'a> Points<'a> {
    fn new(state: &'a mut State, start: i64, end: i64) -> Self {
        let (seen, whose) = (BTreeMap::new(), BTreeSet::from([SERVER.to_owned()]));
        let mut points = Self {
            state,
            start,
            width: end.saturating_sub(start),
            rows: Vec::new(),
            seen,
            whose,
            agent: String::new(),
            begins: Begins::Here,
        };
        points.of(SERVER, Begins::Here);
        // First, so that it is there when others are not.
        let omitted = points.state.omitted;
        points.counter(&own::OMITTED, &[], omitted);
        points
    }

    /// What comes now is of this agent.
    fn of(&mut self, agent: &str, begins: Begins) {
        agent.clone_into(&mut self.agent);
        self.begins = begins;
    }

    fn end(self) -> Vec<PointRow> {
        let Self { state, rows, seen, whose, .. } = self;
        // What one that was heard does not tell any more is forgotten.
        state.totals.retain(|key, _| !whose.contains(&key.0) || is_of_server(key.1));
        state.totals.extend(seen);
        rows
    }

    fn put(&mut self, metric: &Metric, labels: &Labels, row: impl FnOnce(Point<'_>) -> PointRow) {
        if self.rows.len() >= POINTS_MAX {
            self.state.omitted += 1;
            return;
        }
        let Self { start, width, .. } = *self;
        let row = row(Point { start, width, name: metric.name, unit: metric.unit, labels });
        self.rows.push(PointRow { agent: self.agent.clone(), ..row });
    }

    /// What a total grew by. One that fell began anew.
    fn counter(&mut self, metric: &Metric, labels: &[&str], total: u64) {
        let labels = named(metric, labels);
        let key = (self.agent.clone(), metric.name, labels.as_str().to_owned());
        let first = (self.begins == Begins::Here).then_some(0);
        let before = self.state.totals.get(&key).copied().or(first);
        if let Some(before) = before {
            let grown = total.checked_sub(before).unwrap_or(total);
            let sum = i64::try_from(grown).unwrap_or(i64::MAX);
            let steps = if metric.unit == "1" { grown } else { 1 };
            self.put(metric, &labels, |point| point.counter(steps, sum));
        }
        self.seen.insert(key, total);
    }

    fn gauge(&mut self, metric: &Metric, labels: &[&str], value: u64) {
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        self.put(metric, &named(metric, labels), |point| point.gauge(value));
    }

    fn histogram(&mut self, metric: &Metric, labels: &[&str], values: &Histogram) {
        self.put(metric, &named(metric, labels), |point| point.histogram(values));
    }

    fn server(&mut self, app: &App) {
        for (route, method, times) in app.metrics.take_times() {
            self.histogram(&own::REQUEST_TIME, &[&method, &route], &times);
        }
        for (route, method, status, count) in app.metrics.answers() {
            self.counter(&own::REQUESTS, &[&method, &route, &status.to_string()], count);
        }
        for (queue, (taken, all)) in
            [("requests", app.load()), ("uploads", app.operations.load()), ("batches", app.agents.intake.load())]
        {
            self.gauge(&own::QUEUE, &[queue], taken as u64);
            self.gauge(&own::QUEUE_LIMIT, &[queue], all as u64);
        }
        self.gauge(&own::QUEUE, &["queries"], app.running.list().len() as u64);
        for (code, count) in arachne_telemetry::counts() {
            self.counter(&own::LOG_EVENTS, &[code], count);
        }
        let refused = app.refused.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        self.gauge(&own::CONFIGURATION, &[], refused.into());
        self.store(&app.parts.store.facts(), app.parts.store.failing().is_some());
    }

    fn store(&mut self, facts: &StoreFacts, failing: bool) {
        for (table, held) in STORED.iter().zip(&facts.tables) {
            let table = [table.name];
            self.gauge(&own::STORE_ROWS, &table, held.rows);
            self.gauge(&own::STORE_USAGE, &table, held.bytes);
            self.gauge(&own::STORE_PARTS, &table, held.parts);
            self.gauge(&own::STORE_MEMORY, &table, held.memory_rows);
            self.gauge(&own::STORE_LOST, &table, held.lost_rows);
        }
        self.gauge(&own::STORE_WAL, &[], facts.wal_bytes);
        self.gauge(&own::STORE_QUARANTINED, &[], facts.quarantined.len() as u64);
        self.gauge(&own::STORE_FULL, &[], facts.full.into());
        self.gauge(&own::STORE_FAILING, &[], failing.into());
        self.gauge(&own::STORE_GIVEN_UP, &[], facts.given_up);
        self.counter(&own::STORE_OPEN_REFUSED, &[], facts.open_refused);
        self.counter(&own::STORE_TWINS_UNMET, &[], facts.twins_unmet);
    }

    /// What the server took of an agent since its own start.
    fn delivered(&mut self, agent: &str, delivered: &Delivered) {
        self.of(agent, Begins::Here);
        self.counter(&own::BATCHES, &["taken"], delivered.batches);
        self.counter(&own::BATCHES, &["repeated"], delivered.batches_repeated);
        for (code, count) in &delivered.refused {
            self.counter(&own::BATCHES, &[code], *count);
        }
        self.counter(&own::DELIVERED_IO, &[], delivered.bytes);
        self.counter(&own::DELIVERED_ROWS, &[], delivered.rows);
        if let Some(lag) = delivered.lag_ns {
            self.gauge(&own::DELIVERY_LAG, &[], lag.max(0).unsigned_abs());
        }
    }

    /// What an agent tells of itself: its totals count since its own start.
    fn agent(&mut self, agent: &str, status: &Status) {
        let started = self.state.agents.insert(agent.to_owned(), status.started);
        if started.is_some_and(|before| before != status.started) {
            // Another run: all it tells it counted since.
            self.state.totals.retain(|key, _| key.0 != agent || is_of_server(key.1));
        }
        self.whose.insert(agent.to_owned());
        self.of(agent, if started.is_some() { Begins::Here } else { Begins::Elsewhere });
        for (stage, counts) in &status.stages {
            self.counter(&own::STAGE_IN, &[stage], counts.input);
            self.counter(&own::STAGE_OUT, &[stage], counts.output);
            counts.dropped.iter().for_each(|(reason, n)| self.counter(&own::STAGE_DROPPED, &[reason, stage], *n));
            self.gauge(&own::STAGE_IN_FLIGHT, &[stage], counts.in_flight);
        }
        self.counter(&own::CAPTURED, &[], status.capture.packets);
        self.counter(&own::CAPTURED_IO, &[], status.capture.bytes);
        self.counter(&own::KERNEL_DROPPED, &[], status.capture.kernel_drops);
        self.counter(&own::UNSEEN, &[], status.capture.bytes_lost);
        self.way(status);
        self.gauge(&own::PRESSURE, &[], status.pressure as u64);
        status.gave_way.iter().for_each(|(step, n)| self.counter(&own::GAVE_WAY, &[step], *n));
        for process in &status.processes {
            self.counter(&own::CPU_TIME, &[&process.name], process.cpu_ns);
            self.gauge(&own::MEMORY, &[&process.name], process.memory);
            self.counter(&own::RESTARTS, &[&process.name], process.restarts);
        }
        for collector in &status.collectors {
            self.gauge(&own::COLLECTOR_TIME, &[&collector.name], collector.took_ns);
            self.gauge(&own::COLLECTOR_ROWS, &[&collector.name], collector.rows);
            self.gauge(&own::COLLECTOR_FAILING, &[&collector.name], collector.error.is_some().into());
        }
    }

    /// An agent's way to the server.
    fn way(&mut self, status: &Status) {
        let spool = &status.spool;
        self.gauge(&own::SPOOL, &[], spool.bytes);
        self.gauge(&own::SPOOL_LIMIT, &[], spool.cap_bytes);
        self.gauge(&own::SPOOL_BATCHES, &["live"], spool.live_batches);
        self.gauge(&own::SPOOL_BATCHES, &["backlog"], spool.backlog_batches);
        self.gauge(&own::SPOOL_LAG, &[], spool.live_lag_ns);
        spool.dropped.iter().for_each(|(class, n)| self.counter(&own::SPOOL_DROPPED, &[class], *n));
        self.breaker(&status.delivery);
        status.breakers.iter().for_each(|breaker| self.breaker(breaker));
        if let Some(offset) = status.clock_offset_ns {
            self.put(&own::CLOCK_OFFSET, &named(&own::CLOCK_OFFSET, &[]), |point| point.gauge(offset));
        }
        if let Some(trip) = status.round_trip_ns {
            self.gauge(&own::ROUND_TRIP, &[], trip);
        }
    }

    fn breaker(&mut self, breaker: &Breaker) {
        let name = [&*breaker.name];
        self.counter(&own::BREAKER_CALLS, &name, breaker.calls);
        self.counter(&own::BREAKER_FAILED, &name, breaker.failures);
        self.counter(&own::BREAKER_OPENED, &name, breaker.opened);
        self.gauge(&own::BREAKER_OPEN, &name, (breaker.state != BreakerState::Closed).into());
        if breaker.calls > 0 {
            self.gauge(&own::BREAKER_TIME, &name, breaker.latency_ns);
        }
    }
}

/// Whether the server counts it, of an agent.
fn is_of_server(name: &str) -> bool {
    [own::BATCHES, own::DELIVERED_IO, own::DELIVERED_ROWS].iter().any(|metric| metric.name == name)
}

fn named(metric: &Metric, labels: &[&str]) -> Labels {
    debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
    Labels::new(metric.labels.iter().copied().zip(labels.iter().copied()))
}

#[cfg(test)]
mod tests {
    use arachne_delivery::status::{Capture, Stage};

    use super::*;

    /// What the points of a window say of a metric, by labels.
    fn told(rows: &[PointRow], metric: &Metric) -> Vec<(String, i64)> {
        rows.iter().filter(|row| row.name == metric.name).map(|row| (row.labels.clone(), row.sum)).collect()
    }

    fn status(started: i64, packets: u64, stage: &str) -> Status {
        let counts = Stage { input: packets, output: packets, ..Stage::default() };
        Status {
            started,
            capture: Capture { packets, ..Capture::default() },
            stages: [(stage.to_owned(), counts)].into(),
            ..Status::default()
        }
    }

    fn window(state: &mut State, number: i64, status: &Status) -> Vec<PointRow> {
        let (start, end) = state.window(number * WINDOW).expect("each is another window");
        let mut points = Points::new(state, start, end);
        points.agent("a", status);
        points.end()
    }

    #[test]
    fn totals_of_an_agent_from_before_are_nobodys_growth() {
        let mut state = State::default();
        let nothing: [(String, i64); 0] = [];
        assert_eq!(told(&window(&mut state, 10, &status(1, 100, "x")), &own::CAPTURED), nothing, "it is not known yet");
        let one = |sum: i64| [(String::new(), sum)];
        assert_eq!(told(&window(&mut state, 11, &status(1, 130, "x")), &own::CAPTURED), one(30));
        assert_eq!(told(&window(&mut state, 12, &status(1, 130, "x")), &own::CAPTURED), one(0), "it stood still");
        assert_eq!(
            told(&window(&mut state, 13, &status(2, 500, "x")), &own::CAPTURED),
            one(500),
            "it was started anew"
        );
        let other = window(&mut state, 14, &status(2, 510, "y"));
        assert_eq!(told(&other, &own::STAGE_IN), [("stage: y\n".to_owned(), 510)], "a stage that was not there");
        assert!(other.iter().all(|row| row.width == WINDOW && row.start == 13 * WINDOW));
        assert!(!state.totals.keys().any(|key| key.2.contains('x')), "what is not told any more is forgotten");
    }

    #[test]
    fn clocks_and_breakers_of_an_agent_are_series() {
        let breaker = |name: &str, calls| Breaker { name: name.to_owned(), calls, ..Breaker::default() };
        let status = Status {
            clock_offset_ns: Some(-7_000),
            delivery: breaker("server", 3),
            breakers: vec![breaker("name servers", 4)],
            ..status(1, 0, "x")
        };
        let rows = window(&mut State::default(), 10, &status);
        assert_eq!(told(&rows, &own::CLOCK_OFFSET), [(String::new(), -7_000)]);
        let open = ["server", "name servers"].map(|name| (format!("breaker: {name}\n"), 0));
        assert_eq!(told(&rows, &own::BREAKER_OPEN), open);
    }

    #[test]
    fn windows_are_told_once_and_meet() {
        let mut state = State::default();
        assert_eq!(state.window(25 * WINDOW / 10), Some((WINDOW, 2 * WINDOW)));
        assert_eq!(state.window(29 * WINDOW / 10), None);
        assert_eq!(state.window(5 * WINDOW), Some((2 * WINDOW, 5 * WINDOW)));
        assert_eq!(state.window(3 * WINDOW), Some((2 * WINDOW, 3 * WINDOW)), "the clock went back");
    }

    #[test]
    fn points_of_a_window_are_bounded() {
        let mut state = State::default();
        let mut points = Points::new(&mut state, 0, WINDOW);
        let beyond = 10;
        (0..POINTS_MAX + beyond).for_each(|n| points.gauge(&own::QUEUE, &[&n.to_string()], 1));
        assert_eq!(points.end().len(), POINTS_MAX);
        // The count of those omitted is the first point.
        assert_eq!(state.omitted, beyond as u64 + 1);
        let again = Points::new(&mut state, WINDOW, 2 * WINDOW).end();
        assert_eq!(told(&again, &own::OMITTED), [(String::new(), 11)]);
    }
}
