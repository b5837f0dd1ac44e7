//! The monitor's own figures, stated as data like those of any collector. The server makes the points: what it counts itself, and
//! what agents tell it of themselves.

use crate::Metric;

/// What it reads.
pub const SAYS: &str = "Arachne itself, every 10 s, written by the server (`server.own_series: no` turns it off). What the server counts is of \
the agent `~server`; what an agent tells of itself, and what the server took from it, is of that agent. A counter that stands still has points of 0. \
One that was not seen before begins with 0 where it began with this server, else with the first value: an agent's totals from before are nobody's growth.";

const SERVER: &str = "the server's count, as in `/metrics`";
const STATUS: &str = "the agent's status, every 2 s";
const DELIVERY: &str = "batches as the server took them";

/// Requests of the API, as the server measures them.
pub const REQUESTS: Metric = Metric::counter(
    "arachne.http.server.requests",
    "1",
    &["method", "route", "status"],
    "requests answered, by route of the API and status",
    SERVER,
);
/// How long they took.
pub const REQUEST_TIME: Metric = Metric::histogram(
    "arachne.http.server.duration",
    "ns",
    &["method", "route"],
    "time from a request's head to its answer's head",
    SERVER,
);
/// How long they took for who asked.
pub const CALL_TIME: Metric = Metric::histogram(
    "arachne.http.client.duration",
    "ns",
    &["route"],
    "the same as the web UI measured it: from asking to the last byte of the answer, the network between included",
    "Resource Timing, sent by browsers that show the UI",
);
/// What waits or works.
pub const QUEUE: Metric = Metric::gauge(
    "arachne.queue.usage",
    "1",
    &["queue"],
    "places taken: requests (that work), queries (that run), uploads, batches (of agents, under way)",
    SERVER,
);
/// How much of it there may be.
pub const QUEUE_LIMIT: Metric = Metric::gauge(
    "arachne.queue.limit",
    "1",
    &["queue"],
    "places there are: beyond, who asks is told to come again",
    SERVER,
);
/// Its log, from WARN up.
pub const LOG_EVENTS: Metric = Metric::counter(
    "arachne.log.events",
    "1",
    &["code"],
    "events of the server's log from WARN up, by [code](log-codes.md)",
    SERVER,
);
/// Whether the file that configures it is refused.
pub const CONFIGURATION: Metric = Metric::gauge(
    "arachne.configuration.refused",
    "1",
    &[],
    "1 while the configuration on disk is not in force",
    SERVER,
);
/// Points that found no room.
pub const OMITTED: Metric = Metric::counter(
    "arachne.series.omitted",
    "1",
    &[],
    "own points beyond 20 000 in a window, which are not kept",
    SERVER,
);

/// The store, by table.
pub const STORE_ROWS: Metric = Metric::gauge("arachne.store.rows", "1", &["table"], "rows", SERVER);
/// See [`STORE_ROWS`].
pub const STORE_USAGE: Metric = Metric::gauge("arachne.store.usage", "By", &["table"], "bytes on disk", SERVER);
/// See [`STORE_ROWS`].
pub const STORE_PARTS: Metric = Metric::gauge("arachne.store.parts", "1", &["table"], "files", SERVER);
/// See [`STORE_ROWS`].
pub const STORE_MEMORY: Metric =
    Metric::gauge("arachne.store.memory.rows", "1", &["table"], "rows that are in memory and in the log alone", SERVER);
/// See [`STORE_ROWS`].
pub const STORE_LOST: Metric = Metric::gauge("arachne.store.lost.rows", "1", &["table"], "rows lost by damage", SERVER);
/// The write-ahead log.
pub const STORE_WAL: Metric =
    Metric::gauge("arachne.store.wal.usage", "By", &[], "bytes of the write-ahead log", SERVER);
/// Files set aside.
pub const STORE_QUARANTINED: Metric =
    Metric::gauge("arachne.store.quarantined", "1", &[], "damaged files that were set aside", SERVER);
/// No space.
pub const STORE_FULL: Metric = Metric::gauge("arachne.store.full", "1", &[], "1 while there is no space left", SERVER);
/// No writing.
pub const STORE_FAILING: Metric =
    Metric::gauge("arachne.store.failing", "1", &[], "1 while the store cannot write", SERVER);
/// Exchanges without an end.
pub const STORE_GIVEN_UP: Metric = Metric::gauge(
    "arachne.store.given_up",
    "1",
    &[],
    "open exchanges of which nothing more was told: they count as over",
    SERVER,
);
/// Open exchanges that found no room.
pub const STORE_OPEN_REFUSED: Metric = Metric::counter(
    "arachne.store.open.refused",
    "1",
    &[],
    "revisions of open exchanges that found no room in memory",
    SERVER,
);
/// Twins that were not looked for.
pub const STORE_TWINS_UNMET: Metric = Metric::counter(
    "arachne.store.twins.unmet",
    "1",
    &[],
    "batches that were not compared at once with what other agents saw",
    SERVER,
);

/// What an agent delivered.
pub const BATCHES: Metric = Metric::counter(
    "arachne.delivery.batches",
    "1",
    &["outcome"],
    "batches by outcome: taken, repeated (they were there), else the code of the problem they were refused with",
    DELIVERY,
);
/// See [`BATCHES`].
pub const DELIVERED_IO: Metric =
    Metric::counter("arachne.delivery.io", "By", &[], "bytes of batches, packed", DELIVERY);
/// See [`BATCHES`].
pub const DELIVERED_ROWS: Metric = Metric::counter("arachne.delivery.rows", "1", &[], "rows taken", DELIVERY);
/// See [`BATCHES`].
pub const DELIVERY_LAG: Metric = Metric::gauge(
    "arachne.delivery.lag",
    "ns",
    &[],
    "age of the newest live batch when it came, by the clocks of both",
    DELIVERY,
);

/// A stage of an agent: in = out + dropped + in flight.
pub const STAGE_IN: Metric = Metric::counter(
    "arachne.stage.in",
    "1",
    &["stage"],
    "what came into a stage: packets, segments, bytes, sessions, exchanges, records, batches",
    STATUS,
);
/// See [`STAGE_IN`].
pub const STAGE_OUT: Metric = Metric::counter("arachne.stage.out", "1", &["stage"], "what left it as meant", STATUS);
/// See [`STAGE_IN`].
pub const STAGE_DROPPED: Metric =
    Metric::counter("arachne.stage.dropped", "1", &["reason", "stage"], "what was dropped in it, by reason", STATUS);
/// See [`STAGE_IN`].
pub const STAGE_IN_FLIGHT: Metric =
    Metric::gauge("arachne.stage.in_flight", "1", &["stage"], "what is inside of it", STATUS);
/// The capture.
pub const CAPTURED: Metric =
    Metric::counter("arachne.capture.packets", "1", &[], "packets that passed the filter", STATUS);
/// See [`CAPTURED`].
pub const CAPTURED_IO: Metric = Metric::counter("arachne.capture.io", "By", &[], "bytes of them on the wire", STATUS);
/// See [`CAPTURED`].
pub const KERNEL_DROPPED: Metric = Metric::counter(
    "arachne.capture.kernel_dropped",
    "1",
    &[],
    "packets that the kernel dropped since the ring was full",
    STATUS,
);
/// See [`CAPTURED`].
pub const UNSEEN: Metric = Metric::counter(
    "arachne.capture.unseen",
    "By",
    &[],
    "bytes that were acknowledged and never seen: loss that is inferred",
    STATUS,
);
/// What waits for delivery.
pub const SPOOL: Metric =
    Metric::gauge("arachne.spool.usage", "By", &[], "bytes that wait for delivery on disk", STATUS);
/// See [`SPOOL`].
pub const SPOOL_LIMIT: Metric = Metric::gauge("arachne.spool.limit", "By", &[], "bytes that may wait there", STATUS);
/// See [`SPOOL`].
pub const SPOOL_BATCHES: Metric =
    Metric::gauge("arachne.spool.batches", "1", &["lane"], "batches that wait: live, backlog", STATUS);
/// See [`SPOOL`].
pub const SPOOL_LAG: Metric =
    Metric::gauge("arachne.spool.lag", "ns", &[], "age of the oldest live batch when it was last delivered", STATUS);
/// See [`SPOOL`].
pub const SPOOL_DROPPED: Metric =
    Metric::counter("arachne.spool.dropped", "1", &["class"], "records given up for want of room, by class", STATUS);
/// The way to the server.
pub const BREAKER_CALLS: Metric = Metric::counter(
    "arachne.breaker.calls",
    "1",
    &["breaker"],
    "calls of the server by the agent, as the caller counts them",
    STATUS,
);
/// See [`BREAKER_CALLS`].
pub const BREAKER_FAILED: Metric =
    Metric::counter("arachne.breaker.failed", "1", &["breaker"], "those that failed", STATUS);
/// See [`BREAKER_CALLS`].
pub const BREAKER_OPENED: Metric = Metric::counter(
    "arachne.breaker.opened",
    "1",
    &["breaker"],
    "times that the agent gave up calling for a while",
    STATUS,
);
/// See [`BREAKER_CALLS`].
pub const BREAKER_OPEN: Metric =
    Metric::gauge("arachne.breaker.open", "1", &["breaker"], "1 while it does not call", STATUS);
/// See [`BREAKER_CALLS`].
pub const BREAKER_TIME: Metric = Metric::gauge(
    "arachne.breaker.duration",
    "ns",
    &["breaker"],
    "median time of the last calls, as the caller measures it",
    STATUS,
);
/// The clocks of both.
pub const CLOCK_OFFSET: Metric = Metric::gauge(
    "arachne.agent.clock_offset",
    "ns",
    &[],
    "the server's clock less the agent's; half of the round trip is its error",
    STATUS,
);
/// The way there and back.
pub const ROUND_TRIP: Metric = Metric::gauge(
    "arachne.agent.round_trip",
    "ns",
    &[],
    "round trip of the last status, as the agent measures it",
    STATUS,
);
/// What gives way.
pub const PRESSURE: Metric = Metric::gauge(
    "arachne.agent.pressure",
    "1",
    &[],
    "what gives way under load: 0 nothing, 1 body bytes, 2 bodies, 3 large flows, 4 new flows",
    STATUS,
);
/// How often it did.
pub const GAVE_WAY: Metric =
    Metric::counter("arachne.agent.gave_way", "1", &["step"], "times that each step of giving way was taken", STATUS);
/// Its processes.
pub const CPU_TIME: Metric =
    Metric::counter("arachne.process.cpu.time", "ns", &["process"], "CPU time of a process of the agent", STATUS);
/// See [`CPU_TIME`].
pub const MEMORY: Metric =
    Metric::gauge("arachne.process.memory.usage", "By", &["process"], "its resident memory", STATUS);
/// See [`CPU_TIME`].
pub const RESTARTS: Metric =
    Metric::counter("arachne.process.restarts", "1", &["process"], "times that it was started again", STATUS);
/// Its collectors.
pub const COLLECTOR_TIME: Metric =
    Metric::gauge("arachne.collector.duration", "ns", &["collector"], "how long the last reading took", STATUS);
/// See [`COLLECTOR_TIME`].
pub const COLLECTOR_ROWS: Metric =
    Metric::gauge("arachne.collector.rows", "1", &["collector"], "rows of the last reading", STATUS);
/// See [`COLLECTOR_TIME`].
pub const COLLECTOR_FAILING: Metric =
    Metric::gauge("arachne.collector.failing", "1", &["collector"], "1 while it cannot read", STATUS);

/// What it measures.
pub const METRICS: &[&[Metric]] = &[
    &[REQUESTS, REQUEST_TIME, CALL_TIME, QUEUE, QUEUE_LIMIT, LOG_EVENTS, CONFIGURATION, OMITTED],
    &[STORE_ROWS, STORE_USAGE, STORE_PARTS, STORE_MEMORY, STORE_LOST, STORE_WAL, STORE_QUARANTINED],
    &[STORE_FULL, STORE_FAILING, STORE_GIVEN_UP, STORE_OPEN_REFUSED, STORE_TWINS_UNMET],
    &[BATCHES, DELIVERED_IO, DELIVERED_ROWS, DELIVERY_LAG],
    &[STAGE_IN, STAGE_OUT, STAGE_DROPPED, STAGE_IN_FLIGHT, CAPTURED, CAPTURED_IO, KERNEL_DROPPED, UNSEEN],
    &[SPOOL, SPOOL_LIMIT, SPOOL_BATCHES, SPOOL_LAG, SPOOL_DROPPED],
    &[BREAKER_CALLS, BREAKER_FAILED, BREAKER_OPENED, BREAKER_OPEN, BREAKER_TIME],
    &[CLOCK_OFFSET, ROUND_TRIP, PRESSURE, GAVE_WAY, CPU_TIME, MEMORY, RESTARTS],
    &[COLLECTOR_TIME, COLLECTOR_ROWS, COLLECTOR_FAILING],
];
