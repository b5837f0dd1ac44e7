/** Tables of numbers: the twin of each picture, and the stats themselves. */
import { bytes, count, duration, exact, NOTHING, percent, rate } from "../../lib/format.ts";

export type Kind = "text" | "count" | "duration" | "bytes" | "percent" | "rate" | "clock";
export type Value = string | number | boolean | null | undefined;

export interface Column {
  key: string;
  label: string;
  kind: Kind;
  /** What it is, for the tooltip of the head. */
  title?: string;
  /** A bar behind the number, as long as the number is large. */
  bar?: boolean;
}
export interface Line {
  id: string;
  cells: Record<string, Value>;
  /** Total and rest stay below, however the lines are sorted. */
  fixed?: boolean;
}

/** A number as its kind is read. */
export function show(value: Value, kind: Kind): string {
  if (value === null || value === undefined || value === "") return NOTHING;
  if (typeof value !== "number") return String(value);
  switch (kind) {
    case "duration": return duration(value);
    case "bytes": return bytes(value);
    case "percent": return percent(value);
    case "rate": return rate(value);
    case "count": return count(value);
    default: return String(value);
  }
}

/** Every digit, for a tooltip; empty where nothing is rounded. */
export function inFull(value: Value, kind: Kind): string {
  if (typeof value !== "number" || kind === "text" || kind === "percent" || kind === "rate") return "";
  if (kind === "duration") return `${exact(value)} ns`;
  return kind === "bytes" ? `${exact(value)} B` : exact(value);
}

/** Sorts by a column; nothing measured comes last, and what is fixed stays at the end. */
export function sorted(lines: readonly Line[], key: string, down: boolean): Line[] {
  const free = lines.filter((line) => !line.fixed);
  const sign = down ? -1 : 1;
  free.sort((a, b) => {
    const [x, y] = [a.cells[key] ?? null, b.cells[key] ?? null];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    return sign * String(x).localeCompare(String(y), "en", { numeric: true });
  });
  return [...free, ...lines.filter((line) => line.fixed)];
}

/** What a whole bar means in each column that has bars: the largest number; total and rest do not count. */
export function largest(columns: readonly Column[], lines: readonly Line[]): Record<string, number> {
  const out: Record<string, number> = {};
  for (const { key, bar, kind } of columns) {
    if (!bar) continue;
    // A share is a share of the whole, whatever the others are.
    let max = kind === "percent" ? 1 : 0;
    for (const line of lines) if (!line.fixed && typeof line.cells[key] === "number") max = Math.max(max, line.cells[key]);
    out[key] = max;
  }
  return out;
}
