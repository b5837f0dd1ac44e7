/**
 * Stacked bars as numbers: prefix sums per bucket, so that drawing and finding what is under the pointer agree, and cost what
 * the buckets cost, not what was counted.
 */

/** Bars of one kind, from the bottom up. */
export interface Stack {
  /** Number of buckets. */
  count: number;
  /** Number of series. */
  series: number;
  /** `sums[bucket * (series + 1) + k]`: sum of the series below `k`. */
  sums: Float64Array;
  /** The highest bar. */
  max: number;
}

/** Sums up series of `count` numbers each; a missing number is nothing. */
export function stack(values: readonly (readonly (number | null)[])[], count: number): Stack {
  const series = values.length;
  const sums = new Float64Array(count * (series + 1));
  let max = 0;
  for (let bucket = 0; bucket < count; bucket += 1) {
    let sum = 0;
    const base = bucket * (series + 1);
    for (let k = 0; k < series; k += 1) {
      sum += values[k]![bucket] ?? 0;
      sums[base + k + 1] = sum;
    }
    if (sum > max) max = sum;
  }
  return { count, series, sums, max };
}

/** The whole of a bucket. */
export function total(of: Stack, bucket: number): number {
  return of.sums[bucket * (of.series + 1) + of.series] ?? 0;
}

/** The series that holds `height` (in the unit of the values) in a bucket, by binary search; -1 above the bar. */
export function seriesAt(of: Stack, bucket: number, height: number): number {
  const base = bucket * (of.series + 1);
  if (height < 0 || bucket < 0 || bucket >= of.count || height >= of.sums[base + of.series]!) return -1;
  let low = 0;
  let high = of.series;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (of.sums[base + middle]! <= height) low = middle;
    else high = middle;
  }
  return low;
}

/** Pixel edges of the buckets: whole numbers, so that neighbours neither overlap nor gape. `edges[i]` to `edges[i + 1]`. */
export function edges(start: number, step: number, count: number, from: number, to: number, pixels: number): Int32Array {
  const out = new Int32Array(count + 1);
  const scale = pixels / (to - from);
  for (let at = 0; at <= count; at += 1) {
    out[at] = Math.round(Math.min(Math.max((start + at * step - from) * scale, 0), pixels));
  }
  return out;
}
