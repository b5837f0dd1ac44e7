/** What all panels of a page have in common: the range, where the pointer is, and when anything was measured at all. */
import { ask, type Asked } from "../api/ask.svelte.ts";
import { instant, parseInstant } from "../lib/format.ts";
import { page } from "../lib/page.svelte.ts";
import type { Range } from "../lib/time.ts";
import { agentTerm, asked, chosenStep, type Frame, hostsTerm, rounded, stepOf, zoneFor } from "./questions.ts";
import type { Beside } from "./drill.ts";
import { classes } from "../lib/scope.ts";
import { stepText } from "../lib/time.ts";
import { both } from "../lib/filter.ts";
import { store } from "../lib/store.svelte.ts";
import { isRows, type PanelSpec } from "./spec.ts";

/** So many hosts are told apart. */
const HOSTS_MAX = 100;

/** Whether points of a metric name the service that they are of. */
const named = (metric: string) => metric.startsWith("access.");

class Board {
  /** The instant under the pointer, in whichever panel. */
  at: number | null = $state(null);
  /** The panel under the pointer. */
  over = $state("");
  /** A brush that is being drawn. */
  drawn: Range | null = $state.raw(null);
  /** In which panel the brush was drawn: its bar stands there. */
  brushed = $state("");
  /** The service that the page is about, and the hosts that run it. */
  service = $state("");
  hosts: string[] = $state.raw([]);
  /** Points of metrics that are there whenever something is measured, by metric. */
  beats: Record<string, Asked<"series">> = $state.raw({});

  /** Who captured anything in the range. */
  capture: Asked<"facets"> | null = $state.raw(null);

  /** What panels are asked for. */
  frame: Frame = $derived({
    range: page.range, zone: page.zone, cmp: page.state.cmp, q: page.state.q, service: this.service, hosts: this.hosts, classes: classes(),
    step: chosenStep(page.range, page.state.opt["step"] ?? ""),
  });

  /** Whether a metric had a point in a span; null while nobody knows. */
  beaten(metric: string): ((from: number, to: number) => boolean | null) | null {
    const answer = this.beats[metric]?.answer;
    if (!answer) return null;
    const values = Array.from({ length: answer.count }, (_, at) => answer.series.some((one) => (one.values[at] ?? null) !== null));
    const [start, step] = [parseInstant(answer.start), answer.step_ns / 1e6];
    return (from, to) => {
      const [first, last] = [Math.max(0, Math.floor((from - start) / step)), Math.min(values.length, Math.ceil((to - start) / step))];
      if (first >= last) return null;
      for (let at = first; at < last; at += 1) if (values[at]) return true;
      return false;
    };
  }

  /** Whether a metric has any point in the range; null while nobody knows. */
  has(metric: string): boolean | null {
    const answer = this.beats[metric]?.answer;
    return answer ? answer.metric_kind !== "" : null;
  }

  /** The hosts that measured it in the range; null while nobody knows, or where they are too many to be named. */
  hostsOf(metric: string): string[] | null {
    const series = this.beats[metric]?.answer?.series;
    if (!series || series.some((one) => one.kind !== "value")) return null;
    return [...new Set(series.map((one) => String(one.key[0])))];
  }

  /** Who measured or captured anything in the range, registered here or not: data may have been imported. */
  get agents(): string[] {
    const measured = Object.keys(this.beats).filter((metric) => !metric.startsWith("browser.")).flatMap((metric) => this.hostsOf(metric) ?? []);
    return [...new Set([...measured, ...this.captors])].filter((name) => name !== "" && name !== "null").sort();
  }

  /** Who captured in the range; a file without an agent has no name. */
  get captors(): string[] {
    return this.capture?.answer?.fields[0]?.values.map((one) => String(one.value ?? "")) ?? [];
  }

  /** Who measured a panel, and who captured. */
  beside(spec: PanelSpec): Beside {
    const metric = spec.basis ?? spec.beat;
    const series = metric && named(metric) ? this.beats[metric]?.answer?.series.filter((one) => one.kind === "value") : undefined;
    return {
      hosts: metric ? this.hostsOf(metric) : null, captors: this.capture?.answer ? new Set(this.captors) : null,
      services: series ? [...new Set(series.map((one) => String(one.key[1])))] : null,
    };
  }

  /** Asks for the beats that panels go by; call it while the page is set up. */
  listen(metrics: readonly string[], pixels: () => number): void {
    this.beats = Object.fromEntries(metrics.map((metric) => [metric, ask<"series">(() => {
      if (pixels() === 0) return null;
      const step = stepOf(page.range, pixels());
      const at = asked(page.range, step);
      // Browsers are no hosts: what they tell is of all.
      const hosts = this.service !== "" && !metric.startsWith("browser.") ? hostsTerm(this.hosts) : "";
      const agent = agentTerm(page.state.q);
      return {
        kind: "series", metric, filter: both(hosts, agent), aggregate: "count", by: ["agent", ...(named(metric) ? ["service"] : [])], top: HOSTS_MAX, from: instant(at.from), to: instant(at.to), step: stepText(step), zone: zoneFor(page.zone),
      };
    })]));
    this.capture = ask<"facets">(() => {
      if (pixels() === 0) return null;
      const { from, to } = rounded(page.range);
      return { kind: "facets", scope: { ...classes(), table: "exchanges", filter: "", from: instant(from), to: instant(to), mode: "start", twins: false }, fields: ["agent"], limit: HOSTS_MAX };
    });
  }
}
export const board = new Board();

/** Whether it is known that a panel has nothing to show in the range, since what it shows is not measured. */
export function lacks(spec: PanelSpec): boolean {
  if (spec.asks.some(isRows)) {
    const extents = spec.asks.map((ask) => (isRows(ask) ? store.extent(ask.rows) : null));
    return extents.every((extent) => extent === null || extent.from >= page.range.to || extent.to <= page.range.from);
  }
  const metric = spec.basis ?? spec.beat;
  return metric !== undefined && board.has(metric) === false;
}
