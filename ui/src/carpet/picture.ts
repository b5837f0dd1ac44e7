/** From the answers of a panel's questions to what is drawn. Pure. */
import type { AnswerOf } from "../api/ask.svelte.ts";
import type { Schema } from "../api/client.ts";
import { CLASSES, type ColorName, paint } from "../lib/palette.ts";
import { both } from "../lib/filter.ts";
import { NOTHING, parseInstant } from "../lib/format.ts";
import type { Range } from "../lib/time.ts";
import type { Kind } from "./questions.ts";
import { unitOf } from "./figures.ts";
import { type Ask, isRows, type PanelSpec, type Unit } from "./spec.ts";

export type Answer = AnswerOf<Kind>;

/** One line, or one colour of the bars. */
export interface Layer {
  name: string;
  color: ColorName;
  hatched: boolean;
  values: (number | null)[];
  /** Over the whole range. */
  total: number | null;
  /** At the same time of the range that is compared with. */
  before: (number | null)[] | null;
  beforeTotal: number | null;
  drill: Schema<"Drill">;
  /** The metric that it is of; empty where rows are counted. */
  metric: string;
  /** The labels that it stands for, by name; empty of all others together. */
  labels: Record<string, string>;
  /** Whether values count rows or lines, so that a click can say how many there were. */
  counts: boolean;
  /** Of rows by a quantile: the number and its value, from which on rows are listed. */
  from: string | null;
}

/** What a panel draws. Bucket `n` is `[start + n * step, start + (n + 1) * step)` in milliseconds, cut to `[from, to)`. */
export interface Picture {
  start: number;
  step: number;
  count: number;
  from: number;
  to: number;
  unit: Unit;
  /** From the bottom up. */
  layers: Layer[];
  /** 1 where nothing was measured. */
  gaps: Uint8Array;
  /** Whether the last bucket ends behind what was asked for: it will still grow. */
  partial: boolean;
  /** Whether there was a point at all. */
  any: boolean;
}

/** An ask with its answers. */
export interface Answered {
  ask: Ask;
  now: Answer;
  before: Answer | null;
  /** Of rows: the filter that they were asked by, which the drill of an answer is relative to. */
  filter?: string;
}

const ORDERS: Record<string, readonly string[]> = {
  class: ["fast", "medium", "slow", "unknown", "untimed", "open", "upgrade", "bot", "limited", "error"],
  rating: ["good", "fair", "poor"],
  level: ["trace", "debug", "info", "unknown", "warn", "error", "fatal"],
};
const MEANINGS: Record<string, Record<string, ColorName>> = {
  rating: { good: "fast", fair: "medium", poor: "error" },
  level: { unknown: "other", trace: "other", debug: "other", info: "fast", warn: "slow", error: "error", fatal: "error" },
  outcome: { success: "fast", counted: "fast", bot: "other", refused: "client-error", failed: "error", unanswered: "error", open: "open" },
};

/** The colours of names: of meaning where the field has them, else by name, so that a name keeps its colour over panels. */
export function tints(field: string, names: string[]): ColorName[] {
  const meant = MEANINGS[field];
  // What has no meaning here has a colour by its name.
  const painted = paint(field, names);
  return names.map((name, at) => meant?.[name] ?? painted[at]!);
}

/** Whether a name is trouble: drawn hatched and on top, the second channel beside colour. */
export function isTrouble(field: string, name: string): boolean {
  if (field === "status") return name.startsWith("5") || name.startsWith("0");
  return ((field === "class" || field === "level") && (name === "error" || name === "fatal")) || (field === "rating" && name === "poor");
}

/** Puts answers together; the first of them says when, all were asked for the same buckets. Null without answers. */
export function picture(spec: PanelSpec, answers: readonly Answered[], beaten: ((from: number, to: number) => boolean | null) | null): Picture | null {
  const first = answers[0]?.now;
  if (!first) return null;
  const step = first.step_ns / 1e6;
  const start = parseInstant(first.start);
  const end = "from" in first ? { from: parseInstant(first.from), to: parseInstant(first.to) } : { from: start, to: start + first.count * step };
  let unit: Unit = spec.unit ?? "count";
  let any = false;
  const layers: Layer[] = [];
  for (const one of answers) {
    const made = layersOf(one, spec);
    if (made.layers.length === 0) continue;
    any = true;
    unit = made.unit;
    layers.push(...made.layers);
  }
  const field = spec.paint ?? fieldOf(answers[0]!.ask);
  order(layers, field);
  const names = tints(field, layers.map((layer) => layer.name));
  layers.forEach((layer, at) => {
    layer.color = layer.name === OTHERS || layer.name.startsWith("~") ? "other" : names[at]!;
    layer.hatched = isTrouble(field, layer.name);
  });
  const gaps = Uint8Array.from({ length: first.count }, (_, at) => {
    const from = start + at * step;
    const known = beaten?.(from, Math.min(from + step, end.to)) ?? null;
    // A log may tell of a time before anybody measured: what has a value is no gap.
    return known === true || layers.some((layer) => (layer.values[at] ?? null) !== null) ? 0 : 1;
  });
  return { start, step, count: first.count, ...end, unit, layers, gaps, partial: start + first.count * step > end.to, any };
}

/** What all series beyond the top are called. */
export const OTHERS = "all others";

function fieldOf(ask: Ask): string {
  const by = isRows(ask) ? ask.by : ask.by?.[0];
  // One series that is a class by its name, such as all errors.
  return by ?? (ask.label !== undefined && ORDERS["class"]!.includes(ask.label) ? "class" : "");
}

function order(layers: Layer[], field: string): void {
  const places = ORDERS[field] ?? (field === "class" ? CLASSES : null);
  if (places) {
    const place = (name: string) => (places.includes(name) ? places.indexOf(name) : places.length / 2);
    layers.sort((a, b) => place(a.name) - place(b.name));
  } else if (field === "status") {
    layers.sort((a, b) => (Number(a.name) || 0) - (Number(b.name) || 0));
  } else {
    // All others lie on top of those that have names.
    layers.sort((a, b) => Number(a.name === OTHERS) - Number(b.name === OTHERS));
  }
}

function layersOf({ ask, now, before, filter = "" }: Answered, spec: PanelSpec): { layers: Layer[]; unit: Unit } {
  if (now.kind === "series") return ofMetric(now, ask, spec);
  const made = now.kind === "histogram" ? ofRows(now, before, ask, spec) : ofQuantiles(now, before, ask, spec);
  for (const layer of made.layers) layer.drill = { ...layer.drill, filter: both(filter, layer.drill.filter) };
  return made;
}

function ofMetric(answer: AnswerOf<"series">, ask: Ask, spec: PanelSpec): { layers: Layer[]; unit: Unit } {
  const { unit, scale } = unitOf(answer.unit, spec.unit);
  const scaled = (value: number | null | undefined) => (value === null || value === undefined ? null : value * scale);
  const rows = scale === 1 ? (values: readonly (number | null)[]) => values as (number | null)[] : (values: readonly (number | null)[]) => values.map(scaled);
  const by = (isRows(ask) ? [] : ask.by) ?? [];
  const counts = answer.unit.replace(/\/s$/, "") === "1" && (answer.aggregate === "rate" || answer.aggregate === "sum" || answer.aggregate === "count");
  const layers = answer.series.map((one): Layer => ({
    name: one.kind === "other" ? OTHERS : nameOf(one.key, ask.label ?? answer.aggregate),
    color: "other", hatched: false, values: rows(one.values), total: scaled(one.total),
    before: one.compared ? rows(one.compared) : null, beforeTotal: scaled(one.compared_total),
    drill: one.drill, metric: isRows(ask) ? "" : ask.metric, labels: one.kind === "other" ? {} : Object.fromEntries(by.map((label, at) => [label, String(one.key[at] ?? "")])),
    counts: counts && !(!isRows(ask) && ask.with), from: null,
  }));
  return { layers, unit };
}

/** The values of its labels; those that are none or nothing beside others are left out. */
function nameOf(key: readonly unknown[], alone: string): string {
  const parts = key.filter((part) => part !== null && part !== "").map(String);
  if (parts.length === 0) return key.length === 0 ? alone : NOTHING;
  // `postgres · postgres`: a process and its user by the same name are said once.
  return parts.filter((part, at) => parts.indexOf(part) === at).join(" · ");
}

function ofRows(answer: AnswerOf<"histogram">, before: Answer | null, ask: Ask, spec: PanelSpec): { layers: Layer[]; unit: Unit } {
  const measure = isRows(ask) ? (ask.measure ?? "count") : "count";
  const unit: Unit = spec.unit ?? (measure === "bytes" ? "bytes/s" : measure === "error_share" ? "share" : "rate");
  const seconds = (parseInstant(answer.to) - parseInstant(answer.from)) / 1000;
  const was = before?.kind === "histogram" ? before : null;
  const layers = answer.series.filter((one) => one.total > 0).map((one): Layer => {
    const earlier = was?.series.find((other) => other.kind === one.kind && other.key === one.key);
    const rows = measure === "count" || measure === "errors";
    return {
      name: one.kind === "other" ? OTHERS : one.key === null ? (ask.label ?? (isRows(ask) && ask.by ? "none" : "all")) : String(one.key), color: "other", hatched: false,
      values: one.values as (number | null)[], total: rows ? one.total / seconds : meanOf(one.values),
      before: was ? ((earlier?.values as (number | null)[] | undefined) ?? Array.from({ length: was.count }, () => 0)) : null,
      beforeTotal: was ? (rows ? (earlier?.total ?? 0) / seconds : meanOf(earlier?.values ?? [])) : null,
      drill: one.drill, metric: "", labels: isRows(ask) && ask.by && one.kind === "value" ? { [ask.by]: String(one.key) } : {}, counts: rows, from: null,
    };
  });
  return { layers, unit };
}

function ofQuantiles(answer: AnswerOf<"quantiles">, before: Answer | null, ask: Ask, spec: PanelSpec): { layers: Layer[]; unit: Unit } {
  const was = before?.kind === "quantiles" ? before : null;
  const number = isRows(ask) ? (ask.of ?? "duration") : "duration";
  const layers = answer.series.filter((one) => one.total > 0).map((one): Layer => {
    const earlier = was?.series.find((other) => other.key === one.key)?.values[0] ?? null;
    const values = one.values[0] ?? [];
    return {
      name: one.key === null ? (ask.label ?? `p${answer.quantiles[0]! * 100}`) : String(one.key), color: "other", hatched: false,
      values, total: largest(values), before: earlier, beforeTotal: earlier && largest(earlier), drill: one.drill, metric: "",
      labels: isRows(ask) && ask.by && one.key !== null ? { [ask.by]: String(one.key) } : {}, counts: false, from: number,
    };
  });
  return { layers, unit: spec.unit ?? (answer.unit === "duration" ? "time" : answer.unit === "size" ? "bytes" : "count") };
}

/** Quantiles do not add up: over a range its worst bucket speaks for it. */
function largest(values: readonly (number | null)[]): number | null {
  let most: number | null = null;
  for (const value of values) if (value !== null && (most === null || value > most)) most = value;
  return most;
}

function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** Whether layers are parts of a whole, so that their sum says something. */
export function addsUp(spec: PanelSpec): boolean {
  return spec.kind !== "lines" && !spec.note;
}

/** The figure of a picture: in a bucket, or over the whole range. Of lines, and of percentiles, that of the first one. */
export function figure(of: Picture, spec: PanelSpec, bucket: number | null): number | null {
  if (!addsUp(spec)) {
    const first = of.layers[0];
    return !first ? null : bucket === null ? first.total : (first.values[bucket] ?? null);
  }
  let sum: number | null = null;
  for (const layer of of.layers) {
    const value = bucket === null ? layer.total : (layer.values[bucket] ?? null);
    if (value !== null) sum = (sum ?? 0) + value;
  }
  if (sum === null && bucket !== null && of.gaps[bucket] === 0) return 0;
  return sum;
}

/** The same over the range that is compared with; null where there is none. */
export function figureBefore(of: Picture, spec: PanelSpec): number | null {
  if (!addsUp(spec)) return of.layers[0]?.beforeTotal ?? null;
  let sum: number | null = null;
  for (const layer of of.layers) if (layer.beforeTotal !== null) sum = (sum ?? 0) + layer.beforeTotal;
  return sum;
}

/** Lines over a picture for the range that is compared with: of bars their whole, of lines each. */
export function ghosts(of: Picture, spec: PanelSpec): { values: (number | null)[]; color: ColorName }[] {
  const compared = of.layers.filter((layer) => layer.before !== null);
  if (compared.length === 0) return [];
  if (!addsUp(spec)) return compared.slice(0, 3).map((layer) => ({ values: layer.before!, color: layer.color }));
  const values = Array.from({ length: of.count }, (_, at) => {
    let sum: number | null = null;
    for (const layer of compared) {
      const value = layer.before![at] ?? null;
      if (value !== null) sum = (sum ?? 0) + value;
    }
    return sum;
  });
  return [{ values, color: "text" }];
}

/** The bucket at an instant; null outside. */
export function bucketOf(of: Picture, at: number): number | null {
  const bucket = Math.floor((at - of.start) / of.step);
  return bucket >= 0 && bucket < of.count ? bucket : null;
}

/** What a bucket covers, cut to what was asked for. */
export function spanOf(of: Picture, bucket: number): Range {
  const from = of.start + bucket * of.step;
  return { from: Math.max(from, of.from), to: Math.min(from + of.step, of.to) };
}
