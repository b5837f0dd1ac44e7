/** What the capture says about itself, bucket by bucket: nothing that was lost may look like nothing that happened. */
import type { Schema } from "../api/client.ts";
import { bytes, exact, parseInstant, percent } from "../lib/format.ts";

/** `none`: nothing was captured then, so an empty bar says nothing. */
export type Severity = "none" | "good" | "fair" | "bad";

/** A bucket of the quality line. */
export interface Quality {
  /** Milliseconds since 1970, half-open. */
  from: number;
  to: number;
  severity: Severity;
  /** What to tell, worst first. */
  words: string[];
}

/** From this share of lost packets or bytes on, figures of that time are not to be trusted. */
const BAD_SHARE = 0.01;

/** Stages of records: on the way to an agent's spool, and in it. */
const RECORDS = ["records", "spool"];

/** Why nobody knows what was captured. */
function why(answer: Schema<"QualityAnswer">, at: number): string {
  const reasons = answer.series.filter((series) => series.loss === "unaccounted" && (series.values[at] ?? 0) > 0).map((series) => series.reason);
  return reasons.every((reason) => reason === "reconfigured") ? "an agent was set up anew" : "an agent died with it";
}

/** Judges an answer. Drops that follow the rules (what is no TCP, a second copy) are told, but are no loss. */
export function judge(answer: Schema<"QualityAnswer">): Quality[] {
  const start = parseInstant(answer.start);
  const step = answer.step_ns / 1e6;
  return Array.from({ length: answer.count }, (_, at) => judged(answer, at, start + at * step, step));
}

function judged(answer: Schema<"QualityAnswer">, at: number, from: number, step: number): Quality {
  const sum = (wanted: (series: Schema<"QualitySeries">) => boolean) =>
    answer.series.reduce((all, series) => (wanted(series) ? all + (series.values[at] ?? 0) : all), 0);
  const packets = sum((series) => series.stage === "packets" && series.count === "in");
  const payload = sum((series) => series.stage === "bytes" && series.count === "in");
  const kernel = sum((series) => series.loss === "kernel");
  const bodies = sum((series) => series.loss === "own" && series.stage === "bodies");
  const records = sum((series) => series.loss === "own" && RECORDS.includes(series.stage));
  const came = sum((series) => series.count === "in" && RECORDS.includes(series.stage));
  const own = sum((series) => series.loss === "own") - bodies - records;
  const missing = sum((series) => series.loss === "missing");
  const unaccounted = sum((series) => series.loss === "unaccounted") / 1e9;
  const lost = Math.max((kernel + own) / Math.max(packets + kernel + own, 1), missing / Math.max(payload + missing, 1), records / Math.max(came, records, 1));
  const severity = unaccounted > 0 || lost >= BAD_SHARE ? "bad" : lost > 0 || bodies > 0 ? "fair" : packets === 0 ? "none" : "good";
  const words: string[] = [];
  if (severity === "none") words.push("Nothing was captured.");
  else words.push(`${exact(packets)} packets captured`);
  if (kernel > 0) words.push(`${exact(kernel)} packets dropped by the kernel`);
  if (own > 0) words.push(`${exact(own)} packets left out by Arachne under load`);
  if (records > 0) words.push(`${exact(records)} records dropped by an agent on their way: no room, damage, or no server takes them`);
  if (bodies > 0) words.push(`${exact(bodies)} bodies left out or shortened by Arachne under load`);
  if (unaccounted > 0) words.push(`What was captured in ${exact(Math.ceil(unaccounted))} s from then on is not known: ${why(answer, at)}`);
  if (missing > 0) words.push(`${bytes(missing)} never captured (${percent(missing / (payload + missing))} of the payload), known from acknowledgements`);
  for (const series of answer.series) {
    const value = series.values[at] ?? 0;
    if (value === 0 || series.loss || series.stage === "bytes") continue;
    if (series.count === "dropped") words.push(`${exact(value)} ${series.stage} left out: ${series.reason?.replaceAll("_", " ")}`);
    if (series.count === "cut") words.push(`${exact(value)} exchanges were open when an agent was set up anew: their two halves stand apart`);
    if (series.count === "anomaly") words.push(`${exact(value)} × ${series.reason?.replaceAll("_", " ")}`);
  }
  return { from, to: from + step, severity, words };
}
