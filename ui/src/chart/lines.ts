/** What panels are made of, in pixels: bars, lines on whole buckets, what was not measured, what is not over. */
import type { BarsLook, BarsPlace } from "./bars.ts";
import { fill, fillHatched, hatchOf, packed, type Path, type Pixels, stroke } from "./pixels.ts";
import { edges, type Stack, total } from "./stack.ts";

/**
 * Draws stacked bars as `drawBars` does on a canvas. Of several buckets in one column of pixels the highest is drawn, and of what is
 * hatched the most of any: a failure is never hidden.
 */
export function fillBars(on: Pixels, bars: Stack, place: BarsPlace, look: BarsLook): void {
  const { width, height, ratio } = on;
  const x = edges(place.start, place.step, bars.count, place.from, place.to, width);
  const scale = height / look.top;
  const [columns, sums] = [bars.series + 1, bars.sums];
  const plain = look.colors.map(packed);
  const hatches = look.colors.map((color, k) => (look.hatched[k] ? hatchOf(color, look.line, ratio) : null));
  // What ends before the range would share its first column.
  for (let bucket = Math.max(0, Math.floor((place.from - place.start) / place.step)), next = bucket; bucket < bars.count; bucket = next) {
    const left = x[bucket]!;
    let shown = bucket;
    for (next = bucket + 1; next < bars.count && x[next] === left; next += 1) if (total(bars, next) > total(bars, shown)) shown = next;
    let wide = x[next]! - left;
    if (wide <= 0) continue;
    if (wide > 3 * ratio) wide -= Math.round(ratio);
    for (let k = 0; k < bars.series; k += 1) {
      const lines = hatches[k]!;
      const low = sums[shown * columns + k]!;
      let high = sums[shown * columns + k + 1]!;
      if (lines) for (let at = bucket; at < next; at += 1) high = Math.max(high, low + sums[at * columns + k + 1]! - sums[at * columns + k]!);
      if (high <= low) continue;
      const bottom = height - Math.round(low * scale);
      const tall = Math.max(bottom - (height - Math.round(high * scale)), lines ? Math.ceil(2 * ratio) : 1);
      // At the top of the axis what is thin lies over what is below it, rather than outside of the picture.
      const top = Math.max(bottom - tall, 0);
      if (lines) fillHatched(on, left, top, wide, tall, lines);
      else fill(on, left, top, wide, tall, plain[k]!);
    }
  }
}

/** What a line looks like. */
export interface LineLook {
  color: string;
  /** CSS pixels. */
  thick: number;
  dashed?: boolean;
  /** A wider line below it, which keeps it legible on fills. */
  halo?: string;
}

/** How much of a bucket that is not over is veiled, of 256. */
const VEIL = 140;

const DASH = [4, 3] as const;

/** The way of a line through the middles of its buckets, and the values that stand alone. */
function trace(on: Pixels, values: readonly (number | null)[], place: BarsPlace, top: number): { path: Path; alone: Path } {
  const x = edges(place.start, place.step, values.length, place.from, place.to, on.width);
  const empty = (): Path => ({ x: new Float64Array(values.length), y: new Float64Array(values.length), count: 0 });
  const [path, alone] = [empty(), empty()];
  path.count = values.length;
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? null;
    path.x[at] = value === null ? NaN : (x[at]! + x[at + 1]!) / 2;
    path.y[at] = value === null ? NaN : Math.max(on.height - value * (on.height / top), on.ratio);
    if (value === null || (values[at - 1] ?? null) !== null || (values[at + 1] ?? null) !== null) continue;
    alone.x[alone.count] = path.x[at]!;
    alone.y[alone.count] = path.y[at]!;
    alone.count += 1;
  }
  return { path, alone };
}

/** Draws one line: what was not measured is a break, a value without neighbours a dot. */
export function drawLine(on: Pixels, values: readonly (number | null)[], place: BarsPlace, top: number, look: LineLook): void {
  if ((place.step / (place.to - place.from)) * on.width < 1) return drawBand(on, values, place, top, look);
  const { path, alone } = trace(on, values, place, top);
  for (const { color, thick, dashed } of passes(look)) {
    stroke(on, path, thick * on.ratio, color, dashed ? [DASH[0] * on.ratio, DASH[1] * on.ratio] : null);
    const size = Math.max(2, Math.round((thick + 1.5) * on.ratio));
    for (let at = 0; at < alone.count; at += 1) fill(on, Math.round(alone.x[at]! - size / 2), Math.round(alone.y[at]! - size / 2), size, size, color);
  }
}

/** What a line is drawn in, from below: its halo, and itself. */
function passes(look: LineLook): { color: number; thick: number; dashed: boolean }[] {
  const line = { color: packed(look.color), thick: look.thick, dashed: look.dashed ?? false };
  return look.halo ? [{ color: packed(look.halo), thick: look.thick + 2.5, dashed: false }, line] : [line];
}

/** Draws a line of more buckets than pixels: in each column from its lowest to its highest value, up to what stands beside it. */
function drawBand(on: Pixels, values: readonly (number | null)[], place: BarsPlace, top: number, look: LineLook): void {
  const { width, height, ratio } = on;
  const upper = new Float64Array(width).fill(Infinity);
  const lower = new Float64Array(width).fill(-Infinity);
  const scale = width / (place.to - place.from);
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? null;
    const x = Math.floor((place.start + (at + 0.5) * place.step - place.from) * scale);
    if (value === null || x < 0 || x >= width) continue;
    const y = Math.max(height - value * (height / top), ratio);
    if (y < upper[x]!) upper[x] = y;
    if (y > lower[x]!) lower[x] = y;
  }
  for (const { color, thick, dashed } of passes(look)) {
    const wide = Math.max(1, Math.round(thick * ratio));
    for (let x = 0; x < width; x += 1) {
      if (lower[x]! < 0 || (dashed && x % ((DASH[0] + DASH[1]) * ratio) >= DASH[0] * ratio)) continue;
      // Up to where the column before it ends, if there is one: a line has no holes.
      const joins = x > 0 && lower[x - 1]! >= 0;
      const above = joins ? Math.min(upper[x]!, lower[x - 1]!) : upper[x]!;
      const below = joins ? Math.max(lower[x]!, upper[x - 1]!) : lower[x]!;
      const first = Math.round(above - wide / 2);
      fill(on, x - ((wide - 1) >> 1), first, wide, Math.max(wide, Math.round(below + wide / 2) - first), color);
    }
  }
}

/** Hatches buckets in which nothing was measured: they are not zero. */
export function drawGaps(on: Pixels, gaps: Uint8Array, place: BarsPlace, color: string, ground: string): void {
  const x = edges(place.start, place.step, gaps.length, place.from, place.to, on.width);
  const hatch = hatchOf(ground, color, on.ratio);
  for (let at = 0; at < gaps.length; at += 1) {
    if (gaps[at] === 0) continue;
    let end = at;
    while (end < gaps.length && gaps[end] === 1) end += 1;
    fillHatched(on, x[at]!, 0, x[end]! - x[at]!, on.height, hatch);
    at = end;
  }
}

/** Veils the last bucket, which is not over: it will still grow. */
export function drawPartial(on: Pixels, count: number, place: BarsPlace, ground: string, line: string): void {
  const x = edges(place.start, place.step, count, place.from, place.to, on.width);
  const [left, right] = [x[count - 1] ?? 0, x[count] ?? 0];
  fillHatched(on, left, 0, right - left, on.height, hatchOf(ground, line, on.ratio), VEIL);
}
