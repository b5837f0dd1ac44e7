/** What the difference is between, and what its numbers mean in words. */
import type { Schema } from "../api/client.ts";
import { exact, instant } from "../lib/format.ts";
import type { Range } from "../lib/time.ts";
import type { State } from "../lib/url.ts";

/** A selection or a baseline: rows of the page that pass a filter in a range. */
export interface Side {
  filter: string;
  from: string | null;
  to: string | null;
}

/** What is compared. */
export interface Sides {
  selection: Side;
  /** Null: all other rows of the page. */
  baseline: Side | null;
  /** What is selected, and what it is compared with, in words. */
  what: string;
  against: string;
  /** The fields that the selection is made of: that they differ says nothing. */
  own: string[];
}

/** The clicked bar, else the brush, else errors; null when nothing is selected in a table that has no errors. */
export function sides(state: State, range: Range, before: boolean): Sides | null {
  const at = state.drill ?? state.sel;
  const filter = state.drill?.q ?? "";
  if (!at) {
    if (state.view !== "http") return null;
    return {
      selection: { filter: "class:error", from: null, to: null }, baseline: null,
      what: "errors", against: "the other exchanges of the range", own: ["class"],
    };
  }
  const selection = { filter, from: instant(at.from), to: instant(at.to) };
  const what = state.drill ? "rows of the clicked bar" : "rows of the selection";
  const own = filter === "" ? [] : (filter.match(/(?<=^|[\s(-])[\w.-]+(?=:)/g) ?? []);
  if (!before) return { selection, baseline: null, what, against: "all others of the range", own };
  const width = at.to - at.from;
  return {
    // The window before may begin before the page does.
    selection, baseline: { filter, from: instant(at.from - width), to: instant(at.from) },
    what, against: `those of as long a time before${at.from - width < range.from ? ", which begins before the page does" : ""}`, own,
  };
}

/** The filter of a value alone: the server gives it with that of the selection. */
export function valueFilter(drill: string, selection: string): string {
  return selection !== "" && drill.startsWith(`${selection} `) ? drill.slice(selection.length + 1) : drill;
}

/** How much more or less frequent a value is. */
export function liftText(value: Schema<"DivergingValue">): string {
  if (value.selection === 0) return "never here";
  if (value.lift === null || value.lift === undefined) return "only here";
  if (value.lift >= 0.95 && value.lift <= 1.05) return "as often";
  const factor = value.lift >= 1 ? value.lift : 1 / value.lift;
  const text = factor >= 100 ? exact(Math.round(factor)) : factor.toPrecision(2).replace(/\.0$/, "");
  return value.lift >= 1 ? `${text}× as often` : `${text}× rarer`;
}

/** How sure it is. */
export function sureText(value: Schema<"DivergingValue">): string {
  return value.significant ? "more than chance" : "may be chance";
}

/** How much a field tells, in a word. */
export function tells(score: number): string {
  if (score >= 0.5) return "tells almost all";
  if (score >= 0.15) return "tells much";
  return score >= 0.03 ? "tells something" : "tells little";
}

