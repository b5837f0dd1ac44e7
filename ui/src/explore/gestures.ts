/** What a pointer does on the timeline: draws, moves and resizes a brush, pans, or clicks. Pure but for the events. */
import type { Range } from "../lib/time.ts";

/** What a gesture is about. */
export type Grip = "draw" | "move" | "from" | "to" | "pan";

/** How far a pointer moves before a click becomes a drag, in pixels. */
export const CLICK_PX = 4;
/** How near to an edge of the brush a pointer takes hold of it, in pixels. */
const EDGE_PX = 6;

/** What a pointer at `x` takes hold of, given the brush in pixels. */
export function gripAt(x: number, brush: { from: number; to: number } | null, pan: boolean): Grip {
  if (pan) return "pan";
  if (!brush) return "draw";
  if (Math.abs(x - brush.from) <= EDGE_PX) return "from";
  if (Math.abs(x - brush.to) <= EDGE_PX) return "to";
  return x > brush.from && x < brush.to ? "move" : "draw";
}

/** The brush after a drag from `at` to `now` (instants), snapped outwards to whole buckets. */
export function dragged(grip: Grip, brush: Range | null, at: number, now: number, step: number): Range {
  if (grip === "draw" || !brush) return snapped({ from: Math.min(at, now), to: Math.max(at, now) }, step);
  if (grip === "move") {
    const by = Math.round((now - at) / step) * step;
    return { from: brush.from + by, to: brush.to + by };
  }
  const from = grip === "from" ? brush.from + (now - at) : brush.from;
  const to = grip === "to" ? brush.to + (now - at) : brush.to;
  return snapped({ from: Math.min(from, to), to: Math.max(from, to) }, step);
}

/** Whole buckets: at least one. */
export function snapped(range: Range, step: number): Range {
  const from = Math.floor(range.from / step) * step;
  return { from, to: Math.max(Math.ceil(range.to / step) * step, from + step) };
}
