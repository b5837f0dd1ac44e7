/** Columns of the grid: which there are, which are shown, how wide. */
import type { Cell, Schema } from "../api/client.ts";
import { statusColor } from "../lib/colors.svelte.ts";
import { cell as shownAs } from "../lib/format.ts";

/** The columns of each table unless somebody chose others. */
export const USUAL: Record<string, string[]> = {
  exchanges: ["start", "status", "method", "service", "path", "duration", "wait", "size", "client", "server", "anomalies"],
  tcp_sessions: ["start", "protocol", "client", "client.port", "server", "port", "duration", "exchanges", "tcp.client.payload", "tcp.server.payload", "rtt", "close", "anomalies"],
  packets: ["start", "direction", "session", "number", "size"],
  log_records: ["start", "level", "code", "message", "service", "request.id", "file", "agent"],
};

const WIDTHS: Record<string, number> = {
  start: 104, status: 58, method: 72, service: 164, path: 270, template: 280, duration: 86, wait: 80, size: 82, client: 112, server: 112,
  host: 130, anomalies: 170, "request.id": 150, "trace.id": 150, query: 200, session: 226, protocol: 88, close: 86, exchanges: 92, "client.port": 84, port: 56,
  "tcp.client.payload": 120, "tcp.server.payload": 122, level: 60, code: 110, message: 640, file: 200, agent: 90,
};

/** The width of a column in pixels before anybody dragged it. */
export function widthOf(name: string, kind: string): number {
  const known = WIDTHS[name];
  if (known) return known;
  if (kind === "instant") return 104;
  if (kind === "text" || kind === "words" || kind === "headers") return 160;
  return kind === "id" ? 150 : 90;
}

/** Kinds whose values are numbers: right-aligned, sortable, with a bar behind them. */
export function isNumber(kind: string): boolean {
  return kind === "duration" || kind === "size" || kind === "integer";
}

/** Whether rows can be ordered by a column. */
export function isOrdered(kind: string): boolean {
  return isNumber(kind) || kind === "instant";
}

/** What of a cell is filled, 0 to 1, by the logarithm: durations from 1 ms to 10 s, sizes from 100 B to 10 MB. */
export function filled(value: number, kind: string): number {
  const [low, high] = kind === "duration" ? [1e6, 1e10] : kind === "size" ? [100, 1e7] : [1, 1e4];
  if (value <= low) return 0;
  return Math.min(Math.log(value / low) / Math.log(high / low), 1);
}

/** A column as the grid shows it. */
export interface ShownColumn {
  label: string;
  kind: string;
  /** Its place among the values of a row. */
  at: number;
  /** In pixels. */
  width: number;
}

/** What a cell says, by which classes it looks so, and how much of it is filled (`43% 15px`). */
export interface Written {
  text: string;
  look: string;
  fill: string | undefined;
}

/** Writes a value of a column. */
export function written(column: ShownColumn, value: Cell, zone: string): Written {
  const { label, kind } = column;
  if (label === "status") {
    const color = value === null ? "error" : statusColor(String(value));
    return { text: value === null ? "none" : String(value), look: `number is-${color}`, fill: undefined };
  }
  const text = shownAs(value, kind, zone);
  if (kind !== "duration" && kind !== "size") return { text, look: isNumber(kind) ? "number" : "", fill: undefined };
  const share = filled(Number(value ?? 0), kind) * 100;
  return { text, look: kind === "duration" ? "number filled slowly" : "number filled", fill: `${Math.round(share)}% calc(100% - 6px)` };
}

/** The fields of a table that can be shown, by alias. */
export function offered(fields: Schema<"FieldEntry">[]): { name: string; doc: string; kind: string }[] {
  return fields
    .filter((field) => field.sql !== null || field.name === "duration" || field.name === "class" || field.name === "wait")
    .filter((field) => field.kind !== "headers" && field.kind !== "bytes")
    .map((field) => ({ name: shortest(field), doc: field.doc, kind: field.kind }));
}

/** The alias for people comes first. Names with underscores are for SQL. */
function shortest(field: Schema<"FieldEntry">): string {
  return field.aliases.find((alias) => !alias.includes("_")) ?? field.name;
}
