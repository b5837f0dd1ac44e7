/** What processes did in a span of time: which questions, and the rows that their answers make. Pure. */
import type { AnswerOf, QuestionOf } from "../api/ask.svelte.ts";
import type { PanelSpec, Unit } from "../carpet/spec.ts";
import { instant } from "../lib/format.ts";
import type { Range } from "../lib/time.ts";
import { POINT_MS } from "../carpet/questions.ts";
import { both } from "../lib/filter.ts";
import type { Schema } from "../api/client.ts";

/** A column: a metric by process, user and container. */
export interface Column {
  id: string;
  label: string;
  doc: string;
  metric: string;
  filter?: string;
  aggregate: "rate" | "level";
  unit: Unit;
  /** What its numbers are multiplied by. */
  scale: number;
}

/** Seconds of CPU per second are shares of one core; sums of gauges are those of all processes of a name. */
export const COLUMNS: readonly Column[] = [
  { id: "user", label: "CPU user", doc: "Share of one core, in programs", metric: "process.cpu.time", filter: "label.mode:user", aggregate: "rate", unit: "share", scale: 1e-9 },
  { id: "system", label: "CPU system", doc: "Share of one core, in the kernel", metric: "process.cpu.time", filter: "label.mode:system", aggregate: "rate", unit: "share", scale: 1e-9 },
  { id: "rss", label: "Memory", doc: "Resident; what processes share is counted in each of them", metric: "process.memory.usage", aggregate: "level", unit: "bytes", scale: 1 },
  { id: "read", label: "Disk read", doc: "Bytes that had to come from a disk", metric: "process.disk.io", filter: "label.direction:read", aggregate: "rate", unit: "bytes/s", scale: 1 },
  { id: "write", label: "Disk write", doc: "Bytes that became dirty", metric: "process.disk.io", filter: "label.direction:write", aggregate: "rate", unit: "bytes/s", scale: 1 },
  { id: "major", label: "Major faults", doc: "Pages waited for, from swap or a file: the kernel counts no swap traffic by process", metric: "process.paging.faults", filter: "label.type:major", aggregate: "rate", unit: "rate", scale: 1 },
  { id: "swap", label: "Swap", doc: "Memory in swap", metric: "process.paging.usage", aggregate: "level", unit: "bytes", scale: 1 },
  { id: "files", label: "Files", doc: "Open files", metric: "process.unix.file_descriptor.count", aggregate: "level", unit: "count", scale: 1 },
  { id: "threads", label: "Threads", doc: "Threads", metric: "process.thread.count", aggregate: "level", unit: "count", scale: 1 },
  { id: "count", label: "Processes", doc: "Processes of the name", metric: "process.count", aggregate: "level", unit: "count", scale: 1 },
  { id: "wait", label: "CPU wait", doc: "How many threads waited for a CPU, on average", metric: "process.cpu.delay", aggregate: "rate", unit: "load", scale: 1e-9 },
  { id: "diskwait", label: "Disk wait", doc: "How many waited for a disk, on average", metric: "process.disk.delay", aggregate: "rate", unit: "load", scale: 1e-9 },
];

/** What tells groups of processes apart. */
export const BY = ["process", "user", "container"] as const;
/** Groups with rows of their own. Agents tell at most eighty apart, with different ones at different times. */
const TOP = 300;

/** Whole points: one belongs to the span in which it begins. */
export function whole(span: Range): Range {
  const from = Math.floor(span.from / POINT_MS) * POINT_MS;
  return { from, to: Math.max(Math.ceil(span.to / POINT_MS) * POINT_MS, from + POINT_MS) };
}

/** The question of a column about a span, as one bucket. */
export function questionOf(column: Column, span: Range, q: string, byHost: boolean, compare: Schema<"Compare"> | null, zone: string): QuestionOf<"series"> {
  const at = whole(span);
  return {
    kind: "series", metric: column.metric, filter: both(column.filter ?? "", q), aggregate: column.aggregate, by: [...BY, ...(byHost ? ["agent"] : [])], top: TOP,
    from: instant(at.from), to: instant(at.to), step: `${(at.to - at.from) / 1000}s`, zone, ...(compare ? { compare } : {}),
  } as QuestionOf<"series">;
}

/** A group of processes. */
export interface Row {
  key: string;
  process: string;
  user: string;
  container: string;
  agent: string;
  /** By column; null where nothing was measured. */
  now: Record<string, number | null>;
  before: Record<string, number | null>;
}

/** Puts the answers of the columns side by side; those beyond the top are a row of their own. */
export function rowsOf(answers: readonly (AnswerOf<"series"> | null)[]): Row[] {
  const rows = new Map<string, Row>();
  answers.forEach((answer, at) => {
    const { id, scale } = COLUMNS[at]!;
    for (const one of answer?.series ?? []) {
      const [process = "", user = "", container = "", agent = ""] = one.kind === "other" ? ["~other"] : one.key.map((part) => String(part ?? ""));
      const key = JSON.stringify([process, user, container, agent]);
      const row = rows.get(key) ?? { key, process, user, container, agent, now: {}, before: {} };
      const scaled = (value: number | null | undefined) => (value === null || value === undefined ? null : value * scale);
      // Further groups of an agent (~other) and those beyond the top here are one.
      row.now[id] = plus(row.now[id], scaled(one.total));
      row.before[id] = plus(row.before[id], scaled(one.compared_total));
      rows.set(key, row);
    }
  });
  return [...rows.values()];
}

function plus(a: number | null | undefined, b: number | null): number | null {
  return a === null || a === undefined ? b : b === null ? a : a + b;
}

/** Rows by a column, the largest first; a minus in front turns it round. */
export function sorted(rows: readonly Row[], sort: string): Row[] {
  const back = sort.startsWith("-");
  const id = back ? sort.slice(1) : sort;
  const weight = (row: Row) => (id === "cpu" ? (row.now["user"] ?? 0) + (row.now["system"] ?? 0) : (row.now[id] ?? -1));
  const text = (row: Row) => (id === "process" ? row.process : id === "name" ? row.user : null);
  const list = [...rows].sort((a, b) => (text(a) !== null ? text(a)!.localeCompare(text(b)!) : weight(b) - weight(a)) || a.key.localeCompare(b.key));
  return back ? list.reverse() : list;
}

/** The picture above the table: a metric by process. A click chooses a moment. */
export function panelOf(id: string): PanelSpec {
  const of = id === "cpu" ? null : (COLUMNS.find((column) => column.id === id) ?? null);
  const ask = of
    ? { metric: of.metric, filter: of.filter ?? "", aggregate: of.aggregate, by: ["process"], top: 12, scope: "hosts" as const }
    : { metric: "process.cpu.time", aggregate: "rate", by: ["process"], top: 12, scope: "hosts" as const };
  return {
    id: "processes", title: of?.label ?? "CPU", doc: of?.doc ?? "Share of one core, by process.", kind: "bars", asks: [ask], drill: "select", wide: true, basis: "process.count",
    unit: of?.unit ?? "share", paint: "process",
    missing: "No process was measured in this range. An agent does it unless `collect: process: no` stands in its configuration; see its status on the page Agents.",
  };
}
