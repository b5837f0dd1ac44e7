/** The questions behind the heatmap: the shortest and the longest, then a histogram for each band, all in one request. */
import { again, ask, type Asked, type QuestionOf } from "../../api/ask.svelte.ts";
import { bands, type Heat, heat } from "../../chart/heatmap.ts";
import { parseInstant } from "../../lib/format.ts";
import { both, page } from "../../lib/page.svelte.ts";
import { listed } from "../../lib/scope.ts";
import { boxFilter } from "./box.ts";

/** One question a band. */
const BANDS = 24;

/** What is drawn; times in milliseconds, edges in nanoseconds. */
export interface HeatPicture {
  map: Heat;
  edges: number[];
  start: number;
  step: number;
  from: number;
  to: number;
}

export class HeatQuestions {
  /** Pixels that the picture has: buckets follow. */
  wide = $state(0);
  ends: Asked<"quantiles">;
  /** The same of calls that took any time at all. */
  lasting: Asked<"quantiles">;
  rows: Asked<"histogram">[];
  #shown: () => boolean;
  #buckets = $derived(Math.max(20, Math.min(160, Math.floor(this.wide / 8 / 20) * 20)));
  #edges: number[] = $derived.by(() => {
    const all = this.ends.answer?.series[0]?.values;
    const some = this.lasting.answer?.series[0]?.values;
    const least = all?.[0]?.[0];
    if (typeof least !== "number") return [];
    const [low, high] = [some?.[0]?.[0], some?.[1]?.[0]];
    if (typeof low !== "number" || typeof high !== "number") return [0, 1];
    // Quantiles are near, not exact: a little room on both sides keeps the shortest and the longest inside. Calls that took no
    // time, such as those without an answer, have a band of their own at the bottom.
    const edges = bands(Math.max(1, low * 0.98), high * 1.02, BANDS - 1);
    return least === 0 ? [0, ...edges] : edges;
  });
  /** Once all bands have answered about the same. */
  picture: HeatPicture | null = $derived.by(() => {
    const edges = this.#edges;
    const answers = this.rows.slice(0, Math.max(0, edges.length - 1)).map((row) => row.answer);
    const first = answers[0];
    if (!first || answers.some((answer) => !answer || answer.step_ns !== first.step_ns || answer.start !== first.start)) return null;
    const all = answers as NonNullable<(typeof answers)[number]>[];
    const sum = (series: (typeof first)["series"]) => Array.from({ length: first.count }, (_, at) => series.reduce((total, one) => total + Number(one.values[at] ?? 0), 0));
    return {
      map: heat(all.map((answer) => sum(answer.series)), all.map((answer) => sum(answer.series.filter((one) => one.key === "error"))), first.count),
      edges, start: parseInstant(first.start), step: first.step_ns / 1e6, from: parseInstant(first.from), to: parseInstant(first.to),
    };
  });
  all: (Asked<"quantiles"> | Asked<"histogram">)[];

  /** Call it while a component is set up. */
  constructor(shown: () => boolean) {
    this.#shown = shown;
    this.ends = ask(() => this.#endsOf(""));
    this.lasting = ask(() => this.#endsOf("duration:>0"));
    this.rows = Array.from({ length: BANDS }, (_, at) => ask(() => this.#band(at)));
    this.all = [this.ends, this.lasting, ...this.rows];
  }

  again(): void {
    for (const [asked, term] of [[this.ends, ""], [this.lasting, "duration:>0"]] as const) {
      const question = this.#endsOf(term);
      if (question) again(asked, question);
    }
    this.rows.forEach((row, at) => {
      const question = this.#band(at);
      if (question) again(row, question);
    });
  }

  #endsOf(term: string): QuestionOf<"quantiles"> | null {
    if (!this.#shown()) return null;
    const scope = listed();
    return { kind: "quantiles", scope: { ...scope, filter: both(scope.filter ?? "", term) }, of: "duration", quantiles: [0, 1], buckets: 1, top: 1 };
  }

  #band(at: number): QuestionOf<"histogram"> | null {
    const [low, high] = [this.#edges[at], this.#edges[at + 1]];
    if (!this.#shown() || low === undefined || high === undefined || this.wide === 0) return null;
    // Each call once, where it began: sums over a box are what its list holds.
    const scope = { ...listed(), mode: "start" as const };
    return {
      kind: "histogram", scope: { ...scope, filter: both(scope.filter ?? "", boxFilter(low, high)) }, buckets: this.#buckets,
      by: page.state.view === "http" ? "class" : "", measure: "count", rate: false, top: 10,
    };
  }
}
