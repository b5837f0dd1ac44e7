/** Finding in lines, and cutting a row into pieces that are drawn alike. Pure. */
import type { Pause } from "./doc.ts";
import { marks } from "./secrets.ts";
import type { Kind, Token } from "./tokens.ts";

/** Places of what was found, in order. */
export interface Found {
  line: Int32Array;
  from: Int32Array;
  length: number;
  count: number;
  /** Whether there are more than are kept. */
  more: boolean;
}

const FOUND_MAX = 100_000;

/** All places of a text in any case, not overlapping. */
export async function find(lines: readonly string[], text: string, pause: Pause): Promise<Found> {
  const wanted = text.toLowerCase();
  const line: number[] = [];
  const from: number[] = [];
  if (wanted !== "") {
    outer: for (let at = 0; at < lines.length; at += 1) {
      const here = lowered(lines[at]!);
      for (let place = here.indexOf(wanted); place >= 0; place = here.indexOf(wanted, place + wanted.length)) {
        line.push(at);
        from.push(place);
        if (line.length >= FOUND_MAX) break outer;
      }
      if ((at & 1023) === 0) await pause();
    }
  }
  return { line: Int32Array.from(line), from: Int32Array.from(from), length: wanted.length, count: line.length, more: line.length >= FOUND_MAX };
}

/** Lower case of the same length: a few letters grow when they are lowered, which would shift all places behind them. */
function lowered(text: string): string {
  const low = text.toLowerCase();
  return low.length === text.length ? low : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Matches that meet the letters `from` to `to` of a line: from the first to behind the last, by binary search. */
export function matchesIn(found: Found, line: number, from: number, to: number): [number, number] {
  return [lower(found, line, from - found.length + 1), lower(found, line, to)];
}

/** The first match at a place or behind it. */
function lower(found: Found, line: number, place: number): number {
  let [low, high] = [0, found.count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (found.line[middle]! < line || (found.line[middle] === line && found.from[middle]! < place)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A piece of a row: alike in all its letters. */
export interface Run {
  text: string;
  kind: Kind | "";
  /** 0 no, 1 found, 2 the found one that is looked at. */
  found: 0 | 1 | 2;
  /** Digits of a mark of redaction. */
  secret: string | null;
}

/** A place that was found, in letters of the line; `current` is the one that is looked at. */
export interface Hit {
  from: number;
  to: number;
  current: boolean;
}

/** Cuts the letters `from` to `to` of a line where colour, find or secrets change. */
export function runs(line: string, from: number, to: number, colored: readonly Token[], hits: readonly Hit[]): Run[] {
  const secrets = marks(line, from, to);
  const cuts = new Set([from, to]);
  for (const span of [...colored, ...hits, ...secrets]) {
    if (span.from > from && span.from < to) cuts.add(span.from);
    if (span.to > from && span.to < to) cuts.add(span.to);
  }
  const places = [...cuts].sort((a, b) => a - b);
  const out: Run[] = [];
  for (let at = 0; at + 1 < places.length; at += 1) {
    const [start, end] = [places[at]!, places[at + 1]!];
    const inside = (span: { from: number; to: number }) => span.from <= start && span.to >= end;
    const hit = hits.find(inside);
    const secret = secrets.find(inside);
    out.push({
      text: line.slice(start, end), kind: colored.find(inside)?.kind ?? "", found: hit ? (hit.current ? 2 : 1) : 0, secret: secret?.digits ?? null,
    });
  }
  return out;
}
