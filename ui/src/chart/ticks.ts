/** Where an axis has its marks, and what stands beside them. */
import { clock, day, fields } from "../lib/format.ts";
import { addDays, fromWall, type Range } from "../lib/time.ts";

/** A mark of a time axis: milliseconds and text; `major` begins a day. */
export interface TimeTick {
  at: number;
  text: string;
  major: boolean;
}

const STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
  3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000,
];
const DAY = 86_400_000;

/** Marks for a range over so many pixels, at least `room` pixels apart, on round times of the zone's clocks. */
export function timeTicks(range: Range, pixels: number, zone: string, room = 80): TimeTick[] {
  const width = range.to - range.from;
  if (width <= 0 || pixels <= 0) return [];
  const least = (width * room) / pixels;
  const step = STEPS.find((candidate) => candidate >= least);
  return step === undefined ? dayTicks(range, Math.ceil(least / DAY), zone) : clockTicks(range, step, zone);
}

function clockTicks(range: Range, step: number, zone: string): TimeTick[] {
  const out: TimeTick[] = [];
  let shown = "";
  const midnight = startOfDay(range.from, zone);
  let at = midnight + Math.floor((range.from - midnight) / step) * step;
  for (; at < range.to; at += step) {
    if (at < range.from) continue;
    const date = day(at, zone);
    const first = out.length === 0 || date !== shown;
    shown = date;
    const decimals = step >= 60_000 ? -1 : step >= 1000 ? 0 : 3;
    const time = clock(at, zone, decimals);
    const midday = at === startOfDay(at, zone);
    out.push({ at, text: midday ? dayText(at, zone) : first && out.length === 0 ? time : time, major: midday });
  }
  return out;
}

function dayTicks(range: Range, days: number, zone: string): TimeTick[] {
  const out: TimeTick[] = [];
  // Days are counted from a fixed one, so that marks stay where they are while the range moves.
  let at = startOfDay(range.from, zone);
  const number = Math.floor(at / DAY);
  at = addDays(at, -(((number % days) + days) % days), zone);
  for (; at < range.to; at = addDays(at, days, zone)) {
    if (at >= range.from) out.push({ at, text: dayText(at, zone), major: fields(at, zone).day === 1 });
  }
  return out;
}

function startOfDay(ms: number, zone: string): number {
  const at = fields(ms, zone);
  return fromWall(Date.UTC(at.year, at.month - 1, at.day), zone);
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `21 Nov`, with the year on the first of January. */
export function dayText(ms: number, zone: string): string {
  const at = fields(ms, zone);
  const text = `${at.day} ${MONTHS[at.month - 1]}`;
  return at.day === 1 && at.month === 1 ? `${text} ${at.year}` : text;
}

/** Round numbers from 0 to at least `max`, about `wanted` of them; the last is the top of the axis. */
export function numberTicks(max: number, wanted = 3): number[] {
  if (!(max > 0)) return [0, 1];
  const raw = max / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw * 0.999)!;
  const out: number[] = [];
  for (let at = 0; at < max + step * 0.999; at += step) out.push(Number(at.toPrecision(12)));
  return out;
}

/** Round durations in nanoseconds from 0 to at least `max`, in the unit that people would choose. */
export function durationTicks(max: number, wanted = 3): number[] {
  const unit = max < 1e3 ? 1 : max < 1e6 ? 1e3 : max < 1e9 ? 1e6 : max < 6e10 ? 1e9 : max < 3.6e12 ? 6e10 : 3.6e12;
  return numberTicks(max / unit, wanted).map((tick) => tick * unit);
}
