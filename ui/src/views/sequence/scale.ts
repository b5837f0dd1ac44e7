/** A sequence diagram down its time: events in order, the space between them by one of four scales. */
import type { Arrow } from "../calls/actors.ts";
import { endOf } from "../calls/rows.ts";

export type Scale = "sequential" | "linear" | "logarithmic" | "squared";
export const SCALES = ["sequential", "linear", "logarithmic", "squared"] as const;

/** A request, or the answer to it. */
export interface Event {
  arrow: Arrow;
  /** Place of the arrow. */
  at: number;
  answer: boolean;
  /** Nanoseconds since the base. */
  time: number;
}
export interface Timed {
  events: Event[];
  /** Pixels from the top, by event. */
  y: Float64Array;
  /** Of each arrow: its request and its answer (-1 for none), as places in the events. */
  request: Int32Array;
  response: Int32Array;
  height: number;
}

/** The least and the most that lies between two events, in pixels: labels stay legible, a pause stays on the page. */
const LEAST = 22;
const MOST = 180;
const HEAD = 26;

/** Orders requests and answers by time; of the same instant a request comes first, unless it follows from the answer. */
export function timed(arrows: readonly Arrow[], scale: Scale): Timed {
  const events: Event[] = [];
  arrows.forEach((arrow, at) => {
    events.push({ arrow, at, answer: false, time: arrow.call.start });
    if (arrow.call.answer !== null || arrow.call.end !== null) events.push({ arrow, at, answer: true, time: endOf(arrow.call) });
  });
  events.sort((a, b) => a.time - b.time || a.at - b.at || Number(a.answer) - Number(b.answer));
  const y = new Float64Array(events.length);
  const gap = gapper(events, scale);
  const request = new Int32Array(arrows.length).fill(-1);
  const response = new Int32Array(arrows.length).fill(-1);
  events.forEach((event, place) => {
    y[place] = place === 0 ? HEAD : y[place - 1]! + gap(event.time - events[place - 1]!.time);
    (event.answer ? response : request)[event.at] = place;
  });
  return { events, y, request, response, height: (y[y.length - 1] ?? 0) + HEAD };
}

function gapper(events: readonly Event[], scale: Scale): (ns: number) => number {
  if (scale === "sequential" || events.length < 2) return () => LEAST;
  const gaps: number[] = [];
  for (let at = 1; at < events.length; at += 1) gaps.push(Math.max(0, events[at]!.time - events[at - 1]!.time));
  gaps.sort((a, b) => a - b);
  // The scale is set by the long gaps but not by the longest alone: one pause must not flatten all the rest.
  const long = Math.max(2, gaps[Math.floor(gaps.length * 0.95)]!);
  const brief = Math.max(1, Math.min(long / 2, gaps[Math.floor(gaps.length * 0.05)]!));
  const share: Record<Exclude<Scale, "sequential">, (ns: number) => number> = {
    linear: (ns) => ns / long,
    logarithmic: (ns) => Math.max(0, Math.log(Math.max(1, ns) / brief) / Math.log(long / brief)),
    squared: (ns) => (ns / long) ** 2,
  };
  const of = share[scale];
  return (ns) => LEAST + Math.min((MOST - LEAST) * 0.6 * of(Math.max(0, ns)), MOST - LEAST);
}

/** The first event at or below a height, by halving. */
export function eventAt(y: Float64Array, height: number): number {
  let low = 0;
  let high = y.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (y[middle]! < height) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where an instant stands between the events around it, in pixels from the top; null before the first and behind the last. */
export function heightAt(time: Timed, at: number): number | null {
  const { events, y } = time;
  const next = events.findIndex((event) => event.time > at);
  if (next <= 0) return null;
  const [before, after] = [events[next - 1]!, events[next]!];
  return y[next - 1]! + ((at - before.time) / (after.time - before.time)) * (y[next]! - y[next - 1]!);
}
