/** One page per layer: which panels it has, by section. Metrics: docs/metrics.md. */
import type { Schema } from "../api/client.ts";
import {
  browserStages, clients, cpu, dbSeconds, disk, errors, HOST, type Layer, light, LOG, NO_BROWSER, NO_DB, NO_HOST, NO_LOG, NO_ROWS, rtt, services,
} from "./panels.ts";
import type { Kind } from "../views/parts/table.ts";
import type { MetricAsk, PanelSpec } from "./spec.ts";

/** A table of the values of a label, with measures over the whole range. The first one ranks. */
export interface TableSpec {
  title: string;
  by: string;
  /** What its values are. */
  name: string;
  /** Where texts stand whole of which names are the beginnings. */
  whole?: { metric: string; by: string; label: string };
  measures: { key: string; label: string; doc: string; kind: Kind; ask: MetricAsk; /** What answers are multiplied by. */ scale?: number }[];
}

/** Panels that belong together. */
export interface Section {
  title?: string;
  panels: PanelSpec[];
  /** A metric without which none of them has anything to show: then one line stands for all, and says what to do. */
  needs?: { metric: string; missing: string };
}

type Given = Omit<PanelSpec, "missing"> & { missing?: string };
const of = (base: Partial<PanelSpec>, panels: Given[]): PanelSpec[] => panels.map((panel) => ({ missing: "", ...base, ...panel }) as PanelSpec);

const service = { scope: "service" } as const;
const edge = (panels: Given[]) => of({ ...LOG, missing: NO_LOG }, panels);
const host = (panels: Given[]) => of({ ...HOST, missing: NO_HOST }, panels);
const db = (panels: Given[]) => of({ drill: "hosts", beat: "postgresql.connection.max", basis: "postgresql.connection.max", missing: NO_DB }, panels);
const browser = (panels: Given[]) => of({ basis: "browser.beacons", missing: NO_BROWSER }, panels);

const BROWSER: Section[] = [
  { needs: { metric: "browser.beacons", missing: NO_BROWSER }, panels: [
    { ...browserStages, wide: true, others: [{ name: "median", asks: [{ metric: "browser.stage.time", by: ["stage"], aggregate: "p50", scope: "none" }] }] },
    ...browser([
      { id: "vitals", title: "Web Vitals judged", doc: "Readings of LCP, INP, CLS and FCP by Google's thresholds.", kind: "bars", paint: "rating",
        asks: [{ metric: "browser.vitals", by: ["rating"], scope: "none" }], errors: [{ metric: "browser.vitals", filter: "label.rating:poor", by: ["vital"], scope: "none" }] },
      { id: "vital-times", title: "Web Vitals p75", doc: "LCP, INP and FCP: three of four readings are at most this.", kind: "lines",
        asks: [{ metric: "browser.vital.time", by: ["vital"], aggregate: "p75", scope: "none" }] },
      { id: "shift", title: "Layout shift p75", doc: "How much pages jump while they load (CLS).", kind: "lines", asks: [{ metric: "browser.layout_shift", by: ["page"], aggregate: "p75", top: 5, scope: "none" }] },
      { id: "views", title: "Views", doc: "Page views per second by page.", kind: "bars", asks: [{ metric: "browser.views", by: ["page"], top: 8, scope: "none" }],
        others: [{ name: "release", asks: [{ metric: "browser.views", by: ["release"], scope: "none" }] }] },
      { id: "load", title: "Load p95 by page", doc: "From the begin of navigation to the load event.", kind: "lines", asks: [{ metric: "browser.load.time", by: ["page"], aggregate: "p95", top: 6, scope: "none" }],
        others: [{ name: "release", asks: [{ metric: "browser.load.time", by: ["release"], aggregate: "p95", scope: "none" }] }] },
      { id: "server", title: "Server stage p95 by page", doc: "What browsers waited for the first byte.", kind: "lines", asks: [{ metric: "browser.stage.time", filter: "label.stage:server", by: ["page"], aggregate: "p95", top: 6, scope: "none" }],
        others: [{ name: "transfer", asks: [{ metric: "browser.stage.time", filter: "label.stage:transfer", by: ["page"], aggregate: "p95", top: 6, scope: "none" }] }] },
      { id: "script-errors", title: "Script errors", doc: "Errors of scripts on pages, per second by page.", kind: "bars", asks: [{ metric: "browser.errors", by: ["page"], scope: "none" }],
        errors: [{ metric: "browser.errors", by: ["page"], scope: "none" }] },
      { id: "beacons", title: "Beacons", doc: "What became of the reports of browsers.", kind: "bars", asks: [{ metric: "browser.beacons", by: ["outcome"], scope: "none" }] },
    ]),
  ] },
];

const EDGE: Section[] = [
  { needs: { metric: "access.total", missing: NO_LOG }, panels: [
    light,
    { ...edge([{
      id: "upstream", title: "Upstreams", doc: "The same by the time of the upstreams: the difference is the way to the client, and what a cache answered.", kind: "light",
      asks: [{ metric: "access.upstream.requests", by: ["class"], ...service }], errors: [{ metric: "access.upstream.requests", filter: "label.class:error", by: ["template"], ...service }],
      figures: [{ label: "p95", ask: { metric: "access.upstream.time", aggregate: "p95", ...service } }],
    }])[0]!, wide: true },
  ] },
  { title: "Errors and refusals", needs: { metric: "access.total", missing: "" }, panels: edge([
    { id: "5xx", title: "5xx and no answer", doc: "Failed requests on an axis of their own, and how many different clients had them: one user or all?", kind: "bars", figures: clients, asks: [{ metric: "access.total", filter: "label.class:error", label: "error", ...service }],
      others: [{ name: "status", asks: [{ metric: "access.statuses", filter: "(label.status:5* or label.status:0*)", by: ["status"], ...service }] }, { name: "clients", asks: [{ metric: "access.clients", filter: "label.class:error", aggregate: "distinct", label: "clients hit", ...service }] }], errors: [{ metric: "access.statuses", filter: "(label.status:5* or label.status:0*)", by: ["status"], ...service }] },
    { id: "5xx-urls", title: "Errors by URL", doc: "Failed requests by template: of one URL, or of all main pages.", kind: "bars", asks: [{ metric: "access.requests", filter: "label.class:error", by: ["template"], top: 6, ...service }],
      errors: [{ metric: "access.requests", filter: "label.class:error", by: ["template"], top: 6, ...service }] },
    { id: "5xx-services", title: "Errors by service", doc: "Failed requests by the service whose log has them: of one, or of all.", kind: "bars", asks: [{ metric: "access.total", filter: "label.class:error", by: ["service"], top: 5, ...service }],
      main: "service", others: [{ name: "server", asks: [{ metric: "access.total", filter: "label.class:error", by: ["server"], top: 5, ...service }] }, { name: "log", asks: [{ metric: "access.total", filter: "label.class:error", by: ["file"], top: 5, ...service }] }],
      errors: [{ metric: "access.total", filter: "label.class:error", by: ["service"], top: 5, ...service }] },
    { id: "4xx", title: "4xx by status", doc: "Requests that were refused, but for those above a limit (429).", kind: "bars", asks: [{ metric: "access.statuses", filter: "label.status:4* -label.status:429", by: ["status"], ...service }] },
    { id: "429", title: "Limited (429)", doc: "Requests of who asks too much.", kind: "bars", asks: [{ metric: "access.statuses", filter: "label.status:429", by: ["template"], top: 6, ...service }] },
    { id: "bots", title: "Bots", doc: "Requests of known robots.", kind: "bars", asks: [{ metric: "access.total", filter: "label.class:bot", label: "bot", ...service }],
      others: [{ name: "by URL", asks: [{ metric: "access.requests", filter: "label.class:bot", by: ["template"], top: 6, ...service }] }] },
    { id: "status", title: "All by status", doc: "Requests per second by status.", kind: "bars", asks: [{ metric: "access.statuses", by: ["status"], top: 12, ...service }] },
  ]) },
  { title: "By URL", needs: { metric: "access.total", missing: "" }, panels: edge([
    { id: "urls", title: "Requests by URL", doc: "Requests per second by template.", kind: "bars", asks: [{ metric: "access.requests", by: ["template"], top: 10, ...service }] },
    { id: "seconds", title: "Upstream seconds by URL", doc: "Time that upstreams spent, per second: what the backends are busy with.", kind: "bars", unit: "load", asks: [{ metric: "access.upstream.time", aggregate: "rate", by: ["template"], top: 10, ...service }] },
    { id: "slowest", title: "p95 by URL", doc: "The 95th percentile of request times.", kind: "lines", asks: [{ metric: "access.time", aggregate: "p95", by: ["template"], top: 6, ...service }],
      others: [{ name: "upstream", asks: [{ metric: "access.upstream.time", aggregate: "p95", by: ["template"], top: 6, ...service }] }, { name: "p50", asks: [{ metric: "access.time", aggregate: "p50", by: ["template"], top: 6, ...service }] }] },
    { id: "traffic", title: "Traffic by URL", doc: "Bytes sent per second by template: a release empties caches.", kind: "bars", unit: "bits/s", asks: [{ metric: "access.bytes", by: ["template"], top: 10, ...service }] },
  ]) },
  { title: "By server and upstream", needs: { metric: "access.total", missing: "" }, panels: edge([
    { id: "balance", title: "Requests by host", doc: "Which host answers how much: whether the balance is even, and when one was taken out.", kind: "bars", asks: [{ metric: "access.total", by: ["agent"], top: 10, ...service }],
      others: [{ name: "service", asks: [{ metric: "access.total", by: ["service"], top: 10, ...service }] }, { name: "log", asks: [{ metric: "access.total", by: ["file"], top: 10, ...service }] }] },
    { id: "upstreams", title: "Attempts by upstream", doc: "How often each upstream server was asked.", kind: "bars", asks: [{ metric: "access.upstream.attempts", by: ["upstream"], top: 8, ...service }] },
    { id: "upstream-times", title: "p95 by upstream", doc: "How long each upstream server took at a time.", kind: "lines", asks: [{ metric: "access.upstream.attempt_time", aggregate: "p95", by: ["upstream"], top: 8, ...service }] },
    { id: "cache", title: "Cache", doc: "Requests by what nginx's cache said.", kind: "bars", asks: [{ metric: "access.cache", by: ["cache"], ...service }] },
    { id: "methods", title: "Methods", doc: "Requests by method.", kind: "bars", asks: [{ metric: "access.methods", by: ["method"], ...service }] },
  ]) },
  { title: "Seen from outside", needs: { metric: "httpcheck.duration", missing: "No address is checked: name one under agent.collect.checks in arachne.yml, and it is asked for every ten seconds." }, panels: of({ beat: "httpcheck.duration" }, [
    { id: "check-times", title: "Checks: time", doc: "How long checked addresses took.", kind: "lines", asks: [{ metric: "httpcheck.duration", by: ["url"], aggregate: "max" }] },
    { id: "check-status", title: "Checks: answers", doc: "Answers of checked addresses by status.", kind: "bars", paint: "status", asks: [{ metric: "httpcheck.status", by: ["status"] }] },
    { id: "check-tls", title: "Certificates", doc: "Time until certificates end.", kind: "lines", asks: [{ metric: "httpcheck.tls.cert_remaining", by: ["url"], aggregate: "min" }] },
  ]) },
];

const rows = (panels: Given[]) => of({ missing: NO_ROWS }, panels);
const APP: Section[] = [
  { panels: rows([
    { id: "app-light", title: "Services", wide: true, doc: "Exchanges per second that agents saw on the wire, by class of time and outcome.", kind: "light", asks: [{ rows: "exchanges", by: "class" }],
      errors: [{ rows: "exchanges", filter: "class:error", by: "service" }],
      figures: [{ label: "err", unit: "share", ask: { rows: "exchanges", measure: "error_share" } }, { label: "p95", ask: { rows: "exchanges", quantile: 0.95 } }] },
    errors, services,
    { id: "app-rate", title: "Exchanges by service", doc: "Exchanges per second by service.", kind: "bars", asks: [{ rows: "exchanges", by: "service", top: 8 }] },
    { id: "app-p50", title: "Median by service", doc: "Half of all took at most this.", kind: "lines", asks: [{ rows: "exchanges", by: "service", quantile: 0.5, top: 6 }],
      others: [{ name: "p99", asks: [{ rows: "exchanges", by: "service", quantile: 0.99, top: 6 }] }] },
    { id: "app-urls", title: "Errors by URL", doc: "Failed exchanges per second by template.", kind: "bars", asks: [{ rows: "exchanges", filter: "class:error", by: "template", top: 6 }], errors: [{ rows: "exchanges", filter: "class:error", by: "template", top: 6 }] },
    { id: "app-status", title: "Errors by status", doc: "Failed exchanges per second by status.", kind: "bars", paint: "status", asks: [{ rows: "exchanges", filter: "class:error", by: "status" }], errors: [{ rows: "exchanges", filter: "class:error", by: "status" }] },
    { id: "app-bytes", title: "Bytes by service", doc: "Bytes of requests and answers per second.", kind: "bars", unit: "bits/s", asks: [{ rows: "exchanges", by: "service", measure: "bytes", top: 8 }] },
    { id: "app-slow", title: "Slow by URL", doc: "Exchanges of a second and more, per second by template.", kind: "bars", asks: [{ rows: "exchanges", filter: "class:slow", by: "template", top: 6 }] },
  ]) },
  { title: "Log lines", needs: { metric: "log.lines", missing: "No log is read. Logs are named under logs: in arachne.yml; those of nginx are found." }, panels: of({ beat: "log.files", basis: "log.files" }, [
    { id: "log-levels", title: "Lines by level", doc: "Log lines that rules took for events, per second by level.", kind: "bars", paint: "level", asks: [{ metric: "log.events", by: ["level"], ...service }], errors: [{ metric: "log.events", filter: "(label.level:error or label.level:fatal)", by: ["template"], ...service }] },
    { id: "log-services", title: "Errors in logs", doc: "Lines of level error and fatal by service.", kind: "bars", asks: [{ metric: "log.events", filter: "(label.level:error or label.level:fatal)", by: ["service"], ...service }], errors: [{ metric: "log.events", filter: "(label.level:error or label.level:fatal)", by: ["service"], ...service }] },
    { id: "log-lines", title: "Lines read", doc: "Lines per second by file.", kind: "bars", asks: [{ metric: "log.lines", by: ["file"], ...service }] },
    { id: "log-unmatched", title: "Lines no rule matched", doc: "What the rules leave out, per second by reason: arachne check --sample says why.", kind: "bars", asks: [{ metric: "log.lines.unmatched", by: ["reason"], ...service }] },
    { id: "log-lag", title: "Lag of reading", doc: "For how long bytes of a file wait that were not read yet; 0 where none does.", kind: "lines", asks: [{ metric: "log.lag", by: ["file"], aggregate: "max", ...service }] },
    { id: "log-lost", title: "Lines left out", doc: "Lines that count in no window, that were cut, and lines to be kept for which there was no room, per second.", kind: "bars",
      asks: [{ metric: "log.lines.missed", label: "too late or ahead", ...service }, { metric: "log.lines.cut", label: "cut", ...service }, { metric: "log.records.dropped", label: "not kept", ...service }] },
  ]) },
];

const statement = (metric: string, more: object = {}) => [{ metric: `postgresql.statement.${metric}`, by: ["query"], top: 8, ...more }];
const DB: Section[] = [
  { needs: { metric: "postgresql.connection.max", missing: NO_DB }, panels: [
    { ...dbSeconds, wide: true, asks: statement("busy"), instead: { of: "postgresql.statement.busy", asks: statement("time") }, main: "time", others: [
      { name: "when ended", asks: statement("time") }, { name: "CPU", asks: statement("cpu.time") }, { name: "I/O", asks: statement("io.time") }, { name: "databases", asks: [{ metric: "postgresql.statement.time", by: ["database"] }] },
      { name: "users", asks: [{ metric: "postgresql.statement.time", by: ["user"] }] },
    ], figures: [{ label: "mean", unit: "time", ask: { metric: "postgresql.statement.time", aggregate: "avg" } }] },
    ...db([
      { id: "mean", title: "Mean time", doc: "Time of statements by their number: is anything unusual now?", kind: "lines", asks: [{ metric: "postgresql.statement.time", aggregate: "avg", label: "all" }],
        others: [{ name: "statements", asks: statement("time", { aggregate: "avg", top: 6 }) }] },
      { id: "calls", title: "Statements", doc: "Statements per second.", kind: "bars", unit: "rate", asks: [{ metric: "postgresql.statement.time", aggregate: "count", by: ["query"], top: 8 }] },
      { id: "db-cpu", title: "CPU by statement", doc: "Time without waiting for disks, per second.", kind: "bars", asks: statement("cpu.time") },
      { id: "db-io", title: "I/O by statement", doc: "Time of reading and writing blocks, per second.", kind: "bars", asks: statement("io.time") },
      { id: "db-rows", title: "Rows by statement", doc: "Rows returned or changed, per second.", kind: "bars", asks: statement("rows") },
      { id: "db-read", title: "Blocks read by statement", doc: "What was not in the server's memory.", kind: "bars", asks: statement("read") },
      { id: "db-wal", title: "WAL by statement", doc: "Write-ahead log, per second.", kind: "bars", asks: statement("wal") },
      { id: "db-temp", title: "Temporary files by statement", doc: "Written and read, per second.", kind: "bars", asks: statement("temp") },
    ]),
  ] },
  { title: "Connections and locks", needs: { metric: "postgresql.connection.max", missing: "" }, panels: db([
    { id: "db-running", title: "Running now", doc: "Statements that run, by user.", kind: "bars", asks: [{ metric: "postgresql.running.count", by: ["user"], aggregate: "level" }] },
    { id: "db-oldest", title: "The oldest", doc: "How long the oldest statement runs, and the oldest transaction is open.", kind: "lines",
      asks: [{ metric: "postgresql.running.age", aggregate: "max", label: "statement" }, { metric: "postgresql.transaction.age", aggregate: "max", label: "transaction" }] },
    { id: "db-connections", title: "Connections", doc: "Connections of clients by state, and what active ones wait for.", kind: "bars", asks: [{ metric: "postgresql.connection.count", by: ["state"], aggregate: "level" }],
      others: [{ name: "waits", asks: [{ metric: "postgresql.connection.count", by: ["state", "wait"], aggregate: "level" }] }, { name: "users", asks: [{ metric: "postgresql.connection.count", by: ["user"], aggregate: "level" }] }] },
    { id: "db-used", title: "Connections of those allowed", doc: "How many of max_connections are taken.", kind: "lines", unit: "share", asks: [{ metric: "postgresql.connection.count", aggregate: "level", with: { operator: "divide", metric: "postgresql.connection.max" }, label: "used" }] },
    { id: "db-locks", title: "Waiting for locks", doc: "Sessions that wait for a lock, by whom they wait for.", kind: "bars", asks: [{ metric: "postgresql.lock.waiting", by: ["blocker", "blocker_state"], aggregate: "level" }] },
    { id: "db-lock-age", title: "Age of waits for locks", doc: "How long the statement of the longest waiting session runs, by whom it waits for.", kind: "lines", asks: [{ metric: "postgresql.lock.age", by: ["blocker", "blocker_state"], aggregate: "max" }] },
    { id: "db-deadlocks", title: "Deadlocks and roll-backs", doc: "Deadlocks and transactions that were aborted, per second.", kind: "lines", asks: [{ metric: "postgresql.deadlocks", label: "deadlocks" }, { metric: "postgresql.transactions", filter: "label.outcome:aborted", label: "aborted" }] },
  ]) },
  { title: "The server", needs: { metric: "postgresql.connection.max", missing: "" }, panels: db([
    { id: "db-tx", title: "Transactions", doc: "Transactions that ended, per second.", kind: "bars", asks: [{ metric: "postgresql.transactions", by: ["outcome"] }] },
    { id: "db-cache", title: "Found in memory", doc: "Blocks that were in the server's memory, of all.", kind: "lines", unit: "share", asks: [{ metric: "postgresql.blocks", filter: "label.from:memory", with: { operator: "divide", metric: "postgresql.blocks" }, label: "memory" }] },
    { id: "db-written", title: "Rows by operation", doc: "Rows read and changed per second.", kind: "bars", asks: [{ metric: "postgresql.rows", by: ["operation"] }] },
    { id: "db-buffers", title: "Buffers written", doc: "By the checkpointer, the cleaner, or a backend that had to wait for it.", kind: "bars", asks: [{ metric: "postgresql.buffers.written", by: ["by"] }] },
    { id: "db-checkpoints", title: "Checkpoints", doc: "Time that checkpoints took, per second.", kind: "bars", asks: [{ metric: "postgresql.checkpoint.time", by: ["phase"] }] },
    { id: "db-lag", title: "Replication lag", doc: "Log that replicas have not applied yet.", kind: "lines", asks: [{ metric: "postgresql.replication.lag", by: ["replica"], aggregate: "max" }], missing: "No replica is connected." , basis: "postgresql.replication.lag",
      main: "bytes", others: [{ name: "time", asks: [{ metric: "postgresql.replication.lag.time", by: ["replica"], aggregate: "max" }] }] },
    { id: "db-slots", title: "Log kept for slots", doc: "Write-ahead log that is kept for who has not read it: a slot that nobody reads fills the disk.", kind: "lines", asks: [{ metric: "postgresql.replication.slot.retained", by: ["slot", "active"], aggregate: "max" }], missing: "There is no replication slot.", basis: "postgresql.replication.slot.retained" },
    { id: "db-evicted", title: "Statements thrown out", doc: "By pg_stat_statements for want of room, per second: what they did is lost. Raise pg_stat_statements.max.", kind: "bars", asks: [{ metric: "postgresql.statements.evicted", label: "thrown out" }] },
    { id: "db-xid", title: "Transactions to freeze", doc: "Transactions since the oldest that is not frozen; at two thousand millions the server stops.", kind: "lines", asks: [{ metric: "postgresql.xid.age", by: ["database"], aggregate: "max" }] },
    { id: "db-size", title: "Size of databases", doc: "On disks.", kind: "bars", asks: [{ metric: "postgresql.database.size", by: ["database"], aggregate: "level" }] },
  ]) },
  { title: "Redis", needs: { metric: "redis.uptime", missing: "No Redis is asked. Name it under agent.collect.redis in arachne.yml." }, panels: of({ beat: "redis.uptime", basis: "redis.uptime" }, [
    { id: "redis-commands", title: "Commands", doc: "Commands per second.", kind: "bars", asks: [{ metric: "redis.commands.processed", by: ["instance"] }] },
    { id: "redis-hits", title: "Misses per hit", doc: "Look-ups that found no key, for each that found one.", kind: "lines", unit: "share", asks: [{ metric: "redis.keyspace.misses", with: { operator: "divide", metric: "redis.keyspace.hits" }, label: "misses per hit" }] },
    { id: "redis-memory", title: "Memory", doc: "Of data, and resident.", kind: "lines", asks: [{ metric: "redis.memory.used", aggregate: "level", label: "data" }, { metric: "redis.memory.rss", aggregate: "level", label: "resident" }] },
    { id: "redis-clients", title: "Clients", doc: "Connected, and waiting in a command.", kind: "lines", asks: [{ metric: "redis.clients.connected", aggregate: "level", label: "connected" }, { metric: "redis.clients.blocked", aggregate: "level", label: "blocked" }] },
    { id: "redis-evicted", title: "Keys that went", doc: "Thrown out for want of memory, or expired.", kind: "lines", asks: [{ metric: "redis.keys.evicted", label: "evicted" }, { metric: "redis.keys.expired", label: "expired" }] },
    { id: "redis-cpu", title: "CPU of Redis", doc: "Cores that it is busy with.", kind: "bars", asks: [{ metric: "redis.cpu.time", by: ["mode"] }] },
  ]) },
];

const NETWORK: Section[] = [
  { title: "Connections", panels: [
    { ...rtt, wide: true, asks: [{ metric: "tcp.rtt", aggregate: "p95", by: ["peer"], top: 8 }], main: "by peer", others: [
      { name: "host × peer", asks: [{ metric: "tcp.rtt", aggregate: "p95", by: ["agent", "peer"], top: 12 }] }, { name: "port", asks: [{ metric: "tcp.rtt", aggregate: "p95", by: ["port"], top: 8 }] },
      { name: "median", asks: [{ metric: "tcp.rtt", aggregate: "p50", by: ["peer"], top: 8 }] },
    ] },
    ...host([
      { id: "rtt-min", title: "Smallest round trips", doc: "The smallest round trip of each connection: nearest to a ping.", kind: "lines", asks: [{ metric: "tcp.rtt.min", aggregate: "p50", by: ["peer"], top: 6 }] },
      { id: "resent", title: "Segments sent again", doc: "Of all that were sent, by peer.", kind: "lines", unit: "share", asks: [{ metric: "tcp.segments.retransmitted", with: { operator: "divide", metric: "tcp.segments.sent" }, by: ["peer"], top: 6 }] },
      { id: "states", title: "Connections by state", doc: "TCP connections of the hosts.", kind: "bars", asks: [{ metric: "tcp.connection.count", by: ["state"], aggregate: "level" }] },
      { id: "peers", title: "Connections by peer", doc: "TCP connections by the other end and port.", kind: "bars", asks: [{ metric: "tcp.connection.count", by: ["peer", "port"], aggregate: "level", top: 8 }] },
      { id: "sent", title: "Sent by peer", doc: "Payload per second.", kind: "bars", unit: "bits/s", asks: [{ metric: "tcp.io.sent", by: ["peer"], top: 6 }] },
      { id: "received", title: "Received by peer", doc: "Payload per second.", kind: "bars", unit: "bits/s", asks: [{ metric: "tcp.io.received", by: ["peer"], top: 6 }] },
      { id: "backlog", title: "Waiting to be accepted", doc: "Connections in the queues of listening ports.", kind: "lines", asks: [{ metric: "tcp.listen.backlog", by: ["agent", "port"], aggregate: "max", top: 6 }] },
      { id: "backlog-share", title: "Fullest accept queue", doc: "Of what the queue holds.", kind: "lines", unit: "share", asks: [{ metric: "tcp.listen.backlog", by: ["port"], aggregate: "max", with: { operator: "divide", metric: "tcp.listen.backlog.limit" }, top: 6 }] },
      { id: "tcp-trouble", title: "Trouble of hosts", doc: "Connections that failed or were reset, time-outs, full accept queues, per second.", kind: "bars", asks: [{ metric: "tcp.host.events", filter: "(label.event:failed or label.event:reset or label.event:timeout or label.event:damaged or label.event:listen_overflow or label.event:listen_drop)", by: ["event"] }],
        errors: [{ metric: "tcp.host.events", filter: "(label.event:failed or label.event:reset or label.event:timeout or label.event:damaged or label.event:listen_overflow or label.event:listen_drop)", by: ["event"] }] },
      { id: "opened", title: "Connections opened", doc: "Per second, by who opened them.", kind: "bars", asks: [{ metric: "tcp.host.events", filter: "(label.event:opened_in or label.event:opened_out)", by: ["event"] }] },
      { id: "time-wait", title: "Closed, still holding ports", doc: "TIME_WAIT by host.", kind: "lines", asks: [{ metric: "tcp.host.time_wait", by: ["agent"], aggregate: "level" }] },
    ]),
  ] },
  { title: "Interfaces", panels: host([
    { id: "if-bytes", title: "Traffic", doc: "Of interfaces by direction.", kind: "bars", unit: "bits/s", asks: [{ metric: "system.network.io", by: ["device", "direction"], top: 8 }], others: [{ name: "host", asks: [{ metric: "system.network.io", by: ["agent", "direction"], top: 8 }] }] },
    { id: "if-packets", title: "Packets", doc: "Packets per second by interface.", kind: "bars", asks: [{ metric: "system.network.packet.count", by: ["device", "direction"], top: 8 }], others: [{ name: "host", asks: [{ metric: "system.network.packet.count", by: ["agent", "direction"], top: 8 }] }] },
    { id: "if-errors", title: "Damaged and dropped", doc: "Packets that were damaged, not sent, or thrown away, per second.", kind: "lines",
      asks: [{ metric: "system.network.errors", label: "damaged" }, { metric: "system.network.packet.dropped", label: "dropped" }], errors: [{ metric: "system.network.errors", by: ["agent", "device"] }] },
  ]) },
];

const process = (metric: string, more: object = {}) => [{ metric: `process.${metric}`, by: ["process", "user"], top: 8, ...more }];
const OS: Section[] = [
  { panels: host([
    { id: "cpu-modes", title: "CPU", wide: true, doc: "What the CPUs do, in cores.", kind: "bars", asks: [{ metric: "system.cpu.time", filter: "-label.mode:idle -label.mode:guest", by: ["mode"], top: 10 }], main: "modes",
      others: [{ name: "hosts", asks: [{ metric: "system.cpu.time", filter: "-label.mode:idle -label.mode:iowait -label.mode:guest", by: ["agent"], top: 10 }] }],
      figures: [{ label: "busy", unit: "share", ask: { metric: "system.cpu.time", filter: "-label.mode:idle -label.mode:iowait -label.mode:guest", with: { operator: "divide", metric: "system.cpu.time" } } }, { label: "load", ask: { metric: "system.cpu.load_average.1m", aggregate: "level" } }] },
    { id: "load", title: "Load", doc: "Threads that run, wait for a CPU or for a disk.", kind: "lines", asks: [{ metric: "system.cpu.load_average.1m", by: ["agent"], aggregate: "max" }] },
    { id: "memory", title: "Memory", doc: "By state.", kind: "bars", asks: [{ metric: "system.memory.usage", by: ["state"], aggregate: "level" }], others: [{ name: "used by host", asks: [{ metric: "system.memory.usage", filter: "label.state:used", by: ["agent"], aggregate: "level" }] }] },
    { id: "pressure", title: "Pressure", doc: "Share of time in which something waited for a resource.", kind: "lines", unit: "share", asks: [{ metric: "system.pressure.time", filter: "label.kind:some", by: ["agent", "resource"], top: 8 }],
      others: [{ name: "full", asks: [{ metric: "system.pressure.time", filter: "label.kind:full", by: ["agent", "resource"], top: 8 }] }] },
    { id: "swap-io", title: "Swap traffic", doc: "Pages that came from swap and went to it, per second: whether swap is used, or only holds what lies there.", kind: "bars", asks: [{ metric: "system.paging.operations", by: ["direction"] }] },
    { id: "swap", title: "Swap", doc: "Used.", kind: "bars", asks: [{ metric: "system.paging.usage", filter: "label.state:used", by: ["agent"], aggregate: "level" }] },
    { id: "faults", title: "Pages waited for", doc: "Pages that came from a disk (major), per second.", kind: "bars", asks: [{ metric: "system.paging.faults", filter: "label.type:major", by: ["agent"] }] },
    { id: "files", title: "Open files", doc: "Of the hosts.", kind: "lines", asks: [{ metric: "system.linux.files.open", by: ["agent"], aggregate: "level" }] },
    { id: "created", title: "Processes begun", doc: "Processes and threads, per second.", kind: "bars", asks: [{ metric: "system.process.created", by: ["agent"] }] },
  ]) },
  { title: "Disks", panels: host([
    { id: "disk-use", title: "Utilisation", doc: "Share of time in which a disk had something to do.", kind: "lines", unit: "share", asks: [{ metric: "system.disk.io_time", by: ["agent", "device"], top: 8 }] },
    { id: "disk-ops", title: "Operations", doc: "Per second by direction.", kind: "bars", asks: [{ metric: "system.disk.operations", by: ["device", "direction"], top: 8 }] },
    { id: "disk-bytes", title: "Bytes", doc: "Read and written per second.", kind: "bars", asks: [{ metric: "system.disk.io", by: ["device", "direction"], top: 8 }] },
    { id: "disk-wait", title: "Wait of an operation", doc: "How long one took, waiting included.", kind: "lines", asks: [{ metric: "system.disk.operation_time", aggregate: "avg", by: ["device", "direction"], top: 6 }] },
    { id: "fs", title: "File systems", doc: "Used of their size.", kind: "lines", unit: "share", asks: [{ metric: "system.filesystem.usage", filter: "label.state:used", by: ["agent", "mountpoint"], with: { operator: "divide", metric: "system.filesystem.limit" }, top: 8 }] },
  ]) },
  { title: "Processes", panels: [
    { ...cpu, asks: process("cpu.time"), others: [{ name: "containers", asks: [{ metric: "process.cpu.time", by: ["container"], top: 8 }] }, { name: "hosts", asks: [{ metric: "process.cpu.time", by: ["agent", "process"], top: 8 }] }] },
    ...host([
      { id: "p-memory", title: "Memory", doc: "Resident memory by process and user.", kind: "bars", asks: process("memory.usage", { aggregate: "level" }) },
    ]),
    { ...disk, asks: process("disk.io"), others: [{ name: "read", asks: process("disk.io", { filter: "label.direction:read" }) }, { name: "write", asks: process("disk.io", { filter: "label.direction:write" }) }] },
    ...host([
      { id: "p-swap", title: "Swap", doc: "Memory in swap by process and user.", kind: "bars", asks: process("paging.usage", { aggregate: "level" }), basis: "process.count" },
      { id: "p-faults", title: "Major faults", doc: "Pages waited for from swap or a file: the kernel counts no swap traffic by process.", kind: "bars", asks: process("paging.faults", { filter: "label.type:major" }), basis: "process.count" },
      { id: "p-files", title: "Open files", doc: "By process and user.", kind: "bars", asks: process("unix.file_descriptor.count", { aggregate: "level" }) },
      { id: "p-threads", title: "Threads", doc: "By process and user.", kind: "bars", asks: process("thread.count", { aggregate: "level" }) },
      { id: "p-delay", title: "Waiting for a CPU", doc: "How long threads that could run waited, per second.", kind: "bars", asks: process("cpu.delay") },
      { id: "p-disk-delay", title: "Waiting for disks", doc: "How long processes waited for disks, per second.", kind: "bars", asks: process("disk.delay"), basis: "process.count" },
    ]),
  ] },
];

const TABLES: Partial<Record<Layer, TableSpec>> = {
  edge: { title: "URLs", by: "template", name: "URL", measures: [
    { key: "rate", label: "requests", doc: "Requests per second", kind: "rate", ask: { metric: "access.requests", ...service } },
    { key: "errors", label: "failed", doc: "Share of requests that failed", kind: "percent", ask: { metric: "access.requests", filter: "label.class:error", with: { operator: "divide", metric: "access.requests" }, ...service } },
    { key: "clients", label: "clients hit", doc: "Different clients whose requests failed: an estimate, two of three times within 1.6 %", kind: "count", ask: { metric: "access.clients", filter: "label.class:error", aggregate: "distinct", ...service } },
    { key: "p50", label: "p50", doc: "Half took at most this", kind: "duration", ask: { metric: "access.time", aggregate: "p50", ...service } },
    { key: "p95", label: "p95", doc: "95 of 100 took at most this", kind: "duration", ask: { metric: "access.time", aggregate: "p95", ...service } },
    { key: "upstream", label: "upstream p95", doc: "95 of 100 took upstreams at most this", kind: "duration", ask: { metric: "access.upstream.time", aggregate: "p95", ...service } },
    { key: "busy", label: "upstream s/s", doc: "Seconds of upstreams per second", kind: "count", scale: 1e-9, ask: { metric: "access.upstream.time", aggregate: "rate", ...service } },
    { key: "bytes", label: "bytes/s", doc: "Bytes sent per second", kind: "bytes", ask: { metric: "access.bytes", ...service } },
  ] },
  db: { title: "Statements", by: "query", name: "statement", whole: { metric: "postgresql.statement.text", by: "text", label: "Copy the whole statement" }, measures: [
    { key: "busy", label: "s/s", doc: "Seconds per second: connections busy with it", kind: "count", scale: 1e-9, ask: { metric: "postgresql.statement.time" } },
    { key: "mean", label: "mean", doc: "Mean time of one", kind: "duration", ask: { metric: "postgresql.statement.time", aggregate: "avg" } },
    { key: "calls", label: "calls", doc: "How many ended in the range", kind: "count", ask: { metric: "postgresql.statement.time", aggregate: "count" } },
    { key: "cpu", label: "CPU s/s", doc: "Without waiting for disks", kind: "count", scale: 1e-9, ask: { metric: "postgresql.statement.cpu.time" } },
    { key: "io", label: "I/O s/s", doc: "Reading and writing blocks", kind: "count", scale: 1e-9, ask: { metric: "postgresql.statement.io.time" } },
    { key: "rows", label: "rows", doc: "Rows per second", kind: "rate", ask: { metric: "postgresql.statement.rows" } },
    { key: "wal", label: "WAL/s", doc: "Write-ahead log per second", kind: "bytes", ask: { metric: "postgresql.statement.wal" } },
  ] },
  network: { title: "Peers", by: "peer", name: "peer", measures: [
    { key: "connections", label: "connections", doc: "How many, on average", kind: "count", ask: { metric: "tcp.connection.count", aggregate: "level" } },
    { key: "p50", label: "rtt p50", doc: "Half of the round trips were at most this", kind: "duration", ask: { metric: "tcp.rtt", aggregate: "p50" } },
    { key: "p95", label: "rtt p95", doc: "95 of 100 were at most this", kind: "duration", ask: { metric: "tcp.rtt", aggregate: "p95" } },
    { key: "resent", label: "resent", doc: "Share of segments that were sent again", kind: "percent", ask: { metric: "tcp.segments.retransmitted", with: { operator: "divide", metric: "tcp.segments.sent" } } },
    { key: "sent", label: "sent/s", doc: "Payload per second", kind: "bytes", ask: { metric: "tcp.io.sent" } },
    { key: "received", label: "received/s", doc: "Payload per second", kind: "bytes", ask: { metric: "tcp.io.received" } },
  ] },
  os: { title: "Processes", by: "process", name: "process", measures: [
    { key: "cpu", label: "cores", doc: "CPU time per second", kind: "count", scale: 1e-9, ask: { metric: "process.cpu.time" } },
    { key: "memory", label: "memory", doc: "Resident", kind: "bytes", ask: { metric: "process.memory.usage", aggregate: "level" } },
    { key: "disk", label: "disk/s", doc: "Read and written per second", kind: "bytes", ask: { metric: "process.disk.io" } },
    { key: "delay", label: "waits for CPU", doc: "Seconds per second that threads waited for a CPU", kind: "count", scale: 1e-9, ask: { metric: "process.cpu.delay" } },
    { key: "files", label: "files", doc: "Open files", kind: "count", ask: { metric: "process.unix.file_descriptor.count", aggregate: "level" } },
    { key: "threads", label: "threads", doc: "Threads", kind: "count", ask: { metric: "process.thread.count", aggregate: "level" } },
  ] },
};

/** The table of a layer. */
export function tableOf(layer: Layer): TableSpec | null {
  return TABLES[layer] ?? null;
}

const ALL: Record<Layer, Section[]> = { browser: BROWSER, edge: EDGE, app: APP, db: DB, network: NETWORK, os: OS };

/** The sections of a layer. */
export function sectionsOf(layer: Layer): Section[] {
  return ALL[layer];
}

/** Whose metrics have panels of their own; all others come from rules of logs. */
const KNOWN = /^(access|log|system|process|tcp|postgresql|redis|httpcheck|browser|arachne|monitor)\./;
/** Labels that tell where a series comes from rather than what it is of. */
const PLACES = new Set(["file", "service", "server"]);
/** Labels under which rules list stages (`each:` in docs/logs.md gives `name`). */
const STAGES = ["stage", "name", "step"];
/** More metrics of rules than these are a matter for the series explorer. */
const CUSTOM_MAX = 40;

/** Metrics that rules make of logs. */
export function custom(metrics: readonly Schema<"MetricFacts">[]): Schema<"MetricFacts">[] {
  return metrics.filter((metric) => !KNOWN.test(metric.name)).slice(0, CUSTOM_MAX);
}

/** The label that splits it best: what it is of, the most telling first. */
function labelsOf(metric: Schema<"MetricFacts">): { stage: string | null; other: string | null } {
  const own = metric.labels.filter((label) => !PLACES.has(label.name)).map((label) => label.name);
  const stage = STAGES.find((name) => own.includes(name)) ?? null;
  return { stage, other: own.find((name) => name !== stage) ?? null };
}

/** A panel for a metric that rules of somebody's own make: stages are stacked, seconds per second show what the time goes to. */
export function panelOf(metric: Schema<"MetricFacts">): PanelSpec {
  const { stage, other } = labelsOf(metric);
  const id = `custom:${metric.name}`;
  const shared = { id, title: metric.name, beat: "log.files", missing: "" } as const;
  const by = [stage ?? other ?? "agent"];
  if (metric.metric_kind === "histogram") {
    const ask = (aggregate: string, labels: string[]) => [{ metric: metric.name, aggregate, by: labels, top: 8, ...service }];
    const others = [{ name: "p50", asks: ask("p50", by) }, ...(stage && other ? [{ name: other, asks: ask("p95", [other]) }] : [])];
    if (stage) return { ...shared, doc: `The 95th percentile of ${metric.name} by ${stage}.`, kind: "bars", note: "p95 of each stage: not the p95 of their sum", main: stage, asks: ask("p95", by), others: [...others, { name: "seconds", asks: ask("rate", by) }, ...(other ? [{ name: `seconds by ${other}`, asks: ask("rate", [other]) }] : [])] };
    return { ...shared, doc: `The 95th percentile of ${metric.name} by ${by[0]}.`, kind: "lines", main: "p95", asks: ask("p95", by), others: [...others, { name: "p99", asks: ask("p99", by) }] };
  }
  const aggregate = metric.metric_kind === "gauge" ? { aggregate: "avg" } : metric.metric_kind === "distinct" ? { aggregate: "distinct" } : {};
  return {
    ...shared, doc: `${metric.name} by ${by[0]}.`, kind: metric.metric_kind === "counter" ? "bars" : "lines",
    asks: [{ metric: metric.name, by, top: 8, ...aggregate, ...service }],
    ...(stage && other ? { main: stage, others: [{ name: other, asks: [{ metric: metric.name, by: [other], top: 8, ...aggregate, ...service }] }] } : {}),
  };
}

/** The stages of the application, where a rule lists them. */
export function stagesOf(metrics: readonly Schema<"MetricFacts">[]): PanelSpec | null {
  const found = custom(metrics).find((metric) => metric.metric_kind === "histogram" && labelsOf(metric).stage);
  return found ? { ...panelOf(found), title: "Application stages", layer: "app" } : null;
}

/** What stands in its place. */
export const NO_STAGES: PanelSpec = {
  id: "app-stages", title: "Application stages", layer: "app", kind: "bars", doc: "Stages of requests as applications log them.", asks: [{ metric: "~none" }], basis: "~none",
  missing: "No rule lists stages. One with each: under logs: in arachne.yml makes them of lines such as session=4.99 page=123.84 (docs/logs.md).",
};
