/** What is red, where and since when: times in which much of what a service was asked failed. Pure. */
import type { AnswerOf } from "../api/ask.svelte.ts";
import type { Schema } from "../api/client.ts";
import { parseInstant } from "../lib/format.ts";
import type { Range } from "../lib/time.ts";
import { LIMITS } from "./health.ts";

/** From which share of failures on a bucket is red, as the grid of layers and services has it. */
export const RED = LIMITS.errors[2];
/** Fewer failures are no incident: one of three requests is a third. */
const ERRORS_MIN = 5;
/** So many buckets that are not red may lie inside of one, or between it and now. */
const PAUSE = 2;

/** What was asked and what failed of a service, by bucket. */
export interface Counted {
  name: string;
  all: (number | null)[];
  errors: (number | null)[];
  /** What lists the failures; exact where they are captured rows. */
  drill: Schema<"Drill">;
}

/** A time in which a service failed. */
export interface Incident extends Range {
  name: string;
  errors: number;
  /** Of all in that time, 0 to 1. */
  share: number;
  /** Whether it lasts until the end of the range. */
  lasts: boolean;
  drill: Schema<"Drill">;
}

/** Where buckets are: bucket `n` begins at `start + n * step`, in milliseconds; the range is `[from, to)`. */
export interface Place extends Range {
  start: number;
  step: number;
  count: number;
}

/** Incidents: those that last first, then by how many failed. */
export function incidents(services: readonly Counted[], place: Place): Incident[] {
  return services.flatMap((one) => spans(one, place.count).map(({ first, last }) => {
    const sum = (values: readonly (number | null)[]) => values.slice(first, last + 1).reduce<number>((total, value) => total + (value ?? 0), 0);
    const [errors, all] = [sum(one.errors), sum(one.all)];
    return {
      name: one.name, errors, share: all > 0 ? Math.min(1, errors / all) : 1, lasts: last >= place.count - 1 - PAUSE, drill: one.drill,
      from: Math.max(place.start + first * place.step, place.from), to: Math.min(place.start + (last + 1) * place.step, place.to),
    };
  })).filter((one) => one.errors >= ERRORS_MIN && one.from < one.to).sort((a, b) => Number(b.lasts) - Number(a.lasts) || b.errors - a.errors);
}

/** Runs of red buckets, across short pauses. */
function spans(of: Counted, count: number): { first: number; last: number }[] {
  const out: { first: number; last: number }[] = [];
  for (let at = 0; at < count; at += 1) {
    const [errors, all] = [of.errors[at] ?? 0, of.all[at] ?? 0];
    if (errors <= 0 || errors < all * RED) continue;
    const before = out.at(-1);
    if (before && at - before.last <= PAUSE + 1) before.last = at;
    else out.push({ first: at, last: at });
  }
  return out;
}

/** Services from captured rows: all of them by service, and those that failed. */
export function ofRows(all: AnswerOf<"histogram">, failed: AnswerOf<"histogram">): Counted[] {
  const asked = new Map(all.series.map((one) => [String(one.key), one.values]));
  return failed.series.flatMap((one) => (one.kind === "value" && one.key !== null && one.total > 0
    ? [{ name: String(one.key), errors: one.values, all: asked.get(String(one.key)) ?? one.values, drill: one.drill }] : []));
}

/** Services from access logs: requests by service and class. */
export function ofLogs(answer: AnswerOf<"series">): Counted[] {
  const services = new Map<string, Counted>();
  for (const one of answer.series) {
    if (one.kind !== "value") continue;
    const name = String(one.key[0] ?? "");
    const entry = services.get(name) ?? { name, all: Array.from<number>({ length: answer.count }).fill(0), errors: [], drill: one.drill };
    one.values.forEach((value, at) => (entry.all[at] = (entry.all[at] ?? 0) + (value ?? 0)));
    if (one.key[1] === "error") Object.assign(entry, { errors: one.values, drill: one.drill });
    services.set(name, entry);
  }
  return [...services.values()].filter((one) => one.name !== "" && one.errors.length > 0);
}

/** Where the buckets of an answer are. */
export function placeOf(answer: { start: string; step_ns: number; count: number; from: string; to: string }): Place {
  return { start: parseInstant(answer.start), step: answer.step_ns / 1e6, count: answer.count, from: parseInstant(answer.from), to: parseInstant(answer.to) };
}
