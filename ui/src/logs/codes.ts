/** The log codes grid: what is asked, which rows are shown in which order, and what a click opens. Pure. */
import type { Schema } from "../api/client.ts";
import { clock, exact, parseInstant } from "../lib/format.ts";
import type { Range } from "../lib/time.ts";
import type { State } from "../lib/url.ts";
import type { Column, Line } from "../views/parts/table.ts";
import { gravity, isGrave } from "./levels.ts";

export type CodeRow = Schema<"CodeRow">;
export type Codes = Schema<"CodesAnswer">;

/** Which rows are shown. */
export type Pick = "" | "grave" | "new" | "gone" | "burst";
export const PICKS: readonly { pick: Pick; label: string; doc: string }[] = [
  { pick: "", label: "all", doc: "Every code, and every template of lines without a code" },
  { pick: "grave", label: "errors", doc: "Levels error and fatal" },
  { pick: "new", label: "new", doc: "No such line was kept in the week before the range" },
  { pick: "burst", label: "bursts", doc: "One bar has at least ten lines, and five times as many as usual" },
  { pick: "gone", label: "gone", doc: "Lines of the compared range that came no more" },
];

/** Whether a row is one of those picked. */
export function picked(row: CodeRow, pick: Pick): boolean {
  if (pick === "") return true;
  return pick === "grave" ? isGrave(row.level ?? null) : row.states.includes(pick);
}

/** What rows are ordered by; `level` is the server's own order: the gravest first, then the most. */
export type Sort = "level" | "code" | "service" | "lines" | "change" | "first" | "last";

/** The name of a row: its code, or the template of lines without one. */
export function nameOf(row: CodeRow): string {
  return row.code ?? (row.template === "" ? "(empty)" : (row.template ?? ""));
}

/** Lines less those of the compared range. */
export function changeOf(row: CodeRow): number {
  return row.lines - row.before;
}

const instantOf = (text: string | null | undefined) => (text ? parseInstant(text) : -1);
const ORDERS: Record<Sort, (a: CodeRow, b: CodeRow) => number> = {
  level: (a, b) => gravity(a.level ?? null) - gravity(b.level ?? null) || Math.max(b.lines, b.before) - Math.max(a.lines, a.before),
  code: (a, b) => nameOf(a).localeCompare(nameOf(b)),
  service: (a, b) => (a.service ?? "").localeCompare(b.service ?? ""),
  lines: (a, b) => b.lines - a.lines,
  change: (a, b) => Math.abs(changeOf(b)) - Math.abs(changeOf(a)),
  first: (a, b) => instantOf(b.first) - instantOf(a.first),
  last: (a, b) => instantOf(b.last) - instantOf(a.last),
};

/** Rows as they are shown; a minus in front of the order turns it round. */
export function shownRows(rows: readonly CodeRow[], pick: Pick, sort: string): CodeRow[] {
  const back = sort.startsWith("-");
  const order = ORDERS[(back ? sort.slice(1) : sort) as Sort] ?? ORDERS.level;
  const kept = rows.filter((row) => picked(row, pick)).sort(order);
  return back ? kept.reverse() : kept;
}

/** How another range is compared with, for the API; what was there before is always wanted. */
export function compareOf(cmp: State["cmp"]): Schema<"Compare"> {
  return cmp === "1d" ? "yesterday" : cmp === "7d" ? "week" : "previous";
}

/** A zone as the server knows it. */
export function zoneOf(zone: string): string {
  if (zone === "UTC") return "";
  return zone === "browser" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
}

/** The bucket under a place of the spark (0 to 1 of its width); null outside of the range. */
export function bucketOf(answer: Codes, share: number, range: Range): (Range & { at: number }) | null {
  const at = Math.min(Math.max(Math.floor(share * answer.count), 0), answer.count - 1);
  const step = answer.step_ns / 1e6;
  const from = Math.max(parseInstant(answer.start) + at * step, range.from);
  const to = Math.min(parseInstant(answer.start) + (at + 1) * step, range.to);
  return from < to ? { from, to, at } : null;
}

/**
 * What a click on a row lists: its kept lines; of one that is gone those of the compared range. `within` is one bar of it, and how
 * many lines that has. Where not every line was kept, the number of a bar is not that of the list, and the list says so.
 */
export function opened(row: CodeRow, answer: Codes, zone: string, within: (Range & { lines: number }) | null = null): Partial<State> {
  const gone = row.records === 0;
  const whole = gone ? [answer.compared_from, answer.compared_to] : [answer.from, answer.to];
  const range = within ?? { from: Math.floor(parseInstant(whole[0]!)), to: Math.ceil(parseInstant(whole[1]!)) };
  const what = `${nameOf(row)}${row.service ? ` of ${row.service}` : ""}`;
  const span = within ? `, ${clock(range.from, zone)} – ${clock(range.to, zone)}` : gone ? ", in the compared range" : "";
  const counted = within ? within.lines : row.before;
  const why = within || gone ? `${exact(counted)} × ${what}${span}` : `${exact(row.records)} kept of ${exact(row.lines)} × ${what}`;
  const says = within || gone ? counted : row.records;
  const loose = within ? row.lines !== row.records : gone;
  return { mode: "grid", x: "", drill: { q: row.drill.filter, from: range.from, to: range.to, count: row.drill.mode, why, says, loose } };
}

/** A term of a filter. */
const TERM = /-?[\w.]+:(?:"(?:[^"\\]|\\.)*"|\((?:"(?:[^"\\]|\\.)*"|[^()"])*\)|[^\s()]+)|\S+/g;

/** A filter on lines as one on the counts of all lines (`log.events`); null where those do not know one of its fields. */
export function eventsFilter(q: string): string | null {
  const terms = (q.match(TERM) ?? []).map((term) => {
    const match = /^(-?)(agent|service|level|code):(.*)$/.exec(term);
    return match ? `${match[1]}${match[2] === "agent" ? "agent" : `label.${match[2]}`}:${match[3]}` : null;
  });
  return terms.includes(null) ? null : terms.join(" ");
}

/** What the counts of all lines are by, and how a row is found among them. */
export const EVENT_LABELS = ["level", "code", "template", "service"];
export const eventKey = (labels: readonly unknown[]) => JSON.stringify(labels.map((label) => label ?? ""));
const keyOf = (row: CodeRow) => eventKey([row.level, row.code, row.code === null || row.code === undefined ? row.template : "", row.service]);

/**
 * How many lines a row has. Those that were kept say about how many there were: each stands for some, and those for which there was no
 * room are missing. All were counted, too, by whole ten seconds (`sums`); where that says more than the kept ones do, it is right.
 */
export function linesOfRow(row: CodeRow, sums: ReadonlyMap<string, number>): { lines: number; about: boolean; says: string } {
  const sum = sums.get(keyOf(row));
  const kept = `${exact(row.records)} of them kept`;
  if (sum !== undefined && sum > row.lines) return { lines: sum, about: false, says: `${exact(sum)} lines were counted, ${kept}` };
  const about = row.records > 0 && row.records < row.lines;
  const counted = sum === undefined ? "" : `; ${exact(sum)} were counted in the whole ten seconds of the range`;
  return { lines: row.lines, about, says: about ? `About ${exact(row.lines)} lines: each of ${exact(row.records)} kept ones stands for some${counted}` : `${exact(row.lines)} lines, ${kept}` };
}

/** The columns of an export; instants and links are texts. */
export const EXPORTED: readonly Column[] = [
  { key: "level", label: "level", kind: "text" }, { key: "code", label: "code", kind: "text" }, { key: "template", label: "template", kind: "text" },
  { key: "service", label: "service", kind: "text" }, { key: "lines", label: "lines", kind: "count" }, { key: "kept", label: "kept", kind: "count" },
  { key: "before", label: "before", kind: "count" }, { key: "first", label: "first", kind: "text" }, { key: "last", label: "last", kind: "text" },
  { key: "states", label: "states", kind: "text" }, { key: "newest", label: "newest line", kind: "text" }, { key: "link", label: "link", kind: "text" },
];

/** Rows as an export has them; `link` gives the address of a row's kept lines. */
export function exportedRows(rows: readonly CodeRow[], link: (row: CodeRow) => string): Line[] {
  return rows.map((row, at) => ({
    id: String(at),
    cells: {
      level: row.level, code: row.code, template: row.template, service: row.service, lines: row.lines, kept: row.records, before: row.before,
      first: row.first, last: row.last, states: row.states.join(" "), newest: row.sample?.message, link: link(row),
    },
  }));
}
