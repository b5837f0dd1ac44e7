/** What the system tells of itself, as its pages show it. Pure. */
import type { Schema } from "../api/client.ts";
import type { Agent, Status } from "../agents/figures.ts";
import { condition, losses } from "../agents/figures.ts";
import { bytes, count, exact } from "../lib/format.ts";

/** A line of Prometheus' text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Reads the text; lines that are none are left out. */
export function samples(text: string): Sample[] {
  return text.split("\n").flatMap((line) => {
    const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([-+.0-9eE]+|\+Inf|NaN)$/.exec(line);
    if (!match) return [];
    const labels = Object.fromEntries([...(match[2] ?? "").matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)].map(([, name, value]) => [name!, value!.replace(/\\(.)/g, "$1")]));
    return [{ name: match[1]!, labels, value: Number(match[3]!.replace("+Inf", "Infinity")) }];
  });
}

/** A route of the API since the start of the server. */
export interface RouteFacts {
  route: string;
  method: string;
  count: number;
  /** Answers with a status of 500 and above, and of 4xx. */
  failed: number;
  refused: number;
  /** Nanoseconds; of quantiles the upper bound of the bucket that they fall into, null where that has none. */
  mean: number | null;
  p50: number | null;
  p95: number | null;
}

/** The smallest bound (in seconds) below which a share of all lies, in nanoseconds; null where it is above all bounds, or there is none. */
export function bound(buckets: readonly { le: number; count: number }[], share: number): number | null {
  const sorted = [...buckets].sort((a, b) => a.le - b.le);
  const all = sorted.at(-1)?.count ?? 0;
  if (all === 0) return null;
  const found = sorted.find((bucket) => bucket.count >= all * share);
  return found && Number.isFinite(found.le) ? found.le * 1e9 : null;
}

/** Routes, the slowest in all first. */
export function routesOf(all: readonly Sample[]): RouteFacts[] {
  const prefix = "arachne_http_request_duration_seconds";
  const routes = new Map<string, { route: string; method: string; count: number; sum: number; failed: number; refused: number; buckets: { le: number; count: number }[] }>();
  for (const { name, labels, value } of all) {
    if (!name.startsWith(prefix) && name !== "arachne_http_requests_total") continue;
    const { route = "", method = "" } = labels;
    const key = `${method} ${route}`;
    const entry = routes.get(key) ?? { route, method, count: 0, sum: 0, failed: 0, refused: 0, buckets: [] };
    if (name === `${prefix}_bucket`) entry.buckets.push({ le: labels["le"] === "+Inf" ? Infinity : Number(labels["le"]), count: value });
    else if (name === `${prefix}_sum`) entry.sum += value;
    else if (name === `${prefix}_count`) entry.count += value;
    else if (name === "arachne_http_requests_total" && labels["status"]?.startsWith("5")) entry.failed += value;
    else if (name === "arachne_http_requests_total" && labels["status"]?.startsWith("4")) entry.refused += value;
    routes.set(key, entry);
  }
  return [...routes.values()].sort((a, b) => b.sum - a.sum).map(({ route, method, count: calls, sum, failed, refused, buckets }) => ({
    route, method, count: calls, failed, refused, mean: calls > 0 ? (sum / calls) * 1e9 : null, p50: bound(buckets, 0.5), p95: bound(buckets, 0.95),
  }));
}

/** All routes together, in the same figures; null before the first answer. */
export function overall(all: readonly Sample[]): RouteFacts | null {
  const merged = new Map<string, Sample>();
  for (const { name, labels, value } of all) {
    const { route: _, method: __, ...rest } = labels;
    const key = `${name} ${JSON.stringify(rest)}`;
    merged.set(key, { name, labels: rest, value: (merged.get(key)?.value ?? 0) + value });
  }
  return routesOf([...merged.values()])[0] ?? null;
}

/** A value without labels; null where there is none. */
export function single(all: readonly Sample[], name: string): number | null {
  return all.find((sample) => sample.name === name)?.value ?? null;
}

/** What the server logged from WARN up, by code, the most first. */
export function logged(all: readonly Sample[]): { code: string; times: number }[] {
  return all.filter((sample) => sample.name === "log_events_total" && sample.value > 0)
    .map(({ labels, value }) => ({ code: labels["code"] ?? "", times: value })).sort((a, b) => b.times - a.times || a.code.localeCompare(b.code));
}

/** How long calls of this page took, as the browser measured it: by route, in nanoseconds. */
export interface Called {
  route: string;
  count: number;
  p50: number;
  p95: number;
}

/** From what the browser recorded: names are addresses, durations milliseconds. */
export function calledOf(entries: readonly { name: string; duration: number }[]): Called[] {
  const routes = new Map<string, number[]>();
  for (const { name, duration } of entries) {
    const path = /^https?:\/\/[^/]+(\/api\/[^?]*)/.exec(name)?.[1];
    // Ids are not told apart.
    const route = path?.replace(/(\/(?:exchanges|sessions|agents|operations|links|views|queries)\/)[^/]+/, "$1{id}");
    if (route) routes.set(route, [...(routes.get(route) ?? []), duration]);
  }
  const at = (sorted: number[], share: number) => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]! * 1e6;
  return [...routes].map(([route, times]) => {
    const sorted = [...times].sort((a, b) => a - b);
    return { route, count: sorted.length, p50: at(sorted, 0.5), p95: at(sorted, 0.95) };
  }).sort((a, b) => b.count - a.count);
}

/** Something that is as it should be, or not and what to do. */
export interface Check {
  name: string;
  tone: "good" | "warn" | "bad";
  says: string;
  /** Where it stands in full: a part of this page, or another page. */
  leads: "stores" | "queues" | "breakers" | "parsing" | "agents" | "";
}

type Facts = Schema<"StoreAnswer">;

/** Judges all that is known; what cannot be known yet is left out. */
export function checks(facts: Facts | null, configuration: Schema<"ConfigurationAnswer"> | null, agents: readonly Agent[] | null, all: readonly Sample[], now: number): Check[] {
  const out: Check[] = [];
  const say = (name: string, bad: string, good: string, leads: Check["leads"], tone: "warn" | "bad" = "bad") => out.push({ name, tone: bad === "" ? "good" : tone, says: bad || good, leads });
  if (configuration) say("Configuration", configuration.in_force ? "" : `The file is not in force: ${configuration.refused ?? "it cannot be read"}. The one before still is.`, "in force", "");
  if (facts) {
    const failing = all.find((sample) => sample.name === "arachne_store_failing")?.value === 1;
    say("Writing", facts.full ? "The disk is full: free some room, or let retention keep less." : failing ? "The store cannot write; the log of the server tells why." : "", "rows become durable", "stores");
    const lost = facts.tables.reduce((sum, table) => sum + table.lost_rows, 0);
    say("Damage", facts.damages + facts.quarantined + lost > 0 ? `${exact(facts.damages)} damages were found, ${exact(facts.quarantined)} files set aside, ${exact(lost)} rows lost; the log of the server names them.` : "", "none found", "stores");
    const refused = Object.values(facts.delivered.refused).reduce((sum, number) => sum + number, 0);
    say("Deliveries", refused > 0 ? `${exact(refused)} batches were refused: ${Object.keys(facts.delivered.refused).join(", ")}.` : "", `${count(facts.delivered.batches)} batches, ${count(facts.delivered.rows)} rows taken`, "queues", "warn");
  }
  if (agents) {
    const own = agents.filter((agent) => !agent.revoked);
    const ill = own.filter((agent) => condition(agent, now).tone === "bad");
    say("Agents", own.length === 0 ? "There is none: nothing is measured or captured live." : ill.length > 0 ? `${exact(ill.length)} of ${exact(own.length)} need attention: ${ill.map((agent) => agent.name).slice(0, 5).join(", ")}.` : "", `${exact(own.length)} of ${exact(own.length)} well`, "agents", own.length === 0 ? "warn" : "bad");
    const statuses = own.flatMap((agent) => (agent.status ? [{ name: agent.name, status: agent.status }] : []));
    const losing = statuses.filter(({ status }) => losses(status).some((loss) => loss.of === "packets" || loss.of === "records"));
    say("Losses", losing.length > 0 ? `Packets or records were given up on ${losing.map(({ name }) => name).slice(0, 5).join(", ")}.` : "", "nothing given up since the agents began", "parsing", "warn");
    const open = statuses.flatMap(({ name, status }) => breakersOf(name, status)).filter((breaker) => breaker.state !== "closed");
    say("Breakers", open.length > 0 ? `${open.map((breaker) => `${breaker.from} to ${breaker.to}`).slice(0, 5).join(", ")} ${open.length === 1 ? "is" : "are"} not closed.` : "", "all closed", "breakers");
    const waiting = statuses.filter(({ status }) => status.spool.backlog_batches > 0);
    say("Queues", waiting.length > 0 ? `${waiting.map(({ name, status }) => `${name} ${bytes(status.spool.bytes)}`).slice(0, 5).join(", ")} wait to be delivered.` : "", "nothing waits", "queues", "warn");
    const collectors = statuses.flatMap(({ name, status }) => status.collectors.map((one) => ({ one, on: `${one.name} on ${name}` })));
    const failing = collectors.filter(({ one }) => one.error).map(({ on }) => on);
    const lacking = collectors.flatMap(({ one, on }) => one.missing.map((lack) => `${on}: ${lack.what} (${lack.why})`));
    const silent = failing.length > 0 ? `${failing.slice(0, 5).join(", ")} cannot read.` : "";
    const partial = lacking.length > 0 ? `${exact(lacking.length)} ${lacking.length === 1 ? "thing is" : "things are"} missing, each with what to do about it: ${lacking[0]}${lacking.length > 1 ? ", …" : ""}.` : "";
    say("Collectors", [silent, partial].filter(Boolean).join(" "), "all read", "parsing", "warn");
  }
  return out;
}

/** A way from one part to another that gives up for a while when it fails. */
export interface BreakerRow {
  from: string;
  to: string;
  state: string;
  opened: number;
  calls: number;
  failures: number;
  share: number;
  latency: number | null;
  error: string | null;
}

export function breakersOf(name: string, status: Status): BreakerRow[] {
  return [status.delivery, ...status.breakers].map((way) => ({
    from: name, to: way.name, state: way.state, opened: way.opened, calls: way.calls, failures: way.failures,
    share: way.error_share, latency: way.latency_ns ?? null, error: way.error ?? null,
  }));
}

/** Stages of all agents together: what came in, left, was dropped, and is inside. */
export interface StageRow {
  stage: string;
  input: number;
  output: number;
  inside: number;
  dropped: [string, number][];
  /** In less out, dropped and inside: nothing vanishes, so it is 0. */
  unaccounted: number;
}

export function stagesOf(statuses: readonly Status[]): StageRow[] {
  const stages = new Map<string, { input: number; output: number; inside: number; dropped: Map<string, number> }>();
  for (const status of statuses) {
    for (const [name, stage] of Object.entries(status.stages)) {
      const sum = stages.get(name) ?? { input: 0, output: 0, inside: 0, dropped: new Map<string, number>() };
      sum.input += stage.input;
      sum.output += stage.output;
      sum.inside += stage.in_flight;
      for (const [reason, number] of Object.entries(stage.dropped)) sum.dropped.set(reason, (sum.dropped.get(reason) ?? 0) + number);
      stages.set(name, sum);
    }
  }
  return [...stages].map(([stage, { input, output, inside, dropped }]) => {
    const list = [...dropped].filter(([, number]) => number > 0).sort((a, b) => b[1] - a[1]);
    return { stage, input, output, inside, dropped: list, unaccounted: input - output - inside - list.reduce((sum, [, number]) => sum + number, 0) };
  }).sort((a, b) => b.input - a.input);
}
