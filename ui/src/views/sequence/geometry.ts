/** Where the parts of a sequence diagram are, and what lies under the pointer. */
import type { Arrow } from "../calls/actors.ts";
import { endOf } from "../calls/rows.ts";
import { eventAt, type Timed } from "./scale.ts";

/** Left of the actors: clock and delay. */
export const GUTTER = 168;
export const HEADER = 32;
const COLUMN_MIN = 128;
const SLOT = 5;
const SLOTS = 7;

export interface Columns {
  wide: number;
  width: number;
  x: (actor: number) => number;
}
export function columnsOf(actors: number, width: number): Columns {
  const wide = Math.max(COLUMN_MIN, (width - GUTTER - 12) / Math.max(1, actors));
  return { wide, width: Math.max(width, GUTTER + wide * actors), x: (actor) => GUTTER + wide * (actor + 0.5) };
}

/** Calls that an actor works on at once stand side by side on its line: the place of each. */
export function slots(arrows: readonly Arrow[]): Uint8Array {
  const out = new Uint8Array(arrows.length);
  const busy = new Map<number, number[]>();
  arrows.forEach((arrow, at) => {
    const ends = busy.get(arrow.to) ?? [];
    busy.set(arrow.to, ends);
    let slot = ends.findIndex((end) => end <= arrow.call.start);
    if (slot < 0) slot = ends.length;
    ends[slot] = endOf(arrow.call);
    out[at] = Math.min(slot, SLOTS);
  });
  return out;
}

export function barLeft(x: number, slot: number): number {
  return x - 4 + slot * SLOT;
}

/** Arrows of which something lies between two heights. */
export function within(arrows: readonly Arrow[], time: Timed, top: number, bottom: number): number[] {
  const out: number[] = [];
  for (let at = 0; at < arrows.length; at += 1) {
    const from = time.y[time.request[at]!]!;
    const end = time.response[at]!;
    const to = end < 0 ? from : time.y[end]!;
    if (to >= top && from <= bottom) out.push(at);
  }
  return out;
}

/** What is under the pointer: an arrow, else the delay that ends with an event. */
export function under(arrows: readonly Arrow[], time: Timed, columns: Columns, slot: Uint8Array, x: number, y: number): { arrow: number; delay: number } {
  const near = eventAt(time.y, y - 11);
  for (let at = near; at < time.y.length && time.y[at]! <= y + 5; at += 1) {
    const { from, to } = time.events[at]!.arrow;
    const [a, b] = [columns.x(from), columns.x(to)];
    const [left, right] = from === to ? [a, a + columns.wide * 0.45] : [Math.min(a, b), Math.max(a, b)];
    if (x >= left && x <= right) return { arrow: time.events[at]!.at, delay: -1 };
  }
  for (const at of within(arrows, time, y, y)) {
    const left = barLeft(columns.x(arrows[at]!.to), slot[at]!);
    if (x >= left - 2 && x <= left + 10) return { arrow: at, delay: -1 };
  }
  const next = eventAt(time.y, y);
  return { arrow: -1, delay: next > 0 && next < time.y.length ? next : -1 };
}
