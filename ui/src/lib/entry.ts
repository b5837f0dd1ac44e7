/** What people write for a range of time, and what is said back to them. */
import { clock, day, duration, exact } from "./format.ts";
import { type Range, resolve } from "./time.ts";

/** A range as it goes to the address, or what is wrong with it, by field. */
export type Entry = { from: string; to: string } | { wrong: { from?: string; to?: string } };

const EXAMPLES = "try now-3h, 2026-11-21 14:00, or 2026-11-21T14:00:00Z";

/** One line that holds both ends: `a .. b`, `a – b`, `a to b`; or a length: `3h`. Null when it is one end alone. */
export function pair(text: string): [string, string] | null {
  const length = /^\s*(?:last\s+)?(\d{1,9}\s?[smhdwM])\s*$/.exec(text);
  if (length) return [`now-${length[1]!.replace(/\s/g, "")}`, "now"];
  const parts = text.split(/\s*(?:\.\.+|…|–|—|\s-\s|\sto\s|\suntil\s)\s*/);
  return parts.length === 2 && parts[0]!.trim() && parts[1]!.trim() ? [parts[0]!.trim(), parts[1]!.trim()] : null;
}

/** Reads two ends. Relative ones stay as they are, others become instants, which mean the same in every zone. */
export function read(from: string, to: string, now: number, zone: string): Entry {
  const whole = to.trim() === "" ? pair(from) : null;
  const [first, last] = whole ?? [from.trim(), to.trim() || "now"];
  const start = first === "" ? null : resolve(length(first), now, zone);
  const end = resolve(length(last), now, zone, true);
  const wrong: { from?: string; to?: string } = {};
  if (first === "") wrong.from = `Where does it begin? ${sentence(EXAMPLES)}`;
  else if (start === null) wrong.from = `“${first}” is no time: ${EXAMPLES}.`;
  if (end === null) wrong.to = `“${last}” is no time: ${EXAMPLES}.`;
  else if (start !== null && end <= start) wrong.to = "The end must come after the start.";
  else if (start !== null && end - start < 100) wrong.to = "At least 100 ms, please.";
  if (wrong.from !== undefined || wrong.to !== undefined) return { wrong };
  return { from: kept(length(first), start!), to: kept(length(last), end!) };
}

/** `3h` alone is three hours ago. */
function length(text: string): string {
  return /^\d{1,9}[smhdwM]$/.test(text) ? `now-${text}` : text;
}

function kept(text: string, ms: number): string {
  return text.startsWith("now") ? text : new Date(ms).toISOString();
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The year is written where it is not this one. */
function date(ms: number, zone: string): string {
  const [year, month, number] = day(ms, zone).split("-").map(Number);
  const text = `${number} ${MONTHS[month! - 1]}`;
  return year === Number(day(Date.now(), zone).slice(0, 4)) ? text : `${text} ${year}`;
}

/** A range as the bar shows it: `last 15m`, `21 Nov 14:00 – 15:00`, with as many digits as it needs. */
export function words(from: string, to: string, range: Range, zone: string): string {
  const last = /^now-(\d+[smhdwM])$/.exec(from);
  if (last && (to === "" || to === "now")) return `last ${last[1]}`;
  if (from === "now/d" && (to === "" || to === "now" || to === "now/d")) return "today";
  if (from === "now-1d/d" && to === "now-1d/d") return "yesterday";
  return span(range, zone);
}

/** Two instants: the day once when it is the same. */
export function span(range: Range, zone: string): string {
  const whole = range.from % 60_000 === 0 && range.to % 60_000 === 0;
  const decimals = range.to - range.from < 10_000 ? 3 : whole ? -1 : 0;
  const [first, last] = [date(range.from, zone), date(range.to, zone)];
  const start = `${first} ${clock(range.from, zone, decimals)}`;
  return first === last ? `${start} – ${clock(range.to, zone, decimals)}` : `${start} – ${last} ${clock(range.to, zone, decimals)}`;
}

/** How long a range is: `5m 00s`. */
export function width(range: Range): string {
  return duration((range.to - range.from) * 1e6);
}

/** How long ago something was: `12s ago`, `5m ago`. */
export function ago(since: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - since) / 1000));
  if (seconds < 60) return `${exact(seconds)} s ago`;
  return `${duration(seconds * 1e9)} ago`;
}

/** `now-…` with the same width, in the largest unit that is exact enough. */
export function following(range: Range): string {
  const seconds = Math.max(1, Math.round((range.to - range.from) / 1000));
  for (const [unit, size] of [["d", 86_400], ["h", 3600], ["m", 60]] as const) {
    const many = Math.round(seconds / size);
    if (many > 0 && Math.abs(many * size - seconds) <= seconds * 0.02) return `now-${many}${unit}`;
  }
  return `now-${seconds}s`;
}
