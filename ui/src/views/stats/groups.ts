/** The groups of a top as a table: its columns, its lines, and what they may be grouped by. */
import type { AnswerOf } from "../../api/ask.svelte.ts";
import type { Schema } from "../../api/client.ts";
import { NOTHING } from "../../lib/format.ts";
import type { Column, Kind, Line, Value } from "../parts/table.ts";

export type Rank = Schema<"Rank">;
type Field = Schema<"FieldEntry">;

/** What the server can rank by, for each column. */
export const RANKS: Record<string, Rank> = {
  count: "count", rate: "count", share: "count", errors: "errors", error_share: "error_share", p50: "p50", p95: "p95", p99: "p99", max: "max",
  bytes: "bytes", seconds: "duration",
};

/** The name that people know a field by. */
export function nameOf(field: Field): string {
  return field.aliases[0] ?? field.name;
}

/** Fields with few enough values to group by. */
export function groupable(fields: readonly Field[]): Field[] {
  const never = new Set(["instant", "duration", "size", "bytes", "headers", "hash"]);
  return fields.filter((field) => !never.has(field.kind) && field.name !== "id" && field.name !== "text");
}

/** Fields that quantiles can be of. */
export function measurable(fields: readonly Field[]): Field[] {
  return fields.filter((field) => field.kind === "duration" || field.kind === "size");
}

export function columnsOf(by: readonly string[], of: Field | undefined, fails: boolean): Column[] {
  const kind: Kind = of?.kind === "size" ? "bytes" : "duration";
  const name = of ? nameOf(of) : "duration";
  const measured = (key: string, label: string, bar = false): Column => ({ key, label, kind, bar, title: `${label} of ${name}` });
  return [
    ...by.map((field, at): Column => ({ key: `key${at}`, label: field, kind: "text" })),
    { key: "count", label: "count", kind: "count", bar: true }, { key: "rate", label: "rate", kind: "rate", title: "By the seconds of the range" },
    { key: "share", label: "share", kind: "percent", title: "Of all rows here" },
    // Only exchanges have a class that can be error.
    ...(fails ? [{ key: "errors", label: "failed", kind: "count" }, { key: "error_share", label: "failed %", kind: "percent", bar: true }] as Column[] : []),
    measured("p50", "p50"), measured("p95", "p95", true), measured("p99", "p99"), measured("max", "max"),
    { key: "bytes", label: "bytes", kind: "bytes", bar: true },
    { key: "seconds", label: "time", kind: "duration", title: "Sum of durations: how long callers waited", bar: true },
  ];
}

/** Lines of the groups, then the rest, then the whole. */
export function linesOf(top: AnswerOf<"top">, seconds: number): Line[] {
  const cells = (row: Schema<"Counts">): Record<string, Value> => ({
    count: row.count, rate: seconds > 0 ? row.count / seconds : null, share: row.share ?? null, errors: row.errors, error_share: row.error_share ?? null,
    p50: row.percentiles?.p50 ?? null, p95: row.percentiles?.p95 ?? null, p99: row.percentiles?.p99 ?? null, max: row.max ?? null, bytes: row.bytes,
    seconds: row.duration_ns,
  });
  const lines: Line[] = top.rows.map((row, at) => ({
    id: String(at), cells: { ...Object.fromEntries(row.key.map((key, place) => [`key${place}`, key === null ? NOTHING : String(key)])), ...cells(row) },
  }));
  const others = top.others === null || top.others === undefined ? "" : `${top.others} `;
  if (top.other && top.other.count > 0) lines.push({ id: "other", fixed: true, cells: { key0: `${others}other`, ...cells(top.other) } });
  lines.push({ id: "total", fixed: true, cells: { key0: "all", ...cells(top.total) } });
  return lines;
}
