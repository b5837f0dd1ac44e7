/** Which rows a question is about, from what the page shows. */
import type { Schema } from "../api/client.ts";
import { instant } from "./format.ts";
import { both, page } from "./page.svelte.ts";
import type { Range } from "./time.ts";

type Scope = Schema<"Scope">;

function scope(filter: string, range: Range, mode: Schema<"Mode">): Scope {
  return {
    table: page.table, filter, from: instant(range.from), to: instant(range.to), mode, twins: false,
    fast_ns: 500_000_000, slow_ns: 1_000_000_000,
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
