/** What stands in the place of a list of captured rows that has none: lines of logs (design section 7, the drill contract). Pure. */
import type { State } from "./url.ts";

/** The lines of logs that stand in the place of what was clicked; null where there are none. */
export function inLogs(drill: State["drill"]): Partial<State> | null {
  if (!drill?.kept) return null;
  const { kept, ...rest } = drill;
  // Lines begin when they are written.
  return { view: "logs", mode: "grid", cols: [], sort: "", x: "", tab: "", drill: { ...rest, q: kept.q, why: kept.why, count: "start" } };
}
