/** Exchanges of a list as numbers that can be drawn: nanoseconds since the second of the first of them. */
import type { Schema } from "../../api/client.ts";
import { clock } from "../../lib/format.ts";

export interface Call {
  id: string;
  /** Nanoseconds since the base; null where it did not happen, or not yet. */
  start: number;
  sent: number | null;
  answer: number | null;
  end: number | null;
  client: string;
  origin: string;
  server: string;
  service: string;
  session: string;
  request: string;
  trace: string;
  method: string;
  path: string;
  template: string;
  status: number | null;
  class: string;
}

/** The columns that a call is read from. */
export const COLUMNS = [
  "id", "start", "request.end", "response.start", "end", "client", "origin", "server", "port", "service", "session",
  "request.id", "trace", "method", "path", "template", "status", "class",
];

/** `14:05:03.217812` of an instant so many nanoseconds behind a base, to the last digit: a double would lose it. */
export function clockOf(base: number, ns: number, zone: string, decimals = 6): string {
  const second = Math.floor(ns / 1e9);
  const rest = String(Math.round(ns - second * 1e9)).padStart(9, "0");
  return `${clock(base + second * 1000, zone)}.${rest.slice(0, decimals)}`;
}

/** The second in which an instant lies, in milliseconds since 1970. */
export function secondOf(text: string): number {
  return Date.parse(`${text.slice(0, 19)}Z`);
}

/** Exact nanoseconds from a base to an instant of the API, which always writes UTC with nine digits. */
export function nanosFrom(base: number, text: string): number {
  const digits = text.slice(20).replace(/\D/g, "").slice(0, 9).padEnd(9, "0");
  return (secondOf(text) - base) * 1e6 + Number(digits);
}

/** Reads rows of a list; `base` as of the first page. */
export function callsOf(answer: Pick<Schema<"ListAnswer">, "columns" | "rows">, base: number): Call[] {
  // By place: the server answers with full names, in the order asked for.
  const text = (cell: unknown) => (cell === null || cell === undefined ? "" : String(cell));
  const time = (cell: unknown) => (typeof cell === "string" ? nanosFrom(base, cell) : null);
  return answer.rows.map((row) => ({
    id: text(row[0]), start: time(row[1]) ?? 0, sent: time(row[2]), answer: time(row[3]), end: time(row[4]),
    client: text(row[5]), origin: text(row[6]) || text(row[5]), server: text(row[7]),
    service: text(row[9]) || `${text(row[7])}:${text(row[8])}`, session: text(row[10]), request: text(row[11]), trace: text(row[12]),
    method: text(row[13]), path: text(row[14]), template: text(row[15]), status: typeof row[16] === "number" ? row[16] : null,
    class: text(row[17]),
  }));
}

/** When a call was over, or the last that was seen of it. */
export function endOf(call: Call): number {
  return call.end ?? call.answer ?? call.sent ?? call.start;
}

/** `GET /a`, by template or path. */
export function labelOf(call: Call, templates: boolean): string {
  return `${call.method || "?"} ${(templates ? call.template : call.path) || call.path || "(no request seen)"}`;
}
