/** Which rows a question is about, from what the page shows. */
import type { Schema } from "../api/client.ts";
import { instant, parseInstant } from "./format.ts";
import { both, page } from "./page.svelte.ts";
import { store } from "./store.svelte.ts";
import type { Range } from "./time.ts";

type Scope = Schema<"Scope">;

/** What takes at least `fast_ns` is medium, at least `slow_ns` slow. */
export type Classes = Required<Pick<Scope, "fast_ns" | "slow_ns">>;
/** Those of the server's own answers, in milliseconds. */
export const CLASSES_MS = { fast: 500, slow: 1000 };

/** The classes of this page: of its address, so that a bar and what it lists are judged alike. */
export function classes(): Classes {
  const { fast, slow } = page.state.cls ?? CLASSES_MS;
  return { fast_ns: fast * 1e6, slow_ns: slow * 1e6 };
}

function scope(filter: string, range: Range, mode: Schema<"Mode">): Scope {
  return {
    table: page.table, filter, from: instant(range.from), to: instant(range.to), mode, twins: false, ...classes(),
  };
}

/** The filter with the lens. */
export function filter(): string {
  const { q, lens, view } = page.state;
  return lens === "err" && view === "http" ? both(q, "class:error") : q;
}

/** Rows of the whole range: what the timeline draws. */
export function charted(): Scope {
  return scope(filter(), page.range, page.state.count);
}

/** Rows that lists, map, facets and stats are about: the clicked bar, else the brush, else the range. */
export function listed(): Scope {
  const { drill, count } = page.state;
  return drill ? scope(both(filter(), drill.q), drill, drill.count) : scope(filter(), page.listed, count);
}

/** From so many rows on a question that counts them all is preceded by a first look. */
const MANY = 4_000_000;
/** So many rows are counted within a moment. */
const LOOK = 250_000;

/**
 * The end of the range of a scope, with so many rows that they are counted within a moment; null when all of them are. What the
 * filter leaves over matters little: each row is looked at. Rows are taken to be spread evenly.
 */
export function firstLook(whole: Scope, most = LOOK): Scope | null {
  const extent = store.extent(page.table);
  if (!extent || !whole.from || !whole.to) return null;
  const [from, to] = [Math.max(parseInstant(whole.from), extent.from), Math.min(parseInstant(whole.to), extent.to)];
  const rows = store.rows(page.table) * ((to - from) / (extent.to - extent.from));
  return rows > MANY ? { ...whole, from: instant(to - ((to - from) * most) / rows) } : null;
}
