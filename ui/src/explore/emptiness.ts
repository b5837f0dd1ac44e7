/** Why there is nothing to show: of several reasons the one that is nearest to what happened, so that a next step can be told. */
import type { Range } from "../lib/time.ts";
import type { View } from "../lib/url.ts";

export type Reason =
  /** Who asks may not see it. */
  | "right"
  /** Nothing at all is stored. */
  | "nothing"
  /** Others are stored, these were not kept. */
  | "unstored"
  /** Traffic was captured then, of other protocols. */
  | "protocol"
  /** It was there, and retention has deleted it. */
  | "expired"
  /** It was captured at other times. */
  | "outside"
  | "filter"
  | "selection"
  | "range";

export interface Facts {
  view: View;
  /** The answer was that the asker has no right. */
  refused: boolean;
  /** Rows of each view that are stored. */
  rows: Record<View, number>;
  /** From the first to the last row of each view; null without any. */
  extents: Record<View, Range | null>;
  /** What is shown, and what of it is selected. */
  range: Range;
  selected: boolean;
  filtered: boolean;
  /** TCP sessions of the range; null while nobody has asked. */
  sessions: number | null;
  /** Packets that were captured in the range, as the quality of the capture tells; null while nobody has asked. */
  captured: number | null;
}

function touches(extent: Range | null, range: Range): boolean {
  return extent !== null && extent.from < range.to && extent.to > range.from;
}

/** Judges it. */
export function reasonOf(facts: Facts): Reason {
  const { view, rows, extents, range, sessions, captured } = facts;
  if (facts.refused) return "right";
  const others = (Object.keys(rows) as View[]).filter((other) => other !== view);
  if (rows[view] === 0) {
    if (others.every((other) => rows[other] === 0)) return "nothing";
    return view === "http" ? "protocol" : "unstored";
  }
  const own = extents[view];
  if (!touches(own, range)) {
    // What ended before the first row that is left: others of that time, or the count of its packets, tell that there was more.
    const gone = own !== null && range.to <= own.from && (others.some((other) => touches(extents[other], range)) || (captured ?? 0) > 0);
    return gone ? "expired" : "outside";
  }
  if (facts.filtered) return "filter";
  if (facts.selected) return "selection";
  return view === "http" && (sessions ?? 0) > 0 ? "protocol" : "range";
}
