/** The panels of all layers, by what they are called: pages are made of them. Metrics: docs/metrics.md. */
import type { Figure, PanelSpec } from "./spec.ts";

export { type Layer, LAYER_NAMES, LAYERS } from "./names.ts";

const NO_LOG = "No access log is read. An agent on the host of nginx finds its logs by itself; others are named under logs: in arachne.yml.";
const NO_HOST = "No host is measured in this range. Install an agent there: Agents > Add an agent.";
const NO_ROWS = "No HTTP was captured in this range. An agent captures what its host says and hears: Agents > Add an agent.";
const NO_BROWSER = "No page reports. Put <script async src=\"…/rum.js\"></script> of this server into them (docs/browser.md); a log of /stat lines works, too.";
const NO_DB = "No PostgreSQL is asked. Name it under agent.collect.postgresql in arachne.yml; arachne setup postgresql prints the SQL of its role.";

const LOG = { beat: "log.files", basis: "access.total" } as const;
const HOST = { beat: "system.uptime", drill: "hosts" } as const;

const ABOUT = "An estimate: two of three times within 1.6 %, nearly always within 5 %; of fewer than 100 exact but for a few. Over hosts and time each client counts once.";
/** One user or all? How many different clients had errors, of how many that asked. */
export const clients: Figure[] = [
  { label: "clients hit", unit: "about", doc: `Different clients whose requests failed. ${ABOUT}`, ask: { metric: "access.clients", filter: "label.class:error", aggregate: "distinct", scope: "service" } },
  { label: "of", unit: "about", doc: `Different clients. ${ABOUT}`, ask: { metric: "access.clients", aggregate: "distinct", scope: "service" } },
];

/** Requests at the edge by how fast they were: the traffic light. */
export const light: PanelSpec = {
  id: "light", title: "Edge", layer: "edge", kind: "light", wide: true, ...LOG,
  doc: "Requests per second of the access logs by class: fast, medium and slow by time, errors, refused, bots.",
  main: "total", asks: [{ metric: "access.total", by: ["class"], scope: "service" }],
  others: [{ name: "upstream", asks: [{ metric: "access.upstream.requests", by: ["class"], scope: "service" }] }],
  errors: [{ metric: "access.requests", filter: "label.class:error", by: ["template"], scope: "service" }],
  figures: [
    { label: "err", unit: "share", ask: { metric: "access.total", filter: "label.class:error", with: { operator: "divide", metric: "access.total" }, scope: "service" } },
    { label: "p95", ask: { metric: "access.time", aggregate: "p95", scope: "service" } },
    { label: "upstream p95", ask: { metric: "access.upstream.time", aggregate: "p95", scope: "service" } },
    ...clients,
  ],
  missing: NO_LOG,
};

export const browserStages: PanelSpec = {
  id: "stages", title: "Browser stages", layer: "browser", kind: "bars", beat: "browser.beacons",
  doc: "How long pages took, by stage: the 95th percentile of each.", note: "p95 of each stage: not the p95 of their sum",
  asks: [{ metric: "browser.stage.time", by: ["stage"], aggregate: "p95", scope: "none" }],
  figures: [{ label: "", ask: { metric: "browser.load.time", aggregate: "p95", scope: "none" } }],
  errors: [{ metric: "browser.errors", by: ["page"], scope: "none" }],
  missing: NO_BROWSER,
};

export const services: PanelSpec = {
  id: "services", title: "Services by p95", layer: "app", kind: "lines",
  doc: "How long services took to answer, as agents saw it on the wire: the 95th percentile.",
  asks: [{ rows: "exchanges", by: "service", quantile: 0.95, top: 6 }],
  errors: [{ rows: "exchanges", filter: "class:error", by: "service", top: 6 }],
  missing: NO_ROWS,
};

export const errors: PanelSpec = {
  id: "errors", title: "Errors by service", layer: "app", kind: "bars",
  doc: "Failed exchanges per second of the services that fail most, as agents saw them on the wire.",
  asks: [{ rows: "exchanges", filter: "class:error", by: "service", top: 5 }],
  errors: [{ rows: "exchanges", filter: "class:error", by: "service", top: 5 }],
  missing: NO_ROWS,
};

export const dbSeconds: PanelSpec = {
  id: "statements", title: "Database seconds", layer: "db", kind: "bars", drill: "hosts", beat: "postgresql.connection.max",
  doc: "Time that statements took, per second: how many connections are busy with which. One that runs for long counts while it runs.",
  asks: [{ metric: "postgresql.statement.busy", by: ["query"], top: 4 }],
  instead: { of: "postgresql.statement.busy", asks: [{ metric: "postgresql.statement.time", by: ["query"], top: 4 }] },
  missing: NO_DB,
};

export const rtt: PanelSpec = {
  id: "rtt", title: "Network round trip", layer: "network", kind: "lines", ...HOST,
  doc: "Round trips of TCP connections by peer: the 95th percentile.",
  asks: [{ metric: "tcp.rtt", aggregate: "p95", by: ["peer"], top: 5 }],
  figures: [{ label: "resent", unit: "share", ask: { metric: "tcp.segments.retransmitted", with: { operator: "divide", metric: "tcp.segments.sent" } } }],
  missing: NO_HOST,
};

export const cpu: PanelSpec = {
  id: "cpu", title: "CPU by process", layer: "os", kind: "bars", ...HOST,
  doc: "CPU time of processes, per second: how many cores are busy with which.",
  asks: [{ metric: "process.cpu.time", by: ["process", "user"], top: 6 }],
  missing: NO_HOST,
};

export const disk: PanelSpec = {
  id: "disk", title: "Disk by process", layer: "os", kind: "bars", ...HOST,
  doc: "Bytes per second that processes made disks read and write.",
  asks: [{ metric: "process.disk.io", by: ["process", "user"], top: 6 }],
  missing: "No process used a disk in this range, or the agent may not see it: its status says which right it lacks.", basis: "process.count",
};

export { HOST, LOG, NO_BROWSER, NO_DB, NO_HOST, NO_LOG, NO_ROWS };
