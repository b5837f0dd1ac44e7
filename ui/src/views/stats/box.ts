/** A box on the heatmap: bands and buckets, ends included. */
import { durationText } from "../../lib/term.ts";

export interface Box {
  band: [number, number];
  bucket: [number, number];
}
type At = { band: number; bucket: number };

export function overBox(a: At, b: At): Box {
  return {
    band: [Math.min(a.band, b.band), Math.max(a.band, b.band)], bucket: [Math.min(a.bucket, b.bucket), Math.max(a.bucket, b.bucket)],
  };
}

/** Durations from `low` up to but not including `high`, in nanoseconds. */
export function boxFilter(low: number, high: number): string {
  return `duration:[${durationText(low)}..${durationText(high)})`;
}
