/** What a status of an agent says, in words and rates. Pure. */
import type { Schema } from "../api/client.ts";
import { duration, parseInstant } from "../lib/format.ts";

/** A shape of which the server sends every member, though who sends it to the server may leave members out. */
export type Whole<T> = T extends readonly (infer I)[] ? Whole<I>[] : T extends object ? { [K in keyof T]-?: Whole<Exclude<T[K], undefined>> } : T;

export type Agent = Whole<Schema<"AgentAnswer">>;
export type Status = Whole<Schema<"Status">>;
export type Config = Agent["config"];

/** How it is to be seen. */
export type Tone = "good" | "quiet" | "warn" | "bad";
export interface Condition {
  text: string;
  tone: Tone;
  /** Why, and what to do. */
  why: string;
}

const STATES: Record<Schema<"State">, Condition> = {
  starting: { text: "starting", tone: "quiet", why: "It has no configuration yet." },
  capturing: { text: "capturing", tone: "good", why: "" },
  stopped: { text: "stopped", tone: "quiet", why: "It was told not to capture." },
  no_right: { text: "no right", tone: "bad", why: "It may not capture on its host." },
  failed: { text: "failed", tone: "bad", why: "It tries to capture, and fails." },
};

/** How an agent is, at an instant in milliseconds. */
export function condition(agent: Agent, now: number): Condition {
  if (agent.revoked) return { text: "revoked", tone: "quiet", why: "Its key is valid no more. What it delivered stays." };
  if (!agent.last_seen) return { text: "never seen", tone: "warn", why: "Run the command that was shown when it was added on its host. Where that was lost: revoke it, and add it again." };
  if (!agent.online) {
    const silent = duration(Math.max(0, now - parseInstant(agent.last_seen)) * 1e6);
    return { text: `silent ${silent}`, tone: "bad", why: "Nothing is heard of it: its host, its process or the way to here is down. What it captures meanwhile waits in its spool." };
  }
  if (!agent.status) return STATES.starting;
  const state = STATES[agent.status.state];
  if (agent.status.state === "stopped" && over(agent.config, now)) return { ...state, why: `Its time was over at ${new Date(agent.config.until! / 1e6).toISOString().slice(0, 16).replace("T", " ")} UTC: start it again, or give its configuration another end.` };
  return { ...state, why: agent.status.why ?? state.why };
}

/** Whether it is told to capture, and the time that this was for has passed. */
export function over(config: Config, now: number): boolean {
  return config.capture && config.until !== null && config.until / 1e6 <= now;
}

/** The configuration that starts or stops capture: a time that is over would stop it at once. */
export function switched(config: Config, on: boolean, now: number): Config {
  return { ...config, capture: on, until: on && over({ ...config, capture: true }, now) ? null : config.until };
}

/** What gives way, in words. */
export const PRESSURE: Record<Schema<"Pressure">, string> = {
  none: "nothing gives way",
  body_bytes: "bodies are cut short",
  bodies: "no bodies are kept",
  large_flows: "packets of large flows are left out",
  new_flows: "new connections are left out",
};

/** A kind of loss with its number. */
export interface Loss {
  what: string;
  count: number;
  /** Unit of the count. */
  of: string;
  doc: string;
}

/** Reasons of stages that are losses; all others are decisions about what is no exchange. Names of the agent's own. */
const LOST = new Set([
  "memcap",
  "nesting_limit",
  "fragment_limit",
  "large_flow",
  "new_flow",
  "pressure",
  "queue_full",
  "process_died",
  "refused",
  "damaged",
]);

/** All that an agent lost since its start, the three kinds apart: the kernel's, its own, and what it infers. */
export function losses(status: Status): Loss[] {
  const found: Loss[] = [];
  const add = (loss: Loss) => {
    if (loss.count > 0) found.push(loss);
  };
  add({ what: "kernel", count: status.capture.kernel_drops, of: "packets", doc: "Packets that the kernel dropped since the ring was full." });
  for (const [stage, counts] of Object.entries(status.stages)) {
    for (const [reason, count] of Object.entries(counts.dropped)) {
      if (LOST.has(reason)) add({ what: reason.replaceAll("_", " "), count, of: stage, doc: `Dropped by the agent at the stage ${stage}.` });
    }
  }
  for (const [what, count] of Object.entries(status.gave_way)) {
    add({ what: what.replaceAll("_", " "), count, of: "times", doc: "Gave way under load." });
  }
  for (const [what, count] of Object.entries(status.spool.dropped)) {
    add({ what: `spool: ${what}`, count, of: "records", doc: "The spool was full: the oldest went first." });
  }
  add({ what: "not seen", count: status.capture.bytes_lost, of: "bytes", doc: "Acknowledged by the other end and never captured here." });
  return found;
}

/** Resident memory of all its processes. */
export function memory(status: Status): number {
  return status.processes.reduce((sum, process) => sum + process.memory, 0);
}

/** Change of a count per second between two statuses of one run; null where that cannot be told. */
export function perSecond(before: Status | undefined, after: Status, count: (status: Status) => number | undefined): number | null {
  if (!before || before.started !== after.started || after.sent <= before.sent) return null;
  const [then, now] = [count(before), count(after)];
  if (then === undefined || now === undefined || now < then) return null;
  return ((now - then) * 1e9) / (after.sent - before.sent);
}

/** Time between the newest packet and the moment of the status, in nanoseconds. */
export function lag(status: Status): number | null {
  return status.newest_packet === null || status.newest_packet === undefined ? null : Math.max(0, status.sent - status.newest_packet);
}

/** Whether two configurations say the same, whatever their versions. */
export function same(a: Config, b: Config): boolean {
  const plain = (config: Config) => JSON.stringify({ ...config, version: 0 }, Object.keys(config).sort().concat(keysBelow(config)));
  return plain(a) === plain(b);
}

function keysBelow(value: object): string[] {
  return Object.values(value).flatMap((inner) => (inner !== null && typeof inner === "object" ? [...Object.keys(inner as object), ...keysBelow(inner as object)] : []));
}

/** A range drawn on a strip, in shares of its width. */
export interface Piece {
  state: string;
  why: string;
  left: number;
  width: number;
  from: string;
  to: string | null;
}

/** Ranges as pieces of the time from..to (milliseconds). */
export function pieces(ranges: { state: string; why?: string | null; from: string; to?: string | null }[], from: number, to: number): Piece[] {
  return ranges.flatMap((range) => {
    const start = Math.max(from, parseInstant(range.from));
    const end = Math.min(to, range.to ? parseInstant(range.to) : to);
    if (end <= start) return [];
    return [{ state: range.state, why: range.why ?? "", left: (start - from) / (to - from), width: (end - start) / (to - from), from: range.from, to: range.to ?? null }];
  });
}

/** What a process may still do: its capabilities, or how many where nobody would read them. */
export function rights(capabilities: readonly string[]): string {
  if (capabilities.length === 0) return "no capability";
  return capabilities.length > 6 ? `${capabilities.length} capabilities, as root` : capabilities.join(" ");
}
