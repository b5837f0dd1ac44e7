/** Columns of the grid: which there are, which are shown, how wide. */
import type { Schema } from "../api/client.ts";

/** The columns of each table unless somebody chose others. */
export const USUAL: Record<string, string[]> = {
  exchanges: ["start", "status", "method", "service", "path", "duration", "wait", "size", "client", "server", "anomalies"],
  tcp_sessions: ["start", "protocol", "client", "client.port", "server", "port", "duration", "exchanges", "tcp.client.payload", "tcp.server.payload", "rtt", "close", "anomalies"],
  packets: ["start", "direction", "session", "number", "size"],
};

const WIDTHS: Record<string, number> = {
  start: 104, status: 58, method: 72, service: 164, path: 270, template: 280, duration: 86, wait: 80, size: 82, client: 112, server: 112,
  host: 130, anomalies: 170, "request.id": 150, "trace.id": 150, query: 200, session: 180, protocol: 70, close: 80, exchanges: 78,
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
