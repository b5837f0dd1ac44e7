/** Questions and series of a measure over time. */
import type { AnswerOf, QuestionOf } from "../../api/ask.svelte.ts";
import type { Schema } from "../../api/client.ts";
import { NOTHING, parseInstant } from "../../lib/format.ts";

export const MEASURES = ["count", "errors", "error_share", "bytes", "p50", "p95", "p99", "quantiles"] as const;
export type Measure = (typeof MEASURES)[number];
export const WORDS: Record<Measure, string> = {
  count: "calls/s", errors: "failed/s", error_share: "failed %", bytes: "bytes/s", p50: "p50", p95: "p95", p99: "p99", quantiles: "p50 to p99 of all",
};

/** A line or a layer of bars. */
export interface Trend {
  name: string;
  values: (number | null)[];
  drill: Schema<"Drill">;
}
export interface Trends {
  trends: Trend[];
  /** Milliseconds. */
  start: number;
  step: number;
  from: number;
  to: number;
  count: number;
}

export function isQuantile(measure: Measure): boolean {
  return measure.startsWith("p") || measure === "quantiles";
}
/** What can be stacked is stacked; shares and quantiles do not add up. */
export function stacks(measure: Measure): boolean {
  return measure === "count" || measure === "errors" || measure === "bytes";
}

export function histogramOf(scope: Schema<"Scope">, measure: Measure, by: string | null, buckets: number, top: number): QuestionOf<"histogram"> | null {
  if (isQuantile(measure)) return null;
  const what = measure as "count" | "errors" | "error_share" | "bytes";
  return { kind: "histogram", scope, by: by ?? "", measure: what, rate: what !== "error_share", buckets, top };
}
export function quantilesOf(scope: Schema<"Scope">, measure: Measure, by: string | null, of: string, buckets: number, top: number): QuestionOf<"quantiles"> | null {
  if (!isQuantile(measure)) return null;
  const all = measure === "quantiles";
  const quantiles = all ? [0.5, 0.95, 0.99] : [Number(measure.slice(1)) / 100];
  return { kind: "quantiles", scope, of, by: all ? null : by, quantiles, buckets, top };
}

export function trendsOfHistogram(answer: AnswerOf<"histogram">): Trends {
  return {
    trends: answer.series.filter((one) => one.total > 0).map((one) => ({
      name: one.kind === "other" ? "other" : one.key === null ? NOTHING : String(one.key), values: one.values as (number | null)[], drill: one.drill,
    })),
    start: parseInstant(answer.start), step: answer.step_ns / 1e6, from: parseInstant(answer.from), to: parseInstant(answer.to), count: answer.count,
  };
}
export function trendsOfQuantiles(answer: AnswerOf<"quantiles">, range: { from: number; to: number }): Trends {
  const single = answer.quantiles.length === 1;
  return {
    trends: answer.series.flatMap((one) => answer.quantiles.map((share, at) => ({
      name: single ? (one.key === null ? (answer.series.length > 1 ? NOTHING : `p${share * 100}`) : String(one.key)) : `p${share * 100}`,
      values: one.values[at] ?? [], drill: one.drill,
    }))),
    start: parseInstant(answer.start), step: answer.step_ns / 1e6, ...range, count: answer.count,
  };
}
