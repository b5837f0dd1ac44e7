/** Terms of a filter from values that were clicked: quoted so that everything in a value is itself (docs/filter.md). */
import { instant, parseInstant } from "./format.ts";

/** `service:shop`, `path:"/a b"`, `-user:*` for nothing. Of durations and sizes, all that are at least as large. */
export function term(field: string, value: unknown, kind = "text"): string {
  if (value === null || value === undefined) return `-${field}:*`;
  if (kind === "duration") return `${field}:>=${durationText(Number(value))}`;
  if (kind === "size") return `${field}:>=${Number(value)}B`;
  if (kind === "instant") return `${field}:>=${instant(parseInstant(String(value)))}`;
  if (typeof value === "number" || typeof value === "boolean") return `${field}:${value}`;
  if (kind === "words") {
    // A row holds several words, separated by blanks: all of them.
    return value.toString().split(" ").filter((word) => word !== "").map((word) => `${field}:${quoted(word)}`).join(" ");
  }
  return `${field}:${quoted(String(value))}`;
}

/** A value as it stands in a filter: bare where nothing in it means anything, else in quotes. */
export function quoted(value: string): string {
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u.test(value) && !/^(and|or|not|\d.*[.][.].*)$/i.test(value)) return value;
  const escaped = value.replace(/["\\]/g, "\\$&").replace(/[\u0000-\u001f\u007f]/g, (control) => {
    const known = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[control];
    return known ?? `\\u{${control.charCodeAt(0).toString(16)}}`;
  });
  return `"${escaped}"`;
}

/** Nanoseconds with a unit that loses nothing. */
export function durationText(ns: number): string {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["us", 1e3]] as const) {
    if (ns !== 0 && ns % size === 0) return `${ns / size}${unit}`;
  }
  return `${ns}ns`;
}
