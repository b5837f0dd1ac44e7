/** Ranges of time: what people write (`now-1h`), the instants it means, and how it moves. */
import { fields, offset } from "./format.ts";

/** Milliseconds since 1970, half-open. */
export interface Range {
  from: number;
  to: number;
}

/** Widths of a bucket, in milliseconds. */
export const LADDER = [100, 1000, 5000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000];

const UNITS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The ranges offered at a click, shortest first. */
export const PRESETS = ["5m", "15m", "30m", "1h", "3h", "6h", "12h", "24h", "2d", "7d", "30d"];

/**
 * The instant that an end of a range means: `now`, `now-1h`, `now-1d/d`, RFC 3339, `2026-11-21 14:05` in the zone, or a
 * number since 1970 in s, ms, µs or ns as the API takes it. Null when it means nothing.
 */
export function resolve(text: string, now: number, zone: string, end = false): number | null {
  const value = meant(text.trim(), now, zone, end);
  return value !== null && value >= FIRST && value <= LAST ? value : null;
}

/** No clock that anybody reads goes further: the years 1 to 9999. */
const FIRST = Date.parse("0001-01-02T00:00:00Z");
const LAST = Date.UTC(9999, 11, 30);

function meant(trimmed: string, now: number, zone: string, end: boolean): number | null {
  if (trimmed.startsWith("now")) return relative(trimmed, now, zone, end);
  if (/^\d{1,20}$/.test(trimmed)) return fromNumber(Number(trimmed));
  const local = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?$/.exec(trimmed);
  if (local) {
    const [, year, month, date, hour = 0, minute = 0, second = 0, rest = 0] = local;
    const wall = Date.UTC(+year!, +month! - 1, +date!, +hour, +minute, +second) + Math.round(+rest * 1000);
    // 30 February and 25:00 are no times, though a Date counts on with them.
    const real = +month! >= 1 && +month! <= 12 && new Date(Date.UTC(+year!, +month! - 1, +date!)).getUTCDate() === +date!;
    return real && +hour < 24 && +minute < 60 && +second < 60 ? fromWall(wall, zone) : null;
  }
  if (!/^\d{4}-\d\d-\d\dT/.test(trimmed)) return null;
  const parsed = Date.parse(trimmed);
  return Number.isNaN(parsed) ? null : parsed;
}

function fromNumber(value: number): number {
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1000 : value / 1e6;
}

function relative(text: string, now: number, zone: string, end: boolean): number | null {
  const match = /^now(?:([+-])(\d{1,9})([smhdwM]))?(?:\/([smhdwM]))?$/.exec(text);
  if (!match) return null;
  const [, sign, amount, unit, round] = match;
  let at = now;
  if (sign && unit) {
    const by = Number(amount) * (sign === "-" ? -1 : 1);
    // Further than calendars go.
    if (Math.abs(by) * (unit === "M" ? 28 * 86_400_000 : UNITS[unit]!) > LAST) return null;
    at = unit === "M" ? addMonths(now, by, zone) : unit === "d" || unit === "w" ? addDays(now, by * (unit === "w" ? 7 : 1), zone) : now + by * UNITS[unit]!;
  }
  return round ? rounded(at, round, zone, end) : at;
}

/** The instant at which the zone's clocks show `wall` (milliseconds as if UTC). A wall time that is skipped moves on. */
export function fromWall(wall: number, zone: string): number {
  const first = wall - offset(wall, zone) * 60_000;
  return wall - offset(first, zone) * 60_000;
}

function toWall(ms: number, zone: string): number {
  return ms + offset(ms, zone) * 60_000;
}

/** The same time of day so many days on: a day of 23 or 25 hours is a day. */
export function addDays(ms: number, days: number, zone: string): number {
  return fromWall(toWall(ms, zone) + days * 86_400_000, zone);
}

function addMonths(ms: number, months: number, zone: string): number {
  const wall = new Date(toWall(ms, zone));
  const date = wall.getUTCDate();
  wall.setUTCDate(1);
  wall.setUTCMonth(wall.getUTCMonth() + months);
  const last = new Date(Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth() + 1, 0)).getUTCDate();
  wall.setUTCDate(Math.min(date, last));
  return fromWall(wall.getTime(), zone);
}

function rounded(ms: number, unit: string, zone: string, end: boolean): number {
  const at = fields(ms, zone);
  const from: Record<string, number[]> = {
    M: [at.year, at.month - 1, 1], d: [at.year, at.month - 1, at.day], w: [at.year, at.month - 1, at.day],
    h: [at.year, at.month - 1, at.day, at.hour], m: [at.year, at.month - 1, at.day, at.hour, at.minute],
    s: [at.year, at.month - 1, at.day, at.hour, at.minute, at.second],
  };
  const [year, month, date, ...time] = from[unit]!;
  let wall = Date.UTC(year!, month!, date!, ...time);
  // Weeks begin on Monday.
  if (unit === "w") wall -= ((new Date(wall).getUTCDay() + 6) % 7) * 86_400_000;
  const start = fromWall(wall, zone);
  if (!end || start === ms) return start;
  if (unit === "M") return addMonths(start, 1, zone);
  return unit === "d" || unit === "w" ? addDays(start, unit === "w" ? 7 : 1, zone) : start + UNITS[unit]!;
}

/** The smallest step of the ladder that gives at most so many buckets; beyond the ladder whole days. */
export function stepFor(range: Range, buckets: number): number {
  const width = range.to - range.from;
  const fits = LADDER.find((step) => width / step <= buckets);
  return fits ?? Math.ceil(width / buckets / 86_400_000) * 86_400_000;
}

/** The range that another one is compared with: the one before, or the same time of day a day or a week ago by the zone's clocks. */
export function comparedWith(range: Range, how: "" | "prev" | "1d" | "7d", zone: string): Range | null {
  const width = range.to - range.from;
  if (how === "") return null;
  if (how === "prev") return { from: range.from - width, to: range.from };
  const from = addDays(range.from, how === "1d" ? -1 : -7, zone);
  return { from, to: from + width };
}

/** Moves a range by a share of its width; no further than now. */
export function pan(range: Range, share: number, now: number): Range {
  const width = range.to - range.from;
  let by = Math.round(width * share);
  if (range.to + by > now && by > 0) by = Math.max(0, now - range.to);
  return { from: range.from + by, to: range.to + by };
}

/** Zooms around an instant: factor 0.5 shows half as much. At least 100 ms, ends no later than now when it grows. */
export function zoom(range: Range, factor: number, at: number, now: number): Range {
  const width = Math.max(100, Math.min((range.to - range.from) * factor, 20 * 365 * 86_400_000));
  const share = (at - range.from) / (range.to - range.from);
  let from = Math.round(at - share * width);
  let to = Math.round(from + width);
  if (factor > 1 && to > now && range.to <= now) {
    from -= to - now;
    to = now;
  }
  return { from, to: Math.max(to, from + 100) };
}

/** A range in words: `last 1h`, or its two ends. */
export function isRelative(from: string, to: string): boolean {
  return from.startsWith("now") || to.startsWith("now");
}

/** The step that words mean; null when it is none of the ladder. */
export function stepOf(text: string): number | null {
  return LADDER.find((step) => stepText(step) === text) ?? null;
}

/** The step in words: `30s`. */
export function stepText(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  for (const [unit, size] of [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000]] as const) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms / 1000}s`;
}

/**
 * What a page without a range shows: the shortest of the ranges on offer that holds all data, when the data fill enough of it
 * to be seen; all data when they lie further back; an hour when there are none or when they reach too far back and still come.
 */
export function openingRange(data: Range | null, now: number): { from: string; to: string } {
  if (!data) return { from: "now-1h", to: "now" };
  const preset = PRESETS.find((length) => resolve(`now-${length}`, now, "UTC")! <= data.from);
  const shown = preset ? now - resolve(`now-${preset}`, now, "UTC")! : 0;
  if (preset && data.to <= now + 60_000 && data.to - data.from >= shown / 4) return { from: `now-${preset}`, to: "now" };
  if (!preset && Math.abs(now - data.to) < 120_000) return { from: "now-1h", to: "now" };
  return { from: new Date(data.from).toISOString(), to: new Date(data.to).toISOString() };
}
