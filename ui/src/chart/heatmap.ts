/** A heatmap of time by duration: one hue, lightness by the logarithm of the count, a mark where calls failed. */
import type { Surface } from "./surface.ts";

/** Factors inside of a decade, from coarse to fine; the finest that gives few enough bands is taken. */
const LADDERS = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7], [1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2]];

/** Edges of bands over which values (at least `min`, at most `max`) are spread: round numbers, at most `most` bands. */
export function bands(min: number, max: number, most: number): number[] {
  if (!(max > 0)) return [0, 1];
  const low = Math.max(1, Math.floor(min));
  let best: number[] = [low, Math.ceil(max) + 1];
  for (const factors of LADDERS) {
    const edges: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(max)) + 1; power += 1) {
      for (const factor of factors) edges.push(Math.max(1, Math.round(factor * 10 ** power)));
    }
    const first = edges.findLastIndex((edge) => edge <= low);
    const last = edges.findIndex((edge) => edge > max);
    const cut = [...new Set(edges.slice(first, last + 1))];
    const room = min < 1 ? most - 1 : most;
    if (cut.length >= 2 && cut.length - 1 <= room) best = cut;
  }
  // What takes no time at all has a band of its own below.
  return min < 1 ? [0, ...best] : best;
}

/** Counts by band (from the shortest up) and bucket. */
export interface Heat {
  bands: number;
  buckets: number;
  /** `counts[band * buckets + bucket]`. */
  counts: Float64Array;
  errors: Float64Array;
  max: number;
}

export function heat(counts: readonly (readonly number[])[], errors: readonly (readonly number[])[], buckets: number): Heat {
  const out: Heat = {
    bands: counts.length, buckets, counts: new Float64Array(counts.length * buckets), errors: new Float64Array(counts.length * buckets), max: 0,
  };
  counts.forEach((row, band) => {
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const value = row[bucket] ?? 0;
      out.counts[band * buckets + bucket] = value;
      out.errors[band * buckets + bucket] = errors[band]?.[bucket] ?? 0;
      if (value > out.max) out.max = value;
    }
  });
  return out;
}

/** How strong a count is painted: nothing is nothing, a single call can be seen. */
export function strength(value: number, max: number): number {
  return value <= 0 ? 0 : 0.14 + 0.86 * (max <= 1 ? 1 : Math.log(value) / Math.log(max));
}

export interface HeatLook {
  /** `[r, g, b]` of the hue. */
  hue: readonly [number, number, number];
  error: string;
  /** Share of the width at which bucket 0 begins, and width of a bucket: ends may lie outside. */
  left: number;
  wide: number;
}

let tile: HTMLCanvasElement | null = null;

/** Draws: a pixel for each cell, blown up without smoothing. */
export function drawHeat(on: Surface, of: Heat, look: HeatLook): void {
  const { context, width, height, ratio } = on;
  if (of.buckets === 0 || of.bands === 0) return;
  tile ??= document.createElement("canvas");
  tile.width = of.buckets;
  tile.height = of.bands;
  const pen = tile.getContext("2d")!;
  const image = pen.createImageData(of.buckets, of.bands);
  const [r, g, b] = look.hue;
  for (let band = 0; band < of.bands; band += 1) {
    for (let bucket = 0; bucket < of.buckets; bucket += 1) {
      const at = ((of.bands - 1 - band) * of.buckets + bucket) * 4;
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = Math.round(255 * strength(of.counts[band * of.buckets + bucket]!, of.max));
    }
  }
  pen.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  const left = look.left * width;
  const wide = look.wide * width;
  context.drawImage(tile, left, 0, wide * of.buckets, height);
  const tall = height / of.bands;
  const most = Math.min(12 * ratio, wide, tall);
  context.fillStyle = look.error;
  for (let band = 0; band < of.bands; band += 1) {
    for (let bucket = 0; bucket < of.buckets; bucket += 1) {
      const errors = of.errors[band * of.buckets + bucket]!;
      if (errors <= 0) continue;
      // The area of the mark is the share of the cell that failed; the smallest can still be seen.
      const size = Math.max(2.5 * ratio, most * Math.sqrt(errors / Math.max(errors, of.counts[band * of.buckets + bucket]!)));
      const x = left + (bucket + 1) * wide;
      const y = (of.bands - 1 - band) * tall;
      context.beginPath();
      context.moveTo(x - size, y);
      context.lineTo(x, y);
      context.lineTo(x, y + size);
      context.fill();
    }
  }
}

/** The sum of a box of cells, ends included. */
export function sumOf(of: Heat, box: { band: [number, number]; bucket: [number, number] }): { count: number; errors: number } {
  let [count, errors] = [0, 0];
  for (let band = box.band[0]; band <= box.band[1]; band += 1) {
    for (let bucket = box.bucket[0]; bucket <= box.bucket[1]; bucket += 1) {
      count += of.counts[band * of.buckets + bucket] ?? 0;
      errors += of.errors[band * of.buckets + bucket] ?? 0;
    }
  }
  return { count, errors };
}

/** `#rrggbb` or `#rgb` as numbers. */
export function rgb(color: string): [number, number, number] {
  // Built styles write #ffffff as #fff.
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(color);
  const match = short ?? /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color);
  return match ? [1, 2, 3].map((at) => Number.parseInt(match[at]!.repeat(short ? 2 : 1), 16)) as [number, number, number] : [31, 111, 235];
}
