/** What a click on a bar does: the same wherever there is a bar (design section 7, the drill contract). */
import type { Schema } from "../api/client.ts";
import { clock, exact } from "../lib/format.ts";
import { page } from "../lib/page.svelte.ts";
import { viewOf } from "../lib/url.ts";

/** A colour of a bar. */
export interface Bar {
  /** What it stands for, in words. */
  name: string;
  /** What its tooltip says. */
  value: number;
  drill: Schema<"Drill">;
  /** Milliseconds since 1970, half-open. */
  from: number;
  to: number;
}

/** Click lists the rows, Ctrl opens them in a new tab, Alt leaves them out. */
export function clicked(bar: Bar, event: MouseEvent | KeyboardEvent): void {
  if (event.altKey) return page.include(bar.drill.filter, "exclude");
  const view = viewOf(bar.drill.view);
  const drill = { q: bar.drill.filter, from: bar.from, to: bar.to, count: bar.drill.mode, why: words(bar), says: bar.value, loose: !bar.drill.exact };
  const change = { view, drill, mode: page.state.mode === "difference" ? ("grid" as const) : page.state.mode };
  if (event.ctrlKey || event.metaKey) window.open(page.link(change), "_blank", "noopener");
  else page.go(change, "push");
}

/** `537 × error, 21:40:15 – 21:40:30`, and why the list may differ. */
function words(bar: Bar): string {
  const base = `${exact(bar.value)} × ${bar.name}, ${clock(bar.from, page.zone)} – ${clock(bar.to, page.zone)}`;
  return bar.drill.exact ? base : `${base}; ${bar.drill.reason ?? "not exact"}`;
}
