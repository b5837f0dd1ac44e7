/** From the description of a panel to its questions. Pure. */
import type { QuestionOf } from "../api/ask.svelte.ts";
import type { Schema } from "../api/client.ts";
import { both } from "../lib/filter.ts";
import { instant } from "../lib/format.ts";
import type { Classes } from "../lib/scope.ts";
import { quoted } from "../lib/term.ts";
import { comparedWith, type Range, stepFor, stepOf as stepNamed, stepText } from "../lib/time.ts";
import { type Ask, isRows, type MetricAsk, type RowsAsk } from "./spec.ts";

/** What panels ask. */
export type Kind = "series" | "histogram" | "quantiles";
export type Question = QuestionOf<Kind>;

/** A point is the sum of ten seconds: no bucket is narrower, in milliseconds. */
export const POINT_MS = 10_000;
/** A bar is at least so wide, in pixels. */
const BAR_PX = 4;

/** What all panels of a page are asked for. */
export interface Frame {
  range: Range;
  zone: string;
  cmp: "" | "prev" | "1d" | "7d";
  /** The page's filter on points. */
  q: string;
  /** The service that the page is about; empty for all. */
  service: string;
  /** The hosts that run it, where a service was chosen. */
  hosts: string[];
  /** From when on captured rows are medium and slow. */
  classes: Classes;
  /** The width of a bucket that was chosen, in milliseconds; 0 for what suits the width of the panel. */
  step?: number;
}

/** A width of buckets that was chosen by its words; 0 where it is none, narrower than points, or gives more than anybody could draw. */
export function chosenStep(range: Range, words: string): number {
  const step = stepNamed(words) ?? 0;
  return step >= POINT_MS && (range.to - range.from) / step <= 5000 ? step : 0;
}

/** The width of a bucket of a panel that is so many pixels wide. */
export function stepOf(range: Range, pixels: number): number {
  // Rounded, so that a scroll bar that comes and goes does not ask anew.
  return Math.max(POINT_MS, stepFor(range, Math.max(20, Math.floor(pixels / BAR_PX / 20) * 20)));
}

/**
 * The range that is asked for: from a whole bucket, so that the first one is not a part. Its end is that of a whole point: of one that
 * goes on beyond the range all would count in the part of a bucket that lies inside.
 */
export function asked(range: Range, step: number): Range {
  const from = Math.floor(range.from / step) * step;
  const to = Math.floor(range.to / POINT_MS) * POINT_MS;
  return { from, to: Math.max(to, from + POINT_MS) };
}

/** A range in whole points, so that a live page does not ask at each step. */
export function rounded(range: Range): Range {
  return { from: Math.floor(range.from / POINT_MS) * POINT_MS, to: Math.ceil(range.to / POINT_MS) * POINT_MS };
}

/** A name of a zone for the server. */
export function zoneFor(zone: string): string {
  return zone === "browser" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
}

const COMPARES: Record<Frame["cmp"], Schema<"Compare"> | null> = { "": null, prev: "previous", "1d": "yesterday", "7d": "week" };

/** A value of a term: quoted, several in parentheses, or a word. */
const VALUE = String.raw`(?:"(?:[^"\\]|\\.)*"|\((?:"(?:[^"\\]|\\.)*"|[^()"])*\)|[^\s()]+)`;

/** The term of a filter that says which hosts it is about; empty where none does. */
export function agentTerm(q: string): string {
  return new RegExp(String.raw`(?:^|\s)(agent:${VALUE})(?=\s|$)`).exec(q)?.[1] ?? "";
}

/** The terms of a filter on points that rows of exchanges know as well, and whether that is all of it. */
export function rowsFilter(q: string): { filter: string; whole: boolean } {
  const terms = q.match(new RegExp(String.raw`-?[\w.]+:${VALUE}|\S+`, "g")) ?? [];
  const kept = terms.flatMap((term) => {
    const match = /^(-?)(agent|label\.service|label\.class|label\.template):(.*)$/.exec(term);
    return match ? [`${match[1]}${match[2]!.replace("label.", "")}:${match[3]}`] : [];
  });
  return { filter: kept.join(" "), whole: kept.length === terms.length };
}

const NOBODY = "~nobody";

/** `agent:(a or b)`: points of these hosts; of none, none. */
export function hostsTerm(hosts: readonly string[]): string {
  const list = hosts.length > 0 ? hosts : [NOBODY];
  return list.length === 1 ? `agent:${quoted(list[0]!)}` : `agent:(${list.map(quoted).join(" or ")})`;
}

function narrowed(ask: MetricAsk, filter: string, frame: Frame): string {
  const own = both(filter, frame.q);
  if (frame.service === "" || ask.scope === "none") return own;
  return both(own, ask.scope === "service" ? `label.service:${quoted(frame.service)}` : hostsTerm(frame.hosts));
}

function series(ask: MetricAsk, at: Range, step: number, frame: Frame): QuestionOf<"series"> {
  const compare = COMPARES[frame.cmp];
  return {
    kind: "series", metric: ask.metric, filter: narrowed(ask, ask.filter ?? "", frame), by: ask.by ?? [], top: ask.top ?? 8,
    from: instant(at.from), to: instant(at.to), step: stepText(step), zone: zoneFor(frame.zone),
    ...(ask.aggregate ? { aggregate: ask.aggregate } : {}),
    ...(ask.with ? { with: { ...ask.with, filter: narrowed(ask, ask.with.filter ?? "", frame) } } : {}),
    ...(compare ? { compare } : {}),
  };
}

function rows(ask: RowsAsk, at: Range, step: number, frame: Frame): QuestionOf<"histogram" | "quantiles"> {
  const service = frame.service === "" ? "" : `service:${quoted(frame.service)}`;
  const scope: Schema<"Scope"> = {
    table: ask.rows, filter: both(both(ask.filter ?? "", service), rowsFilter(frame.q).filter), from: instant(at.from), to: instant(at.to),
    mode: "start", twins: false, ...frame.classes,
  };
  if (ask.quantile !== undefined) {
    return { kind: "quantiles", scope, of: ask.of ?? "duration", by: ask.by ?? null, quantiles: [ask.quantile], step: stepText(step), top: ask.top ?? 8 };
  }
  const measure = ask.measure ?? "count";
  return { kind: "histogram", scope, by: ask.by ?? "", measure, rate: measure !== "error_share", step: stepText(step), top: ask.top ?? 8 };
}

/** The questions of one ask: the range itself, and of rows that of the range that is compared with, which metrics answer in one. */
export function questions(ask: Ask, pixels: number, frame: Frame): { now: Question; before: Question | null } {
  const step = frame.step || stepOf(frame.range, pixels);
  const at = asked(frame.range, step);
  if (!isRows(ask)) return { now: series(ask, at, step, frame), before: null };
  const earlier = comparedWith(at, frame.cmp, frame.zone);
  return { now: rows(ask, at, step, frame), before: earlier && rows(ask, earlier, step, frame) };
}

/** One ask over the whole of a range as one bucket, compared with nothing. */
export function wholly(ask: MetricAsk, at: { from: string; to: string }, frame: Frame): QuestionOf<"series"> {
  const { step: _, ...rest } = series(ask, { from: 0, to: POINT_MS }, POINT_MS, { ...frame, cmp: "" });
  return { ...rest, ...at, buckets: 1 };
}

/** What is asked, apart from when: whether an answer belongs to a question though the range has moved on. */
export function gist(question: Question | null): string {
  return JSON.stringify(question, (key, value: unknown) => (key === "from" || key === "to" || key === "step" ? undefined : value));
}
