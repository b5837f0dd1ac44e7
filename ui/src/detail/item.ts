/** A row with all its columns, by name. */
import type { Cell, Schema } from "../api/client.ts";
import { clock } from "../lib/format.ts";

/** A header line as it was sent. */
export interface HeaderLine {
  name: string;
  value: string;
}

/** Which message of an exchange. */
export type Side = "request" | "response";

export class Item {
  readonly links: Record<string, string>;
  readonly columns: Schema<"ColumnFacts">[];
  #values = new Map<string, Cell>();

  constructor(answer: Schema<"ItemAnswer">) {
    this.links = answer.links;
    this.columns = answer.columns;
    answer.columns.forEach((column, at) => this.#values.set(column.name, answer.row[at] as Cell));
  }

  value(name: string): Cell {
    return this.#values.get(name) ?? null;
  }

  /** A value as text; empty when there is none. */
  text(name: string): string {
    const value = this.value(name);
    return value === null ? "" : String(value);
  }

  number(name: string): number | null {
    const value = this.value(name);
    return typeof value === "number" ? value : null;
  }

  /** The instant in nanoseconds since 1970: a double would lose the last digits. */
  nanos(name: string): bigint | null {
    const value = this.value(name);
    return typeof value === "string" ? nanos(value) : null;
  }

  /** Of a field of words. */
  words(name: string): string[] {
    return this.text(name).split(" ").filter((word) => word !== "");
  }

  /** Header lines of a side, in order. */
  headers(side: Side): HeaderLine[] {
    return headerLines(this.text(`http.${side}.headers`));
  }

  /** The first header line of a name. */
  header(side: Side, name: string): string {
    return this.headers(side).find((line) => line.name.toLowerCase() === name)?.value ?? "";
  }

  /** Nanoseconds from start to end; null while it is open. */
  get duration(): number | null {
    return between(this.nanos("start"), this.nanos("end"));
  }
}

/** Lines `name: value`; a line without a colon is all name. */
export function headerLines(text: string): HeaderLine[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const at = line.indexOf(":");
    return at < 0 ? { name: line, value: "" } : { name: line.slice(0, at), value: line.slice(at + 1).trim() };
  });
}

/** RFC 3339 in nanoseconds since 1970. */
export function nanos(text: string): bigint | null {
  const match = /^(.*T\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  const ms = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  return Number.isNaN(ms) ? null : BigInt(ms) * 1_000_000n + BigInt((match![2] ?? "").padEnd(9, "0"));
}

/** `22:20:00.000960`: the time of day with microseconds, which a double of milliseconds would round. */
export function micros(text: string, zone: string): string {
  const fraction = /\.(\d{1,9})/.exec(text)?.[1] ?? "";
  return `${clock(Date.parse(`${text.slice(0, 19)}Z`), zone)}.${fraction.padEnd(6, "0").slice(0, 6)}`;
}

/** Nanoseconds from one instant to another; null when one is unknown. */
export function between(from: bigint | null, to: bigint | null): number | null {
  return from === null || to === null ? null : Number(to - from);
}

/** Whether an instant lies in an exchange. What was never answered lasts until its connection ends. */
export function during(item: Item, time: string): boolean {
  const [at, start] = [nanos(time), item.nanos("start")];
  const end = item.value("http.response.status_code") === null ? null : item.nanos("end");
  return at !== null && start !== null && at >= start && (end === null || at <= end);
}

/** Method and path; what stands for them where a message is missing. */
export function titleOf(item: Item): { method: string; path: string } {
  if (item.value("http.request.method") === null) return { method: "", path: "a response without its request" };
  return { method: item.text("http.request.method"), path: item.text("url.path") || "/" };
}

/** The class by the usual thresholds, as the server reckons it. */
export function classOf(item: Item): string {
  const status = item.number("http.response.status_code");
  if (status === null) return item.value("provisional") === true ? "open" : "error";
  if (status === 101) return "upgrade";
  if (status >= 500) return "error";
  const length = item.duration ?? 0;
  return length < 500e6 ? "fast" : length < 1e9 ? "medium" : "slow";
}
