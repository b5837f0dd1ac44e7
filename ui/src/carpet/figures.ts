/** Values of panels as people read them, and their axes. */
import { durationTicks, numberTicks } from "../chart/ticks.ts";
import { bytes, count, duration, percent } from "../lib/format.ts";
import { NOTHING } from "../lib/format.ts";
import type { Unit } from "./spec.ts";

/** The unit of an answer (`ns`, `By`, `1`, `1e-9`, each perhaps per second) as a unit of panels, and what its values are multiplied by. */
export function unitOf(written: string, wished?: Unit): { unit: Unit; scale: number } {
  const base = written.replace(/\/s$/, "");
  const perSecond = written.endsWith("/s");
  // Seconds per second: how many of something are busy.
  if (base === "ns") return perSecond ? { unit: wished ?? "load", scale: 1e-9 } : { unit: wished ?? "time", scale: 1 };
  if (base === "By") return wished === "bits/s" ? { unit: "bits/s", scale: 8 } : { unit: wished ?? (perSecond ? "bytes/s" : "bytes"), scale: 1 };
  return { unit: wished ?? (perSecond ? "rate" : "count"), scale: base === "1e-9" ? 1e-9 : 1 };
}

/** Estimates of fewer different ones than this are right but for a few. */
const SURE = 100;

/** A value in words. */
export function text(unit: Unit, value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  switch (unit) {
    case "time": return duration(Math.round(value));
    case "share": return value > 1 ? `${count(value * 100)} %` : percent(value);
    case "about": return `${value >= SURE ? "≈ " : ""}${count(value)}`;
    case "bytes": return bytes(Math.round(value));
    case "bytes/s": return `${bytes(Math.round(value))}/s`;
    case "bits/s": return `${count(value)}bit/s`;
    case "rate": return `${count(value)}/s`;
    case "load": return `${count(value)} s/s`;
    default: return count(value);
  }
}

/** The marks of an axis that holds `max`. */
export function ticks(unit: Unit, max: number, wanted = 2): number[] {
  if (!(max > 0)) return [0, unit === "time" ? 1e6 : 1];
  if (unit === "time") return durationTicks(max, wanted);
  if (unit === "bytes" || unit === "bytes/s") {
    const power = 1024 ** Math.floor(Math.log2(max) / 10);
    return numberTicks(max / power, wanted).map((tick) => tick * power);
  }
  return numberTicks(max, wanted);
}

/** How much more or less than before: `+4.2 %`; null where that says nothing. */
export function change(now: number | null, before: number | null): string | null {
  if (now === null || before === null || before === 0) return null;
  const by = (now - before) / before;
  if (by === 0) return "±0 %";
  const size = Math.abs(by);
  return `${by > 0 ? "+" : "−"}${size >= 10 ? `${count(size * 100)} %` : percent(size)}`;
}
