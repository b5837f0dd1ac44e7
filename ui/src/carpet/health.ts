/** The grid of layers and services: which part of which service is how bad. Pure. */
import type { ColorName } from "../lib/palette.ts";
import { both } from "../lib/filter.ts";
import { quoted } from "../lib/term.ts";
import type { Layer } from "./panels.ts";
import { hostsTerm } from "./questions.ts";

/** How a cell is: as the classes of the traffic light. */
export type Grade = "fast" | "medium" | "slow" | "error" | "none";

/** What a cell says. */
export interface Cell {
  grade: Grade;
  /** Why, in words; empty where nothing was measured. */
  why: string;
}

/** Shares from which on something is medium, slow, bad. */
export const LIMITS = {
  /** Of requests that failed. */
  errors: [0.001, 0.01, 0.05],
  /** Of segments sent again. */
  resent: [0.005, 0.01, 0.05],
  /** Of CPU time that was busy. */
  cpu: [0.7, 0.85, 0.97],
} as const;

/** The grade of a share. */
export function graded(share: number | null, limits: readonly [number, number, number]): Grade {
  if (share === null) return "none";
  if (share >= limits[2]) return "error";
  if (share >= limits[1]) return "slow";
  return share >= limits[0] ? "medium" : "fast";
}

export const NONE: Cell = { grade: "none", why: "" };

/** The colour of a cell. */
export function colorOf(grade: Grade): ColorName | null {
  return grade === "none" ? null : grade;
}

/** Layers that are measured by host, whatever services run there; the others are measured by service. */
export const OF_HOSTS: readonly Layer[] = ["network", "os"];

/** What was measured of the layers, by service or by host. */
export interface Measured {
  /** Failed share and number of exchanges by service. */
  app: Map<string, { share: number; count: number }>;
  /** Of the requests in access logs, by service. */
  edge: Map<string, { share: number; count: number }>;
  /** Which hosts were seen to answer for a service. */
  hosts: Map<string, Set<string>>;
  /** By host. */
  cpu: Map<string, number>;
  resent: Map<string, number>;
  /** Whether a database or browsers are measured at all: a share of trouble, or null. */
  db: Map<string, number>;
  browser: number | null;
}

/** Limits of the others: of connections taken, of vitals judged poor. */
const TAKEN = [0.7, 0.85, 0.95] as const;
const POOR = [0.1, 0.25, 0.5] as const;

function percentOf(share: number): string {
  return `${(share * 100).toFixed(share < 0.01 ? 2 : 1)} %`;
}

/** The cell of a layer and a column: a host for layers that are of hosts, else a service, or a database where it has no service. */
export function cellOf(layer: Layer, name: string, of: Measured): Cell {
  const traffic = layer === "app" ? of.app.get(name) : layer === "edge" ? of.edge.get(name) : undefined;
  if (traffic) return { grade: graded(traffic.share, LIMITS.errors), why: `${percentOf(traffic.share)} of ${traffic.count} failed` };
  if (layer === "browser") {
    return of.browser === null || !of.edge.has(name) ? NONE : { grade: graded(of.browser, POOR), why: `${percentOf(of.browser)} of Web Vitals are poor` };
  }
  const readings = { app: null, edge: null, db: [of.db, TAKEN, "of its connections are taken"], os: [of.cpu, LIMITS.cpu, "of CPU time busy"], network: [of.resent, LIMITS.resent, "of segments sent again"] } as const;
  const [shares, limits, what] = readings[layer] ?? [new Map<string, number>(), TAKEN, ""];
  const share = shares.get(name);
  return share === undefined ? NONE : { grade: graded(share, limits), why: `${percentOf(share)} ${what}` };
}

/** Where a cell leads: what was captured to the page of its service, all else to the layer, narrowed down to what the cell is of. */
export function leadOf(layer: Layer, name: string, q: string): { page: "service" | "layer"; id: string; q: string; opt: Record<string, string> } {
  if (layer === "app") return { page: "service", id: name, q, opt: {} };
  const terms: Partial<Record<Layer, string>> = { edge: `label.service:${quoted(name)}`, db: `label.instance:${quoted(name)}`, network: hostsTerm([name]), os: hostsTerm([name]) };
  const term = terms[layer] ?? "";
  return { page: "layer", id: layer, q: term === "" || q.includes(term) ? q : both(q, term), opt: {} };
}

/** Where the head of a column leads: a service to its page, a database and a host to what is measured of it. */
export function headOf(name: string, of: Measured, q: string): ReturnType<typeof leadOf> {
  return leadOf(of.app.has(name) || of.edge.has(name) ? "app" : of.db.has(name) ? "db" : "os", name, q);
}
