/** Marks of the waterfall's axis: times of day, or far in, offsets from the first call. */
import { timeTicks } from "../../chart/ticks.ts";
import { duration } from "../../lib/format.ts";

export interface Mark {
  /** Nanoseconds since the base. */
  at: number;
  text: string;
}

/** Below this span the clock says nothing any more. */
export const SPAN_MIN = 40e6;

export function marks(from: number, to: number, pixels: number, base: number, zone: string, zero: number): Mark[] {
  const span = to - from;
  if (span <= 0 || pixels <= 0) return [];
  if (span >= SPAN_MIN) {
    return timeTicks({ from: base + from / 1e6, to: base + to / 1e6 }, pixels, zone, 110).map((tick) => ({ at: (tick.at - base) * 1e6, text: tick.text }));
  }
  const raw = (span * 90) / pixels;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw * 0.999)!);
  const out: Mark[] = [];
  for (let at = zero + Math.ceil((from - zero) / step) * step; at < to; at += step) {
    const by = Math.round(at - zero);
    out.push({ at, text: by === 0 ? "0" : `${by > 0 ? "+" : ""}${duration(by)}` });
  }
  return out;
}

/** A span moved and scaled around a share of it; not narrower than 200 ns, not much wider than all there is. */
export function zoomed(from: number, to: number, factor: number, share: number, all: { from: number; to: number }): { from: number; to: number } {
  const wide = Math.min(Math.max((to - from) * factor, 200), Math.max(200, (all.to - all.from) * 1.2));
  const at = from + (to - from) * share;
  return { from: at - wide * share, to: at + wide * (1 - share) };
}
