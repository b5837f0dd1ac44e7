/** What a click on a panel lists, and what it says of it (the drill contract of design section 7). */
import { both } from "../lib/filter.ts";
import { clock, exact } from "../lib/format.ts";
import { durationText, quoted } from "../lib/term.ts";
import { BARE, type State, viewOf } from "../lib/url.ts";
import { text } from "./figures.ts";
import { type Layer, type Picture, spanOf } from "./picture.ts";
import { hostsTerm } from "./questions.ts";
import type { PanelSpec } from "./spec.ts";

/** More hosts are not named in a filter: it could not be read. */
const HOSTS_MAX = 12;

/** Where a click leads: a state of the page; `hosts` are those that measured it, where they are known. Pure. */
export function target(of: Picture, spec: PanelSpec, layer: Layer, bucket: number, zone: string, hosts: string[] | null): Partial<State> {
  const span = spanOf(of, bucket);
  // What processes did has no rows; all that ran at that time is told beside each other.
  if (spec.drill === "hosts" && layer.labels["process"] !== undefined) {
    const agent = layer.labels["agent"];
    return { page: "processes", id: "", ...BARE, lens: "", q: agent ? `agent:${quoted(agent)}` : "", sel: span, opt: {} };
  }
  const value = layer.values[bucket] ?? null;
  const { drill } = layer;
  // What a log counted was seen by the agent beside it; others saw other parts of the same requests.
  const beside = hosts && hosts.length > 0 && hosts.length <= HOSTS_MAX && !drill.exact && !/(^|[\s(])agent:/.test(drill.filter) ? hostsTerm(hosts) : "";
  const says = spec.drill !== "hosts" && layer.counts && value !== null ? rowsOf(value, of, span) : null;
  // A point of a quantile stands for the rows that took at least so long.
  const slower = layer.from && value !== null ? `${layer.from}:>=${of.unit === "time" ? durationText(value) : `${Math.round(value)}B`}` : "";
  const name = says === null ? `${spec.title}: ${layer.name} ${text(of.unit, value)}` : `${exact(says)} × ${layer.name}`;
  const when = `${clock(span.from, zone)} – ${clock(span.to, zone)}`;
  const why = (reason?: string | null) => (drill.exact ? `${name}, ${when}` : `${name}, ${when}; ${reason ?? "not exact"}`);
  const kept = drill.kept ? { kept: { q: both(drill.kept.filter, beside), why: why(drill.kept.reason) } } : {};
  return {
    page: "explore", id: "", view: viewOf(drill.view), q: "", mode: "grid", sel: null, lens: "", x: "", tab: "", sort: "", cols: [],
    drill: { q: both(both(drill.filter, beside), slower), from: span.from, to: span.to, count: drill.mode, why: why(drill.reason), says, loose: !drill.exact, ...kept },
  };
}

/** How many rows or lines a value of a bucket is. */
function rowsOf(value: number, of: Picture, span: { from: number; to: number }): number {
  return Math.round(of.unit === "rate" ? value * ((span.to - span.from) / 1000) : value);
}
