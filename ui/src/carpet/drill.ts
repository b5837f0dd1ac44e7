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

/** A quantile is right but for so much of it (docs/metrics.md). */
const QUANTILE_ERROR = 0.0109;

/** What is known of who measured a panel. */
export interface Beside {
  /** The hosts that measured it; null while nobody knows. */
  hosts: string[] | null;
  /** The services that it is of, as its points name them; null where they do not. */
  services: string[] | null;
  /** The agents that captured anything in the range; null while nobody knows. */
  captors: ReadonlySet<string> | null;
}

/**
 * Where a click leads: a state of the page. What nothing narrows down is not listed, the moment is chosen instead: a list of all says
 * nothing of the bar. Pure.
 */
export function target(of: Picture, spec: PanelSpec, layer: Layer, bucket: number, zone: string, beside: Beside): Partial<State> {
  const span = spanOf(of, bucket);
  if (spec.drill === "select") return { sel: span };
  // What processes did has no rows; all that ran at that time is told beside each other.
  if (spec.drill === "hosts" && layer.labels["process"] !== undefined) {
    const agent = layer.labels["agent"];
    return { page: "processes", id: "", ...BARE, lens: "", q: agent ? `agent:${quoted(agent)}` : "", sel: span, opt: {} };
  }
  const value = layer.values[bucket] ?? null;
  const { drill } = layer;
  const { hosts, services, captors } = beside;
  const own = both(drill.filter, drill.exact ? "" : protocolOf(layer.metric));
  // What a log counted was seen by the agent beside it; others saw other parts of the same requests.
  const at = hosts && !drill.exact && !/(^|[\s(])agent:/.test(drill.filter) ? few(hosts, hostsTerm) : "";
  // Where it captures nothing, another on the way does: what it is of tells its rows from those of others then.
  const away = at !== "" && captors !== null && captors.size > 0 && !hosts!.some((host) => captors.has(host));
  const instead = /(^|[\s(])service:/.test(own) || !services ? "" : few(services, servicesTerm);
  const narrow = away && drill.view !== "log_records" && both(own, instead) !== "" ? instead : at;
  const says = spec.drill !== "hosts" && layer.counts && value !== null ? rowsOf(value, of, span) : null;
  // A point of a quantile stands for the rows that took at least so long; it may be a bit more than any of them.
  const least = value === null ? 0 : value * (1 - QUANTILE_ERROR);
  const slower = layer.from && value !== null ? `${layer.from}:>=${of.unit === "time" ? durationText(Math.floor(least)) : `${Math.floor(least)}B`}` : "";
  const name = says === null ? `${spec.title}: ${layer.name} ${text(of.unit, value)}` : `${exact(says)} × ${layer.name}`;
  const when = `${clock(span.from, zone)} – ${clock(span.to, zone)}`;
  const why = (reason?: string | null) => (drill.exact ? `${name}, ${when}` : `${name}, ${when}; ${reason ?? "not exact"}`);
  const kept = drill.kept ? { kept: { q: both(drill.kept.filter, at), why: why(drill.kept.reason) } } : {};
  const q = both(both(own, narrow), slower);
  if (q === "" && !drill.exact) return { sel: span };
  return {
    page: "explore", id: "", view: viewOf(protocolOf(layer.metric) && !drill.exact ? "tcp_sessions" : drill.view), q: "", mode: "grid", sel: null, lens: "", x: "", tab: "", sort: "", cols: [],
    drill: { q, from: span.from, to: span.to, count: drill.mode, why: why(drill.reason), says, loose: !drill.exact, ...kept },
  };
}

/** The sessions of a database stand beside what is measured of it. Source: names of protocols of the table of sessions. */
function protocolOf(metric: string): string {
  return metric.startsWith("postgresql.") ? "protocol:postgresql" : "";
}

/** The term of a list that can be read; empty for none, and for too many. */
function few(list: string[], term: (list: string[]) => string): string {
  return list.length > 0 && list.length <= HOSTS_MAX ? term(list) : "";
}

function servicesTerm(list: string[]): string {
  return list.length === 1 ? `service:${quoted(list[0]!)}` : `service:(${list.map(quoted).join(" or ")})`;
}

/** How many rows or lines a value of a bucket is. */
function rowsOf(value: number, of: Picture, span: { from: number; to: number }): number {
  return Math.round(of.unit === "rate" ? value * ((span.to - span.from) / 1000) : value);
}
